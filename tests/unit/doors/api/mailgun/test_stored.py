"""Stored letters and what waits of a domain."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from posthouse.desk import templates
from posthouse.model.short_id import short_id
from posthouse.store import envelopes, messages
from unit.doors.api.calling import DOMAIN, HOST, OTHER_DOMAIN, Api, Reply

SEND = f"/v3/{DOMAIN}/messages"
LEAST = {"from": f"Shop <shop@{DOMAIN}>", "to": "bob@example.net", "subject": "Grüße", "text": "Hi"}
FILES = [
    ("attachment", "bill.pdf", b"%PDF", "application/pdf"),
    ("inline", "logo.png", b"\x89PNG", "image/png"),
]


async def send(api: Api, files: Any = (), **more: Any) -> str:
    """The storage key of a new letter."""
    reply = await api.call("POST", SEND, basic=api.full, form={**LEAST, **more}, files=files)
    assert reply.status == 200, reply.text
    return short_id(api.accepted()[-1].message.id)


def path_of(key: str, domain: str = DOMAIN) -> str:
    return f"/v3/domains/{domain}/messages/{key}"


async def get(api: Api, path: str, **more: Any) -> Reply:
    return await api.call("GET", path, basic=api.full, **more)


async def test_a_letter_as_json(api: Api) -> None:
    key = await send(api, FILES, html='<img src="cid:logo.png">', **{"o:tag": "T", "cc": "c@example.net"})
    reply = await get(api, path_of(key))
    assert reply.status == 200
    shown = reply.json()
    assert shown["Subject"] == shown["subject"] == "Grüße"
    assert shown["From"] == shown["from"] == f"Shop <shop@{DOMAIN}>"
    assert shown["To"] == "bob@example.net"
    assert shown["recipients"] == "bob@example.net, c@example.net"
    assert shown["sender"] == f"shop@{DOMAIN}"
    assert shown["Message-Id"] == api.accepted_one().message.header_id
    assert shown["X-Mailgun-Tag"] == "T"
    assert (shown["body-plain"].strip(), shown["stripped-text"].strip()) == ("Hi", "Hi")
    assert shown["body-html"].strip() == shown["stripped-html"].strip() == '<img src="cid:logo.png">'
    assert ["Subject", "Grüße"] in shown["message-headers"]
    assert [(each["name"], each["size"], each["content-type"]) for each in shown["attachments"]] == [
        ("logo.png", 4, "image/png"),
        ("bill.pdf", 4, "application/pdf"),
    ]
    assert list(shown["content-id-map"]) == ["<logo.png>"]
    url = urlsplit(shown["attachments"][1]["url"])
    assert url.netloc == HOST
    file = await get(api, url.path)
    assert (file.status, file.body) == (200, b"%PDF")
    assert file.headers["content-disposition"] == "attachment"
    assert file.headers["content-type"] == "application/octet-stream"


async def test_a_letter_as_mime_is_inside_of_json(api: Api) -> None:
    key = await send(api)
    reply = await get(api, path_of(key), headers={"Accept": "message/rfc2822"})
    shown = reply.json()
    assert set(shown) == {"recipients", "sender", "from", "subject", "body-mime"}
    assert shown["body-mime"].encode() == api.accepted_one().content


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    key = await send(api)
    absent = [
        path_of("A" * 22),
        path_of("x"),
        path_of(quote("../x", safe="")),
        f"{path_of('x')}/attachments/0",
    ]
    for path in absent:
        assert (await get(api, path)).json() == {"message": "Message not found"}
    for number in ("9", "-1", "x", "1" * 7, "²"):
        reply = await get(api, f"{path_of(key)}/attachments/{quote(number)}")
        assert (reply.status, reply.json()) == (404, {"message": "Attachment not found"})
    await api.write(messages.drop_contents_before, api.clock.now() + 1, 10)
    assert (await get(api, path_of(key))).status == 200  # it waits still
    await api.call("DELETE", f"/v3/{DOMAIN}/envelopes", basic=api.full)
    await api.write(messages.drop_contents_before, api.clock.now() + 1, 10)
    assert (await get(api, path_of(key))).json() == {"message": "Message not found"}


async def test_S20_a_letter_is_shown_to_its_domains_keys_alone(api: Api) -> None:
    key = await send(api)
    await api.add_domain("second.test")
    unknown = await get(api, path_of("A" * 22))
    for basic, domain in ((api.others, OTHER_DOMAIN), (api.full, "second.test")):
        for method in ("GET", "POST"):
            reply = await api.call(method, path_of(key, domain), basic=basic, form={"to": "x@example.net"})
            assert (reply.status, reply.body) == (404, unknown.body)
    sending = await api.call("GET", path_of(key), basic=api.sending)
    assert sending.status == 403
    assert (await api.call("GET", path_of(key), basic=api.bound)).status == 200
    assert len(api.accepted()) == 1


async def test_sent_again_to_others(api: Api) -> None:
    key = await send(api, **{"o:tag": "T", "v:a": "1", "o:tracking-clicks": "no", "o:testmode": "yes"})
    reply = await api.call(
        "POST", path_of(key), basic=api.full, form={"to": ["ann@example.net", "carl@example.net"]}
    )
    assert (reply.status, reply.json()["message"]) == (200, "Queued. Thank you.")
    first, again = api.accepted()
    assert again.recipients == ["ann@example.net", "carl@example.net"]
    assert again.mail["To"] == "bob@example.net"
    assert again.message.header_id == reply.json()["id"] != first.message.header_id
    for name in ("tags", "metadata", "track_clicks", "test_mode"):
        assert getattr(again.options, name) == getattr(first.options, name)


async def test_sent_again_it_travels_as_it_had_to(api: Api) -> None:
    """A letter that may leave over TLS alone must not lose that by being sent again."""
    way = {
        "o:require-tls": "yes",
        "o:skip-verification": "no",
        "o:dkim": "no",
        "o:native-send": "yes",
        "o:archive-to": "https://archive.test/x",
    }
    key = await send(api, **way)
    reply = await api.call("POST", path_of(key), basic=api.full, form={"to": "ann@example.net"})
    assert reply.status == 200, reply.text
    first, again = api.accepted()
    assert first.options.require_tls is True and first.options.dkim is False
    for name in ("require_tls", "skip_verification", "dkim", "keeps_return_path", "archive_url"):
        assert getattr(again.options, name) == getattr(first.options, name), name


async def test_sent_again_needs_the_right_to_read(api: Api) -> None:
    key = await send(api)
    reply = await api.call("POST", path_of(key), basic=api.sending, form={"to": "ann@example.net"})
    assert reply.status == 403
    reply = await api.call("POST", path_of(key), basic=api.full, form={})
    assert (reply.status, reply.json()) == (400, {"message": "to parameter is missing"})
    assert len(api.accepted()) == 1


async def test_a_batch_is_sent_again_with_each_ones_values(api: Api) -> None:
    variables = {"bob@example.net": {"n": "Bob"}, "ann@example.net": {"n": "Ann"}}
    more = {"to": list(variables), "recipient-variables": json.dumps(variables)}
    key = await send(api, **more)
    await api.call("POST", path_of(key), basic=api.full, form={"to": "ann@example.net"})
    again = api.accepted()[1]
    assert [json.loads(each.personal)["variables"] for each in again.deliveries] == [{"n": "Ann"}]


async def test_a_template_is_sent_again_as_one(api: Api) -> None:
    draft = templates.Draft(
        account_id=api.account_id, domain=DOMAIN, name="hi", tag="v1", html="<p>{{name}}</p>"
    )
    await api.write(templates.store_version, api.ids, api.clock.now(), draft)
    form = {name: value for name, value in LEAST.items() if name != "text"}
    form |= {"template": "hi", "t:variables": '{"name": "Bob"}'}
    assert (await api.call("POST", SEND, basic=api.full, form=form)).status == 200
    key = short_id(api.accepted_one().message.id)
    await api.call("POST", path_of(key), basic=api.full, form={"to": "ann@example.net"})
    again = api.accepted()[1]
    assert again.options.is_template and again.options.template_vars == {"name": "Bob"}


# what waits


async def waiting(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(api, f"/v3/{DOMAIN}/envelopes")).json()["items"]
    return found


async def test_the_queues_of_a_domain_work(api: Api) -> None:
    reply = await get(api, f"/v3/domains/{DOMAIN}/sending_queues")
    assert reply.json() == {"regular": {"is_disabled": False}, "scheduled": {"is_disabled": False}}


async def test_all_that_waits_is_dropped_and_nothing_of_others(any_api: Api) -> None:
    api = any_api
    await send(api, to="bob@example.net, ann@example.net")
    await send(api, **{"o:deliverytime": str(int(api.clock.now()) + 3600)})
    await api.add_domain("second.test")
    for basic, domain in ((api.full, "second.test"), (api.others, OTHER_DOMAIN)):
        form = {**LEAST, "from": f"a@{domain}"}
        assert (await api.call("POST", f"/v3/{domain}/messages", basic=basic, form=form)).status == 200
    assert [each["recipient"] for each in await waiting(api)] == [
        "bob@example.net",
        "ann@example.net",
        "bob@example.net",
    ]
    reply = await api.call("DELETE", f"/v3/{DOMAIN}/envelopes", basic=api.full)
    assert (reply.status, reply.json()) == (200, {"message": "done"})
    assert await waiting(api) == []
    states = [delivery.state for shown in api.accepted() for delivery in shown.deliveries]
    assert states == ["cancelled"] * 3 + ["waiting"] * 2
    assert len(api.events("cancelled")) == 3
    unknown = await api.call("DELETE", "/v3/none.test/envelopes", basic=api.full)
    assert (unknown.status, unknown.json()) == (404, {"message": "domain not found"})


async def test_one_message_is_dropped_by_any_of_its_names(any_api: Api) -> None:
    api = any_api
    key = await send(api)
    for written in ("plain", "brackets", "key"):
        form = {**LEAST, "h:Message-Id": f"<{written}@shop.test>"}
        await api.call("POST", SEND, basic=api.full, form=form)
    last = short_id(api.accepted()[-1].message.id)
    for name in ("plain@shop.test", "<brackets@shop.test>", last):
        reply = await api.call("DELETE", f"/v3/{DOMAIN}/envelopes/{quote(name)}", basic=api.full)
        assert reply.json() == {"message": "done"}
    assert [each["key"] for each in await waiting(api)] == [key]
    for basic, domain in ((api.full, DOMAIN), (api.others, OTHER_DOMAIN)):
        for name in ("none@shop.test", "plain@shop.test"):
            reply = await api.call("DELETE", f"/v3/{domain}/envelopes/{name}", basic=basic)
            assert (reply.status, reply.json()) == (404, {"message": "Message not found"})


async def test_what_waits_comes_page_by_page(any_api: Api) -> None:
    api = any_api
    for number in range(5):
        await send(api, to=f"u{number}@example.net")
    url, seen = f"/v3/{DOMAIN}/envelopes?limit=2", list[str]()
    while page := (reply := (await get(api, url)).json())["items"]:
        seen += [each["recipient"] for each in page]
        parts = urlsplit(reply["paging"]["next"])
        url = f"{parts.path}?{parts.query}"
    assert seen == [f"u{number}@example.net" for number in range(5)]


@pytest.mark.parametrize("path", [SEND, path_of("A" * 22)])
async def test_an_unknown_method_is_refused(api: Api, path: str) -> None:
    assert (await api.call("PUT", path, basic=api.full)).status == 405


async def test_every_letter_of_a_message_id_is_dropped(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelopes, "find_open", partial(envelopes.find_open, limit=2))
    for _ in range(5):
        await send(api, **{"h:Message-Id": "<same@shop.test>"})
    kept = await send(api)
    reply = await api.call("DELETE", f"/v3/{DOMAIN}/envelopes/same@shop.test", basic=api.full)
    assert reply.json() == {"message": "done"}
    assert [each["key"] for each in await waiting(api)] == [kept]
