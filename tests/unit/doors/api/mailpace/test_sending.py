"""MailPace's send call: its fields, what real clients make of them, and its errors to the letter."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import pytest

from posthouse.desk import accounts, domains, suppressions
from posthouse.desk.domain_settings import changed
from posthouse.dialects.event_values import numbered_id
from posthouse.model.account import DomainSettings
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store.suppressions import add
from unit.doors.api.calling import DOMAIN, Api, Reply, open_api

FROM = f"Shop <orders@{DOMAIN}>"
LETTER: dict[str, Any] = {"from": FROM, "to": "bob@far.test", "subject": "Hi", "textbody": "Hello"}


async def send(api: Api, *, path: str = "/api/v1/send", key: str = "", **changed: Any) -> Reply:
    """The letter with other fields; one that is `...` is left out."""
    body = {name: value for name, value in {**LETTER, **changed}.items() if value is not ...}
    return await api.call(
        "POST",
        path,
        token=api.token,
        json=body,
        headers={"Idempotency-Key": key} if key else {},
    )


def file(name: str = "a.pdf", content: str = "JVBERg==", **more: Any) -> dict[str, Any]:
    return {"name": name, "content": content, "content_type": "application/pdf", **more}


async def test_MP_04_a_letter_is_accepted_with_a_number_that_events_have_too(api: Api) -> None:
    reply = await send(api)
    shown = api.accepted_one()
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert reply.json() == {"id": numbered_id(shown.message.id), "status": "pending"}
    assert 0 < reply.json()["id"] < 2**53
    assert shown.options.dialect == "mailpace"
    assert shown.recipients == ["bob@far.test"]
    assert shown.mail["From"] == FROM
    assert shown.mail.get_content() == "Hello\r\n"


@pytest.mark.parametrize("path", ["/api/v1/send", "/send", "/api/v1/send/"])
@pytest.mark.parametrize(
    "header", ["MailPace-Server-Token", "Ohmysmtp-Server-Token", "MAILPACE-SERVER-TOKEN"]
)
async def test_MP_04_old_names_and_the_short_path_work(api: Api, path: str, header: str) -> None:
    reply = await api.call("POST", path, json=LETTER, headers={header: f" {api.token.secret} "})
    assert reply.status == 200


SYMFONY: dict[str, Any] = {
    "from": f'"Shop" <orders@{DOMAIN}>',
    "to": '"Bob, B" <bob@far.test>,"Eve" <eve@far.test>',
    "cc": "",
    "bcc": "",
    "replyto": "",
    "subject": "Hi",
    "textbody": None,
    "htmlbody": "<p>Hello <img src='cid:logo.png'></p>",
    "Headers": [{"Name": "X-Custom", "Value": "1"}],
    "tags": [],
    "attachments": [
        {
            "name": "logo.png",
            "content": "\r\n".join([base64.b64encode(b"\x89PNG" * 30).decode()[:76]] * 2),
            "content_type": "image/png",
            "cid": "cid:logo.png",
        }
    ],
}


async def test_MP_04_symfonys_body_is_understood(api: Api) -> None:
    reply = await api.call("POST", "/send", token=api.token, json=SYMFONY)
    assert reply.status == 200, reply.text
    shown = api.accepted_one()
    assert shown.recipients == ["bob@far.test", "eve@far.test"]
    assert [each.display_name for each in shown.mail["To"].addresses] == ["Bob, B", "Eve"]
    assert shown.mail.get_content_type() == "multipart/related"
    page, image = shown.mail.iter_parts()
    assert page.get_content_type() == "text/html"
    assert (image["Content-ID"], image.get_content_disposition()) == ("<logo.png>", "inline")
    assert shown.mail["X-Custom"] is None


async def test_MP_04_the_body_of_the_gem_for_rails_is_understood(api: Api) -> None:
    reply = await send(
        api,
        replyto="a@shop.test, b@shop.test",
        tags="['test tag', 'another-tag']",
        attachments=[file(content=base64.b64encode(b"%PDF" * 20).decode()[:60] + "\n" + "AAAA" * 5 + "\n")],
    )
    assert reply.status == 200, reply.text
    shown = api.accepted_one()
    assert shown.options.tags == ("test tag", "another-tag")
    assert [each.addr_spec for each in shown.mail["Reply-To"].addresses] == ["a@shop.test", "b@shop.test"]


TAGS = {
    "a list": (["one", "two, three"], ("one", "two, three")),
    "a text": ("one tag", ("one tag",)),
    "a text with a comma": ("one, two", ("one, two",)),
    "the text of a list": ('["a","b"]', ("a", "b")),
    "signs": (['a "b" \\ c', "ü"], ('a "b" \\ c', "ü")),
    "a line break": (["a\r\nX-Evil: 1"], ("aX-Evil: 1",)),
    "empty": ([], ()),
    "blank": (["", " "], ()),
    "null": (None, ()),
}


@pytest.mark.parametrize(("given", "wanted"), TAGS.values(), ids=TAGS)
async def test_MP_04_tags(api: Api, given: Any, wanted: tuple[str, ...]) -> None:
    assert (await send(api, tags=given)).status == 200
    assert api.accepted_one().options.tags == wanted


async def test_MP_04_all_fields(api: Api) -> None:
    reply = await send(
        api,
        to="Bob <bob@far.test>, eve@far.test",
        cc="carl@far.test",
        bcc="blind@far.test, bob@far.test",
        subject="Grüße",
        htmlbody="<p>Hello",
        inreplyto="<1@far.test>",
        references="0@far.test,<1@far.test> <2@far.test>",
        list_unsubscribe="https://shop.test/leave",
        attachments=[file("a.PDF"), file("b.pdf", cid="<b>")],
        unknown={"keys": "are", "no": "matter"},
    )
    assert reply.status == 200, reply.text
    shown = api.accepted_one()
    assert shown.recipients == ["bob@far.test", "eve@far.test", "carl@far.test", "blind@far.test"]
    mail = shown.mail
    assert (mail["Cc"], mail["Subject"], mail["Bcc"]) == ("carl@far.test", "Grüße", None)
    assert mail["In-Reply-To"] == "<1@far.test>"
    assert mail["References"] == "<0@far.test> <1@far.test> <2@far.test>"
    assert shown.options.list_unsubscribe == "<https://shop.test/leave>"
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "application/pdf", "application/pdf"]
    assert mail.get_content_type() == "multipart/mixed"


UNDEFINED, INVALID = "undefined field", "is invalid"
BAD_FILE = "Extension file type blocked, see Docs for full list of allowed file types"
FIELD_ERRORS: dict[str, tuple[dict[str, Any], dict[str, list[str]]]] = {
    "no to": ({"to": ...}, {"to": [UNDEFINED]}),
    "an empty to": ({"to": ""}, {"to": [UNDEFINED]}),
    "to is null": ({"to": None}, {"to": [UNDEFINED]}),
    "to is no address": ({"to": "bob"}, {"to": [INVALID]}),
    "to is a list": ({"to": ["bob@far.test"]}, {"to": [INVALID]}),
    "cc is no address": ({"cc": "bob@"}, {"cc": [INVALID]}),
    "replyto is no address": ({"replyto": "x y"}, {"replyto": [INVALID]}),
    "51 recipients": (
        {"to": ",".join(f"a{n}@far.test" for n in range(50)), "bcc": "b@far.test"},
        {"to": ["number of email addresses exceeds maximum volume"]},
    ),
    "no body": ({"textbody": ...}, {"htmlbody": [UNDEFINED]}),
    "empty bodies": ({"textbody": "", "htmlbody": None}, {"htmlbody": [UNDEFINED]}),
    "a body that is a number": ({"textbody": 1}, {"textbody": [INVALID]}),
    "a subject that is a list": ({"subject": []}, {"subject": [INVALID]}),
    "references that are none": ({"references": "<a b@c>"}, {"references": [INVALID]}),
    "inreplyto with a line break": ({"inreplyto": "<a@b\x85>"}, {"inreplyto": [INVALID]}),
    "tags of numbers": ({"tags": [1]}, {"tags": [INVALID]}),
    "attachments are a text": ({"attachments": "x"}, {"attachments": [INVALID]}),
    "an attachment is a text": ({"attachments": ["x"]}, {"attachments": [INVALID]}),
    "a program": ({"attachments": [file("a.exe")]}, {"attachments.name": [BAD_FILE]}),
    "two stops": ({"attachments": [file("image.001.jpeg")]}, {"attachments.name": [BAD_FILE]}),
    "no stop": ({"attachments": [file("README")]}, {"attachments.name": [BAD_FILE]}),
    "no name": ({"attachments": [file("")]}, {"attachments.name": [UNDEFINED]}),
    "no content": ({"attachments": [file(content=None)]}, {"attachments.content": [UNDEFINED]}),
    "no base64": ({"attachments": [file(content="=x")]}, {"attachments.content": [INVALID]}),
    "several": (
        {"to": "x", "cc": "y", "attachments": [file("a.exe", "!"), file("b.exe")]},
        {
            "to": [INVALID],
            "cc": [INVALID],
            "attachments.content": [INVALID],
            "attachments.name": [BAD_FILE],
        },
    ),
}


@pytest.mark.parametrize(("changed", "errors"), FIELD_ERRORS.values(), ids=FIELD_ERRORS)
async def test_MP_04_field_errors(api: Api, changed: Mapping[str, Any], errors: dict[str, list[str]]) -> None:
    reply = await send(api, **changed)
    assert (reply.status, reply.json()) == (400, {"errors": errors})
    assert api.accepted() == []


FROMS = [..., None, "", "nobody", f"a@{DOMAIN}, b@{DOMAIN}", ["a@shop.test"], f"a\r\nb <a@{DOMAIN}>"]


@pytest.mark.parametrize("value", FROMS, ids=ascii)
async def test_MP_04_a_from_that_cannot_be_read(api: Api, value: Any) -> None:
    reply = await send(api, **{"from": value})
    assert (reply.status, reply.json()) == (400, {"error": "Email from address not parseable"})


@pytest.mark.parametrize("domain", ["sub.shop.test", "test", "other.test", "unknown.test"])
async def test_MP_04_another_domain_in_from(api: Api, domain: str) -> None:
    reply = await send(api, **{"from": f"a@{domain}"})
    text = "Verified domain does not match domain in From address of email"
    assert (reply.status, reply.json()) == (403, {"error": text})


async def test_MP_04_who_calls(api: Api) -> None:
    reply = await api.call("POST", "/api/v1/send", json=LETTER)
    assert (reply.status, reply.json()) == (401, {"error": "Missing API Token"})
    reply = await api.call("POST", "/api/v1/send", json=LETTER, headers={"MailPace-Server-Token": " "})
    assert (reply.status, reply.json()) == (401, {"error": "Missing API Token"})
    reply = await api.call("POST", "/api/v1/send", json=LETTER, token="nonsense")
    assert (reply.status, reply.json()) == (400, {"error": "Invalid API Token"})


@pytest.mark.parametrize("body", [b"", b"from=a", b"{", b"[]", b'"x"', b"\xff"])
async def test_MP_04_what_is_no_json_object(api: Api, body: bytes) -> None:
    reply = await api.call("POST", "/api/v1/send", token=api.token, body=body)
    assert (reply.status, reply.json()) == (406, {"error": "Invalid request format or content type"})


@pytest.mark.parametrize("type", ["", "text/plain", "application/json; charset=utf-8", "application/x+json"])
async def test_MP_04_the_type_of_json_does_not_matter(api: Api, type: str) -> None:
    reply = await api.call(
        "POST", "/api/v1/send", token=api.token, json=LETTER, headers={"Content-Type": type, "Accept": "*/*"}
    )
    assert reply.status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/send"), ("POST", "/api/v1/domains"), ("PUT", "/send")]
)
async def test_MP_04_there_is_nothing_else(api: Api, method: str, path: str) -> None:
    reply = await api.call(method, path, token=api.token)
    assert (reply.status, reply.json()) == (404, {"error": "Not Found"})


async def test_MP_04_an_unverified_domain(api: Api) -> None:
    await api.add_domain("fresh.test", is_verified=False)
    token = await api.issue(("mail.send",), domain="fresh.test", dialect="mailpace")
    reply = await api.call("POST", "/api/v1/send", token=token, json={})  # before the fields are looked at
    text = "Domain DKIM DNS not verified, please complete DKIM Verification"
    assert (reply.status, reply.json()) == (403, {"error": text})


async def test_MP_04_a_suspended_account(api: Api) -> None:
    await api.write(accounts.suspend, "")
    await api.parts.identity.refresh(api.store)
    reply = await send(api)
    text = "This organization is unable to send emails. Please contact support"
    assert (reply.status, reply.json()) == (403, {"error": text})


async def test_MP_04_a_blocked_address_is_refused_by_field(api: Api) -> None:
    rows = [
        Suppression(api.account_id, "gone@far.test", SuppressionKind.BOUNCE, DOMAIN, "", 0.0),
        Suppression(api.account_id, "bob@far.test", SuppressionKind.BOUNCE, "another.test", "", 0.0),
        Suppression(api.other_id, "bob@far.test", SuppressionKind.BOUNCE, "", "", 0.0),
    ]
    await api.write(add, rows)
    assert (await send(api)).status == 200  # other domains' and accounts' lists do not matter
    reply = await send(api, to="bob@far.test, Gone@far.test", cc="x@far.test")
    assert (reply.status, reply.json()) == (400, {"errors": {"to": ["contains a blocked address"]}})
    reply = await send(api, bcc="gone@far.test")
    assert (reply.status, reply.json()) == (400, {"errors": {"bcc": ["contains a blocked address"]}})
    await api.write(suppressions.allow, api.account_id, ["gone@far.test"], "", api.clock.now(), "")
    assert (await send(api, to="gone@far.test")).status == 200


@pytest.mark.parametrize("host", [DOMAIN, f"news.{DOMAIN}"])
async def test_MP_04_with_a_key_of_the_account_the_lists_of_the_domain_in_from_count(
    api: Api, host: str
) -> None:
    rows = [
        Suppression(api.account_id, "gone@far.test", SuppressionKind.BOUNCE, DOMAIN, "", 0.0),
        Suppression(api.account_id, "bob@far.test", SuppressionKind.BOUNCE, "far.test", "", 0.0),
    ]
    await api.write(add, rows)
    body = {**LETTER, "from": f"orders@{host}"}
    path, key = "/api/v1/send", api.sending
    assert (await api.call("POST", path, token=key, json=body)).status == 200
    reply = await api.call("POST", path, token=key, json={**body, "to": "gone@far.test"})
    assert (reply.status, reply.json()) == (400, {"errors": {"to": ["contains a blocked address"]}})


async def test_MP_04_too_quick(tmp_path: Any) -> None:
    async with open_api(tmp_path) as api:
        await api.write(accounts.change_settings, "", ["minute_messages=1"])
        await api.parts.identity.refresh(api.store)
        assert (await send(api)).status == 200
        reply = await send(api)
        assert (reply.status, reply.json()) == (429, {"error": "You are sending emails too quickly"})
        assert int(reply.headers["retry-after"]) > 0


SETTINGS = {
    "all": (("all",), ["a.exe", "README", "a.b.c"], []),
    "safe": (("safe",), ["a.md", "README", "image.001.jpeg"], ["a.exe", "a.b.JS"]),
    "own": (("md", "pdf"), ["a.MD", "a.b.pdf"], ["a.png", "README"]),
}


@pytest.mark.parametrize(("setting", "good", "bad"), SETTINGS.values(), ids=SETTINGS)
async def test_MP_04_a_domain_chooses_its_files(
    api: Api, setting: tuple[str, ...], good: list[str], bad: list[str]
) -> None:
    pairs = [f"attachment_types={','.join(setting)}"]
    await api.write(
        domains.change_settings, api.account_id, DOMAIN, lambda settings: changed(settings, pairs)
    )
    await api.parts.identity.refresh(api.store)
    assert api.parts.identity.settings_of(DOMAIN) == DomainSettings(attachment_types=tuple(sorted(setting)))
    for name in good:
        assert (await send(api, attachments=[file(name)])).status == 200, name
    for name in bad:
        assert (await send(api, attachments=[file(name)])).status == 400, name


async def test_MP_04_a_type_that_is_none(api: Api) -> None:
    reply = await send(api, attachments=[file(content_type="pdf")])
    assert reply.status == 400
    assert list(reply.json()["errors"]) == ["attachments"]
    assert (await send(api, attachments=[file(content_type="custom/type")])).status == 200
    assert (await send(api, attachments=[file(content_type=None)])).status == 200


@pytest.mark.parametrize("text", ["a\r\nBcc: x@y.test", "a\nb", "a\u2028b", "a\x85b", "a\x00b"])
async def test_S4_line_breaks_in_a_call_are_refused(api: Api, text: str) -> None:
    for field in (
        {"subject": text},
        {"inreplyto": f"<{text}@b>"},
        {"attachments": [file(f"{text}.pdf".replace("y.test", "y"))]},
        {"attachments": [file(content_type=f"text/{text}")]},
        {"attachments": [file(cid=text)]},
    ):
        reply = await send(api, **field)
        assert reply.status == (406 if "\0" in text else 400), (field, reply.text)
    assert api.accepted() == []


@pytest.mark.parametrize("text", ["\u2028", "\x85", "\u202e"])
async def test_S4_odd_characters_in_a_name_make_no_harm(api: Api, text: str) -> None:
    assert (await send(api, to=f'"a{text}b" <b@far.test>')).status == 200
    shown = api.accepted_one()
    assert text.encode() not in shown.content
    assert shown.recipients == ["b@far.test"]
    assert (await send(api, to=f'"a\r\nBcc: x@y.test{text}" <b@far.test>')).status == 400


# -- idempotency (mailpace.md 8) -----------------------------------------------------------------------


async def test_MP_04_the_same_key_gets_the_first_answer_whatever_the_body(any_api: Api) -> None:
    first = await send(any_api, key="k")
    again = await send(any_api, key="k")
    other = await send(any_api, key="k", to="nonsense", subject=7)
    nonsense = await any_api.call(
        "POST", "/send", token=any_api.token, body=b"{", headers={"Idempotency-Key": "k"}
    )
    assert [reply.status for reply in (first, again, other, nonsense)] == [200] * 4
    assert first.json() == again.json() == other.json() == nonsense.json()
    assert len(any_api.accepted()) == 1


async def test_MP_04_a_key_belongs_to_its_token_and_lasts_a_day(api: Api) -> None:
    first = await send(api, key="k")
    token = await api.issue(("mail.send",), domain=DOMAIN, dialect="mailpace")
    reply = await api.call("POST", "/api/v1/send", token=token, json=LETTER, headers={"Idempotency-Key": "k"})
    assert reply.json() != first.json()
    api.clock.advance(86_401)
    assert (await send(api, key="k")).json() != first.json()
    assert len(api.accepted()) == 3


async def test_MP_04_an_error_does_not_use_up_the_key(api: Api) -> None:
    assert (await send(api, key="k", to="x")).status == 400
    assert (await send(api, key="k")).status == 200


async def test_MP_04_a_key_that_is_too_long(api: Api) -> None:
    assert (await send(api, key="k" * 255)).status == 200
    reply = await send(api, key="k" * 256)
    assert reply.status == 400
    assert list(reply.json()) == ["error"]


async def test_S29_many_calls_with_one_key_at_once_send_one_letter(any_api: Api) -> None:
    replies = await asyncio.gather(*[send(any_api, key="k", subject=f"{n}") for n in range(64)])
    assert {reply.status for reply in replies} == {200}
    assert len({reply.text for reply in replies}) == 1
    assert len(any_api.accepted()) == 1


async def test_MP_04_the_files_of_a_call_with_an_accounts_key_are_those_of_the_authors_domain(
    api: Api,
) -> None:
    await api.write(
        domains.change_settings,
        api.account_id,
        DOMAIN,
        lambda settings: changed(settings, ["attachment_types=md"]),
    )
    for name, status in (("a.md", 200), ("a.pdf", 400)):
        body = LETTER | {"attachments": [file(name)]}
        assert (await api.call("POST", "/api/v1/send", token=api.full, json=body)).status == status, name
    theirs = LETTER | {"from": "x@other.test", "attachments": [file("a.md")]}
    reply = await api.call("POST", "/api/v1/send", token=api.full, json=theirs)
    nobodys = LETTER | {"from": "x@none.test", "attachments": [file("a.md")]}
    assert reply.body == (await api.call("POST", "/api/v1/send", token=api.full, json=nobodys)).body
