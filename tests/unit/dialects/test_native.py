"""Our own option header: one JSON object, and no letter goes with one that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from posthouse.dialects.dialect import Context, Header, Wishes
from posthouse.dialects.native import DIALECT
from posthouse.dialects.native.wishes import HEADER, Options, TemplateName, options_header
from posthouse.model.errors import Refused

NOW = 1_700_000_000.0
CONTEXT = Context(
    now=NOW,
    recipients=("ann@good.test",),
    domain="shop.test",
    is_own=True,
    groups=frozenset({7}),
    owns_ip=lambda ip: ip == "192.0.2.5",
    owns_pool=lambda name: name == "fast",
)


def header(value: Any) -> Header:
    written = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Header(HEADER.lower(), HEADER, b" " + written)


def read(value: Any) -> Wishes:
    return DIALECT.read([header(value)], CONTEXT)


VALUES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "tags, each once": ({"tags": ["a", "b", "a"]}, {"tags": ("a", "b")}),
    "data": ({"metadata": {"a": [1]}}, {"metadata": {"a": [1]}}),
    "tracking switched off": (
        {"track_opens": False, "track_clicks": "off"},
        {"track_opens": False, "track_clicks": "off"},
    ),
    "a time with its zone": ({"send_at": "2023-11-15T00:00:00+01:00"}, {"deliver_at": 1_700_002_800.0}),
    "a time before 1970": ({"send_at": "1960-01-01T00:00:00Z"}, {"deliver_at": 0.0}),
    "a group": ({"unsubscribe_group": 7}, {"unsubscribe_group": 7}),
    "a pool and an address": ({"pool": "fast", "ip": "192.0.2.5"}, {"ip_pool": "fast", "ip": "192.0.2.5"}),
    "not with one click": ({"one_click": False}, {"is_one_click": False}),
    "values that are the usual ones": ({"one_click": True, "to_each": False, "batch": ""}, {}),
    "a batch": ({"batch": "b"}, {"batch_id": "b"}),
}


@pytest.mark.parametrize(("given", "wanted"), VALUES.values(), ids=VALUES.keys())
def test_options_are_read(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    wishes = read(given)
    assert wishes.values == wanted
    assert not any(seen.is_warning for seen in wishes.seen)


WRONG: dict[str, Any] = {
    "no JSON": b"{",
    "no object": b"[]",
    "no UTF-8": b'{"tags": ["\xff"]}',
    "an unknown option": {"tag": "a"},
    "a tag with a line break": {"tags": ["a\r\nBcc: x@y.test"]},
    "a time without a zone": {"send_at": "2023-11-15T00:00:00"},
    "a time too far ahead": {"send_at": "2023-12-24T00:00:00Z"},
    "a group of somebody else": {"groups_shown": [8]},
    "a pool of somebody else": {"pool": "slow"},
    "an address of somebody else": {"ip": "192.0.2.6"},
    "data too large": {"metadata": {"a": "x" * 20_000}},
    "data too deep": {"metadata": json.loads('{"a":' * 30 + "1" + "}" * 30)},
    "an address that is none": {"forward_complaints_to": "ann"},
    "a field in a field": {"list_unsubscribe": "<mailto:x@y.test>\r\nBcc: e@y.test"},
    "a batch of blanks": {"batch": "  "},
}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_option_refuses_the_letter(given: Any) -> None:
    with pytest.raises(Refused) as refused:
        read(given)
    assert refused.value.code == 554 and refused.value.text.isprintable()


def test_two_fields_are_one_too_many() -> None:
    with pytest.raises(Refused, match="one is allowed"):
        DIALECT.read([header({}), header({})], CONTEXT)


def test_a_template_that_is_not_there_refuses_the_letter() -> None:
    use = read({"template": {"name": "Welcome", "version": "V2"}}).template
    assert use is not None and (use.name, use.version) == ("Welcome", "v2")
    assert isinstance(use.trouble("not found"), Refused)


def test_other_fields_of_ours_are_told_and_nothing_else() -> None:
    wishes = DIALECT.read([Header("x-posthouse-x", "X-Posthouse-X", b" 1")], CONTEXT)
    assert wishes.values == {} and wishes.seen[0].is_warning


def test_what_is_written_beside_a_letter_is_read_as_it_was_meant() -> None:
    asked = Options(tags=["a"], template=TemplateName(name="t"), metadata={"ü": "\r\n"})
    written = options_header(asked)
    assert written is not None and b"\n" not in written.raw
    wishes = DIALECT.read([written], CONTEXT)
    assert wishes.values == {"tags": ("a",), "metadata": {"ü": "\r\n"}} and wishes.template is not None
    assert options_header(Options()) is None
