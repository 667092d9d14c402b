"""Asks DNS for the records of a domain and says, record by record, what is there and what to do.

The rules compare (`rules.dkim_check` and its neighbours); here only the questions are put, all records at
the same time. What nobody could answer is unknown, never missing.

Public: check_domain, asking, ask_now, sender_of, find_zone, zone_of,
zone_given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from posthouse.config import Settings
from posthouse.desk.domains import sending_name
from posthouse.model.account import Domain, DomainKey
from posthouse.model.clock import Clock
from posthouse.model.errors import Refused
from posthouse.net.lookup import DnsTrouble, Lookup
from posthouse.rules.checks import Check, State, unknown, wrong
from posthouse.rules.dkim_check import judge_dkim
from posthouse.rules.dmarc_check import is_dmarc, judge_dmarc, names_above
from posthouse.rules.dns import NOTHING, Ask, Found, Unanswered
from posthouse.rules.record_checks import (
    SpfSeen,
    judge_alias,
    judge_mx,
    judge_replies,
    judge_spf,
    likely_places,
    place_hint,
)
from posthouse.rules.records import Record, Sender, Use, needed, spf_terms
from posthouse.rules.spf import Result, check_host, costs
from posthouse.rules.spf_record import is_spf
from posthouse.store import egress
from posthouse.store.engine import Connection

CHECK_S = 45.0
_ZONE_S = 3.0
_MOST_ADDRESSES = 8
_LOOKUPS_KEPT = 2000

Judge = Callable[[str], Check]
"""The check of a record; takes a sentence about where it is instead, "" if nobody knows."""


def sender_of(conn: Connection, settings: Settings, account_id: str) -> Sender:
    """Where mail of an account's domains leaves."""
    pooled = [each.address for each in egress.list_ips(conn) if each.account_id in ("", account_id)]
    return Sender(
        settings.smtp.hostname,
        tuple(settings.delivery.source_addresses),
        tuple(pooled),
        has_own_links=not settings.tracking.url,
    )


@asynccontextmanager
async def asking(servers: Sequence[object], clock: Clock) -> AsyncIterator[Ask]:
    """An `Ask` with a memory of its own: what DNS said a minute ago must not hide what was just published."""
    lookup = Lookup([str(server) for server in servers], clock, capacity=_LOOKUPS_KEPT)
    try:
        yield partial(_ask, lookup)
    finally:
        await lookup.close()


async def _ask(lookup: Lookup, name: str, kind: str) -> Found:
    try:
        answer = await lookup.ask(name, kind)
    except DnsTrouble as trouble:
        if trouble.reason == "bad-domain":
            return NOTHING
        if trouble.reason == "alias-loop":
            return Found(rows=(), canonical="itself, in a circle", is_alias=True)
        raise Unanswered(trouble.text) from trouble
    return Found(answer.exists, answer.rows, answer.canonical, answer.is_alias)


async def check_domain(ask: Ask, domain: Domain, keys: Sequence[DomainKey], sender: Sender) -> list[Check]:
    """All records that the domain needs, in the order of `needed`, and warnings behind them."""
    records = needed(domain, keys, sender)
    asked = _Questions(ask, domain.name, keys, sender)
    try:
        async with asyncio.timeout(CHECK_S):
            checks = await asyncio.gather(*[asked.check(record) for record in records])
            warning = await asked.replies()
    except TimeoutError:
        return [unknown(record, Unanswered("the name servers are too slow")) for record in records]
    return [*checks, *([warning] if warning else [])]


class _Questions:
    """What is asked about one domain."""

    def __init__(self, ask: Ask, domain: str, keys: Sequence[DomainKey], sender: Sender) -> None:
        self._ask = ask
        self._domain = domain
        self._selectors = {key.public: key.selector for key in keys}
        self._sender = sender

    async def check(self, record: Record) -> Check:
        """One record; where it is missing, also a look at the places where such records end up."""
        try:
            found = await self._ask(record.name, record.kind)
            judge = await self._judge_of(record, found)
        except Unanswered as trouble:
            return unknown(record, trouble)
        check = judge("")
        if check.state is not State.MISSING or found.is_alias:
            return check
        hint = await self._hint(record)
        return judge(hint) if hint else check

    async def _judge_of(self, record: Record, found: Found) -> Judge:
        domain = self._domain
        if record.use is Use.DKIM:
            others = {key: name for key, name in self._selectors.items() if not record.value.endswith(key)}
            return partial(judge_dkim, record, found, domain, others)
        if record.use is Use.DMARC:
            has_own = any(is_dmarc(text) for text in found.texts)
            above = {} if has_own else await self._all(names_above(domain), "TXT")
            return partial(judge_dmarc, record, found, domain, above)
        if record.kind == "TXT":
            return await self._spf(record, found)
        if record.kind == "MX":
            return partial(judge_mx, record, found, domain)
        target = record.value.removesuffix(".")
        aside = {} if found.rows else {name: await self._addresses(name) for name in (record.name, target)}
        return partial(judge_alias, record, found, domain, aside)

    async def _spf(self, record: Record, found: Found) -> Judge:
        """What a receiver would say about each of our addresses."""
        addresses = [*self._sender.sources, *self._sender.pooled]
        if not self._sender.sources:
            addresses = [*await self._addresses(self._sender.hostname), *addresses]
        if not addresses:
            return partial(_no_address, record, found, self._sender.hostname)
        verdicts = {}
        dear: list[tuple[str, int]] = []
        if sum(is_spf(text) for text in found.texts) == 1:
            for address in addresses[:_MOST_ADDRESSES]:
                verdict = await check_host(self._ask, address, record.name, helo=self._sender.hostname)
                if verdict.result is Result.TEMPERROR:
                    raise Unanswered(verdict.why)
                verdicts[address] = verdict
            if any(verdict.has_too_many_lookups for verdict in verdicts.values()):
                dear = await costs(self._ask, record.name)
        seen = SpfSeen(verdicts, spf_terms(self._sender), dear)
        return lambda hint: judge_spf(record, found, self._domain, seen, hint)

    async def _addresses(self, name: str) -> list[str]:
        four, six = await asyncio.gather(self._ask(name, "A"), self._ask(name, "AAAA"))
        return [*four.texts, *six.texts]

    async def _hint(self, record: Record) -> str:
        places = likely_places(record, self._domain, list(self._selectors.values()))
        return place_hint(record, self._domain, await self._all(places, record.kind))

    async def _all(self, names: Sequence[str], kind: str) -> dict[str, Found]:
        """Answers by name; where nobody could say, none."""
        answers = await asyncio.gather(*[self._quietly(name, kind) for name in names])
        return dict(zip(names, answers, strict=True))

    async def _quietly(self, name: str, kind: str) -> Found:
        try:
            return await self._ask(name, kind)
        except Unanswered:
            return NOTHING

    async def replies(self) -> Check | None:
        return judge_replies(self._domain, await self._quietly(self._domain, "MX"))


def _no_address(record: Record, found: Found, hostname: str, _hint: str) -> Check:
    text = (
        f"Receivers cannot find out that {hostname} (smtp.hostname) may send: it has no address in DNS. "
        "Publish its A record, or name the addresses in delivery.source_addresses."
    )
    return wrong(record, [text for text in found.texts if is_spf(text)], text)


async def ask_now(
    settings: Settings, clock: Clock, domain: Domain, keys: Sequence[DomainKey], sender: Sender
) -> list[Check]:
    """One check with the installation's name servers, for a command."""
    async with asking(settings.dns.servers, clock) as ask:
        return await check_domain(ask, domain, keys, sender)


def zone_given(zone: str, domain: str) -> str:
    """The zone that somebody named, "" for none. Raises Refused unless the domain is in it."""
    if not zone:
        return ""
    name = sending_name(zone)
    if name != domain and not domain.endswith(f".{name}"):
        raise Refused(501, "5.5.4", f"{domain} is not in the zone {name}", reason="no-zone")
    return name


async def find_zone(settings: Settings, clock: Clock, domain: str) -> str:
    """The zone that the domain's records go into; the domain itself if DNS does not say within a moment."""
    try:
        async with asyncio.timeout(_ZONE_S), asking(settings.dns.servers, clock) as ask:
            return await zone_of(ask, domain)
    except (TimeoutError, Unanswered):
        return domain


async def zone_of(ask: Ask, domain: str) -> str:
    """The nearest name upwards that has an SOA (RFC 1035 3.3.13). Raises Unanswered."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = ".".join(labels[start:])
        found = await ask(name, "SOA")
        if found.rows and not found.is_alias:
            return name
    return domain
