"""Limits per receiving site, an operator's file over them, and shares (MX-14, F32)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from posthouse.model.errors import SettingsError
from posthouse.model.message import Host, Site
from posthouse.rules.shaping import BUILT_IN, limits_for, load_shaping, rule_for, share


def site(*names: str, is_route: bool = False) -> Site:
    hosts = tuple(Host(name, 10 * number, ("192.0.2.1",), 25) for number, name in enumerate(names))
    return Site("|".join(names), hosts, is_route)


LIMITS = [
    ("unknown", site("mx.example.net"), (10, 5, 100)),
    ("gmail", site("gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"), (20, 5, 100)),
    ("workspace", site("ASPMX.L.GOOGLE.COM"), (20, 5, 100)),
    ("outlook", site("x-com.mail.protection.outlook.com"), (10, 5, 50)),
    ("yahoo", site("mta5.am0.yahoodns.net"), (5, 2, 20)),
    ("icloud", site("mx01.mail.icloud.com"), (5, 2, 5)),
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


# -- an operator's file ------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[3] / "docs" / "shaping.md"


def test_the_example_of_the_manual_can_be_loaded(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.S)
    file = tmp_path / "shaping.toml"
    file.write_text(example)
    table = load_shaping(file)
    gmail = rule_for(site("aspmx.l.google.com"), table)
    assert gmail.limits.connections == 30 and gmail.limits.messages_per_second == 50
    assert gmail.limits.messages_per_connection == 100, "what is not said stays"
    assert gmail.origin == f"{file}: [[site]] gmail"
    partner = rule_for(site("mx.partner.example"), table).limits
    assert (partner.connections, partner.messages_per_connection) == (2, 500)
    assert rule_for(site("mx.example.net"), table).limits.connections == 5
    assert [each.name for each in table.automations[:2]] == ["partner-busy", "blocklist"]


def test_it_is_told_where_numbers_stand() -> None:
    assert rule_for(site("mx.example.net")).origin == "built in: [default]"
    assert rule_for(site("mta5.am0.yahoodns.net")).origin == "built in: [[site]] yahoo"


def test_the_built_in_sites_are_cautious_and_different() -> None:
    names = [rule.name for rule in BUILT_IN.sites]
    assert len(set(names)) == len(names) >= 25
    suffixes = [suffix for rule in BUILT_IN.sites for suffix in rule.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    for rule in BUILT_IN.sites:
        assert 1 <= rule.limits.first_connections <= rule.limits.connections <= 20, rule


BROKEN = [
    ("a table that is none", "site = 3\n", "site must be written"),
    ("one site", "[site]\nconnections = 3\n", "site must be written"),
    ("default as a number", "default = 3\n", r"default must be one table"),
    ("an unknown name without hosts", '[[site]]\nname = "nobody"\nconnections = 1\n', "mx must be a list"),
    ("not text", "\xff\xfe", "not valid TOML"),
    ("too large", "#" * 300_000, "larger than"),
]


@pytest.mark.parametrize(("text", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_file_is_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=said):
        load_shaping(file)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read: No such file"):
        load_shaping(tmp_path / "none.toml")
