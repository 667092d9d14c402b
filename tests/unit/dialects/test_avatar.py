"""The author's picture: its address, and that nothing of the author's address gets out of its attribute."""

from __future__ import annotations

from hashlib import sha256
from html.parser import HTMLParser

import pytest

from posthouse.dialects.avatar import avatar_block
from unit.dialects.smtpapi_letters import filtered, seen_of


class Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.image: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "img":
            self.image = dict(attrs)


AUTHORS = [
    ("the documented example", b"MyEmailAddress@example.com", "myemailaddress@example.com"),
    ("a name", b"Shop & Co <Orders@Shop.test>", "orders@shop.test"),
    ("the first of several", b"A <a@shop.test>, b@shop.test", "a@shop.test"),
    ("markup", b'"><script>x"@shop.test', '"><script>x"@shop.test'),
    ("quoted local part", b'"a\\"><b>"@shop.test', '"a\\"><b>"@shop.test'),
    ("beyond ASCII", "Grüße@shop.test".encode(), "grüße@shop.test"),
    ("nobody", b"", None),
    ("no address", b"<<>>", None),
]


@pytest.mark.parametrize(("author", "address"), [row[1:] for row in AUTHORS], ids=[row[0] for row in AUTHORS])
def test_SG_09_the_picture_is_named_by_the_hash_of_the_address(author: bytes, address: str | None) -> None:
    block = avatar_block(author)
    if address is None:
        assert block is None
        return
    assert block is not None and block.text == ""
    seen = Images()
    seen.feed(block.html)
    assert seen.tags == ["p", "img"]
    digest = sha256(address.encode()).hexdigest()
    assert seen.image["src"] == f"https://gravatar.com/avatar/{digest}?s=80&d=blank"
    assert (seen.image["alt"] or "").lower() == address
    assert (seen.image["width"], seen.image["height"]) == ("80", "80")


def test_SG_09_the_documented_hash() -> None:
    block = avatar_block(b"MyEmailAddress@example.com")
    assert block is not None
    assert "84059b07d4be67b806386c0aad8070a23f18836bbaae342275dc0a83414c32ee" in block.html


@pytest.mark.parametrize(("enable", "shows"), [(1, True), (0, False)])
def test_SG_09_gravatar_asks_for_the_picture(enable: int, shows: bool) -> None:
    wishes = filtered(gravatar={"enable": enable})
    assert wishes.shows_author is shows and wishes.values == {}
    assert seen_of(wishes, "filters.gravatar")
