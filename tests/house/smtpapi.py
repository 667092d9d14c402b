"""An application that sends with an API key and `X-SMTPAPI`, and what its recipients do with the mail.

Public: Shop, Visit, field, mail, our_links, BASE.
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

from house.copies import Copy, read
from house.house import DOMAIN, Auth, House, Letter, unique

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


@dataclass(frozen=True, slots=True)
class Visit:
    """What a link of ours answered."""

    status: int
    text: str
    kind: str
    location: str


@dataclass(frozen=True, slots=True)
class Shop:
    """The application: a house and the key that it signs in with."""

    house: House
    auth: Auth

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
        """The only copy that comes to this recipient."""
        return read(self.house.internet.copy(recipient))

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
