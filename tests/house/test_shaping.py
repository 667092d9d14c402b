"""Receivers that say "not so fast": automations, an operator's file and commands, end to end (D-05)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from house.conftest import Stores
from house.house import House, Houses, unique, until
from house.internet import Internet

pytestmark = pytest.mark.long

PATIENT = {"delivery": {"retry_s": [2, 3600]}}
FOLLOWED_S = 3.0


def _like_yahoo(internet: Internet) -> str:
    """A new domain whose mail goes to hosts of a large receiver's name: its site is its host's name."""
    name = unique("y")
    address = internet.call(lambda: internet.world.hosts["mx1.good.test"].address)
    internet.publish(f"{name}.test MX 10 {name}.am0.yahoodns.net\n{name}.am0.yahoodns.net A {address}")
    return f"{name}.test"


def _site(house: House, domain: str) -> dict[str, Any]:
    story: dict[str, Any] = house.cli("site", "show", domain)
    return story


def _attempts(house: House, recipient: str) -> int:
    return len([e for e in house.events(recipient) if e["kind"] in ("deferred", "delivered", "failed")])


def _suspended(house: House, domain: str) -> list[str]:
    """Three letters that hear TSS04 once each; the site is suspended then."""
    recipients = [f"tss04-1+{unique()}@{domain}" for _ in range(3)]
    for recipient in recipients:
        house.submit(recipient)
        house.event(recipient, "deferred")
    until(lambda: _site(house, domain)["rests"], 5, "the suspension")
    return recipients


def test_D_05_a_reply_that_says_stop_suspends_the_site_until_it_is_resumed_by_command(houses: Houses) -> None:
    house = houses.new(settings=PATIENT)
    domain = _like_yahoo(houses.internet)
    first = _suspended(house, domain)
    assert house.events(first[-1], "deferred")[0]["automation"] == "yahoo-deferred"
    waits, other = f"{unique()}@{domain}", f"{unique()}@good.test"
    house.submit(waits)
    house.submit(other)
    house.event(other, "delivered")
    lane = next(row for row in house.cli_rows("queue") if row["domain"] == domain)
    until(lambda: "site suspended until" in house.command("queue"), 6, "the queue to say why")
    assert lane["waiting"] == 4
    house.cli("queue", "flush", "--domain", domain)  # due or not: a suspended site gets nothing
    other = f"{unique()}@good.test"
    house.submit(other)
    house.event(other, "delivered")
    assert [_attempts(house, recipient) for recipient in (*first, waits)] == [1, 1, 1, 0]
    assert house.cli("site", "resume", domain)["ended"] == 1
    for recipient in (*first, waits):
        house.event(recipient, "delivered")


def test_D_05_site_show_tells_the_truth(houses: Houses) -> None:
    house = houses.new(settings=PATIENT)
    domain = _like_yahoo(houses.internet)
    good = f"{unique()}@{domain}"
    house.submit(good)
    house.event(good, "delivered")
    until(lambda: _site(house, domain)["workers"], 6, "the worker to show its site")
    story = _site(house, domain)
    assert story["origin"] == "built in: [[site]] yahoo"
    assert story["limits"]["connections"] == 5 and story["limits"]["messages_per_connection"] == 20
    assert story["next"] == "the next letter goes at once; 2 conversations more may begin"
    _suspended(house, domain)
    story = until(
        lambda: (s := _site(house, domain)) and s["workers"][0].get("replies") and s, 6, "the replies"
    )
    (rest,) = story["rests"]
    assert (rest["kind"], rest["automation"]) == ("suspend", "yahoo-deferred")
    assert 1700 < rest["until"] - time.time() < 1800 and "[TSS04]" in rest["reason"]
    assert story["next"].startswith("nothing is sent for") and "suspended" in story["next"]
    (reply,) = story["workers"][0]["replies"]
    assert (reply["code"], reply["count"], reply["phase"]) == (421, 3, "rcpt")
    assert story["workers"][0]["taken"] == 1
    shown = house.command("site", "show", domain)
    assert "automation yahoo-deferred, time 1" in shown and "[TSS04] Messages from" in shown
    (row,) = [row for row in house.cli_rows("site", "list") if row["site"] == story["site"]]
    assert row["suspended_until"] == rest["until"] and row["code"] == 421


def test_D_05_an_operators_file_changes_limits_without_a_restart(houses: Houses, tmp_path: Path) -> None:
    file = tmp_path / "shaping.toml"
    file.write_text("[default]\nconnections = 3\n")
    house = houses.new(settings={"delivery": {**PATIENT["delivery"], "shaping": str(file)}})
    recipient = f"{unique()}@good.test"
    house.submit(recipient)
    house.event(recipient, "delivered")

    def share() -> int:
        workers = _site(house, "good.test")["workers"]
        return int(workers[0]["share"]) if workers else 0

    until(lambda: share() == 3, 6, "the file's limit")
    pids = house.workers()
    file.write_text(
        '[[site]]\nname = "good"\nmx = ["good.test"]\nconnections = 7\nmessages_per_second = 50\n'
    )
    until(lambda: share() == 7, 6, "the file's new limit")
    assert _site(house, "good.test")["origin"] == f"{file}: [[site]] good"
    file.write_text("[default]\nconnections = never\n")
    until(lambda: "the shaping rules stay as they were" in house.log_tail(), 6, "a line in the log")
    recipient = f"{unique()}@good.test"
    house.submit(recipient)
    house.event(recipient, "delivered")
    assert house.workers() == pids
    assert "not valid TOML" in house.command("check", check=False)
    file.write_text("[default]\nconnections = 4\n")
    until(lambda: share() == 4, 6, "the mended file")


def test_D_05_a_broken_file_at_the_start_is_said_in_one_line(houses: Houses, tmp_path: Path) -> None:
    file = tmp_path / "shaping.toml"
    file.write_text('[[site]]\nname = "x"\nspeed = 3\nmx = ["x.test"]\n')
    house = houses.new(settings={"delivery": {"shaping": str(file)}}, starts=False)
    with pytest.raises(RuntimeError) as said:
        house.command("serve")
    assert "[[site]] 'x': unknown key 'speed'" in str(said.value) and "Traceback" not in str(said.value)


def test_D_05_two_workers_follow_a_suspension_within_three_seconds(houses: Houses, stores: Stores) -> None:
    house = houses.new(store=stores.fresh("postgresql"), settings={"": {"workers": 2}, **PATIENT})
    until(lambda: len(house.workers()) == 2, 30, "two workers")
    house.cli("site", "suspend", "good.test", "--for", "1h", "--reason", "trying")
    decided = time.monotonic()  # what is promised is that nothing leaves three seconds later
    until(lambda: time.monotonic() > decided + FOLLOWED_S, FOLLOWED_S + 5, "three seconds")
    recipients = [f"{unique()}@good.test" for _ in range(12)]
    for recipient in recipients:  # a connection each: both workers get some
        house.submit(recipient)
    other = f"{unique()}@few.test"
    house.submit(other)
    house.event(other, "delivered")
    assert not any(houses.internet.to(recipient) for recipient in recipients)
    assert {house.state(recipient) for recipient in recipients} <= {"waiting", "taken"}
    house.cli("site", "resume", "good.test")
    for recipient in recipients:
        house.event(recipient, "delivered", seconds=10)
