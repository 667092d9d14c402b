"""The SMTP doors of a worker: for customers, and for mail that comes back.

Public: build_keeper, open_entrance.
"""

from __future__ import annotations

from functools import partial

from posthouse.config import Settings, SmtpSettings
from posthouse.doors.returns import OpenSession, ReturnsParts, ReturnsSession
from posthouse.doors.session_parts import SessionParts
from posthouse.doors.sessions import SubmissionSession
from posthouse.doors.smtp import Doorkeeper, Entrance
from posthouse.mail.returned import read_returned
from posthouse.net.tls_pair import TlsPair
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.engage import Engagement
from posthouse.pipeline.forwards import Forwards
from posthouse.pipeline.report_names import ReportNames
from posthouse.pipeline.returns import Returns
from posthouse.rules.bounce_verdict import judged
from posthouse.smtp.events import Limits
from posthouse.smtp.server import ServerEngine
from posthouse.wiring.ground import Ground


def build_keeper(settings: Settings, parts: SessionParts, certificate: TlsPair) -> Doorkeeper:
    smtp = settings.smtp
    return Doorkeeper(
        make_engine=partial(_engine, smtp),
        make_session=lambda engine, address: SubmissionSession(parts, engine, address),
        tls=certificate.context,
        budget=parts.budget,
        idle_s=smtp.idle_s,
        most=smtp.connections,
        most_per_address=smtp.connections_per_address,
    )


def open_entrance(ground: Ground, parts: SessionParts, dispatcher: Dispatcher) -> Entrance:
    """The port that takes returned mail beside customers'."""
    settings = ground.settings
    central = settings.returns.domain
    arriving = ReturnsParts(
        returns=_returns(ground, dispatcher),
        store=parts.store,
        key=parts.identity.return_key,
        is_return_host=lambda host: parts.identity.is_return_host(host) or (bool(host) and host == central),
        hostname=settings.smtp.hostname,
        budget=parts.budget,
        connections=parts.connections,
    )

    def make_session(engine: ServerEngine, address: str) -> OpenSession:
        return OpenSession(
            engine, SubmissionSession(parts, engine, address), ReturnsSession(arriving, address)
        )

    return Entrance(partial(_engine, settings.smtp, requires_auth=False), make_session)


def _returns(ground: Ground, dispatcher: Dispatcher) -> Returns:
    identity, store, clock, ids = ground.identity, ground.store, ground.clock, ground.ids

    def key_of(tag: bytes) -> bytes | None:
        return identity.link_key(found.name) if (found := identity.domain_by_tag(tag)) else None

    return Returns(
        store=store,
        clock=clock,
        ids=ids,
        read=lambda raw: judged(read_returned(raw)),
        names=ReportNames(store, identity.return_key, key_of),
        notices=ground.notices,
        forwards=Forwards(ids=ids, hostname=ground.settings.smtp.hostname),
        engagement=Engagement(store=store, clock=clock, ids=ids),
        counters=ground.counters,
        wake=dispatcher.wake,
    )


def _engine(smtp: SmtpSettings, is_tls: bool, address: str, *, requires_auth: bool = True) -> ServerEngine:
    return ServerEngine(
        smtp.hostname,
        Limits(message_bytes=smtp.message_bytes, recipients=smtp.recipients),
        offers_tls=not is_tls,
        is_tls=is_tls,
        auth="after-tls" if smtp.require_tls_for_auth and not _is_loopback(address) else "always",
        requires_auth=requires_auth,
        bare_line_ends="reject" if smtp.bare_line_ends == "reject" else "normalize",
    )


def _is_loopback(address: str) -> bool:
    """The issue of sign-in in clear does not arise on the machine itself."""
    return address in ("local", "::1") or address.startswith(("127.", "::ffff:127."))
