"""The records that a domain needs, by table and as a zone (D-01, DK-9)."""

from __future__ import annotations

from dataclasses import replace

import dns.zone
import pytest

from posthouse.model.account import Domain, DomainKey, DomainSettings, KeyState
from posthouse.rules.records import (
    Record,
    Sender,
    Use,
    dkim_value,
    host_field,
    needed,
    spf_terms,
    txt_strings,
    zone_file,
)

DOMAIN = Domain("d", "a", "example.com", "us", None, 1.0)
SENDER = Sender("mail.house.test")
RSA = DomainKey("k1", "d", "ph1", "rsa-sha256", b"", "A" * 392, KeyState.ACTIVE, 1.0)
ED = DomainKey("k2", "d", "ph1ed", "ed25519-sha256", b"", "B" * 44, KeyState.ACTIVE, 1.0)


def test_D_01_a_domain_needs_these_records() -> None:
    found = [(r.use, r.kind, r.name, r.value, r.is_required) for r in needed(DOMAIN, [ED, RSA], SENDER)]
    assert found == [
        (Use.DKIM, "TXT", "ph1._domainkey.example.com", "v=DKIM1; k=rsa; p=" + "A" * 392, True),
        (Use.DKIM, "TXT", "ph1ed._domainkey.example.com", "v=DKIM1; k=ed25519; p=" + "B" * 44, False),
        (Use.SPF, "TXT", "example.com", "v=spf1 a:mail.house.test ~all", False),
        (Use.RETURN_MX, "MX", "return.example.com", "10 mail.house.test.", False),
        (Use.RETURN_SPF, "TXT", "return.example.com", "v=spf1 a:mail.house.test ~all", False),
        (Use.DMARC, "TXT", "_dmarc.example.com", "v=DMARC1; p=none", False),
        (Use.TRACKING, "CNAME", "email.example.com", "mail.house.test.", False),
    ]


@pytest.mark.parametrize("state", [KeyState.STANDBY, KeyState.RETIRING])
def test_a_key_that_does_not_sign_is_published_but_not_required(state: KeyState) -> None:
    records = needed(DOMAIN, [replace(RSA, selector="ph2", state=state), RSA], SENDER)
    assert [(r.name.partition(".")[0], r.is_required) for r in records[:2]] == [("ph1", True), ("ph2", False)]
    assert records[0].purpose != records[1].purpose


def test_mail_to_the_domain_is_only_for_those_who_ask() -> None:
    assert Use.INBOUND not in [record.use for record in needed(DOMAIN, [RSA], SENDER)]
    inbound = needed(DOMAIN, [RSA], SENDER, is_inbound=True)[-1]
    assert (inbound.use, inbound.kind, inbound.name, inbound.value) == (
        Use.INBOUND, "MX", "example.com", "10 mail.house.test.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "sender"),
    [
        (replace(DOMAIN, settings=DomainSettings(tracking_url="https://t.test")), SENDER),
        (DOMAIN, replace(SENDER, has_own_links=False)),
    ],
    ids=["the domain names a place", "the installation names a place"],
)
def test_links_that_lead_elsewhere_need_no_record(domain: Domain, sender: Sender) -> None:
    assert Use.TRACKING not in [record.use for record in needed(domain, [RSA], sender)]


def test_source_addresses_are_named_in_spf() -> None:
    assert spf_terms(Sender("h.test", ("192.0.2.1", "2001:db8::1"))) == ["ip4:192.0.2.1", "ip6:2001:db8::1"]


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [("rsa-sha256", "v=DKIM1; k=rsa; p=x"), ("ed25519-sha256", "v=DKIM1; k=ed25519; p=x")],
)
def test_a_key_as_a_record(algorithm: str, value: str) -> None:
    assert dkim_value("x", algorithm) == value


@pytest.mark.parametrize("length", [0, 1, 255, 256, 511])
def test_texts_are_cut_at_255_octets(length: int) -> None:
    strings = txt_strings("x" * length)
    assert "".join(strings) == "x" * length
    assert max(map(len, strings)) <= 255


@pytest.mark.parametrize(
    ("name", "zone", "field"),
    [
        ("example.com", "example.com", "@"),
        ("ph1._domainkey.example.com", "example.com", "ph1._domainkey"),
        ("_dmarc.news.example.com", "example.com", "_dmarc.news"),
        ("notexample.com", "example.com", "notexample.com."),
    ],
)
def test_what_to_type_into_a_panel(name: str, zone: str, field: str) -> None:
    assert host_field(name, zone) == field


@pytest.mark.parametrize("zone", ["example.com", "com"])
def test_a_zone_file_reads_back_as_the_same_records(zone: str) -> None:
    records = needed(DOMAIN, [RSA, ED], Sender("mail.house.test", ("192.0.2.1",)), is_inbound=True)
    records.append(Record(Use.SPF, "odd", "TXT", "odd.example.com", 'a "quoted" \\ one; two'))
    parsed = dns.zone.from_text(zone_file(records, zone), origin=None, relativize=False, check_origin=False)
    read: set[tuple[str, str, str]] = set()
    for name, _, data in parsed.iterate_rdatas():
        strings = getattr(data, "strings", None)
        text = b"".join(strings).decode() if strings else data.to_text()
        read.add((name.to_text(omit_final_dot=True), data.rdtype.name, text))
    assert read == {(record.name, record.kind, record.value) for record in records}


def test_each_line_stands_alone_too() -> None:
    (record,) = [r for r in needed(DOMAIN, [RSA], SENDER) if r.is_required]
    assert record.zone_text.startswith('ph1._domainkey.example.com. IN TXT "v=DKIM1; k=rsa; p=')
    assert max(len(part) for part in record.zone_text.split('"')[1::2]) == 255
