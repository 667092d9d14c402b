"""The last things that a site said, for people to read: the distinct ones, how often and when.

Replies that differ only in an address or a long number count as one; of a success only its time and number
are kept. Everything is bounded: ten replies of 200 characters.

Public: Replies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from posthouse.model.message import SmtpResult
from posthouse.model.site import shown

MOST = 10
_LONG_NUMBER = 4  # digits of a word above which it is one of many: an id, an address, a time


@dataclass(slots=True)
class _Reply:
    code: int
    enhanced: str
    text: str
    phase: str
    mx: str
    count: int
    first_at: float
    last_at: float


class Replies:
    """Of one site, for one worker; instants are of the clock that the caller uses."""

    def __init__(self) -> None:
        self._taken = 0
        self._taken_at = 0.0
        self._replies: dict[tuple[int, str, str], _Reply] = {}

    def note_taken(self, now: float) -> None:
        """The site took a letter. On the way of every message."""
        self._taken += 1
        self._taken_at = now

    def note(self, result: SmtpResult, now: float) -> None:
        """An attempt ended in something else."""
        text = shown(result.text)
        key = (result.code, result.enhanced, _shape(text))
        reply = self._replies.pop(key, None)
        if reply is None:
            if len(self._replies) >= MOST:
                del self._replies[next(iter(self._replies))]
            reply = _Reply(
                result.code, result.enhanced, text, str(result.phase), result.mx[:255], 0, now, now
            )
        reply.count += 1
        reply.text, reply.last_at = text, now
        self._replies[key] = reply  # the last said stands last

    def seen(self, ahead: float) -> dict[str, Any]:
        """`taken` (count), `taken_at`, `replies`, the newest first; `ahead` makes instants the calendar's."""
        rows = [
            {
                "code": reply.code,
                "enhanced": reply.enhanced,
                "text": reply.text,
                "phase": reply.phase,
                "mx": reply.mx,
                "count": reply.count,
                "first_at": round(reply.first_at + ahead, 3),
                "last_at": round(reply.last_at + ahead, 3),
            }
            for reply in reversed(self._replies.values())
        ]
        taken_at = round(self._taken_at + ahead, 3) if self._taken else 0
        return {"taken": self._taken, "taken_at": taken_at, "replies": rows}


def _shape(text: str) -> str:
    return " ".join("#" if _is_one_of_many(word) else word for word in text.split())


def _is_one_of_many(word: str) -> bool:
    return "@" in word or sum(map(str.isdigit, word)) > _LONG_NUMBER
