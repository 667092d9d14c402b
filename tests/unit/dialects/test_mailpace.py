"""MailPace's option headers and what is left of a letter (MP-01, MP-02, MP-03)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.dialects.dialect import Context, Header, Wishes
from posthouse.dialects.mailpace import DIALECT

CONTEXT = Context(now=1.0, recipients=("ann@good.test",), domain="shop.test", is_own=True)


def wishes_of(*fields: tuple[str, str | bytes]) -> Wishes:
    headers = [
        Header(title.lower(), title, b" " + (value if isinstance(value, bytes) else value.encode()))
        for title, value in fields
    ]
    return DIALECT.read(headers, CONTEXT)


TAGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "one, with its spaces": ("a single tag", ("a single tag",)),
    "several": ("tag one, tag two,tag three", ("tag one", "tag two", "tag three")),
    "folded": ("tag one,\r\n tag two,\r\n\ttag three", ("tag one", "tag two", "tag three")),
    "folded inside a tag": ("tag\r\n one", ("tag one",)),
    "encoded words": ("=?utf-8?q?gr=C3=BCn=2C_rot?=", ("grün", "rot")),
    "empty items and doubles": (",a,, b ,a,", ("a", "b")),
    "JSON": ('["a b", "c,d"]', ("a b", "c,d")),
    "as the Rails gem writes it": ("['test tag', 'another-tag']", ("test tag", "another-tag")),
    "an apostrophe in JSON": ('["it\'s"]', ("it's",)),
    "an escaped quote": (r"['it\'s', 'b']", ("it's", "b")),
    "brackets without quotes": ("[a, b]", ("a", "b")),
    "an empty list": ("[]", ()),
    "a bracket that is not closed": ("[a", ("[a",)),
    "nothing": ("", ()),
}


@pytest.mark.parametrize(("value", "tags"), TAGS.values(), ids=TAGS.keys())
@pytest.mark.parametrize("title", ["X-MailPace-Tags", "x-ohmysmtp-tags", "X-OMS-Tags"])
def test_mp01_tags(title: str, value: str, tags: tuple[str, ...]) -> None:
    wishes = wishes_of((title, value))
    assert wishes.values.get("tags", ()) == tags
    [seen] = wishes.seen
    assert seen.header == title and seen.is_warning == (not tags)


def test_mp01_a_header_given_twice_is_united_in_order() -> None:
    assert wishes_of(("X-MailPace-Tags", "a, b"), ("X-OMS-Tags", "b, c")).values["tags"] == ("a", "b", "c")


def test_mp01_too_many_and_too_long_tags_are_cut_with_a_warning() -> None:
    many = wishes_of(("X-MailPace-Tags", ",".join(map(str, range(30)))))
    assert len(many.values["tags"]) == 20 and many.seen[-1].is_warning
    long = wishes_of(("X-MailPace-Tags", "x" * 300))
    assert long.values["tags"] == ("x" * 255,) and long.seen[-1].is_warning


LISTS: dict[str, tuple[str, str]] = {
    "as documented": ("<https://shop.test/u?a=1,2>", "<https://shop.test/u?a=1,2>"),
    "two": (
        "<mailto:u@shop.test?subject=a>, <https://shop.test/u>",
        "<mailto:u@shop.test?subject=a>, <https://shop.test/u>",
    ),
    "a bare link": ("https://shop.test/u?a=1,2", "<https://shop.test/u?a=1,2>"),
    "bare links": ("https://shop.test/u,mailto:u@shop.test", "<https://shop.test/u>, <mailto:u@shop.test>"),
    "folded": (
        "<mailto:u@shop.test>,\r\n <https://shop.test/u>",
        "<mailto:u@shop.test>, <https://shop.test/u>",
    ),
    "letters beyond ASCII": ("<https://shop.test/ü>", "<https://shop.test/%C3%BC>"),
    "one twice": ("<https://shop.test/u>, <https://shop.test/u>", "<https://shop.test/u>"),
}


@pytest.mark.parametrize(("value", "wanted"), LISTS.values(), ids=LISTS.keys())
def test_mp02_the_list_to_leave(value: str, wanted: str) -> None:
    wishes = wishes_of(("X-List-Unsubscribe", value))
    assert wishes.values == {"list_unsubscribe": wanted}
    assert wishes.drop == {"list-unsubscribe"}, "the plain field counts only without this one"
    assert not any(seen.is_warning for seen in wishes.seen)


def test_mp02_whatever_the_text_is_it_is_passed_on() -> None:
    wishes = wishes_of(("X-List-Unsubscribe", "NO"))
    assert wishes.values == {"list_unsubscribe": "NO"} and wishes.seen[0].is_warning


@pytest.mark.parametrize(
    "value", [b"", b"<https://shop.test/\x01>", b"<https://a/\r\n\x00>", b"<" + b"x" * 3000]
)
def test_mp02_what_is_never_written_into_a_header(value: bytes) -> None:
    wishes = wishes_of(("X-List-Unsubscribe", value))
    assert not wishes.values and not wishes.drop and wishes.seen[0].is_warning


def test_a_plain_field_stays_when_there_is_no_other() -> None:
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= DIALECT.rebuilds
    assert not wishes_of(("X-MailPace-Tags", "a")).drop


def test_other_headers_under_its_names_are_told() -> None:
    [seen] = wishes_of(("X-MailPace-Priority", "1")).seen
    assert seen.is_warning and seen.header == "X-MailPace-Priority"


def test_mp03_what_survives() -> None:
    kept = DIALECT.rebuilds
    assert {"from", "to", "cc", "reply-to", "subject", "in-reply-to", "references", "auto-submitted"} <= kept
    gone = {"message-id", "date", "sender", "return-path", "received", "dkim-signature", "list-id", "bcc"}
    assert not kept & gone
    assert not any(name.startswith("x-") for name in kept)


@given(
    st.lists(st.tuples(st.sampled_from(["X-MailPace-Tags", "X-List-Unsubscribe"]), st.binary()), max_size=4)
)
def test_any_octets_make_wishes(fields: list[tuple[str, str | bytes]]) -> None:
    wishes = wishes_of(*fields)
    assert all(tag and len(tag) <= 255 for tag in wishes.values.get("tags", ()))
    written = wishes.values.get("list_unsubscribe", "")
    assert written.isascii() and not any(char < " " for char in written)
