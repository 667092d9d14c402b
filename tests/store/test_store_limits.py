"""Blocks of limits on both engines, taken by many at once, and the caps that accounts earn (D-10)."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from posthouse.desk.room import give_room_back
from posthouse.model.message import Delivery, DeliveryState
from posthouse.pipeline.admission import Candidate, admit
from posthouse.pipeline.quota import Denied, Part, drop_old, exchange, reserve, spread
from posthouse.rules.limits import Allowance, Limit, Span, _limit, account_of, counted_in, for_room
from posthouse.store import batches, caps, identity, queue, quotas
from posthouse.store.connection import Connection
from posthouse.store.engine import connect
from posthouse.store.queue import Selector
from posthouse.store.quotas import GivenUp
from store.letters import IDS, letter

NOW = 1_700_000_000.0


def ask(
    scope: str = "acc|day|", window: int = 7, back: int = 0, need: int = 1, hoped: int = 1, **more: int
) -> Part:
    return Part(scope, window, back, need, hoped, more.get("size", 1), 0, more.get("most", 100))


def test_a_block_is_as_large_as_wished_but_a_small_part_of_what_is_left(conn: Connection) -> None:
    with conn.transaction():
        assert exchange(conn, [[ask(need=2, size=50, most=1600)]]) == [(50,)]
        assert exchange(conn, [[ask(need=2, size=500, most=1600)]]) == [(1550 // 16,)]
        assert exchange(conn, [[ask(need=2, hoped=700, size=50, most=1600)]]) == [(700,)]
        assert exchange(conn, [[ask(need=2, hoped=7000, size=50, most=1600)]]) == [(1600 - 50 - 96 - 700,)]
        assert quotas.used(conn, "acc|day|", 7) == 1600


def test_a_block_is_filled_up_only_from_plenty(conn: Connection) -> None:
    with conn.transaction():
        fill = Part("acc|day|", 7, size=50, held=10, most=1600)
        assert exchange(conn, [[fill]]) == [(40,)]
        assert exchange(conn, [[ask(need=1000, hoped=1000, most=1600)]]) == [(1000,)]
        assert exchange(conn, [[fill]]) == [(560 // 16 - 10,)]
        assert exchange(conn, [[Part("acc|day|", 7, size=50, held=40, most=1600)]]) == [(0,)]


def test_what_is_needed_is_got_whole_or_not_at_all(conn: Connection) -> None:
    with conn.transaction():
        assert exchange(conn, [[ask(need=99)]]) == [(99,)]
        assert exchange(conn, [[ask(need=2)]]) == [Denied("acc|day|", 1)]
        assert exchange(conn, [[ask(back=1, need=2)]]) == [(2,)]
        assert exchange(conn, [[ask()]]) == [Denied("acc|day|", 0)]


def test_of_two_limits_both_or_none_are_touched(conn: Connection) -> None:
    with conn.transaction():
        parts = [ask("acc|day|", need=10, hoped=10), ask("acc|month|", need=10, hoped=10, most=5)]
        assert exchange(conn, [parts]) == [Denied("acc|month|", 5)]
        assert quotas.used(conn, "acc|day|", 7) == 0
        assert exchange(conn, [[ask("acc|day|", need=0, hoped=0, size=0), ask("acc|month|", most=5)]]) == [
            (0, 1)
        ]


def test_what_is_given_back_counts_even_if_nothing_is_got(conn: Connection) -> None:
    with conn.transaction():
        exchange(conn, [[ask("acc|day|", need=10, hoped=10)]])
        parts = [
            ask("acc|day|", back=4, need=0, hoped=0, size=0),
            ask("acc|month|", need=10, hoped=10, most=5),
        ]
        assert exchange(conn, [parts]) == [Denied("acc|month|", 5)]
        assert quotas.used(conn, "acc|day|", 7) == 6


def test_windows_to_come_stay_and_old_ones_go(conn: Connection) -> None:
    limit = Limit("acc|minute|", Span.MINUTE, 1, "this account")
    with conn.transaction():
        spread(conn, [limit], 5, NOW)
        drop_old(conn, NOW + 180)
        window = Span.MINUTE.window(NOW)
        assert [quotas.used(conn, limit.scope, window + n) for n in range(6)] == [0, 0, 1, 1, 1, 0]


# -- many at once ----------------------------------------------------------------------------------------

_MOST = {"acc|day|": 1000, "acc|month|": 700, "other|day|": 400}


def _campaign(url: str, seed: int, got: Counter[str], lock: threading.Lock) -> None:
    """Groups of exchanges as a writer makes them: each in a transaction of its own."""
    dice = random.Random(seed)
    mine: Counter[str] = Counter()
    with connect(url) as conn:
        for _ in range(60):
            items = []
            for account in dice.sample(["acc", "other"], dice.randint(1, 2)):
                scopes = [scope for scope in sorted(_MOST) if scope.startswith(f"{account}|")]
                items.append(
                    [
                        Part(
                            scope,
                            7,
                            min(dice.randint(0, 3), mine[scope]),
                            n := dice.randint(1, 9),
                            n,
                            20,
                            0,
                            most,
                        )
                        for scope in scopes
                        for most in [_MOST[scope]]
                    ]
                )
            with conn.transaction():
                answers = exchange(conn, items)
            for parts, answer in zip(items, answers, strict=True):
                for place, part in enumerate(parts):
                    mine[part.scope] -= part.back
                    mine[part.scope] += 0 if isinstance(answer, Denied) else answer[place]
    with lock:
        got.update(mine)


def test_many_that_take_at_once_never_get_more_than_there_is_and_never_wait_crosswise(store_url: str) -> None:
    got: Counter[str] = Counter()
    lock = threading.Lock()
    failed: list[BaseException] = []

    def run(seed: int) -> None:
        try:
            _campaign(store_url, seed, got, lock)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    with connect(store_url) as conn:
        for scope, most in _MOST.items():
            assert quotas.used(conn, scope, 7) == got[scope] <= most
        assert got["acc|month|"] > 650


def test_letters_and_blocks_share_one_limit(store_url: str) -> None:
    """Where mail waits, letters find their own places while workers take blocks."""
    limits = [Limit("acc|hour|", Span.HOUR, 90, "this account")]
    got: list[int] = []
    lock = threading.Lock()

    def run(number: int) -> None:
        taken = 0
        with connect(store_url) as conn:
            for _ in range(30):
                with conn.transaction():
                    if number % 2:
                        taken += reserve(conn, limits, 2, NOW) is None and 2
                    else:
                        part = Part("acc|hour|", Span.HOUR.window(NOW), 0, 1, 2, 4, 0, 90)
                        (answer,) = exchange(conn, [[part]])
                        taken += 0 if isinstance(answer, Denied) else answer[0]
        with lock:
            got.append(taken)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with connect(store_url) as conn:
        assert sum(got) == quotas.used(conn, "acc|hour|", Span.HOUR.window(NOW)) <= 90
    assert sum(got) >= 89


# -- mail that is given up -------------------------------------------------------------------------------


def waiting(conn: Connection, limits: list[Limit], count: int, batch: str = "spring") -> list[Delivery]:
    """A letter to so many as it is accepted where mail waits; its deliveries."""
    new = letter(*[f"p{number}@one.test" for number in range(count)], at=NOW)
    new.message.batch_id = batch
    (answer,) = admit(conn, [Candidate([new], allowance=Allowance(tuple(limits), waits=True))])
    (written,) = answer or [new]  # type: ignore[misc,union-attr]
    return list(written.deliveries)


def daily_and_monthly() -> list[Limit]:
    return [_limit("acc", Span.DAY, 2, "", "sender.test"), _limit("acc", Span.MONTH, 100, "")]


def in_days(conn: Connection, count: int) -> list[int]:
    """How much is used of the first days, and of the months that they are in."""
    day, months = Span.DAY.window(NOW), (Span.MONTH.window(NOW), Span.MONTH.window(NOW) + 1)
    days = [quotas.used(conn, "acc|day|sender.test", day + number) for number in range(count)]
    return [*days, sum(quotas.used(conn, "acc|month|", month) for month in months)]


def cancel(conn: Connection) -> int:
    step = batches.cancel_batch(conn, ("acc", "spring"), "", NOW, IDS, give_room_back)
    return step.changed


def drop(conn: Connection) -> int:
    return queue.drop(conn, Selector(everything=True), NOW, IDS, give_room_back)


GIVING_UP = pytest.mark.parametrize("give_up", [cancel, drop])


@GIVING_UP
def test_mail_that_waits_for_room_and_is_given_up_leaves_the_room_to_others(
    conn: Connection, give_up: Callable[[Connection], int]
) -> None:
    with conn.transaction():
        found = waiting(conn, daily_and_monthly(), 7)
        assert [each.last_text for each in found][1:3] == ["", for_room(daily_and_monthly())]
        assert in_days(conn, 5) == [2, 2, 2, 1, 0, 7]
        queue.hold(conn, Selector(recipient="p4@one.test"), NOW, IDS)
    with conn.transaction():
        assert give_up(conn) == 7
    assert in_days(conn, 5) == [2, 0, 0, 0, 0, 2], "what was due at once is counted, as it is without waiting"
    with conn.transaction():
        assert give_up(conn) == 0
        assert in_days(conn, 5) == [2, 0, 0, 0, 0, 2]
        assert waiting(conn, daily_and_monthly(), 1)[0].due_at == Span.DAY.begins_at(Span.DAY.window(NOW) + 1)


@GIVING_UP
def test_room_comes_back_with_the_transaction_or_not_at_all(
    conn: Connection, give_up: Callable[[Connection], int]
) -> None:
    with conn.transaction():
        waiting(conn, daily_and_monthly(), 5)
    with pytest.raises(KeyError), conn.transaction():
        give_up(conn)
        raise KeyError
    assert in_days(conn, 3) == [2, 2, 1, 5]


@GIVING_UP
def test_room_is_given_back_in_the_limits_of_its_time(
    conn: Connection, give_up: Callable[[Connection], int]
) -> None:
    """A limit that was set while the mail waited has not counted it."""
    daily, monthly = daily_and_monthly()
    with conn.transaction():
        waiting(conn, [daily], 3)
        quotas.reserve(conn, monthly.scope, monthly.span.window(NOW), 5, 100)
        give_up(conn)
        assert in_days(conn, 2) == [2, 0, 5]


@GIVING_UP
def test_what_was_tried_or_flushed_stays_counted(
    conn: Connection, give_up: Callable[[Connection], int]
) -> None:
    with conn.transaction():
        found = waiting(conn, daily_and_monthly(), 5)
        at = found[2].due_at
        (taken,) = queue.take(conn, [queue.TakeOrder(found[2].lane, 3, "w1", at)])
        for each, text in zip(taken, ("", "busy", for_room(daily_and_monthly())), strict=True):
            queue.settle(
                conn,
                [queue.Settlement(each.id, "w1", 1, DeliveryState.WAITING, at, 450 if text else 0, text)],
            )
        assert queue.flush(conn, Selector(everything=True), NOW) == 5
        assert queue.deliveries_of(conn, found[0].message_id)[4].last_text == ""
        give_up(conn)
        assert in_days(conn, 3) == [2, 2, 1, 5]


def test_who_counts_gives_back_and_gives_up_never_waits_crosswise(store_url: str) -> None:
    """Letters that wait walk from day to day, and both accounts' rows are wanted by all."""
    names = ("acc", "other")
    limits = {name: [_limit(name, Span.DAY, 40, ""), _limit(name, Span.MONTH, 5000, "")] for name in names}
    with connect(store_url) as conn, conn.transaction():
        for name in names:
            identity.ensure_account(conn, name, id=name, now=NOW)
    failed: list[BaseException] = []
    kept: list[GivenUp] = []
    lock = threading.Lock()

    def turn(conn: Connection, dice: random.Random, mine: list[GivenUp]) -> None:
        what = dice.choice(("wait", "wait", "block", "give up"))
        if what == "wait":
            for name in names:
                quotas.in_turn(conn, name)
            for name in dice.sample(names, 2):
                for place in spread(conn, limits[name], 30, NOW + dice.choice((0, 86400, 172800))) or []:
                    mine += [GivenUp(name, "", place.at, for_room(limits[name]))] * place.count
        elif what == "block":
            parts = [
                [
                    Part(each.scope, each.span.window(NOW + 86400), 0, 1, 1, 1, 0, each.most)
                    for each in limits[name]
                ]
                for name in dice.sample(names, 2)
            ]
            for (first, *_), answer in zip(parts, exchange(conn, parts), strict=True):
                if not isinstance(answer, Denied):
                    name = account_of(first.scope)
                    mine += [GivenUp(name, "", NOW + 86400, for_room(limits[name]))]
        else:
            dice.shuffle(mine)
            give_room_back(conn, mine[:40])
            del mine[:40]

    def run(seed: int) -> None:
        dice, mine = random.Random(seed), list[GivenUp]()
        try:
            with connect(store_url) as conn:
                for _ in range(25):
                    with conn.transaction():
                        turn(conn, dice, mine)
        except BaseException as error:
            failed.append(error)
        with lock:
            kept.extend(mine)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    counted: Counter[tuple[str, int]] = Counter()
    for item in kept:
        for scope, span in counted_in(item.text, item.account_id, item.domain):
            counted[scope, span.window(item.due_at)] += 1
    with connect(store_url) as conn:
        for (scope, window), count in counted.items():
            assert quotas.used(conn, scope, window) == count


# -- caps ------------------------------------------------------------------------------------------------


def test_a_day_is_judged_once_whoever_comes_first(conn: Connection) -> None:
    with conn.transaction():
        account = identity.ensure_account(conn, "shop", id="acc", now=NOW)
        version = identity.identity_version(conn)
        assert caps.add_cap(conn, caps.Cap(account.id, 10, 50, "new"))
        assert not caps.add_cap(conn, caps.Cap(account.id, 11, 70, "again"))
        assert caps.change_cap(conn, caps.Cap(account.id, 11, 100, "good"), judged_day=10)
        assert not caps.change_cap(conn, caps.Cap(account.id, 11, 100, "good"), judged_day=10)
        assert caps.list_caps(conn) == [caps.Cap("acc", 11, 100, "good")]
        assert caps.find_cap(conn, "acc") == caps.Cap("acc", 11, 100, "good")
        assert caps.find_cap(conn, "other") is None
        assert identity.identity_version(conn) == version + 2


def test_a_cap_goes_with_its_account(conn: Connection) -> None:
    with conn.transaction():
        identity.ensure_account(conn, "shop", id="acc", now=NOW)
        caps.add_cap(conn, caps.Cap("acc", 10, 50, "new"))
        identity.remove_account(conn, "acc")
        assert caps.list_caps(conn) == []
