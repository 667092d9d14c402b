"""Entries of the log of posts, for people.

Public: load_attempt, attempt_row, answer_of.
"""

from __future__ import annotations

from typing import Any

from posthouse.model.errors import Refused
from posthouse.model.hook import Hook
from posthouse.rules.hooks import in_plain_words
from posthouse.store import hook_log
from posthouse.store.engine import Connection
from posthouse.store.hook_log import HookAttempt


def load_attempt(conn: Connection, hook: Hook, attempt_id: str) -> HookAttempt:
    """One post to this hook. Raises Refused."""
    found = hook_log.find_attempt(conn, hook.account_id, attempt_id)
    if found is None or found.hook_id != hook.id:
        raise Refused(550, "5.1.2", f"There is no post {attempt_id[:40]} here", reason="no-attempt")
    return found


def attempt_row(entry: HookAttempt, *, is_whole: bool = False) -> dict[str, Any]:
    """Plain JSON values; `is_whole` with the request as far as it was kept."""
    row: dict[str, Any] = {
        "id": entry.id,
        "hook": entry.hook_id,
        "at": entry.at,
        "attempt": entry.attempt,
        "status": entry.status,
        "took_ms": entry.took_ms,
        "taken": entry.is_taken,
        "events": list(entry.event_ids),
        "answer": answer_of(entry),
    }
    if is_whole:
        row["request"] = hook_log.unpack(entry.request).decode("utf-8", "replace")
    return row


def answer_of(entry: HookAttempt) -> str:
    """What the receiver answered, or why it did not; entries of older versions too."""
    return entry.answer if entry.status else in_plain_words(entry.answer)
