"""Whatever an `X-SMTPAPI` field holds, reading it gives wishes that can be stored, or Refused."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from posthouse.dialects.dialect import Wishes
from posthouse.dialects.sendgrid import DIALECT
from posthouse.dialects.sendgrid.filters import FILTERS
from posthouse.dialects.sendgrid.smtpapi import KEYS
from posthouse.dialects.sendgrid.unfold import read_object
from posthouse.mail.expansion import Expansion, TooMuch
from posthouse.model.errors import Refused
from posthouse.model.options import SendOptions, options_text, read_options, read_recipient_options
from unit.dialects.smtpapi_letters import context, field

FRAGMENTS = st.sampled_from(
    [
        *(b'{"', b'"}', b'":', b'["', b'"]', b",", b"true", b"null", b"1e999", b"NaN", b"-1", b"[" * 300),
        *(b"\r\n ", b"\r\n\t", b"\n ", b"\\u30", b"\\ud87e", b"\xc3\xa9", b"\xff", b"\0"),
        *(b"=?utf-8?q?", b"=?utf-8?b?eyI=?=", b"?="),
        *(b"to", b"sub", b"filters", b"send_at", b"a@d.test"),
    ]
)
RAW = st.one_of(st.binary(max_size=300), st.lists(FRAGMENTS, max_size=30).map(b"".join))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["a@d.test", "Ann <a@d.test>", "1", "-n-", "<% x %>", "<% body %>", "\ud800", "d-1", 7]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
SETTINGS = st.sampled_from(sorted({name for row in FILTERS for name in row.settings} | {"enable", "odd"}))
ROWS = st.dictionaries(SETTINGS, VALUES, max_size=4)
CHOSEN = st.dictionaries(
    st.sampled_from([row.name for row in FILTERS] + ["odd"]),
    ROWS.map(lambda settings: {"settings": settings}) | VALUES,
    max_size=4,
)
SUBSTITUTIONS = st.dictionaries(st.text(max_size=5), st.lists(LEAVES, max_size=3) | VALUES, max_size=3)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={key.name: VALUES for key in KEYS if key.name not in ("filters", "sub")}
    | {"filters": CHOSEN | VALUES, "sub": SUBSTITUTIONS, "odd": VALUES},
)
ENVELOPES = st.sampled_from([(), ("a@d.test",), ("a@d.test", "b@d.test")])


def check(raw: bytes, recipients: tuple[str, ...]) -> Wishes | None:
    headers = [field(raw), field(raw), field(raw, "X-SG-EID")]
    try:
        wishes = DIALECT.read(headers, context(recipients))
    except Refused:
        return None
    values: dict[str, Any] = wishes.values
    options = SendOptions(**values, seen=tuple(wishes.seen))
    assert read_options(options_text(options)).tags == options.tags
    personal = [person.options for person in wishes.people or ()] + (wishes.people_by_place or [])
    for each in personal:
        written = options_text(each)
        assert read_recipient_options(written).values == each.values
    assert all(seen.effect and len(seen.value) <= 200 for seen in wishes.seen)
    if wishes.rejection is not None:
        assert wishes.rejection.text.startswith("Invalid SMTPAPI header: ")
        assert "\n" not in wishes.rejection.text
        assert "\r" not in wishes.rejection.text
    return wishes


@given(RAW, ENVELOPES)
@example(b"[" * 100_000, ())
@example(b'{"a":' * 100_000, ())
@example(b'{"to":"=?utf-8?q?"', ("a@d.test",))
@example(b"1" * 5000, ())
def test_any_octets(raw: bytes, recipients: tuple[str, ...]) -> None:
    check(raw, recipients)


@given(OBJECTS, ENVELOPES)
def test_any_object(value: dict[str, Any], recipients: tuple[str, ...]) -> None:
    assert check(json.dumps(value).encode(), recipients) is not None


@given(OBJECTS, ENVELOPES, st.data())
def test_any_object_however_folded(value: dict[str, Any], recipients: tuple[str, ...], data: Any) -> None:
    raw = json.dumps(value, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "replace")
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(raw)))
        raw = raw[:at] + data.draw(st.sampled_from([b"\r\n ", b"\r\n\t", b"\n  "])) + raw[at:]
    check(raw, recipients)


@given(st.dictionaries(st.sampled_from("abc"), st.text("abc @", max_size=30), max_size=3), st.data())
def test_the_recipe_s_folding_changes_nothing(args: dict[str, str], data: Any) -> None:
    """Breaks at white space that is there already, one space behind each: rule 1 gives back the same."""
    text = json.dumps({"unique_args": args})
    folded = "".join(["\r\n " if char == " " and data.draw(st.booleans()) else char for char in text])
    assert read_object(folded.encode()).value == {"unique_args": args}


@given(
    st.text("ab-", max_size=40),
    st.dictionaries(st.text("ab-", min_size=1, max_size=3), st.text("ab-", max_size=4), max_size=4),
)
def test_one_pass_is_what_the_definition_says(text: str, tags: dict[str, str]) -> None:
    """Against the slow form of the definition, with values that hold no tags (so that one pass is all)."""
    values = {tag: value.replace("a", "x").replace("b", "y").replace("-", "z") for tag, value in tags.items()}
    expected, at = "", 0
    while at < len(text):
        here = max((tag for tag in values if text.startswith(tag, at)), key=len, default=None)
        expected += values[here] if here else text[at]
        at += len(here) if here else 1
    # a tag may come into being only across a seam; the marks of the values keep seams apart
    once = Expansion(tuple(values), {})
    try:
        done = once.expand(text, tuple(values.values()))
    except TooMuch:
        return
    if not once.touches(expected):
        assert done == expected
