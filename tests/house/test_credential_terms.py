"""Credentials at a running house: from where, how much, used when, taken over from elsewhere, guessed at."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from house.conftest import Stores
from house.house import DOMAIN, Auth, House, Houses, letter, unique, until
from house.wire import Answer, Wire, b64, plain
from patience import Watch

pytestmark = pytest.mark.long

NO = "535 5.7.8 Authentication failed"
OUTSIDE = "Authentication failed: this credential may not be used from 127.0.0.1"
KINDS = ("user", "key", "token")


def new_credential(house: House, kind: str, *words: str) -> tuple[Auth, str]:
    """What signs in, and the name by which the command line knows it."""
    if kind == "user":
        login = f"{unique('user')}@{DOMAIN}"
        made = house.cli("user", "add", login, *words)
        return Auth(login, made["password"]), login
    made = house.cli("key", "add", *words) if kind == "key" else house.cli("token", "add", DOMAIN, *words)
    secret = made[kind]
    return Auth("apikey" if kind == "key" else secret, secret), made["id"]


def answer_to(house: House, auth: Auth, *, source: str = "") -> Answer:
    with Wire(house.port, source=source) as wire:
        answer = wire.sign_in(*auth)
    if answer.code == 535:
        house.wire(signed_in=True).close()  # or the next refusal from this address comes late
    return answer


def row_of(house: House, kind: str, name: str) -> dict[str, Any]:
    """The credential as its list shows it."""
    (row,) = [row for row in house.cli_rows(kind, "list") if name in (row.get("login"), row.get("id"))]
    return dict(row)


# -- from where ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_C_04_a_credential_signs_in_from_its_address_ranges_only(house: House, kind: str) -> None:
    auth, _ = new_credential(house, kind, "--from", "127.0.7.0/24", "--from", "2001:db8::/32")
    answer = answer_to(house, auth)
    assert answer.code == 535 and answer.endswith(OUTSIDE)
    assert answer_to(house, auth, source="127.0.7.9").code == 235
    wrong = answer_to(house, Auth(auth.user, auth.password + "x"))
    assert wrong.code == 535 and "may not be used" not in wrong, "a guesser learns nothing of ranges"


@pytest.mark.parametrize("kind", KINDS)
def test_C_04_a_range_set_later_ends_sessions_from_elsewhere_within_a_second(house: House, kind: str) -> None:
    auth, name = new_credential(house, kind)
    with house.wire() as wire:
        assert wire.sign_in(*auth).code == 235
        house.cli(kind, "set", name, "--from", "192.0.2.0/24")

        def is_out() -> bool:
            answer = wire.say(f"MAIL FROM:<me@{DOMAIN}>")
            wire.say("RSET")
            return answer.endswith(OUTSIDE)

        until(is_out, 1.0, "the end of the session")
    house.cli(kind, "set", name, "--from", "any")
    until(lambda: answer_to(house, auth).code == 235, 1.0, "the sign-in from anywhere")


# -- until when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_C_07_a_credential_that_expires_is_out_within_a_second_in_open_sessions_too(
    house: House, kind: str
) -> None:
    auth, name = new_credential(house, kind, "--expires", "1d")
    with house.wire() as wire:
        assert wire.sign_in(*auth).code == 235
        house.cli(kind, "set", name, "--expires", "2s")
        ends_at = row_of(house, kind, name)["expires_at"]

        def is_out() -> bool:
            answer = wire.say(f"MAIL FROM:<me@{DOMAIN}>")
            wire.say("RSET")
            return answer.code == 535

        until(is_out, max(0.0, ends_at - time.time()) + 1.0, "the end of the session")
        assert time.time() >= ends_at
    assert answer_to(house, auth).code == 535
    assert row_of(house, kind, name)["expires_at"] == ends_at, "it stays in the list"
    house.cli(kind, "set", name, "--expires", "never")
    until(lambda: answer_to(house, auth).code == 235, 1.0, "the sign-in for ever")


# -- how much --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_C_09_a_credential_has_limits_of_its_own(house: House, kind: str) -> None:
    limits = ("--connection-messages", "1", "--address-connections", "2")
    auth, _ = new_credential(house, kind, *limits)
    with house.wire() as first, house.wire() as second:
        assert first.sign_in(*auth).code == 235
        assert second.sign_in(*auth).code == 235
        assert answer_to(house, auth).code == 421
        recipient = f"{unique()}@good.test"
        assert house.hand_over(first, recipient).code == 250
        assert first.say(f"MAIL FROM:<me@{DOMAIN}>").code == 421
        house.event(recipient, "delivered")


@pytest.mark.parametrize("kind", KINDS)
def test_C_09_limits_set_later_hold_in_open_sessions_too(house: House, kind: str) -> None:
    auth, name = new_credential(house, kind, "--address-connections", "1")
    with house.wire() as first:
        assert first.sign_in(*auth).code == 235
        assert answer_to(house, auth).code == 421
        assert house.hand_over(first, f"{unique()}@good.test").code == 250
        house.cli(kind, "set", name, "--connection-messages", "1", "--address-connections", "0")
        until(lambda: answer_to(house, auth).code == 235, 1.0, "a second connection")
        assert first.say(f"MAIL FROM:<me@{DOMAIN}>").code == 421


# -- used when -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_C_07_a_list_says_when_and_from_where_a_credential_was_used(house: House, kind: str) -> None:
    auth, name = new_credential(house, kind)
    assert (row_of(house, kind, name)["used_at"], row_of(house, kind, name)["used_from"]) == (None, None)
    before = time.time()
    assert answer_to(house, Auth(auth.user, auth.password + "x")).code == 535
    assert answer_to(house, auth, source="127.0.7.8").code == 235
    until(lambda: row_of(house, kind, name)["used_at"], 12.0, "the use on the list")
    row = row_of(house, kind, name)
    assert row["used_from"] == "127.0.7.8"
    assert before <= row["used_at"] <= time.time()


def test_C_07_uses_are_written_when_a_house_stops(houses: Houses) -> None:
    house = houses.new()
    auth, name = new_credential(house, "key")
    assert answer_to(house, auth).code == 235
    house.stop()
    assert row_of(house, "key", name)["used_from"] == "127.0.0.1"


# -- taken over ------------------------------------------------------------------------------------------


def test_C_07_an_application_that_moves_here_keeps_password_key_and_token(
    house: House, tmp_path: Path
) -> None:
    login = f"{unique('user')}@{DOMAIN}"
    key = f"SG.{unique('x').rjust(22, 'a')}.{'B' * 43}"
    token = f"3f2b8c1e-0000-4000-8000-{time.time_ns() % 16**12:012x}"
    auths = {}
    for kind, secret, words in [
        ("user", "correct horse battery staple", ("add", login, "--password-file")),
        ("key", key, ("add", "--secret-file")),
        ("token", token, ("add", DOMAIN, "--secret-file")),
    ]:
        file = tmp_path / kind
        file.write_text(f"{secret}\n")
        assert secret not in str(house.cli(kind, *words, str(file)))
        auths[kind] = Auth({"user": login, "key": "apikey", "token": secret}[kind], secret)
    for auth in auths.values():
        recipient = f"{unique()}@good.test"
        sent = letter(recipient)
        with house.smtp(auth=auth) as client:
            assert client.sendmail(f"orders@{DOMAIN}", [recipient], sent.raw) == {}
        house.event(recipient, "delivered")
    for file in house.files():
        content = file.read_bytes()
        for auth in auths.values():
            assert auth.password.encode() not in content, file


@pytest.mark.parametrize("place", ["user", "both"])
def test_C_06_a_key_in_the_users_place_is_told_where_it_belongs(house: House, place: str) -> None:
    key = house.key().password
    told = "535 Authentication failed: the user is the word apikey, and the key is the password"
    assert answer_to(house, Auth(key, key if place == "both" else "")) == told


def test_C_06_a_token_as_a_users_password_is_told_where_it_belongs(house: House) -> None:
    token = house.token().password
    told = f"{NO}: this is a domain's token; give it as the user and as the password"
    assert answer_to(house, Auth(house.login, token)) == told
    assert answer_to(house, Auth(f"nobody@{DOMAIN}", token)) == told
    other = "3f2b8c1e-0000-4000-8000-123456789abc"
    assert answer_to(house, Auth(house.login, other)) == NO


# -- revoked, on all workers -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_C_07_what_is_revoked_ends_on_every_worker_within_a_second(
    houses: Houses, stores: Stores, kind: str
) -> None:
    house = houses.new(store=stores.fresh("postgresql"), settings={"": {"workers": 2}})
    auth, name = new_credential(house, kind, "--address-connections", "0")
    wires = [house.wire() for _ in range(12)]  # the kernel spreads them over both workers
    with contextlib.ExitStack() as stack:
        for wire in wires:
            stack.enter_context(wire)
            assert wire.sign_in(*auth).code == 235
        house.cli(kind, "revoke", name)
        watch, open_ones = Watch(), wires
        while open_ones and not watch.is_over(1.0):
            open_ones = [wire for wire in open_ones if not _is_out(wire)]
        assert not open_ones, "sessions outlived their credential by a second"
        assert {answer_to(house, auth).code for _ in range(8)} == {535}


def _is_out(wire: Wire) -> bool:
    answer = wire.say(f"MAIL FROM:<me@{DOMAIN}>")
    wire.say("RSET")
    return answer.code == 535


# -- guessed at ------------------------------------------------------------------------------------------


def test_S21_a_guesser_waits_and_the_right_password_does_not(houses: Houses) -> None:
    house = houses.new()
    with contextlib.ExitStack() as stack:
        for number in range(1, 25):  # one login, many addresses
            wire = stack.enter_context(Wire(house.port, source=f"127.0.9.{number}"))
            wire.say("EHLO guess.test")
            wire.send(f"AUTH PLAIN {plain(house.login, f'guess {number}')}\r\n".encode())
        watch = Watch()
        with Wire(house.port, source="127.0.8.1") as owner:
            assert owner.sign_in(house.login, house.password).code == 235
        with Wire(house.port, source="127.0.9.1") as same_address:
            assert same_address.sign_in(house.login, house.password).code == 235
        assert watch.seconds < 2.0, "the owner waits for nobody"
        late = stack.enter_context(Wire(house.port, source="127.0.9.77"))
        late.say("EHLO guess.test")
        started = time.monotonic()
        assert late.say(f"AUTH PLAIN {plain(house.login, 'one more guess')}").code == 535
        assert time.monotonic() - started > 4.0, "guesses for this login come slower, wherever from"
        assert late.say(f"AUTH PLAIN {plain(house.login, house.password)}").code == 235


def test_S21_ten_thousand_wrong_sign_ins_slow_nobody_else(houses: Houses) -> None:
    house = houses.new()
    memory = [_memory_mb(house)]
    with ThreadPoolExecutor(25) as pool:
        flood = [pool.submit(_guess, house, number) for number in range(10_000)]
        slowest = 0.0
        while not all(each.done() for each in flood):
            watch = Watch()
            recipient = f"{unique()}@good.test"
            with house.wire(signed_in=True) as wire:
                assert house.hand_over(wire, recipient).code == 250
            slowest = max(slowest, watch.seconds)
            wait(flood, timeout=0.25)
        answers = [each.result() for each in flood]
    memory.append(_memory_mb(house))
    assert set(answers) <= {535, 421, 0}, set(answers)
    assert slowest < 5.0, f"an ordinary client waited {slowest:.1f} s"
    assert memory[1] - memory[0] < 60, memory
    assert house.is_running


def _guess(house: House, number: int) -> int:
    """A wrong sign-in from one of 250 addresses; a guesser does not wait long for the answer."""
    with contextlib.suppress(OSError), Wire(house.port, source=f"127.0.10.{number % 250 + 1}") as wire:
        wire.say("EHLO guess.test")
        wire.socket.settimeout(0.2)
        return wire.say(f"AUTH PLAIN {b64(f'{chr(0)}u{number}@{DOMAIN}{chr(0)}guess')}").code
    return 0


def _memory_mb(house: House) -> float:
    """Resident memory of all workers."""
    sizes = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in house.workers()]
    return sum(int(size) for size in sizes) * 4096 / 1e6
