"""doors.api.sendgrid.old_send: the second version's form becomes a letter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from unit.doors.api.calling import DOMAIN, Api

SEND = "/api/mail.send.json"
BREAKS = ["\r\n", "\r", "\n", "\0", "\x85", "\u2028"]


def form(**more: Any) -> dict[str, Any]:
    usual = {"to": "ann@there.test", "from": f"shop@{DOMAIN}", "subject": "Hello", "text": "Hi there"}
    return {key: value for key, value in {**usual, **more}.items() if value is not None}


async def test_SG_11_a_form_of_the_second_version_is_a_letter(any_api: Api) -> None:
    api = any_api
    given = form(
        **{"to[]": ["ann@there.test", "bob@there.test"], "toname[]": ["Ann", "Bob"]},
        **{"cc[0]": "c@there.test", "ccname": "Cee", "bcc": "d@there.test", "fromname": "The Shop"},
        to=None,
        replyto="help@shop.test",
        html="<img src=cid:logo>",
        date="Thu, 01 Jan 2026 12:00:00 +0000",
        headers=json.dumps({"X-Own": "1"}),
        **{"content[logo.png]": "logo", "x-smtpapi": json.dumps({"category": "news"})},
    )
    files = [
        ("files[logo.png]", "ignored", b"\x89PNG", "image/png"),
        ("files[a.txt]", "a.txt", b"file", "text/plain"),
    ]
    reply = await api.call("POST", SEND, key=api.sending, form=given, files=files)
    assert (reply.status, reply.json()) == (200, {"message": "success"})
    shown = api.accepted_one()
    assert shown.recipients == ["ann@there.test", "bob@there.test", "c@there.test", "d@there.test"]
    assert shown.options.tags == ("news",)
    mail = shown.mail
    assert (mail["To"], mail["Cc"]) == ("Ann <ann@there.test>, Bob <bob@there.test>", "Cee <c@there.test>")
    assert (mail["From"], mail["Reply-To"]) == (f"The Shop <shop@{DOMAIN}>", "help@shop.test")
    assert (mail["Bcc"], mail["X-Own"], mail["X-SMTPAPI"]) == (None, "1", None)
    assert mail["Date"].startswith("Thu, 01 Jan 2026 12:00:00")
    by_name = {part.get_filename(): part for part in mail.walk() if part.get_filename()}
    assert set(by_name) == {"logo.png", "a.txt"}
    assert by_name["logo.png"]["Content-ID"] == "<logo>"
    assert by_name["a.txt"].get_content_disposition() == "attachment"


async def test_SG_11_the_header_names_who_gets_a_copy_of_its_own(api: Api) -> None:
    told = {"to": ["a@there.test", "b@there.test"], "sub": {"-n-": ["Ann", "Bob"]}}
    given = form(**{"x-smtpapi": json.dumps(told, indent=1)}, text="Hi -n-")
    reply = await api.call("POST", SEND, key=api.full, form=given)
    assert reply.status == 200
    assert api.accepted_one().recipients == ["a@there.test", "b@there.test"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"to": None}, "Missing destination email"),
        ({"from": None}, "Empty from email address (required)"),
        ({"subject": None}, "Missing subject"),
        ({"text": None}, "Missing email body"),
        ({"to": "nobody"}, "Invalid email address nobody"),
        ({"x-smtpapi": "{"}, "JSON in x-smtpapi could not be parsed"),
        ({"x-smtpapi": "[]"}, "JSON in x-smtpapi could not be parsed"),
        ({"x-smtpapi": '{"send_at": "soon"}'}, "Invalid SMTPAPI header: send_at must be"),
        ({"x-smtpapi": '{"asm_group_id": 77}'}, "Invalid SMTPAPI header: asm_group_id 77 does not exist"),
        ({"headers": "x"}, "JSON in headers could not be parsed"),
        ({"headers": '{"X-A": 1}'}, "The header X-A must be a text"),
        ({"headers": '{"To": "x@there.test"}'}, "The header To cannot be given"),
        ({"headers": '{"X-SMTPAPI": "{}"}'}, "The header X-SMTPAPI cannot be given"),
        ({"date": "tomorrow"}, "Invalid date tomorrow"),
        ({"content[a.png]": "a"}, "content names the file a.png"),
        ({"to[]": [f"p{at}@there.test" for at in range(1001)]}, "Too many recipients"),
    ],
)
async def test_SG_11_a_wrong_form_is_told_in_one_sentence(
    api: Api, change: dict[str, Any], sentence: str
) -> None:
    reply = await api.call("POST", SEND, key=api.full, form=form(**change))
    assert (reply.status, reply.json()["message"]) == (400, "error")
    (told,) = reply.json()["errors"]
    assert told.startswith(sentence)
    assert api.accepted() == []


async def test_SG_11_the_second_version_takes_the_key_as_a_password_too(api: Api) -> None:
    import base64

    written = base64.b64encode(f"apikey:{api.sending.secret}".encode()).decode()
    reply = await api.call("POST", SEND, form=form(), headers={"Authorization": f"Basic {written}"})
    assert reply.status == 200
    reply = await api.call("POST", SEND, form=form())
    assert (reply.status, reply.json()["errors"]) == (401, ["Bad username / password"])


async def test_S20_the_second_version_sends_for_own_domains_only(api: Api) -> None:
    reply = await api.call("POST", SEND, key=api.others, form=form())
    assert (reply.status, reply.json()["message"]) == (403, "error")
    assert api.accepted() == []


@pytest.mark.parametrize(
    "place",
    [
        *("to", "toname", "cc", "ccname", "bcc", "bccname", "from", "fromname", "replyto", "subject", "date"),
        *("header name", "header value", "file name", "cid", "category", "smtpapi to", "smtpapi sub"),
        *("text", "html"),
    ],
)
async def test_S3_S4_a_line_break_in_a_form_adds_nothing(api: Api, place: str) -> None:
    for sign in BREAKS:
        reply = await api.call("POST", SEND, key=api.full, form=form(**broken(place, sign)))
        assert reply.status in (200, 400), (sign, reply.text)
    for shown in api.accepted():
        sent = [each.recipient for each in shown.deliveries if each.state.value == "waiting"]
        assert not any("evil" in recipient for recipient in sent)
        assert all(recipient.isprintable() for recipient in shown.recipients)
        head = shown.content.partition(b"\r\n\r\n")[0]
        assert not any(line.lower().startswith((b"bcc", b"x-evil")) for line in head.splitlines())


def broken(place: str, sign: str) -> dict[str, Any]:
    bad = f"a{sign}Bcc: evil@there.test{sign}X-Evil: 1"
    address = f"ann@there.test{sign}Bcc: evil@there.test"
    own = {
        "header name": {"headers": json.dumps({bad: "1"})},
        "header value": {"headers": json.dumps({"X-A": bad})},
        "file name": {f"files[{bad}]": "x"},
        "cid": {"files[a.png]": "x", "content[a.png]": bad, "html": "<p>"},
        "category": {"x-smtpapi": json.dumps({"category": bad})},
        "smtpapi to": {"x-smtpapi": json.dumps({"to": [address]})},
        "smtpapi sub": {
            "x-smtpapi": json.dumps({"to": [f"Ann{sign}X-Evil: 1 <ann@there.test>"], "sub": {"-n-": [bad]}})
        },
    }
    if place in own:
        return own[place]
    return {place: address if place in ("to", "cc", "bcc", "from", "replyto") else bad}


async def test_SG_11_a_form_may_show_the_key_itself(api: Api) -> None:
    shown = {"api_user": "apikey", "api_key": api.sending.secret}
    reply = await api.call("POST", SEND, form=form(**shown))
    assert (reply.status, reply.json()) == (200, {"message": "success"})
    assert api.sending.secret.encode() not in api.accepted_one().content
    wrong = ({"api_key": "SG.no"}, {"api_user": "joe"}, {"api_user": "apikey", "api_key": ""})
    for more in wrong:
        refused = await api.call("POST", SEND, form=form(**{**shown, **more}))
        assert (refused.status, refused.json()["errors"]) == (401, ["Bad username / password"]), more
    large = await api.call("POST", SEND, form=form(**shown, text="x" * 2**20))
    assert large.status == 401
    bearer = await api.call("POST", SEND, key="SG.no", form=form(**shown))
    assert bearer.status == 401, "the header counts"
    assert len(api.accepted()) == 1
    assert (await api.call("POST", "/v3/mail/send", form=form(**shown))).status == 401
