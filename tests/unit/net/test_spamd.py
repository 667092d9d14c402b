"""What a spam scanner's answer means, whole and in pieces; and what is no answer at all."""

from __future__ import annotations

import pytest

from posthouse.net.spamd import REPORT_MAX, Answer, BadAnswer, read_answer, request

OK = b"SPAMD/1.1 0 EX_OK\r\n"
ANSWERS = [
    ("spamd", OK + b"Content-length: 8\r\nSpam: True ; 7.3 / 5.0\r\n\r\nA report", Answer(7.3, "A report")),
    ("ham", OK + b"Spam: False ; -1.5 / 5.0\r\nContent-length: 0\r\n\r\n", Answer(-1.5, "")),
    ("other names of the verdict", OK + b"Spam: yes; 6.42 / 5.0\r\n\r\n", Answer(6.42, "")),
    ("any case, whole numbers", OK + b"SPAM:  TRUE;15/5\r\ncontent-LENGTH: 1\r\n\r\nx", Answer(15.0, "x")),
    ("Rspamd", b"RSPAMD/1.3 0 EX_OK\r\nSpam: False ; 1.20 / 15.00\r\n\r\n", Answer(1.2, "")),
    ("bare line feeds", b"SPAMD/1.1 0 EX_OK\nSpam: True ; 7 / 5\n\nhello\n", Answer(7.0, "hello")),
    ("unknown fields", OK + b"X-More: 1\r\nSpam: True ; 7 / 5\r\nDidSet: x\r\n\r\n", Answer(7.0, "")),
    ("more than it says", OK + b"Content-length: 2\r\nSpam: True ; 7 / 5\r\n\r\nabcd", Answer(7.0, "ab")),
    ("less than it says", OK + b"Content-length: 99\r\nSpam: True ; 7 / 5\r\n\r\nab", Answer(7.0, "ab")),
    ("controls, no UTF-8", OK + b"Spam: True ; 7 / 5\r\n\r\na\0b\x1b[2J\xff", Answer(7.0, "ab[2J\ufffd")),
    ("a long report", OK + b"Spam: True ; 7 / 5\r\n\r\n" + b"x" * 50_000, Answer(7.0, "x" * REPORT_MAX)),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "answer"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_SG_09_an_answer_is_read(octets: bytes, answer: Answer) -> None:
    assert read_answer(octets, is_end=True) == answer


BAD = [
    ("nothing", b"", "no answer of a spam scanner: nothing"),
    ("another service", b"220 mx.test ESMTP\r\n", "no answer of a spam scanner: 220 mx.test ESMTP"),
    ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n", "no answer of a spam scanner: HTTP/1.1 400 Bad Request"),
    ("no line end", b"S" * 20_000, "no answer of a spam scanner"),
    ("an error", b"SPAMD/1.0 76 Bad header line: (x)\r\n", "the spam scanner says: 76 Bad header line: (x)"),
    ("an error without words", b"SPAMD/1.0 75\r\n", "the spam scanner says: 75"),
    ("cut off", OK + b"Spam: True ; 7.3 / 5.0\r\n", "breaks off"),
    ("fields without end", OK + b"X: y\r\n" * 5000, "breaks off"),
    ("no score", OK + b"\r\n\r\n", "names no score"),
    ("a score in the report only", OK + b"A: b\r\n\r\nSpam: True ; 7 / 5\r\n", "names no score"),
    *((f"score {score}", OK + b"Spam: True ; %b / 5.0\r\n\r\n" % score.encode(), "names no score")
      for score in ("nan", "inf", "1e400", "9" * 400, "", "--1", "0x1", "1.2.3", "١")),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "text"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_SG_09_what_is_no_answer_is_said_in_a_line(octets: bytes, text: str) -> None:
    with pytest.raises(BadAnswer) as told:
        read_answer(octets, is_end=True)
    assert text in str(told.value)
    assert len(str(told.value)) < 300 and "\n" not in str(told.value)


def test_SG_09_more_is_waited_for_only_where_more_is_to_come() -> None:
    octets = OK + b"Content-length: 8\r\nSpam: True ; 7.3 / 5.0\r\n\r\nA report"
    for end in range(len(octets)):
        assert read_answer(octets[:end], is_end=False) is None
    assert read_answer(octets, is_end=False) == Answer(7.3, "A report")
    assert read_answer(octets + b"and more", is_end=False) == Answer(7.3, "A report")


def test_SG_09_a_letter_is_asked_about_with_its_length() -> None:
    assert request(b"Subject: x\r\n\r\nhi\r\n") == (
        b"REPORT SPAMC/1.5\r\nContent-length: 18\r\n\r\nSubject: x\r\n\r\nhi\r\n"
    )
