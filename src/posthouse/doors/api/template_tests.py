"""A letter that tries a stored template: made of one of its versions, on the way that all mail goes.

The one way for the dashboard and the command.

Public: Sender, Trial, send_test.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.desk.template_samples import load_sender, load_version
from posthouse.dialects.native.sample import parse_sample
from posthouse.dialects.native.wishes import TemplateName
from posthouse.doors.api.answers import Problem
from posthouse.doors.api.native.bodies import NewMessage, letter_of
from posthouse.doors.api.posting import read_posted, take_in
from posthouse.doors.api.resending import Ways
from posthouse.doors.submission import Arrival, is_newer
from posthouse.model.account import Domain, Principal
from posthouse.model.errors import Refused
from posthouse.store.connection import Connection
from posthouse.store.templates import Found, Template

TAG = "template-test"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends it. `id`: in the place of a credential's; `login`: what people call them."""

    id: str
    login: str
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Trial:
    """`version`: its tag, "" for the active one. `domain`: it comes from `test@` there; "": the template's
    own, or the account's first verified one. `sample`: a JSON object of values."""

    about: Template
    to: str
    version: str = ""
    domain: str = ""
    sample: str = ""


async def send_test(ways: Ways, account_id: str, asked: Trial, by: Sender, now: float) -> str:
    """The new message's id, once it is on disk. Raises Refused, TryLater, CommitInDoubt."""
    if (trouble := ways.store.refusal) is not None:
        raise trouble
    await is_newer(ways.identity, ways.store)
    domain, found = await ways.store.read(_load, account_id, asked)
    try:
        letter = letter_of(_message(asked, domain, found), now)
    except Problem as problem:
        raise Refused(501, "5.5.4", problem.text, reason=problem.reason) from problem
    principal = _principal(account_id, domain, by)
    read = read_posted(ways.reader, letter, principal, by.arrival)
    await take_in(ways.intake, [read], principal)
    return read[0].id


def _load(conn: Connection, account_id: str, asked: Trial) -> tuple[Domain, Found]:
    domain = load_sender(conn, account_id, asked.about, asked.domain)
    return domain, load_version(conn, account_id, asked.about, asked.version)


def _message(asked: Trial, domain: Domain, found: Found) -> NewMessage:
    return NewMessage(
        from_=f"test@{domain.name}",
        to=[asked.to],
        subject="" if found.version.fields.get("Subject") else f"Test of {asked.about.name}",
        template=TemplateName(name=asked.about.id, version=found.version.tag, makes_text=True),
        variables=parse_sample(asked.sample),
        tags=[TAG],
    )


def _principal(account_id: str, domain: Domain, by: Sender) -> Principal:
    return Principal(
        account_id,
        domain.id,
        domain.name,
        domain.region,
        domain.verified_at is not None,
        by.id,
        by.login,
        dialect="native",
    )
