"""A letter that a person sends from a page: the same reading, limits and commit as behind the other doors.

Public: send.
"""

from __future__ import annotations

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.native.bodies import NewMessage, letter_of
from posthouse.doors.api.posting import read_posted, take_in
from posthouse.doors.submission import Arrival, is_newer
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.rim import address_of
from posthouse.model.account import Domain, Principal
from posthouse.model.errors import Refused
from posthouse.model.message import Submission


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
    read = read_posted(parts.reader, letter, principal, Arrival("", address_of(visit.request), protocol))
    await take_in(parts.intake, [read], principal)
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
