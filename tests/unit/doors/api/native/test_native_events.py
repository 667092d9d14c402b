"""Events by our own API: pages and the stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from posthouse.doors.api.native import stream
from unit.doors.api.calling import Api
from unit.doors.api.native.test_native_messages import LETTER, PLACE, problem, sent

EVENTS = "/posthouse/v1/events"


async def test_events_are_found_page_by_page(api: Api) -> None:
    ids = []
    for _ in range(3):
        ids.append(await sent(api))
        api.clock.advance(10)
    page = (await api.call("GET", f"{EVENTS}?limit=2", key=api.full)).json()
    assert [each["message_id"] for each in page["items"]] == ids[:0:-1] and page["resume"] is None
    assert page["items"][0]["at"] == "2023-11-14T22:13:40Z" and page["items"][0]["detail"]["sender"]
    last = (await api.call("GET", f"{EVENTS}?cursor={page['next']}", key=api.full)).json()
    assert [each["message_id"] for each in last["items"]] == ids[:1] and last["next"] is None
    oldest = (await api.call("GET", f"{EVENTS}?order=oldest&kind=accepted", key=api.full)).json()
    assert [each["message_id"] for each in oldest["items"]] == ids and oldest["next"] is None
    fourth = await sent(api)
    api.clock.advance(10)
    more = await api.call(
        "GET", f"{EVENTS}?order=oldest&kind=accepted&cursor={oldest['resume']}", key=api.full
    )
    assert [each["message_id"] for each in more.json()["items"]] == [fourth]


async def test_S_20_events_of_others_are_not_there(api: Api) -> None:
    id = await sent(api)
    for query in ("", "?domain=shop.test", f"?message_id={id}", "?recipient=ann@good.test"):
        assert (await api.call("GET", EVENTS + query, key=api.others)).json()["items"] == []
    problem(await api.call("GET", f"{EVENTS}?domain=other.test", key=api.bound), 404, "no-domain", "domain")
    problem(await api.call("GET", f"{EVENTS}?kind=lost", key=api.full), 400, "bad-value", "kind[0]")
    problem(await api.call("GET", EVENTS, key=api.sending), 403, "no-permission")


class Stream:
    """A stream as a client reads it."""

    def __init__(self) -> None:
        self.status = 0
        self.chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self.is_over = False

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.chunks.put_nowait(message["body"])
            self.is_over = self.is_over or not message.get("more_body")

    async def next(self) -> str:
        return (await asyncio.wait_for(self.chunks.get(), 20)).decode()

    async def event(self) -> dict[str, Any]:
        """The next event; heartbeats are passed over."""
        while (text := await self.next()).startswith((":", "retry")):
            pass
        fields = dict(line.split(": ", 1) for line in text.strip().split("\n"))
        told: dict[str, Any] = json.loads(fields["data"])
        assert (fields["id"], fields["event"]) == (told["id"], told["kind"])
        return told


@asynccontextmanager
async def following(
    api: Api, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[Stream]:
    reading = Stream()
    sent_headers = {"Authorization": f"Bearer {api.full.secret}"} | (headers or {})
    scope = api._scope("GET", f"{EVENTS}/stream", query, sent_headers, "http")

    async def receive() -> Any:
        await asyncio.Event().wait()

    task = asyncio.create_task(api.door(scope, receive, reading.send))
    try:
        yield reading
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "POLL_S", 0.01)


async def test_events_stream_once_each_and_go_on_where_they_broke_off(api: Api) -> None:
    await sent(api)
    api.clock.advance(10)
    async with following(api, "kind=accepted") as reading:
        assert (await reading.next()).startswith("retry: ")
        second = await sent(api)
        third = await sent(api)
        api.clock.advance(10)
        first = (await reading.next()).split("\n\n")
        assert reading.status == 200
    events = [json.loads(text.partition("data: ")[2]) for text in first if text]
    assert [each["message_id"] for each in events] == [second, third]
    async with following(api, "kind=accepted", {"Last-Event-ID": events[0]["id"]}) as reading:
        assert (await reading.event())["message_id"] == third
    async with following(api, "kind=accepted&since=1h") as reading:
        await reading.next()
        assert (await reading.next()).count("event: accepted") == 3


async def test_a_stream_shows_that_it_is_alive(api: Api) -> None:
    async with following(api) as reading:
        await reading.next()
        api.clock.advance(stream.HEARTBEAT_S)
        assert await reading.next() == ": still here\n\n"


async def over(reading: Stream) -> None:
    while not reading.is_over:
        await reading.next()


async def test_a_stream_ends_with_its_key(api: Api) -> None:
    from posthouse.desk import keys
    from posthouse.model.account import CredentialKind

    async with following(api) as reading:
        await reading.next()
        await api.write(
            keys.revoke,
            api.clock.now(),
            account_id=api.account_id,
            kind=CredentialKind.API_KEY,
            id=api.full.id,
        )
        await over(reading)


async def test_a_stream_ends_when_the_worker_leaves(api: Api) -> None:
    async with following(api) as reading:
        await reading.next()
        api.parts.streams.close()
        await over(reading)
    problem(await api.call("GET", f"{EVENTS}/stream", key=api.full), 503, "leaving")


async def test_S_24_streams_are_bounded_for_each_key(api: Api) -> None:
    async with following(api) as one, following(api) as two, following(api) as three:
        async with following(api) as four, following(api) as five:
            for each in (one, two, three, four, five):
                await each.next()
            reply = await api.call("GET", f"{EVENTS}/stream", key=api.full)
            problem(reply, 429, "too-many-streams")
            assert reply.headers["retry-after"] == "10"
        async with following(api) as again:
            assert (await again.next()).startswith("retry")
    wrong = await api.call("GET", f"{EVENTS}/stream", key=api.full, headers={"Last-Event-ID": "7"})
    problem(wrong, 400, "bad-value", "Last-Event-ID")
    assert LETTER and PLACE
