"""Nobody waits for a dead destination (promise R7), on both stores."""

from __future__ import annotations

import pytest

from house.conftest import Stores
from house.house import DOMAIN, House, Houses, letter, unique, until
from patience import Watch

pytestmark = pytest.mark.long

DEAD = 2000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, shared_houses: Houses, stores: Stores) -> House:
    return shared_houses.new(store=stores.fresh(request.param))


def _flood(house: House, domain: str, count: int) -> None:
    """`count` letters to one domain, each its own message, pipelined over one connection."""
    raw = letter(f"x@{domain}").raw + b".\r\n"
    with house.wire(signed_in=True) as wire:
        for n in range(count):
            envelope = f"MAIL FROM:<orders@{DOMAIN}>\r\nRCPT TO:<{n}@{domain}>\r\nDATA\r\n"
            wire.send(envelope.encode())
            answers = [wire.read().code for _ in range(3)]
            wire.send(raw)
            assert [*answers, wire.read().code] == [250, 250, 354, 250]


def test_D_05_R7_a_lane_of_two_thousand_dead_letters_delays_nobody(house: House) -> None:
    _flood(house, "dead.test", DEAD)
    waits = []
    for _ in range(20):
        recipient = f"{unique()}@good.test"
        with house.wire(signed_in=True) as wire:
            watch = Watch()
            assert house.hand_over(wire, recipient) == "250 Great success"
            house.internet.copy(recipient)
            waits.append(watch.seconds)
    assert sorted(waits)[18] < 0.5, waits  # the second slowest; the machine may be busy for a moment
    until(lambda: house.counts().get("delivered") == 20, 5, "the last of the 20")
    counts = house.counts()
    assert counts["waiting"] + counts.get("taken", 0) == DEAD  # none has failed, none is lost
