"""Certificates and TLSA records of strangers: whatever the bytes, a match or `NoMatch` (RFC 7671)."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.net.dane import NoMatch, Tlsa, match, parse_tlsa, usable
from unit.net.test_dane import LEAF, MIDDLE, NOW, ROOT, chain, tlsa

# a damaged certificate may be odd in ways that cryptography will refuse one day
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

_DERS = [LEAF.der, MIDDLE.der, ROOT.der]


def _damaged(der: bytes, at: int, octet: int) -> bytes:
    at %= len(der)
    return der[:at] + bytes([octet]) + der[at + 1 :]


ders = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(_DERS),
    st.builds(_damaged, st.sampled_from(_DERS), st.integers(0, 2000), st.integers(0, 255)),
)
records = st.one_of(
    st.builds(Tlsa, st.integers(0, 255), st.integers(0, 3), st.integers(0, 3), st.binary(max_size=70)),
    st.sampled_from([tlsa(3, 1, 1, LEAF), tlsa(2, 1, 1, MIDDLE), tlsa(2, 0, 0, ROOT)]),
)


@given(st.lists(records, max_size=4), st.lists(ders, max_size=5))
def test_any_chain_is_a_match_or_none(given_records: list[Tlsa], presented: list[bytes]) -> None:
    try:
        found = match(usable(given_records), presented, ["mx.example.net"], NOW)
    except NoMatch:
        return
    assert found in usable(given_records)


@given(st.integers(0, 2000), st.integers(0, 255))
def test_a_changed_certificate_never_fits_its_digest(at: int, octet: int) -> None:
    changed = _damaged(LEAF.der, at, octet)
    if changed == LEAF.der:
        return
    try:
        match([tlsa(3, 0, 1, LEAF)], [changed], [], NOW)
    except NoMatch:
        return
    raise AssertionError("another certificate was accepted")


@given(st.text(max_size=60))
def test_any_presentation_is_a_record_or_none(text: str) -> None:
    found = parse_tlsa(text)
    assert found is None or usable([found]) in ((), (found,))


def test_the_good_ones_do_match() -> None:
    assert match([tlsa(2, 0, 0, ROOT)], chain(LEAF, MIDDLE), ["mx.example.net"], NOW + dt.timedelta(hours=1))
