"""`POST /v3/mail/send`: each personalization one letter, all accepted in one transaction.

The ordinary call is decoded straight into types and goes its way; only one that is unusual or wrong is looked
at value by value, so that its answer names every mistake at once.

Public: ENDPOINTS.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from posthouse.dialects.sendgrid.mail_rules import Fault, Known, faults_of
from posthouse.dialects.sendgrid.mail_rules.faults import Repeated, shown
from posthouse.doors.api.answers import Answer, Problem, Said
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.posting import Posted, post
from posthouse.doors.api.sendgrid import errors_page
from posthouse.doors.api.sendgrid.letters import letters_of
from posthouse.doors.api.sendgrid.mail_request import MailSend, decode
from posthouse.doors.api.sendgrid.phrases import errors_answer
from posthouse.model.account import MAIL_SEND
from posthouse.model.address import BadAddress
from posthouse.model.errors import Refused
from posthouse.model.message import Submission
from posthouse.model.short_id import short_id
from posthouse.rules.policy import registered

HOURS = 72.0  # documented; a domain may allow more
_TYPES = ("application/json", "")
_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
_OF_ACCOUNT = ("asm", "ip_pool_name", "send_at", "personalizations")  # what news may heal
_decode_any = msgspec.json.Decoder().decode


async def send(call: Call) -> Answer:
    _judge_type(call)
    body = await call.body()
    request = _typed(body)
    letters = None
    if request is not None and request.is_ordinary:
        letters = _ordinary(call, request)
    if request is None or letters is None:
        await _judge(call, body)
        if request is None:  # no rule minds what the types do
            raise _no_json(body, "it has another shape")
        letters = _letters(call, request)
    try:
        return await post(call, letters, partial(_accepted, request.is_sandboxed))
    except Refused as refused:
        if refused.reason != "bad-template":
            raise
        raise Said(_errors(call, [_template_fault(request, refused)])) from refused


def _judge_type(call: Call) -> None:
    if call.content_type not in _TYPES:
        raise Problem(415, "bad-type", "The body should be JSON")


def _typed(body: bytes) -> MailSend | None:
    """None: it is JSON of another shape. Raises Problem."""
    try:
        return decode(body)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_json(body, str(error)) from error


def _no_json(body: bytes, why: str) -> Problem:
    try:
        body.decode()
    except UnicodeDecodeError:
        return Problem(415, "bad-encoding", "Invalid UTF8 in request")
    return Problem(400, "bad-json", f"The body is not what mail/send takes: {why}")


def _letters(call: Call, request: MailSend) -> list[Posted]:
    """Raises BadAddress, Refused, Problem."""
    letters: list[Posted] = []
    for letter in letters_of(request, call.parts.ids.new):
        if letters:  # the first is no larger than its body, but each has a copy of the attachments
            call.hold(len(letter.content))
        letters.append(letter)
    return letters


def _ordinary(call: Call, request: MailSend) -> list[Posted] | None:
    """None: something about it is wrong after all."""
    try:
        return _letters(call, request)
    except (BadAddress, Refused):
        return None


def _accepted(is_sandboxed: bool, submissions: list[Submission]) -> Answer:
    if is_sandboxed:  # documented: nothing was made that could have an id
        return Answer(200, b"", _PLAIN)
    return Answer(202, b"", {**_PLAIN, "X-Message-Id": short_id(submissions[0].id)})


# What is wrong with it


async def _judge(call: Call, body: bytes) -> None:
    """Raises Said with all faults, Problem."""
    value = _value(body)
    faults = faults_of(value, _known(call, value))
    if _may_be_news(faults) and await call.parts.identity.refresh(call.parts.store):
        faults = faults_of(value, _known(call, value))
    if faults:
        raise Said(_errors(call, faults))


def _value(body: bytes) -> Any:
    try:
        value = _decode_any(body)
        # RFC 8259 4: names should be unique, and headers must be; only a slower reader tells
        return json.loads(body, object_pairs_hook=_object) if b'"headers"' in body else value
    except (ValueError, RecursionError) as error:
        raise _no_json(body, str(error)) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(found)


def _may_be_news(faults: Sequence[Fault]) -> bool:
    return any((fault.field or "").startswith(_OF_ACCOUNT) for fault in faults)


def _known(call: Call, value: Any) -> Known:
    identity, account_id = call.parts.identity, call.account_id
    return Known(
        now=call.now,
        schedule_hours=max(HOURS, _schedule_days(call, value) * 24),
        groups=identity.groups_of(account_id),
        owns_pool=lambda name: identity.pool_sources(account_id, name) is not None,
    )


def _schedule_days(call: Call, value: Any) -> float:
    """What the author's domain allows."""
    author = value.get("from") if isinstance(value, dict) else None
    email = author.get("email") if isinstance(author, dict) else None
    name = email.rpartition("@")[2].strip().lower() if isinstance(email, str) else ""
    found = registered(name, call.parts.identity.domain)
    is_own = found is not None and found.account_id == call.account_id
    return found.settings.schedule_days if found is not None and is_own else 0.0


def _errors(call: Call, faults: Sequence[Fault]) -> Answer:
    page = call.parts.settings.http.sendgrid_errors or f"{call.base_url}{errors_page.PATH}"
    return errors_answer(faults, has_help=True, help_url=page)


def _template_fault(request: MailSend, refused: Refused) -> Fault:
    if refused.text.endswith("not found"):
        text = "The Template ID must be a valid template id for your account. You provided "
        return Fault(f"{text}{shown(request.template_id)}.", "template_id")
    return Fault(f"Must be a valid template. {refused.text[0].upper()}{refused.text[1:]}", "template_id")


ENDPOINTS = (Endpoint("POST", "/v3/mail/send", MAIL_SEND, send, is_for_domains=True, is_sending=True),)
