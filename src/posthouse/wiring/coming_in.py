"""Mail on its way into a worker: reading letters, limits, acceptance, and what the SMTP sessions share.

Public: ComingIn, build_coming_in, build_reader, unqualified_names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from posthouse.config import Settings
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.limits import Allowances
from posthouse.dialects.table import session_limits
from posthouse.doors.budget import BodyBudget
from posthouse.doors.session_parts import SessionParts
from posthouse.doors.submission import Reader
from posthouse.model.clock import Clock, Ids
from posthouse.pipeline.blocks import Blocks
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.rejections import NoteRejected, Rejections
from posthouse.pipeline.site_rules import site_rules
from posthouse.pipeline.submit import Intake
from posthouse.wiring.ground import Ground


@dataclass(frozen=True, slots=True)
class ComingIn:
    """What takes mail, by SMTP and by HTTP."""

    blocks: Blocks
    intake: Intake
    rejections: Rejections
    sessions: SessionParts


def build_coming_in(ground: Ground, dispatcher: Dispatcher) -> ComingIn:
    """What is accepted goes to `dispatcher` if that has room."""
    settings, store, clock = ground.settings, ground.store, ground.clock
    blocks = Blocks(store, clock)
    rejections = Rejections(store, clock, ground.ids)
    intake = Intake(
        store=store,
        clock=clock,
        ids=ground.ids,
        hand_over=dispatcher,
        worker_id=ground.worker_id,
        expire_s=settings.delivery.expire_s,
        counters=ground.counters,
        blocks=blocks,
        allowance_of=Allowances(ground.identity, settings.policy.over_limit).of,
        notices=ground.notices,
    )
    return ComingIn(blocks, intake, rejections, _session_parts(ground, intake, rejections.note))


def _session_parts(ground: Ground, intake: Intake, note_rejected: NoteRejected) -> SessionParts:
    settings, limits = ground.settings, ground.settings.limits
    return SessionParts(
        identity=ground.identity,
        store=ground.store,
        intake=intake,
        reader=build_reader(settings, ground.identity, ground.clock, ground.ids),
        budget=BodyBudget(settings.smtp.memory_bytes),
        throttle=ground.throttle,
        last_uses=ground.last_uses,
        allow_unqualified=unqualified_names(settings),
        limits=session_limits(limits.connection_messages, limits.address_connections),
        connections=ground.connections,
        queue_id_in_reply=settings.smtp.queue_id_in_reply,
        note_rejected=note_rejected,
    )


def build_reader(settings: Settings, identity: IdentityView, clock: Clock, ids: Ids) -> Reader:
    """Reads the letters of all doors alike."""
    return Reader(
        clock=clock,
        ids=ids,
        hostname=settings.smtp.hostname,
        hide_client=settings.smtp.hide_client,
        policy_settings=settings.policy,
        find_domain=identity.domain,
        estate=identity,
        tracking_url=settings.tracking.url,
        allow_unqualified=unqualified_names(settings),
        scans=settings.spam.scanner is not None,
    )


def unqualified_names(settings: Settings) -> Callable[[str], bool]:
    """A name without a dot reaches nobody in public DNS, but a static route may know it."""
    routes = site_rules(settings).routes
    return lambda domain: settings.delivery.capture or any(route.covers(domain) for route in routes)
