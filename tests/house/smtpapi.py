"""An application that sends with an API key and `X-SMTPAPI`, and what its recipients do with the mail.

Public: Shop, Visit, field, mail, on_top, filtered, our_links, dns_records, BASE, TEXT, HTML.
"""

from __future__ import annotations

import email.policy
import http.client
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode

from dkim_oracle import verified_signatures
from house.copies import Copy, read
from house.house import DOMAIN, Auth, House, Letter, unique
from posthouse.internet.recorder import Arrival

BASE = f"https://email.{DOMAIN}"  # where links of ours lead unless a setting says otherwise
TEXT = "Dear customer,\n\nyour order is on its way.\n"
HTML = "<html><body>\n<p>Dear customer, your order is on its way.</p>\n</body></html>\n"
_OURS = re.compile(re.escape(BASE) + r"/[cou]/[A-Za-z0-9_.~-]+")


def field(options: Any) -> str:
    """The option field as the official builders write it: ASCII JSON, broken at white space near column 72.
    A text is taken as it is."""
    if isinstance(options, str):
        return f"X-SMTPAPI: {options}"
    return re.sub(r"(.{60}\S*)( )", r"\1\r\n\2", f"X-SMTPAPI: {json.dumps(options)}")


def mail(
    options: Any = None,
    *,
    text: str = TEXT,
    html: str = "",
    subject: str = "Your order",
    to: str = "Customers <customers@good.test>",
    sender: str = f"orders@{DOMAIN}",
    fields: Sequence[str] = (),
    charset: str = "utf-8",
    cte: str | None = None,
) -> Letter:
    """A letter made by Python's own email package: text, HTML, or both as alternatives."""
    header_id = f"<{unique()}@client.test>"
    letter = EmailMessage(policy=email.policy.SMTP)
    letter["From"], letter["To"], letter["Subject"] = f"Orders <{sender}>", to, subject
    letter["Message-ID"], letter["Date"] = header_id, "Sat, 21 Nov 2026 10:00:00 +0000"
    if text:
        letter.set_content(text, charset=charset, cte=cte)
    if html and text:
        letter.add_alternative(html, subtype="html", charset=charset, cte=cte)
    elif html:
        letter.set_content(html, subtype="html", charset=charset, cte=cte)
    return Letter(on_top(letter.as_bytes(), options, fields), header_id)


def on_top(raw: bytes, options: Any, fields: Sequence[str] = ()) -> bytes:
    """The letter with option field and more fields above its own."""
    lines = [*([] if options is None else [field(options)]), *fields]
    return "".join(f"{line}\r\n" for line in lines).encode() + raw


def filtered(**filters: Mapping[str, Any]) -> dict[str, Any]:
    """Options with these filters, each with its settings; `footer={"text/plain": "x"}`."""
    return {"filters": {name: {"settings": dict(settings)} for name, settings in filters.items()}}


def our_links(text: str) -> list[str]:
    """Every link of ours in a text, in its order."""
    return _OURS.findall(text)


def dns_records(house: House, domain: str = DOMAIN) -> dict[str, str]:
    """DNS name -> TXT value as `posthouse domain show` prints them."""
    shown = house.cli("domain", "show", domain)
    return {row["name"]: row["value"] for row in shown["records"] if row["kind"] == "TXT"}


@dataclass(frozen=True, slots=True)
class Visit:
    """What a link of ours answered."""

    status: int
    text: str
    kind: str
    location: str


@dataclass(frozen=True, slots=True)
class Shop:
    """The application: a house, the key that it signs in with, and the TXT records of its domain."""

    house: House
    auth: Auth
    records: dict[str, str]

    @classmethod
    def at(cls, house: House) -> Shop:
        return cls(house, house.key(), dns_records(house))

    def send(
        self,
        recipients: str | Sequence[str],
        options: Any = None,
        *,
        envelope_sender: str = f"orders@{DOMAIN}",
        **content: Any,
    ) -> str:
        """Hand a letter over (`content` as for `mail`); the message's id."""
        return self.house.submit(recipients, mail(options, **content), sender=envelope_sender, auth=self.auth)

    def copy(self, recipient: str) -> Copy:
        """The only copy that comes to this recipient; see `checked`."""
        return self.checked(self.house.internet.copy(recipient))

    def checked(self, arrival: Arrival) -> Copy:
        """Asserts what holds for every copy: it is signed as it arrived, in lines that any host takes, and
        without our options."""
        copy = read(arrival)
        if re.search(rf"\bd={re.escape(DOMAIN)};", copy.field("DKIM-Signature")):
            assert verified_signatures(copy.raw, self.records) == ["ph1"]
        assert max(map(len, copy.raw.split(b"\r\n"))) <= 998
        assert not [name for name in copy.message if name.lower().startswith(("x-smtpapi", "x-sg-"))]
        return copy

    def sent(self, recipient: str, options: Any = None, **content: Any) -> Copy:
        """A letter for one recipient, as it arrives."""
        self.send(recipient, options, **content)
        return self.copy(recipient)

    def told(self, message_id: str, key: str = "") -> list[str]:
        """What the house says about a message's options, warnings marked: about one key or filter, or all."""
        wanted = f"X-SMTPAPI {key}"
        options = self.house.cli("message", message_id)["message"]["options"]
        return [
            ("warning: " if each["is_warning"] else "") + each["effect"]
            for each in options
            if not key or each["header"] == wanted
        ]

    def warnings(self, message_id: str) -> list[str]:
        return [words for words in self.told(message_id) if words.startswith("warning: ")]

    def drop_reason(self, recipient: str) -> str:
        """Why this recipient got nothing; asserts that it is so."""
        event = self.house.event(recipient, "dropped")
        assert self.house.internet.to(recipient) == []
        return str(event["reason"])

    def catch_up(self) -> None:
        """Let the house know what the command line did just now: it looks at its store when a key is new."""
        with self.house.smtp(auth=self.house.key()):
            pass

    def group(self, *words: str, name: str = "") -> int:
        """The number of a new unsubscribe group."""
        made = self.house.cli("group", "add", name or unique("group "), *words)
        self.catch_up()
        return int(made["number"])

    def domain(self, *settings: str) -> str:
        """A new sending domain of the same account."""
        name = f"{unique('domain')}.test"
        self.house.cli("domain", "add", name, "--assume-verified")
        if settings:
            self.house.cli("domain", "set", name, *settings)
        self.catch_up()
        return name

    def visit(
        self, url: str, method: str = "GET", form: Mapping[str, str | Sequence[str]] | None = None
    ) -> Visit:
        """Open a link of ours as a recipient's program does."""
        assert url.startswith(f"{BASE}/"), url
        content = None if form is None else urlencode(form, doseq=True)
        headers = {"User-Agent": "Reader/1.0"}
        if content is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.house.port_http, timeout=10)
        try:
            connection.request(method, url.removeprefix(BASE), content, headers)
            answer = connection.getresponse()
            text = answer.read().decode("latin-1" if method == "HEAD" else "utf-8", "replace")
            return Visit(
                answer.status,
                text,
                answer.getheader("Content-Type", "").partition(";")[0],
                answer.getheader("Location", ""),
            )
        finally:
            connection.close()
