"""Unfolding and repair of `X-SMTPAPI` (SG-01, SG-10): which rule makes what readable."""

from __future__ import annotations

import base64
import json

import pytest

from posthouse.dialects.sendgrid.unfold import Malformed, read_object
from unit.dialects.smtpapi_letters import read


def cut_at(value: bytes, columns: int, name: str = "X-SMTPAPI:") -> bytes:
    """What a relay does to a long line: no regard for tokens, CRLF and one space."""
    head = value[: columns - len(name)]
    rest = value[len(head) :]
    lines = [head, *(rest[at : at + columns] for at in range(0, len(rest), columns))]
    return b"\r\n ".join(lines)


def wrapped(text: str, width: int = 72) -> bytes:
    """The recipe of the service's manual: break at the first space behind `width` characters."""
    lines, line = [], ""
    for word in text.split(" "):
        line = f"{line} {word}" if line else word
        if len(line) > width:
            lines.append(line)
            line = ""
    return "\r\n ".join([*lines, line]).encode()


WORD = "=?utf-8?Q?=7B=22category=22=3A_=22caf=C3=A9=22=7D?="
B64 = base64.b64encode('{"category": "ünïcödé"}'.encode()).decode()

READINGS = [
    ("one line", b' {"category": "a"}', {"category": "a"}, (1,)),
    ("no space behind the colon", b'{"category":"a"}', {"category": "a"}, (1,)),
    ("folded between tokens", b' {"category":\r\n "a"}', {"category": "a"}, (1,)),
    ("folded at a space of a string", b' {"category":"a\r\n b"}', {"category": "a b"}, (1,)),
    ("folded with a tab", b' {"category":"a\r\n\tb"}', {"category": "a\tb"}, (1,)),
    ("bare line feeds", b' {"category":\n "a"\n}'.replace(b"\n}", b"\n }"), {"category": "a"}, (1,)),
    ("cut in a number", b' {"send_at": 14286\r\n 11024}', {"send_at": 1428611024}, (2,)),
    ("cut in a number, indented", b' {"send_at": 14286\r\n   11024}', {"send_at": 1428611024}, (2,)),
    ("cut in an escape", b' {"category":"\\u30\r\n ab"}', {"category": "\u30ab"}, (2,)),
    ("cut in an address", b' {"to":["ann@exam\r\n ple.test"]}', {"to": ["ann@example.test"]}, (2,)),
    ("cut in an angle", b' {"to":["Ann B <ann@d.te\r\n st>"]}', {"to": ["Ann B <ann@d.test>"]}, (2,)),
    ("cut in a key", b' {"cate\r\n gory":"a"}', {"category": "a"}, (2,)),
    ("cut in a filter", b' {"filters":{"click\r\n track":{}}}', {"filters": {"clicktrack": {}}}, (2,)),
    ("fold kept in a name", b' {"to":["Ann\r\n B <a@d.test>"]}', {"to": ["Ann B <a@d.test>"]}, (1,)),
    ("an address with a space stays", b' {"to":["a b@d.test"]}', {"to": ["a b@d.test"]}, (1,)),
    ("all in Q words", f" {WORD}".encode(), {"category": "café"}, (3, 1)),
    ("all in B words", f" =?utf-8?B?{B64}?=".encode(), {"category": "ünïcödé"}, (3, 1)),
    (
        "words around a cut character",
        b' =?utf-8?q?{"category":"caf=C3?=\r\n =?utf-8?q?=A9"}?=',
        {"category": "café"},
        (3, 1),
    ),
    (
        "a word in a string",
        b' {"category":"=?utf-8?q?caf=C3=A9?= au lait"}',
        {"category": "café au lait"},
        (3, 1),
    ),
    (
        "a word whose text would break the string",
        b' {"to":["=?utf-8?q?=22J=C3=BC=22?= <j@d.test>"]}',
        {"to": ['"J\u00fc" <j@d.test>']},
        (1,),
    ),
    ("raw UTF-8", ' {"category":"café"}'.encode(), {"category": "café"}, (4, 1)),
    ("raw Latin-1", ' {"category":"café"}'.encode("latin-1"), {"category": "café"}, (4, 1)),
    (
        "raw UTF-8, cut",
        ' {"category":"é","send_at":1\r\n 2}'.encode(),
        {"category": "é", "send_at": 12},
        (4, 2),
    ),
    ("a surrogate pair", b' {"category":"\\ud87e\\ude1b"}', {"category": "\U0002fa1b"}, (1,)),
    ("half a pair", b' {"category":"\\ud87e"}', {"category": "?"}, (1,)),
    ("an empty PHP array", b" []", {}, (1,)),
    ("a byte order mark", '\ufeff{"category":"a"}'.encode(), {"category": "a"}, (4, 1)),
    ("a number past 64 bits", b' {"k": 12345678901234567890123}', {"k": "12345678901234567890123"}, (1,)),
]


@pytest.mark.parametrize(
    ("raw", "value", "rules"), [case[1:] for case in READINGS], ids=[c[0] for c in READINGS]
)
def test_sg01_each_rule(raw: bytes, value: dict[str, object], rules: tuple[int, ...]) -> None:
    reading = read_object(raw)
    assert reading.value == value
    assert reading.rules == rules


BIG = {
    "to": [f"Person Number {n} <person.number.{n}@customers.example.test>" for n in range(120)],
    "sub": {"%name%": [f"the honourable person number {n}" for n in range(120)]},
    "unique_args": {f"argument{n}": "word " * 9 for n in range(20)},
}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["compact", "with spaces"])
@pytest.mark.parametrize("columns", [990, 998])
def test_sg01_cut_by_a_relay(columns: int, separators: tuple[str, str]) -> None:
    raw = cut_at(b" " + json.dumps(BIG, separators=separators).encode(), columns)
    reading = read_object(raw)
    assert reading.value == BIG
    assert reading.rules == (2,)


@pytest.mark.parametrize("width", [72, 200, 900])
def test_sg01_wrapped_by_the_recipe(width: int) -> None:
    reading = read_object(b" " + wrapped(json.dumps(BIG), width))
    assert reading.value == BIG
    assert reading.rules == (1,)


def test_the_rule_is_recorded() -> None:
    told = read(b' {"send_at": 14286\r\n 11024}').seen[0]
    assert told.header == "X-SMTPAPI"
    assert told.effect == "read by rule 2 (line breaks inside of tokens removed with their white space)"


TROUBLES = [
    ("no JSON", b" hello", "a value is missing at line 1, column 12: hello"),
    ("no closing", b' {"to":["a@b.test"', "a comma or a closing bracket is missing at line 1, column 29: "),
    (
        "second line",
        b' {"a":1,\r\n b:2}',
        'a key in double quotes is missing at line 2, column 2: {"a":1, b:2}',
    ),
    ("open string", b' {"a":"x', "a string is not closed that begins at line 1, column 17: "),
    ("single quotes", b" {'a':1}", "a key in double quotes is missing at line 1, column 13: "),
    ("more behind", b' {"a":1} {"b":2}', "something follows the end of the object at line 1, column 20: "),
    ("bad escape", b' {"a":"\\x"}', "a backslash stands before a character that it cannot escape"),
    ("a list", b' ["a"]', "it is not a JSON object"),
    ("a number", b" 5", "it is not a JSON object"),
    ("not a number", b' {"a":NaN}', "a number is none of JSON's"),
    ("an infinite number", b' {"a":1e999}', "a number is none of JSON's"),
    ("too deep", b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", "nested too deeply"),
    ("far too deep", b'{"a":' + b"[" * 100_000, "it is nested too deeply"),
    ("too long", b" " * ((4 << 20) + 1), "it is longer than 4 MiB"),
]


@pytest.mark.parametrize(("raw", "text"), [case[1:] for case in TROUBLES], ids=[c[0] for c in TROUBLES])
def test_sg10_what_is_wrong_and_where(raw: bytes, text: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_object(raw)
    assert text in str(caught.value)


def test_sg10_the_excerpt_is_short_and_printable() -> None:
    with pytest.raises(Malformed) as caught:
        read_object(b' {"a": \x01\x02' + b"x" * 5000)
    assert len(str(caught.value)) < 150
    assert str(caught.value).isprintable()
