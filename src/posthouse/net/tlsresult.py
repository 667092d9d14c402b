"""What became of a connection under its TLS policy: words for events, checks for reports, and results.

Public: Attempt, TlsaJudge, next_step, in_clear, sentence, checks_of, refused_by, not_allowed, no_promise,
is_tls_trouble, NO_REQUIRED_TLS.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from posthouse.model.message import Phase, SmtpResult
from posthouse.model.trust import NO_POLICY, TlsCheck
from posthouse.net.connection import Connection
from posthouse.net.dane import NoMatch, match
from posthouse.net.tlspolicy import IN_CLEAR, HostPolicy, Look

NO_REQUIRED_TLS = "TLS required but not available"  # customers' programs know these words
_NO_STARTTLS = "starttls-not-supported"
_NEEDED, _BROKEN, _NO_PROMISE = "4.7.10", "4.7.5", "4.7.30"  # RFC 5248's registry, RFC 8689 8


@dataclass(slots=True)
class Attempt:
    """What one attempt to deliver to `domain` has seen so far."""

    domain: str
    history: list[str] = field(default_factory=list)
    failures: list[SmtpResult] = field(default_factory=list)
    checks: list[TlsCheck] = field(default_factory=list)


class TlsaJudge:
    """Looks at the presented chain of one connection; `matched` is then the record that fits, as text."""

    def __init__(self, policy: HostPolicy, host: str, domain: str, now: Callable[[], float]) -> None:
        self._policy = policy
        self._names = (host, domain)
        self._now = now
        self.matched = ""
        self.is_of_this_domain_only = False

    def __call__(self, chain: Sequence[bytes]) -> str:
        """RFC 7672 3.2.2: the host may be called by its own name or by the recipient's domain; by the latter
        it proves nothing to other domains."""
        now = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        complaint = ""
        for name in self._names:
            try:
                self.matched = str(match(self._policy.records, chain, [name], now))
            except NoMatch as error:
                complaint = complaint or str(error)
            else:
                self.is_of_this_domain_only = name is not self._names[0]
                return ""
        return complaint


def next_step(step: HostPolicy, failure: SmtpResult) -> HostPolicy:
    """The next step of the ladder; a policy that is only tested has its say in the sentence."""
    assert step.then is not None
    if step.then is IN_CLEAR:
        return in_clear(step)
    return replace(step.then, label=f"{failure.text}; delivered all the same")


def in_clear(step: HostPolicy) -> HostPolicy:
    """The last rung below an opportunistic connection."""
    return replace(IN_CLEAR, label=f"{step.label}, TLS failed")


def sentence(step: HostPolicy, connection: Connection, matched: str) -> str:
    """Which policy held, and why."""
    host = connection.host
    if matched:
        return f"{step.label}: TLSA {matched} of {host} matched"
    if step.look is Look.ROOTS:
        named = f" (but {step.refusal})" if step.refusal else ""
        return f"{step.label}: certificate of {host} valid{named}"
    return f"{step.label}; TLS, certificate not checked" if connection.tls else f"{step.label}; in clear"


def checks_of(step: HostPolicy, connection: Connection, failure: SmtpResult | None) -> list[TlsCheck]:
    """What a TLS report counts of this connection; nothing when it never came to TLS."""
    if not step.about:
        return []
    if failure is not None and not is_tls_trouble(failure):
        return []
    result, reason = step.fault, step.refusal
    if failure is not None:
        result = connection.tls_fault or (
            _NO_STARTTLS if failure.enhanced == _NEEDED else "validation-failure"
        )
        reason = failure.text
    elif not result and not connection.tls:
        result, reason = _NO_STARTTLS, "the host does not offer STARTTLS"
    host, address, source = connection.labels
    return [_check(step, result, reason, host, address, source)]


def _check(step: HostPolicy, result: str, reason: str, host: str, address: str, source: str) -> TlsCheck:
    return TlsCheck(
        policy=step.kind,
        policy_domain=step.about,
        result=result,
        mx=host,
        address=address,
        source=source,
        reason=reason,
        policy_lines=step.lines,
        mx_patterns=step.patterns,
    )


def is_tls_trouble(result: SmtpResult) -> bool:
    """TLS itself failed, not the host: with TLS 1.3 a server may notice it only behind our handshake."""
    if result.phase is Phase.STARTTLS:
        return result.code != 421
    return result.phase is Phase.EHLO and bool(result.tls) and result.code == 0


def refused_by(step: HostPolicy, failure: SmtpResult) -> SmtpResult:
    """The host lacks what is demanded: temporary (it may be repaired), and no trouble that other letters
    should suffer for. Every other host of the site may still do (OTL-3, OTL-4)."""
    is_own_wish = step.kind == NO_POLICY and not step.needs_promise
    lacks_tls = step.needs_promise and failure.enhanced == _NEEDED
    return replace(
        failure,
        phase=Phase.STARTTLS,
        code=454,
        enhanced=_NEEDED if is_own_wish or lacks_tls else _BROKEN,
        text=f"{NO_REQUIRED_TLS if is_own_wish else step.label}: {failure.text}",
        connection_failed=False,
        policy=step.label,
    )


def not_allowed(step: HostPolicy, host: str, source: str) -> tuple[SmtpResult, list[TlsCheck]]:
    """A host that its policy forbids to ask: the result, and what a report counts."""
    text = f"{step.label}: {step.refusal}"
    enhanced = _NEEDED if step.is_hopeless else _BROKEN
    result = SmtpResult(
        Phase.STARTTLS, 454, enhanced, text, mx=host, source=source, transcript=f"* {text}", policy=step.label
    )
    return result, [_check(step, step.fault, step.refusal, host, "", source)] if step.about else []


def no_promise(step: HostPolicy, connection: Connection) -> SmtpResult:
    """RFC 8689 4.2.1 step 5."""
    host, address, source = connection.labels
    text = f"{step.label}: {host} does not promise TLS for the way on (REQUIRETLS is not offered)"
    return SmtpResult(
        Phase.STARTTLS,
        454,
        _NO_PROMISE,
        text,
        mx=host,
        address=address,
        source=source,
        tls=connection.tls,
        transcript=f"* {text}",
        policy=step.label,
    )
