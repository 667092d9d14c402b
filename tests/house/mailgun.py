"""Letters as programs made for Mailgun write them, a browser for the links of what arrives, and a clock's
hand for what takes too long to wait for.

Public: people, alternative, with_field, in_words, submit, copies, refusal, auth_of, records, warnings,
option_fields, visit, Page, change.
"""

from __future__ import annotations

import base64
import http.client
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from house.copies import Copy, read
from house.house import DOMAIN, Auth, House, Letter, letter, unique

_CUT = "=_cut_here"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def people(*names: str) -> list[str]:
    """Addresses of these people that no other test uses."""
    tag = unique()
    return [f"{name}+{tag}@good.test" for name in names]


def alternative(
    recipient: str,
    fields: Sequence[str] = (),
    *,
    html: str,
    text: str = "",
    sender: str = f"orders@{DOMAIN}",
) -> Letter:
    """A letter with an HTML part, and a plain one before it if there is a text; both 8bit UTF-8."""
    if not text:
        typed = [*fields, *_typed("text/html; charset=utf-8")]
        return letter(recipient, sender=sender, fields=typed, body=_crlf(html))
    parts = [("text/plain; charset=utf-8", text), ("text/html; charset=utf-8", html)]
    body = b"".join(
        [
            f"--{_CUT}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
            + _crlf(content)
            + b"\r\n"
            for kind, content in parts
        ]
    )
    typed = [*fields, "MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{_CUT}"']
    return letter(recipient, sender=sender, fields=typed, body=body + f"--{_CUT}--\r\n".encode())


def _typed(kind: str) -> list[str]:
    return ["MIME-Version: 1.0", f"Content-Type: {kind}", "Content-Transfer-Encoding: 8bit"]


def _crlf(text: str) -> bytes:
    return text.rstrip("\n").replace("\n", "\r\n").encode() + b"\r\n"


def with_field(made: Letter, name: str, value: str | bytes | None) -> Letter:
    """The letter with this value in its (unfolded) field of that name; None: without the field."""
    line = b""
    if value is not None:
        octets = value if isinstance(value, bytes) else value.encode()
        line = name.encode() + b": " + octets + b"\r\n"
    head, empty, body = made.raw.partition(b"\r\n\r\n")
    start = f"{name.lower()}:".encode()
    lines = [each + b"\r\n" for each in head.split(b"\r\n")]
    places = [at for at, each in enumerate(lines) if each.lower().startswith(start)]
    lines[places[0]] = line
    return Letter(b"".join(lines) + empty[2:] + body, made.header_id)


def in_words(text: str, octets: int = 42) -> bytes:
    """Folded encoded words (RFC 2047), cut without a look at characters."""
    raw = text.encode()
    pieces = [raw[at : at + octets] for at in range(0, len(raw), octets)]
    return b"\r\n ".join(b"=?utf-8?b?" + base64.b64encode(piece) + b"?=" for piece in pieces)


def copies(house: House, recipients: Sequence[str], sent: Letter) -> list[Copy]:
    """Send it; the recipients' copies in their order."""
    house.submit(recipients, sent)
    return [read(house.internet.copy(recipient)) for recipient in recipients]


def auth_of(house: House, domain: str) -> Auth | None:
    """The user `app` of a domain; None for the house's first user."""
    login = f"app@{domain}"
    return None if domain == DOMAIN else Auth(login, house.passwords[login])


def submit(house: House, recipients: str | Sequence[str], *options: str, domain: str = DOMAIN) -> str:
    """Send a plain letter with these options (`Dkim: no`) for a domain; the message's id."""
    first = recipients if isinstance(recipients, str) else recipients[0]
    sender = f"orders@{domain}"
    sent = letter(first, sender=sender, fields=_headers(options))
    return house.submit(recipients, sent, sender=sender, auth=auth_of(house, domain))


def refusal(house: House, *options: str, domain: str = DOMAIN) -> str:
    """What is said to a letter whose options must refuse it; nothing of it may be left."""
    recipient, sender = f"{unique()}@good.test", f"orders@{domain}"
    sent = letter(recipient, sender=sender, fields=_headers(options))
    code, text = house.refusal(recipient, sent, auth=auth_of(house, domain), sender=sender)
    assert code == 554 and text.startswith("5.6.0 ")
    assert house.events(recipient, "accepted") == [] == house.internet.to(recipient)
    return text.removeprefix("5.6.0 ")


def _headers(options: Sequence[str]) -> list[str]:
    return [f"X-Mailgun-{option}" for option in options]


def records(house: House, domain: str) -> dict[str, str]:
    """DNS name -> TXT value as `posthouse domain show` prints them."""
    shown = house.cli("domain", "show", domain)
    return {row["name"]: row["value"] for row in shown["records"] if row["kind"] == "TXT"}


def warnings(house: House, recipient: str) -> list[str]:
    """What the accepted event of a recipient warns of."""
    found = house.event(recipient, "accepted").get("warnings", [])
    return [str(each) for each in found]


def option_fields(copy: Copy) -> list[str]:
    """The names of the X-Mailgun fields that a recipient sees, in lower case."""
    return [name.lower() for name in copy.message if name.lower().startswith("x-mailgun-")]


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of the HTTP door. `location`: where it leads."""

    status: int
    location: str
    kind: str
    body: bytes


def visit(house: House, link: str, form: str | None = None) -> Page:
    """Follow a link of a delivered copy, to the house's HTTP door instead of the host it names; `form`: POST
    it."""
    parts = urlsplit(link)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = {"User-Agent": BROWSER}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    with closing(http.client.HTTPConnection("127.0.0.1", house.port_http, timeout=15)) as connection:
        connection.request("GET" if form is None else "POST", path, form, headers)
        answer = connection.getresponse()
        body = answer.read()
    return Page(answer.status, answer.getheader("Location", ""), answer.getheader("Content-Type", ""), body)


def change(house: House, sql: str, *values: Any) -> None:
    """Turn the clock of one row of the SQLite store on: what would take hours is due now."""
    with closing(sqlite3.connect(house.store.removeprefix("sqlite:///"), timeout=15)) as store, store:
        changed = store.execute(sql, values).rowcount
    assert changed > 0, sql
