"""Who wants TLS reports, when they go, and what they say (RFC 8460)."""

from __future__ import annotations

import json

import pytest

from posthouse.model.trust import NO_POLICY, STS, TLSA, ReportHead, TlsCheck
from posthouse.rules.tlsrpt import DAY_S, Tally, destinations, due_at, report_json

HEAD = ReportHead("mail.example.com", "postmaster@example.com", "r1", "good.test", 20_000)
LINES = ("version: STSv1", "mode: enforce", "mx: *.good.test", "max_age: 86400")


@pytest.mark.parametrize(
    ("texts", "places"),
    [
        pytest.param([], (), id="no record"),
        pytest.param(["v=TLSRPTv1; rua=mailto:r@good.test"], ("mailto:r@good.test",), id="one address"),
        pytest.param(
            ["v=TLSRPTv1;rua=mailto:r@good.test,https://good.test/r"],
            ("mailto:r@good.test", "https://good.test/r"),
            id="two",
        ),
        pytest.param(
            ["v=spf1 -all", "v=TLSRPTv1; rua=mailto:r@good.test;"],
            ("mailto:r@good.test",),
            id="others beside it",
        ),
        pytest.param(
            ["v=TLSRPTv1; rua=mailto:r@good.test", "v=TLSRPTv1; rua=mailto:s@good.test"], (), id="two records"
        ),
        pytest.param(["v=TLSRPTv1; x=1"], (), id="no address in it"),
        pytest.param(["v=TLSRPTv1; rua=http://good.test/r"], (), id="in clear"),
        pytest.param(["v=TLSRPTv1; rua=mailto:nobody"], (), id="no address behind mailto"),
        pytest.param(["v=TLSRPTv1; rua=mailto:r@good.test?subject=x"], (), id="fields behind mailto"),
        pytest.param(["v=TLSRPTv1; rua=https://u:p@good.test/r"], (), id="a password in it"),
        pytest.param(["v=TLSRPTv1; rua=https://good.test/a b"], (), id="a blank in it"),
        pytest.param(["v=TLSRPTv1; rua=https://[::1/r"], (), id="a bracket missing"),
        pytest.param(["v=TLSRPTv12; rua=mailto:r@good.test"], (), id="another version"),
        pytest.param(
            ["v=TLSRPTv1; rua=" + ",".join(f"mailto:r{n}@good.test" for n in range(9))],
            tuple(f"mailto:r{n}@good.test" for n in range(5)),
            id="no more than five",
        ),
    ],
)
def test_who_wants_reports(texts: list[str], places: tuple[str, ...]) -> None:
    assert destinations(texts) == places


def test_reports_go_within_four_hours_of_the_days_end_and_not_all_at_once() -> None:
    times = {due_at(20_000, "mail.example.com", f"d{number}.test") for number in range(50)}
    assert len(times) > 40
    assert all(0 <= at - 20_001 * DAY_S < 4 * 3600 for at in times)
    assert due_at(20_000, "a", "b") == due_at(20_000, "a", "b")


def test_a_report_counts_by_policy() -> None:
    sts = TlsCheck(STS, "good.test", policy_lines=LINES, mx_patterns=("*.good.test",))
    expired = TlsCheck(
        STS,
        "good.test",
        "certificate-expired",
        mx="mx1.good.test",
        address="192.0.2.1",
        source="198.51.100.1",
        reason="the certificate ended",
        policy_lines=LINES,
        mx_patterns=("*.good.test",),
    )
    dane = TlsCheck(TLSA, "mx2.good.test", policy_lines=("3 1 1 00ff",))
    tallies = [Tally(sts, 7), Tally(expired, 2), Tally(dane, 1), Tally(TlsCheck(NO_POLICY, "good.test"), 3)]
    report = json.loads(report_json(HEAD, tallies))
    assert report["organization-name"] == "mail.example.com"
    assert report["date-range"] == {
        "start-datetime": "2024-10-04T00:00:00Z",
        "end-datetime": "2024-10-04T23:59:59Z",
    }
    first, second, third = report["policies"]
    assert first == {
        "policy": {
            "policy-type": "sts",
            "policy-domain": "good.test",
            "policy-string": list(LINES),
            "mx-host": ["*.good.test"],
        },
        "summary": {"total-successful-session-count": 7, "total-failure-session-count": 2},
        "failure-details": [
            {
                "result-type": "certificate-expired",
                "sending-mta-ip": "198.51.100.1",
                "receiving-mx-hostname": "mx1.good.test",
                "receiving-ip": "192.0.2.1",
                "additional-information": "the certificate ended",
                "failed-session-count": 2,
            }
        ],
    }
    assert second["policy"] == {
        "policy-type": "tlsa",
        "policy-domain": "good.test",
        "policy-string": ["3 1 1 00ff"],
    }
    assert third["policy"] == {"policy-type": "no-policy-found", "policy-domain": "good.test"}
    assert "failure-details" not in third


def test_what_hosts_say_stays_text() -> None:
    odd = TlsCheck(STS, "good.test", "validation-failure", mx='m"x\\\n', reason="\x00\udc80")
    (policy,) = json.loads(report_json(HEAD, [Tally(odd, 1)]))["policies"]
    assert policy["failure-details"][0]["receiving-mx-hostname"] == 'm"x\\\n'
