"""What must hold of a connection before a letter may use it, and why: the policy table of OTL-1 to OTL-6.

`decide` is the whole table. It knows four voices: the letter's own wish, DANE of the MX host, MTA-STS of the
recipient domain, and the operator's static route. DANE goes before MTA-STS (RFC 8461 2); a wish of the letter
never weakens what they demand, except the header field TLS-Required: No (RFC 8689 5).

Public: TlsWish, Look, DomainTrust, NO_TRUST, TlsaFound, NO_TLSA, Demand, HostPolicy, decide, word_of,
IN_CLEAR.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from posthouse.model.message import Outgoing
from posthouse.model.trust import ENFORCE, NO_POLICY, NONE, STS, TESTING, TLSA, StsPolicy
from posthouse.net.dane import Tlsa
from posthouse.net.mtasts import matches
from posthouse.net.stspolicies import NOTHING_FOUND, StsFound


class TlsWish(StrEnum):
    """What a letter demands of its connection. PROMISED is REQUIRETLS (RFC 8689): TLS with a host that is
    proven to be the right one and promises the same for the way on."""

    IF_OFFERED = "if-offered"
    REQUIRED = "required"
    VERIFIED = "verified"
    PROMISED = "promised"

    @classmethod
    def of(cls, outgoing: Outgoing) -> TlsWish:
        """A wish for a checked certificate is a wish for TLS: without it there is nothing to check."""
        if outgoing.promises_tls:
            return cls.PROMISED
        if outgoing.verify_tls:
            return cls.VERIFIED
        return cls.REQUIRED if outgoing.require_tls else cls.IF_OFFERED


class Look(StrEnum):
    """How the certificate is looked at."""

    NOT = "not"
    ROOTS = "roots"  # chain to a trusted root, dates, and the MX host's name
    TLSA = "tlsa"


@dataclass(frozen=True, slots=True)
class DomainTrust:
    """What a recipient domain says. `is_mx_secure`: DNSSEC vouches for its MX records, so DANE may apply.
    `word` names the promises that its connections must keep; it is part of the pool's key."""

    domain: str
    sts: StsFound = NOTHING_FOUND
    is_mx_secure: bool = False
    word: str = field(init=False, default="")

    def __post_init__(self) -> None:
        policy = self.policy
        # a domain's own connections: the promise was made by it, and a TLS report counts by domain
        sts = f" sts {policy.mode} {policy.policy_id} {self.domain}" if policy else ""
        object.__setattr__(self, "word", f"{' dane' if self.is_mx_secure else ''}{sts}")

    @property
    def policy(self) -> StsPolicy | None:
        """The MTA-STS policy, if it demands anything."""
        policy = self.sts.policy
        return None if policy is None or policy.mode == NONE else policy


NO_TRUST = DomainTrust("")


@dataclass(frozen=True, slots=True)
class TlsaFound:
    """The TLSA records of an MX host: those that are usable; whether there are any at all (RFC 7672 2.2); or
    why nobody could say. `lines` as published."""

    records: tuple[Tlsa, ...] = ()
    is_published: bool = False
    trouble: str = ""
    lines: tuple[str, ...] = ()


NO_TLSA = TlsaFound()


@dataclass(frozen=True, slots=True)
class Demand:
    """What one letter to one domain demands. `is_relaxed`: it says TLS-Required: No; `is_route`: the operator
    decided where it goes, so nothing that the domain publishes counts."""

    wish: TlsWish
    trust: DomainTrust = NO_TRUST
    is_relaxed: bool = False
    is_route: bool = False

    @property
    def ignores_domain(self) -> bool:
        """RFC 8689 5: REQUIRETLS goes before TLS-Required: No."""
        return self.is_route or (self.is_relaxed and self.wish is not TlsWish.PROMISED)


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """What must hold for one MX host. `label` begins the sentence that events show.

    `refusal`: the host is not tried at all, for that reason. `fault` is a result type of RFC 8460 4.3 that
    stands before any connection. `then`: what is done when TLS fails; None: this host gets nothing.
    `kind`, `about`, `lines` and `patterns` are for TLS reports.
    """

    kind: str
    label: str
    wants_tls: bool = True
    needs_tls: bool = False
    look: Look = Look.NOT
    records: tuple[Tlsa, ...] = ()
    needs_promise: bool = False
    refusal: str = ""
    is_hopeless: bool = False  # what is refused will not come by itself: REQUIRETLS gives up
    fault: str = ""
    then: HostPolicy | None = None
    about: str = ""
    lines: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


IN_CLEAR = HostPolicy(NO_POLICY, "in clear", wants_tls=False)


def word_of(wish: TlsWish, trust: DomainTrust, *, is_relaxed: bool) -> str:
    """What the pool's key says of TLS: letters of the same word may use the same connections."""
    relaxed = is_relaxed and wish is not TlsWish.PROMISED
    return wish.value if relaxed or not trust.word else wish.value + trust.word


def decide(demand: Demand, host: str, tlsa: TlsaFound) -> HostPolicy:
    """The policy for an MX host (lower case) and one letter."""
    found = _decided(demand, host, tlsa)
    if demand.wish is TlsWish.PROMISED:
        return replace(found, label=f"REQUIRETLS, {found.label}", needs_promise=True)
    return found


def _decided(demand: Demand, host: str, tlsa: TlsaFound) -> HostPolicy:
    trust, policy = demand.trust, demand.trust.policy
    if demand.is_route:
        return _own(demand, "static route of the operator")
    if demand.ignores_domain:
        # in no report: its domain's promises did not count (and TLS reports would report themselves for ever)
        return replace(_own(demand, "the letter says TLS-Required: No"), about="")
    if tlsa.trouble:  # RFC 7672 2.1.3: the answer may be what an attacker hides
        return _of_dane(host, tlsa, "DANE", refusal=tlsa.trouble, fault="dnssec-invalid")
    if tlsa.records:
        return _of_dane(host, tlsa, "DANE", look=Look.TLSA, records=tlsa.records)
    if policy and (policy.mode == ENFORCE or demand.wish is TlsWish.PROMISED):
        return _of_sts(policy, host)
    if tlsa.is_published:
        look = Look.NOT if demand.wish in (TlsWish.IF_OFFERED, TlsWish.REQUIRED) else Look.ROOTS
        label = f"DANE: no usable TLSA record of {host}"
        return _of_dane(host, tlsa, label, look=look, fault="tlsa-invalid")
    if demand.wish is TlsWish.PROMISED:
        return _promised(trust)
    own = _own(demand, f"opportunistic: {_no_policy(trust)}")
    if policy and policy.mode == TESTING:
        return replace(_of_sts(policy, host), then=own)
    return _reported(own, trust)


def _own(demand: Demand, why: str) -> HostPolicy:
    """The letter's own wish and nothing else."""
    match demand.wish:
        case TlsWish.IF_OFFERED:
            return HostPolicy(NO_POLICY, why, then=IN_CLEAR, about=demand.trust.domain)
        case TlsWish.VERIFIED:
            look = Look.ROOTS
        case _:
            look = Look.NOT
    label = why if demand.is_route else "the letter's own wish"
    return HostPolicy(NO_POLICY, label, needs_tls=True, look=look, about=demand.trust.domain)


def _of_dane(
    host: str,
    tlsa: TlsaFound,
    label: str,
    *,
    look: Look = Look.NOT,
    records: tuple[Tlsa, ...] = (),
    refusal: str = "",
    fault: str = "",
) -> HostPolicy:
    return HostPolicy(
        TLSA,
        label,
        needs_tls=True,
        look=look,
        records=records,
        refusal=refusal,
        fault=fault,
        about=host,
        lines=tlsa.lines,
    )


def _of_sts(policy: StsPolicy, host: str) -> HostPolicy:
    """RFC 8461 4: a host that the policy names, STARTTLS, a trusted chain and the host's name."""
    is_named = matches(policy.mx, host)
    return HostPolicy(
        STS,
        f"MTA-STS {policy.mode} of {policy.domain}",
        needs_tls=True,
        look=Look.ROOTS,
        refusal="" if is_named else f"the policy does not name {host}",
        fault="" if is_named else "validation-failure",
        about=policy.domain,
        lines=policy.lines,
        patterns=policy.mx,
    )


def _promised(trust: DomainTrust) -> HostPolicy:
    """RFC 8689 4.2.1: DNSSEC or MTA-STS must vouch for the host's name, and the certificate for the host."""
    if trust.is_mx_secure:
        return HostPolicy(
            NO_POLICY, "the host's name from DNSSEC", needs_tls=True, look=Look.ROOTS, about=trust.domain
        )
    refusal = f"neither DNSSEC nor MTA-STS vouches for the mail hosts of {trust.domain}"
    is_hopeless = not trust.sts.reason  # else somebody may yet vouch
    return HostPolicy(NO_POLICY, _no_policy(trust), needs_tls=True, refusal=refusal, is_hopeless=is_hopeless)


def _no_policy(trust: DomainTrust) -> str:
    return f"no policy ({trust.sts.reason})" if trust.sts.reason else "no policy"


def _reported(own: HostPolicy, trust: DomainTrust) -> HostPolicy:
    """A policy that was announced and could not be had is for the report (RFC 8460 4.3.2.2)."""
    if not trust.sts.result:
        return own
    return replace(own, kind=STS, about=trust.domain, fault=trust.sts.result)
