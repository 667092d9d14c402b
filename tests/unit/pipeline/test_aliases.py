"""The check before a second signature goes under another name (MG-13)."""

from __future__ import annotations

import pytest

from posthouse.mail.dkim import ED25519_SHA256, SigningKey, load_key, new_key, public_of
from posthouse.model.clock import FakeClock
from posthouse.net.lookup import DnsTrouble
from posthouse.pipeline.aliases import FRESH_S, AliasCheck

KEY = SigningKey("shop.test", "s1", ED25519_SHA256, load_key(new_key(ED25519_SHA256)[0]))
PUBLIC = public_of(KEY.private)
TROUBLE = DnsTrouble(451, "4.4.3", "no answer", False, "dns")


class Texts:
    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, name: str) -> list[str]:
        self.asked.append(name)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([f"v=DKIM1; k=ed25519; p={PUBLIC}"], True),
        ([f"k=ed25519;p={PUBLIC[:20]} {PUBLIC[20:]} ;"], True),
        (["v=DKIM1; k=ed25519; p=AAAA"], False),
        (["v=DKIM1; p="], False),
        ([f"v=spf1; p={PUBLIC}"], False),
        ([f"p={PUBLIC}", f"p={PUBLIC}"], False),
        ([], False),
        (["hello"], False),
    ],
    ids=["same", "folded", "another", "revoked", "no key record", "two", "none", "nonsense"],
)
async def test_the_published_key_must_be_ours(records: list[str], expected: bool) -> None:
    texts = Texts(records)
    assert await AliasCheck(texts, FakeClock().monotonic)(KEY, "alias.test", "k1") is expected
    assert texts.asked == ["k1._domainkey.alias.test"]


async def test_answers_are_kept_for_five_minutes_trouble_for_seconds() -> None:
    clock = FakeClock()
    texts = Texts(TROUBLE, [f"p={PUBLIC}"], [])
    check = AliasCheck(texts, clock.monotonic)
    assert not await check(KEY, "alias.test", "k1")
    clock.advance(6)
    assert await check(KEY, "alias.test", "k1")
    clock.advance(FRESH_S - 1)
    assert await check(KEY, "alias.test", "k1")
    clock.advance(1)
    assert not await check(KEY, "alias.test", "k1")
    assert len(texts.asked) == 3
