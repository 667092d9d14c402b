"""D-06: events arrive at receivers by HTTP POST, whoever else is down, hangs or lies."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.hook_receivers import Got, Receivers
from house.house import House, Houses, unique, until
from patience import quiet_s, stalled_s
from posthouse.desk.certificates import ensure_pair

pytestmark = pytest.mark.long

OPEN = {
    "delivery": {"post_private_networks": "allow", "retry_s": [1]},
    "hooks": {"plain_http": "allow"},
}


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as running:
        yield running


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new(settings=OPEN)


def event_ids(house: House, recipient: str, kind: str = "delivered") -> list[str]:
    return [row["id"] for row in house.cli_rows("events", "--recipient", recipient, "--kind", kind)]


def test_D_06_each_event_is_posted_to_who_asked_for_it(house: House, receivers: Receivers) -> None:
    path, recipient = f"/{unique()}", f"{unique()}@good.test"
    url = receivers.url(path).replace("//", "//joe:marker-secret@")
    hook = house.cli("hook", "add", url, "--event", "accepted,delivered")
    house.submit(recipient)
    got = receivers.got(path, 2)
    assert {each.body["type"] for each in got} == {"accepted", "delivered"}
    assert {each.body["data"]["recipient"] for each in got} == {recipient}
    assert {each.user for each in got} == {"Basic am9lOm1hcmtlci1zZWNyZXQ="}
    assert {each.event_id for each in got} == {
        *event_ids(house, recipient),
        *event_ids(house, recipient, "accepted"),
    }
    until(lambda: house.cli("hook", "show", hook["id"])["waiting"] == 0, 10, "nothing waits")
    entries = house.cli_rows("hook", "log", hook["id"])
    whole = house.cli("hook", "log", hook["id"], "--attempt", entries[0]["id"])
    assert (whole["status"], whole["taken"], whole["attempt"]) == (204, True, 1)
    assert recipient in whole["request"]
    assert "marker-secret" not in json.dumps([hook, entries, whole]) + house.log_tail()
    house.cli("hook", "remove", hook["id"])


def test_D_06_a_sample_of_every_kind_and_an_event_once_more(house: House, receivers: Receivers) -> None:
    path, recipient = f"/{unique()}", f"{unique()}@good.test"
    house.submit(recipient)
    house.event(recipient, "delivered")
    hook = house.cli("hook", "add", receivers.url(path), "--event", "opened,clicked")
    assert [row["status"] for row in house.cli_rows("hook", "test", hook["id"])] == [204, 204]
    (event_id,) = event_ids(house, recipient)
    assert house.cli("hook", "redeliver", hook["id"], "--event", event_id) == {"queued": 1}
    receivers.got(path, 3)
    assert receivers.to(path)[-1].event_id == event_id
    house.cli("hook", "remove", hook["id"])


def _untrusted(folder: Path) -> ssl.SSLContext:
    cert, key = folder / "cert.pem", folder / "key.pem"
    ensure_pair(cert, key, "localhost", time.time())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def test_D_06_F43_bad_receivers_delay_nobody_else(
    shared_houses: Houses, receivers: Receivers, tmp_path: Path
) -> None:
    house = shared_houses.new(settings=OPEN)
    bad = [f"/{word}/{unique()}" for word in ("hangs", "hangs", "500", "301", "410", "huge", "down")]
    hooks = {path: house.cli("hook", "add", receivers.url(path))["id"] for path in bad}
    good = f"/good/{unique()}"
    with Receivers(tls=_untrusted(tmp_path)) as wrong_tls:
        house.cli("hook", "add", wrong_tls.url("/tls"))
        house.cli("hook", "add", receivers.url(good), "--event", "delivered")
        house.submit(f"{unique()}@good.test")  # the first post of a worker loads what posts need
        receivers.got(good, 1)
        people = [f"{unique()}@good.test" for _ in range(40)]
        marks = []
        for person in people:
            marks.append((time.time(), stalled_s()))
            house.submit(person)
        got = receivers.got(good, 1 + len(people))[1:]
        assert wrong_tls.posts == [], "nothing is said to who cannot show who it is"
    delays = [_delay(each, marks) for each in got]
    assert max(delays) < 2, sorted(delays)[-5:]
    assert {each.body["data"]["recipient"] for each in got} == set(people)
    assert receivers.to("/elsewhere") == [], "redirects are not followed"
    for path in bad[:2]:
        assert len(receivers.to(path)) == 1, "who hangs has one post at a time"
    (off,) = [path for path in bad if path.startswith("/410")]
    until(lambda: not house.cli("hook", "show", hooks[off])["enabled"], 10, "410 switches off")
    assert "410" in house.cli("hook", "show", hooks[off])["note"]
    (down,) = [path for path in bad if path.startswith("/down")]
    receivers.is_down = False
    receivers.got(down, 2 * (1 + len(people)), 60)  # accepted and delivered, all of them
    receivers.release.set()


def _delay(got: Got, marks: list[tuple[float, float]]) -> float:
    """From the event to its post. `marks`: instants with what `patience` had counted by then."""
    happened = dt.datetime.fromisoformat(got.body["timestamp"]).timestamp()
    before = [stalled for at, stalled in marks if at <= happened][-1]
    return quiet_s(got.at - happened, got.stalled - before)


def test_D_06_F12_killed_after_a_post_it_is_made_again_with_the_same_id(
    shared_houses: Houses, receivers: Receivers, tmp_path: Path
) -> None:
    order = tmp_path / "crash"
    house = shared_houses.new(settings=OPEN, env={"POSTHOUSE_CRASH_AT": f"@{order}"})
    path = f"/{unique()}"
    house.cli("hook", "add", receivers.url(path), "--event", "delivered")
    people = [f"{unique()}@good.test" for _ in range(12)]

    def nothing_waits() -> bool:
        return house.cli_rows("hook", "list")[0]["waiting"] == 0

    for number, person in enumerate(people):
        falls = number in (2, 6)
        if falls:
            # else the repeated post of the first fall could be the second, in the middle of a submission
            until(nothing_waits, 60, "nothing waits")
            before = set(house.workers())
            order.write_text("hooks.after_post")
        house.submit(person)
        receivers.got(path, number + 1)
        if falls:  # who connects from now on finds the next worker, or waits for it
            until(lambda old=before: not old & set(house.workers()), 60, "the kill")  # type: ignore[misc]
    until(lambda: len(receivers.to(path)) >= len(people) + 2, 60, "the two that were not written down")
    until(nothing_waits, 60, "nothing waits")
    assert not order.exists()
    assert len(receivers.to(path)) == len(people) + 2
    expected = {event_id for person in people for event_id in event_ids(house, person)}
    assert {each.event_id for each in receivers.to(path)} == expected


HOSTS = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0"]


def test_D_06_S15_nobody_leads_posts_to_our_own_machine(shared_houses: Houses, receivers: Receivers) -> None:
    careful = shared_houses.new(settings={"hooks": {"plain_http": "allow"}})
    paths = {host: f"/{unique()}" for host in HOSTS}
    hooks = [careful.cli("hook", "add", receivers.url(path, host))["id"] for host, path in paths.items()]
    careful.submit(f"{unique()}@good.test")
    for hook in hooks:
        until(lambda hook=hook: careful.cli_rows("hook", "log", hook), 20, "a try")  # type: ignore[misc]
        (entry, *_) = careful.cli_rows("hook", "log", hook)
        assert (entry["status"], entry["taken"]) == (0, False)
    assert [receivers.to(path) for path in paths.values()] == [[] for _ in paths]
