"""D-09: source addresses for one account alone, and addresses that warm up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from house.conftest import Stores
from house.house import DOMAIN, House, Houses, letter, unique, until
from house.mailgun import submit
from posthouse.internet.scripts import Act, Deed, HostScript, Step

pytestmark = pytest.mark.long

OWN, SHARED, WARM, NEW = "127.0.0.41", "127.0.0.42", "127.0.0.43", "127.0.0.44"
OTHER_DOMAIN = "tenant.test"
SHARE = 7
NOT_NOW = HostScript("puts everybody off", (Act(Step.RCPT, Deed.SAY, "450 4.0.0 Not now"),))


def _warming(house: House, share: int = SHARE) -> House:
    """A pool of one warm and one new address, whose plan is `share` messages to a site today."""
    plan = house.folder / "plan.toml"
    plan.write_text(f"[few]\ndays = [{share}, {share}]\nburst = {share}\n")
    for address in (WARM, NEW):
        house.cli("ip", "add", address)
    house.cli("pool", "add", "bulk", "--ip", WARM, "--ip", NEW)
    house.cli("domain", "set", DOMAIN, "ip_pool=bulk")
    assert house.cli("ip", "warm-up", NEW, "--plan", str(plan))["warmup"]["days"] == 2
    return house


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    made = shared_houses.new(starts=False)
    made.cli("account", "add", "tenant")
    made.cli("domain", "add", OTHER_DOMAIN, "--assume-verified", "--account", "tenant")
    made.passwords[f"app@{OTHER_DOMAIN}"] = made.cli(
        "user", "add", f"app@{OTHER_DOMAIN}", "--account", "tenant"
    )["password"]
    made.cli("ip", "add", OWN, "--dedicated", "--account", "tenant")
    made.cli("ip", "add", SHARED)
    return _warming(made).start()


def _sources(house: House, recipients: Sequence[str]) -> Counter[str]:
    """From which addresses the only copy for each of them came."""
    for recipient in recipients:
        house.event(recipient, "delivered", seconds=40)
    copies = [house.internet.copy(recipient) for recipient in recipients]
    return Counter(copy.peer.rpartition(":")[0] for copy in copies)


def _send(house: House, count: int, site: str = "good.test", at_once: int = 10) -> Counter[str]:
    """Letters in groups of `at_once` recipients."""
    found: Counter[str] = Counter()
    while count > 0:
        names = [f"{unique()}@{site}" for _ in range(min(at_once, count))]
        house.submit(names, letter(names[0]))
        found += _sources(house, names)
        count -= len(names)
    return found


def _shown(house: House, site: str) -> dict[str, Any]:
    """What `ip show` says of the warming address at the site of these hosts, {} for nothing."""
    rows = [row for row in house.cli("ip", "show", NEW)["sites"] if site in row["site"]]
    return rows[0] if rows else {}


# -- dedicated -------------------------------------------------------------------------------------------


def test_D_09_a_dedicated_address_carries_the_mail_of_its_account_and_of_no_other(house: House) -> None:
    theirs, ours = f"{unique()}@good.test", f"{unique()}@single.test"
    submit(house, theirs, domain=OTHER_DOMAIN)
    assert _sources(house, [theirs]) == {OWN: 1}
    for _ in range(3):
        submit(house, ours)
        assert OWN not in _sources(house, [ours])
        ours = f"{unique()}@single.test"


def test_D_09_S20_a_dedicated_address_is_not_there_for_other_accounts(house: House) -> None:
    nowhere = "127.0.0.99"
    refusals = [
        house.refusal("x@good.test", letter("x@good.test", fields=[f"X-Mailgun-Sending-Ip: {address}"]))
        for address in (OWN, nowhere)
    ]
    assert json.dumps(refusals[0]) == json.dumps(refusals[1]).replace(nowhere, OWN)
    assert OWN not in [row["address"] for row in house.cli_rows("ip", "list")]
    told = [house.command("ip", "show", address, check=False) for address in (OWN, nowhere)]
    assert told[0] == told[1].replace(nowhere, OWN)


def test_D_09_an_account_may_still_choose_a_shared_address(house: House) -> None:
    recipient = f"{unique()}@good.test"
    submit(house, recipient, f"Sending-Ip: {SHARED}", domain=OTHER_DOMAIN)
    assert _sources(house, [recipient]) == {SHARED: 1}


# -- warm-up ---------------------------------------------------------------------------------------------


def test_D_09_a_new_address_takes_exactly_its_share_and_the_warm_one_the_rest(house: House) -> None:
    found: Counter[str] = Counter()
    for _ in range(6):
        found += _send(house, 10, "notls.test")
    assert found == {NEW: SHARE, WARM: 60 - SHARE}
    until(lambda: _shown(house, "notls.test").get("sent") == SHARE, 15, "the figures")
    shown = _shown(house, "notls.test")
    assert (shown["day"], shown["limit"], shown["reserved"]) == (1, SHARE, SHARE)


def test_D_09_without_a_warm_address_mail_waits_for_its_turn_and_is_not_lost(houses: Houses) -> None:
    made = houses.new(starts=False)
    plan = made.folder / "plan.toml"
    plan.write_text(f"[few]\ndays = [{SHARE}]\nburst = {SHARE}\n")
    made.cli("ip", "add", OWN, "--dedicated")
    assert made.cli("ip", "warm-up", OWN, "--plan", str(plan))["rest_waits"]
    made.start()
    names = [f"{unique()}@notls.test" for _ in range(12)]
    made.submit(names, letter(names[0]))
    waiting = until(lambda: _waiting(made, names, 12 - SHARE), 30, "the rest to wait")
    assert {event["reason"] for event in waiting} == {"warming-up"}
    assert all(event["retry_at"] > event["at"] for event in waiting)
    until(lambda: made.counts().get("delivered") == SHARE, 20, "its share")
    made.cli("ip", "warm-up", OWN, "--stop")

    def all_are_there() -> bool:
        made.cli("queue", "flush", "--all")
        return made.counts() == {"delivered": 12}

    until(all_are_there, 30, "the rest")
    assert _sources(made, names) == {OWN: 12}


def _waiting(house: House, names: Sequence[str], count: int) -> list[dict[str, Any]]:
    """The events of letters that wait, once there are so many."""
    found = [event for name in names for event in house.events(name, "deferred")]
    return found if len(found) >= count else []


def test_D_09_a_warm_up_pauses_when_a_site_puts_its_mail_off(houses: Houses) -> None:
    made = houses.new(starts=False)
    _warming(made, 1000).start()
    host = "mx1.single.test"
    made.internet.play(host, NOT_NOW)
    made.internet.drop_connections("single.test")
    try:
        names = [f"{unique()}@single.test" for _ in range(40)]
        made.submit(names, letter(names[0]))
        until(lambda: _shown(made, "single.test").get("paused_until"), 40, "the pause")
    finally:
        made.internet.play(host, "accept")
        made.internet.drop_connections("single.test")
    assert "put off" in _shown(made, "single.test")["why"]
    assert made.cli_rows("ip", "list")[-1]["warmup"]["paused_sites"] == 1
    assert "warm-up pauses for a day" in made.log_tail()
    for name in names:
        made.event(name, "delivered", seconds=40)
    assert _send(made, 20, "single.test") == {WARM: 20}
    assert _send(made, 20, "mixed.test")[NEW] > 0, "other sites go on"


@pytest.mark.parametrize("engine", ["postgresql"])
def test_D_09_two_workers_keep_the_share_together(houses: Houses, stores: Stores, engine: str) -> None:
    made = houses.new(starts=False, store=stores.fresh(engine), settings={"": {"workers": 2}})
    _warming(made).start()
    found: Counter[str] = Counter()
    for _ in range(12):  # each group over a connection of its own: either worker may get it
        found += _send(made, 5)
    assert found == {NEW: SHARE, WARM: 60 - SHARE}
