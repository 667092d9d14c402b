"""OTL-3: kept policies hold whatever DNS and HTTPS say; new ones are found behind the mail's back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from posthouse.model.clock import FakeClock
from posthouse.model.errors import TryLater
from posthouse.model.trust import ENFORCE, StsPolicy
from posthouse.net import stspolicies
from posthouse.net.lookup import Answer, DnsTrouble
from posthouse.net.policyhost import FetchTrouble
from posthouse.net.stspolicies import StsPolicies

TEXT = b"version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 864000\n"
DAY = 86_400.0
TROUBLE = DnsTrouble(451, "4.4.3", "no answer", False, "dns-timeout")


class Place:
    """DNS, policy host and store of one domain, all of which can fail."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.record: str | DnsTrouble = "v=STSv1; id=1"
        self.body: bytes | Exception = TEXT
        self.kept: StsPolicy | None = None
        self.store_trouble: TryLater | None = None
        self.fetches = 0
        self.changed: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.policies = StsPolicies(
            lookup=self,  # type: ignore[arg-type]
            hosts=self,
            load=self.load,
            save=self.save,
            clock=self.clock,
            changed=self.changed.append,
        )

    async def ask(self, name: str, kind: str) -> Answer:
        assert (name, kind) == ("_mta-sts.a.test", "TXT")
        if isinstance(self.record, DnsTrouble):
            raise DnsTrouble(*self.record.args)
        rows = ((0, self.record),) if self.record else ()
        return Answer(True, rows, name, False, 0.0)

    async def fetch(self, domain: str) -> bytes:
        self.fetches += 1
        await self.gate.wait()
        if isinstance(self.body, Exception):
            raise self.body
        return self.body

    async def close(self) -> None:
        return None

    async def load(self, domain: str) -> StsPolicy | None:
        if self.store_trouble:
            raise self.store_trouble
        return self.kept

    async def save(self, policy: StsPolicy) -> None:
        if self.store_trouble:
            raise self.store_trouble
        self.kept = policy

    async def settled(self) -> None:
        """Until everything in the background is through."""
        while self.policies._renewals:
            await asyncio.sleep(0)


async def test_a_policy_is_found_and_kept() -> None:
    place = Place()
    found = await place.policies.find("a.test")
    assert found.policy is not None
    assert (found.policy.mode, found.policy.policy_id) == (ENFORCE, "1")
    assert place.kept == found.policy


def breaks_dns(place: Place) -> None:
    place.record = TROUBLE


def takes_the_record_away(place: Place) -> None:
    place.record = ""


def breaks_https(place: Place) -> None:
    place.record, place.body = "v=STSv1; id=2", FetchTrouble("sts-policy-fetch-error", "404")


def serves_nonsense(place: Place) -> None:
    place.record, place.body = "v=STSv1; id=2", b"<html>"


@pytest.mark.parametrize("trouble", [breaks_dns, takes_the_record_away, breaks_https, serves_nonsense])
async def test_a_kept_policy_holds_until_its_max_age(trouble: Callable[[Place], None]) -> None:
    place = Place()
    await place.policies.find("a.test")
    trouble(place)
    place.clock.advance(9 * DAY)
    found = await place.policies.find("a.test")
    assert found.policy is not None
    await place.settled()
    place.clock.advance(1 * DAY)
    assert (await place.policies.find("a.test")).policy is None


async def test_a_new_id_is_fetched_while_the_kept_policy_answers_at_once() -> None:
    place = Place()
    await place.policies.find("a.test")
    place.record, place.body = "v=STSv1; id=2", TEXT.replace(b"enforce", b"none")
    place.gate.clear()
    found = await place.policies.find("a.test")  # does not wait for the gate
    assert found.policy is not None
    assert found.policy.policy_id == "1"
    await asyncio.sleep(0)
    place.gate.set()
    await place.settled()
    assert place.kept is not None
    assert (place.kept.policy_id, place.kept.mode) == ("2", "none")
    assert place.changed == ["a.test"]


async def test_the_same_id_is_fetched_again_once_a_day() -> None:
    place = Place()
    await place.policies.find("a.test")
    for hours, fetches in ((1, 1), (22, 1), (1, 2), (1, 2)):
        place.clock.advance(hours * 3600)
        await place.policies.find("a.test")
        await place.settled()
        assert place.fetches == fetches
    assert place.kept is not None
    assert place.kept.fetched_at > 0


async def test_one_renewal_at_a_time() -> None:
    place = Place()
    await place.policies.find("a.test")
    place.record = "v=STSv1; id=2"
    place.gate.clear()
    for _ in range(5):
        await place.policies.find("a.test")
        await asyncio.sleep(0)
    place.gate.set()
    await place.settled()
    assert place.fetches == 2


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (FetchTrouble("sts-webpki-invalid", "expired"), "sts-webpki-invalid"),
        (FetchTrouble("sts-policy-fetch-error", "404"), "sts-policy-fetch-error"),
        (b"mode: enforce", "sts-policy-invalid"),
    ],
)
async def test_a_policy_that_cannot_be_had_is_none_with_a_reason(
    body: bytes | Exception, result: str
) -> None:
    place = Place()
    place.body = body
    found = await place.policies.find("a.test")
    assert (found.policy, found.result, bool(found.reason)) == (None, result, True)
    assert place.kept is None


@pytest.mark.parametrize("record", ["", "v=STSv1", TROUBLE])
async def test_without_a_record_nothing_is_fetched(record: str | DnsTrouble) -> None:
    place = Place()
    place.record = record
    found = await place.policies.find("a.test")
    assert (found.policy, found.result, place.fetches) == (None, "", 0)
    assert bool(found.reason) == isinstance(record, DnsTrouble)


async def test_a_slow_policy_host_holds_a_letter_up_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stspolicies, "PATIENCE_S", 0.01)
    place = Place()
    place.gate.clear()
    assert (await place.policies.find("a.test")).policy is None
    place.gate.set()
    for _ in range(100):
        await asyncio.sleep(0)
    assert place.kept is not None  # the next letter has it
    assert place.changed == ["a.test"]


async def test_an_unreadable_store_is_no_permission() -> None:
    # what is kept there might say "enforce"
    place = Place()
    place.store_trouble = TryLater(451, "4.3.0", "away", reason="store")
    with pytest.raises(TryLater):
        await place.policies.find("a.test")


async def test_a_policy_that_cannot_be_saved_holds_all_the_same() -> None:
    place = Place()
    place.store_trouble = TryLater(451, "4.3.0", "away", reason="store")
    found = await place.policies.discover("a.test")
    assert found.policy is not None
    assert replace(found.policy, fetched_at=0, expires_at=0).mx == ("mx.a.test",)


async def test_a_vain_fetch_is_not_repeated_for_a_while_unless_the_id_changes() -> None:
    place = Place()
    place.body = FetchTrouble("sts-policy-fetch-error", "404")
    for seconds, record, fetches in ((0, "1", 1), (299, "1", 1), (0, "2", 2), (1, "1", 3)):
        place.clock.advance(seconds)
        place.record = f"v=STSv1; id={record}"
        assert (await place.policies.find("a.test")).result == "sts-policy-fetch-error"
        assert place.fetches == fetches
    place.policies.forget()
    place.body = TEXT
    assert (await place.policies.find("a.test")).policy is not None
