"""Each parameter of a send call does what its header does (contract MG-25)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from posthouse.dialects.dialect import Header, Wishes
from posthouse.dialects.mailgun import DIALECT
from posthouse.dialects.mailgun.parameters import (
    MOST_OPTION_BYTES,
    PARAMETERS,
    plain_name,
    read_parameters,
)
from posthouse.dialects.mailgun.table import ROWS
from posthouse.model.errors import Refused
from unit.dialects.test_mailgun import CONTEXT, GOOD, IGNORED, REFUSED, read

BY_HEADER = {header.lower(): parameter for parameter, header in PARAMETERS.items()}
# what counts on two headers together is read together
BESIDE = {"Secondary-DKIM-Public": [("Secondary-DKIM", "second.test,s1")]}
DOCUMENTED = [
    "o:tag",
    "o:dkim",
    "o:secondary-dkim",
    "o:secondary-dkim-public",
    "o:deliverytime",
    "o:deliver-within",
    "o:deliverytime-optimize-period",
    "o:time-zone-localize",
    "o:testmode",
    "o:tracking",
    "o:tracking-clicks",
    "o:tracking-opens",
    "o:tracking-pixel-location-top",
    "o:require-tls",
    "o:skip-verification",
    "o:sending-ip",
    "o:sending-ip-pool",
    "o:archive-to",
    "o:suppress-headers",
    "o:native-send",
    "t:version",
    "t:text",
    "t:variables",
    "template",
    "recipient-variables",
]


def parameter_of(name: str) -> str:
    return BY_HEADER[f"x-mailgun-{name}".lower()]


def call(*pairs: tuple[str, str]) -> Wishes:
    """What a call with these fields asks for: its options beside a letter that holds its visible fields."""
    parameters = read_parameters(pairs)
    letter = [
        Header(name.lower(), name, f" {text}".encode())
        for name, text in parameters.fields
        if name.lower().startswith("x-mailgun-")
    ]
    return DIALECT.read([*parameters.beside, *letter], CONTEXT)


def said(wishes: Wishes) -> tuple[Any, ...]:
    """All that decides about the mail; not in which words it was said."""
    template = wishes.template
    named = template and (template.name, template.version, template.wants_text)
    return wishes.values, wishes.variables, wishes.people, named, wishes.keep, wishes.drop


def test_MG_25_every_documented_parameter_is_known() -> None:
    assert set(PARAMETERS) == set(DOCUMENTED)
    assert len(set(PARAMETERS.values())) == len(PARAMETERS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.parameter)
def test_MG_25_every_row_of_the_table_is_reached_by_its_parameter(row: Any) -> None:
    name = row.header.removeprefix("X-Mailgun-")
    examples = [value for header, value, _ in GOOD.values() if header == name]
    if name in BESIDE:
        examples = ["b.test/s2"]
    assert examples, f"no example of {row.header}"
    for value in examples:
        beside = BESIDE.get(name, [])
        by_header = read((name, value), *beside)
        by_parameter = call((row.parameter, value), *((parameter_of(n), v) for n, v in beside))
        assert said(by_parameter) == said(by_header)
        assert [(seen.value, seen.effect, seen.is_warning) for seen in by_parameter.seen] == [
            (seen.value, seen.effect, seen.is_warning) for seen in by_header.seen
        ]


# id: (headers, fields of a call) that mean the same
PAIRS: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {
    "tags": ([("Tag", "One, two"), ("Tag", "ü")], [("o:tag", "One, two"), ("o:tag", "ü")]),
    "eleven tags": (
        [("Tag", f"t{number}") for number in range(11)],
        [("o:tag", f"t{number}") for number in range(11)],
    ),
    "variables": ([("Variables", '{"a": "1", "b": "ü"}')], [("v:a", "1"), ("v:b", "ü")]),
    "variables of both kinds": (
        [("Variables", '{"n": 7, "a": "1"}')],
        [("v:a", "1"), ("h:X-Mailgun-Variables", '{"n": 7, "a": 0}')],
    ),
    "recipient variables": (
        [("Recipient-Variables", '{"bob@example.com": {"id": 1}, "ann+x@example.com": {}}')],
        [("recipient-variables", '{"bob@example.com": {"id": 1}, "ann+x@example.com": {}}')],
    ),
    "a batch without values": ([("Recipient-Variables", "{}")], [("recipient-variables", "{}")]),
    "template": (
        [
            ("Template-Name", "Welcome"),
            ("Template-Version", "V2"),
            ("Template-Text", "yes"),
            ("Template-Variables", '{"a": [1]}'),
            ("Variables", '{"b": "2"}'),
        ],
        [
            ("template", "Welcome"),
            ("t:version", "V2"),
            ("t:text", "yes"),
            ("t:variables", '{"a": [1]}'),
            ("v:b", "2"),
        ],
    ),
    "suppressed": (
        [("Suppress-Headers", "X-Mailgun-Sid, X-Mailgun-Tag"), ("Tag", "a")],
        [("o:suppress-headers", "X-Mailgun-Sid, X-Mailgun-Tag"), ("o:tag", "a")],
    ),
    "all suppressed": (
        [("Suppress-Headers", "all"), ("Tag", "a"), ("Variables", '{"a": "1"}')],
        [("o:suppress-headers", "all"), ("o:tag", "a"), ("v:a", "1")],
    ),
    "an option written as a header": ([("Track", "no")], [("h:X-Mailgun-Track", "no")]),
}


@pytest.mark.parametrize(("headers", "fields"), PAIRS.values(), ids=PAIRS)
def test_MG_25_headers_with_rules_of_their_own_are_reached_too(
    headers: list[tuple[str, str]], fields: list[tuple[str, str]]
) -> None:
    assert said(call(*fields)) == said(read(*headers))


@pytest.mark.parametrize(("name", "value", "text"), REFUSED.values(), ids=REFUSED)
def test_MG_25_what_refuses_a_letter_refuses_a_call_with_the_same_text(
    name: str, value: str, text: str
) -> None:
    with pytest.raises(Refused) as caught:
        call((parameter_of(name), value))
    with pytest.raises(Refused) as of_header:
        read((name, value))
    assert caught.value.text == of_header.value.text
    assert text in caught.value.text


STRICT = {
    label: (name, value)
    for label, (name, value, effect) in IGNORED.items()
    if effect.startswith("ignored: use") and name != "Variables"
}


@pytest.mark.parametrize(("name", "value"), STRICT.values(), ids=STRICT)
def test_a_word_that_means_nothing_refuses_a_call(name: str, value: str) -> None:
    parameter = parameter_of(name)
    with pytest.raises(Refused, match=f"^554 5.6.0 {parameter} parameter is not valid: use "):
        call((parameter, value))


def test_a_bad_word_for_the_templates_text_refuses_a_call() -> None:
    with pytest.raises(Refused, match="t:text parameter is not valid"):
        call(("template", "x"), ("t:text", "maybe"))


def test_an_empty_option_is_none() -> None:
    wishes = call(("o:tracking", ""), ("o:deliverytime", " "), ("o:tag", ""))
    assert wishes.values == {}
    assert [seen.header for seen in wishes.seen if seen.is_warning] == ["o:tracking", "o:deliverytime"]


def test_an_option_that_nobody_knows_is_told() -> None:
    wishes = call(("o:nonsense", "x"), ("o:track", "no"))
    assert wishes.values == {}
    assert [(seen.header, seen.effect) for seen in wishes.seen] == [
        ("o:nonsense", "removed: not a known option"),
        ("o:track", "removed: not a known option"),
    ]


def test_parameters_beat_headers_wherever_they_stand() -> None:
    letter = [Header("x-mailgun-track-opens", "X-Mailgun-Track-Opens", b" yes")]
    beside = read_parameters([("o:tracking-opens", "no"), ("h:X-Mailgun-Track-Opens", "yes")]).beside
    for headers in ([*beside, *letter], [*letter, *beside]):
        assert DIALECT.read(headers, CONTEXT).values == {"track_opens": False}


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("to", "to"),
        ("to[]", "to"),
        ("to[0]", "to"),
        ("o:tag[12]", "o:tag"),
        ("v:list[0]", "v:list[0]"),
        ("h:X-A[]", "h:X-A[]"),
        ("o:tag[x]", "o:tag[x]"),
    ],
)
def test_names_of_lists(written: str, plain: str) -> None:
    assert plain_name(written) == plain


def test_16_kb_of_options_and_no_more() -> None:
    room = MOST_OPTION_BYTES - len("v:a")
    read_parameters([("v:a", "x" * room), ("recipient-variables", "x" * 100_000), ("text", "x" * 100_000)])
    for name in ("v:a", "h:A", "o:a", "t:a"):
        with pytest.raises(Refused, match="are limited to 16 kB total"):
            read_parameters([(name, "x" * (room + 1))])
    with pytest.raises(Refused, match="16 kB"):
        read_parameters([("v:a", "ü" * (room // 2 + 1))])


def test_variables_of_a_call_come_back_as_they_were_given() -> None:
    given = {
        "plain": "1",
        "json": '{"a": "ü"}',
        "quote": 'say "hi"',
        "long": "x" * 900,
        "%": "100 %",
        "": "no name",
    }
    wishes = call(*((f"v:{name}", value) for name, value in given.items()))
    assert wishes.values["metadata"] == given
    assert not any(seen.is_warning for seen in wishes.seen)
    assert json.dumps(given).isascii()
