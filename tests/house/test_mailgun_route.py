"""MG-08 to MG-13: from which address, over which TLS, under which second signature."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import pytest

from dkim_oracle import dkimpy_accepts, split, tags_of, verified_signatures
from house.copies import read
from house.house import DOMAIN, House, Houses, unique, until
from house.mailgun import change, option_fields, records, refusal, submit, warnings

STRICT = "strict.test"  # a domain whose settings demand a checked certificate
LAX = "lax.test"  # one whose settings demand TLS, with any certificate
POOLED = "pooled.test"  # one whose mail leaves from the pool
BRAND = "brand.test"  # has a key for second signatures
GONE = "gone.test"  # had one
ONE, TWO, THREE, ALONE = "127.0.0.21", "127.0.0.22", "127.0.0.23", "127.0.0.24"


@pytest.fixture(scope="module")
def authority(shared_houses: Houses) -> str:
    """The file of the fake internet's root certificate."""
    path = shared_houses.folder / "authority.pem"
    path.write_bytes(shared_houses.internet.world.authority_pem)
    return str(path)


@pytest.fixture(scope="module")
def house(shared_houses: Houses, authority: str) -> House:
    made = shared_houses.new(starts=False, env={"SSL_CERT_FILE": authority})
    for domain in (STRICT, LAX, POOLED, BRAND, GONE):
        made.cli("domain", "add", domain, "--assume-verified")
        made.add_user(f"app@{domain}")
    made.cli("domain", "set", STRICT, "require_tls=yes")
    made.cli("domain", "set", LAX, "require_tls=yes", "skip_verification=yes")
    made.cli("domain", "remove", GONE)
    for address in (ONE, TWO, THREE):
        made.cli("ip", "add", address)
    made.cli("ip", "add", ALONE, "--hello", f"alone.{made.hostname}")
    made.hellos.append(f"alone.{made.hostname}")
    made.cli("pool", "add", "blue", "--ip", TWO, "--ip", THREE)
    made.cli("domain", "set", POOLED, "ip_pool=blue")
    return made.start()


# -- MG-08, MG-09 ----------------------------------------------------------------------------------------


def _source(house: House, *fields: str, domain: str = DOMAIN, to: str = "good.test") -> str:
    """From which address a letter with these headers came."""
    recipient = f"{unique()}@{to}"
    submit(house, recipient, *fields, domain=domain)
    arrival = house.internet.copy(recipient)
    assert option_fields(read(arrival)) == []
    source = arrival.peer.rpartition(":")[0]
    assert house.event(recipient, "delivered").get("source", source) == source
    return source


@pytest.mark.parametrize("address", [ONE, TWO, f" {ONE} "])
def test_MG_08_the_letter_leaves_from_that_address(house: House, address: str) -> None:
    assert _source(house, f"Sending-Ip: {address}") == address.strip()


def test_MG_08_each_letter_from_its_own_also_after_a_failure(house: House) -> None:
    tag = unique()
    addresses = [ONE, TWO, THREE, ONE, TWO, THREE]
    for n, address in enumerate(addresses):
        submit(house, f"defer-1+{n}{tag}@single.test", f"Sending-Ip: {address}")
    submit(house, f"{tag}@single.test")
    arrivals = [house.internet.copy(f"defer-1+{n}{tag}@single.test") for n in range(len(addresses))]
    assert [each.peer.rpartition(":")[0] for each in arrivals] == addresses
    for n, address in enumerate(addresses):
        deferred = house.event(f"defer-1+{n}{tag}@single.test", "deferred")
        assert deferred["source"] == address
    assert not house.internet.copy(f"{tag}@single.test").peer.startswith("127.0.0.2")


def test_MG_08_hosts_are_greeted_with_the_name_of_the_address(house: House) -> None:
    recipient = f"{unique()}@good.test"
    submit(house, recipient, f"Sending-Ip: {ALONE}")
    assert house.internet.copy(recipient).hello == f"alone.{house.hostname}"


NOT_OURS = [
    "127.0.0.99",
    "192.0.2.1",
    "::1",
    "127.0.0.21%lo",
    "127.0.0.21/32",
    "mail.shop.test",
    "0x7f000015",
]


@pytest.mark.parametrize("address", NOT_OURS)
def test_MG_08_an_address_that_is_not_the_accounts_is_refused(house: House, address: str) -> None:
    text = refusal(house, f"Sending-Ip: {address}")
    assert text == f"Rejected: IP {address} can't be used to send the message"


def test_MG_08_the_address_beats_the_pool(house: House) -> None:
    assert _source(house, "Sending-Ip-Pool: blue", f"Sending-Ip: {ONE}") == ONE


def test_MG_08_of_repeated_headers_the_last_counts(house: House) -> None:
    assert _source(house, "Sending-Ip: 192.0.2.1", f"Sending-Ip: {ONE}") == ONE
    assert "127.0.0.99" in refusal(house, f"Sending-Ip: {ONE}", "Sending-Ip: 127.0.0.99")


def test_MG_08_MG_09_an_empty_header_counts_as_absent(house: House) -> None:
    recipient = f"{unique()}@good.test"
    submit(house, recipient, "Sending-Ip:", "Sending-Ip-Pool: ")
    assert not house.internet.copy(recipient).peer.startswith("127.0.0.2")
    assert len(warnings(house, recipient)) == 2


def test_MG_09_the_letter_leaves_from_an_address_of_the_pool(house: House) -> None:
    (pool,) = house.cli_rows("pool", "list")
    for name in ("blue", pool["id"]):
        for site in ("good.test", "single.test", "mixed.test", "notls.test"):
            assert _source(house, f"Sending-Ip-Pool: {name}", to=site) in (TWO, THREE)


def test_MG_09_an_address_in_the_place_of_a_pool_is_taken(house: House) -> None:
    assert _source(house, f"Sending-Ip-Pool: {ONE}") == ONE


def test_MG_09_the_header_beats_the_domains_pool(house: House) -> None:
    assert _source(house, domain=POOLED) in (TWO, THREE)
    assert _source(house, f"Sending-Ip: {ONE}", domain=POOLED) == ONE


@pytest.mark.parametrize("name", ["green", "127.0.0.99", "BLUE ", "blue, green"])
def test_MG_09_a_pool_that_is_not_the_accounts_is_refused(house: House, name: str) -> None:
    text = refusal(house, f"Sending-Ip-Pool: {name}")
    assert text == f"Rejected: IP pool {name.strip()} can't be used to send the message"


# -- MG-10, MG-11 ----------------------------------------------------------------------------------------

CLEAR, TLS, NOT = "in clear", "over TLS", "not delivered"
BAD = ["tls-self-signed.test", "tls-bad.test", "tls-wrong-name.test"]
REQUIRE, SKIP = "Require-TLS: yes", "Skip-Verification: yes"
LADDER: list[tuple[str, Sequence[str], str, str]] = [  # domain, headers, receiving domain, what happens
    (DOMAIN, [], "notls.test", CLEAR),
    (DOMAIN, ["Require-TLS: no"], "notls.test", CLEAR),
    (DOMAIN, [SKIP], "notls.test", CLEAR),
    (DOMAIN, ["Skip-Verification: no"], "notls.test", CLEAR),
    (DOMAIN, [REQUIRE], "notls.test", NOT),
    (DOMAIN, [REQUIRE, SKIP], "notls.test", NOT),
    (DOMAIN, [REQUIRE], "old.test", NOT),
    (DOMAIN, [REQUIRE, SKIP], "tls-refused.test", NOT),
    (DOMAIN, [REQUIRE, SKIP], "tls-garbage.test", NOT),
    (DOMAIN, [REQUIRE, SKIP], "tls-drop.test", NOT),
    (DOMAIN, [REQUIRE, SKIP], "tls-old.test", NOT),
    (DOMAIN, [], "tls-garbage.test", CLEAR),
    (DOMAIN, [REQUIRE], "good.test", TLS),
    (DOMAIN, ["Require-TLS: TRUE", "Skip-Verification: False"], "good.test", TLS),
    (DOMAIN, ["Require-TLS: maybe"], "notls.test", CLEAR),
    *[(DOMAIN, [], site, TLS) for site in BAD],
    *[(DOMAIN, ["Skip-Verification: no"], site, TLS) for site in BAD],
    *[(DOMAIN, [REQUIRE, SKIP], site, TLS) for site in BAD],
    *[(DOMAIN, [REQUIRE], site, NOT) for site in BAD],
    (DOMAIN, [REQUIRE, "Skip-Verification: perhaps"], BAD[0], NOT),
    (STRICT, [], "good.test", TLS),
    (STRICT, [], "notls.test", NOT),
    (STRICT, [], BAD[0], NOT),
    (STRICT, [SKIP], BAD[0], TLS),
    (STRICT, ["Require-TLS: no"], "notls.test", CLEAR),
    (LAX, [], BAD[0], TLS),
    (LAX, [], "notls.test", NOT),
    (LAX, ["Skip-Verification: no"], BAD[0], NOT),
]


@pytest.mark.parametrize(
    ("domain", "headers", "site", "wanted"),
    LADDER,
    ids=[f"{domain} {', '.join(headers) or '-'} to {site}" for domain, headers, site, _ in LADDER],
)
def test_MG_10_MG_11_over_which_connection_a_letter_goes(
    house: House, domain: str, headers: Sequence[str], site: str, wanted: str
) -> None:
    recipient = f"{unique()}@{site}"
    submit(house, recipient, *headers, domain=domain)
    if wanted == NOT:
        deferred = house.event(recipient, "deferred")
        assert (deferred["code"], deferred["enhanced"]) == (454, "4.7.10")
        assert deferred["text"].startswith("TLS required but not available")
        assert house.internet.to(recipient) == []
        return
    delivered = house.event(recipient, "delivered")
    arrival = house.internet.copy(recipient)
    assert arrival.is_tls == bool(delivered.get("tls")) == (wanted == TLS)
    assert option_fields(read(arrival)) == []


def test_MG_10_MG_11_no_letter_borrows_the_connection_of_a_less_careful_one(house: House) -> None:
    tag = unique()
    site = "tls-self-signed.test"
    submit(house, f"first+{tag}@{site}")
    house.event(f"first+{tag}@{site}", "delivered")  # its connection is idle now
    submit(house, f"strict+{tag}@{site}", REQUIRE)
    assert house.event(f"strict+{tag}@{site}", "deferred")["enhanced"] == "4.7.10"
    submit(house, f"last+{tag}@{site}")  # and its failure is nobody else's
    house.event(f"last+{tag}@{site}", "delivered", seconds=5)
    assert house.internet.to(f"strict+{tag}@{site}") == []


def test_MG_10_at_the_end_of_its_time_the_delivery_fails_and_says_why(house: House) -> None:
    recipient = f"{unique()}@notls.test"
    submit(house, recipient, REQUIRE)
    house.event(recipient, "deferred")
    until(lambda: house.state(recipient) == "waiting", 5, "the row to be back")
    change(house, "update delivery set expires_at = ? where recipient = ?", time.time() + 0.2, recipient)
    failed = house.event(recipient, "failed")
    assert (failed["code"], failed["enhanced"], failed["reason"]) == (554, "5.7.10", "expired")
    assert "TLS required but not available" in failed["text"]
    assert house.internet.to(recipient) == []


def test_MG_10_a_host_that_learns_tls_gets_the_letter(house: House) -> None:
    host = "mx1.notls.test"
    recipient = f"{unique()}@notls.test"
    submit(house, recipient, REQUIRE)
    house.event(recipient, "deferred")
    house.internet.play(host, "accept")
    try:
        assert house.internet.copy(recipient).is_tls
    finally:
        house.internet.play(host, "no-tls")


# -- MG-12, MG-13 ----------------------------------------------------------------------------------------


def _signatures(content: bytes) -> list[tuple[str, str]]:
    """(d, s) of each signature, from the top."""
    found = [tags_of(value) for name, value in split(content)[0] if name == b"dkim-signature"]
    return [(tags["d"], tags["s"]) for tags in found]


def _content(house: House, *fields: str) -> bytes:
    recipient = f"{unique()}@good.test"
    submit(house, recipient, *fields)
    return house.internet.copy(recipient).content


@pytest.mark.parametrize(
    "key", ["brand.test,ph1", "brand.test/ph1", "Brand.Test , PH1", "brand.test,\r\n ph1"]
)
def test_MG_12_a_second_signature_with_a_key_of_the_account(house: House, key: str) -> None:
    content = _content(house, f"Secondary-DKIM: {key}")
    assert sorted(_signatures(content)) == [(BRAND, "ph1"), (DOMAIN, "ph1")]
    for domain in (BRAND, DOMAIN):
        assert verified_signatures(content, records(house, domain)) == ["ph1"]
    assert dkimpy_accepts(content, records(house, BRAND) | records(house, DOMAIN))


NO_KEYS = [
    "stranger.test,ph1",
    f"{BRAND},ph9",
    f"{GONE},ph1",
    BRAND,
    f"{BRAND},",
    ",ph1",
    f"{BRAND} ph1",
    "/",
    "ö,ü",
]


@pytest.mark.parametrize("key", NO_KEYS)
def test_MG_12_a_key_that_is_not_there_is_refused(house: House, key: str) -> None:
    assert refusal(house, f"Secondary-DKIM: {key}").endswith("is not a valid secondary dkim domain name")


def test_MG_02_MG_12_an_unsigned_letter_has_no_second_signature_either(house: House) -> None:
    assert _signatures(_content(house, "Dkim: no", f"Secondary-DKIM: {BRAND},ph1")) == []


def _publish(house: House, alias: str, domain: str = BRAND) -> None:
    """The public key of a domain of ours under another name, as its owner would (RFC 1035 3.3.14)."""
    text = records(house, domain)[f"ph1._domainkey.{domain}"]
    strings = " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))
    house.internet.publish(f"{alias}. IN TXT {strings}")


@pytest.mark.parametrize("separator", ["/", ","])
def test_MG_13_the_second_signature_shows_the_alias(house: House, separator: str) -> None:
    name = f"{unique('alias')}.test"
    _publish(house, f"s7._domainkey.{name}")
    fields = [f"Secondary-DKIM: {BRAND},ph1", f"Secondary-DKIM-Public: {name}{separator}s7"]
    content = _content(house, *fields)
    assert sorted(_signatures(content)) == [(name, "s7"), (DOMAIN, "ph1")]
    published = records(house, BRAND)[f"ph1._domainkey.{BRAND}"]
    assert verified_signatures(content, {f"s7._domainkey.{name}": published}) == ["s7"]
    assert verified_signatures(content, records(house, DOMAIN)) == ["ph1"]


@pytest.mark.parametrize("published", ["nothing", "another key", "no key", "a failing server"])
def test_MG_13_without_the_same_key_in_dns_there_is_no_second_signature(house: House, published: str) -> None:
    name = f"{unique('alias')}.test" if published != "a failing server" else "servfail.test"
    if published == "another key":
        _publish(house, f"s7._domainkey.{name}", DOMAIN)
    elif published == "no key":
        house.internet.publish(f's7._domainkey.{name}. IN TXT "v=DKIM1; p="')
    recipient = f"{unique()}@good.test"
    submit(house, recipient, f"Secondary-DKIM: {BRAND},ph1", f"Secondary-DKIM-Public: {name}/s7")
    content = house.internet.copy(recipient).content
    assert _signatures(content) == [(DOMAIN, "ph1")]
    assert verified_signatures(content, records(house, DOMAIN)) == ["ph1"]
    told = house.event(recipient, "delivered").get("warnings", [])
    assert len(told) == 1 and name in told[0], told


def test_MG_13_an_alias_needs_a_second_key(house: House) -> None:
    text = refusal(house, f"Secondary-DKIM-Public: {BRAND}/ph1")
    assert text == "o:secondary-dkim-public needs o:secondary-dkim"


@pytest.mark.parametrize("alias", ["brand.test", "brand.test/", "/s1", "a b/c d"])
def test_MG_13_an_alias_that_is_no_name_is_refused(house: House, alias: str) -> None:
    text = refusal(house, f"Secondary-DKIM: {BRAND},ph1", f"Secondary-DKIM-Public: {alias}")
    assert re.fullmatch(rf"{re.escape(alias)} is not a valid secondary dkim domain name", text)
