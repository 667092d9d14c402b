"""Ready-made pieces of programs that send a first mail through an HTTP API, filled with the real values.

Public: ApiPlace, api_snippets.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from posthouse.rules.snippets import Snippet

_SUBJECT, _TEXT = "Hello from Posthouse", "It works."


@dataclass(frozen=True, slots=True)
class ApiPlace:
    """`base_url` without a slash at its end; `domain`: of `sender`."""

    base_url: str
    secret: str
    domain: str
    sender: str
    recipient: str


def api_snippets(kind: str, place: ApiPlace) -> list[Snippet]:
    """For a key of that kind (`native`, `sendgrid`) or a token (`mailpace`), in the order to show them."""
    if kind == "sendgrid":
        return [
            Snippet("sendgrid-python", "SendGrid's library for Python", _sendgrid_python(place)),
            Snippet("sendgrid-node", "SendGrid's library for Node", _sendgrid_node(place)),
            Snippet("sendgrid-curl", "curl", _sendgrid_curl(place)),
        ]
    if kind == "mailpace":
        return [Snippet("mailpace-curl", "curl", _mailpace_curl(place))]
    return [
        Snippet("native-curl", "curl, Posthouse's own API", _native_curl(place)),
        Snippet("mailgun-curl", "curl, Mailgun's API", _mailgun_curl(place)),
        Snippet("mailgun-node", "Mailgun's library for Node", _mailgun_node(place)),
    ]


def _quoted(text: str) -> str:
    """A text in double quotes as Python and JavaScript take it."""
    return json.dumps(text, ensure_ascii=False)


def _curl(url: str, *words: tuple[str, str]) -> str:
    lines = [f"curl {shlex.quote(url)}", *(f"{option} {shlex.quote(value)}" for option, value in words)]
    return " \\\n  ".join(lines) + "\n"


def _json_curl(place: ApiPlace, path: str, header: str, body: Mapping[str, object]) -> str:
    return _curl(
        f"{place.base_url}{path}",
        ("-H", header),
        ("-H", "Content-Type: application/json"),
        ("-d", json.dumps(body, ensure_ascii=False)),
    )


def _native_curl(place: ApiPlace) -> str:
    body = {"from": place.sender, "to": [place.recipient], "subject": _SUBJECT, "text": _TEXT}
    return _json_curl(place, "/posthouse/v1/messages", f"Authorization: Bearer {place.secret}", body)


def _mailgun_curl(place: ApiPlace) -> str:
    return _curl(
        f"{place.base_url}/v3/{place.domain}/messages",
        ("--user", f"api:{place.secret}"),
        ("-F", f"from={place.sender}"),
        ("-F", f"to={place.recipient}"),
        ("-F", f"subject={_SUBJECT}"),
        ("-F", f"text={_TEXT}"),
    )


def _mailgun_node(place: ApiPlace) -> str:
    return (
        'const Mailgun = require("mailgun.js");\n\n'
        "const mailgun = new Mailgun(FormData).client({\n"
        '  username: "api",\n'
        f"  key: {_quoted(place.secret)},\n"
        f"  url: {_quoted(place.base_url)},\n"
        "});\n"
        f"mailgun.messages.create({_quoted(place.domain)}, {{\n"
        f"  from: {_quoted(place.sender)}, to: [{_quoted(place.recipient)}],\n"
        f"  subject: {_quoted(_SUBJECT)}, text: {_quoted(_TEXT)},\n"
        "});\n"
    )


def _sendgrid_python(place: ApiPlace) -> str:
    return (
        "from sendgrid import SendGridAPIClient\n"
        "from sendgrid.helpers.mail import Mail\n\n"
        f"client = SendGridAPIClient({_quoted(place.secret)}, host={_quoted(place.base_url)})\n"
        "client.send(Mail(\n"
        f"    from_email={_quoted(place.sender)}, to_emails={_quoted(place.recipient)},\n"
        f"    subject={_quoted(_SUBJECT)}, plain_text_content={_quoted(_TEXT)},\n"
        "))\n"
    )


def _sendgrid_node(place: ApiPlace) -> str:
    return (
        'const mail = require("@sendgrid/mail");\n\n'
        f"mail.setApiKey({_quoted(place.secret)});\n"
        f'mail.client.setDefaultRequest("baseUrl", {_quoted(place.base_url)});\n'
        "mail.send({\n"
        f"  from: {_quoted(place.sender)}, to: {_quoted(place.recipient)},\n"
        f"  subject: {_quoted(_SUBJECT)}, text: {_quoted(_TEXT)},\n"
        "});\n"
    )


def _sendgrid_curl(place: ApiPlace) -> str:
    body = {
        "personalizations": [{"to": [{"email": place.recipient}]}],
        "from": {"email": place.sender},
        "subject": _SUBJECT,
        "content": [{"type": "text/plain", "value": _TEXT}],
    }
    return _json_curl(place, "/v3/mail/send", f"Authorization: Bearer {place.secret}", body)


def _mailpace_curl(place: ApiPlace) -> str:
    body = {
        "from": place.sender,
        "to": place.recipient,
        "subject": _SUBJECT,
        "textbody": _TEXT,
    }
    return _json_curl(place, "/api/v1/send", f"MailPace-Server-Token: {place.secret}", body)
