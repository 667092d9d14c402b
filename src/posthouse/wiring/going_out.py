"""Mail on its way out of a worker: resolver, courier, signer and the queues between store and sites.

Public: GoingOut, build_going_out, return_paths, try_again.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.config import Settings
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.outside_names import link_base, takes_returns
from posthouse.net.courier import Courier, CourierSettings
from posthouse.net.dns import Resolver
from posthouse.net.roots import trusting_context
from posthouse.net.scanner import Scanner
from posthouse.net.trust import Trust
from posthouse.pipeline.aliases import AliasCheck
from posthouse.pipeline.custody import Custody
from posthouse.pipeline.deliver import Deliverer
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.fetch import Fetcher
from posthouse.pipeline.letters import RecentLetters
from posthouse.pipeline.links import LinkMaker
from posthouse.pipeline.memory import MemoryBound
from posthouse.pipeline.outcome import Recorder
from posthouse.pipeline.rests import Reactions, Rests
from posthouse.pipeline.return_paths import ReturnPaths
from posthouse.pipeline.shapes import Shapes
from posthouse.pipeline.signing import Signer
from posthouse.pipeline.site_rules import site_rules
from posthouse.pipeline.sitebook import SiteBook
from posthouse.pipeline.sitewatch import SiteWatch
from posthouse.pipeline.sources import Sources
from posthouse.pipeline.spam_check import SpamCheck
from posthouse.pipeline.tls_results import TlsResults
from posthouse.pipeline.trust import StoreShelf, trust_from
from posthouse.pipeline.warmup import Ledger
from posthouse.rules import retry
from posthouse.wiring.ground import Ground

_RECENT_BYTES = 16 * 1024 * 1024
_LEAST_JOBS, _LEAST_BYTES = 100, 1024 * 1024


@dataclass(frozen=True, slots=True)
class GoingOut:
    """What carries accepted mail away. `trust` is None where no policy of receivers is kept."""

    resolver: Resolver
    trust: Trust | None
    courier: Courier
    custody: Custody
    warmup: Ledger
    tls: TlsResults
    dispatcher: Dispatcher
    fetcher: Fetcher
    site_watch: SiteWatch


def build_going_out(ground: Ground, signer: Signer) -> GoingOut:
    """Raises SettingsError for what stands in files: shaping rules, certificate authorities."""
    settings, store, clock, lease = ground.settings, ground.store, ground.clock, ground.lease
    resolver = _resolver(ground)
    trust = trust_from(settings, resolver.lookup, clock, StoreShelf(store))
    courier = Courier(courier_settings(settings, ground.identity), clock, trust)
    tls = TlsResults(store, clock)
    custody = Custody(store, ground.worker_id)
    warmup = Ledger(store, clock)
    delivery = settings.delivery
    shapes = Shapes(delivery.shaping, delivery.connections, delivery.messages_per_connection)
    rests = Rests()
    hand_over = delivery.hand_over_messages, delivery.hand_over_bytes
    links_of = _link_maker(ground)
    dispatcher = Dispatcher(
        clock=clock,
        resolver=resolver,
        deliverer=_deliverer(ground, signer, courier, resolver, links_of),
        recorder=_recorder(ground, tls),
        # without any hand-over the same memory serves for what is read back from the store
        bound=MemoryBound(max(hand_over[0], _LEAST_JOBS), max(hand_over[1], _LEAST_BYTES)),
        custody=custody,
        sites=SiteBook(clock=clock, rule_of=shapes.rule_of, rests=rests, worker_id=ground.worker_id),
        reactions=Reactions(store=store, clock=clock, rests=rests, automations=lambda: shapes.automations),
        sources=Sources(ground.identity, delivery.source_addresses, warmup, rests.avoided),
        captures=delivery.capture,
        hands_over=min(hand_over) > 0,
        may_start=lease.holds,
        spam_check=_spam_check(ground, links_of),
    )
    site_watch = SiteWatch(
        store=store,
        clock=clock,
        dispatcher=dispatcher,
        shapes=shapes,
        rests=rests,
        worker_id=ground.worker_id,
    )
    fetcher = _fetcher(ground, dispatcher, custody)
    return GoingOut(resolver, trust, courier, custody, warmup, tls, dispatcher, fetcher, site_watch)


def _resolver(ground: Ground) -> Resolver:
    dns = ground.settings.dns
    servers = [str(server) for server in dns.servers]
    return Resolver(servers, ground.clock, site_rules(ground.settings), validates=dns.validates)


def _link_maker(ground: Ground) -> LinkMaker:
    settings, identity = ground.settings, ground.identity
    return LinkMaker(
        identity.link_key,
        lambda domain: tracking_base(settings, identity, domain),
        return_paths(settings, identity).unsubscribe_address,
    )


def _deliverer(
    ground: Ground, signer: Signer, courier: Courier, resolver: Resolver, links_of: LinkMaker
) -> Deliverer:
    identity = ground.identity
    return Deliverer(
        clock=ground.clock,
        signer=signer,
        courier=courier,
        keys_of=identity.signing_keys,
        may_finish=ground.lease.holds,
        second_key_of=identity.key_of,
        check_alias=AliasCheck(resolver.texts, ground.clock.monotonic),
        sender_of=return_paths(ground.settings, identity).sender_of,
        links_of=links_of,
    )


def _spam_check(ground: Ground, links_of: LinkMaker) -> SpamCheck | None:
    spam = ground.settings.spam
    if spam.scanner is None:
        return None
    place = spam.scanner if isinstance(spam.scanner, str) else (spam.scanner.host, spam.scanner.port)
    return SpamCheck(
        scanner=Scanner(place, spam.timeout_s),
        clock=ground.clock,
        ids=ground.ids,
        links_of=links_of,
        wait_s=spam.wait_s,
    )


def _recorder(ground: Ground, tls: TlsResults) -> Recorder:
    return Recorder(
        store=ground.store,
        clock=ground.clock,
        ids=ground.ids,
        schedule=retry.schedule_from(ground.settings.delivery.retry_s),
        notices=ground.notices,
        counters=ground.counters,
        note_checks=tls.note,
    )


def _fetcher(ground: Ground, dispatcher: Dispatcher, custody: Custody) -> Fetcher:
    identity = ground.identity
    return Fetcher(
        store=ground.store,
        clock=ground.clock,
        dispatcher=dispatcher,
        worker_id=ground.worker_id,
        letters=RecentLetters(_RECENT_BYTES),
        custody=custody,
        may_start=ground.lease.holds,
        suspended=lambda: identity.suspended,
    )


def courier_settings(settings: Settings, identity: IdentityView) -> CourierSettings:
    """How mail leaves. Raises SettingsError for a bad `delivery.tls_ca`."""
    return CourierSettings(
        hello_name=settings.smtp.hostname,
        hello_of=identity.hello_of,
        verify_context=trusting_context(settings.delivery.tls_ca),
        uses_chunks=settings.delivery.chunking,
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


def try_again(dispatcher: Dispatcher, trust: Trust | None, site_name: str) -> None:
    """An operator says: try again now, at this site or ("") everywhere."""
    if trust is not None:
        trust.forget()
    dispatcher.forget_troubles(site_name)
