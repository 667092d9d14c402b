"""Opens, clicks and unsubscribes on their way into the store, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import TryLater
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.observe import Counters
from posthouse.pipeline.engage import Engagement, Visitor
from posthouse.pipeline.visits import HOLD_S, MOST_OF_COPY, MOST_WAITING, Visits
from posthouse.store import events, messages, suppressions, visits
from posthouse.store.connection import Connection
from posthouse.store.engine import Store, open_store
from posthouse.store.events import EventQuery
from store.letters import event, letter

PERSON = Visitor("203.0.113.9", "Firefox", "", {"client-name": "Firefox"}, "Europe/Rome")
KINDS = (EventKind.OPENED, EventKind.CLICKED, EventKind.UNSUBSCRIBED, EventKind.RESUBSCRIBED)


class World:
    def __init__(self, store: Store, conn: Connection) -> None:
        self.store, self.conn = store, conn
        self.clock = FakeClock()
        self.ids = Ids(self.clock)
        self.counters = Counters()
        self.visits = Visits(store=store, clock=self.clock, ids=self.ids, counters=self.counters)
        self.engagement = Engagement(store=store, clock=self.clock, ids=self.ids)

    def letter(self, *recipients: str) -> list[Delivery]:
        accepted = letter(*recipients)
        with self.conn.transaction():
            messages.add_accepted(self.conn, [accepted])
        return accepted.deliveries

    def events(self) -> list[Event]:
        return events.search(self.conn, EventQuery(kinds=KINDS, limit=1000))

    async def written(self) -> list[Event]:
        self.clock.advance(HOLD_S)
        await self.visits.flush()
        return self.events()


@pytest_asyncio.fixture
async def world(store_url: str, conn: Connection) -> AsyncIterator[World]:
    store = open_store(store_url, asyncio.get_running_loop())
    yield World(store, conn)
    await store.close()


async def test_visits_are_written_in_groups_and_say_who_came(world: World) -> None:
    [delivery] = world.letter("ann@one.test")
    world.visits.opened(delivery.id, PERSON)
    world.visits.clicked(delivery.id, PERSON, "https://shop.test/", 4, "html")
    world.visits.opened("01HZX3V9Q4N7B8C2D5E6F7G8H9.0000", PERSON)
    await world.visits.flush()
    assert world.events() == [], "they wait a moment for others like them"
    opened, clicked = await world.written()
    assert opened.data == {
        "client_ip": "203.0.113.9",
        "user_agent": "Firefox",
        "client": {"client-name": "Firefox"},
        "machine": "",
    }
    assert (opened.delivery_id, opened.recipient) == (delivery.id, "ann@one.test")
    assert clicked.data["url_offset"] == {"index": 4, "type": "html"}
    assert (clicked.data["url"], clicked.data["time_zone"]) == ("https://shop.test/", "Europe/Rome")
    assert opened.at == clicked.at == world.clock.now() - HOLD_S, "when it happened, not when it was written"
    assert len(world.visits) == 0


async def test_what_happens_at_once_after_the_delivery_is_a_machine(world: World) -> None:
    [delivery] = world.letter("ann@one.test")
    with world.conn.transaction():
        events.append(world.conn, [event(delivery, EventKind.DELIVERED, world.clock.now())])
    world.clock.advance(1.0)
    world.visits.opened(delivery.id, PERSON)
    world.clock.advance(5.0)
    world.visits.opened(delivery.id, PERSON)
    assert [each.data["machine"] for each in await world.written()] == ["scanner", ""]


async def test_many_links_of_one_mail_at_once_are_a_machine(world: World) -> None:
    ann, bob = world.letter("ann@one.test", "bob@one.test")
    for link in range(4):
        world.visits.clicked(ann.id, PERSON, "https://a.test/", link, "html")
        world.visits.clicked(bob.id, PERSON, "https://a.test/", 0, "html")
        world.clock.advance(0.1)
    found = {(each.recipient, each.data["machine"]) for each in await world.written()}
    assert found == {("ann@one.test", "scanner"), ("bob@one.test", "")}


async def test_one_copy_cannot_fill_the_store(world: World) -> None:
    ann, bob = world.letter("ann@one.test", "bob@one.test")
    for _ in range(2 * MOST_OF_COPY):
        world.visits.opened(ann.id, PERSON)
    world.visits.clicked(ann.id, PERSON, "https://a.test/", 0, "html")
    world.visits.opened(bob.id, PERSON)
    assert len(await world.written()) == MOST_OF_COPY + 2
    for _ in range(3):  # another worker, or the same one later
        world.visits.opened(ann.id, PERSON)
    assert len(await world.written()) == MOST_OF_COPY + 2
    assert world.counters.total("visits_ignored") == MOST_OF_COPY + 3
    world.visits.opened(ann.id, PERSON)
    assert len(world.visits) == 0, "it need not even wait"


async def test_nothing_is_lost_while_the_store_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    [delivery] = world.letter("ann@one.test")

    async def away(*_: object) -> None:
        raise TryLater(451, "4.3.0", "away")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "read", away)
        world.visits.clicked(delivery.id, PERSON, "https://a.test/", 0, "html")
        world.clock.advance(60.0)
        for _ in range(3):
            with pytest.raises(TryLater):
                await world.visits.flush()
    [clicked] = await world.written()
    assert clicked.at == world.clock.now() - 60.0 - HOLD_S


async def test_what_waits_is_bounded_and_the_oldest_goes(world: World) -> None:
    [delivery] = world.letter("ann@one.test")
    for number in range(MOST_WAITING + 5):
        world.visits.opened(f"{number}", PERSON)
    assert len(world.visits) == MOST_WAITING
    assert world.counters.total("visits_lost") == 5
    world.visits.opened(delivery.id, PERSON)
    assert len(await world.written()) == 1


async def test_machines_say_nothing_about_when_people_read(world: World) -> None:
    [delivery] = world.letter("ann@one.test")
    machine = Visitor("203.0.113.9", "curl", "generic", {}, "Asia/Tokyo")
    world.visits.clicked(delivery.id, PERSON, "https://a.test/", 0, "html")
    world.clock.advance(30.0)
    world.visits.clicked(delivery.id, machine, "https://a.test/", 0, "html")
    assert len(await world.written()) == 2
    assert len(visits.engagement_hours(world.conn, "acc", "ann@one.test")) == 1
    assert visits.last_click_zone(world.conn, "acc", "ann@one.test") == "Europe/Rome"


def _left(world: World) -> list[tuple[str, str, str]]:
    rows = suppressions.find(world.conn, [("acc", "ann@one.test")])
    return sorted((str(row.kind), row.domain, row.scope) for row in rows)


async def test_D_08_leaving_and_coming_back_are_facts_once(world: World) -> None:
    [delivery] = world.letter("ann@one.test")
    scopes = ["", "group:3", "tag:news", "global"]
    for _ in range(2):
        found = await world.engagement.find(delivery.id)
        assert found is not None
        await world.engagement.unsubscribed(found, scopes, PERSON)
    assert _left(world) == [
        ("unsubscribe", "", ""),
        ("unsubscribe", "", "group:3"),
        ("unsubscribe", "sender.test", ""),
        ("unsubscribe", "sender.test", "tag:news"),
    ]
    assert [(each.kind, each.data["scopes"], each.data.get("group")) for each in world.events()] == [
        ("unsubscribed", ["group:3"], 3),
        ("unsubscribed", ["", "tag:news", "global"], None),
    ]
    complaint = Suppression("acc", "ann@one.test", SuppressionKind.COMPLAINT, "sender.test", "", 1.0)
    with world.conn.transaction():
        suppressions.add(world.conn, [complaint])
    found = await world.engagement.find(delivery.id)
    assert found is not None and found.left == frozenset(scopes)
    for _ in range(2):
        await world.engagement.resubscribed(found, ["group:3", "global", "group:9"], PERSON)
    assert _left(world) == [
        ("complaint", "sender.test", ""),
        ("unsubscribe", "sender.test", ""),
        ("unsubscribe", "sender.test", "tag:news"),
    ]
    again = [each for each in world.events() if each.kind is EventKind.RESUBSCRIBED]
    assert [(each.data["scopes"], each.data.get("group")) for each in again] == [
        (["group:3"], 3),
        (["global"], None),
    ]
