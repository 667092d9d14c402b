"""Answers that are kept for who makes the same call again (Idempotency-Key): what is kept of one, and what is
given of what is kept.

Public: within_bounds, again, MOST_BYTES, AT_WORK.
"""

from __future__ import annotations

from posthouse.doors.api.answers import Answer, Problem
from posthouse.store.answered import Answered

MOST_BYTES = 64 * 1024
AT_WORK = 0
"""The status of a call that was begun and is not answered yet."""
_TOO_LARGE = 1
_FIELD = "Idempotency-Key"
_RETRY_S = 5.0


def within_bounds(given: Answer) -> Answer:
    """What is kept of an answer: all of it, or where it is large only that it was given."""
    return given if len(given.body) <= MOST_BYTES else Answer(_TOO_LARGE)


def again(asked: Answered, found: Answered) -> Answer:
    """The answer of the first call. Raises Problem (409) if that was another one, is still at work, or had an
    answer too large to be kept: nothing is done twice then either."""
    if found.fingerprint != asked.fingerprint:
        raise Problem(409, "key-used", "This Idempotency-Key was used for another call", field=_FIELD)
    if found.status == AT_WORK:
        text = "The first call with this Idempotency-Key is still at work; ask again in a moment"
        raise Problem(409, "at-work", text, field=_FIELD, retry_s=_RETRY_S)
    if found.status == _TOO_LARGE:
        text = "This call was done before, and its answer was too large to be kept: look at what it made"
        raise Problem(409, "answer-not-kept", text, field=_FIELD)
    return Answer(found.status, found.body, found.headers)
