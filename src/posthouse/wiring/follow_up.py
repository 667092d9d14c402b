"""What follows later from mail that came in and went out: webhooks, archive copies, opens and clicks, and all
that a worker does every few seconds or hours.

Public: build_hooks, build_upkeep.
"""

from __future__ import annotations

from posthouse.desk.batch_rounds import BATCHES_S, BatchRounds
from posthouse.desk.hook_rotation import find_signing_key
from posthouse.desk.hook_samples import hook_post
from posthouse.desk.host_certificates import WARN_S, HostCertificates
from posthouse.desk.key_rounds import KEYS_S, KeyRounds
from posthouse.desk.rechecks import RECHECK_S, Rechecks
from posthouse.dialects.table import HOOK_FORMS
from posthouse.pipeline.fold import FOLD_S, Fold, count
from posthouse.pipeline.hook_effect import Enqueue
from posthouse.pipeline.hook_posts import HookPosts, Room
from posthouse.pipeline.hooks import TIDY_S, Hooks
from posthouse.pipeline.listing import PURGE_S, Purge, list_repeated
from posthouse.pipeline.recall import RECALL_S, Recall
from posthouse.pipeline.rejections import TELL_S, Rejections
from posthouse.pipeline.reputation import JUDGE_S, Reputation
from posthouse.pipeline.tls_reports import TlsReporter
from posthouse.pipeline.upkeep import Chore, Keep, Upkeep
from posthouse.pipeline.visits import FLUSH_S as VISITS_S
from posthouse.pipeline.visits import Visits
from posthouse.pipeline.warmup import FINISH_S
from posthouse.pipeline.warmup import FLUSH_S as WARMUP_FLUSH_S
from posthouse.wiring.going_out import GoingOut
from posthouse.wiring.ground import Ground

TLS_FLUSH_S, TLS_REPORT_S = 5.0, 300.0
_HOOK_LETTERS_BYTES = 64 * 1024 * 1024


def build_hooks(ground: Ground) -> Hooks:
    """Who tells receivers of posts what happened."""
    settings, store, clock, installation = ground.settings, ground.store, ground.clock, ground.installation
    posts = HookPosts(
        store=store,
        clock=clock,
        ids=ground.ids,
        post=hook_post(settings),
        key_of=lambda conn, account_id, dialect, domain: find_signing_key(
            conn, installation, account_id, dialect, domain, clock.now()
        ),
        worker_id=ground.worker_id,
        counters=ground.counters,
        room=Room(_HOOK_LETTERS_BYTES),
        home_of=lambda domain: _home_of(ground, domain),
    )
    return Hooks(
        store=store,
        clock=clock,
        forms=HOOK_FORMS,
        posts=posts,
        worker_id=ground.worker_id,
        keep_s=settings.keep.hook_days * 86400,
    )


def _home_of(ground: Ground, name: str) -> tuple[str, str]:
    """Region and API base of a sending domain; of one that is gone, those of this house."""
    settings, domain = ground.settings, ground.identity.home_of(name)
    if domain is None or domain.region == settings.region:
        return settings.region, settings.http.url
    return domain.region, dict(settings.http.region_urls).get(domain.region, "")


def build_upkeep(
    ground: Ground,
    out: GoingOut,
    rejections: Rejections,
    visits: Visits,
    hooks: Hooks,
    certificates: HostCertificates,
) -> Upkeep:
    """All that is done again and again; most of it belongs to a part that was built before."""
    days = ground.settings.keep
    spans = (days.content_days, days.event_days, days.hour_days, days.audit_days)
    chores = [
        Chore("opens and clicks", VISITS_S, visits.flush),
        Chore("webhooks", TIDY_S, hooks.tidy),
        Chore("refused letters", TELL_S, rejections.tell),
        Chore("recall", RECALL_S, Recall(ground.store, out.custody).look),
        Chore("TLS results", TLS_FLUSH_S, out.tls.flush),
        Chore("warm-up figures", WARMUP_FLUSH_S, out.warmup.flush),
        Chore("warm-up plans", FINISH_S, out.warmup.finish),
        Chore("certificates", WARN_S, certificates.warn),
        *_store_chores(ground),
    ]
    if ground.settings.delivery.tls_reports == "send":
        chores.append(Chore("TLS reports", TLS_REPORT_S, _tls_reporter(ground, out).report))
    return Upkeep(
        store=ground.store,
        clock=ground.clock,
        keep=Keep(*[span * 86400 for span in spans]),
        expire=out.fetcher.expire,
        dispatcher=out.dispatcher,
        custody=out.custody,
        may_bury=ground.lease.may_bury,
        chores=chores,
    )


def _store_chores(ground: Ground) -> list[Chore]:
    """Those that need nothing but the store."""
    settings, store, clock, ids = ground.settings, ground.store, ground.clock, ground.ids
    fold = Fold(store, [count, Enqueue(HOOK_FORMS, clock), list_repeated])
    key_rounds = KeyRounds(store, clock, ids, ground.installation, settings.delivery.expire_s)
    rechecks = Rechecks(store=store, clock=clock, ids=ids, settings=settings)
    return [
        Chore("events", FOLD_S, fold.go),
        Chore("purge of lists", PURGE_S, Purge(store, clock).go),
        Chore("DKIM keys", KEYS_S, key_rounds.go),
        Chore("paused batches", BATCHES_S, BatchRounds(store, clock, ground.ids).go),
        Chore("daily caps", JUDGE_S, Reputation(store, clock).judge),
        Chore("DNS records", RECHECK_S, rechecks.run_due),
    ]


def _tls_reporter(ground: Ground, out: GoingOut) -> TlsReporter:
    return TlsReporter(
        store=ground.store,
        clock=ground.clock,
        ids=ground.ids,
        hostname=ground.settings.smtp.hostname,
        texts=out.resolver.texts,
        find_domain=ground.identity.domain,
        wake=out.dispatcher.wake,
    )
