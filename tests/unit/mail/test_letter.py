"""mail.letter: fields and body by offset, for tidy, obsolete and broken letters (MSG-3, MSG-11, S10, S11)."""

from __future__ import annotations

import time

import pytest

from posthouse.mail.letter import BadLetter, parse, unfolded, without

PLAIN = b"From: a@example.com\r\nSubject: Hello\r\n there\r\nTo: b@example.net\r\n\r\nBody\r\n"


def names_of(raw: bytes) -> list[bytes]:
    return [field.name for field in parse(raw).fields]


def test_offsets_name_fields_and_body() -> None:
    letter = parse(PLAIN)
    assert [letter.raw[field.start : field.end] for field in letter.fields] == [
        b"From: a@example.com\r\n",
        b"Subject: Hello\r\n there\r\n",
        b"To: b@example.net\r\n",
    ]
    assert letter.body == b"Body\r\n"
    assert letter.is_whole
    assert letter.raw[letter.header_end : letter.body_at] == b"\r\n"


# MSG-3, DK-8: (letter, names, body)
SHAPES = {
    "nothing at all": (b"", [], b""),
    "only a line end": (b"\r\n", [], b""),
    "two line ends": (b"\r\n\r\n", [], b"\r\n"),
    "no header": (b"\r\nHello\r\n", [], b"Hello\r\n"),
    "no body and no empty line": (b"A: 1\r\nB: 2\r\n", [b"a", b"b"], b""),
    "no final line end in the header": (b"A: 1\r\nB: 2", [b"a", b"b"], b""),
    "empty body": (b"A: 1\r\n\r\n", [b"a"], b""),
    "body without final line end": (b"A: 1\r\n\r\nx", [b"a"], b"x"),
    "missing empty line": (b"A: 1\r\nHello there\r\nB: 2\r\n", [b"a"], b"Hello there\r\nB: 2\r\n"),
    "text only": (b"Hello there\r\n", [], b"Hello there\r\n"),
    "begins with white space": (b" A: 1\r\nB: 2\r\n\r\nx", [], b" A: 1\r\nB: 2\r\n\r\nx"),
    "white space before the colon": (b"Subject \t: x\r\n\r\n", [b"subject"], b""),
    "empty value": (b"Subject:\r\nTo:\r\n\r\n", [b"subject", b"to"], b""),
    "folded before any text": (b"Subject:\r\n x\r\n\r\n", [b"subject"], b""),
    "folded before the colon": (b"Subject\r\n : x\r\n\r\n", [], b"Subject\r\n : x\r\n\r\n"),
    "white space line in the header": (b"A: 1\r\n \t\r\nB: 2\r\n\r\nx", [b"a", b"b"], b"x"),
    "odd case": (b"sUbJeCt: x\r\n\r\n", [b"subject"], b""),
    "colon only": (b"A: 1\r\n: x\r\nB: 2\r\n\r\n", [b"a"], b": x\r\nB: 2\r\n\r\n"),
    "name of two words": (b"A: 1\r\nnot a name: x\r\n\r\n", [b"a"], b"not a name: x\r\n\r\n"),
    "name outside ASCII": (b"A: 1\r\nS\xc3\xbc: x\r\n\r\n", [b"a"], b"S\xc3\xbc: x\r\n\r\n"),
    "odd but legal names": (b"__proto__: 1\r\n{}=;: 2\r\n\r\n", [b"__proto__", b"{}=;"], b""),
    "mbox line": (b"From a@b Mon Jan 1 00:00:00 2024\r\nA: 1\r\n\r\nx", [b"a"], b"x"),
    "quoted mbox line": (b">From a@b Mon Jan 1 00:00:00 2024\r\nA: 1\r\n\r\nx", [b"a"], b"x"),
    "mbox line below our Received": (
        b"Received: x\r\nFrom a@b Mon\r\nA: 1\r\n\r\nx",
        [b"received", b"a"],
        b"x",
    ),
    "mbox line further down": (
        b"A: 1\r\nFrom a@b Mon\r\nB: 2\r\n\r\n",
        [b"a"],
        b"From a@b Mon\r\nB: 2\r\n\r\n",
    ),
    "sentence that begins with From": (
        b"From here on\r\nall is text\r\n",
        [],
        b"From here on\r\nall is text\r\n",
    ),
    "mbox line and nothing": (b"From a@b Mon", [], b"From a@b Mon"),
    "From with white space before the colon": (b"From : a@b\r\n\r\n", [b"from"], b""),
    "lone CR and LF in a value": (b"A: 1\n2\r3\r\nB: 4\r\n\r\n", [b"a", b"b"], b""),
    "NUL in a value": (b"A: \x00\r\n\r\n", [b"a"], b""),
    "ends in CR": (b"A: 1\r", [b"a"], b""),
}


@pytest.mark.parametrize(("raw", "names", "body"), SHAPES.values(), ids=SHAPES)
def test_every_shape_of_letter(raw: bytes, names: list[bytes], body: bytes) -> None:
    letter = parse(raw)
    assert [field.name for field in letter.fields] == names
    assert letter.body == body


def test_values_are_unfolded_and_found_by_name() -> None:
    letter = parse(b"To: a\r\nSubject :\r\n  first\r\n\tline \r\nTo: b\r\nX:\r\n\r\n")
    assert letter.first(b"subject") == b"first\tline"
    assert letter.all(b"to") == [b"a", b"b"]
    assert letter.first(b"x") == b""
    assert letter.first(b"cc") is None
    assert (letter.count(b"to"), letter.count(b"cc")) == (2, 0)
    assert unfolded(b" a\r\n b\r\n") == b"a b"


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"A: 1\r\nBcc: x\r\n y\r\nB: 2\r\n\r\nz", b"A: 1\r\nB: 2\r\n"),
        (b"bcc : x\r\nBCC:y\r\n\r\n", b""),
        (b"A: 1\r\nBccX: 2\r\n\r\n", b"A: 1\r\nBccX: 2\r\n"),
        (b"From a Mon\r\nA: 1\r\n\r\n", b"A: 1\r\n"),
        (b"A: 1", b"A: 1\r\n"),
        (b"A: 1\r\nBcc: x", b"A: 1\r\n"),
        (b"", b""),
    ],
    ids=[
        "folded",
        "all of them",
        "only the whole name",
        "mbox line",
        "no final line end",
        "dropped last",
        "empty",
    ],
)
def test_without_drops_whole_fields_and_nothing_else(raw: bytes, kept: bytes) -> None:
    assert without(parse(raw), frozenset({b"bcc"})) == kept


# MSG-11, S12
@pytest.mark.parametrize(
    "raw",
    [
        b"A: " + b"x" * (1 << 20) + b"\r\n\r\n",
        b"A: x\r\n" + b" y\r\n" * (1 << 18) + b"\r\n",
        b"Name-that-is-long: " + b"x" * 500 + b"\r\n" + b"n" * (1 << 20) + b": x\r\n\r\n",
        b"A:\r\n" * 10_001,
    ],
    ids=["one long field", "endless folding", "one long name", "too many fields"],
)
def test_headers_past_the_limits_are_refused(raw: bytes) -> None:
    with pytest.raises(BadLetter, match="the header"):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        (b"A:\r\n" * 10_000 + b"\r\nx", 10_000),
        (b"A: " + b"x" * ((1 << 20) - 6) + b"\r\n\r\n" + b"y" * 100, 1),
        (b"A: 1\r\n\r\n" + b"x" * (3 << 20), 1),
        (b"x" * (3 << 20), 0),
    ],
    ids=["many fields", "long field", "large body", "large text without a header"],
)
def test_letters_within_the_limits_are_read(raw: bytes, count: int) -> None:
    assert len(parse(raw).fields) == count


@pytest.mark.parametrize(
    "raw",
    [
        b" " * (1 << 20),
        b"a" * (1 << 20),
        b"a" + b" " * (1 << 20),
        b"A:" + b"\r" * ((1 << 20) - 10),
        b"A:" + b" " * ((1 << 20) - 10),
        b"A:" + b"\r\n " * 340_000,
        b"From " * 200_000,
        b"\r\n" * (1 << 19),
    ],
    ids=["blanks", "letters", "name and blanks", "CRs", "blank value", "foldings", "mbox", "empty lines"],
)
def test_runs_stay_linear(raw: bytes) -> None:
    # S11: a megabyte within a second
    begun = time.process_time()
    letter = parse(raw)
    without(letter, frozenset({b"bcc"}))
    assert time.process_time() - begun < 1.0
