"""How a connection fared against what its receiver promised about TLS (MTA-STS, DANE), and such a promise.

Public: TlsCheck, ReportHead, NO_POLICY, STS, TLSA; StsPolicy, ENFORCE, TESTING, NONE.
"""

from __future__ import annotations

from dataclasses import dataclass

STS, TLSA, NO_POLICY = "sts", "tlsa", "no-policy-found"
ENFORCE, TESTING, NONE = "enforce", "testing", "none"  # RFC 8461 5


@dataclass(frozen=True, slots=True)
class TlsCheck:
    """One connection and the policy that held for it; what a TLS report counts (RFC 8460 4.2 to 4.4).

    `policy` is STS, TLSA or NO_POLICY; `policy_domain` the recipient domain (STS) or the MX host (TLSA);
    `policy_lines` the policy as published, `mx_patterns` its patterns. `result` is "" for a session that was
    as it should be, else a result type of RFC 8460 4.3 such as certificate-expired. `reason` is for people.
    """

    policy: str
    policy_domain: str
    result: str = ""
    mx: str = ""
    address: str = ""
    source: str = ""
    reason: str = ""
    policy_lines: tuple[str, ...] = ()
    mx_patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportHead:
    """Who tells whom about which day (days since the epoch, UTC). `submitter` is our host name."""

    submitter: str
    contact: str
    report_id: str
    domain: str
    day: int


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """An MTA-STS policy as it was fetched (RFC 8461 3.2). `policy_id` is the id of the TXT record that led to
    it, `mx` its patterns in lower case; it holds from `fetched_at` to `expires_at`, whatever happens."""

    domain: str
    policy_id: str
    mode: str
    mx: tuple[str, ...]
    fetched_at: float
    expires_at: float

    @property
    def lines(self) -> tuple[str, ...]:
        """The policy as its host wrote it, line by line (RFC 8460 4.2: policy-string)."""
        age = int(self.expires_at - self.fetched_at)
        patterns = [f"mx: {pattern}" for pattern in self.mx]
        return ("version: STSv1", f"mode: {self.mode}", *patterns, f"max_age: {age}")
