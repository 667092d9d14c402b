"""What the SMTP sessions of one worker share.

Public: SessionParts, Connections, Answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from posthouse.desk.identity_view import IdentityView
from posthouse.desk.last_use import LastUses
from posthouse.dialects.dialect import SessionLimits
from posthouse.doors.budget import BodyBudget
from posthouse.doors.submission import Reader
from posthouse.doors.throttle import Throttle
from posthouse.pipeline.rejections import NoteRejected, nobody_notes
from posthouse.pipeline.submit import Intake
from posthouse.smtp.replies import Reply
from posthouse.store.engine import Store

Answer = Callable[[Reply | None], None]
"""Called once with the reply to an event that was answered with None; with None to close in doubt."""


class Connections(Protocol):
    """Counts by name, over all workers of this machine (`net.board.Row`)."""

    def enter(self, text: str) -> int: ...

    def leave(self, text: str) -> None: ...


@dataclass(slots=True)
class SessionParts:
    """What the sessions of one worker share. `limits` by dialect (`dialects.table.session_limits`)."""

    identity: IdentityView
    store: Store
    intake: Intake
    reader: Reader
    budget: BodyBudget
    throttle: Throttle
    last_uses: LastUses
    allow_unqualified: Callable[[str], bool]
    queue_id_in_reply: bool
    limits: Mapping[str, SessionLimits]
    connections: Connections
    note_rejected: NoteRejected = nobody_notes
