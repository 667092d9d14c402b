"""Builds the parts of one worker. `build_parts` is the only place where they meet; every function elsewhere
receives just what it uses, never `Parts` itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from posthouse.config import Settings
from posthouse.desk.host_certificates import HostCertificates
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.last_use import LastUses
from posthouse.desk.passwords import Passwords
from posthouse.doors.api.parts import ApiParts
from posthouse.doors.smtp import Doorkeeper, Entrance
from posthouse.doors.status_view import WorkerStatus
from posthouse.doors.track import Tracking
from posthouse.doors.web.parts import WebParts, web_parts
from posthouse.model.clock import Clock
from posthouse.net.board import Row
from posthouse.net.courier import Courier
from posthouse.net.dns import Resolver
from posthouse.net.host_tls import ALPN, HostTls
from posthouse.net.httpout import HttpOut
from posthouse.net.tls_pair import TlsPair
from posthouse.net.trust import Trust
from posthouse.pipeline.archive import Archive
from posthouse.pipeline.blocks import Blocks
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.fetch import Fetcher
from posthouse.pipeline.hooks import Hooks
from posthouse.pipeline.lease import Lease
from posthouse.pipeline.nudges import NudgeWatch
from posthouse.pipeline.signing import Signer
from posthouse.pipeline.sitewatch import SiteWatch
from posthouse.pipeline.upkeep import Upkeep
from posthouse.pipeline.visits import Visits
from posthouse.pipeline.warmup import Ledger
from posthouse.store.engine import Store
from posthouse.wiring.coming_in import build_coming_in
from posthouse.wiring.follow_up import build_hooks, build_upkeep
from posthouse.wiring.going_out import build_going_out, try_again
from posthouse.wiring.ground import build_ground, shared_hosts
from posthouse.wiring.http_doors import build_api, build_tracking
from posthouse.wiring.smtp_doors import build_keeper, open_entrance


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker owns."""

    clock: Clock
    store: Store
    identity: IdentityView
    lease: Lease
    signer: Signer
    courier: Courier
    resolver: Resolver
    trust: Trust | None
    dispatcher: Dispatcher
    fetcher: Fetcher
    blocks: Blocks
    upkeep: Upkeep
    warmup: Ledger
    archive: Archive
    hooks: Hooks
    http_out: HttpOut
    tracking: Tracking
    passwords: Passwords
    web: WebParts
    api: ApiParts
    nudges: NudgeWatch
    last_uses: LastUses
    site_watch: SiteWatch
    certificate: TlsPair
    host_tls: HostTls
    host_certificates: HostCertificates
    keeper: Doorkeeper
    open: Entrance
    status: WorkerStatus


def build_parts(
    settings: Settings,
    store: Store,
    signer: Signer,
    worker_id: str,
    declared_dead: Callable[[], None],
    connections: Row,
    clock: Clock,
) -> Parts:
    """Everything for one worker, inside its running loop. Raises SettingsError."""
    ground = build_ground(settings, store, worker_id, declared_dead, connections, clock)
    out = build_going_out(ground, signer)
    coming = build_coming_in(ground, out.dispatcher)
    dispatcher, sessions = out.dispatcher, coming.sessions
    ids, counters, installation, identity = ground.ids, ground.counters, ground.installation, ground.identity
    http_out = HttpOut(allows_private=settings.delivery.post_private_networks == "allow")
    passwords = Passwords()
    certificate = TlsPair(settings.smtp.tls_cert, settings.smtp.tls_key)
    host_tls = HostTls(settings.smtp.tls_cert, settings.smtp.tls_key, ALPN)
    host_certificates = HostCertificates(
        store, clock, installation, lambda: identity.version, host_tls.show, shared_hosts(settings)
    )
    visits = Visits(store=store, clock=clock, ids=ids, counters=counters)
    hooks = build_hooks(ground)
    return Parts(
        clock=clock,
        store=store,
        identity=identity,
        lease=ground.lease,
        signer=signer,
        courier=out.courier,
        resolver=out.resolver,
        trust=out.trust,
        dispatcher=dispatcher,
        fetcher=out.fetcher,
        blocks=coming.blocks,
        upkeep=build_upkeep(ground, out, coming.rejections, visits, hooks, host_certificates),
        warmup=out.warmup,
        archive=Archive(store=store, clock=clock, post=http_out, worker_id=worker_id, counters=counters),
        hooks=hooks,
        http_out=http_out,
        tracking=build_tracking(ground, visits),
        passwords=passwords,
        web=web_parts(
            store, clock, ids, installation, passwords, ground.throttle, connections, settings.smtp.hostname
        ),
        api=build_api(ground, coming, out),
        nudges=NudgeWatch(store, partial(try_again, dispatcher, out.trust)),
        site_watch=out.site_watch,
        last_uses=ground.last_uses,
        certificate=certificate,
        host_tls=host_tls,
        host_certificates=host_certificates,
        keeper=build_keeper(settings, sessions, certificate),
        open=open_entrance(ground, sessions, dispatcher),
        status=WorkerStatus(settings, store, clock, counters, lambda: dispatcher.bound.jobs),
    )
