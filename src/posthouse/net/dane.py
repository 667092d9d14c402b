"""What TLSA records demand of a certificate chain (RFC 7671, RFC 7672 3): bytes in, a verdict out.

For SMTP only usages 3 (the host's own key or certificate: name and dates do not count) and 2 (an authority
in the presented chain: chain, dates and name count) are usable. Of several digests of one kind only the
strongest counts (RFC 7671 9). Everything here is about untrusted bytes: what cannot be read does not match.

Public: Tlsa, parse_tlsa, usable, match, NoMatch.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TRUST_ANCHOR, END_ENTITY = 2, 3
_FULL, _SHA256, _SHA512 = 0, 1, 2
_LENGTHS = {_SHA256: 32, _SHA512: 64}
_DIGESTS = {_SHA256: hashlib.sha256, _SHA512: hashlib.sha512}
_LONGEST_CHAIN = 10
_BROKEN = (
    x509.InvalidVersion,
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
)


class NoMatch(ValueError):
    """No record fits the chain; the message says so in one clause."""


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One TLSA record: usage, selector and matching type as in RFC 7218, and the association data."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching}"


def parse_tlsa(text: str) -> Tlsa | None:
    """The presentation form that `lookup` gives, such as "3 1 1 0a1b…"; None when it is none."""
    try:
        usage, selector, matching, *data = text.split()
        return Tlsa(int(usage), int(selector), int(matching), bytes.fromhex("".join(data)))
    except ValueError:
        return None


def usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """Those that can authenticate an SMTP host, the strongest digest of each usage and selector."""
    fitting = [record for record in records if _is_usable(record)]
    best: dict[tuple[int, int], int] = {}
    for record in fitting:
        kind = (record.usage, record.selector)
        best[kind] = max(record.matching, best.get(kind, _FULL))
    return tuple(r for r in fitting if r.matching in (_FULL, best[r.usage, r.selector]))


def _is_usable(record: Tlsa) -> bool:
    # RFC 7672 3.1.3: usages 0 and 1 need a common set of authorities, which mail does not have
    if record.usage not in (TRUST_ANCHOR, END_ENTITY) or record.selector not in (0, 1):
        return False
    if record.matching == _FULL:
        return bool(record.data)
    return record.matching in _LENGTHS and len(record.data) == _LENGTHS[record.matching]


def match(records: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: dt.datetime) -> Tlsa:
    """The record that the presented chain (DER, the host's own first) fits. `names`: what the host may be
    called (RFC 7672 3.2.2), looked at for usage 2 only. Raises NoMatch."""
    certificates = _loaded(chain)
    for record in records:
        if record.usage == END_ENTITY and _fits(record, certificates[0]):
            return record  # RFC 7672 3.1.1: neither name nor dates count
    anchors = [record for record in records if record.usage == TRUST_ANCHOR]
    if not anchors:
        raise NoMatch("the certificate fits none of the TLSA records")
    record = _anchored(anchors, certificates, now)
    if not any(_is_named(certificates[0], name) for name in names):
        raise NoMatch("the certificate is for another name")
    return record


def _loaded(chain: Sequence[bytes]) -> list[x509.Certificate]:
    try:
        found = [x509.load_der_x509_certificate(der) for der in chain[:_LONGEST_CHAIN]]
    except _BROKEN:
        raise NoMatch("the certificate chain cannot be read") from None
    if not found:
        raise NoMatch("the host showed no certificate")
    return found


def _fits(record: Tlsa, certificate: x509.Certificate) -> bool:
    """RFC 6698 2.1.2, 2.1.3."""
    try:
        if record.selector:
            chosen = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            chosen = certificate.public_bytes(Encoding.DER)
    except _BROKEN:
        return False
    digest = _DIGESTS.get(record.matching)
    return (digest(chosen).digest() if digest else chosen) == record.data


def _anchored(anchors: Sequence[Tlsa], chain: Sequence[x509.Certificate], now: dt.datetime) -> Tlsa:
    """Walk from the host's certificate up, each signed by the next, to one that a record names."""
    pool = [*chain[1:], *_authorities(anchors)]
    current = chain[0]
    for depth in range(_LONGEST_CHAIN):
        if not _is_valid_at(current, now):
            raise NoMatch("a certificate of the chain has expired or is not valid yet")
        issuers = [one for one in pool if _has_signed(one, current, depth)]
        for issuer in issuers:
            for record in anchors:
                if _fits(record, issuer) and _is_valid_at(issuer, now):
                    return record
        if not issuers or issuers[0] == current:
            break
        current = issuers[0]
        pool.remove(current)
    raise NoMatch("the chain does not lead to an authority of the TLSA records")


def _authorities(anchors: Sequence[Tlsa]) -> list[x509.Certificate]:
    """Whole certificates in DNS need not be presented (RFC 7672 3.1.2)."""
    found = []
    for record in anchors:
        if record.matching == _FULL and record.selector == 0:
            try:
                found.append(x509.load_der_x509_certificate(record.data))
            except _BROKEN:
                continue
    return found


def _has_signed(issuer: x509.Certificate, subject: x509.Certificate, depth: int) -> bool:
    """May and did `issuer` sign `subject`, below which `depth` authorities stand?"""
    try:
        basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        longest = basic.path_length
        if not basic.ca or (longest is not None and longest < depth):
            return False
        subject.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, *_BROKEN):
        return False
    return True


def _is_valid_at(certificate: x509.Certificate, now: dt.datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _is_named(certificate: x509.Certificate, name: str) -> bool:
    """RFC 6125 6.4: a star stands for the whole leftmost label."""
    above = name.partition(".")[2]
    return any(
        own == name or (own.startswith("*.") and bool(above) and own[2:] == above)
        for own in _names(certificate)
    )


def _names(certificate: x509.Certificate) -> list[str]:
    """DNS names of the certificate; the common name only where it has none (RFC 7672 3.2.3)."""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = alternative.value.get_values_for_type(x509.DNSName)
        if not names:
            names = _common_names(certificate)
    except x509.ExtensionNotFound:
        names = _common_names(certificate)
    except _BROKEN:
        return []
    return [name.lower().removesuffix(".") for name in names]


def _common_names(certificate: x509.Certificate) -> list[str]:
    found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return [str(attribute.value) for attribute in found]
