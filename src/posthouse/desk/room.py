"""Room in limits that mail waited for and does not need any more: it was given up before it went.

Public: give_room_back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from posthouse.rules.limits import counted_in
from posthouse.store import quotas
from posthouse.store.connection import Connection


def give_room_back(conn: Connection, given_up: Sequence[quotas.GivenUp]) -> None:
    """Others may have that room; in the transaction that gives the mail up (`store.quotas.Room`)."""
    rooms: dict[str, Counter[tuple[str, int]]] = {}
    for item in given_up:
        counts = rooms.setdefault(item.account_id, Counter())
        for scope, span in counted_in(item.text, item.account_id, item.domain):
            counts[scope, span.window(item.due_at)] += 1
    for account_id in sorted(rooms):
        quotas.in_turn(conn, account_id)
        for (scope, window), count in rooms[account_id].items():
            quotas.give_back(conn, scope, window, count)
