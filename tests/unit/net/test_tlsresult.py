"""What a TLSA judge says of a chain, and what is counted of a connection."""

from __future__ import annotations

from posthouse.model.trust import TLSA
from posthouse.net.tlspolicy import HostPolicy, Look
from posthouse.net.tlsresult import TlsaJudge
from unit.net.test_dane import LEAF, MIDDLE, NOW, STAR, WRONG, chain, tlsa


def judged(presented: list[bytes], host: str, domain: str, usage: int = 2) -> TlsaJudge:
    record = tlsa(usage, 1, 1, MIDDLE if usage == 2 else LEAF)
    policy = HostPolicy(TLSA, "DANE", needs_tls=True, look=Look.TLSA, records=(record,))
    judge = TlsaJudge(policy, host, domain, NOW.timestamp)
    complaint = judge(presented)
    assert bool(complaint) != bool(judge.matched)
    return judge


def test_a_certificate_for_the_hosts_name_serves_all_domains() -> None:
    judge = judged(chain(LEAF, MIDDLE), "mx.example.net", "a.test")
    assert (judge.matched, judge.is_of_this_domain_only) == ("2 1 1", False)


def test_a_certificate_for_the_recipients_domain_serves_that_domain_only() -> None:
    # RFC 7672 3.2.2: the next-hop domain is a name of the host too; the connection is then not lent to others
    judge = judged(chain(STAR, MIDDLE), "mx.provider.test", "shop.example.net")
    assert (judge.matched, judge.is_of_this_domain_only) == ("2 1 1", True)


def test_a_certificate_for_neither_matches_nothing() -> None:
    assert judged(chain(WRONG, MIDDLE), "mx.provider.test", "a.test").matched == ""


def test_the_hosts_own_key_needs_no_name() -> None:
    judge = judged(chain(LEAF), "mx.provider.test", "a.test", usage=3)
    assert (judge.matched, judge.is_of_this_domain_only) == ("3 1 1", False)
