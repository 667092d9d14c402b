"""Intake, Dispatcher, Fetcher and Recorder together, on a real store with made-up hosts, DNS and time."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.model.message import Phase, SmtpResult
from posthouse.net.dns import DnsTrouble
from posthouse.pipeline import charge, fetch, outcome, outcome_events, site_search
from posthouse.pipeline.dispatch import Dispatcher
from posthouse.pipeline.memory import MemoryBound
from posthouse.rules.shaping import Limits
from posthouse.rules.window import RESTS_S
from posthouse.store import captures, queue
from posthouse.store.engine import connect
from unit.pipeline.small_world import (
    ME,
    World,
    delivered,
    letter,
    open_world,
    principal,
    refusing,
    site,
    unreachable,
    until,
)

NO_DNS = DnsTrouble(451, "4.4.3", "no answer", False, "dns")
NO_SUCH = DnsTrouble(550, "5.1.2", "no such domain", True, "dns")


# -- acceptance and hand-over ------------------------------------------------------------------------------


async def test_a_letter_goes_straight_from_its_commit_to_the_host(world: World) -> None:
    await world.accept("ann@good.test")
    await world.at_rest()
    assert world.courier.sent == ["ann@good.test"]
    assert world.states() == {"delivered": 1}
    assert world.events() == {"accepted": 1, "delivered": 1}
    assert world.rows()[0]["attempt"] == 1


async def test_nothing_is_said_and_nothing_sent_before_the_commit(world: World) -> None:
    """S: success is answered behind the commit, and only then does the letter leave."""
    seen: list[tuple[int, int]] = []
    submit = world.store.submit

    def watched(fn: Any, item: Any, done: Any) -> None:
        def told(result: Any, error: BaseException | None) -> None:
            seen.append((len(world.receipts), len(world.courier.begun)))
            assert world.rows(), "told, and not on disk"
            done(result, error)

        submit(fn, item, told)

    world.store.submit = watched  # type: ignore[method-assign]
    await world.accept()
    await world.at_rest()
    assert seen[0] == (0, 0)


async def test_what_has_no_room_waits_in_the_store_and_is_fetched(world: World) -> None:
    await world.accept(*[f"u{number}@good.test" for number in range(12)])
    assert world.states() == {"waiting": 12}
    assert world.dispatcher.bound.jobs == 0
    for _ in range(3):  # four, until the domain is known, then as its window allows
        await world.fetch_all()
        await world.at_rest()
    assert world.states() == {"delivered": 12}
    assert sorted(world.courier.sent) == sorted(row["recipient"] for row in world.rows())


async def test_a_held_letter_is_neither_handed_over_nor_fetched(world: World) -> None:
    await world.accept(held_for="new.test")
    assert world.states() == {"held": 1}
    assert not await world.fetcher.fetch()
    assert world.is_empty()


async def test_mail_of_a_suspended_account_waits_and_goes_on_when_it_is_resumed(tmp_path: Path) -> None:
    async with open_world(tmp_path, hands_over=False) as world:
        await world.accept("ann@good.test", account="bad")
        await world.accept("bob@good.test", account="good")
        world.suspended.add("bad")
        await world.fetch_all()
        await world.at_rest()
        assert world.courier.sent == ["bob@good.test"]
        assert not await world.fetcher.fetch()
        assert not world.dispatcher.has_backlog, "what may not go does not keep the fetcher busy"
        world.suspended.clear()
        await world.fetch_all()
        await world.at_rest()
        assert world.states() == {"delivered": 2}
        assert world.rows()[0]["attempt"] == 1


async def test_lanes_of_a_suspended_account_hide_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "LANES", 2)
    async with open_world(tmp_path, hands_over=False) as world:
        for number in range(9):
            await world.accept(f"ann@{number}.test", account="bad")
        world.clock.advance(1)
        await world.accept("bob@good.test", account="good")
        world.suspended.add("bad")
        await world.fetch_all()
        await world.at_rest()
        assert world.courier.sent == ["bob@good.test"]


async def test_without_hand_over_all_mail_goes_through_the_store(tmp_path: Path) -> None:
    async with open_world(tmp_path, hands_over=False) as world:
        await world.accept()
        assert world.states() == {"waiting": 1}
        await world.fetch_all()
        await until(lambda: world.states() == {"delivered": 1})


async def test_a_broken_listener_does_not_keep_the_letter(world: World) -> None:
    """The reply fails (a bug, a closed connection): the letter is on disk and must go on its way."""

    def told(*_: object) -> None:
        raise RuntimeError("the door is broken")

    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    world.intake.accept(letter(world.ids), principal(), told)
    await until(lambda: world.courier.sent)
    await world.at_rest()
    assert world.states() == {"delivered": 1}
    assert len(problems) == 1


@pytest.mark.parametrize("error", [TryLater(451, "4.3.0", "away"), CommitInDoubt()])
async def test_a_refused_letter_leaves_nothing_behind(world: World, error: Exception) -> None:
    submit, world.store.submit = world.store.submit, refusing(world, error)  # type: ignore[method-assign]
    with pytest.raises(type(error)):
        await world.accept()
    world.store.submit = submit  # type: ignore[method-assign]
    assert world.is_empty() and world.courier.begun == [] and world.rows() == []


# -- sites -------------------------------------------------------------------------------------------------


async def test_a_dead_site_rests_and_what_waits_goes_back_untried(world: World) -> None:
    """F33, F34: three connections fail, the rest of the mail keeps its attempts."""
    world.courier.answers["dead.test"] = unreachable
    for number in range(30):
        await world.accept(f"u{number}@dead.test")
    await world.fetch_all()
    await world.at_rest()
    begun = len(world.courier.begun)
    assert 3 <= begun <= 8, "three in a row, and those that ran beside them"
    rows = world.rows()
    assert {row["state"] for row in rows} == {"waiting"}
    assert sum(row["attempt"] == 1 for row in rows) == begun
    assert sum(row["attempt"] == 0 for row in rows) == 30 - begun
    assert world.events()["deferred"] == begun

    assert not await world.fetcher.fetch(), "a site at rest gets nothing"
    await world.written()
    assert len(world.courier.begun) == begun


async def test_after_the_rest_one_letter_probes_and_then_all_go(world: World) -> None:
    world.courier.answers["dead.test"] = unreachable
    for number in range(12):
        await world.accept(f"u{number}@dead.test")
    await world.fetch_all()
    await world.at_rest()
    world.clock.advance(RESTS_S[0] + 1)
    del world.courier.answers["dead.test"]
    await world.fetch_all()
    await until(lambda: world.courier.sent)
    for _ in range(20):
        await world.fetch_all()
        await world.at_rest()
    tried_later = sum(row["attempt"] == 1 and row["state"] == "waiting" for row in world.rows())
    assert world.states() == {"delivered": 12 - tried_later, "waiting": tried_later}


async def test_an_operators_flush_ends_the_rest_at_once(world: World) -> None:
    world.courier.answers["dead.test"] = unreachable
    for number in range(8):
        await world.accept(f"u{number}@dead.test")
    await world.fetch_all()
    await world.at_rest()
    begun = len(world.courier.begun)
    assert not await world.fetcher.fetch()
    world.dispatcher.forget_troubles()
    assert await world.fetcher.fetch()
    await until(lambda: len(world.courier.begun) > begun)


async def test_a_good_domain_does_not_wait_for_a_dead_one(tmp_path: Path) -> None:
    """R7: 300 letters for a dead site and three for a good one, in one pass."""
    async with open_world(tmp_path, hands_over=False, bound=MemoryBound(40, 1 << 20)) as world:
        stuck = asyncio.Event()

        async def silent(_: object) -> SmtpResult:
            await stuck.wait()
            return unreachable()

        world.courier.answers["dead.test"] = silent
        for _ in range(3):
            await world.accept(*[f"u{number}@dead.test" for number in range(100)])
        for account in ("a", "b", "c"):
            await world.accept("ann@good.test", account=account)
        assert await world.fetcher.fetch()
        await until(lambda: len(world.courier.sent) == 3)
        assert set(world.courier.sent) == {"ann@good.test"}
        stuck.set()


async def test_among_very_many_lanes_those_without_room_are_not_looked_at_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R7: the list of what is due serves for half a second, the good ones in it are still served at once."""
    monkeypatch.setattr(fetch, "_MANY_LANES", 10)
    async with open_world(tmp_path, hands_over=False) as world:
        for number in range(30):
            domain = f"d{number:02}.test"
            world.resolver.sites[domain] = site("dead.test")
            world.courier.answers[domain] = unreachable
            await world.accept(f"a@{domain}")
        await world.fetch_all()
        await world.at_rest()
        world.clock.advance(1)
        for number in range(3):
            await world.accept(f"u{number}@good.test")
        looks: list[str] = []
        place_of = world.dispatcher.place_of
        monkeypatch.setattr(
            world.dispatcher, "place_of", lambda domain: (looks.append(domain), place_of(domain))[1]
        )
        assert await world.fetcher.fetch()
        assert len(looks) > 20
        await until(lambda: sum(each.endswith("@good.test") for each in world.courier.sent) == 3)
        looks.clear()
        for _ in range(3):
            await world.fetcher.fetch()
        assert set(looks) <= {"good.test"}, "not yet again"
        assert world.dispatcher.has_backlog
        world.clock.advance(1)
        await world.accept("new@new.test")
        assert await world.fetcher.fetch()
        await until(lambda: "new@new.test" in world.courier.sent)


async def test_many_dead_sites_leave_room_for_a_quick_one(tmp_path: Path) -> None:
    """Sixty silent sites want all of the memory; half of it stays for the site that has proven itself."""
    async with open_world(tmp_path, hands_over=False, bound=MemoryBound(40, 1 << 20)) as world:
        for _ in range(3):
            await world.accept(*[f"u{number}@quick.test" for number in range(10)])
        for _ in range(20):
            await world.fetch_all()
            await world.at_rest()
        assert world.dispatcher.place_of("quick.test").is_proven
        stuck = asyncio.Event()

        async def silent(_: object) -> SmtpResult:
            await stuck.wait()
            return unreachable()

        for number in range(60):
            world.courier.answers[f"d{number}.test"] = silent
            await world.accept(f"a@d{number}.test", f"b@d{number}.test")
        world.clock.advance(1)
        await world.accept("ann@quick.test")
        sent = len(world.courier.sent)
        await world.fetch_all()
        await until(lambda: len(world.courier.sent) == sent + 1)
        assert world.dispatcher.bound.unproven_jobs <= 20
        stuck.set()


async def test_a_proven_sites_mailing_does_not_shut_out_a_new_site(tmp_path: Path) -> None:
    """It may fill the memory; the first places that become free are shared in turn."""
    async with open_world(tmp_path, hands_over=False, bound=MemoryBound(20, 1 << 20)) as world:
        for _ in range(3):
            await world.accept(*[f"u{number}@quick.test" for number in range(10)])
        for _ in range(20):
            await world.fetch_all()
            await world.at_rest()
        turns = asyncio.Semaphore(0)

        async def slowly(_: object) -> SmtpResult:
            await turns.acquire()
            return delivered()

        world.courier.answers["quick.test"] = slowly
        await world.accept(*[f"v{number}@quick.test" for number in range(50)])
        await world.fetch_all()
        assert world.dispatcher.bound.jobs > 10, "the proven site has more than half"
        await world.accept("ann@new.test", account="other")
        turns.release()
        turns.release()
        await until(lambda: len(world.courier.sent) == 32)
        await world.written()
        await world.fetch_all()
        await until(lambda: "ann@new.test" in world.courier.sent)
        for _ in range(50):
            turns.release()


async def test_a_rate_limit_does_not_spin_between_memory_and_store(tmp_path: Path) -> None:
    """One letter in four seconds: what cannot start soon stays in the store, untouched."""
    async with open_world(tmp_path, limits=Limits(messages_per_second=0.25)) as world:
        for number in range(6):
            await world.accept(f"u{number}@good.test")
        await world.fetch_all(5)
        await world.at_rest()
        assert len(world.courier.sent) == 1
        assert not await world.fetcher.fetch()
        for count in (2, 3):
            world.clock.advance(4)
            await world.fetch_all(5)
            await until(lambda count=count: len(world.courier.sent) == count)  # type: ignore[misc]
            await world.at_rest()


async def test_a_short_wait_is_waited_for_in_memory_by_one_timer(tmp_path: Path) -> None:
    """Jobs wait, nothing runs, nothing else will come: the site's own timer starts the next."""
    async with open_world(tmp_path, limits=Limits(messages_per_second=5)) as world:
        timers = []
        loop = asyncio.get_running_loop()
        later = loop.call_later

        def counted(delay: float, call: Any, *args: Any) -> asyncio.TimerHandle:
            if call == world.dispatcher._ring:
                timers.append(delay)
            return later(delay, call, *args)

        loop.call_later = counted  # type: ignore[method-assign, assignment]
        for number in range(9):
            await world.accept(f"u{number}@good.test")
        await until(lambda: len(world.courier.sent) == 5)
        await world.written()
        assert len(timers) == 1
        world.clock.advance(1)
        await until(lambda: len(world.courier.sent) == 9)
        await world.at_rest()


async def test_a_rated_site_goes_on_while_one_conversation_hangs(tmp_path: Path) -> None:
    async with open_world(tmp_path, limits=Limits(messages_per_second=2)) as world:
        hang = asyncio.Event()

        async def hangs(outgoing: Any) -> SmtpResult:
            if outgoing.recipient.startswith("u0@"):
                await hang.wait()
            return delivered()

        world.courier.answers["good.test"] = hangs
        for number in range(3):
            await world.accept(f"u{number}@good.test")
        await until(lambda: len(world.courier.sent) == 1)
        world.clock.advance(0.6)
        await until(lambda: len(world.courier.sent) == 2)
        hang.set()


async def test_two_workers_share_a_sites_limit(tmp_path: Path) -> None:
    """The shares add up; who has none gives back and takes nothing."""
    both = ["worker-1", "worker-2"]
    one = Limits(connections=1, first_connections=1)
    async with (
        open_world(tmp_path, limits=one) as first,
        open_world(tmp_path, limits=one, worker_id="worker-2") as second,
    ):
        worlds = (first, second)
        gate = asyncio.Event()

        async def waits(_: object) -> SmtpResult:
            await gate.wait()
            return delivered()

        for world in worlds:
            world.courier.answers["good.test"] = waits
            await world.accept("a@good.test")
            await world.accept("b@good.test")
            await until(lambda world=world: world.courier.begun)  # type: ignore[misc]
        for world in worlds:
            world.dispatcher.share_with(both)
            await world.written()
        shares = [world.dispatcher.sites._sites["good.test"].window.most for world in worlds]
        assert sorted(shares) == [0, 1]
        without, with_it = worlds if shares[0] == 0 else worlds[::-1]
        assert without.dispatcher.bound.jobs == 1, "what runs may end; what waited went back"
        assert with_it.dispatcher.bound.jobs == 2
        gate.set()
        await without.at_rest()
        await with_it.at_rest()
        assert not await without.fetcher.fetch()
        await with_it.fetch_all()
        await until(lambda: with_it.states() == {"delivered": 4})
        assert (len(without.courier.sent), len(with_it.courier.sent)) == (1, 3)

        without.dispatcher.share_with([without.dispatcher.sites._worker_id])
        assert without.dispatcher.place_of("good.test").room > 0, "the other is gone: the limit is all ours"


# -- DNS ---------------------------------------------------------------------------------------------------


async def test_temporary_dns_trouble_postpones_and_is_not_asked_for_every_letter(world: World) -> None:
    world.resolver.sites["lost.test"] = NO_DNS
    for number in range(9):
        await world.accept(f"u{number}@lost.test")
    await world.fetch_all(5)
    await world.at_rest()
    tried = [row for row in world.rows() if row["attempt"]]
    assert 1 <= len(tried) <= 4
    assert {row["state"] for row in world.rows()} == {"waiting"}
    assert all(row["due_at"] > world.clock.now() and row["last_code"] == 451 for row in tried)
    world.clock.advance(site_search.DNS_REST_S + 0.1)
    assert world.dispatcher.place_of("lost.test").room > 0


async def test_a_domain_that_does_not_exist_fails_at_once(world: World) -> None:
    world.resolver.sites["none.test"] = NO_SUCH
    await world.accept("ann@none.test")
    await world.at_rest()
    assert world.states() == {"failed": 1}
    assert world.rows()[0]["last_code"] == 550


async def test_a_bug_in_the_resolver_postpones(world: World) -> None:
    """An unexpected exception neither loses the letter nor makes it go round in circles."""
    world.resolver.sites["odd.test"] = RuntimeError("a bug")
    await world.accept("ann@odd.test")
    await world.at_rest()
    [row] = world.rows()
    assert (row["state"], row["attempt"], row["last_code"]) == ("waiting", 1, 451)
    assert row["due_at"] > world.clock.now()
    assert not await world.fetcher.fetch()


async def test_all_domains_of_one_host_share_its_room(tmp_path: Path) -> None:
    async with open_world(tmp_path, hands_over=False) as world:
        hold = asyncio.Event()

        async def waits(_: object) -> SmtpResult:
            await hold.wait()
            return delivered()

        for number in range(30):
            domain = f"c{number}.test"
            world.resolver.sites[domain] = site("hosted.test")
            world.resolver.known.add(domain)
            world.courier.answers[domain] = waits
            await world.accept(f"a@{domain}", f"b@{domain}")
        await world.fetch_all()
        assert world.dispatcher.bound.jobs == 10, "first four, then two for each of its five conversations"
        hold.set()


# -- writing down ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [TryLater(451, "4.3.0", "away"), CommitInDoubt()])
@pytest.mark.parametrize("holds", [False, True], ids=["not committed", "committed unseen"])
async def test_an_outcome_is_offered_until_it_is_committed(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, holds: bool
) -> None:
    monkeypatch.setattr(outcome, "AGAIN_S", 0.01)
    sending = asyncio.Event()

    async def waits(_: object) -> SmtpResult:
        await sending.wait()
        return delivered()

    world.courier.answers["good.test"] = waits
    await world.accept("ann@good.test")
    await until(lambda: world.courier.begun)
    world.store.submit = refusing(world, error, 3, holds=holds)  # type: ignore[method-assign]
    sending.set()
    await until(lambda: world.courier.sent)
    assert world.dispatcher.bound.jobs == 1, "not let go before it is written"
    await world.at_rest()
    assert world.states() == {"delivered": 1}
    assert world.events() == {"accepted": 1, "delivered": 1}, "written once"


async def test_an_outcome_that_the_store_cannot_take_is_written_poorly_rather_than_never(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poison event must not leave a delivered letter taken for ever, nor send it again."""
    monkeypatch.setattr(outcome, "AGAIN_S", 0.01)
    detail = outcome_events._detail
    monkeypatch.setattr(outcome_events, "_detail", lambda *args: detail(*args) | {"poison": object()})
    await world.accept()
    await world.at_rest()
    assert world.states() == {"delivered": 1}
    assert world.events() == {"accepted": 1, "delivered": 1}
    assert world.courier.sent == ["ann@good.test"]


async def test_a_late_result_is_fenced_and_counts_come_back(world: World) -> None:
    """F17: others took it over while we slept; what we say about it changes nothing."""
    hold = asyncio.Event()

    async def waits(_: object) -> SmtpResult:
        await hold.wait()
        return delivered()

    world.courier.answers["good.test"] = waits
    await world.accept()
    await until(lambda: world.courier.begun)
    with connect(f"sqlite:///{world.path}") as conn, conn.transaction():
        queue.release_owner(conn, ME)
    hold.set()
    await world.at_rest()
    assert world.states() == {"waiting": 1}
    assert "delivered" not in world.events()


async def test_strange_words_of_the_other_side_are_recorded(world: World) -> None:
    text = "no \0 such \ud800 user \u2028 \x1b[31m" + "x" * 100_000
    world.courier.answers["good.test"] = lambda _: SmtpResult(Phase.RCPT, 550, "5.1.1", text)
    await world.accept(notify="FAILURE")
    await until(lambda: "failed" in world.states())
    assert world.events()["failed"] == 1


# -- captures ----------------------------------------------------------------------------------------------


async def test_captured_mail_is_kept_and_leaves_nobody(tmp_path: Path) -> None:
    async with open_world(tmp_path, captures=True) as world:
        await world.accept(*[f"u{number}@anywhere.test" for number in range(20)])
        await world.fetch_all()
        await world.at_rest()
        assert world.states() == {"delivered": 20}
        assert {row["last_code"] for row in world.rows()} == {650}
        assert world.courier.begun == [] and not world.resolver.asked
        kept = await world.store.read(captures.search, captures.CaptureQuery(""))
        assert len(kept) == 20


async def test_a_capture_that_breaks_is_tried_again_later(tmp_path: Path) -> None:
    async with open_world(tmp_path, captures=True) as world:
        world.signer.fails = 1
        await world.accept()
        await world.at_rest()
        [row] = world.rows()
        assert (row["state"], row["last_code"]) == ("waiting", 451)
        world.clock.advance(charge.BROKEN_AGAIN_S + 1)
        await world.fetch_all()
        await world.at_rest()
        assert world.states() == {"delivered": 1}


# -- stopping ----------------------------------------------------------------------------------------------


async def test_stop_gives_back_what_was_not_begun_and_waits_for_the_rest(world: World) -> None:
    """F16. In a drain nothing is begun: neither what waits for its site nor what waits for DNS."""
    hold = asyncio.Event()

    async def waits(_: object) -> SmtpResult:
        await hold.wait()
        return delivered()

    world.courier.answers["good.test"] = waits
    for number in range(8):
        await world.accept(f"u{number}@good.test")
    await until(lambda: len(world.courier.begun) == 5)
    world.resolver.gate.clear()
    await world.accept("ann@slow-dns.test")
    stopping = asyncio.ensure_future(world.dispatcher.stop(5.0))
    await until(lambda: world.states() == {"taken": 5, "waiting": 4})
    world.resolver.gate.set()
    assert not await world.fetcher.fetch() and not await world.fetcher.expire(100)
    await world.accept("late@good.test")
    assert world.states() == {"taken": 5, "waiting": 5}
    hold.set()
    await stopping
    assert world.states() == {"delivered": 5, "waiting": 5}
    assert {row["attempt"] for row in world.rows("state = 'waiting'")} == {0}
    assert len(world.courier.begun) == 5 and world.is_empty()


async def test_stop_waits_until_outcomes_are_on_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "AGAIN_S", 0.02)
    hold = asyncio.Event()

    async def waits(_: object) -> SmtpResult:
        await hold.wait()
        return delivered()

    world.courier.answers["good.test"] = waits
    await world.accept()
    await until(lambda: world.courier.begun)
    world.store.submit = refusing(world, TryLater(451, "4.3.0", "away"), 3)  # type: ignore[method-assign]
    hold.set()
    await world.dispatcher.stop(5.0)
    assert world.states() == {"delivered": 1} and world.is_empty()


async def test_stop_does_not_wait_for_ever(world: World) -> None:
    async def never(_: object) -> SmtpResult:
        await asyncio.Event().wait()
        raise AssertionError

    world.courier.answers["good.test"] = never
    await world.accept()
    await until(lambda: world.courier.begun)
    await world.dispatcher.stop(0.05)
    assert world.is_empty(), "what was cut off is counted nowhere; the store releases it with its owner"
    assert world.states() == {"taken": 1}


async def test_a_result_in_doubt_is_recorded_during_a_stop(world: World) -> None:
    """The final dot was sent, the copy may exist: that was an attempt, and no reason to try at once."""
    hold = asyncio.Event()

    async def doubtful(_: object) -> SmtpResult:
        await hold.wait()
        return SmtpResult(Phase.BODY, 0, "4.4.2", "lost behind the dot", ambiguous=True)

    world.courier.answers["good.test"] = doubtful
    await world.accept()
    await until(lambda: world.courier.begun)
    stopping = asyncio.ensure_future(world.dispatcher.stop(5.0))
    await asyncio.sleep(0)
    hold.set()
    await stopping
    [row] = world.rows()
    assert (row["state"], row["attempt"]) == ("waiting", 1)
    assert row["due_at"] > world.clock.now()


async def test_a_lost_lease_starts_nothing_and_gives_back(world: World) -> None:
    world.holds = False
    await world.accept()
    await until(world.is_empty)
    assert world.states() == {"waiting": 1} and world.courier.begun == []
    assert not await world.fetcher.fetch() and not await world.fetcher.expire(10)
    world.holds = True
    await world.fetch_all()
    await until(lambda: world.states() == {"delivered": 1})


async def test_a_lease_lost_before_the_content_leaves_nothing_waiting_unwatched(world: World) -> None:
    """The conversations end with nothing sent, the jobs behind them go back too: nobody would pump them."""
    hold = asyncio.Event()

    async def waits(_: object) -> SmtpResult:
        await hold.wait()
        return delivered()

    world.courier.answers["good.test"] = waits
    for number in range(9):
        await world.accept(f"u{number}@good.test")
    await until(lambda: len(world.courier.begun) == 5)
    world.holds = False
    hold.set()
    await world.at_rest()
    assert world.states() == {"waiting": 9}
    assert {row["attempt"] for row in world.rows()} == {0}
    world.holds = True
    await world.fetch_all()
    await until(lambda: world.states() == {"delivered": 9})


def test_the_dispatcher_owns_its_tasks() -> None:
    """Every task that it makes is kept in a set until it ends."""
    assert inspect.getsource(Dispatcher).count("create_task") == 1
