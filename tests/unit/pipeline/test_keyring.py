"""pipeline.keyring: which keys sign a message (MG-02, MG-12, MG-13, SG-09 dkim)."""

from __future__ import annotations

import pytest

from posthouse.mail.dkim import SigningKey, load_key, new_key
from posthouse.model.message import Message
from posthouse.model.options import SendOptions
from posthouse.pipeline.keyring import Keyring, no_alias, no_second_key


def made_key(domain: str, selector: str) -> SigningKey:
    return SigningKey(domain, selector, "ed25519-sha256", load_key(new_key("ed25519-sha256")[0]))


SHOP, OTHER = made_key("shop.test", "s1"), made_key("other.test", "s2")
KEYS = {"shop.test": [SHOP], "other.test": [OTHER]}


async def shows(key: SigningKey, domain: str, selector: str) -> bool:
    return domain == "alias.test"


def keyring() -> Keyring:
    def second(account_id: str, domain: str, selector: str) -> SigningKey | None:
        assert account_id == "acc"
        return OTHER if (domain, selector) == ("other.test", "s2") else None

    return Keyring(lambda domain, account_id: KEYS.get(domain, []), second, shows)


def message(options: SendOptions) -> Message:
    return Message("m", "acc", "shop.test", "c", "", "", "", 0, 0.0, 0.0, options=options)


SECOND = ("other.test", "s2")
# (options, (domain, selector) of each signature, beginning of the warning)
CHOICES = {
    "usual": (SendOptions(), ["shop.test s1"], ""),
    "MG-02 yes": (SendOptions(dkim=True), ["shop.test s1"], ""),
    "MG-02 no": (SendOptions(dkim=False, dkim_second=SECOND), [], ""),
    "SG-09 dkim": (SendOptions(dkim_domain="other.test"), ["other.test s2"], ""),
    "SG-09 dkim without a key": (
        SendOptions(dkim_domain="none.test"),
        ["shop.test s1"],
        "signed as shop.test",
    ),
    "MG-12": (SendOptions(dkim_second=SECOND), ["shop.test s1", "other.test s2"], ""),
    "MG-12 no such key": (
        SendOptions(dkim_second=("other.test", "s9")),
        ["shop.test s1"],
        "no second signature",
    ),
    "MG-13": (
        SendOptions(dkim_second=SECOND, dkim_second_public=("alias.test", "p")),
        ["shop.test s1", "alias.test p"],
        "",
    ),
    "MG-13 same name": (
        SendOptions(dkim_second=SECOND, dkim_second_public=SECOND),
        ["shop.test s1", "other.test s2"],
        "",
    ),
    "MG-13 not in DNS": (
        SendOptions(dkim_second=SECOND, dkim_second_public=("absent.test", "p")),
        ["shop.test s1"],
        "no second signature: DNS does not show",
    ),
    "MG-13 a bad name": (
        SendOptions(dkim_second=SECOND, dkim_second_public=("alias.test", "p;x=")),
        ["shop.test s1"],
        "no second signature",
    ),
}


@pytest.mark.parametrize(("options", "wanted", "warning"), CHOICES.values(), ids=CHOICES)
async def test_choice_of_keys(options: SendOptions, wanted: list[str], warning: str) -> None:
    keys, warnings = await keyring().keys_for(message(options))
    assert [f"{key.domain} {key.selector}" for key in keys] == wanted
    assert len(warnings) == bool(warning)
    assert all(each.startswith(warning) for each in warnings)


async def test_an_alias_is_the_same_object_each_time() -> None:
    """Signing processes remember keys by identity: a new one for each letter would pile up there."""
    ring = keyring()
    options = SendOptions(dkim_second=SECOND, dkim_second_public=("alias.test", "p"))
    one, two = [(await ring.keys_for(message(options)))[0][1] for _ in range(2)]
    assert one is two
    assert one.private is OTHER.private


async def test_a_house_without_second_keys() -> None:
    ring = Keyring(lambda domain, account_id: [SHOP], no_second_key, no_alias)
    keys, warnings = await ring.keys_for(message(SendOptions(dkim_second=SECOND)))
    assert (list(keys), len(warnings)) == ([SHOP], 1)
    assert not await no_alias(SHOP, "a", "b")
