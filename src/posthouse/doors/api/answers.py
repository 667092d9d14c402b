"""What an HTTP call is answered with, and the ways to say no.

An `Answer` is plain data, so that it can be kept and given again. A `Problem` says what is wrong in our own
words and with our own reason; each service phrases it (`Service.phrase`).

Public: Answer, json_answer, text_answer, NOTHING, Problem, Said, problem_of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from posthouse.model.errors import CommitInDoubt, PosthouseError, TryLater

JSON = "application/json; charset=utf-8"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` without Content-Length."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


NOTHING = Answer(204)


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, _encode(value), {"Content-Type": JSON, **(headers or {})})


def text_answer(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})


class Problem(Exception):
    """A call that cannot be done. `text`: one sentence for the customer; `reason`: a word of ours; `field`:
    what of the call is wrong, "" for none; `retry_s`: when to try again, 0 for not at all; `allowed`: the
    methods that the address takes, for 405."""

    def __init__(
        self,
        status: int,
        reason: str,
        text: str,
        *,
        field: str = "",
        retry_s: float = 0.0,
        allowed: Sequence[str] = (),
    ) -> None:
        super().__init__(f"{status} {reason}: {text}")
        self.status = status
        self.reason = reason
        self.text = text
        self.field = field
        self.retry_s = retry_s
        self.allowed = allowed


class Said(Exception):
    """A call that is answered just so, in the words of its service."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


_STATUSES = {
    "exists": 409,
    "hook-key-exists": 409,
    "no-permission": 403,
    "beyond-key": 403,
    "account-suspended": 403,
    "from-domain": 403,
    "not-verified": 403,
    "sandbox": 403,
    "foreign-ip": 403,
    "not-own": 403,
    "too-large": 413,
}
"""HTTP statuses by our reasons; see also `problem_of`."""
_NOT_ABSENT = ("no-from", "no-to", "no-permission")
_LIMITS = frozenset({"rate-limit", "too-many-recipients", "many-tries", "too-many-calls"})


def problem_of(error: PosthouseError | CommitInDoubt) -> Problem:
    """What the rest of the house raises, as a `Problem`: 404 for reasons `no-…`, 409 for `exists`, 429 and
    503 for what may be tried again, 400 for what else is refused."""
    if isinstance(error, CommitInDoubt):
        text = "It is not certain whether this was done; look before you try again"
        return Problem(500, "in-doubt", text)
    reason = error.reason
    if isinstance(error, TryLater):
        is_limit = reason in _LIMITS
        retry_s = error.retry_s or (60.0 if is_limit else 10.0)
        return Problem(429 if is_limit else 503, reason, error.text, retry_s=retry_s)
    status = _STATUSES.get(reason, 400)
    if reason.startswith("no-") and reason not in _NOT_ABSENT:
        status = 404
    return Problem(status, reason, error.text)
