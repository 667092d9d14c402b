"""SendGrid's activity calls over letters that were sent (sendgrid.md 3.13)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from posthouse.model.event import Event, EventKind
from posthouse.store import events
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply

ABSENT = {"errors": [{"message": "resource not found", "field": None}]}


async def find(api: Api, query: str = "", key: Any = None, **more: Any) -> list[dict[str, Any]]:
    asked = urlencode({"query": query, **more})
    reply = await api.call("GET", f"/v3/messages?{asked}", key=key or api.full)
    assert reply.status == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["messages"]
    return found


async def logs(api: Api, **body: Any) -> Reply:
    return await api.call("POST", "/v3/logs", key=api.full, json=body)


async def send(api: Api, *to: str, key: Any = None, author: str = f"shop@{DOMAIN}", **more: Any) -> str:
    """A call with a letter for each; what X-Message-Id says."""
    body = {
        "personalizations": [{"to": [{"email": each}]} for each in to],
        "from": {"email": author, "name": "The Shop"},
        "subject": "Hello",
        "content": [{"type": "text/plain", "value": "Hi"}],
        **more,
    }
    reply = await api.call("POST", "/v3/mail/send", key=key or api.full, json=body)
    assert reply.status == 202, reply.text
    api.clock.advance(1)
    return reply.headers["x-message-id"]


async def then(api: Api, recipient: str, kind: EventKind, **data: Any) -> None:
    """What happens to the recipient's newest letter."""
    accepted = [event for event in api.events("accepted") if event.recipient == recipient][-1]
    api.clock.advance(1)
    event = Event(
        api.ids.new(), kind, api.clock.now(), accepted.account_id, accepted.domain, accepted.message_id,
        accepted.delivery_id, recipient, data,
    )  # fmt: skip
    await api.write(events.append, [event])


async def happen(api: Api) -> str:
    id = await send(api, "ann@there.test", "bob@there.test", categories=["News"], custom_args={"order": "17"})
    await send(api, "cat@there.test", subject="Later")
    await then(api, "ann@there.test", EventKind.DEFERRED, code=451, text="later", attempt=1)
    await then(
        api, "ann@there.test", EventKind.DELIVERED, code=250, text="ok", attempt=2, source="192.0.2.1",
        mx="mx.there.test",
    )  # fmt: skip
    await then(api, "ann@there.test", EventKind.OPENED, user_agent="Mozilla")
    await then(api, "ann@there.test", EventKind.CLICKED, url="https://shop.test/")
    await then(
        api, "bob@there.test", EventKind.FAILED, code=550, enhanced="5.1.1", text="no", attempt=1,
        reason="bad-mailbox",
    )  # fmt: skip
    return id


async def test_each_recipient_is_a_message_the_newest_first(api: Api) -> None:
    id = await happen(api)
    found = await find(api)
    assert [(each["to_email"], each["status"]) for each in found] == [
        ("cat@there.test", "processed"),
        ("bob@there.test", "not_delivered"),
        ("ann@there.test", "delivered"),
    ]
    ann = found[-1]
    assert ann["msg_id"].startswith(f"{id}.") and found[1]["msg_id"].startswith(f"{id}.")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", ann.pop("last_event_time"))
    assert ann == {
        "from_email": f"shop@{DOMAIN}",
        "msg_id": ann["msg_id"],
        "subject": "Hello",
        "to_email": "ann@there.test",
        "status": "delivered",
        "opens_count": 1,
        "clicks_count": 1,
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('to_email="ann@there.test"', "ann"),
        ('to_email="ann@There.Test"', "ann"),
        ('status="not_delivered" OR subject LIKE "lat%"', "cat bob"),
        ('Contains(events,"opened")', "ann"),
        ('Contains(categories,"news") AND NOT status="delivered"', "bob"),
        ('categories="nothing"', ""),
        ('unique_args["order"]="17" AND clicks > 0', "ann"),
        (
            'last_event_time BETWEEN TIMESTAMP "1971-01-01T00:00:00Z" AND TIMESTAMP "2100-01-01"',
            "cat bob ann",
        ),
        ('last_event_time < TIMESTAMP "1971-01-01T00:00:00Z"', ""),
        ('outbound_ip IS NOT NULL AND outbound_ip="192.0.2.1"', "ann"),
    ],
)
async def test_a_query_chooses(api: Api, query: str, names: str) -> None:
    await happen(api)
    assert [each["to_email"].partition("@")[0] for each in await find(api, query)] == names.split()


async def test_an_id_finds_its_message_again(api: Api) -> None:
    await happen(api)
    for each in await find(api):
        assert await find(api, f'msg_id="{each["msg_id"]}"') == [each]
        reply = await api.call("GET", f"/v3/messages/{each['msg_id']}", key=api.full)
        assert reply.json()["to_email"] == each["to_email"]


async def test_one_message_has_its_story(api: Api) -> None:
    id = await happen(api)
    reply = await api.call("GET", f"/v3/messages/{id}", key=api.full)
    shown = reply.json()
    assert (shown["to_email"], shown["status"], shown["categories"]) == (
        "ann@there.test", "delivered", ["News"],
    )  # fmt: skip
    assert (shown["unique_args"], shown["outbound_ip"]) == ('{"order":"17"}', "192.0.2.1")
    assert shown["api_key_id"] == api.full.id
    assert [event["event_name"] for event in shown["events"]] == [
        "processed", "deferred", "delivered", "opened", "clicked",
    ]  # fmt: skip
    assert shown["events"][1]["attempt_num"] == 1 and shown["events"][1]["reason"] == "451 later"
    assert shown["events"][2]["mx_server"] == "mx.there.test"
    assert shown["events"][3]["http_user_agent"] == "Mozilla"
    assert shown["events"][4]["url"] == "https://shop.test/"


async def test_pages_follow_the_link_header(api: Api) -> None:
    for number in range(5):
        await send(api, f"p{number}@there.test")
    path, seen = "/v3/messages?limit=2&query=status%3D%22processed%22", []
    for _ in range(4):
        reply = await api.call("GET", path, key=api.full)
        seen += [each["to_email"][:2] for each in reply.json()["messages"]]
        link = re.match(r'<https?://[^/]+(/v3/messages\?[^>]+)>; rel="next"\Z', reply.headers.get("link", ""))
        if link is None:
            break
        path = link[1]
    assert seen == ["p4", "p3", "p2", "p1", "p0"]


@pytest.mark.parametrize(
    ("asked", "message", "field"),
    [
        ({"query": "bad_field=1"}, "invalid syntax: 'bad_field' is not a known field", "query"),
        ({"query": "(" * 3000}, "invalid syntax: a query has at most 800 words", "query"),
        ({"query": "x" * 5000}, "invalid syntax: a query has at most 4000 characters", "query"),
        ({"limit": "0"}, "limit must be between 1 and 1000", "limit"),
        ({"limit": "1001"}, "limit must be between 1 and 1000", "limit"),
        ({"after": "' or 1=1"}, "after must be as a Link header gave it", "after"),
    ],
)
async def test_what_is_no_question_is_said(api: Api, asked: dict[str, str], message: str, field: str) -> None:
    reply = await api.call("GET", f"/v3/messages?{urlencode(asked)}", key=api.full)
    assert reply.status == 400
    assert reply.json() == {"errors": [{"message": message, "field": field}]}


# Logs


async def test_logs_tell_the_same_in_their_words(api: Api) -> None:
    id = await happen(api)
    reply = await logs(api, query='status IN ("bounced","delivered")', limit=5)
    bob, ann = reply.json()["messages"]
    assert (bob["status"], bob["reason"], ann["status"]) == ("bounced", "550 5.1.1 no", "delivered")
    assert bob["sg_message_id"].startswith(f"{id}.")
    query = f'sg_message_id_created_at >= TIMESTAMP "{bob["sg_message_id_created_at"]}" AND status="bounced"'
    assert (await logs(api, query=query)).json()["messages"] == [bob]


async def test_one_log_has_webhook_events_with_arguments_apart(api: Api) -> None:
    id = await happen(api)
    shown = (await api.call("GET", f"/v3/logs/{id}", key=api.full)).json()
    received, *others = shown["events"]
    assert (received["event"], received["protocol"], received["api_key_id"]) == (
        "received", "HTTP", api.full.id,
    )  # fmt: skip
    assert received["size"] > 0
    assert (shown["custom_args"], shown["category"], shown["status"]) == (
        {"order": "17"}, ["News"], "delivered",
    )  # fmt: skip
    assert [event["event"] for event in others] == ["processed", "deferred", "delivered", "open", "click"]
    assert all(event["custom_args"] == {"order": "17"} and "order" not in event for event in others)
    assert all(event["sg_message_id"] == shown["sg_message_id"] for event in others)


@pytest.mark.parametrize(
    "body",
    [
        {"query": 1},
        {"query": "msg_id='x'"},
        {"limit": "5"},
        {"limit": True},
        {"limit": 10**400},
        {"limit": -1},
    ],
)
async def test_a_body_of_another_shape_is_refused(api: Api, body: dict[str, Any]) -> None:
    reply = await logs(api, **body)
    assert (reply.status, len(reply.json()["errors"])) == (400, 1)


# Accounts and permissions


async def test_S20_another_accounts_letters_are_not_there(api: Api) -> None:
    mine = await happen(api)
    theirs = await send(api, "eve@there.test", key=api.others, author=f"x@{OTHER_DOMAIN}")
    assert [each["to_email"] for each in await find(api, key=api.others)] == ["eve@there.test"]
    assert await find(api, 'to_email="eve@there.test"') == []
    assert mine != theirs
    for path in ("messages", "logs"):
        for id in (theirs, "A" * 22, "nothing", quote("../x", safe=""), f"{theirs}.recvd-posthouse-1-0-0.0"):
            reply = await api.call("GET", f"/v3/{path}/{id}", key=api.full)
            assert (reply.status, reply.json()) == (404, ABSENT), id


async def test_activity_needs_its_permission(api: Api) -> None:
    reader = await api.issue(("messages.read",))
    assert await find(api, key=reader) == []
    for key in (api.sending, api.bound):
        reply = await api.call("GET", "/v3/messages", key=key)
        assert reply.status == 403
