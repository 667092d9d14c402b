"""`POST /api/mail.send.json`, the second version of the API: one form, one letter (sendgrid.md 3.14).

What makes an `X-SMTPAPI` field invalid is answered with 400 here, because there is a caller to tell.

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.doors.api.answers import Answer, Said, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.forms import Form
from posthouse.doors.api.posting import Posted, post
from posthouse.doors.api.sendgrid.old_letter import OldForm, Wrong, build_letter, read_form
from posthouse.model.account import MAIL_SEND
from posthouse.model.message import Recipient, Submission
from posthouse.model.short_id import short_id
from posthouse.rules.policy import judge_recipient

_INVALID = "invalid-options"


async def send(call: Call) -> Answer:
    try:
        form = read_form(await call.form())
        id = call.parts.ids.new()
        content, author = build_letter(form, short_id(id))
    except Wrong as wrong:
        raise _said(str(wrong)) from wrong
    return await post(call, [Posted(content, author.address, _recipients(form), form.options, id)], _answer)


def _recipients(form: OldForm) -> list[Recipient]:
    """Each address once, whatever fields name it. Raises Refused."""
    found: dict[str, Recipient] = {}
    for people in form.people.values():
        for each in people:
            judge_recipient(each.address)
            found.setdefault(str(each.address).lower(), Recipient(str(each.address), each.address.domain))
    return list(found.values())


def _answer(submissions: list[Submission]) -> Answer:
    """Raises Said: nothing is accepted yet."""
    if submissions[0].drop_reason == _INVALID:
        raise _said(submissions[0].drop_text)
    return json_answer({"message": "success"})


def _said(sentence: str) -> Said:
    return Said(json_answer({"message": "error", "errors": [sentence]}, 400))


def _key_of(form: Form) -> str | None:
    """Documented: `api_user` and `api_key` as in a user name and password, which is `apikey` and the key."""
    user, key = form.get("api_user").strip().lower(), form.get("api_key").strip()
    if not user and not key:
        return None
    return key if user == "apikey" else ""


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/mail.send.json",
        MAIL_SEND,
        send,
        is_for_domains=True,
        is_sending=True,
        key_of_form=_key_of,
    ),
)
