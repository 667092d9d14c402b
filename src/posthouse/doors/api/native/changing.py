"""Changes that take more than one transaction: the same change again does no harm, so an Idempotency-Key is
looked up before and its answer kept after them.

Public: once, in_steps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.store import answered

STEP_ROWS = 500  # short: mail is accepted through the same writer


async def once(call: Call, work: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of `work`, or the one that a call with this Idempotency-Key got. Raises Problem (409)."""
    key = await call.once()
    if key is None:
        return await work()
    if (earlier := await call.read(answered.find, key.id, call.now)) is not None:
        return call.again(key, earlier)
    given = await work()
    kept = replace(key, status=given.status, headers=given.headers, body=given.body)
    earlier = await call.write(answered.claim, kept)
    return given if earlier is None else call.again(key, earlier)


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
