"""Changes that take more than one transaction: an Idempotency-Key is claimed before them and the answer kept
after them; in between the same call hears that the first one is at work. The same change again does no harm,
so a claim of which nothing came (its worker was killed) ends after a quarter of an hour.

Public: once, in_steps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.kept import AT_WORK, again, within_bounds
from posthouse.store import answered
from posthouse.store.answered import Answered
from posthouse.store.connection import Connection
from posthouse.store.engine import each

_LONGEST_WORK_S = 900.0
STEP_ROWS = 500  # short: mail is accepted through the same writer


async def once(call: Call, work: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of `work`, or the one that a call with this Idempotency-Key got. Raises Problem (409)."""
    key = await call.once()
    if key is None:
        return await work()
    store = call.parts.store  # a claim is no change of the customer's, and not noted as one
    if (earlier := await store.write(each(_begin), (key,))) is not None:
        return again(key, earlier)
    is_done = False
    try:
        given = await work()
        is_done = True
    finally:
        if not is_done:
            await store.write(each(answered.forget), (key.id,))
    kept = within_bounds(given)
    await store.write(each(answered.fill), (key.id, kept.status, kept.headers, kept.body))
    return given


def _begin(conn: Connection, key: Answered) -> Answered | None:
    """Claim the key; else what is known of the call that had it before."""
    earlier = answered.claim(conn, key)
    if earlier is None or earlier.status != AT_WORK or earlier.at > key.at - _LONGEST_WORK_S:
        return earlier
    answered.forget(conn, key.id)
    return answered.claim(conn, key)


async def in_steps(
    call: Call, answer: Callable[[Any], Answer], word: str, verb: Callable[..., int], *args: Any
) -> Answer:
    """Repeat `verb(conn, *args)`, a transaction each, until it changes nothing more; answered with how many
    in all, under `word`."""

    async def work() -> Answer:
        total = 0
        while changed := await call.write(verb, *args, limit=STEP_ROWS):
            total += changed
        return answer({word: total})

    return await once(call, work)
