"""A fair queue: accounts take turns, and the lanes of one account take turns within its turn.

Used inside one receiving site's ready queue, where a large mailing of one customer must not stand before
the single letters of the others (R7, F56). Every operation is O(1), however many lanes there are.

Public: FairQueue.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

Item = TypeVar("Item")

# OrderedDict, not dict: taking the first entry of a plain dict that lost many of its first entries scans
# over all the holes they left.
_Lanes = OrderedDict[str, deque[Item]]


class FairQueue(Generic[Item]):
    """First in, first out inside a lane; who is served goes to the end of the turn.

    A lane belongs to one account: its name contains the account (`model.lane`).
    """

    __slots__ = ("_accounts", "_length", "_owners")

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, _Lanes[Item]] = OrderedDict()
        self._owners: dict[str, str] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, account: str, lane: str, item: Item) -> None:
        """Put an item at the end of its lane; a new lane or account starts at the end of the turn."""
        lanes = self._accounts.get(account)
        if lanes is None:
            lanes = self._accounts[account] = OrderedDict()
        waiting = lanes.get(lane)
        if waiting is None:
            waiting = lanes[lane] = deque()
            self._owners[lane] = account
        waiting.append(item)
        self._length += 1

    def pop(self) -> Item:
        """Take the next item. Raises IndexError when there is none."""
        if not self._length:
            raise IndexError("the queue is empty")
        account, lanes = next(iter(self._accounts.items()))
        lane, waiting = next(iter(lanes.items()))
        item = waiting.popleft()
        self._length -= 1
        if waiting:
            lanes.move_to_end(lane)
        else:
            self._forget(account, lane)
        if lanes:
            self._accounts.move_to_end(account)
        return item

    def remove_lane(self, lane: str) -> list[Item]:
        """Take out everything of one lane, oldest first; an unknown lane gives an empty list."""
        account = self._owners.get(lane)
        if account is None:
            return []
        items = list(self._accounts[account][lane])
        self._length -= len(items)
        self._forget(account, lane)
        return items

    def _forget(self, account: str, lane: str) -> None:
        lanes = self._accounts[account]
        del lanes[lane], self._owners[lane]
        if not lanes:
            del self._accounts[account]
