"""Sends each day's TLS reports to the domains that ask for them (RFC 8460).

A report and its posts and letters are written in one transaction, so a day is reported once, whoever of the
workers comes first and whoever is killed. Letters are signed by the domain that our host name belongs to; an
installation without such a domain only posts.

Public: TlsReporter.
"""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

import structlog

from posthouse.mail.tls_report import report_letter
from posthouse.model.account import Domain
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.clock import Clock, Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Message, Recipient
from posthouse.model.options import SendOptions
from posthouse.model.trust import ReportHead
from posthouse.net.lookup import DnsTrouble
from posthouse.rules import plan
from posthouse.rules.policy import registered
from posthouse.rules.tlsrpt import DAY_S, Tally, destinations, due_at, report_json
from posthouse.store import jobs, messages, tls_results
from posthouse.store.engine import Connection, Store, each
from posthouse.store.jobs import TLS_REPORT, WebJob
from posthouse.store.messages import Accepted
from posthouse.store.tls_results import DayReport, DayResult

log = structlog.get_logger()

KEEP_DAYS = 7
_PAGE = 100
_LIFE_S = 86400.0  # RFC 8460 5.5: no longer than 24 hours of tries

Texts = Callable[[str], Awaitable[list[str]]]
FindDomain = Callable[[str], Domain | None]


@dataclass(slots=True)
class _Parcel:
    """A report with what carries it, for one transaction."""

    report: DayReport
    posts: list[WebJob] = field(default_factory=list)
    letters: list[Accepted] = field(default_factory=list)


class TlsReporter:
    """For one worker. `texts`: TXT records of a name; `find_domain`: a sending domain of ours by its name.
    `wake`: letters wait in the store."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        hostname: str,
        texts: Texts,
        find_domain: FindDomain,
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._hostname = hostname
        self._texts = texts
        self._find_domain = find_domain
        self._wake = wake

    async def report(self) -> int:
        """Send what is due of yesterday's reports; how many. Forgets old days."""
        now = self._clock.now()
        day = int(now // DAY_S) - 1
        sent, after = 0, ""
        while True:
            domains = await self._store.read(tls_results.unreported, day, after, _PAGE)
            for domain in domains:
                if due_at(day, self._hostname, domain) <= now:
                    sent += await self._try_domain(day, domain)
            if len(domains) < _PAGE:
                break
            after = domains[-1]
        await self._store.write(each(tls_results.drop_before), (day - KEEP_DAYS,))
        return sent

    async def _try_domain(self, day: int, domain: str) -> bool:
        try:
            return await self._report_domain(day, domain)
        except Exception as error:  # the rim of this report: the others of the day go on
            log.warning("the TLS report to %s could not be made: %s", domain, error)
            return False

    async def _report_domain(self, day: int, domain: str) -> bool:
        try:
            places = destinations(await self._texts(f"_smtp._tls.{domain}"))
        except DnsTrouble as trouble:
            if not trouble.is_permanent:
                return False  # later today
            places = ()
        results = await self._store.read(tls_results.of_day, day, domain)
        parcel = self._parcel(day, domain, places, results)
        is_ours = await self._store.write(each(_send), (parcel,))
        if is_ours and parcel.letters:
            self._wake()
        return bool(is_ours) and parcel.report.state == "sent"

    def _parcel(self, day: int, domain: str, places: Sequence[str], results: Sequence[DayResult]) -> _Parcel:
        now = self._clock.now()
        report_id = self._ids.new()
        own = registered(self._hostname, self._find_domain)
        contact = f"postmaster@{own.name if own else self._hostname}"
        head = ReportHead(self._hostname, contact, report_id, domain, day)
        parcel = _Parcel(DayReport(day, domain, report_id, now, "unwanted", ""))
        if not places:
            return parcel
        text = report_json(head, [Tally(result.check, result.count) for result in results])
        packed = gzip.compress(text, mtime=0)
        told: list[str] = []
        for place in places:
            if place.startswith("https:"):
                parcel.posts.append(self._post(report_id, place, packed, now))
            elif own is None or not self._add_letter(parcel, head, own, place, packed, now):
                continue
            told.append(place)
        parcel.report = DayReport(day, domain, report_id, now, "sent" if told else "unsent", " ".join(told))
        return parcel

    def _post(self, report_id: str, url: str, packed: bytes, now: float) -> WebJob:
        return WebJob(
            id=self._ids.new(),
            kind=TLS_REPORT,
            account_id="",
            message_id=report_id,
            delivery_id="",
            url=url,
            content=packed,
            due_at=now,
            expires_at=now + _LIFE_S,
        )

    def _add_letter(
        self, parcel: _Parcel, head: ReportHead, own: Domain, place: str, packed: bytes, now: float
    ) -> bool:
        try:
            to = parse_address(unquote(place.removeprefix("mailto:")))
        except BadAddress:
            return False
        if to.needs_utf8:
            return False
        content = report_letter(head, f"tls-reports@{own.name}", str(to), now, packed)
        message = Message(
            id=self._ids.new(),
            account_id=own.account_id,
            domain=own.name,
            credential_id="",
            sender="",
            subject=f"Report Domain: {head.domain}",
            header_id=f"<{head.report_id}@{head.submitter}>",
            size_bytes=len(content),
            accepted_at=now,
            expires_at=now + _LIFE_S,
            # RFC 8460 3: a report about broken TLS must get past the policy that is broken
            options=SendOptions(is_notice=True, tls_optional=True),
        )
        deliveries = plan.deliveries(message, [Recipient(str(to), to.domain, "NEVER")], due_at=now)
        events = [
            Event(
                self._ids.new(),
                EventKind.ACCEPTED,
                now,
                message.account_id,
                message.domain,
                message.id,
                each_.id,
                each_.recipient,
                {
                    "subject": message.subject,
                    "size_bytes": message.size_bytes,
                    "tls_report": head.report_id,
                    "is_notice": True,
                },
            )
            for each_ in deliveries
        ]
        parcel.letters.append(Accepted(message, content, deliveries, events))
        return True


def _send(conn: Connection, parcel: _Parcel) -> bool:
    """False: another worker reported this day."""
    if not tls_results.claim(conn, parcel.report):
        return False
    if parcel.report.state != "sent":
        tls_results.forget_successes(conn, parcel.report.day, parcel.report.domain)
    if parcel.posts:
        jobs.add_jobs(conn, parcel.posts)
    if parcel.letters:
        messages.add_accepted(conn, parcel.letters)
    return True
