"""Messages by our own API: what is accepted is what was meant; what cannot be is told with its field."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from unit.doors.api.calling import DOMAIN, Api, Reply

PLACE = "/posthouse/v1/messages"
LETTER: dict[str, Any] = {
    "from": f"Shop <orders@{DOMAIN}>",
    "to": ["Ann Smith <ann@good.test>"],
    "subject": "Hello",
    "text": "Hello, Ann.",
}


def problem(reply: Reply, status: int, reason: str, field: str = "") -> dict[str, Any]:
    """The problem of an answer, which must be this one."""
    assert reply.headers["content-type"] == "application/problem+json", reply
    told: dict[str, Any] = reply.json()
    assert (reply.status, told["type"], told.get("field", "")) == (
        status,
        f"/posthouse/v1/problems/{reason}",
        field,
    ), told
    assert told["status"] == status and told["title"] and told["detail"]
    return told


async def test_a_message_is_accepted_as_it_was_meant(api: Api) -> None:
    letter = LETTER | {
        "cc": [{"address": "bob@good.test", "name": "Bob, the builder"}],
        "bcc": ["eve@good.test", "ANN@good.test"],
        "reply_to": ["help@shop.test"],
        "html": "<p>Hello, <b>Ann</b>.</p>",
        "headers": {"X-Order": "7"},
        "attachments": [
            {"name": "a.txt", "type": "text/plain", "content": base64.b64encode(b"kept").decode()},
        ],
        "tags": ["welcome", "welcome", "two"],
        "metadata": {"order": 7},
        "track_opens": False,
        "track_clicks": "html",
    }
    reply = await api.call("POST", PLACE, key=api.full, json=letter)
    assert reply.status == 202, reply
    stored = api.accepted_one()
    assert reply.json() == {
        "id": stored.message.id,
        "header_id": stored.message.header_id,
        "domain": DOMAIN,
        "recipients": 3,
        "warnings": [],
    }
    assert reply.headers["location"] == f"{PLACE}/{stored.message.id}"
    assert sorted(stored.recipients) == ["ann@good.test", "bob@good.test", "eve@good.test"]
    mail = stored.mail
    assert mail["To"] == "Ann Smith <ann@good.test>" and mail["Cc"] == '"Bob, the builder" <bob@good.test>'
    assert mail["Bcc"] is None and mail["X-Order"] == "7" and mail["Reply-To"] == "help@shop.test"
    body, attached = mail.get_body(("html",)), list(mail.iter_attachments())
    assert body is not None and "<b>Ann</b>" in body.get_content()
    assert [(each.get_filename(), each.get_content()) for each in attached] == [("a.txt", "kept")]
    options = stored.options
    assert (options.tags, options.metadata) == (("welcome", "two"), {"order": 7})
    assert (options.track_opens, options.track_clicks, options.dialect) == (False, "html", "native")


async def test_options_do_not_stand_in_the_letter(api: Api) -> None:
    await api.call("POST", PLACE, key=api.full, json=LETTER | {"tags": ["secret"]})
    assert b"Posthouse-Options" not in api.accepted_one().content


async def test_recipients_have_values_of_their_own(api: Api) -> None:
    letter = LETTER | {
        "subject": "Hello {{name}}",
        "text": "Dear {{name}}, {{offer}}",
        "is_template": True,
        "to_each": True,
        "variables": {"offer": "ten percent"},
        "to": [
            {"address": "ann@good.test", "variables": {"name": "Ann"}, "metadata": {"n": 1}},
            {"address": "bob@good.test", "variables": {"name": "Bob"}, "send_at": "2023-11-15T12:00:00Z"},
        ],
    }
    reply = await api.call("POST", PLACE, key=api.full, json=letter)
    assert reply.status == 202, reply
    stored = api.accepted_one()
    assert stored.options.is_template and stored.options.to_each
    ann, bob = stored.deliveries
    assert '"name":"Ann"' in ann.personal and '"n":1' in ann.personal
    assert bob.due_at == 1_700_049_600.0 and ann.due_at < bob.due_at


async def test_all_options_are_those_of_a_letter(api: Api) -> None:
    group = (await api.call("POST", "/posthouse/v1/groups", key=api.full, json={"name": "News"})).json()
    letter = LETTER | {
        "batch": "b1",
        "send_at": "2023-11-16T00:00:00+01:00",
        "deliver_within_s": 3600,
        "best_hour_within_s": 86400,
        "utm": {"utm_source": "shop"},
        "unsubscribe_group": group["number"],
        "groups_shown": [group["number"]],
        "auto_unsubscribe": "unsubscribe_group",
        "one_click": False,
        "list_unsubscribe": "<mailto:out@shop.test>",
        "links": [{"literal": "[[out]]", "kind": "unsubscribe"}],
        "footer": {"text": "bye"},
        "bypass": ["bounces"],
        "require_tls": True,
        "skip_verification": True,
        "dkim": False,
        "forward_complaints_to": "abuse@shop.test",
        "test_mode": "drop",
    }
    reply = await api.call("POST", PLACE, key=api.full, json=letter)
    assert reply.status == 202, reply
    options = api.accepted_one().options
    assert options.batch_id == "b1" and options.deliver_at == 1_700_089_200.0
    assert (options.deliver_within_s, options.optimise_period_s) == (3600.0, 86400.0)
    assert options.utm == (("utm_source", "shop"),) and options.bypass == ("bounces",)
    assert options.unsubscribe_group == group["number"] and options.groups_shown == (group["number"],)
    assert options.auto_unsubscribe == "unsubscribe_group" and not options.is_one_click
    assert options.links[0].literal == "[[out]]" and options.blocks[0].text == "bye"
    assert options.require_tls and options.skip_verification and options.dkim is False
    assert options.test_mode == "drop" and options.forward_complaints_to == "abuse@shop.test"
    assert {seen.header for seen in options.seen} == set(letter) - set(LETTER)


WRONG: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "no author": ({"from": None}, 400, "bad-value", "from"),
    "an unknown field": ({"sbject": "x"}, 400, "bad-value", "sbject"),
    "a number for a subject": ({"subject": 7}, 400, "bad-value", "subject"),
    "a recipient that is no address": ({"to": ["ann"]}, 422, "bad-address", "to[0]"),
    "two addresses in one": ({"to": ["a@good.test, b@good.test"]}, 422, "bad-address", "to[0]"),
    "an unqualified domain": ({"to": ["ann@good"]}, 422, "bad-address", "to[0]"),
    "nobody": ({"to": []}, 422, "no-recipients", "to"),
    "nothing in it": ({"text": None}, 422, "no-content", ""),
    "another's domain": ({"from": "x@other.test"}, 403, "from-domain", ""),
    "a field of its own that is ours": ({"headers": {"Bcc": "x@good.test"}}, 422, "bad-field", ""),
    "a field in a field": ({"headers": {"X-A": "x\r\nBcc: e@good.test"}}, 422, "bad-field", ""),
    "a subject with a field in it": ({"subject": "x\r\nBcc: e@good.test"}, 422, "bad-field", ""),
    "no base64": ({"attachments": [{"content": "*"}]}, 400, "bad-value", "attachments[0].content"),
    "a time without a zone": ({"send_at": "2026-01-01T00:00:00"}, 400, "bad-value", "send_at"),
    "a time too far ahead": ({"send_at": "2029-01-01T00:00:00Z"}, 422, "bad-option", ""),
    "a pool that is not there": ({"pool": "fast"}, 422, "bad-option", ""),
    "a group that is not there": ({"unsubscribe_group": 7}, 422, "bad-option", ""),
    "a template that is not there": ({"template": {"name": "welcome"}}, 422, "bad-option", ""),
    "a tag of nothing": ({"tags": [""]}, 400, "bad-value", "tags[0]"),
    "values that nothing uses": (
        {"to": [{"address": "a@good.test", "variables": {"a": 1}}]},
        422, "unused-variables", "to[0].variables",
    ),
    "text with a NUL": ({"text": "a\0b"}, 400, "bad-value", ""),
}  # fmt: skip


@pytest.mark.parametrize(("change", "status", "reason", "field"), WRONG.values(), ids=WRONG.keys())
async def test_S_03_S_04_what_cannot_be_is_told(
    api: Api, change: dict[str, Any], status: int, reason: str, field: str
) -> None:
    reply = await api.call("POST", PLACE, key=api.full, json=LETTER | change)
    problem(reply, status, reason, field)
    assert api.accepted() == []


async def test_a_body_that_is_no_json(api: Api) -> None:
    problem(await api.call("POST", PLACE, key=api.full, body=b"{"), 400, "bad-json")
    problem(await api.call("POST", PLACE, key=api.full, form={"from": "x"}), 415, "bad-type")
    problem(await api.call("POST", PLACE, key=api.full, json=[]), 400, "bad-value")
    problem(await api.call("POST", PLACE, key=api.full), 400, "bad-value", "from")


async def test_the_same_call_again_sends_nothing_twice(api: Api) -> None:
    headers = {"Idempotency-Key": "order-7"}
    first = await api.call("POST", PLACE, key=api.full, json=LETTER, headers=headers)
    again = await api.call("POST", PLACE, key=api.full, json=LETTER, headers=headers)
    assert (first.status, first.body, first.headers["location"]) == (
        again.status, again.body, again.headers["location"],
    )  # fmt: skip
    other = LETTER | {"subject": "Bye"}
    problem(
        await api.call("POST", PLACE, key=api.full, json=other, headers=headers),
        409,
        "key-used",
        "Idempotency-Key",
    )
    assert len(api.accepted()) == 1


MIME = b"From: orders@shop.test\nTo: list@good.test\nSubject: =?utf-8?q?Gr=C3=BCn?=\n\nHello\n"


async def test_a_letter_that_the_caller_wrote(api: Api) -> None:
    headers = {"Content-Type": "message/rfc822"}
    where = f"{PLACE}/mime?to=ann@good.test&to=bob@good.test&sender=out@shop.test"
    reply = await api.call("POST", where, key=api.full, body=MIME, headers=headers)
    assert reply.status == 202, reply
    stored = api.accepted_one()
    assert (
        stored.recipients == ["ann@good.test", "bob@good.test"] and stored.message.sender == "out@shop.test"
    )
    assert stored.content.endswith(b"To: list@good.test\r\nSubject: =?utf-8?q?Gr=C3=BCn?=\r\n\r\nHello\r\n")
    problem(await api.call("POST", where, key=api.full, json={}), 415, "bad-type")
    problem(
        await api.call("POST", f"{PLACE}/mime", key=api.full, body=MIME, headers=headers),
        400,
        "bad-value",
        "to",
    )
    once = headers | {"Idempotency-Key": "1"}
    await api.call("POST", where, key=api.full, body=MIME, headers=once)
    other = await api.call("POST", f"{PLACE}/mime?to=eve@good.test", key=api.full, body=MIME, headers=once)
    problem(other, 409, "key-used", "Idempotency-Key")


async def test_keys_without_the_permission_and_keys_of_a_domain(api: Api) -> None:
    reader = await api.issue(("events.read",), dialect="native")
    problem(await api.call("POST", PLACE, key=reader, json=LETTER), 403, "no-permission")
    problem(await api.call("POST", PLACE, json=LETTER), 401, "no-credentials")
    problem(await api.call("POST", PLACE, key="ph_wrong", json=LETTER), 401, "bad-credentials")
    assert (await api.call("POST", PLACE, key=api.bound, json=LETTER)).status == 202
    assert (await api.call("POST", PLACE, key=api.token, json=LETTER)).status == 202


async def sent(api: Api, **more: Any) -> str:
    reply = await api.call("POST", PLACE, key=api.full, json=LETTER | more)
    assert reply.status == 202, reply
    return str(reply.json()["id"])


async def test_a_message_is_told_and_read(api: Api) -> None:
    picture = {"name": "p.png", "type": "image/png", "content": "AAAA", "content_id": "p", "is_inline": True}
    id = await sent(api, html='<img src="cid:p">', attachments=[picture], tags=["t"])
    story = (await api.call("GET", f"{PLACE}/{id}", key=api.full)).json()
    assert story["message"]["tags"] == ["t"] and story["message"]["accepted_at"] == "2023-11-14T22:13:20Z"
    assert [each["state"] for each in story["deliveries"]] == ["waiting"]
    assert [each["kind"] for each in story["events"]] == ["accepted"]
    content = await api.call("GET", f"{PLACE}/{id}/content", key=api.full)
    assert content.headers["content-type"] == "message/rfc822" and content.body == api.accepted_one().content
    parts = (await api.call("GET", f"{PLACE}/{id}/parts", key=api.full)).json()["items"]
    assert [(each["type"], each["name"], each["content_id"]) for each in parts] == [
        ("text/plain", "", ""), ("text/html", "", ""), ("image/png", "p.png", "p"),
    ]  # fmt: skip
    assert parts[1]["text"].strip() == '<img src="cid:p">' and parts[2]["text"] is None
    part = await api.call("GET", f"{PLACE}/{id}/parts/3", key=api.full)
    assert part.body == b"\0\0\0" and part.headers["content-disposition"] == "attachment"
    for number in ("0", "4", "x", "99999999999"):
        problem(await api.call("GET", f"{PLACE}/{id}/parts/{number}", key=api.full), 404, "no-part")


async def test_S_20_anothers_message_is_like_none(api: Api) -> None:
    id = await sent(api)
    nothing = (await api.call("GET", f"{PLACE}/{id[::-1]}", key=api.others)).json()
    for method, end in (
        ("GET", ""),
        ("GET", "/content"),
        ("GET", "/parts"),
        ("POST", "/resend"),
        ("POST", "/cancel"),
    ):
        reply = await api.call(method, f"{PLACE}/{id}{end}", key=api.others)
        told = problem(reply, 404, "no-message")
        assert told["detail"].replace(id, "?") == nothing["detail"].replace(id[::-1], "?")


async def test_a_key_of_a_domain_sees_that_domain_only(api: Api) -> None:
    await api.add_domain("second.test")
    id = await sent(api, **{"from": "x@second.test"})
    problem(await api.call("GET", f"{PLACE}/{id}", key=api.bound), 404, "no-message")
    assert (await api.call("GET", PLACE, key=api.bound)).json()["items"] == []
    problem(await api.call("GET", f"{PLACE}?domain=second.test", key=api.bound), 404, "no-domain", "domain")
    assert len((await api.call("GET", f"{PLACE}?domain=second.test", key=api.full)).json()["items"]) == 1


async def test_messages_are_found(api: Api) -> None:
    first = await sent(api, tags=["a"], metadata={"k": "v"})
    api.clock.advance(60)
    second = await sent(api, tags=["b"])
    found = (await api.call("GET", f"{PLACE}?limit=1", key=api.full)).json()
    assert [each["id"] for each in found["items"]] == [second] and found["next"]
    rest = (await api.call("GET", f"{PLACE}?cursor={found['next']}", key=api.full)).json()
    assert [each["id"] for each in rest["items"]] == [first] and rest["next"] is None
    for query, ids in (("tag=a", [first]), ("meta=k=v", [first]), ("since=30s", [second]), ("tag=c", [])):
        page = (await api.call("GET", f"{PLACE}?{query}", key=api.full)).json()
        assert [each["id"] for each in page["items"]] == ids, query
    problem(await api.call("GET", f"{PLACE}?since=soon", key=api.full), 422, "bad-time")
    problem(await api.call("GET", f"{PLACE}?cursor=x", key=api.full), 422, "bad-cursor")
    problem(await api.call("GET", f"{PLACE}?limit=0", key=api.full), 400, "bad-value", "limit")
    problem(await api.call("GET", f"{PLACE}?colour=red", key=api.full), 400, "bad-value", "colour")


async def test_a_message_is_sent_again_over_tls_alone_if_it_had_to_be(api: Api) -> None:
    id = await sent(api, require_tls=True, skip_verification=False, dkim=False)
    again = await api.call("POST", f"{PLACE}/{id}/resend", key=api.full)
    assert again.status == 202, again
    options = api.accepted()[1].options
    assert (options.require_tls, options.skip_verification, options.dkim) == (True, False, False)


async def test_a_message_is_sent_again_and_cancelled(api: Api) -> None:
    id = await sent(api, tags=["t"])
    again = await api.call("POST", f"{PLACE}/{id}/resend", key=api.full, json={"to": ["bob@good.test"]})
    assert again.status == 202, again
    _, copy = api.accepted()
    assert copy.recipients == ["bob@good.test"] and copy.options.tags == ("t",)
    assert copy.mail["Subject"] == "Hello"
    await api.call("POST", f"{PLACE}/{id}/resend", key=api.full)
    assert api.accepted()[2].recipients == ["ann@good.test"]
    problem(await api.call("POST", f"{PLACE}/{id}/resend", key=api.sending), 403, "no-permission")
    headers = {"Idempotency-Key": "c"}
    for _ in range(2):
        gone = await api.call("POST", f"{PLACE}/{id}/cancel", key=api.full, headers=headers)
        assert gone.json() == {"cancelled": 1}
    assert (await api.call("POST", f"{PLACE}/{id}/cancel", key=api.full)).json() == {"cancelled": 0}
    assert len(api.events("cancelled")) == 1
