"""A batch's new status, followed by what is in the queue of it (`desk.batches`).

Public: change_batch.
"""

from __future__ import annotations

from collections.abc import Callable

from posthouse.desk import batches
from posthouse.doors.api.call import Call


async def change_batch(call: Call, mark: Callable[..., None], batch_id: str, status: str) -> int:
    """The mark first, committed; then step by step what is there, so that no transaction is long. How many
    deliveries. Raises what `mark` raises."""
    pair = call.account_id, batch_id
    await call.write(mark, pair, status, call.now)
    total, place = 0, ""
    while True:
        changed, place = await call.write(batches.VERBS[status], pair, place, call.now, call.parts.ids)
        total += changed
        if not place:
            return total
