"""OTL-4: which TLSA records count, and which chains they fit (RFC 7671, RFC 7672 3)."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from posthouse.net.dane import NoMatch, Tlsa, match, parse_tlsa, usable

NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
HOST = "mx.example.net"


@dataclass(frozen=True)
class Pair:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def key_der(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def made(
    name: str,
    by: Pair | None = None,
    *,
    is_authority: bool = False,
    until: dt.datetime = NOW + DAY,
    alternative: str = "",
    path_length: int | None = None,
) -> Pair:
    """A certificate; self-signed without `by`. `alternative` "": the name stands in the subject alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer = by.certificate.subject if by else subject
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - 30 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(is_authority, path_length), critical=True)
    )
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(alternative)]), False)
    return Pair(key, builder.sign(by.key if by else key, hashes.SHA256()))


ROOT = made("Root", is_authority=True)
MIDDLE = made("Middle", ROOT, is_authority=True)
LEAF = made(HOST, MIDDLE, alternative=HOST)
STAR = made("star", MIDDLE, alternative="*.example.net")
COMMON = made(HOST, MIDDLE)
WRONG = made("other", MIDDLE, alternative="other.example.net")
OLD = made(HOST, MIDDLE, alternative=HOST, until=NOW - DAY)
OLD_MIDDLE = made("Middle", ROOT, is_authority=True, until=NOW - DAY)
BELOW_OLD = made(HOST, OLD_MIDDLE, alternative=HOST)
ALONE = made("whatever.invalid", until=NOW - DAY)
NO_AUTHORITY = made("No authority", ROOT)
BELOW_NONE = made(HOST, NO_AUTHORITY, alternative=HOST)
SHORT_ROOT = made("Short root", is_authority=True, path_length=0)
SHORT_MIDDLE = made("Short middle", SHORT_ROOT, is_authority=True)
TOO_DEEP = made(HOST, SHORT_MIDDLE, alternative=HOST)


def tlsa(usage: int, selector: int, matching: int, pair: Pair) -> Tlsa:
    chosen = pair.key_der if selector else pair.der
    data = {0: lambda: chosen, 1: hashlib.sha256(chosen).digest, 2: hashlib.sha512(chosen).digest}
    return Tlsa(usage, selector, matching, data[matching]())


def chain(*pairs: Pair) -> list[bytes]:
    return [pair.der for pair in pairs]


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_usage_3_fits_key_or_certificate_in_every_form(selector: int, matching: int) -> None:
    record = tlsa(3, selector, matching, LEAF)
    assert match([record], chain(LEAF, MIDDLE), [HOST], NOW) == record
    with pytest.raises(NoMatch, match="fits none"):
        match([record], chain(WRONG, MIDDLE), [HOST], NOW)


def test_usage_3_ignores_name_dates_and_chain() -> None:
    assert match([tlsa(3, 1, 1, ALONE)], chain(ALONE), [HOST], NOW)


def test_usage_3_looks_at_the_hosts_own_certificate_only() -> None:
    with pytest.raises(NoMatch):
        match([tlsa(3, 1, 1, MIDDLE)], chain(LEAF, MIDDLE), [HOST], NOW)


@pytest.mark.parametrize(
    ("anchor", "presented", "names"),
    [
        pytest.param(MIDDLE, chain(LEAF, MIDDLE), [HOST], id="the issuer"),
        pytest.param(ROOT, chain(LEAF, MIDDLE, ROOT), [HOST], id="two steps up"),
        pytest.param(ROOT, chain(LEAF, ROOT, MIDDLE), [HOST], id="in another order"),
        pytest.param(MIDDLE, chain(STAR, MIDDLE), [HOST], id="a star for one label"),
        pytest.param(MIDDLE, chain(COMMON, MIDDLE), [HOST], id="the common name where there is no other"),
        pytest.param(MIDDLE, chain(LEAF, MIDDLE), ["example.net", HOST], id="one of several names"),
    ],
)
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_usage_2_fits_an_authority_of_the_chain(
    anchor: Pair, presented: list[bytes], names: list[str], matching: int
) -> None:
    record = tlsa(2, 0, matching, anchor)
    assert match([record], presented, names, NOW) == record


def test_usage_2_with_the_whole_certificate_in_dns_need_not_be_presented() -> None:
    assert match([tlsa(2, 0, 0, ROOT)], chain(LEAF, MIDDLE), [HOST], NOW)


@pytest.mark.parametrize(
    ("anchor", "presented", "why"),
    [
        pytest.param(MIDDLE, chain(WRONG, MIDDLE), "another name", id="wrong name"),
        pytest.param(MIDDLE, chain(OLD, MIDDLE), "expired", id="expired"),
        pytest.param(ROOT, chain(BELOW_OLD, OLD_MIDDLE, ROOT), "expired", id="expired in the middle"),
        pytest.param(ROOT, chain(LEAF, ROOT), "does not lead", id="a gap"),
        pytest.param(ROOT, chain(LEAF, MIDDLE), "does not lead", id="the anchor is not presented"),
        pytest.param(LEAF, chain(LEAF, MIDDLE), "does not lead", id="the host's own is no authority"),
        pytest.param(ROOT, chain(ALONE, MIDDLE, ROOT), "expired", id="another chain beside"),
        pytest.param(ROOT, chain(BELOW_NONE, NO_AUTHORITY, ROOT), "does not lead", id="issuer may not issue"),
        pytest.param(
            SHORT_ROOT, chain(TOO_DEEP, SHORT_MIDDLE, SHORT_ROOT), "does not lead", id="chain too long"
        ),
    ],
)
def test_usage_2_wants_chain_dates_and_name(anchor: Pair, presented: list[bytes], why: str) -> None:
    with pytest.raises(NoMatch, match=why):
        match([tlsa(2, 1, 1, anchor)], presented, [HOST], NOW)


def test_an_authority_with_the_right_name_and_another_key_is_no_issuer() -> None:
    impostor = made("Middle", is_authority=True)
    with pytest.raises(NoMatch, match="does not lead"):
        match([tlsa(2, 1, 1, impostor)], chain(LEAF, impostor), [HOST], NOW)


@pytest.mark.parametrize("presented", [[], [b"nonsense"], [LEAF.der[:-5]]], ids=["none", "nonsense", "cut"])
def test_what_cannot_be_read_fits_nothing(presented: list[bytes]) -> None:
    with pytest.raises(NoMatch):
        match([tlsa(3, 1, 1, LEAF), tlsa(2, 1, 1, MIDDLE)], presented, [HOST], NOW)


GOOD = tlsa(3, 1, 1, LEAF)


@pytest.mark.parametrize(
    ("record", "counts"),
    [
        pytest.param(GOOD, True, id="3 1 1"),
        pytest.param(Tlsa(2, 0, 2, b"x" * 64), True, id="2 0 2"),
        pytest.param(Tlsa(3, 0, 0, b"x"), True, id="3 0 0"),
        pytest.param(Tlsa(0, 1, 1, b"x" * 32), False, id="usage 0"),
        pytest.param(Tlsa(1, 1, 1, b"x" * 32), False, id="usage 1"),
        pytest.param(Tlsa(4, 1, 1, b"x" * 32), False, id="unknown usage"),
        pytest.param(Tlsa(3, 2, 1, b"x" * 32), False, id="unknown selector"),
        pytest.param(Tlsa(3, 1, 3, b"x" * 32), False, id="unknown matching type"),
        pytest.param(Tlsa(3, 1, 1, b"x" * 31), False, id="digest too short"),
        pytest.param(Tlsa(3, 1, 2, b"x" * 32), False, id="digest of another kind"),
        pytest.param(Tlsa(3, 1, 0, b""), False, id="no data"),
    ],
)
def test_usable_records(record: Tlsa, counts: bool) -> None:
    assert usable([record]) == ((record,) if counts else ())


def test_only_the_strongest_digest_of_a_kind_counts() -> None:
    # RFC 7671 9: whoever breaks SHA-256 must not profit from it beside SHA-512
    weak, strong, full = (tlsa(3, 1, matching, LEAF) for matching in (1, 2, 0))
    other = tlsa(2, 1, 1, MIDDLE)
    assert usable([weak, strong, full, other]) == (strong, full, other)


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("3 1 1 0a0b", Tlsa(3, 1, 1, b"\n\x0b")),
        ("3 1 1 0a 0b", Tlsa(3, 1, 1, b"\n\x0b")),
        ("3 1 1", Tlsa(3, 1, 1, b"")),
        ("3 1", None),
        ("a b c d", None),
        ("3 1 1 xyz", None),
    ],
)
def test_the_presentation_form(text: str, record: Tlsa | None) -> None:
    assert parse_tlsa(text) == record
