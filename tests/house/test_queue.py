"""What waits and what people do with it, on both stores: hold, release, flush, drop, capture, backup."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from house import books
from house.conftest import Stores
from house.house import DOMAIN, House, Houses, letter, unique, until

pytestmark = pytest.mark.long

LATER = {"delivery": {"retry_s": [3600]}}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def house(engine: str, shared_houses: Houses, stores: Stores) -> House:
    """What fails for now waits for an hour."""
    return shared_houses.new(store=stores.fresh(engine), settings=LATER)


def _deferred(house: House, *recipients: str) -> None:
    house.submit(list(recipients))
    for recipient in recipients:
        house.event(recipient, "deferred")
        until(lambda name=recipient: house.state(name) == "waiting", 5, f"{recipient} to wait")


def test_W_04_the_queue_shows_lanes_counts_age_and_reason(house: House) -> None:
    tag = unique()
    recipients = [f"full+{n}{tag}@good.test" for n in range(3)]
    _deferred(house, *recipients)
    (lane,) = [row for row in house.cli_rows("queue") if row["domain"] == "good.test"]
    assert (lane["waiting"], lane["taken"], lane["held"]) == (3, 0, 0)
    assert (lane["code"], lane["text"]) == (452, "Mailbox full")
    assert 0 < lane["oldest_s"] < 60 and lane["next_due_at"] > lane["oldest_at"] + 3000


def test_W_04_flush_sends_now_what_waits(house: House) -> None:
    recipient = f"defer-1+{unique()}@good.test"
    _deferred(house, recipient)
    assert house.cli("queue", "flush", "--recipient", recipient) == {"flushed": 1}
    assert house.event(recipient, "delivered", seconds=5)["attempt"] == 2


def test_W_04_flush_ends_the_rest_of_a_site_that_was_in_trouble(house: House) -> None:
    tag = unique()
    recipients = [f"421-rcpt-1+{n}{tag}@single.test" for n in range(3)]  # three troubles: the site rests
    _deferred(house, *recipients)
    house.cli("queue", "flush", "--domain", "single.test")
    for recipient in recipients:
        house.event(recipient, "delivered", seconds=8)


def test_W_04_what_is_held_stays_until_it_is_released(house: House) -> None:
    recipient = f"defer-1+{unique()}@good.test"
    _deferred(house, recipient)
    assert house.cli("queue", "hold", "--domain", "good.test") == {"held": 1}
    assert house.cli("queue", "flush", "--all") == {"flushed": 0}
    assert house.state(recipient) == "held"
    assert [row["held"] for row in house.cli_rows("queue")] == [1]
    assert house.cli("queue", "release", "--recipient", recipient) == {"released": 1}
    assert house.cli("queue", "flush", "--recipient", recipient) == {"flushed": 1}  # it keeps its due time
    house.event(recipient, "delivered", seconds=5)
    kinds = [event["kind"] for event in house.events(recipient)]
    assert kinds == ["accepted", "deferred", "held", "released", "delivered"]


def test_W_04_what_is_dropped_is_never_sent_and_says_so(house: House) -> None:
    tag = unique()
    recipients = [f"defer-1+{n}{tag}@good.test" for n in range(3)]
    message_id = house.submit(recipients)
    for recipient in recipients:
        house.event(recipient, "deferred")
    until(lambda: [house.state(r) for r in recipients] == ["waiting"] * 3, 5, "three to wait")
    assert house.cli("queue", "drop", "--recipient", recipients[0]) == {"dropped": 1}
    assert house.cli("queue", "drop", "--message", message_id) == {"dropped": 2}
    assert house.cli("queue", "flush", "--all") == {"flushed": 0}
    for recipient in recipients:
        kinds = [event["kind"] for event in house.events(recipient)]
        assert kinds == ["accepted", "deferred", "cancelled"]
        assert house.internet.to(recipient) == []
    assert house.cli_rows("queue") == []


def test_D_01_D_02_mail_of_an_unverified_domain_is_held_and_goes_once_dns_agrees(
    engine: str, houses: Houses, stores: Stores
) -> None:
    house = houses.new(store=stores.fresh(engine), settings={"policy": {"unverified": "hold"}})
    domain = f"{unique('new')}.test"
    house.cli("domain", "add", domain)
    house.add_user(f"app@{domain}")
    recipient = f"{unique()}@good.test"
    _send_as(house, domain, recipient)
    assert house.state(recipient) == "held"
    house.submit(f"other+{recipient}")  # the verified domain's mail goes
    house.event(f"other+{recipient}", "delivered")
    assert house.internet.to(recipient) == []
    assert "not verified yet" in house.command("domain", "verify", domain, check=False)
    shown = house.command("domain", "show", domain)
    house.internet.publish("\n".join(line for line in shown.splitlines() if " IN " in line))
    assert house.cli("domain", "verify", domain)["verified"]
    house.event(recipient, "delivered", seconds=5)

    def goes_at_once() -> bool:  # the worker's view of who is who may be half a second old
        later = f"{unique()}@good.test"
        _send_as(house, domain, later)
        return house.state(later) != "held"

    until(goes_at_once, 1.5, "the domain to be known as verified")


def _send_as(house: House, domain: str, recipient: str) -> None:
    """One letter of the domain's own user."""
    login = f"app@{domain}"
    with house.wire() as wire:
        assert wire.sign_in(login, house.passwords[login]).code == 235
        wire.envelope(f"me@{domain}", [recipient])
        wire.send(letter(recipient, sender=f"me@{domain}").raw + b".\r\n")
        assert wire.read() == "250 Great success"


def test_W_03_capture_keeps_every_copy_and_sends_nothing(engine: str, houses: Houses, stores: Stores) -> None:
    house = houses.new(store=stores.fresh(engine), settings={"delivery": {"capture": True}})
    recipients = [f"{name}+{unique()}@good.test" for name in ("ok", "refuse")]
    sent = letter(recipients[0])
    message_id = house.submit(recipients, sent)
    for recipient in recipients:
        assert house.event(recipient, "delivered")["code"] == 650
        assert house.internet.to(recipient) == []
    listed = house.cli_rows("captures")
    assert {row["recipient"] for row in listed} == set(recipients)
    assert {row["message_id"] for row in listed} == {message_id}
    source = house.command("message", message_id, "--source")  # text mode: CRLF became LF
    assert source.startswith("DKIM-Signature: ") and source.endswith(sent.raw.decode().replace("\r\n", "\n"))


def test_W_04_a_backup_of_a_running_house_works_elsewhere(
    engine: str, house: House, houses: Houses, tmp_path: Path
) -> None:
    recipient = f"defer-1+{unique()}@good.test"
    delivered = f"{unique()}@good.test"
    _deferred(house, recipient)
    house.submit(delivered)
    house.event(delivered, "delivered")
    copy = tmp_path / "copy.db"
    if engine == "postgresql":
        said = house.command("backup", str(copy), check=False)
        assert not copy.exists(), said  # PostgreSQL has its own tools; the refusal names one
        return
    assert house.cli("backup", str(copy))["bytes"] == copy.stat().st_size
    house.cli("queue", "drop", "--recipient", recipient)  # the original must not send it as well
    restored = houses.restored(house, copy)
    assert restored.state(recipient) == "waiting"
    restored.start()
    with restored.wire(signed_in=True) as wire:  # users and their passwords are there
        assert wire.say("NOOP").code == 250
    restored.cli("queue", "flush", "--all")
    restored.event(recipient, "delivered", seconds=5)
    assert house.internet.copy(recipient).hello == restored.hostname
    assert len(house.internet.to(delivered)) == 1  # nothing that was delivered is sent again
    with sqlite3.connect(copy) as raw:
        assert raw.execute("pragma integrity_check").fetchall() == [("ok",)]
    raw.close()
    assert books.rows(restored.store, "select count(*) as n from domain") == [{"n": 1}]


def test_W_04_the_commands_work_as_real_programs(house: House, engine: str) -> None:
    recipient = f"refuse+{unique()}@good.test"
    message_id = house.submit(recipient)
    house.event(recipient, "failed")
    story = house.command("message", message_id)
    for words in ("550", "No such mailbox here", f"C: RCPT TO:<{recipient}>", f"orders@{DOMAIN}"):
        assert words in story, story
    listed = house.command("events", "--recipient", recipient)
    assert [line.split()[2] for line in listed.splitlines()[1:]] == ["accepted", "failed"]
    checked = house.command("check", check=False)
    assert "settings" in checked and "store" in checked
