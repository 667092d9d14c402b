"""The DNS server of the fake internet, asked without sockets: names, wildcards, faults, truncation."""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from posthouse.internet.dns import DnsFault, FakeDns

ZONE = """
a.test.          A 192.0.2.1
a.test.          MX 10 mx.a.test.
b.a.test.        TXT "below"
*.w.test.        A 192.0.2.7
*.w.test.        MX 10 wild.test.
real.w.test.     TXT "here"
sub.deep.w.test. A 192.0.2.8
c1.test.         CNAME c2.test.
c2.test.         CNAME a.test.
round.test.      CNAME round.test.
"""


def ask(
    server: FakeDns, name: str, kind: str, *, is_tcp: bool = False, edns: bool = True
) -> dns.message.Message:
    query = dns.message.make_query(name, kind, use_edns=0 if edns else -1)
    wire = server.respond(query.to_wire(), is_tcp=is_tcp)
    assert wire is not None
    return dns.message.from_wire(wire)


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "values"),
    [
        pytest.param("a.test", "A", "NOERROR", ["192.0.2.1"], id="plain"),
        pytest.param("A.TEST", "A", "NOERROR", ["192.0.2.1"], id="case does not matter"),
        pytest.param("a.test", "AAAA", "NOERROR", [], id="no such type"),
        pytest.param("test", "A", "NOERROR", [], id="empty non-terminal exists"),
        pytest.param("x.a.test", "A", "NXDOMAIN", [], id="no such name"),
        pytest.param("x.w.test", "A", "NOERROR", ["192.0.2.7"], id="wildcard"),
        pytest.param("x.y.w.test", "A", "NOERROR", ["192.0.2.7"], id="wildcard covers depth"),
        pytest.param("x.w.test", "TXT", "NOERROR", [], id="wildcard without that type"),
        pytest.param("real.w.test", "A", "NOERROR", [], id="an existing name is not covered"),
        pytest.param("x.real.w.test", "A", "NXDOMAIN", [], id="nor what is below it"),
        pytest.param("deep.w.test", "A", "NOERROR", [], id="nor an empty non-terminal"),
        pytest.param("c1.test", "A", "NOERROR", ["c2.test.", "a.test.", "192.0.2.1"], id="aliases followed"),
        pytest.param("c1.test", "CNAME", "NOERROR", ["c2.test."], id="the alias itself"),
        pytest.param("round.test", "A", "NOERROR", ["round.test."] * 8, id="a loop ends"),
    ],
)
def test_answers(name: str, kind: str, rcode: str, values: list[str]) -> None:
    response = ask(FakeDns(ZONE), name, kind)
    assert dns.rcode.to_text(response.rcode()) == rcode
    got = [rdata.to_text() for rrset in response.answer for rdata in rrset]
    assert got == values or (name == "round.test" and set(got) == set(values))
    assert bool(response.authority) is not bool(values)  # negative answers carry an SOA (RFC 2308)


@pytest.mark.parametrize(
    ("fault", "rcode"),
    [
        (DnsFault.SERVFAIL, dns.rcode.SERVFAIL),
        (DnsFault.REFUSED, dns.rcode.REFUSED),
        (DnsFault.NXDOMAIN, dns.rcode.NXDOMAIN),
        (DnsFault.NO_EDNS, dns.rcode.FORMERR),
    ],
)
@pytest.mark.parametrize("key", ["a.test", "a.test A", ".test"])
def test_faults_by_name_type_and_suffix(fault: DnsFault, rcode: dns.rcode.Rcode, key: str) -> None:
    assert ask(FakeDns(ZONE, {key: fault}), "a.test", "A").rcode() == rcode


def test_faults_that_say_nothing() -> None:
    query = dns.message.make_query("a.test", "A").to_wire()
    assert FakeDns(ZONE, {"a.test": DnsFault.TIMEOUT}).respond(query, is_tcp=False) is None
    garbage = FakeDns(ZONE, {"a.test": DnsFault.GARBAGE}).respond(query, is_tcp=False)
    with pytest.raises(dns.exception.DNSException):
        dns.message.from_wire(garbage)
    forged = FakeDns(ZONE, {"a.test": DnsFault.FORGED}).respond(query, is_tcp=False)
    assert not dns.message.from_wire(query).is_response(dns.message.from_wire(forged))
    assert FakeDns(ZONE).respond(b"nonsense", is_tcp=False) is None


def test_what_does_not_fit_is_asked_again_by_tcp() -> None:
    server = FakeDns("\n".join(f"big.test. A 192.0.2.{n}" for n in range(200)))
    assert ask(server, "big.test", "A").flags & dns.flags.TC
    assert ask(server, "big.test", "A", edns=False).flags & dns.flags.TC
    whole = ask(server, "big.test", "A", is_tcp=True)
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 200
    short = FakeDns(ZONE, {"a.test": DnsFault.TRUNCATED})
    assert ask(short, "a.test", "A").flags & dns.flags.TC
    assert ask(short, "a.test", "A", is_tcp=True).answer


def test_questions_are_remembered() -> None:
    server = FakeDns(ZONE)
    ask(server, "A.test", "MX")
    assert list(server.asked) == [("a.test", "MX")]
