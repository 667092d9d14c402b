"""Automations, rests, reloads and views in one worker's pipeline, on a real store (D-05, F33, F36)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from posthouse.model.errors import SettingsError, TryLater
from posthouse.model.message import Phase, SmtpResult
from posthouse.model.site import AVOID, SLOW, SUSPEND, Rest
from posthouse.pipeline import rests as rests_module
from posthouse.pipeline.replies import MOST, Replies
from posthouse.pipeline.rests import Rests
from posthouse.pipeline.shapes import Shapes
from posthouse.pipeline.sitewatch import SiteWatch
from posthouse.rules.automations import Automation
from posthouse.rules.matching import parse_condition
from posthouse.rules.site_limits import Limits
from posthouse.store import sites, workers
from posthouse.store.engine import each
from unit.pipeline.small_world import ME, World, delivered, open_world, refusing, site, until

TSS04 = SmtpResult(Phase.MAIL, 421, "4.7.0", "[TSS04] Messages from 192.0.2.1 deferred", mx="mx.good.test")
SUSPENDS = Automation("stop", SUSPEND, parse_condition({"text": ["tss04"]}), after=2, for_s=600)
SLOWS = Automation("slow", SLOW, parse_condition({"text": ["tss04"]}), connections=1, for_s=600)
AVOIDS = Automation("away", AVOID, parse_condition({"text": ["tss04"]}), for_s=600)


def says(world: World, result: SmtpResult) -> None:
    world.courier.answers["good.test"] = lambda _: result


def queue_of(world: World) -> Any:
    return world.dispatcher.sites.find("good.test")


async def rows_of(world: World) -> list[Rest]:
    await world.written()
    found: list[Rest] = await world.store.read(sites.rests_since, world.clock.now())
    return found


def watch_of(world: World, shapes: Shapes | None = None) -> SiteWatch:
    return SiteWatch(
        store=world.store,
        clock=world.clock,
        dispatcher=world.dispatcher,
        shapes=shapes or Shapes(None),
        rests=world.rests,
        worker_id=ME,
    )


async def test_a_reply_that_is_met_often_enough_suspends_its_site_and_nothing_more_goes(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path, automations=[SUSPENDS]) as world:
        says(world, TSS04)
        for number in range(2):
            await world.accept(f"u{number}@good.test")
            await world.at_rest()
        (rest,) = await rows_of(world)
        assert (rest.site, rest.kind, rest.automation) == ("good.test", SUSPEND, "stop")
        assert rest.until == world.clock.now() + 600 and "[TSS04]" in rest.reason
        said = [fact.get("automation", "") for fact in world.facts("deferred")]
        assert said == ["", "stop"], "the letter's event names what it has set off"
        says(world, delivered())
        await world.accept("later@good.test")
        await world.accept("other@fine.test")
        await world.fetch_all()
        await world.at_rest()
        assert world.courier.sent[2:] == ["other@fine.test"]
        assert world.dispatcher.place_of("good.test").room == 0
        world.clock.advance(601)
        await world.fetch_all()
        await world.at_rest()
        assert "later@good.test" in world.courier.sent


async def test_what_waits_in_memory_goes_back_when_its_site_is_suspended(tmp_path: Path) -> None:
    one = Automation("stop", SUSPEND, SUSPENDS.condition, for_s=600)
    async with open_world(
        tmp_path, automations=[one], limits=Limits(connections=1, first_connections=1)
    ) as world:
        says(world, TSS04)
        await world.accept(*[f"u{number}@good.test" for number in range(4)])
        await world.at_rest()
        assert len(world.courier.begun) == 1
        assert sorted(row["attempt"] for row in world.rows()) == [0, 0, 0, 1]


async def test_a_suspended_site_that_was_forgotten_is_not_fed_either(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        world.rests.decide(Rest("good.test", SUSPEND, "", world.clock.now() + 60, world.clock.now(), ""))
        world.resolver.known.add("good.test")
        assert world.dispatcher.place_of("good.test").room == 0
        assert queue_of(world) is None


async def test_slow_changes_a_site_that_lives_and_ends_by_itself(tmp_path: Path) -> None:
    async with open_world(tmp_path, automations=[SLOWS]) as world:
        watch = watch_of(world)
        await world.accept()
        await world.at_rest()
        assert queue_of(world).limits.connections == 10
        says(world, TSS04)
        await world.accept()
        await world.at_rest()
        assert queue_of(world).window.most == 1
        await world.written()
        world.clock.advance(599)
        await watch.look_at_rests()
        assert queue_of(world).window.most == 1
        world.clock.advance(2)
        await watch.look_at_rests()
        assert queue_of(world).window.most == 10


async def test_a_blocked_address_is_avoided_as_long_as_it_is_known(tmp_path: Path) -> None:
    async with open_world(tmp_path, automations=[AVOIDS], sources=["192.0.2.1"]) as world:
        says(world, TSS04)
        await world.accept()
        await world.at_rest()
        assert world.rests.avoided("good.test") == {"192.0.2.1"}
        assert world.rests.avoided("other.test") == frozenset()
        assert not queue_of(world).rests(world.clock.monotonic()), "mail goes on"


async def test_the_next_letter_leaves_from_another_address(tmp_path: Path) -> None:
    async with open_world(tmp_path, automations=[AVOIDS], sources=["192.0.2.1", "192.0.2.2"]) as world:
        says(world, TSS04)
        await world.accept()
        await world.at_rest()
        (blocked,) = world.rests.avoided("good.test")
        says(world, delivered())
        await world.accept()
        await world.at_rest()
        assert set(world.courier.sources) == {"192.0.2.1", "192.0.2.2"}
        assert world.courier.sources[-1] != blocked


async def test_without_an_address_of_ours_there_is_none_to_avoid(tmp_path: Path) -> None:
    async with open_world(tmp_path, automations=[AVOIDS]) as world:
        says(world, TSS04)
        await world.accept()
        await world.at_rest()
        assert await rows_of(world) == []
        assert "automation" not in world.facts("deferred")[0]


async def test_what_another_worker_or_an_operator_decided_holds_within_a_look(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        watch = watch_of(world)
        await world.accept()
        await world.at_rest()
        now = world.clock.now()
        await world.store.write(
            each(sites.set_rest), (Rest("good.test", SUSPEND, "", now + 60, now, "ticket"),)
        )
        await watch.look_at_rests()
        assert world.dispatcher.place_of("good.test").room == 0
        assert queue_of(world).wait_s(world.clock.monotonic()) == pytest.approx(60)
        await world.store.write(each(sites.end_rests), ("good.test",))
        await watch.look_at_rests()
        assert world.dispatcher.place_of("good.test").room > 0


async def test_a_decision_is_offered_until_the_store_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rests_module, "AGAIN_S", 0.01)
    async with open_world(tmp_path, automations=[SLOWS]) as world:
        away = refusing(world, TryLater(451, "4.3.0", "away"), 2, only=sites.add_rests)
        world.store.submit = away  # type: ignore[method-assign]
        says(world, TSS04)
        await world.accept()
        await world.at_rest()
        own = world.rests._own[("good.test", SLOW, "")]
        await until(lambda: own.read is not None)
        assert [rest.kind for rest in await rows_of(world)] == [SLOW]


def test_a_look_that_began_before_our_own_commit_does_not_undo_it() -> None:
    rests, own = Rests(), Rest("s", SUSPEND, "", 100.0, 0.0, "")
    look = rests.begin_look()
    rests.decide(own)
    assert rests.learn(look, [], 1.0) == set() and rests.suspended_until("s") == 100.0
    rests.committed(own)
    assert rests.learn(rests.begin_look(), [own], 2.0) == set()
    assert rests.learn(rests.begin_look(), [], 3.0) == {"s"}, "an operator ended it"
    assert rests.suspended_until("s") == 0.0


# -- the file ----------------------------------------------------------------------------------------------


def test_a_changed_file_is_read_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    file, where = tmp_path / "own.toml", site("good.test")
    file.write_text("[default]\nconnections = 3\n")
    shapes = Shapes(file)
    assert not shapes.look()
    file.write_text("[default]\nconnections = 44\n")
    assert shapes.look() and not shapes.look()
    assert shapes.rule_of(where).limits.connections == 44
    file.write_text("[default\n")
    assert not shapes.look()
    file.unlink()
    assert not shapes.look()
    assert shapes.rule_of(where).limits.connections == 44
    file.write_text('[[automation]]\nname = "mine"\naction = "none"\n')
    assert shapes.look() and shapes.automations[0].name == "mine"
    assert shapes.rule_of(where).limits.connections == 10


def test_a_broken_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        Shapes(tmp_path / "none.toml")


def test_numbers_of_the_settings_stand_above_all_rules() -> None:
    rule = Shapes(None, connections=7).rule_of(site("good.test"))
    assert (rule.limits.connections, rule.limits.messages_per_connection) == (7, 100)
    assert rule.origin == "built in: [default]; settings: delivery.connections"


async def test_a_new_file_reshapes_sites_that_live(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("")
    shapes = Shapes(file)
    async with open_world(tmp_path) as world:
        world.dispatcher.sites._rule_of = shapes.rule_of
        await world.accept()
        await world.at_rest()
        window = queue_of(world).window
        file.write_text("[default]\nconnections = 2\nmessages_per_second = 0.5\n")
        await watch_of(world, shapes).look_at_rules()
        assert (queue_of(world).window, window.most) == (window, 2), "what was learned stays"
        assert queue_of(world)._bucket.per_second == 0.5


async def test_a_rate_is_shared_as_the_connections_are(world: World) -> None:
    await world.accept()
    await world.at_rest()
    book, queue = world.dispatcher.sites, queue_of(world)
    for count in (1, 2, 5):
        queue.limits = Limits(messages_per_second=10)
        book._workers = []
        book._rule_of = lambda _: _rule(Limits(messages_per_second=10))
        book.share_with([ME, *[f"w{number}" for number in range(1, count)]])
        assert queue._bucket.per_second == pytest.approx(10 / count)


def _rule(limits: Limits) -> Any:
    from posthouse.rules.shaping import SiteRule

    return SiteRule("default", (), limits, "test")


# -- what is shown -----------------------------------------------------------------------------------------


@pytest.fixture
async def shown(world: World) -> AsyncIterator[World]:
    now = world.clock.now()
    await world.store.write(each(workers.register), (workers.Worker(ME, "here", 1, now, now),))
    yield world


async def test_a_worker_shows_its_sites_when_they_changed(shown: World) -> None:
    watch = watch_of(shown)
    await shown.accept("ann@good.test")
    await shown.at_rest()
    says(shown, SmtpResult(Phase.RCPT, 450, "4.2.0", "later \x1b[31m"))
    await shown.accept("bob@good.test")
    await shown.at_rest()
    await watch.show()
    (view,) = await shown.store.read(sites.list_views)
    assert (view.site, view.worker_id) == ("good.test", ME)
    data = view.data
    assert (data["taken"], data["domains"], data["width"], data["share"]) == (1, ["good.test"], 5, 10)
    (reply,) = data["replies"]
    assert (reply["code"], reply["count"], reply["last_at"]) == (450, 1, pytest.approx(shown.clock.now()))
    shown.store.write = None  # type: ignore[method-assign, assignment]
    await watch.show()  # nothing changed: nothing is written


async def test_twenty_domains_of_a_site_are_shown_and_all_of_a_suspended_one(shown: World) -> None:
    watch = watch_of(shown)
    await shown.accept("ann@good.test")
    await shown.at_rest()
    queue = queue_of(shown)
    queue.domains = {f"d{number:03}.test": None for number in range(200)}
    await watch.show()
    (view,) = await shown.store.read(sites.list_views)
    assert view.data["domains"] == [f"d{number:03}.test" for number in range(20)]
    assert view.data["more_domains"] == 180
    queue.suspended_until = shown.clock.monotonic() + 60
    await watch.show()
    (view,) = await shown.store.read(sites.list_views)
    assert view.data["domains"] == list(queue.domains) and "more_domains" not in view.data


async def test_only_sites_that_changed_are_written_though_the_clocks_drift(
    shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[list[str]] = []
    put_views = sites.put_views

    def put(conn: Any, worker_id: str, at: float, changed: Any, gone: Any) -> None:
        written.append([name for name, _ in changed])
        put_views(conn, worker_id, at, changed, gone)

    monkeypatch.setattr(sites, "put_views", put)
    watch = watch_of(shown)
    for name in ("good.test", "fine.test"):
        await shown.accept(f"ann@{name}")
        await shown.at_rest()
    await watch.show()
    shown.clock._now += 0.01
    await watch.show()
    await shown.accept("bob@fine.test")
    await shown.at_rest()
    await watch.show()
    assert [sorted(names) for names in written] == [["fine.test", "good.test"], ["fine.test"]]


async def test_no_more_sites_are_shown_than_a_screen_can_bear(
    shown: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posthouse.pipeline.sitewatch.MOST_SHOWN", 2)
    watch = watch_of(shown)
    for name in ("a.test", "b.test", "c.test"):
        shown.clock.advance(1)
        await shown.accept(f"x@{name}")
        await shown.at_rest()
    await watch.show()
    assert [view.site for view in await shown.store.read(sites.list_views)] == ["b.test", "c.test"]
    shown.clock.advance(1)
    await shown.accept("x@a.test")
    await shown.at_rest()
    await watch.show()
    assert [view.site for view in await shown.store.read(sites.list_views)] == ["a.test", "c.test"]


def reply(text: str, code: int = 450) -> SmtpResult:
    return SmtpResult(Phase.RCPT, code, "4.2.0", text, mx="mx.good.test")


def test_replies_that_differ_in_an_id_are_one_and_their_number_is_bounded() -> None:
    replies = Replies()
    for number in range(50):
        replies.note(
            reply(f"later, id 2026112600{number} for u{number}@x.test from 192.0.2.{number}"), number
        )
    replies.note(reply("later, id", 451), 50)
    seen = replies.seen(1000.0)["replies"]
    assert [(row["code"], row["count"]) for row in seen] == [(451, 1), (450, 50)]
    assert (seen[1]["first_at"], seen[1]["last_at"]) == (1000.0, 1049.0)
    for number in range(100):
        replies.note(reply("word " * number), 60)
    seen = replies.seen(0.0)["replies"]
    assert len(seen) == MOST and len(json.dumps(seen)) < 5000
