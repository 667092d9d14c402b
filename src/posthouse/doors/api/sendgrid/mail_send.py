"""`POST /v3/mail/send`: each personalization one letter, all accepted in one transaction.

The ordinary call is decoded straight into types and goes its way; only one that is unusual or wrong is looked
at value by value, so that its answer names every mistake at once.

Public: ENDPOINTS.
"""

from __future__ import annotations

from functools import partial

import msgspec

from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.posting import post
from posthouse.doors.api.sendgrid.letters import letters_of
from posthouse.doors.api.sendgrid.mail_request import MailSend, decode
from posthouse.model.account import MAIL_SEND
from posthouse.model.message import Submission
from posthouse.model.short_id import short_id

_TYPES = ("application/json", "")
_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


async def send(call: Call) -> Answer:
    kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise Problem(415, "bad-type", "The body should be JSON")
    request = _decoded(await call.body())
    letters = letters_of(request, call.parts.ids.new)
    return await post(call, letters, partial(_accepted, request.is_sandboxed))


def _accepted(is_sandboxed: bool, submissions: list[Submission]) -> Answer:
    if is_sandboxed:  # documented: nothing was made that could have an id
        return Answer(200, b"", _PLAIN)
    return Answer(202, b"", {**_PLAIN, "X-Message-Id": short_id(submissions[0].id)})


def _decoded(body: bytes) -> MailSend:
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "bad-json", f"The body is not what mail/send takes: {error}") from error


ENDPOINTS = (Endpoint("POST", "/v3/mail/send", MAIL_SEND, send, is_for_domains=True, is_sending=True),)
