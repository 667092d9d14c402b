"""Address ranges: written, mistaken, compared; whose address counts (C-04, C-07, S21)."""

from __future__ import annotations

import pytest

from posthouse.rules.ranges import (
    BadRange,
    client_of,
    compile_ranges,
    covers,
    is_everything,
    is_within,
    parse_range,
    shown_address,
)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        (" 192.0.2.7 ", "192.0.2.7/32"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_a_range_is_kept_in_its_shortest_form(text: str, stored: str) -> None:
    assert str(parse_range(text)) == stored


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("192.0.2.7/24", "write 192.0.2.0/24 for the range"),
        ("2001:db8::1/32", "write 2001:db8::/32 for the range"),
        ("192.0.2", "is not an address range; write one as 192.0.2.0/24"),
        ("192.0.2.0/33", "is not an address range"),
        ("192.0.2.*", "is not an address range"),
        ("example.com", "is not an address range"),
        ("", "is not an address range"),
        ("fe80::1%eth0/999", "is not an address range"),
    ],
)
def test_a_mistake_is_told_with_what_was_meant(text: str, part: str) -> None:
    with pytest.raises(BadRange) as caught:
        parse_range(text)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("ranges", "address", "is_in"),
    [
        (["192.0.2.0/24"], "192.0.2.255", True),
        (["192.0.2.0/24"], "192.0.3.0", False),
        (["192.0.2.0/24"], "::ffff:192.0.2.9", True),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8:1::9", True),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db9::9", False),
        (["fe80::/10"], "fe80::1%eth0", True),
        (["0.0.0.0/0"], "2001:db8::1", False),
        (["0.0.0.0/0"], "local", False),
        ([], "192.0.2.1", False),
    ],
)
def test_an_address_is_in_a_range_or_not(ranges: list[str], address: str, is_in: bool) -> None:
    assert covers(compile_ranges(ranges), address) is is_in


def test_a_range_that_shuts_nobody_out() -> None:
    assert [is_everything(parse_range(text)) for text in ("0.0.0.0/0", "::/0", "0.0.0.0/1")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("local", "local"),
        ("", ""),
    ],
)
def test_whose_address_it_is(address: str, client: str) -> None:
    assert client_of(address) == client


def test_an_address_is_shown_in_its_plain_form() -> None:
    shown = [shown_address(text) for text in ("::ffff:192.0.2.7", "2001:DB8::1", "192.0.2.7", "local")]
    assert shown == ["192.0.2.7", "2001:db8::1", "192.0.2.7", "local"]


@pytest.mark.parametrize(
    ("inner", "outer", "fits"),
    [
        (["192.0.2.0/24"], ["192.0.2.0/24"], True),
        (["192.0.2.7"], ["198.51.100.0/24", "192.0.2.0/24"], True),
        (["192.0.2.0/24"], ["192.0.2.0/25", "192.0.2.128/25"], True),
        (["192.0.2.0/23"], ["192.0.2.0/24"], False),
        (["192.0.2.7", "198.51.100.7"], ["192.0.2.0/24"], False),
        (["2001:db8::/48"], ["2001:db8::/32"], True),
        (["2001:db8::/48"], ["0.0.0.0/0"], False),
        (["::ffff:192.0.2.7"], ["192.0.2.0/24"], True),
        (["192.0.2.7"], [], False),
        ([], ["192.0.2.0/24"], True),
    ],
)
def test_ranges_within_others(inner: list[str], outer: list[str], fits: bool) -> None:
    assert is_within(compile_ranges(inner), compile_ranges(outer)) is fits
