"""A letter that a person sends from a page: the same reading, limits and commit as behind the other doors.

Public: send.
"""

from __future__ import annotations

import asyncio
from typing import Any

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.native.bodies import NewMessage, letter_of
from posthouse.doors.submission import Arrival, is_newer
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.rim import address_of
from posthouse.model.account import Domain, Principal
from posthouse.model.errors import Refused
from posthouse.model.message import Submission
from posthouse.smtp.events import MailFrom
from posthouse.smtp.grammar import MailParams


async def send(visit: Visit, domain: Domain, asked: NewMessage) -> Submission:
    """Accept it as mail of the account for one of its domains, in this person's name; it is on disk when this
    returns. Raises Refused, TryLater, CommitInDoubt."""
    parts = visit.parts
    if (trouble := parts.store.refusal) is not None:
        raise trouble
    await is_newer(parts.identity, parts.store)
    try:
        letter = letter_of(asked, visit.now)
    except Problem as problem:
        raise Refused(501, "5.5.4", problem.text, reason=problem.reason) from problem
    principal = _principal(visit, domain)
    protocol = "HTTPS" if visit.request.url.scheme == "https" else "HTTP"
    sender = MailFrom(letter.sender, MailParams(is_utf8=not str(letter.sender or "").isascii()))
    arrival = Arrival("", address_of(visit.request), protocol)
    read = parts.reader.submission(
        letter.content, sender, letter.recipients, principal, arrival, letter.options
    )
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def done(found: Any, error: BaseException | None) -> None:
        if future.done():  # the browser left; what was accepted stays accepted
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(found)

    parts.intake.accept_together([read], principal, done)
    await future
    return read[0]


def _principal(visit: Visit, domain: Domain) -> Principal:
    return Principal(
        visit.account_id,
        domain.id,
        domain.name,
        domain.region,
        domain.verified_at is not None,
        f"person {visit.signed.person.id}",
        visit.signed.person.email,
        dialect="native",
    )
