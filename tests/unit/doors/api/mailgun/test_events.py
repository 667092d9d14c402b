"""`GET /v3/{domain}/events`: what is asked for, in which order, page by page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from posthouse.model.event import Event, EventKind
from posthouse.store import events
from unit.doors.api.calling import DOMAIN, HOST, OTHER_DOMAIN, Api, Reply

EVENTS = f"/v3/{DOMAIN}/events"
LEAST = {"from": f"Shop <shop@{DOMAIN}>", "to": "bob@example.net", "subject": "Hello", "text": "Hi"}
HOUR = 3600.0


async def get(api: Api, path: str = EVENTS, **query: Any) -> Reply:
    asked = f"{path}?{urlencode(query, doseq=True)}" if query else path
    return await api.call("GET", asked, basic=api.full)


async def follow(api: Api, url: str) -> Reply:
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.query) == ("http", HOST, "")
    return await get(api, parts.path)


async def items(api: Api, **query: Any) -> list[dict[str, Any]]:
    reply = await get(api, **query)
    assert reply.status == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["items"]
    return found


async def note(api: Api, kind: EventKind, recipient: str = "bob@example.net", **data: Any) -> str:
    """An event of an hour later than the last one, written now."""
    api.clock.advance(HOUR)
    event = Event(api.ids.new(), kind, api.clock.now(), api.account_id, DOMAIN, "", "", recipient, data)
    await api.write(events.append, [event])
    return event.id


async def story(api: Api) -> None:
    for kind, more in (
        (EventKind.ACCEPTED, {"tags": ["news", "spring sale"], "subject": "Big news", "size_bytes": 500}),
        (EventKind.DEFERRED, {"code": 451, "reason": "greylisted"}),
        (EventKind.DELIVERED, {"code": 250}),
        (EventKind.OPENED, {"tags": ["news"]}),
        (EventKind.HELD, {}),
        (EventKind.FAILED, {"code": 550, "reason": "bad-mailbox"}),
        (EventKind.REJECTED, {"text": "no"}),
    ):
        await note(api, kind, **more)
    api.clock.advance(60.0)


ALL = ["rejected", "failed", "opened", "delivered", "failed", "accepted"]

# id: (parameters, names of the events)
ASKED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing: the newest first": ({}, ALL),
    "ascending": ({"ascending": "yes"}, ALL[::-1]),
    "one name": ({"event": "opened"}, ["opened"]),
    "two names": ({"event": "rejected OR failed"}, ["rejected", "failed", "failed"]),
    "not": ({"event": "NOT failed"}, ["rejected", "opened", "delivered", "accepted"]),
    "temporary": ({"event": "failed", "severity": "temporary"}, ["failed"]),
    "an unknown name": ({"event": "bounced"}, []),
    "a recipient": ({"recipient": "bob@example.net"}, ALL),
    "a recipient in another spelling": ({"recipient": "bob@EXAMPLE.net"}, ALL),
    "another recipient": ({"recipient": "ann@example.net"}, []),
    "a part of a recipient": ({"recipient": "example.net"}, ALL),
    "a tag": ({"tags": "news"}, ["opened", "accepted"]),
    "two tags": ({"tags": 'news AND "spring sale"'}, ["accepted"]),
    "either tag": ({"tags": 'other OR "spring sale"'}, ["accepted"]),
    "repeated": ({"tags": ["news", '"spring sale"']}, ["accepted"]),
    "a subject": ({"subject": "big"}, ["accepted"]),
    "a size": ({"size": ">400 <600"}, ["accepted"]),
    "no mailing lists": ({"list": "x"}, []),
    "Ghost's": (
        {
            "event": "delivered OR opened OR failed OR unsubscribed OR complained",
            "ascending": "yes",
            "begin": "1",
            "limit": "300",
        },
        ["failed", "delivered", "opened", "failed"],
    ),
}


@pytest.mark.parametrize(("query", "names"), ASKED.values(), ids=ASKED)
async def test_what_is_asked_for(api: Api, query: dict[str, Any], names: list[str]) -> None:
    await story(api)
    assert [item["event"] for item in await items(api, **query)] == names


async def test_a_stretch_of_time_gives_the_order(api: Api) -> None:
    await story(api)
    begin, end = api.clock.now() - 3.5 * HOUR, api.clock.now() - 1.5 * HOUR
    # the held one is not the service's
    assert [item["event"] for item in await items(api, begin=begin, end=end)] == ["opened"]
    assert [item["event"] for item in await items(api, begin=end, end=begin)] == ["opened"]
    assert [item["event"] for item in await items(api, begin=end, ascending="no")] == ALL[2:]
    assert [item["event"] for item in await items(api, begin=begin, ascending="yes")] == ALL[2::-1]


REFUSED = {
    "conflict": {"begin": "1", "end": "2", "ascending": "no"},
    "begin alone": {"begin": "1"},
    "begin": {"begin": "yesterday", "ascending": "yes"},
    "end": {"end": "yesterday"},
    "ascending": {"ascending": "up"},
    "limit": {"limit": "many"},
    "limit of nothing": {"limit": "0"},
    "filter": {"event": "(failed"},
    "too long": {"subject": "x" * 2001},
}


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_asked(api: Api, query: dict[str, str]) -> None:
    reply = await get(api, **query)
    assert reply.status == 400 and "message" in reply.json()


@pytest.mark.parametrize("order", ["yes", "no"])
async def test_pages_hold_every_event_once(api: Api, order: str) -> None:
    await story(api)
    wanted = ALL if order == "no" else ALL[::-1]
    reply = await get(api, ascending=order, limit=2)
    seen: list[str] = []
    while page := reply.json()["items"]:
        seen += [item["event"] for item in page]
        assert set(reply.json()["paging"]) == {"next", "previous", "first", "last"}
        last = reply
        reply = await follow(api, reply.json()["paging"]["next"])
    assert seen == wanted
    before = await follow(api, reply.json()["paging"]["previous"])
    assert before.status == 200
    paging = last.json()["paging"]
    assert [item["event"] for item in (await follow(api, paging["previous"])).json()["items"]] == wanted[2:4]
    assert [item["event"] for item in (await follow(api, paging["first"])).json()["items"]] == wanted[:2]
    assert [item["event"] for item in (await follow(api, paging["last"])).json()["items"]] == wanted[-2:]


async def test_the_same_next_page_yields_later_events(api: Api) -> None:
    await story(api)
    reply = await get(api, ascending="yes", event="accepted OR delivered")
    url = reply.json()["paging"]["next"]
    assert (await follow(api, url)).json()["items"] == []
    await note(api, EventKind.DELIVERED, "late@example.net")
    api.clock.advance(60.0)
    (late,) = (await follow(api, url)).json()["items"]
    assert late["recipient"] == "late@example.net"


async def test_an_event_is_written_as_for_webhooks_with_the_letters_address(api: Api) -> None:
    form = {**LEAST, "o:tag": "T", "v:order": "42"}
    id = (await api.call("POST", f"/v3/{DOMAIN}/messages", basic=api.full, form=form)).json()["id"]
    (item,) = await items(api)
    key = item["storage"]["key"]
    assert item["storage"]["url"] == f"http://{HOST}/v3/domains/{DOMAIN}/messages/{key}"
    assert f"<{item['message']['headers']['message-id']}>" == id
    assert (item["event"], item["method"], item["log-level"]) == ("accepted", "http", "info")
    assert (item["tags"], item["user-variables"], item["campaigns"]) == (["T"], {"order": "42"}, [])
    assert item["envelope"] == {
        "sender": f"shop@{DOMAIN}",
        "transport": "smtp",
        "targets": "bob@example.net",
    }
    assert (item["recipient"], item["recipient-domain"]) == ("bob@example.net", "example.net")
    for written in (id, id.strip("<>")):
        assert len(await items(api, **{"message-id": written})) == 1
    assert await items(api, **{"message-id": "x@y"}) == []
    assert len(await items(api, **{"from": "shop", "to": "bob@example.net"})) == 1


async def test_S20_nobody_reads_anothers_events(api: Api) -> None:
    await story(api)
    page = (await get(api)).json()["paging"]["next"]
    token = urlsplit(page).path.rpartition("/")[2]
    assert (await get(api, f"/v3/{OTHER_DOMAIN}/events")).status == 404
    reply = await api.call("GET", f"/v3/{OTHER_DOMAIN}/events/{token}", basic=api.others)
    assert (reply.status, reply.json()["items"]) == (200, [])


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "",
        "W10",
        "bnVsbA",
        "%00",
        "é",
        "WyJmIiwiJyBPUiAxPTEiLHt9XQ",
        "WyJmIiwiIix7ImEiOnt9fV0",
        "a" * 9000,
    ],
)
async def test_S19_a_page_that_nobody_gave_is_refused(api: Api, token: str) -> None:
    reply = await get(api, f"{EVENTS}/{quote(token)}")
    assert reply.status in (400, 200 if not token else 400)
