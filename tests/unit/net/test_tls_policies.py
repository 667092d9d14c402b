"""The courier under MTA-STS and DANE against the fake internet: every row of OTL-1 to OTL-4, REQ-1, S7, F34.

A test names the host scripts of its domain's MX hosts, in order, and what the domain publishes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from posthouse.internet.dns import DnsFault
from posthouse.internet.places import FakeDomain, settled
from posthouse.internet.policies import Served
from posthouse.internet.scripts import EXTENSIONS, HOST_SCRIPTS, HostScript
from posthouse.internet.world import World
from posthouse.model.clock import SystemClock
from posthouse.model.message import Outgoing, Phase, SmtpResult
from posthouse.model.trust import StsPolicy
from posthouse.net.courier import Courier, CourierSettings
from posthouse.net.dns import Resolver, SiteRules
from posthouse.net.policyhost import PolicyHosts
from posthouse.net.stspolicies import StsPolicies
from posthouse.net.tlsresult import TlsaJudge
from posthouse.net.trust import Trust

LETTER = Outgoing("me@shop.test", "you@a.test", b"Subject: hello\r\n\r\n", b"hello\r\n")
PROMISING = replace(HOST_SCRIPTS["accept"], extensions=(*EXTENSIONS, "REQUIRETLS"))


@dataclass
class Shelf:
    policies: dict[str, StsPolicy] = field(default_factory=dict)

    async def load(self, domain: str) -> StsPolicy | None:
        return self.policies.get(domain)

    async def save(self, policy: StsPolicy) -> None:
        self.policies[policy.domain] = policy


@dataclass
class Scene:
    """A world with a.test (and b.test, the same hosts), and a courier in it."""

    world: World
    resolver: Resolver
    courier: Courier
    shelf: Shelf

    async def send(self, letter: Outgoing = LETTER) -> SmtpResult:
        domain = letter.recipient.rpartition("@")[2]
        return await self.courier.send(await self.resolver.site_for(domain), "", letter)

    def sent_in(self) -> list[str]:
        """TLS of every copy that arrived, "" for clear."""
        return [arrival.tls for arrival in self.world.recorder.arrivals]

    def clear_mail(self) -> int:
        return sum(not tls for tls in self.sent_in())


@asynccontextmanager
async def scene(
    *scripts: str | HostScript,
    mode: str = "",
    mx: Sequence[str] = ("*.a.test",),
    tlsa: str = "",
    secure: Sequence[str] = (),
    faults: dict[str, DnsFault] | None = None,
    validates: bool = True,
) -> AsyncIterator[Scene]:
    """`mode` and `mx`: the MTA-STS policy. `tlsa`: the same records for each host, `{key}` and `{root}` being
    the right digests. `secure`: names or suffixes that DNSSEC vouches for."""
    ranked = [
        (10 * n, HOST_SCRIPTS[one] if isinstance(one, str) else one) for n, one in enumerate(scripts, start=1)
    ]
    zone, places, _ = settled([FakeDomain("a.test", "", tuple(ranked))])
    zone += "\n" + "\n".join(f"b.test MX {rank} mx{n}.a.test" for n, (rank, _) in enumerate(ranked, start=1))
    if mode:
        zone += '\n_mta-sts.a.test TXT "v=STSv1; id=1"\nmta-sts.a.test A 127.0.0.1'
    async with World(zone, places, faults) as world:
        if tlsa:
            digests = {"key": world.key_digest, "root": world.authority_digest}
            lines = [
                f"_{world.port}._tcp.{place.name} TLSA {line.format(**digests)}"
                for place in places
                for line in tlsa.splitlines()
            ]
            world.dns.load("\n".join([zone, *lines]))
        world.dns.secure |= set(secure)
        patterns = "".join(f"mx: {pattern}\n" for pattern in mx)
        world.policies.served["a.test"] = Served(f"version: STSv1\nmode: {mode}\nmax_age: 600\n{patterns}")
        clock = SystemClock()
        resolver = Resolver(
            [world.dns_server],
            clock,
            SiteRules(port=world.port, allow_private=True, wants_ipv6=False),
            validates=validates,
        )
        context = ssl.create_default_context(cadata=world.authority_pem.decode())
        hosts = PolicyHosts(resolver.lookup, context, allows_private=True, port=world.policies.port)
        shelf = Shelf()
        sts = StsPolicies(lookup=resolver.lookup, hosts=hosts, load=shelf.load, save=shelf.save, clock=clock)
        trust = Trust(resolver.lookup, clock, sts, uses_dane=True)
        courier = Courier(CourierSettings("out.shop.test", verify_context=context), clock, trust)
        try:
            yield Scene(world, resolver, courier, shelf)
        finally:
            await courier.close()
            await trust.close()
            await resolver.close()


def checks(result: SmtpResult) -> list[tuple[str, str, str, str]]:
    return [(check.policy, check.policy_domain, check.result, check.mx) for check in result.checks]


SECURE = ("a.test", ".a.test")
BAD_TLS = {
    "no-tls": "starttls-not-supported",
    "tls-refused": "starttls-not-supported",
    "tls-bad": "certificate-not-trusted",
    "tls-wrong-name": "certificate-host-mismatch",
    "tls-self-signed": "certificate-not-trusted",
    "tls-old": "validation-failure",
    "tls-garbage": "validation-failure",
    "tls-drop": "validation-failure",
}


# --- opportunistic --------------------------------------------------------------------------------------


async def test_without_a_policy_the_story_says_so() -> None:
    async with scene("tls-self-signed") as s:
        result = await s.send()
        assert result.is_delivered
        assert result.policy == "opportunistic: no policy; TLS, certificate not checked"
        assert checks(result) == [("no-policy-found", "a.test", "", "mx1.a.test")]
        again = await s.send()
        assert (again.policy, again.checks) == (result.policy, ())  # RFC 8460 counts sessions


async def test_without_a_policy_and_without_tls() -> None:
    async with scene("no-tls") as s:
        result = await s.send()
        assert (result.is_delivered, result.policy) == (True, "opportunistic: no policy; in clear")
        assert checks(result) == [("no-policy-found", "a.test", "starttls-not-supported", "mx1.a.test")]


# --- MTA-STS --------------------------------------------------------------------------------------------


async def test_enforce_with_a_valid_certificate() -> None:
    async with scene("accept", mode="enforce") as s:
        result = await s.send()
        assert result.is_delivered
        assert result.policy == "MTA-STS enforce of a.test: certificate of mx1.a.test valid"
        assert checks(result) == [("sts", "a.test", "", "mx1.a.test")]
        (check,) = result.checks
        assert check.mx_patterns == ("*.a.test",)
        assert check.policy_lines == ("version: STSv1", "mode: enforce", "mx: *.a.test", "max_age: 600")


@pytest.mark.parametrize(("script", "fault"), BAD_TLS.items())
async def test_enforce_never_gives_way(script: str, fault: str) -> None:
    # S7, F34: deferred, and not a word of it in clear
    async with scene(script, mode="enforce") as s:
        result = await s.send()
        assert (result.phase, result.code, result.enhanced) == (Phase.STARTTLS, 454, "4.7.5")
        assert result.text.startswith("MTA-STS enforce of a.test: ")
        assert not result.connection_failed
        assert checks(result) == [("sts", "a.test", fault, "mx1.a.test")]
        assert s.sent_in() == []


@pytest.mark.parametrize("script", BAD_TLS)
async def test_enforce_goes_on_to_the_next_host(script: str) -> None:
    async with scene(script, "accept", mode="enforce") as s:
        result = await s.send()
        assert (result.is_delivered, result.mx) == (True, "mx2.a.test")
        assert [check.result for check in result.checks] == [BAD_TLS[script], ""]
        assert s.clear_mail() == 0


async def test_enforce_asks_no_host_that_the_policy_does_not_name() -> None:
    async with scene("accept", "accept", mode="enforce", mx=["mx2.a.test"]) as s:
        result = await s.send()
        assert (result.is_delivered, result.mx) == (True, "mx2.a.test")
        assert checks(result)[0] == ("sts", "a.test", "validation-failure", "mx1.a.test")
        assert "the policy does not name mx1.a.test" in result.transcript
        assert {session.host for session in s.world.recorder.sessions} == {"mx2.a.test"}


async def test_enforce_that_names_no_host_defers() -> None:
    async with scene("accept", mode="enforce", mx=["mx.elsewhere.test"]) as s:
        result = await s.send()
        assert (result.code, result.enhanced) == (454, "4.7.5")
        assert result.text == "MTA-STS enforce of a.test: the policy does not name mx1.a.test"
        assert len(s.world.recorder.sessions) == 0


@pytest.mark.parametrize(("script", "fault"), BAD_TLS.items())
async def test_testing_delivers_and_reports(script: str, fault: str) -> None:
    async with scene(script, mode="testing") as s:
        result = await s.send()
        assert result.is_delivered
        assert result.policy.startswith("MTA-STS testing of a.test: ")
        assert "delivered all the same" in result.policy
        assert checks(result) == [("sts", "a.test", fault, "mx1.a.test")]


async def test_testing_of_another_host() -> None:
    async with scene("accept", mode="testing", mx=["mx.elsewhere.test"]) as s:
        result = await s.send()
        assert (result.is_delivered, bool(result.tls)) == (True, True)
        assert checks(result) == [("sts", "a.test", "validation-failure", "mx1.a.test")]
        assert "does not name mx1.a.test" in result.policy


async def test_mode_none_is_no_policy() -> None:
    async with scene("no-tls", mode="none") as s:
        assert (await s.send()).policy == "opportunistic: no policy; in clear"


async def test_a_kept_policy_holds_without_dns_and_https() -> None:
    async with scene("no-tls", faults={"_mta-sts.a.test": DnsFault.SERVFAIL}) as s:
        now = SystemClock.now()
        s.shelf.policies["a.test"] = StsPolicy("a.test", "1", "enforce", ("mx1.a.test",), now, now + 60)
        assert (await s.send()).enhanced == "4.7.5"
        assert s.sent_in() == []


async def test_no_letter_borrows_a_connection_made_under_another_domains_policy() -> None:
    # both domains have the same hosts: one site, one pool
    async with scene("accept", mode="enforce") as s:
        other = replace(LETTER, recipient="you@b.test")
        results = [await s.send(letter) for letter in (other, LETTER, other, LETTER)]
        assert [bool(result.checks) for result in results] == [True, True, False, False]
        assert [result.policy.partition(":")[0] for result in results[2:]] == [
            "opportunistic",
            "MTA-STS enforce of a.test",
        ]


# --- DANE -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tlsa", "matched"),
    [("3 1 1 {key}", "3 1 1"), ("2 1 1 {root}", "2 1 1"), ("1 1 1 {key}\n3 1 1 {key}", "3 1 1")],
)
async def test_dane_match(tlsa: str, matched: str) -> None:
    async with scene("accept", tlsa=tlsa, secure=SECURE) as s:
        result = await s.send()
        assert result.is_delivered
        assert result.policy == f"DANE: TLSA {matched} of mx1.a.test matched"
        assert checks(result) == [("tlsa", "mx1.a.test", "", "mx1.a.test")]


@pytest.mark.parametrize("script", ["tls-bad", "tls-wrong-name", "tls-self-signed"])
async def test_dane_usage_3_ignores_names_and_dates(script: str) -> None:
    async with scene(script, tlsa="3 1 1 {key}", secure=SECURE) as s:
        assert "matched" in (await s.send()).policy


async def test_dane_usage_2_does_not() -> None:
    async with scene("tls-wrong-name", tlsa="2 1 1 {root}", secure=SECURE) as s:
        result = await s.send()
        assert (result.code, result.enhanced) == (454, "4.7.5")
        assert "another name" in result.text


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("accept", "validation-failure"),
        *[(name, BAD_TLS[name]) for name in ("no-tls", "tls-refused", "tls-drop")],
    ],
)
async def test_dane_mismatch_or_no_tls_is_never_clear(script: str, fault: str) -> None:
    async with scene(script, tlsa=f"3 1 1 {'00' * 32}", secure=SECURE) as s:
        result = await s.send()
        assert (result.phase, result.code, result.enhanced) == (Phase.STARTTLS, 454, "4.7.5")
        assert result.text.startswith("DANE: ")
        assert checks(result) == [("tlsa", "mx1.a.test", fault, "mx1.a.test")]
        assert s.sent_in() == []


async def test_a_connection_that_proves_nothing_to_other_domains_carries_one_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class ByDomain(TlsaJudge):
        def __call__(self, presented: Sequence[bytes]) -> str:
            complaint = super().__call__(presented)
            self.is_of_this_domain_only = True
            return complaint

    monkeypatch.setattr("posthouse.net.opener.TlsaJudge", ByDomain)
    async with scene("accept", tlsa="3 1 1 {key}", secure=SECURE) as s:
        for _ in range(2):
            assert (await s.send()).is_delivered
        assert len(s.world.recorder.sessions) == 2


async def test_dane_beats_mta_sts() -> None:
    async with scene(
        "tls-self-signed", mode="enforce", mx=["elsewhere.test"], tlsa="3 1 1 {key}", secure=SECURE
    ) as s:
        assert (await s.send()).policy == "DANE: TLSA 3 1 1 of mx1.a.test matched"


async def test_records_that_cannot_be_used_make_tls_a_duty() -> None:
    # RFC 7672 2.2: all unusable: encrypted, unauthenticated
    async with scene("tls-self-signed", tlsa="1 1 1 {key}", secure=SECURE) as s:
        result = await s.send()
        assert result.policy == "DANE: no usable TLSA record of mx1.a.test; TLS, certificate not checked"
        assert checks(result) == [("tlsa", "mx1.a.test", "tlsa-invalid", "mx1.a.test")]
    async with scene("no-tls", tlsa="1 1 1 {key}", secure=SECURE) as s:
        assert (await s.send()).enhanced == "4.7.5"
        assert s.sent_in() == []


async def test_tlsa_that_cannot_be_asked_for_skips_the_host() -> None:
    async with scene("accept", "accept", tlsa="3 1 1 {key}", secure=SECURE) as s:
        s.world.dns.faults[f"_{s.world.port}._tcp.mx1.a.test"] = DnsFault.SERVFAIL
        result = await s.send()
        assert (result.is_delivered, result.mx) == (True, "mx2.a.test")
        assert checks(result)[0] == ("tlsa", "mx1.a.test", "dnssec-invalid", "mx1.a.test")
        s.world.dns.faults[f"_{s.world.port}._tcp.mx2.a.test"] = DnsFault.SERVFAIL


async def test_no_host_waits_for_the_tlsa_records_of_another() -> None:
    async with scene("accept", "accept", tlsa="3 1 1 {key}", secure=SECURE) as s:
        s.world.dns.faults[f"_{s.world.port}._tcp.mx2.a.test"] = DnsFault.TIMEOUT
        async with asyncio.timeout(s.resolver.lookup._lifetime_s / 2):
            result = await s.send()
        assert (result.is_delivered, result.mx) == (True, "mx1.a.test")
        assert checks(result) == [("tlsa", "mx1.a.test", "", "mx1.a.test")]
        running = [task.get_coro() for task in asyncio.all_tasks()]
        assert not [coro for coro in running if getattr(coro, "__name__", "") == "records_of"]


async def test_hosts_that_may_not_be_asked_do_not_use_up_the_addresses_of_an_attempt() -> None:
    async with scene(*["accept"] * 7, tlsa="3 1 1 {key}", secure=SECURE) as s:
        for number in range(1, 7):
            s.world.dns.faults[f"_{s.world.port}._tcp.mx{number}.a.test"] = DnsFault.SERVFAIL
        result = await s.send()
        assert (result.is_delivered, result.mx) == (True, "mx7.a.test")
        assert [check.result for check in result.checks] == ["dnssec-invalid"] * 6 + [""]
        assert {session.host for session in s.world.recorder.sessions} == {"mx7.a.test"}


@pytest.mark.parametrize(
    "secure",
    [(), ("a.test",), (".a.test",), ("a.test", "mx1.a.test")],
    ids=["nothing", "the MX only", "the addresses only", "all but the TLSA records"],
)
async def test_dane_needs_a_whole_chain_of_secure_answers(secure: Sequence[str]) -> None:
    async with scene("no-tls", tlsa="3 1 1 {key}", secure=secure) as s:
        assert (await s.send()).policy == "opportunistic: no policy; in clear"


async def test_a_resolver_that_is_not_trusted_proves_nothing() -> None:
    async with scene("no-tls", tlsa="3 1 1 {key}", secure=SECURE, validates=False) as s:
        assert (await s.send()).is_delivered
        assert not [kind for _, kind in s.world.dns.asked if kind == "TLSA"]


async def test_mx_records_that_cannot_be_validated_defer() -> None:
    async with scene("accept", secure=SECURE) as s:
        site = await s.resolver.site_for("a.test")
        s.resolver.forget()
        s.world.dns.faults["a.test"] = DnsFault.SERVFAIL
        result = await s.courier.send(site, "", LETTER)
        assert (result.phase, result.code, result.enhanced) == (Phase.DNS, 451, "4.4.3")


# --- wishes of letters ----------------------------------------------------------------------------------


async def test_tls_required_no_delivers_where_a_policy_forbids() -> None:
    # RFC 8689 5
    async with scene("no-tls", mode="enforce") as s:
        result = await s.send(replace(LETTER, tls_optional=True))
        assert result.is_delivered
        assert result.policy == "the letter says TLS-Required: No; in clear"
        assert (await s.send()).enhanced == "4.7.5"


PROMISE = replace(LETTER, promises_tls=True)


async def test_requiretls_is_passed_on() -> None:
    async with scene(PROMISING, mode="enforce") as s:
        result = await s.send(PROMISE)
        assert result.is_delivered
        assert result.policy == "REQUIRETLS, MTA-STS enforce of a.test: certificate of mx1.a.test valid"
        (arrival,) = s.world.recorder.arrivals
        assert "REQUIRETLS" in arrival.sender_params
        assert " REQUIRETLS" not in (await s.send()).transcript


@pytest.mark.parametrize(
    ("scripts", "mode", "enhanced"),
    [
        (["accept"], "enforce", "5.7.30"),
        (["no-tls"], "enforce", "5.7.10"),
        (["no-tls", "accept"], "enforce", "5.7.30"),
        ([PROMISING], "", "5.7.10"),
    ],
    ids=["not offered", "no TLS", "one of each", "nobody vouches for the host"],
)
async def test_requiretls_fails_when_no_host_can_keep_it(
    scripts: list[str | HostScript], mode: str, enhanced: str
) -> None:
    async with scene(*scripts, mode=mode) as s:
        result = await s.send(PROMISE)
        assert (result.phase, result.code, result.enhanced) == (Phase.LOCAL, 550, enhanced)
        assert s.sent_in() == []


async def test_requiretls_waits_while_a_host_may_yet_keep_it() -> None:
    async with scene("accept", "dead", mode="enforce") as s:
        result = await s.send(PROMISE)
        assert (result.code, result.enhanced) == (454, "4.7.30")


async def test_requiretls_takes_the_next_host() -> None:
    async with scene("accept", PROMISING, mode="enforce") as s:
        result = await s.send(PROMISE)
        assert (result.is_delivered, result.mx) == (True, "mx2.a.test")
