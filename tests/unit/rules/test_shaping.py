"""Limits per receiving site, the growing window, rests, rates and shares (MX-14, F32, F33, F36)."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthouse.model.errors import SettingsError
from posthouse.model.message import Host, Site
from posthouse.rules.shaping import RESTS_S, Bucket, Limits, Window, limits_for, load_shaping, share


def site(*names: str, is_route: bool = False) -> Site:
    hosts = tuple(Host(name, 10 * number, ("192.0.2.1",), 25) for number, name in enumerate(names))
    return Site("|".join(names), hosts, is_route)


LIMITS = [
    ("unknown", site("mx.example.net"), (10, 5, 100)),
    ("gmail", site("gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"), (20, 5, 100)),
    ("workspace", site("ASPMX.L.GOOGLE.COM"), (20, 5, 100)),
    ("outlook", site("x-com.mail.protection.outlook.com"), (10, 5, 50)),
    ("yahoo", site("mta5.am0.yahoodns.net"), (5, 2, 20)),
    ("icloud", site("mx01.mail.icloud.com"), (5, 2, 20)),
    ("only a backup there", site("mx.example.net", "aspmx.l.google.com"), (10, 5, 100)),
    ("a name that only looks like it", site("mx.notgoogle.com"), (10, 5, 100)),
    ("route", site("aspmx.l.google.com", is_route=True), (500, 20, 1000)),
    ("no hosts", Site("none", ()), (10, 5, 100)),
]


@pytest.mark.parametrize(("where", "wanted"), [row[1:] for row in LIMITS], ids=[row[0] for row in LIMITS])
def test_limits_for(where: Site, wanted: tuple[int, int, int]) -> None:
    limits = limits_for(where)
    assert (limits.connections, limits.first_connections, limits.messages_per_connection) == wanted


def test_an_operators_file_goes_over_the_built_in(tmp_path: Path) -> None:
    file = tmp_path / "shaping.toml"
    file.write_text(
        '[default]\nconnections = 3\n[[site]]\nname = "g"\nmx = ["google.com"]\nmessages_per_second = 0.5\n'
    )
    table = load_shaping(file)
    assert limits_for(site("mx.example.net"), table).connections == 3
    ours = limits_for(site("aspmx.l.google.com"), table)
    assert (ours.connections, ours.messages_per_second) == (3, 0.5)
    assert limits_for(site("mta5.am0.yahoodns.net"), table).connections == 5
    assert limits_for(site("x.test", is_route=True), table).connections == 500


WRONG = [
    ("unknown table", "[defaults]\n", "defaults"),
    ("unknown key", "[default]\nspeed = 1\n", "speed"),
    ("no number", '[default]\nconnections = "many"\n', "connections"),
    ("zero", "[default]\nconnections = 0\n", "connections"),
    ("a flag", "[route]\nconnections = true\n", "connections"),
    ("no mx", '[[site]]\nname = "x"\n', "mx"),
    ("no toml", "[default\n", "shaping.toml"),
]


@pytest.mark.parametrize(("text", "named"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "shaping.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=named):
        load_shaping(file)


def test_the_window_grows_by_one_for_each_success_while_it_is_full() -> None:
    window = Window(Limits(connections=8, first_connections=5))
    assert window.allowed(0) == 5
    window.success(0, was_saturated=False)
    assert window.allowed(0) == 5
    for _ in range(10):
        window.success(0, was_saturated=True)
    assert window.allowed(0) == 8


def test_the_share_is_the_top_and_may_change() -> None:
    window = Window(Limits(connections=10, first_connections=5), most=2)
    assert window.allowed(0) == 2
    window.success(0, was_saturated=True)
    assert window.allowed(0) == 2
    window.set_most(0)
    assert window.allowed(0) == 0
    window.set_most(10)
    assert window.allowed(0) == 5


def test_one_trouble_halves_and_a_success_forgives() -> None:  # F36: 421 after k messages is no dead site
    window = Window(Limits(connections=10, first_connections=10))
    for _ in range(20):
        window.trouble(0)
        assert window.allowed(0) >= 1
        window.success(0, was_saturated=True)
    assert window.rests_until <= 0


def test_three_troubles_in_a_row_are_a_rest_and_more_of_them_are_not_more() -> None:  # F33
    window = Window(Limits(connections=10, first_connections=10))
    for _ in range(10):
        window.trouble(100.0)
    assert window.rests_until == 100 + RESTS_S[0]
    assert window.allowed(100.0) == 0


def test_rests_grow_while_the_probe_fails_and_only_one_probes() -> None:
    window = Window(Limits())
    now, rests = 0.0, []
    for _ in range(3):
        window.trouble(now)
    for _ in range(8):
        rests.append(window.rests_until - now)
        now = window.rests_until
        assert window.allowed(now - 0.001) == 0
        assert window.allowed(now) == 1
        window.trouble(now)
    assert rests == [15, 60, 300, 900, 1800, 1800, 1800, 1800]


def test_a_good_probe_opens_the_window_slowly() -> None:
    window = Window(Limits(connections=10, first_connections=5))
    for _ in range(3):
        window.trouble(0)
    now = window.rests_until
    window.success(now, was_saturated=True)
    assert window.allowed(now) == 2


def test_a_flapping_site_rests_longer_and_a_steady_one_is_forgiven() -> None:
    window = Window(Limits())
    for _ in range(3):
        window.trouble(0)
    now = window.rests_until
    window.success(now, was_saturated=True)
    for _ in range(3):
        window.trouble(now)
    assert window.rests_until - now == 60
    now = window.rests_until
    for _ in range(10):
        window.success(now, was_saturated=True)
    for _ in range(3):
        window.trouble(now)
    assert window.rests_until - now == 15


def test_late_news_from_before_the_rest_changes_nothing() -> None:
    window = Window(Limits())
    for _ in range(3):
        window.trouble(0)
    window.success(1, was_saturated=True)
    assert window.allowed(1) == 0
    assert window.allowed(15) == 1


def test_bucket_keeps_the_rate() -> None:
    bucket = Bucket(10, now=0)
    granted = sum(bucket.take(step / 1000) for step in range(10_000))
    assert 105 <= granted <= 111  # ten seconds of ten, and the burst


def test_bucket_says_how_long_to_wait() -> None:
    bucket = Bucket(0.5, now=0)
    assert bucket.take(0) and not bucket.take(0)
    assert bucket.wait_s(0) == pytest.approx(2)
    assert not bucket.take(1.9)
    assert bucket.take(1.9 + bucket.wait_s(1.9))


def test_bucket_survives_a_clock_that_goes_back() -> None:
    bucket = Bucket(1, now=100)
    assert bucket.take(100)
    assert not bucket.take(50)
    assert not bucket.take(100.5)
    assert bucket.take(101)


@pytest.mark.parametrize("limit", [0, 1, 2, 7, 10, 500])
@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_shares_add_up_to_the_limit(limit: int, count: int) -> None:
    workers = [f"worker-{number}" for number in range(count)]
    for name in ("a.test", "b.test", "c.test"):
        shares = [share(limit, name, workers, me) for me in workers]
        assert sum(shares) == limit
        assert max(shares) - min(shares) <= 1


def test_shares_do_not_depend_on_the_order_and_differ_between_sites() -> None:
    workers = ["a", "b", "c"]
    assert share(1, "x.test", workers, "a") == share(1, "x.test", workers[::-1], "a")
    owners = {me for name in range(50) for me in workers if share(1, f"s{name}.test", workers, me)}
    assert owners == set(workers)


def test_a_worker_that_is_not_alive_gets_nothing() -> None:
    assert share(10, "x.test", ["a"], "b") == 0
