"""How the settings become the doors of a worker: the SMTP door and its sessions, where mail goes, where links
live. `app.build_parts` puts them together with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from posthouse.config import Settings, SmtpSettings
from posthouse.desk.hook_keys import find_signing_key
from posthouse.desk.hook_samples import hook_post
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.last_use import LastUses
from posthouse.desk.limits import Allowances
from posthouse.desk.outside_names import link_base, takes_returns
from posthouse.desk.probes import Probes, reach_of
from posthouse.dialects.table import HOOK_FORMS, session_limits
from posthouse.doors.budget import BodyBudget
from posthouse.doors.returns import OpenSession, ReturnsParts, ReturnsSession
from posthouse.doors.session_parts import SessionParts
from posthouse.doors.sessions import SubmissionSession
from posthouse.doors.smtp import Doorkeeper, Entrance
from posthouse.doors.submission import Reader
from posthouse.doors.throttle import Throttle
from posthouse.mail.returned import read_returned
from posthouse.model.clock import Clock, Ids
from posthouse.model.message import Delivery
from posthouse.net.board import Row
from posthouse.net.courier import CourierSettings
from posthouse.net.dns import Route, SiteRules, reaches_ipv6
from posthouse.net.lookup import Lookup
from posthouse.net.probe import Prober
from posthouse.net.roots import trusting_context
from posthouse.net.tls_pair import TlsPair
from posthouse.net.trust import Trust
from posthouse.observe import Counters
from posthouse.pipeline.blocks import Blocks
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.engage import Engagement
from posthouse.pipeline.forwards import Forwards
from posthouse.pipeline.hook_posts import HookPosts, Room
from posthouse.pipeline.hooks import Hooks
from posthouse.pipeline.letters import Job
from posthouse.pipeline.notices import Notices
from posthouse.pipeline.rejections import NoteRejected
from posthouse.pipeline.report_names import ReportNames
from posthouse.pipeline.return_paths import ReturnPaths
from posthouse.pipeline.returns import Returns
from posthouse.pipeline.submit import Intake
from posthouse.rules.bounce_verdict import judged
from posthouse.smtp.events import Limits
from posthouse.smtp.server import ServerEngine
from posthouse.store.engine import Store

_HOOK_LETTERS_BYTES = 64 * 1024 * 1024


def courier_settings(settings: Settings, identity: IdentityView) -> CourierSettings:
    """How mail leaves. Raises SettingsError for a bad `delivery.tls_ca`."""
    return CourierSettings(
        hello_name=settings.smtp.hostname,
        hello_of=identity.hello_of,
        verify_context=trusting_context(settings.delivery.tls_ca),
    )


def tracking_base(settings: Settings, identity: IdentityView, domain: str) -> str:
    """Where the links of a sending domain's mail live: as the domain, then the installation says."""
    return link_base(settings, domain, identity.settings_of(domain))


def return_paths(settings: Settings, identity: IdentityView) -> ReturnPaths:
    """The return host of a domain is its own once DNS says so, else that of the installation."""
    central = settings.returns.domain if takes_returns(settings) else ""

    def host_of(domain: str) -> str:
        return identity.return_host(domain) or central

    def nowhere(domain: str) -> str:
        return ""

    known = host_of if takes_returns(settings) else nowhere
    return ReturnPaths(identity.return_key, known, identity.settings_of)


def shared_hosts(settings: Settings) -> frozenset[str]:
    """Names of the installation itself: those of its own links, pages and greeting."""
    names = (settings.smtp.hostname, urlsplit(settings.tracking.url).hostname)
    return frozenset(name.lower() for name in names if name)


def site_rules(settings: Settings) -> SiteRules:
    """What the settings say about where mail goes."""
    delivery = settings.delivery
    return SiteRules(
        port=delivery.port,
        routes=tuple(
            Route(route.domain, route.host, route.port or delivery.port) for route in delivery.route
        ),
        own_names=frozenset({settings.smtp.hostname}),
        allow_private=delivery.private_networks == "allow",
        wants_ipv6=reaches_ipv6(),
    )


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


def open_entrance(settings: Settings, parts: SessionParts, returns: Returns) -> Entrance:
    """The port that takes returned mail beside customers'."""
    central = settings.returns.domain
    arriving = ReturnsParts(
        returns=returns,
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


def build_returns(
    settings: Settings,
    store: Store,
    identity: IdentityView,
    clock: Clock,
    ids: Ids,
    notices: Notices,
    counters: Counters,
    wake: Callable[[], None],
    key_of: Callable[[bytes], bytes | None],
) -> Returns:
    """`key_of`: the key of a link by its tag, as the tracking door has it."""
    return Returns(
        store=store,
        clock=clock,
        ids=ids,
        read=lambda raw: judged(read_returned(raw)),
        names=ReportNames(store, identity.return_key, key_of),
        notices=notices,
        forwards=Forwards(ids=ids, hostname=settings.smtp.hostname),
        engagement=Engagement(store=store, clock=clock, ids=ids),
        counters=counters,
        wake=wake,
    )


def unqualified_names(settings: Settings) -> Callable[[str], bool]:
    """A name without a dot reaches nobody in public DNS, but a static route may know it."""
    routes = site_rules(settings).routes
    return lambda domain: settings.delivery.capture or any(route.covers(domain) for route in routes)


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
    )


class _Nobody:
    """In place of a dispatcher: what is accepted waits in the store for the workers."""

    def admits(self, deliveries: Sequence[Delivery]) -> bool:
        return False

    def begin(self, jobs: Sequence[Job]) -> None:
        raise AssertionError("nothing is begun here")

    def wake(self) -> None:
        """Workers look by themselves."""


@dataclass(frozen=True, slots=True)
class LoneWays:
    """What a command needs that sends a letter (`doors.api.resending.Ways`)."""

    store: Store
    identity: IdentityView
    reader: Reader
    intake: Intake
    blocks: Blocks


def build_ways(settings: Settings, installation: Installation, store: Store, clock: Clock) -> LoneWays:
    """Accepts letters without a worker, under the same rules and limits; close the blocks after."""
    ids = Ids(clock)
    identity = IdentityView(installation, settings.region, shared_hosts(settings), clock)
    blocks = Blocks(store, clock)
    intake = Intake(
        store=store,
        clock=clock,
        ids=ids,
        hand_over=_Nobody(),
        worker_id="",
        expire_s=settings.delivery.expire_s,
        counters=Counters(),
        blocks=blocks,
        allowance_of=Allowances(identity, settings.policy.over_limit).of,
        notices=Notices(ids=ids, hostname=settings.smtp.hostname, mode=settings.delivery.bounce_mail),
    )
    return LoneWays(store, identity, build_reader(settings, identity, clock, ids), intake, blocks)


def session_parts(
    settings: Settings,
    store: Store,
    identity: IdentityView,
    intake: Intake,
    clock: Clock,
    ids: Ids,
    connections: Row,
    last_uses: LastUses,
    throttle: Throttle,
    note_rejected: NoteRejected,
) -> SessionParts:
    smtp = settings.smtp
    allow_unqualified = unqualified_names(settings)
    return SessionParts(
        identity=identity,
        store=store,
        intake=intake,
        reader=build_reader(settings, identity, clock, ids),
        budget=BodyBudget(smtp.memory_bytes),
        throttle=throttle,
        last_uses=last_uses,
        allow_unqualified=allow_unqualified,
        limits=session_limits(settings.limits.connection_messages, settings.limits.address_connections),
        connections=connections,
        queue_id_in_reply=smtp.queue_id_in_reply,
        note_rejected=note_rejected,
    )


def build_hooks(
    settings: Settings,
    store: Store,
    clock: Clock,
    ids: Ids,
    installation: Installation,
    worker_id: str,
    counters: Counters,
) -> Hooks:
    """Who tells receivers of posts what happened."""
    posts = HookPosts(
        store=store,
        clock=clock,
        ids=ids,
        post=hook_post(settings),
        key_of=lambda conn, *names: find_signing_key(conn, installation, *names),
        worker_id=worker_id,
        counters=counters,
        room=Room(_HOOK_LETTERS_BYTES),
        api_url=settings.http.url,
    )
    return Hooks(
        store=store,
        clock=clock,
        forms=HOOK_FORMS,
        posts=posts,
        worker_id=worker_id,
        keep_s=settings.keep.hook_days * 86400,
    )


def try_again(dispatcher: Dispatcher, trust: Trust | None, site_name: str) -> None:
    """An operator says: try again now, at this site or ("") everywhere."""
    if trust is not None:
        trust.forget()
    dispatcher.forget_troubles(site_name)


def _is_loopback(address: str) -> bool:
    """The issue of sign-in in clear does not arise on the machine itself."""
    return address in ("local", "::1") or address.startswith(("127.", "::ffff:127."))


def build_probes(settings: Settings, lookup: Lookup, clock: Clock, ids: Ids, counts: Row) -> Probes:
    """The SMTP tester of a worker."""
    prober = Prober(reach_of(settings), lookup, clock, settings.smtp.hostname, settings.delivery.tls_ca)
    return Probes(prober, settings, clock, ids, counts)
