"""Builds the parts of one worker. `build_parts` is the only place where they meet; every function elsewhere
receives just what it uses, never `Parts` itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from posthouse.config import Settings
from posthouse.desk.host_certificates import WARN_S, HostCertificates
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.key_rounds import KEYS_S, KeyRounds
from posthouse.desk.last_use import LastUses
from posthouse.desk.limits import Allowances
from posthouse.desk.passwords import Passwords
from posthouse.desk.rechecks import RECHECK_S, Rechecks
from posthouse.dialects.table import HOOK_FORMS
from posthouse.doors.api.parts import ApiParts
from posthouse.doors.api.streams import Streams
from posthouse.doors.smtp import Doorkeeper, Entrance
from posthouse.doors.status_view import WorkerStatus
from posthouse.doors.throttle import Throttle
from posthouse.doors.track import Tracking
from posthouse.doors.web.parts import WebParts, web_parts
from posthouse.model.clock import Clock, Ids
from posthouse.net.board import Row
from posthouse.net.courier import Courier
from posthouse.net.dns import Resolver
from posthouse.net.host_tls import ALPN, HostTls
from posthouse.net.httpout import HttpOut
from posthouse.net.tls_pair import TlsPair
from posthouse.net.trust import Trust
from posthouse.net.zones import ZoneDatabase
from posthouse.observe import Counters
from posthouse.pipeline.aliases import AliasCheck
from posthouse.pipeline.archive import Archive
from posthouse.pipeline.blocks import Blocks
from posthouse.pipeline.custody import Custody
from posthouse.pipeline.deliver import Deliverer
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.engage import Engagement
from posthouse.pipeline.fetch import Fetcher
from posthouse.pipeline.fold import FOLD_S, Fold, count
from posthouse.pipeline.hook_effect import Enqueue
from posthouse.pipeline.hooks import TIDY_S, Hooks
from posthouse.pipeline.lease import Lease
from posthouse.pipeline.letters import RecentLetters
from posthouse.pipeline.links import LinkMaker
from posthouse.pipeline.listing import PURGE_S, Purge, list_repeated
from posthouse.pipeline.memory import MemoryBound
from posthouse.pipeline.notices import Notices
from posthouse.pipeline.nudges import NudgeWatch
from posthouse.pipeline.outcome import Recorder
from posthouse.pipeline.recall import RECALL_S, Recall
from posthouse.pipeline.rejections import TELL_S, Rejections
from posthouse.pipeline.reputation import JUDGE_S, Reputation
from posthouse.pipeline.rests import Reactions, Rests
from posthouse.pipeline.shapes import Shapes
from posthouse.pipeline.signing import Signer
from posthouse.pipeline.sitebook import SiteBook
from posthouse.pipeline.sitewatch import SiteWatch
from posthouse.pipeline.sources import Sources
from posthouse.pipeline.submit import Intake
from posthouse.pipeline.tls_reports import TlsReporter
from posthouse.pipeline.tls_results import TlsResults
from posthouse.pipeline.trust import StoreShelf, trust_from
from posthouse.pipeline.upkeep import Chore, Keep, Upkeep
from posthouse.pipeline.visits import FLUSH_S as VISITS_S
from posthouse.pipeline.visits import Visits
from posthouse.pipeline.warmup import FINISH_S, Ledger
from posthouse.pipeline.warmup import FLUSH_S as WARMUP_FLUSH_S
from posthouse.rules import retry
from posthouse.store.engine import Store
from posthouse.wiring import (
    build_hooks,
    build_keeper,
    build_probes,
    build_returns,
    courier_settings,
    open_entrance,
    return_paths,
    session_parts,
    shared_hosts,
    site_rules,
    tracking_base,
    try_again,
)

_RECENT_BYTES = 16 * 1024 * 1024
_LEAST_JOBS, _LEAST_BYTES = 100, 1024 * 1024
TLS_FLUSH_S, TLS_REPORT_S = 5.0, 300.0


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
    ids = Ids(clock)
    counters = Counters()
    installation = Installation.load_or_make(settings.state_dir)
    passwords = Passwords()
    throttle = Throttle(clock, connections, most_held=max(1, settings.smtp.connections // 4))
    identity = IdentityView(installation, settings.region, shared_hosts(settings), clock)
    last_uses = LastUses(store, clock)
    lease = Lease(store, clock, worker_id, declared_dead)
    resolver = Resolver(
        [str(server) for server in settings.dns.servers],
        clock,
        site_rules(settings),
        validates=settings.dns.validates,
    )
    trust = trust_from(settings, resolver.lookup, clock, StoreShelf(store))
    courier = Courier(courier_settings(settings, identity), clock, trust)
    paths = return_paths(settings, identity)
    deliverer = Deliverer(
        clock=clock,
        signer=signer,
        courier=courier,
        keys_of=identity.signing_keys,
        may_finish=lease.holds,
        second_key_of=identity.key_of,
        check_alias=AliasCheck(resolver.texts, clock.monotonic),
        sender_of=paths.sender_of,
        links_of=LinkMaker(
            identity.link_key,
            lambda domain: tracking_base(settings, identity, domain),
            paths.unsubscribe_address,
        ),
    )
    notices = Notices(ids=ids, hostname=settings.smtp.hostname, mode=settings.delivery.bounce_mail)
    tls = TlsResults(store, clock)
    recorder = Recorder(
        store=store,
        clock=clock,
        ids=ids,
        schedule=retry.schedule_from(settings.delivery.retry_s),
        notices=notices,
        counters=counters,
        note_checks=tls.note,
    )
    http_out = HttpOut(allows_private=settings.delivery.post_private_networks == "allow")
    custody = Custody(store, worker_id)
    warmup = Ledger(store, clock)
    hand_over = settings.delivery.hand_over_messages, settings.delivery.hand_over_bytes
    delivery = settings.delivery
    shapes = Shapes(delivery.shaping, delivery.connections, delivery.messages_per_connection)
    rests = Rests()
    dispatcher = Dispatcher(
        clock=clock,
        resolver=resolver,
        deliverer=deliverer,
        recorder=recorder,
        # without any hand-over the same memory serves for what is read back from the store
        bound=MemoryBound(max(hand_over[0], _LEAST_JOBS), max(hand_over[1], _LEAST_BYTES)),
        custody=custody,
        sites=SiteBook(clock=clock, rule_of=shapes.rule_of, rests=rests, worker_id=worker_id),
        reactions=Reactions(store=store, clock=clock, rests=rests, automations=lambda: shapes.automations),
        sources=Sources(identity, settings.delivery.source_addresses, warmup, rests.avoided),
        captures=settings.delivery.capture,
        hands_over=min(hand_over) > 0,
        may_start=lease.holds,
    )
    fetcher = Fetcher(
        store=store,
        clock=clock,
        dispatcher=dispatcher,
        worker_id=worker_id,
        letters=RecentLetters(_RECENT_BYTES),
        custody=custody,
        may_start=lease.holds,
        suspended=lambda: identity.suspended,
    )
    blocks = Blocks(store, clock)
    intake = Intake(
        store=store,
        clock=clock,
        ids=ids,
        hand_over=dispatcher,
        worker_id=worker_id,
        expire_s=settings.delivery.expire_s,
        counters=counters,
        blocks=blocks,
        allowance_of=Allowances(identity, settings.policy.over_limit).of,
        notices=notices,
    )
    reporter = TlsReporter(
        store=store,
        clock=clock,
        ids=ids,
        hostname=settings.smtp.hostname,
        texts=resolver.texts,
        find_domain=identity.domain,
        wake=dispatcher.wake,
    )
    rejections = Rejections(store, clock, ids)
    sessions = session_parts(
        settings, store, identity, intake, clock, ids, connections, last_uses, throttle, rejections.note
    )

    def key_of(tag: bytes) -> bytes | None:
        return identity.link_key(found.name) if (found := identity.domain_by_tag(tag)) else None

    returns = build_returns(settings, store, identity, clock, ids, notices, counters, dispatcher.wake, key_of)
    certificate = TlsPair(settings.smtp.tls_cert, settings.smtp.tls_key)
    host_tls = HostTls(settings.smtp.tls_cert, settings.smtp.tls_key, ALPN)
    host_certificates = HostCertificates(
        store, clock, installation, lambda: identity.version, host_tls.show, shared_hosts(settings)
    )
    key_rounds = KeyRounds(store, clock, ids, installation, settings.delivery.expire_s)
    rechecks = Rechecks(store=store, clock=clock, ids=ids, settings=settings)
    visits = Visits(store=store, clock=clock, ids=ids, counters=counters)
    told = build_hooks(settings, store, clock, ids, installation, worker_id, counters)
    chores = [
        Chore("opens and clicks", VISITS_S, visits.flush),
        Chore("events", FOLD_S, Fold(store, [count, Enqueue(HOOK_FORMS, clock), list_repeated]).go),
        Chore("webhooks", TIDY_S, told.tidy),
        Chore("refused letters", TELL_S, rejections.tell),
        Chore("purge of lists", PURGE_S, Purge(store, clock).go),
        Chore("recall", RECALL_S, Recall(store, custody).look),
        Chore("TLS results", TLS_FLUSH_S, tls.flush),
        Chore("warm-up figures", WARMUP_FLUSH_S, warmup.flush),
        Chore("warm-up plans", FINISH_S, warmup.finish),
        Chore("DKIM keys", KEYS_S, key_rounds.go),
        Chore("daily caps", JUDGE_S, Reputation(store, clock).judge),
        Chore("certificates", WARN_S, host_certificates.warn),
        Chore("DNS records", RECHECK_S, rechecks.run_due),
    ]
    if settings.delivery.tls_reports == "send":
        chores.append(Chore("TLS reports", TLS_REPORT_S, reporter.report))
    days = settings.keep
    spans = (days.content_days, days.event_days, days.hour_days, days.audit_days)
    keep = Keep(*[span * 86400 for span in spans])
    return Parts(
        clock=clock,
        store=store,
        identity=identity,
        lease=lease,
        signer=signer,
        courier=courier,
        resolver=resolver,
        trust=trust,
        dispatcher=dispatcher,
        fetcher=fetcher,
        blocks=blocks,
        upkeep=Upkeep(
            store=store,
            clock=clock,
            keep=keep,
            expire=fetcher.expire,
            dispatcher=dispatcher,
            custody=custody,
            may_bury=lease.may_bury,
            chores=chores,
        ),
        warmup=warmup,
        archive=Archive(store=store, clock=clock, post=http_out, worker_id=worker_id, counters=counters),
        hooks=told,
        http_out=http_out,
        tracking=Tracking(
            engagement=Engagement(store=store, clock=clock, ids=ids),
            visits=visits,
            estate=identity,
            zone_of=ZoneDatabase(settings.tracking.zones).zone_of,
        ),
        passwords=passwords,
        web=web_parts(
            store, clock, ids, installation, passwords, throttle, connections, settings.smtp.hostname
        ),
        api=ApiParts(
            settings=settings,
            store=store,
            clock=clock,
            ids=ids,
            installation=installation,
            identity=identity,
            intake=intake,
            reader=sessions.reader,
            budget=sessions.budget,
            throttle=throttle,
            last_uses=last_uses,
            dispatcher=dispatcher,
            note_rejected=rejections.note,
            streams=Streams(),
            probes=build_probes(settings, resolver.lookup, clock, ids, connections),
        ),
        nudges=NudgeWatch(store, partial(try_again, dispatcher, trust)),
        site_watch=SiteWatch(
            store=store,
            clock=clock,
            dispatcher=dispatcher,
            shapes=shapes,
            rests=rests,
            worker_id=worker_id,
        ),
        last_uses=last_uses,
        certificate=certificate,
        host_tls=host_tls,
        host_certificates=host_certificates,
        keeper=build_keeper(settings, sessions, certificate),
        open=open_entrance(settings, sessions, returns),
        status=WorkerStatus(settings, store, clock, counters, lambda: dispatcher.bound.jobs),
    )
