"""Blocks of limits on both engines, taken by many at once, and the caps that accounts earn (D-10)."""

from __future__ import annotations

import random
import threading
from collections import Counter

from posthouse.pipeline.quota import Denied, Part, drop_old, exchange, reserve, spread
from posthouse.rules.limits import Limit, Span
from posthouse.store import caps, identity, quotas
from posthouse.store.connection import Connection
from posthouse.store.engine import connect

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
