"""The tags of batch mail: what is one, and what takes its place (MG-18)."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.mail.percent import LINKS, PATTERN, link_of, personal_metadata, value_of
from posthouse.model.options import LINK_KINDS

BOB = {
    "first": "Bob",
    "id": 7,
    "vip": True,
    "gone": None,
    "none": "",
    "v:user": "u1",
    "a|b": "bar",
    "ü": "ue",
}

VALUES = {
    "a key": ("%recipient.first%", "Bob"),
    "a number": ("%recipient.id%", "7"),
    "a boolean": ("%recipient.vip%", "true"),
    "null is empty": ("%recipient.gone%", ""),
    "a colon in the key": ("%recipient.v:user%", "u1"),
    "a bar in the key": ("%recipient.a|b%", "bar"),
    "beyond ASCII": ("%recipient.ü%", "ue"),
    "a text in reserve, not needed": ("%recipient.first|there%", "Bob"),
    "a text in reserve for a missing key": ("%recipient.last|there, you%", "there, you"),
    "a text in reserve for an empty value": ("%recipient.none|there%", "there"),
    "a text in reserve for null": ("%recipient.gone|there%", "there"),
    "an empty text in reserve": ("%recipient.last|%", ""),
    "an unknown key stays": ("%recipient.last%", None),
    "everything": ("%recipient%", '"Bob \\"B\\" Ray" <bob@example.com>'),
    "the address": ("%recipient_email%", "bob@example.com"),
    "the name": ("%recipient_name%", 'Bob "B" Ray'),
    "the first name": ("%recipient_fname%", "Bob"),
    "the last name": ("%recipient_lname%", "Ray"),
    "a link is not ours": ("%unsubscribe_url%", None),
}


@pytest.mark.parametrize(("tag", "expected"), VALUES.values(), ids=VALUES)
def test_what_takes_the_place_of_a_tag(tag: str, expected: str | None) -> None:
    match = PATTERN.fullmatch(tag)
    assert match
    assert value_of(match, "bob@example.com", 'Bob "B" Ray', BOB) == expected


@pytest.mark.parametrize(
    "text",
    [
        "%recipient.%",
        "%recipient.a\r\nb%",
        "%Recipient.a%",
        "%recipients%",
        "%recipient_age%",
        "%recipient",
        "%25",
    ],
)
def test_what_is_no_tag(text: str) -> None:
    assert PATTERN.search(text) is None


def test_nested_values_are_json() -> None:
    match = PATTERN.fullmatch("%recipient.list%")
    assert match and value_of(match, "a@b", "", {"list": [1, {"ä": None}]}) == '[1,{"ä":null}]'


def test_a_name_that_is_missing_or_one_word() -> None:
    def value(tag: str, name: str) -> str | None:
        match = PATTERN.fullmatch(tag)
        assert match
        return value_of(match, "a@b.test", name, {})

    assert value("%recipient%", "") == "a@b.test"
    assert [value(f"%recipient_{part}%", "") for part in ("name", "fname", "lname")] == ["", "", ""]
    assert [value(f"%recipient_{part}%", "Ann") for part in ("name", "fname", "lname")] == ["Ann", "Ann", ""]


def test_neighbours_and_urls() -> None:
    text = "100%recipient.id%%recipient.first%https://x.test/?e=%recipient_email%&p=%20"
    replaced = PATTERN.sub(lambda match: value_of(match, "b@x.test", "", BOB) or "", text)
    assert replaced == "1007Bobhttps://x.test/?e=b@x.test&p=%20"


@pytest.mark.parametrize("word", LINKS)
def test_links_are_told_apart(word: str) -> None:
    match = PATTERN.fullmatch(f"%{word}%")
    assert match and link_of(match) == LINKS[word]
    assert LINKS[word] in LINK_KINDS


def test_a_value_is_no_link() -> None:
    match = PATTERN.fullmatch("%recipient.first%")
    assert match and link_of(match) == ""


def test_many_tags_without_end_cost_linear_time() -> None:
    assert PATTERN.sub("", "%recipient.a|" * 100_001).count("%") == 1  # pairs match, the odd one stays


METADATA: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a value": ({"id": "%recipient.id%"}, {"id": "7"}),
    "inside of text": ({"ref": "user-%recipient.id%-x"}, {"ref": "user-7-x"}),
    "inside of lists and objects": ({"a": [{"b": "%recipient.first%"}]}, {"a": [{"b": "Bob"}]}),
    "an unknown key stays": ({"id": "%recipient.nope%"}, {"id": "%recipient.nope%"}),
    "keys stay": ({"%recipient.id%": 1}, {"%recipient.id%": 1}),
    "the address": ({"to": "%recipient_email%"}, {"to": "bob@example.com"}),
    "a link stays": ({"u": "%unsubscribe_url%"}, {"u": "%unsubscribe_url%"}),
    "nothing to do": ({"n": 1, "t": "%", "x": None}, {"n": 1, "t": "%", "x": None}),
}


@pytest.mark.parametrize(("given", "expected"), METADATA.values(), ids=METADATA)
def test_own_data_of_a_recipient(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert personal_metadata(given, BOB, "bob@example.com") == expected


def test_without_an_address_its_tags_stay() -> None:
    given = {"to": "%recipient_email%", "id": "%recipient.id%"}
    assert personal_metadata(given, BOB) == {"to": "%recipient_email%", "id": "7"}
