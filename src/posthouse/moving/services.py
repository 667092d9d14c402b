"""The services that can be moved from: the only module here that knows them all, and how each is read.

Public: Service, SERVICES, from_files, from_api, given_tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posthouse.model.errors import Refused
from posthouse.moving.folder import Form, Found, Hints, found_files
from posthouse.moving.json_stream import BadJson, values
from posthouse.moving.lists import Sheet, open_sheet
from posthouse.moving.mailgun import api as mailgun_api
from posthouse.moving.mailgun import files as mailgun_files
from posthouse.moving.mailpace import files as mailpace_files
from posthouse.moving.reading import each, guarded
from posthouse.moving.sendgrid import api as sendgrid_api
from posthouse.moving.sendgrid import files as sendgrid_files
from posthouse.moving.things import (
    Begun,
    Kind,
    LeftOut,
    NewApiKey,
    NewDomain,
    NewGroup,
    NewKeyFile,
    StaysBehind,
    Thing,
)
from posthouse.moving.web import Unanswered, Web

_MOST_KEY = 64 * 1024
_FIRST = (NewDomain, NewGroup)  # what others hang on


@dataclass(frozen=True, slots=True)
class Service:
    """`base`: of its API, `key_variable`: of the environment; both "" without an API. `read(web, now, only,
    given)` gives everything that the API shows; the others what one JSON value or one CSV file holds."""

    name: str
    json_things: Callable[[Any, Hints], Iterator[Thing]]
    csv_things: Callable[[Sheet, Hints], Iterator[Thing]]
    key_variable: str = ""
    base: str = ""
    headers: Callable[[str], Mapping[str, str]] = lambda key: {}
    read: Callable[[Web, float, Sequence[str], str], Iterator[Thing]] = lambda web, now, only, given: iter(())


def _read_mailgun(web: Web, now: float, only: Sequence[str], given: str) -> Iterator[Thing]:
    yield from mailgun_api.read(web, only)


SERVICES = {
    "mailgun": Service(
        "mailgun",
        mailgun_files.json_things,
        mailgun_files.csv_things,
        "MAILGUN_API_KEY",
        mailgun_api.BASE,
        mailgun_api.headers,
        _read_mailgun,
    ),
    "sendgrid": Service(
        "sendgrid",
        sendgrid_files.json_things,
        sendgrid_files.csv_things,
        "SENDGRID_API_KEY",
        sendgrid_api.BASE,
        sendgrid_api.headers,
        sendgrid_api.read,
    ),
    "mailpace": Service("mailpace", mailpace_files.json_things, mailpace_files.csv_things),
}


def from_api(service: Service, web: Web, now: float, only: Sequence[str], given: str = "") -> Iterator[Thing]:
    """Everything that the service's API shows. Raises Refused when it does not take the key."""
    try:
        yield from service.read(web, now, only, given)
    except Unanswered as error:
        text = f"{web.base} does not take this key: {error.text}"
        raise Refused(535, "5.7.8", text, reason="bad-credentials") from None
    finally:
        web.close()


def from_files(service: Service, paths: list[Path], domains: Sequence[str]) -> Iterator[Thing]:
    """Everything in the files below these paths; `domains` are the customer's, of the only one is what no
    folder names. Raises OSError for a path that cannot be read."""
    yield Begun("domains and groups")
    yield from (NewDomain(name) for name in domains)
    default = domains[0] if len(domains) == 1 else ""
    found = list(found_files(paths, default))
    for one in found:
        if isinstance(one, Found) and one.form is Form.JSON:
            things = _of_json(service, one)
            yield from (thing for thing in things if isinstance(thing, _FIRST))
    for one in found:
        if isinstance(one, LeftOut):
            yield one
        else:
            things = guarded(_kind(one), one.name, _of_file(service, one))
            yield from (thing for thing in things if not isinstance(thing, _FIRST))


def given_tokens(domains: Sequence[str], token: str) -> Iterator[Thing]:
    """A token that its owner wants to keep: it belongs to one domain. Raises Refused."""
    if len(domains) != 1:
        text = "a token belongs to one domain: name it with --domain"
        raise Refused(501, "5.5.4", text, reason="bad-domain")
    yield Begun("the token")
    yield NewApiKey("", "", (), token, domains[0])


def _kind(found: Found) -> Kind:
    return Kind.DKIM_KEY if found.form is Form.KEY else Kind.SUPPRESSION


def _of_file(service: Service, found: Found) -> Iterator[Thing]:
    """Raises BadShape and BadRow for the file as a whole."""
    if found.form is Form.JSON:
        yield from _of_json(service, found)
    elif found.form is Form.KEY:
        yield _key_file(found)
    else:
        with open_sheet(found) as sheet:
            yield from service.csv_things(sheet, found.hints)


def _of_json(service: Service, found: Found) -> Iterator[Thing]:
    with found.path.open("rb") as opened:
        try:
            elements = values(opened.read)
            yield from each(
                Kind.OTHER, found.name, elements, lambda value: service.json_things(value, found.hints)
            )
        except BadJson as error:
            yield LeftOut(Kind.OTHER, found.name, str(error))


def _key_file(found: Found) -> Thing:
    with found.path.open("rb") as opened:
        content = opened.read(_MOST_KEY)
    if b"PRIVATE KEY" not in content:
        return StaysBehind(Kind.DKIM_KEY, found.name, "there is no private key in it")
    hints = found.hints
    if not hints.selector or not hints.domain:
        do = "name it SELECTOR._domainkey.DOMAIN.pem"
        return LeftOut(Kind.DKIM_KEY, found.name, "nobody can tell which domain and selector it is for", do)
    return NewKeyFile(hints.domain, hints.selector, content)
