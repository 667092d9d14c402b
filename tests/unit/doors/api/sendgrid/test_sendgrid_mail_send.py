"""doors.api.sendgrid.mail_send: what becomes of a call."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from posthouse.model.short_id import long_id
from unit.doors.api.calling import DOMAIN, Api

SEND = "/v3/mail/send"


def body(**more: Any) -> dict[str, Any]:
    """An ordinary call, with these keys put over it; None takes a key away."""
    usual = {
        "personalizations": [{"to": [{"email": "ann@there.test", "name": "Ann"}]}],
        "from": {"email": f"shop@{DOMAIN}", "name": "The Shop"},
        "subject": "Hello",
        "content": [
            {"type": "text/plain", "value": "Hi there"},
            {"type": "text/html", "value": "<p>Hi there</p>"},
        ],
    }
    return {key: value for key, value in {**usual, **more}.items() if value is not None}


async def test_an_ordinary_call_is_one_letter(any_api: Api) -> None:
    api = any_api
    reply = await api.call("POST", SEND, key=api.sending, json=body())
    assert (reply.status, reply.body) == (202, b"")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    shown = api.accepted_one()
    assert shown.message.id == long_id(reply.headers["x-message-id"])
    assert shown.recipients == ["ann@there.test"]
    assert shown.message.sender == f"shop@{DOMAIN}"
    mail = shown.mail
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        f"The Shop <shop@{DOMAIN}>",
        "Ann <ann@there.test>",
        "Hello",
    )
    assert mail["Message-ID"] == f"<{reply.headers['x-message-id']}@{DOMAIN}>"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content().strip() for part in mail.iter_parts()] == ["Hi there", "<p>Hi there</p>"]


async def test_each_personalization_is_a_letter_and_all_are_known_by_one_id(api: Api) -> None:
    people = [
        {"to": [{"email": "a@there.test"}, {"email": "b@there.test"}], "bcc": [{"email": "c@there.test"}]},
        {"to": [{"email": "d@there.test"}], "subject": "Own", "headers": {"X-Own": "1"}},
    ]
    reply = await api.call(
        "POST", SEND, key=api.full, json=body(personalizations=people, headers={"X-All": "2"})
    )
    assert reply.status == 202
    first, second = api.accepted()
    assert first.recipients == ["a@there.test", "b@there.test", "c@there.test"]
    assert (first.mail["To"], first.mail["Bcc"]) == ("a@there.test, b@there.test", None)
    assert (second.mail["Subject"], second.mail["X-Own"], second.mail["X-All"]) == ("Own", "1", "2")
    assert {each.options.call_id for each in (first, second)} == {first.message.id}
    assert [each.options.call_place for each in (first, second)] == [0, 3]
    assert long_id(reply.headers["x-message-id"]) == first.message.id


@pytest.mark.parametrize("is_on", [True, False])
async def test_a_sandboxed_call_is_checked_only(api: Api, is_on: bool) -> None:
    settings = {"sandbox_mode": {"enable": is_on}}
    reply = await api.call("POST", SEND, key=api.full, json=body(mail_settings=settings))
    assert (reply.status, reply.body) == ((200, b"") if is_on else (202, b""))
    assert len(api.accepted()) == (0 if is_on else 1)
    assert ("x-message-id" in reply.headers) is not is_on


async def test_a_from_that_is_not_ours_is_403(api: Api) -> None:
    reply = await api.call("POST", SEND, key=api.full, json=body(**{"from": {"email": "x@strange.test"}}))
    assert reply.status == 403
    (error,) = reply.json()["errors"]
    assert error["message"].startswith("The from address does not match a verified Sender Identity.")
    assert (error["field"], error["help"]) == ("from", None)
    assert api.accepted() == []


async def test_a_call_made_twice_with_one_key_is_one_mail(api: Api) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await api.call("POST", SEND, key=api.full, json=body(), headers=headers)
    again = await api.call("POST", SEND, key=api.full, json=body(), headers=headers)
    assert first.status == again.status == 202
    assert first.headers["x-message-id"] == again.headers["x-message-id"]
    assert len(api.accepted()) == 1
    other = await api.call("POST", SEND, key=api.full, json=body(subject="Other"), headers=headers)
    assert other.status == 409


@pytest.mark.parametrize(
    ("held", "status", "message"),
    [
        (0, 413, "The letters of this call are too large together; make several calls of it"),
        (950_000, 503, "Too much mail at once; try again in a minute"),
    ],
    ids=["alone", "beside-others"],
)
async def test_letters_of_one_call_do_not_fill_the_memory(
    api: Api, monkeypatch: pytest.MonkeyPatch, held: int, status: int, message: str
) -> None:
    """An attachment is in the call once, and in each of its letters."""
    budget = api.parts.budget
    monkeypatch.setattr(budget, "limit_bytes", 1_000_000 if not held else 1_300_000)
    monkeypatch.setattr(budget, "held_bytes", held)
    file = {"content": b64encode(bytes(60_000)).decode(), "filename": "a.bin"}
    people = [{"to": [{"email": f"a{n}@there.test"}]} for n in range(11 if held else 20)]
    given = body(personalizations=people, attachments=[file])
    reply = await api.call("POST", SEND, key=api.full, json=given)
    assert (reply.status, reply.json()["errors"][0]["message"]) == (status, message)
    assert api.accepted() == [] and budget.held_bytes == held
    few = body(personalizations=people[:2], attachments=[file])
    assert (await api.call("POST", SEND, key=api.full, json=few)).status == 202
