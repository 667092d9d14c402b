"""Where a domain's mail goes, what the domain says about TLS now, and what the next attempt would demand.

Public: TrustReport, HostReport, trust_report, sts_words, policy_words, dane_words.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.config import Settings
from posthouse.model.clock import Clock
from posthouse.model.message import Host, Site
from posthouse.model.trust import StsPolicy
from posthouse.net.dns import Resolver, SiteRules
from posthouse.net.stspolicies import NOTHING_FOUND, StsFound
from posthouse.net.tlspolicy import (
    NO_TLSA,
    NO_TRUST,
    Demand,
    DomainTrust,
    HostPolicy,
    Look,
    TlsaFound,
    TlsWish,
    decide,
)
from posthouse.net.trust import Trust
from posthouse.pipeline.trust import Shelf, trust_from


@dataclass(frozen=True, slots=True)
class HostReport:
    """One MX host; lower `preference` first. `tlsa` are its records as published; `next_attempt` a sentence;
    `is_asked` False: the policy forbids it."""

    name: str
    preference: int
    addresses: tuple[str, ...]
    tlsa: tuple[str, ...]
    next_attempt: str
    is_asked: bool
    needs_tls: bool


@dataclass(frozen=True, slots=True)
class TrustReport:
    """`site`: the name of the site that the mail goes to. `kept` is the MTA-STS policy that the store has,
    `published` what the domain says now (`trouble`: why nobody can tell). `validates`: DANE is possible here;
    `is_mx_secure`: and for this domain."""

    domain: str
    site: str
    is_route: bool
    kept: StsPolicy | None
    published: StsPolicy | None
    trouble: str
    validates: bool
    is_mx_secure: bool
    hosts: tuple[HostReport, ...]


async def trust_report(
    settings: Settings, rules: SiteRules, clock: Clock, shelf: Shelf, domain: str
) -> TrustReport:
    """`domain` in lower-case A-label form. Asks DNS and the policy host; nothing is delivered or kept.
    Raises DnsTrouble when the domain takes no mail or nobody can say where, TryLater for the store."""
    servers = [str(server) for server in settings.dns.servers]
    resolver = Resolver(servers, clock, rules, validates=settings.dns.validates)
    trust = trust_from(settings, resolver.lookup, clock, shelf)
    try:
        site = await resolver.site_for(domain)
        if trust is None or site.is_route or domain.startswith("["):
            return _without_policies(domain, site)
        return await _report(trust, site, domain, await shelf.load(domain), clock.now())
    finally:
        if trust is not None:
            await trust.close()
        await resolver.close()


async def _report(trust: Trust, site: Site, domain: str, kept: StsPolicy | None, now: float) -> TrustReport:
    published = await trust.sts.discover(domain) if trust.sts else NOTHING_FOUND
    holding = kept if kept and kept.expires_at > now else None
    # as an attempt would: a policy that is kept holds, unless a newer one was found just now
    found = published if published.policy or not holding else StsFound(holding)
    is_secure = (await trust.find(domain)).is_mx_secure
    demand = Demand(TlsWish.IF_OFFERED, DomainTrust(domain, found, is_secure))
    hosts = []
    for host in site.hosts:
        tlsa = await trust.records_of(host) if is_secure else NO_TLSA
        hosts.append(_host_report(host, tlsa, decide(demand, host.name, tlsa)))
    return TrustReport(
        domain,
        site.name,
        False,
        holding,
        published.policy,
        published.reason,
        trust.uses_dane,
        is_secure,
        tuple(hosts),
    )


def _without_policies(domain: str, site: Site) -> TrustReport:
    demand = Demand(TlsWish.IF_OFFERED, NO_TRUST, is_route=site.is_route)
    hosts = [_host_report(host, NO_TLSA, decide(demand, host.name, NO_TLSA)) for host in site.hosts]
    return TrustReport(domain, site.name, site.is_route, None, None, "", False, False, tuple(hosts))


def _host_report(host: Host, tlsa: TlsaFound, policy: HostPolicy) -> HostReport:
    is_asked = not policy.refusal or policy.then is not None
    must = policy.needs_tls and policy.then is None
    name, preference = host.name, host.preference
    return HostReport(name, preference, host.addresses, tlsa.lines, _sentence(policy), is_asked, must)


def _sentence(policy: HostPolicy) -> str:
    """What the next attempt would demand of the host."""
    if policy.refusal and policy.then is None:
        return f"{policy.label}: not asked, {policy.refusal}"
    if policy.then is not None:
        tested = f" ({policy.refusal})" if policy.refusal else ""
        return f"{policy.label}{tested}; TLS if offered, in clear if not"
    looks = {
        Look.NOT: "TLS, any certificate",
        Look.ROOTS: "TLS with a valid certificate for the host's name",
        Look.TLSA: "TLS with a certificate that fits the TLSA records",
    }
    return f"{policy.label}: {looks[policy.look]}"


# In words


def sts_words(report: TrustReport) -> str:
    """What the domain publishes as MTA-STS."""
    if report.is_route:
        return "not asked: a static route decides where this mail goes"
    if report.trouble:
        return f"cannot be told now: {report.trouble}"
    return policy_words(report.published) if report.published else "no policy"


def policy_words(policy: StsPolicy) -> str:
    """A policy in a line."""
    return f"{policy.mode}, id {policy.policy_id}, hosts {', '.join(policy.mx) or 'none'}"


def dane_words(report: TrustReport) -> str:
    """Whether DANE can apply to the domain."""
    if report.is_route:
        return "not asked"
    if not report.validates:
        return "off: the resolver is not trusted to validate (dns.validates), or delivery.dane is false"
    return "DNSSEC proves the MX records" if report.is_mx_secure else "DNSSEC does not prove the MX records"
