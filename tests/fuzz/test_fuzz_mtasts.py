"""Records and policies of strangers: any text gives what keeps the rules, or one refusal (RFC 8461 3)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.model.trust import ENFORCE, NONE, TESTING
from posthouse.net.mtasts import LONGEST_AGE_S, BadPolicy, matches, parse_policy, parse_record

_PIECES = st.sampled_from(
    ["v=STSv1", ";", "; ", "id=", "id=20260101", "=", " ", "\t", "ext=1", "v=STSv2", "é", "\0", "a" * 40]
)
records = st.lists(st.one_of(st.text(max_size=80), st.lists(_PIECES, max_size=12).map("".join)), max_size=4)
_LINES = st.sampled_from(
    ["version: STSv1", "version:STSv2", "mode: enforce", "mode: testing", "mode: none", "mode:", "mx: a.test",
     "mx: *.a.test", "mx: *", "mx: -a", "mx:", "max_age: 86400", "max_age: 99999999999", "max_age: x",
     "other: thing", ": x", "no colon", "", " ", "mx: " + "a." * 200 + "test"]
)  # fmt: skip
policies = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda lines, end: end.join(lines).encode(),
        st.lists(_LINES, max_size=12),
        st.sampled_from(["\n", "\r\n"]),
    ),
)
hosts = st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}){0,4}", fullmatch=True)


@given(records)
def test_a_record_gives_an_id_or_nothing(texts: list[str]) -> None:
    found = parse_record(texts)
    assert found == "" or re.fullmatch("[A-Za-z0-9]{1,32}", found)
    if found:
        assert sum(text.startswith("v=STSv1") for text in texts) >= 1


@given(policies)
def test_a_policy_keeps_the_rules_or_is_refused_in_one_clause(body: bytes) -> None:
    try:
        policy = parse_policy(body, "a.test", "1", 1000.0)
    except BadPolicy as error:
        assert str(error).isprintable()
        assert len(str(error)) < 100
        return
    assert policy.mode in (ENFORCE, TESTING, NONE)
    assert policy.mx or policy.mode == NONE
    assert 0 <= policy.expires_at - policy.fetched_at <= LONGEST_AGE_S
    # what a TLS report quotes is the policy again
    assert parse_policy("\n".join(policy.lines).encode(), "a.test", "1", 1000.0) == policy


@given(hosts, st.lists(hosts, max_size=3))
def test_a_star_never_stands_for_more_or_less_than_one_label(host: str, names: list[str]) -> None:
    patterns = [f"*.{name}" for name in names]
    expected = any(host.partition(".")[2] == name for name in names)
    assert matches(patterns, host) == expected


@pytest.mark.parametrize("size", [1000, 60_000])
def test_long_lines_cost_little(size: int) -> None:
    # S11: the patterns have one way to read each octet; a second one would take hours here
    assert parse_record(["v=STSv1; " + "a=b; " * size + "!"]) == ""
    with pytest.raises(BadPolicy):
        parse_policy(b"version: STSv1\nmx: " + b"a-" * size, "a.test", "1", 0.0)
