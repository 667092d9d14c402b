"""Being killed, told to stop and told to reload, on both stores."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path

import pytest

from house import books
from house.conftest import Stores
from house.house import DOMAIN, House, Houses, letter, unique, until
from house.wire import Wire
from patience import Watch


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def house(request: pytest.FixtureRequest, shared_houses: Houses, stores: Stores) -> House:
    """A house that is killed and started again; a file arms a crash point in it."""
    order = shared_houses.folder / request.param
    return shared_houses.new(store=stores.fresh(request.param), env={"POSTHOUSE_CRASH_AT": f"@{order}"})


def _arm(house: House, point: str) -> None:
    """The next worker that passes this point kills itself (see `posthouse.crashpoint`)."""
    Path(house.env["POSTHOUSE_CRASH_AT"].removeprefix("@")).write_text(point)
    house.kills += 1


def _steps(house: House, recipient: str, last: str) -> Wire:
    """A signed-in connection that has come as far as `last`."""
    wire = house.wire(signed_in=True)
    for line in (f"MAIL FROM:<orders@{DOMAIN}>", f"RCPT TO:<{recipient}>", "DATA"):
        if last == "connected":
            break
        assert wire.say(line).code in (250, 354)
        if line.startswith(last):
            break
    if last == "body":
        wire.send(letter(recipient).raw[:-20])
    return wire


def _is_up_again(house: House) -> None:
    def answers() -> bool:
        with contextlib.suppress(OSError), house.wire() as wire:
            return wire.sign_in(house.login, house.password).code == 235
        return False

    until(answers, 15, "the next worker")


def test_F1_a_worker_killed_before_the_end_of_data_leaves_nothing(house: House) -> None:
    recipient = f"{unique()}@good.test"
    before = books.rows(house.store, "select count(*) as n from message")
    wires = [_steps(house, recipient, last) for last in ("connected", "MAIL", "RCPT", "DATA", "body")]
    house.kill_worker()
    for wire in wires:
        assert wire.read() == ""  # the client sees the drop
        wire.close()
    _is_up_again(house)
    assert books.rows(house.store, "select count(*) as n from message") == before
    house.submit(recipient)  # the client tries again
    house.event(recipient, "delivered")
    assert len(house.internet.to(recipient)) == 1


@pytest.mark.parametrize("point", ["accept.before_commit", "accept.after_commit"])
def test_F2_F3_killed_around_the_commit_there_is_no_reply(house: House, point: str) -> None:
    recipient = f"{unique()}@good.test"
    with house.wire(signed_in=True) as wire:
        _arm(house, point)
        assert house.hand_over(wire, recipient) == ""
    _is_up_again(house)
    if point == "accept.before_commit":
        assert house.events(recipient) == []  # F2: nothing is stored, nothing will be sent
    else:
        house.event(recipient, "delivered")  # F3: stored, delivered once by us


def test_F4_what_was_acknowledged_is_delivered_after_everything_was_killed(house: House) -> None:
    tag = unique()
    recipients = [f"{name}+{n}{tag}@notls.test" for n in range(10) for name in ("slow-500", "defer-1", "ok")]
    for recipient in recipients:
        house.submit(recipient)
    house.kill()
    house.start()
    for recipient in recipients:
        house.event(recipient, "delivered", seconds=30)


def test_F8_F9_a_worker_killed_while_it_delivers_is_replaced_and_its_mail_goes_on(house: House) -> None:
    tag = unique()
    recipients = {f"{n}+{tag}@good.test" for n in range(20)}
    _arm(house, "deliver.after_reply:5")
    with contextlib.suppress(AssertionError, OSError):
        house.submit(sorted(recipients))
    watch = Watch()
    for recipient in recipients:
        house.event(recipient, "delivered", seconds=30)
    assert watch.seconds < 15  # the supervisor frees the leases, nobody waits for their end


def test_F16_a_stop_finishes_what_has_begun_and_takes_nothing_new(house: House) -> None:
    recipient, late = f"{unique()}@good.test", f"slow-1000+{unique()}@good.test"
    house.submit(late)
    until(lambda: _is_talked_about(house, late), 5, "the conversation that the stop must not cut")
    open_letter, idle = _steps(house, recipient, "body"), house.wire(signed_in=True)
    house.signal(signal.SIGTERM)
    assert idle.read().startswith("421 4.3.2")
    _refuses_new(house)
    open_letter.send(letter(recipient).raw[-20:] + b".\r\n")
    assert open_letter.read() == "250 Great success"
    assert open_letter.read().startswith("421 4.3.2")
    assert house.process is not None and house.process.wait(30) == 0
    for wire in (open_letter, idle):
        wire.close()
    states = {row["recipient"]: row["state"] for row in books.read_books(house.store).deliveries.values()}
    assert states[late] == "delivered" and states[recipient] in ("delivered", "waiting")
    house.start()
    for each in (recipient, late):
        house.event(each, "delivered")
        assert len(house.internet.to(each)) == 1  # D=0


def _is_talked_about(house: House, recipient: str) -> bool:
    return any(recipient in session.text() for session in house.internet.sessions_at("good.test"))


def _refuses_new(house: House) -> None:
    """Who comes during a drain is told 421 or finds the door closed, and is not left waiting. (A second
    worker may hear of the stop a moment later than the first: then its 421 follows its greeting.)"""
    with contextlib.suppress(ConnectionRefusedError), Wire(house.port) as wire:
        said = [wire.greeting, wire.read()]
        assert any(answer.startswith("421 4.3.2") for answer in said) or said == ["", ""], said
        with pytest.raises(ConnectionRefusedError):
            Wire(house.port)


def test_a_reload_drops_no_transaction(house: House) -> None:
    tag = unique()
    codes: list[int] = []
    workers = len(house.workers())
    stopping = threading.Event()

    def send_on() -> None:
        """One letter after another. A good-bye between two letters means: connect again; in the middle of
        one it would be a dropped transaction."""
        while not stopping.is_set():
            with house.wire() as wire:
                if wire.sign_in(house.login, house.password).code == 235:
                    _letters_until_goodbye(wire)

    def _letters_until_goodbye(wire: Wire) -> None:
        while not stopping.is_set():
            recipient = f"{len(codes)}+{tag}@good.test"
            answer = wire.say(f"MAIL FROM:<orders@{DOMAIN}>")
            if answer.startswith("421 4.3.2"):
                return
            answers = [answer, wire.say(f"RCPT TO:<{recipient}>"), wire.say("DATA")]
            assert [each.code for each in answers] == [250, 250, 354]
            wire.send(letter(recipient).raw + b".\r\n")
            codes.append(wire.read().code)

    first = f"{unique()}@good.test"
    open_letter = _steps(house, first, "body")
    sender = threading.Thread(target=send_on)
    sender.start()
    try:
        _reload(house)
        open_letter.send(letter(first).raw[-20:] + b".\r\n")
        assert open_letter.read() == "250 Great success"
        open_letter.close()
        until(lambda: len(house.workers()) == workers, 15, "the end of the old workers")
        seen = len(codes)
        until(lambda: len(codes) > seen + 5, 10, "letters to the new worker")
    finally:
        stopping.set()
        sender.join()
    assert set(codes) == {250}
    for recipient in [first, *(f"{n}+{tag}@good.test" for n in range(len(codes)))]:
        house.event(recipient, "delivered")
        assert len(house.internet.to(recipient)) == 1


def _reload(house: House) -> None:
    """SIGHUP; until new workers answer."""
    old = house.workers()
    house.signal(signal.SIGHUP)
    until(lambda: set(house.workers()) - set(old), 10, "a new worker")
    _is_up_again(house)
