"""What the HTTP doors of one worker share.

Public: ApiParts, Connections.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.config import Settings
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.last_use import LastUses
from posthouse.desk.probes import Probes
from posthouse.doors.api.streams import Streams
from posthouse.doors.budget import BodyBudget
from posthouse.doors.submission import Reader
from posthouse.doors.throttle import Throttle
from posthouse.model.clock import Clock, Ids
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.rejections import NoteRejected
from posthouse.pipeline.submit import Intake
from posthouse.store.engine import Store


@dataclass(frozen=True, slots=True)
class ApiParts:
    """What calls are made of; handlers use what they need of it."""

    settings: Settings
    store: Store
    clock: Clock
    ids: Ids
    installation: Installation
    identity: IdentityView
    intake: Intake
    reader: Reader
    budget: BodyBudget
    throttle: Throttle
    last_uses: LastUses
    dispatcher: Dispatcher
    note_rejected: NoteRejected
    streams: Streams
    probes: Probes
