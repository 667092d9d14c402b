"""What people type into the tester, and how often they may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posthouse.config.load import settings_from
from posthouse.desk import probe_services, probes
from posthouse.desk.probes import MOST_AT_ONCE, MOST_RUNS, WINDOW_S, Probes
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused, TryLater
from posthouse.model.probe import Mechanism, ProbeEnd, ProbeStep, Security
from posthouse.net.board import Board
from posthouse.net.lookup import Lookup
from posthouse.net.probe import Prober, Reach

SETTINGS = settings_from(
    {"smtp": {"hostname": "mail.shop.test", "listen": ["0.0.0.0:5870"], "listen_tls": ["127.0.0.2:4650"]}},
    base=Path("/nowhere"),
    environ={},
)
REACH = probes.reach_of(SETTINGS)
GOOD = {
    "host": "Smtp.Example.COM.", "port": "587", "security": "starttls", "user": " app@shop.test ",
    "password": " blanks count ", "mechanism": "login", "from": "app@shop.test", "to": "ann@good.test",
}  # fmt: skip


def test_what_was_typed_is_read() -> None:
    wish = probes.read_wish(GOOD, REACH)
    assert (wish.host, wish.port, wish.security) == ("smtp.example.com", 587, Security.STARTTLS)
    assert (wish.user, wish.password) == ("app@shop.test", " blanks count ")
    assert wish.mechanism is Mechanism.LOGIN and not wish.only_sign_in
    assert "blanks" not in repr(wish)


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[2001:DB8::0:1]", "2001:db8::1"),
        ("bücher.test", "xn--bcher-kva.test"),
        ("localhost", "localhost"),
    ],
)
def test_a_host_is_a_name_or_an_address(typed: str, host: str) -> None:
    assert probes.read_wish(GOOD | {"host": typed}, REACH).host == host


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"host": "::1::2"}, "The host is a name"),
        ({"host": ""}, "The host is a name"),
        ({"host": "a b"}, "The host is a name"),
        ({"port": "0"}, "a number from 1 to 65535"),
        ({"port": "²"}, "a number from 1 to 65535"),
        ({"port": "22"}, "tester.ports"),
        ({"port": "5870"}, "25, 465, 587, 2525, 4650, 5870"),
        ({"security": "ssl"}, "none, starttls, tls"),
        ({"mechanism": "cram"}, "auto, plain, login"),
        ({"user": ""}, "neither"),
        ({"password": ""}, "neither"),
        ({"password": "x" * 600}, "512"),
        ({"user": "a\r\nb"}, "visible"),
        ({"from": ""}, "`from`"),
        ({"to": "nobody"}, "`to`"),
        ({"to": "a@b.test>\r\nRSET"}, "`to`"),
    ],
)
def test_a_wrong_field_is_told_in_a_sentence(typed: dict[str, str], said: str) -> None:
    with pytest.raises(Refused) as refused:
        probes.read_wish(GOOD | typed, REACH)
    assert said.replace("25, 465, 587, 2525, 4650, 5870", "4650") in refused.value.text


@pytest.mark.parametrize(
    ("host", "port", "opens"),
    [
        ("localhost", 5870, True),
        ("mail.shop.test", 5870, True),
        ("127.0.0.2", 4650, True),
        ("localhost", 4650, True),
        ("else.test", 5870, False),
        ("else.test", 465, True),
        ("localhost", 8025, False),
    ],
)
def test_S15_our_own_ports_are_open_under_our_own_name_only(host: str, port: int, opens: bool) -> None:
    assert REACH.opens(host, port) is opens


def made(clock: FakeClock, board: Board, row: int) -> Probes:
    prober = Prober(Reach(False, {25}), Lookup(["127.0.0.1:1"], clock), clock, "me.test")
    return Probes(prober, SETTINGS, clock, Ids(clock), board.row(row))


def run(one: Probes, person: str = "ann", account: str = "acme") -> None:
    with one.place(account, person):
        pass


async def test_W_02_a_person_may_run_so_many_tests_in_ten_minutes_over_all_workers() -> None:
    clock, board = FakeClock(), Board(2)
    first, second = made(clock, board, 0), made(clock, board, 1)
    for number in range(MOST_RUNS):
        run((first, second)[number % 2])
    with pytest.raises(TryLater, match="20 tests in ten minutes"):
        run(first)
    run(first, "bob")
    clock.advance(WINDOW_S)
    run(second)


async def test_an_account_may_run_more_but_not_without_end() -> None:
    one = made(FakeClock(), Board(1), 0)
    for person in ("ann", "bob", "cy"):
        for _ in range(MOST_RUNS):
            run(one, person)
    with pytest.raises(TryLater, match="This account"):
        run(one, "dan")
    run(one, "eve", "other")


async def test_few_tests_run_at_once() -> None:
    one = made(FakeClock(), Board(1), 0)
    held = [one.place("acme", f"p{number}") for number in range(MOST_AT_ONCE)]
    for place in held:
        place.__enter__()
    with pytest.raises(TryLater, match="are running"):
        run(one)
    held[0].__exit__(None, None, None)
    run(one)


@pytest.mark.parametrize(
    ("host", "password", "word"),
    [
        ("smtp.mailgun.org", "key-0123456789abcdef", "api-key"),
        ("smtp.mailgun.org", "SG.0123456789abcdefghij.0123456789012345678901234567890123", "api-key"),
        ("smtp.eu.mailgun.org", "0123456789", "region"),
        ("smtp.sendgrid.net", "0123456789", "key-as-user"),
        ("smtp.mailpace.com", "0123456789", "token-twice"),
        ("mail.example.com", "ph_abcdefgh.0123456789", "api-key"),
    ],
)
def test_W_02_services_have_their_own_advice(host: str, password: str, word: str) -> None:
    wish = probes.read_wish(GOOD | {"host": host, "password": password}, REACH)
    end = ProbeEnd(ProbeStep.AUTH, "refused", 535, "5.7.8", "Authentication failed")
    advice: Any = probes.advice_for(wish, end, REACH, SETTINGS, 0.0)
    assert word in [each.word for each in advice]
    assert not any(password in each.text for each in advice)


def test_each_host_belongs_to_one_service() -> None:
    hosts = [host for service in probe_services.SERVICES for host in service.hosts]
    assert len(hosts) == len(set(hosts))


def test_W_02_the_test_message_is_a_whole_letter() -> None:
    wish = probes.read_wish(GOOD, REACH)
    letter = probes.test_letter(wish, Ids(FakeClock()), 0.0, "me.test")
    assert b"From: app@shop.test\r\nTo: ann@good.test\r\n" in letter and letter.endswith(b"\r\n")
    assert letter.count(b"\n") == letter.count(b"\r\n")
