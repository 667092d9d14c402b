"""Answers of a spam scanner: any octets give a score or one refusal, however they come in pieces."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from posthouse.net.spamd import REPORT_MAX, Answer, BadAnswer, read_answer

_PIECES = st.sampled_from(
    [b"SPAMD/1.1 0 EX_OK", b"SPAMD/", b"1.1", b" ", b"0", b"76", b"Spam: ", b"True", b"False", b" ; ", b"7.3",
     b"-1", b"nan", b"9" * 50, b" / ", b"5.0", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"Content-length: ", b"5",
     b"99999999999", b"a report", b"\0", b"\xff", b":"]
)  # fmt: skip
answers = st.one_of(
    st.binary(max_size=300),
    st.lists(_PIECES, max_size=30).map(b"".join),
    st.builds(
        lambda score, length, report: (
            b"SPAMD/1.1 0 EX_OK\r\nContent-length: %b\r\nSpam: True ; %b / 5.0\r\n\r\n%b"
            % (length, score, report)
        ),
        st.from_regex(rb"[0-9.+e-]{0,9}", fullmatch=True),
        st.from_regex(rb"[0-9]{0,11}", fullmatch=True),
        st.binary(max_size=50),
    ),
)


def _whole(octets: bytes) -> Answer | None:
    try:
        return read_answer(octets, is_end=True)
    except BadAnswer as error:
        assert len(str(error)) < 300 and str(error).isprintable()
        return None


@given(answers)
def test_SG_09_any_octets_give_a_score_or_a_refusal(octets: bytes) -> None:
    found = _whole(octets)
    if found is not None:
        assert math.isfinite(found.score) and len(found.report) <= REPORT_MAX and "\0" not in found.report
        found.report.encode()


@given(answers, st.lists(st.integers(0, 400), max_size=6))
def test_SG_09_it_does_not_matter_how_they_arrive(octets: bytes, cuts: list[int]) -> None:
    for end in sorted({min(cut, len(octets)) for cut in cuts}):
        try:
            early = read_answer(octets[:end], is_end=False)
        except BadAnswer:
            assert _whole(octets) is None
            return
        if early is not None:
            assert early == _whole(octets)
            return
