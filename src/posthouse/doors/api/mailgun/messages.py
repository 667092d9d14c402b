"""`POST /v3/{domain}/messages` and `messages.mime`: mail to send (mailgun.md 5.2, 5.3).

What is missing or wrong is told in this order: the request's form, its options, from, to, what to send, then
what only the letter as a whole shows.

Public: ENDPOINTS, queued.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from typing import Any

from posthouse.dialects.mailgun.headers import refusal
from posthouse.dialects.mailgun.json_header import object_of
from posthouse.doors.api.answers import Answer, Problem, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.drafts import SendForm, build_letter, read_form, with_fields
from posthouse.doors.api.mailgun.people import People, parse_people, recipients_of
from posthouse.doors.api.mailgun.phrases import said
from posthouse.doors.api.mailgun.refusals import refused
from posthouse.doors.api.posting import Posted, post
from posthouse.mail import letter as letters
from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.model.account import MAIL_SEND
from posthouse.model.address import Address, BadAddress
from posthouse.model.errors import PosthouseError
from posthouse.model.message import Submission
from posthouse.smtp.dots import normalized
from posthouse.store import templates

_LARGE = 1 << 20  # octets of files: encoding more would keep the others waiting
_TEXTS = ("text", "html", "amp-html")
_PARTS = frozenset({"from", "to", "cc", "bcc", "subject", *_TEXTS, "attachment", "inline"})
_MIME_PARTS = frozenset({"to", "message"})
_MULTIPART = "multipart/form-data"
_FORMS = (_MULTIPART, "application/x-www-form-urlencoded", "")


async def _send(call: Call) -> Answer:
    form = await _form(call, _PARTS, *_FORMS)
    senders, to = form.all("from"), form.all("to")
    stored = form.options.text_of("X-Mailgun-Template-Name")
    if not senders and not _has_own_from(form):
        senders = await _template_from(call, form, stored) if stored else []
        if not senders:
            raise refusal("from parameter is missing")
    if not to:
        raise refusal("to parameter is missing")
    _judge_texts(form, stored)
    authors = parse_people("from", senders)
    people = People(parse_people("to", to), *(parse_people(each, form.all(each)) for each in ("cc", "bcc")))
    recipients = recipients_of(people, _variables(form))
    if sum(len(file.content) for _, file in form.files) > _LARGE:
        letter, sender = await asyncio.to_thread(build_letter, form, authors, people)
    else:
        letter, sender = build_letter(form, authors, people)
    return await _post(call, Posted(letter, sender, recipients, form.options.beside))


async def _send_mime(call: Call) -> Answer:
    form = await _form(call, _MIME_PARTS, _MULTIPART)
    to = form.all("to")
    if not to:
        raise refusal("to parameter is missing")
    files = form.files_of("message")
    if not files:
        is_text = form.last("message") is not None
        raise refusal("'message' parameter is not a file" if is_text else "message parameter is missing")
    recipients = recipients_of(People(parse_people("to", to)), _variables(form))
    content = normalized(files[-1].content)  # programs read files as their system writes them
    letter = with_fields(content, form.options.fields)
    return await _post(call, Posted(letter, _author(letter), recipients, form.options.beside))


async def _post(call: Call, posted: Posted) -> Answer:
    try:
        # a multipart body has another boundary each time
        return await post(call, [posted], queued, any_body=True)
    except PosthouseError as error:
        raise refused(error, call.domain, call.now) from error


def queued(submissions: list[Submission]) -> Answer:
    """One id for all recipients: the Message-ID that they get, which the events show too."""
    return json_answer({"id": submissions[0].header_id.strip(), "message": "Queued. Thank you."})


async def _form(call: Call, parts: Collection[str], *kinds: str) -> SendForm:
    kind = call.content_type
    if kind not in kinds:
        shown = re.sub(r"[^\x20-\x7e]", "?", kind)[:100]
        raise said(f"Invalid request content type. Expecting '{_MULTIPART}' but got '{shown}'")
    try:
        return read_form(await call.form(), parts)
    except Problem as problem:
        if problem.reason != "bad-form":
            raise
        what = "malformed multipart/form-data request" if kind == _MULTIPART else "unable to parse request"
        raise said(f"{what}: {problem.text}") from problem


def _has_own_from(form: SendForm) -> bool:
    return any(name.lower() == "from" for name, _ in form.options.fields)


async def _template_from(call: Call, form: SendForm, name: str) -> list[str]:
    """The From that is stored with a template."""
    version = form.options.text_of("X-Mailgun-Template-Version").lower()
    found = await call.read(templates.find, call.account_id, call.domain.name, name, version)
    if found is None:
        tag = f' or its version "{version}"' if version else ""
        raise refusal(f'template "{name}"{tag} not found')
    return [text for field, text in found.version.fields.items() if field.lower() == "from" and text]


def _judge_texts(form: SendForm, template: str) -> None:
    if template and form.last("html"):
        raise refusal("Only one parameters 'html' or 'template' is allowed")
    if not template and all(form.last(each) is None for each in _TEXTS):
        raise refusal("Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified")


def _variables(form: SendForm) -> dict[str, Any] | None:
    """The values of `recipient-variables`, {} for what is none: the reader of options refuses that."""
    given = [each for each in form.options.beside if each.name == "x-mailgun-recipient-variables"]
    return (object_of(given[-1].raw) or {}) if given else None


def _author(letter: bytes) -> Address | None:
    """The From address, None where there is none to be read: then the letter is refused anyway."""
    try:
        written = letters.parse(letter).first(b"from")
        found: list[Mailbox] = parse_mailboxes(written or b"")
    except (letters.BadLetter, BadAddress):
        return None
    return found[0].address if found else None


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v3/{domain}/messages", MAIL_SEND, _send, is_sending=True),
    Endpoint("POST", "/v3/{domain}/messages.mime", MAIL_SEND, _send_mime, is_sending=True),
)
