"""OTL-2: the TXT record, the policy text, and which hosts a pattern names (RFC 8461 3.1, 3.2, 4.1)."""

from __future__ import annotations

import pytest

from posthouse.model.trust import ENFORCE, NONE, TESTING
from posthouse.net.mtasts import LONGEST_AGE_S, BadPolicy, matches, parse_policy, parse_record


@pytest.mark.parametrize(
    ("records", "policy_id"),
    [
        pytest.param(["v=STSv1; id=20160831085700Z;"], "20160831085700Z", id="as in the RFC"),
        pytest.param(["v=STSv1;id=1"], "1", id="no spaces, no final semicolon"),
        pytest.param(["v=STSv1 ;\tid=1 ; "], "1", id="white space around semicolons"),
        pytest.param(["v=STSv1; ext=a:b; id=7; x=y"], "7", id="extensions are skipped"),
        pytest.param(["v=spf1 -all", "v=STSv1; id=1;"], "1", id="other records are somebody else's"),
        pytest.param(["v=STSv1; id=1", "v=STSv1; id=2"], "", id="two records are none"),
        pytest.param(["v=STSv1; id=1", "v=STSv1; nonsense"], "", id="two, one of them broken"),
        pytest.param([], "", id="none"),
        pytest.param(["v=STSv1;"], "", id="no id"),
        pytest.param(["v=STSv1; id="], "", id="empty id"),
        pytest.param(["v=STSv1; id=a-b"], "", id="id with a hyphen"),
        pytest.param([f"v=STSv1; id={'a' * 33}"], "", id="id of 33 characters"),
        pytest.param(["V=STSv1; id=1"], "", id="version in another case"),
        pytest.param(["v=STSv2; id=1"], "", id="another version"),
        pytest.param([" v=STSv1; id=1"], "", id="space before the version"),
        pytest.param(["v=STSv1; id=1; what"], "", id="a field without a value"),
        pytest.param(["v=STSv1 id=1"], "", id="no semicolon"),
    ],
)
def test_the_record(records: list[str], policy_id: str) -> None:
    assert parse_record(records) == policy_id


FULL = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


def test_the_policy_of_the_rfc() -> None:
    policy = parse_policy(FULL.encode(), "example.com", "1", 1000.0)
    assert (policy.domain, policy.policy_id, policy.mode) == ("example.com", "1", ENFORCE)
    assert policy.mx == ("mail.example.com", "*.example.net")
    assert (policy.fetched_at, policy.expires_at) == (1000.0, 605800.0)
    assert policy.lines == tuple(FULL.splitlines())


@pytest.mark.parametrize(
    ("text", "mode", "mx", "age"),
    [
        pytest.param(FULL.replace("\r\n", "\n"), ENFORCE, 2, 604800, id="line feeds"),
        pytest.param(FULL.strip(), ENFORCE, 2, 604800, id="no final line end"),
        pytest.param("max_age:1\nmode:testing\nmx:A.Example\nversion:STSv1", TESTING, 1, 1, id="any order"),
        pytest.param("version: STSv1\nmode: none\nmax_age: 60\n", NONE, 0, 60, id="none needs no mx"),
        pytest.param(FULL + "mode: none\nmax_age: 1\n", ENFORCE, 2, 604800, id="the first of two counts"),
        pytest.param(FULL + "later: thing\n", ENFORCE, 2, 604800, id="unknown fields are skipped"),
        pytest.param(FULL.replace("604800", "9999999999"), ENFORCE, 2, LONGEST_AGE_S, id="too long an age"),
        pytest.param(FULL + "\r\n", ENFORCE, 2, 604800, id="an empty line"),
    ],
)
def test_policies(text: str, mode: str, mx: int, age: int) -> None:
    policy = parse_policy(text.encode(), "example.com", "1", 0.0)
    assert (policy.mode, len(policy.mx), policy.expires_at) == (mode, mx, age)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "version"),
        (FULL.replace("STSv1", "STSv2"), "version"),
        (FULL.replace("mode: enforce\r\n", ""), "mode"),
        (FULL.replace("enforce", "Enforce"), "mode"),
        (FULL.replace("max_age: 604800\r\n", ""), "max_age"),
        (FULL.replace("604800", "-1"), "max_age"),
        (FULL.replace("604800", "1 day"), "max_age"),
        (FULL.replace("604800", "12345678901"), "max_age"),
        ("version: STSv1\nmode: enforce\nmax_age: 1", "no mx"),
        (FULL.replace("*.example.net", "*example.net"), "an mx"),
        (FULL.replace("*.example.net", "a.*.example.net"), "an mx"),
        (FULL.replace("*.example.net", "*"), "an mx"),
        (FULL.replace("*.example.net", ""), "an mx"),
        ("<html>\n<body>Not found</body>", "name: value"),
        ("version: STSv1\nmode: enforce\nmax_age: 1\n" + "mx: a.example\n" * 101, "more than 100"),
    ],
)
def test_what_is_no_policy(text: str, why: str) -> None:
    with pytest.raises(BadPolicy, match=why):
        parse_policy(text.encode(), "example.com", "1", 0.0)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(BadPolicy, match="UTF-8"):
        parse_policy(b"version: STSv1\xff", "example.com", "1", 0.0)


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("mx.example.com", "mx.example.com", True),
        ("mx.example.com", "mx2.example.com", False),
        ("*.example.com", "mx.example.com", True),
        ("*.example.com", "a.mx.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", "mx.example.com.evil.test", False),
        ("example.com", "mx.example.com", False),
    ],
)
def test_a_star_is_one_leftmost_label(pattern: str, host: str, fits: bool) -> None:
    assert matches(["other.test", pattern], host) == fits
