"""Letters in memory: one `Loaded` per message, shared by its deliveries, prepared and signed once.

All recipients of a message get the same bytes (nothing is personalised yet), so one signature serves them
all, and a retry that still finds the letter here reuses it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from posthouse.mail.render import Prepared
from posthouse.model.message import Delivery, Message


@dataclass(slots=True)
class Loaded:
    """A letter with what was already made of it. `signing` is the future of the one signature."""

    message: Message
    content: bytes
    prepared: Prepared | None = None
    signing: asyncio.Future[tuple[bytes, bytes]] | None = None


@dataclass(slots=True)
class Job:
    """One delivery in memory with its letter. `letter` None: the content is gone from the store.
    `is_proven`: its site had proven itself when the job came (see MemoryBound)."""

    delivery: Delivery
    letter: Loaded | None
    is_proven: bool = False

    @property
    def size_bytes(self) -> int:
        return len(self.letter.content) if self.letter else 0


class RecentLetters:
    """The last letters that were loaded from the store, bounded by bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held = 0
        self._letters: OrderedDict[str, Loaded] = OrderedDict()

    def get(self, message_id: str) -> Loaded | None:
        letter = self._letters.get(message_id)
        if letter:
            self._letters.move_to_end(message_id)
        return letter

    def put(self, letter: Loaded) -> None:
        if letter.message.id in self._letters:
            return
        self._letters[letter.message.id] = letter
        self._held += len(letter.content)
        while self._held > self._most_bytes and len(self._letters) > 1:
            _, oldest = self._letters.popitem(last=False)
            self._held -= len(oldest.content)
