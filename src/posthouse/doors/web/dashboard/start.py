"""`/start`: from nothing to a first message on the screen.

Choose what to send from (a sandbox to try it, or a domain of one's own), get a fresh user with ready-made
pieces of program, and see the message arrive.

Public: PAGES, PATH.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from posthouse.desk import credentials, domains, reports
from posthouse.desk.places import smtp_place
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.model.account import Domain, DomainSettings
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.model.event import EventKind
from posthouse.rules.snippets import Place, snippets
from posthouse.store import identity
from posthouse.store.connection import Connection
from posthouse.store.events import EventQuery
from posthouse.store.parts import Part

PATH, SEEN = "/start", "/start/seen"
_EXAMPLE = "someone@example.com"


async def _look(visit: Visit) -> Response:
    known = await visit.read(identity.list_domains, visit.account_id, Part(most=paging.ROWS))
    known.sort(key=lambda domain: (domain.verified_at is None, domain.settings.is_sandbox, domain.name))
    return visit.page(
        "start.html",
        "First message",
        domains=known,
        choices=[(domain.name, domain.name) for domain in known],
        captures=visit.parts.settings.delivery.capture,
        recipient=_recipient(visit, known),
    )


def _recipient(visit: Visit, known: Sequence[Domain]) -> str:
    """Somebody who may get the first mail: where all is captured it reaches nobody."""
    if visit.parts.settings.delivery.capture:
        return _EXAMPLE
    authorised = [each for domain in known for each in domain.settings.authorised]
    return authorised[0] if authorised else visit.signed.person.email


async def _sandbox(visit: Visit) -> str:
    """A domain that needs no DNS; it writes to the person alone."""
    parts, email = visit.parts, visit.signed.person.email
    name = f"sandbox-{secrets.token_hex(4)}.{parts.settings.smtp.hostname}"
    settings = DomainSettings(is_sandbox=True, authorised=(email,))
    draft = await asyncio.to_thread(
        domains.draft,
        parts.installation,
        Ids(parts.clock),  # ids of this thread's own
        visit.now,
        name=name,
        region=parts.settings.region,
        is_verified=True,
        settings=settings,
    )
    made = await visit.write(domains.create_for, visit.account_id, draft)
    return f"{made.name} is ready: it writes to {email} and to whom you authorise."


async def _user(visit: Visit) -> Response:
    """A fresh user of the chosen domain, and the page that waits for its first message."""
    domain = domains.sending_name(visit.field("domain"))
    try:
        recipient = str(parse_address(visit.field("recipient")))
    except BadAddress as error:
        raise Refused(501, "5.1.3", f"Whom to write to: {error}", reason="bad-address") from error
    issued = await visit.write(
        credentials.issue,
        visit.parts.installation,
        visit.parts.ids,
        visit.now,
        account_id=visit.account_id,
        login=f"first-{secrets.token_hex(3)}@{domain}",
    )
    smtp = smtp_place(visit.parts.settings)
    place = Place(*smtp, issued.login, issued.password, f"hello@{domain}", recipient)
    return visit.page(
        "start_send.html",
        "Send it now",
        place=place,
        snippets=snippets(place),
        seen=None,
        wait=f"{visit.at(SEEN)}?domain={domain}&since={int(visit.now)}",
    )


async def _seen(visit: Visit) -> Response:
    """The piece of the page that waits, and turns green."""
    since = visit.query("since")
    query = EventQuery(
        account_id=visit.account_id,
        kinds=(EventKind.ACCEPTED,),
        domain=visit.query("domain"),
        since=float(since) if since.isdecimal() and len(since) < 12 else visit.now,
        limit=1,
    )
    rows: list[dict[str, Any]] = await visit.read(_first, query)
    wait = f"{visit.at(SEEN)}?{visit.request.url.query}"
    return visit.fragment("_seen.html", seen=rows[0] if rows else None, wait=wait)


def _first(conn: Connection, query: EventQuery) -> list[dict[str, Any]]:
    return reports.event_rows(conn, query)


PAGES = (
    Page(
        PATH,
        "domains.read",
        _look,
        {"sandbox": Work("domains.write", _sandbox), "user": Work("keys.write", _user)},
    ),
    Page(SEEN, "events.read", _seen),
)
