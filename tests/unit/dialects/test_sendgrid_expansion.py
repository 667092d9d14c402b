"""Tags and sections (SG-01, SG-02)."""

from __future__ import annotations

import pytest

from posthouse.mail.expansion import Expansion, TooMuch

SECTIONS = {
    ":male": "Mr. :name",
    ":female": "Ms. :name",
    ":neutral": ":name",
    ":event1": "New User Event on :event_date",
    ":event2": "Veteran User Appreciation on :event_date",
}
TAGS = (":salutation", ":name", ":event_details", ":event_date")
PEOPLE = [
    ((":female", "Alice", ":event1", "Jan 1"), "Hi Ms. Alice: New User Event on Jan 1."),
    ((":male", "Bob", ":event2", "Feb 14"), "Hi Mr. Bob: Veteran User Appreciation on Feb 14."),
    ((":neutral", "Casey", ":event1", "Aug 11"), "Hi Casey: New User Event on Aug 11."),
]


@pytest.mark.parametrize(("values", "text"), PEOPLE, ids=["Alice", "Bob", "Casey"])
def test_sg02_the_documented_example(values: tuple[str, ...], text: str) -> None:
    assert Expansion(TAGS, SECTIONS).expand("Hi :salutation: :event_details.", values) == text


CASES = [
    ("longest first", {"-n": "short", "-name": "long"}, {}, "-name -n", "long short"),
    ("case counts", {"-n-": "x"}, {}, "-N- -n-", "-N- x"),
    ("inserted text is not seen by the same pass", {"a": "b", "b": "c"}, {}, "ab", "cc"),
    ("a section named by the body", {}, {"-s-": "text"}, "<-s->", "<text>"),
    ("a section in a section stays", {}, {"-s-": "x-t-", "-t-": "no"}, "-s-", "x-t-"),
    ("a section that a tag in a section names", {"-n-": "-t-"}, {"-s-": "x-n-", "-t-": "yes"}, "-s-", "xyes"),
    ("nested values", {"-a-": "-b-", "-b-": "-c-", "-c-": "end"}, {}, "-a-", "end"),
    ("a tag that names itself ends", {"-a-": "-a-."}, {}, "-a-", "-a-....."),
    ("special characters are literal", {"(.*)": "x", "[a|b]": "y"}, {}, "(.*)[a|b]ab", "xyab"),
    ("no tags", {}, {}, "as it is", "as it is"),
    (
        "beginnings in common",
        {"ab": "1", "abcd": "2", "abce": "3", "b": "4"},
        {},
        "abc abcd abce ab b",
        "1c 2 3 1 4",
    ),
]


@pytest.mark.parametrize(
    ("tags", "sections", "text", "done"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_sg01_expansion(tags: dict[str, str], sections: dict[str, str], text: str, done: str) -> None:
    expansion = Expansion(tuple(tags), sections)
    assert expansion.expand(text, tuple(tags.values())) == done
    assert expansion.touches(text) == (done != text or "a section in" in text)


def test_a_tag_that_multiplies_is_stopped() -> None:
    with pytest.raises(TooMuch):
        Expansion(("a",), {}, most_chars=20_000).expand("a", ("a" * 10_000,))


def test_tags_that_grow_out_of_each_other_are_compiled() -> None:
    tags = tuple("a" * n for n in range(1, 141))
    assert Expansion(tags, {}).expand("b" + "a" * 140, ("",) * 139 + ("x",)) == "bx"
