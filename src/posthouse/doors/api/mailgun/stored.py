"""Letters that are kept for a while: read as JSON or MIME, their files, and sent again (mailgun.md 5.4).

A letter has one key, whoever it was for. Nothing is cut out of a reply as quoted text: the `stripped-` texts
are the whole ones.

Public: ENDPOINTS.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from posthouse.dialects.dialect import Header
from posthouse.dialects.mailgun.headers import refusal
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.drafts import read_form
from posthouse.doors.api.mailgun.messages import queued
from posthouse.doors.api.mailgun.people import People, parse_people, recipients_of
from posthouse.doors.api.mailgun.phrases import said
from posthouse.doors.api.mailgun.refusals import refused
from posthouse.doors.api.posting import Posted, post
from posthouse.mail import letter as letters
from posthouse.mail.leaves import Leaf, leaves_of
from posthouse.mail.words import decode_words
from posthouse.model.account import MAIL_SEND
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.errors import PosthouseError
from posthouse.model.message import Message
from posthouse.model.options import CLICKS_OFF, SendOptions, read_recipient_options
from posthouse.model.short_id import long_id
from posthouse.rules.permissions import may
from posthouse.store import messages, queue
from posthouse.store.connection import Connection

_MIME = "message/rfc2822"


@dataclass(frozen=True, slots=True)
class _Stored:
    message: Message
    content: bytes
    recipients: list[str]
    variables: dict[str, dict[str, Any]]


def _find(conn: Connection, call: Call) -> _Stored | None:
    """None: no such letter, another domain's or account's, or not kept any more."""
    try:
        id = long_id(call.params["key"])
    except ValueError:
        return None
    message = messages.load_message(conn, id)
    if message is None or message.account_id != call.account_id or message.domain != call.domain.name:
        return None
    content = messages.load_content(conn, id)
    if content is None or not message.credential_id:  # our own notices are not the customer's
        return None
    deliveries = queue.deliveries_of(conn, id)
    personal = {
        each.recipient.lower(): read_recipient_options(each.personal).variables for each in deliveries
    }
    recipients = list(dict.fromkeys(each.recipient for each in deliveries))
    return _Stored(message, content, recipients, personal)


async def _stored(call: Call) -> _Stored:
    found = await call.read(_find, call)
    if found is None:
        raise said("Message not found", 404)
    return found


# Reading


async def _show(call: Call) -> Answer:
    stored = await _stored(call)
    if _MIME in call.request.headers.get("accept", "").lower():
        return json_answer(_about(stored) | {"body-mime": stored.content.decode("utf-8", "replace")})
    here = f"{call.parts.settings.http.url or call.base_url}{call.request.url.path.rstrip('/')}"
    # a large letter takes a while
    return json_answer(await asyncio.to_thread(_taken_apart, stored, here))


def _about(stored: _Stored) -> dict[str, Any]:
    message = stored.message
    return {
        "recipients": ", ".join(stored.recipients),
        "sender": message.sender,
        "from": message.author,
        "subject": message.subject,
    }


def _taken_apart(stored: _Stored, here: str) -> dict[str, Any]:
    """Every header field by its name, then what the service adds; of fields with one name the last counts."""
    headers = _headers(stored.content)
    leaves = _leaves(stored.content)
    plain, html = _text(leaves, "text/plain"), _text(leaves, "text/html")
    files = [
        (number, leaf) for number, leaf in enumerate(leaves) if leaf.name or not leaf.type.startswith("text/")
    ]
    shown = {
        "body-plain": plain,
        "body-html": html,
        "stripped-text": plain,
        "stripped-html": html,
        "stripped-signature": "",
        "message-headers": headers,
        "attachments": [_file(leaf, f"{here}/attachments/{number}") for number, leaf in files],
        "content-id-map": {
            f"<{leaf.content_id}>": _file(leaf, f"{here}/attachments/{number}")
            for number, leaf in files
            if leaf.content_id
        },
    }
    options = stored.message.options
    if options.template_name:
        shown["X-Mailgun-Template-Name"] = options.template_name
        shown["X-Mailgun-Template-Variables"] = json.dumps(options.template_vars)
    # the id that is delivered, also where the author's program left it to us
    return {"Message-Id": stored.message.header_id} | dict(headers) | _about(stored) | shown


def _headers(content: bytes) -> list[tuple[str, str]]:
    letter = letters.parse(content, most_bytes=len(content) + 1, most_fields=1_000_000)
    found = []
    for field in letter.fields:
        line = letter.raw[field.start : field.end]
        name, _, value = line.partition(b":")
        found.append((name.decode("latin-1").strip(), decode_words(value)))
    return found


def _leaves(content: bytes) -> list[Leaf]:
    try:
        return leaves_of(content)
    except letters.BadLetter:
        return []


def _text(leaves: list[Leaf], kind: str) -> str:
    """Of the parts that are shown in their place the first of this type."""
    return next((leaf.text or "" for leaf in leaves if leaf.type == kind and not leaf.name), "")


def _file(leaf: Leaf, url: str) -> dict[str, Any]:
    kind = leaf.type or "application/octet-stream"
    return {"size": len(leaf.content), "url": url, "name": leaf.name, "content-type": kind}


async def _attachment(call: Call) -> Answer:
    """As a download of no type: a browser must not show a stranger's file as ours (S17)."""
    stored = await _stored(call)
    number = call.params["number"]
    leaves = await asyncio.to_thread(_leaves, stored.content)
    if not (number.isascii() and number.isdigit()) or len(number) > 6 or int(number) >= len(leaves):
        raise said("Attachment not found", 404)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": "attachment",
        "Content-Security-Policy": "sandbox",
    }
    return Answer(200, leaves[int(number)].content, headers)


# Sending again


async def _resend(call: Call) -> Answer:
    if not may(call.principal.permissions, "events.read"):  # or it could be sent to whoever may not read it
        raise said("This key lacks the permission events.read", 403)
    stored = await _stored(call)
    form = read_form(await call.form(), ("to",))
    to = parse_people("to", form.all("to"))
    if not to:
        raise refusal("to parameter is missing")
    options = stored.message.options
    recipients = recipients_of(People(to), stored.variables if options.to_each else None)
    asked = [*_options(stored), *form.options.beside]
    posted = Posted(stored.content, _sender(stored.message), recipients, asked)
    try:
        return await post(call, [posted], queued, any_body=True)
    except PosthouseError as error:
        raise refused(error, call.domain, call.now) from error


def _options(stored: _Stored) -> list[Header]:
    """What the letter was sent with; tags and variables stand in it."""
    options = stored.message.options
    asked: list[tuple[str, str]] = []
    if options.to_each:
        asked.append(("Recipient-Variables", json.dumps(stored.variables)))
    if options.template_name:
        asked.append(("Template-Name", options.template_name))
        asked.append(("Template-Variables", json.dumps(options.template_vars)))
    if options.track_clicks:
        word = {CLICKS_OFF: "no", "html": "htmlonly"}.get(options.track_clicks, "yes")
        asked.append(("Track-Clicks", word))
    if options.track_opens is not None:
        asked.append(("Track-Opens", "yes" if options.track_opens else "no"))
    if options.test_mode:
        asked.append(("Drop-Message", "yes"))
    asked += _way(options)
    return [
        Header(f"x-mailgun-{name.lower()}", f"X-Mailgun-{name}", text.encode(), is_parameter=True)
        for name, text in asked
    ]


def _way(options: SendOptions) -> list[tuple[str, str]]:
    """How it had to travel and was signed: what left over TLS alone does so again."""
    switches = (
        ("Require-TLS", options.promises_tls or options.require_tls),
        ("Skip-Verification", options.skip_verification),
        ("Dkim", options.dkim),
        ("Native-Send", options.keeps_return_path or None),
    )
    asked = [(name, "yes" if is_on else "no") for name, is_on in switches if is_on is not None]
    texts = (
        ("Sending-Ip", options.ip),
        ("Sending-Ip-Pool", options.ip_pool),
        ("Secondary-DKIM", ",".join(options.dkim_second or ())),
        ("Secondary-DKIM-Public", ",".join(options.dkim_second_public or ())),
        ("Archive-To", options.archive_url),
    )
    return asked + [(name, text) for name, text in texts if text]


def _sender(message: Message) -> Any:
    try:
        return parse_address(message.sender) if message.sender else None
    except BadAddress:
        return None


_PATH = "/v3/domains/{domain}/messages/{key}"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _PATH, "events.read", _show),
    Endpoint("GET", f"{_PATH}/attachments/{{number}}", "events.read", _attachment),
    Endpoint("POST", _PATH, MAIL_SEND, _resend, is_sending=True),
)
