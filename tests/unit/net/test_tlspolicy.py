"""The policy table of OTL-1 to OTL-6 and REQ-1: what must hold for a host, and why."""

from __future__ import annotations

import pytest

from posthouse.model.message import Outgoing
from posthouse.model.trust import ENFORCE, NO_POLICY, NONE, STS, TESTING, TLSA, StsPolicy
from posthouse.net.dane import Tlsa
from posthouse.net.stspolicies import NOTHING_FOUND, StsFound
from posthouse.net.tlspolicy import (
    IN_CLEAR,
    NO_TLSA,
    NO_TRUST,
    Demand,
    DomainTrust,
    Look,
    TlsaFound,
    TlsWish,
    decide,
    word_of,
)

HOST = "mx1.a.test"
ANY, REQUIRED, VERIFIED, PROMISED = TlsWish
USABLE = TlsaFound((Tlsa(3, 1, 1, b"x" * 32),), True, lines=("3 1 1 78",))
UNUSABLE = TlsaFound((), True)
TROUBLE = TlsaFound(trouble="SERVFAIL")


def sts(mode: str, *mx: str, policy_id: str = "1") -> StsFound:
    return StsFound(StsPolicy("a.test", policy_id, mode, mx or (HOST,), 0.0, 100.0))


def trust(found: StsFound = NOTHING_FOUND, *, is_secure: bool = False) -> DomainTrust:
    return DomainTrust("a.test", found, is_secure)


NAMES = ("wish", "found", "tlsa", "kind", "needs_tls", "look", "refused")
TABLE = {
    "nothing": (ANY, NOTHING_FOUND, NO_TLSA, NO_POLICY, False, Look.NOT, False),
    "own wish": (REQUIRED, NOTHING_FOUND, NO_TLSA, NO_POLICY, True, Look.NOT, False),
    "own wish, verified": (VERIFIED, NOTHING_FOUND, NO_TLSA, NO_POLICY, True, Look.ROOTS, False),
    "enforce": (ANY, sts(ENFORCE), NO_TLSA, STS, True, Look.ROOTS, False),
    "enforce, another host": (ANY, sts(ENFORCE, "mx2.a.test"), NO_TLSA, STS, True, Look.ROOTS, True),
    "enforce beats a weaker own wish": (REQUIRED, sts(ENFORCE), NO_TLSA, STS, True, Look.ROOTS, False),
    "none": (ANY, sts(NONE), NO_TLSA, NO_POLICY, False, Look.NOT, False),
    "dane": (ANY, NOTHING_FOUND, USABLE, TLSA, True, Look.TLSA, False),
    "dane beats enforce": (ANY, sts(ENFORCE, "mx2.a.test"), USABLE, TLSA, True, Look.TLSA, False),
    "dane is verification enough": (VERIFIED, NOTHING_FOUND, USABLE, TLSA, True, Look.TLSA, False),
    "dane without usable records": (ANY, NOTHING_FOUND, UNUSABLE, TLSA, True, Look.NOT, False),
    "the same, own wish verified": (VERIFIED, NOTHING_FOUND, UNUSABLE, TLSA, True, Look.ROOTS, False),
    "the same, and enforce": (ANY, sts(ENFORCE), UNUSABLE, STS, True, Look.ROOTS, False),
    "tlsa cannot be had": (ANY, NOTHING_FOUND, TROUBLE, TLSA, True, Look.NOT, True),
    "tlsa cannot be had, and enforce": (ANY, sts(ENFORCE), TROUBLE, TLSA, True, Look.NOT, True),
    "promised, nothing vouches": (PROMISED, NOTHING_FOUND, NO_TLSA, NO_POLICY, True, Look.NOT, True),
    "promised by enforce": (PROMISED, sts(ENFORCE), NO_TLSA, STS, True, Look.ROOTS, False),
    "promised by testing": (PROMISED, sts(TESTING), NO_TLSA, STS, True, Look.ROOTS, False),
    "promised, testing names another": (PROMISED, sts(TESTING, "b"), NO_TLSA, STS, True, Look.ROOTS, True),
    "promised by dane": (PROMISED, NOTHING_FOUND, USABLE, TLSA, True, Look.TLSA, False),
}


@pytest.mark.parametrize(NAMES, TABLE.values(), ids=TABLE.keys())
def test_what_must_hold(
    wish: TlsWish, found: StsFound, tlsa: TlsaFound, kind: str, needs_tls: bool, look: Look, refused: bool
) -> None:
    policy = decide(Demand(wish, trust(found)), HOST, tlsa)
    assert (policy.kind, policy.needs_tls, policy.look, bool(policy.refusal)) == (
        kind,
        needs_tls,
        look,
        refused,
    )
    assert policy.needs_promise == (wish is PROMISED)
    # S7: clear text is on the ladder of an opportunistic connection and of no other
    assert (policy.then is IN_CLEAR) == (not needs_tls)


@pytest.mark.parametrize("mx", [HOST, "mx2.a.test"])
def test_testing_tries_as_enforce_would_and_then_delivers(mx: str) -> None:
    policy = decide(Demand(ANY, trust(sts(TESTING, mx))), HOST, NO_TLSA)
    assert (policy.kind, policy.needs_tls, policy.look) == (STS, True, Look.ROOTS)
    assert policy.fault == ("" if mx == HOST else "validation-failure")
    assert policy.then is not None
    assert (policy.then.needs_tls, policy.then.then) == (False, IN_CLEAR)


def test_testing_keeps_the_letters_own_wish() -> None:
    policy = decide(Demand(REQUIRED, trust(sts(TESTING))), HOST, NO_TLSA)
    assert policy.then is not None
    assert (policy.then.needs_tls, policy.then.then) == (True, None)


def test_a_promise_needs_a_proven_name() -> None:
    # RFC 8689 4.2.1: without TLSA records DNSSEC for the name and a valid certificate will do
    policy = decide(Demand(PROMISED, trust(is_secure=True)), HOST, NO_TLSA)
    assert (policy.refusal, policy.look, policy.needs_promise) == ("", Look.ROOTS, True)
    assert decide(Demand(PROMISED, trust()), HOST, NO_TLSA).is_hopeless
    # what cannot be told now may be told later: that letter waits
    unsure = decide(Demand(PROMISED, trust(StsFound(reason="no answer"))), HOST, NO_TLSA)
    assert (bool(unsure.refusal), unsure.is_hopeless) == (True, False)


@pytest.mark.parametrize("tlsa", [USABLE, UNUSABLE, TROUBLE])
@pytest.mark.parametrize(("wish", "needs_tls"), [(ANY, False), (REQUIRED, True)])
def test_tls_required_no_relaxes_policies_but_not_the_own_wish(
    tlsa: TlsaFound, wish: TlsWish, needs_tls: bool
) -> None:
    # RFC 8689 5
    policy = decide(Demand(wish, trust(sts(ENFORCE, "mx2.a.test")), is_relaxed=True), HOST, tlsa)
    assert (policy.kind, policy.needs_tls, policy.refusal) == (NO_POLICY, needs_tls, "")
    assert policy.about == "", "such letters, TLS reports among them, are counted in no report"


def test_a_promise_is_not_relaxed() -> None:
    policy = decide(Demand(PROMISED, trust(sts(ENFORCE)), is_relaxed=True), HOST, NO_TLSA)
    assert (policy.kind, policy.needs_tls) == (STS, True)


def test_a_static_route_is_the_operators_word() -> None:
    policy = decide(Demand(PROMISED, NO_TRUST, is_route=True), HOST, NO_TLSA)
    assert (policy.refusal, policy.needs_tls, policy.needs_promise) == ("", True, True)
    assert "static route" in policy.label


def test_a_policy_that_was_announced_and_not_had_is_for_the_report() -> None:
    found = StsFound(None, "sts-policy-fetch-error", "the policy host answered 404")
    policy = decide(Demand(ANY, trust(found)), HOST, NO_TLSA)
    assert (policy.kind, policy.fault, policy.needs_tls) == (STS, "sts-policy-fetch-error", False)
    assert "answered 404" in policy.label


def test_words_tell_apart_what_must_not_be_shared() -> None:
    trusts = [
        NO_TRUST,
        trust(is_secure=True),
        trust(sts(ENFORCE)),
        trust(sts(ENFORCE), is_secure=True),
        trust(sts(TESTING)),
        trust(sts(ENFORCE, policy_id="2")),
        DomainTrust("b.test", sts(ENFORCE)),
    ]
    words = {word_of(wish, known, is_relaxed=False) for wish in TlsWish for known in trusts}
    assert len(words) == len(trusts) * len(TlsWish)
    assert word_of(ANY, trust(sts(NONE)), is_relaxed=False) == "if-offered"
    assert word_of(ANY, trust(sts(ENFORCE)), is_relaxed=True) == "if-offered"
    assert word_of(PROMISED, trust(sts(ENFORCE)), is_relaxed=True) != "promised"


@pytest.mark.parametrize(
    ("options", "wish"),
    [
        ({}, ANY),
        ({"require_tls": True}, REQUIRED),
        ({"verify_tls": True}, VERIFIED),
        ({"promises_tls": True, "verify_tls": True}, PROMISED),
    ],
)
def test_the_wish_of_a_letter(options: dict[str, bool], wish: TlsWish) -> None:
    assert TlsWish.of(Outgoing("", "a@b.test", b"", b"", **options)) is wish
