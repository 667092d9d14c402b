"""Which of our addresses carries mail to a site."""

from __future__ import annotations

import pytest

from posthouse.model.message import Host, Site
from posthouse.rules.sources import families_of, fitting, steady_choice

V4, OTHER_V4, V6 = "192.0.2.1", "192.0.2.2", "2001:db8::1"


@pytest.mark.parametrize(
    ("addresses", "sources", "expected"),
    [
        (["198.51.100.1"], [], {""}),
        (["198.51.100.1"], [V4], {V4}),
        (["198.51.100.1"], [V6], {V6}),
        (["198.51.100.1"], [V4, V6], {V4}),
        (["2001:db8:1::1"], [V4, V6], {V6}),
        (["198.51.100.1", "2001:db8:1::1"], [V4, OTHER_V4, V6], {V4, OTHER_V4, V6}),
        (["2001:db8:1::1"], [V4, OTHER_V4], {V4, OTHER_V4}),
    ],
    ids=["any", "only one", "only one, misfit", "family 4", "family 6", "all fit", "none fits"],
)
def test_a_site_always_sees_the_same_fitting_source(
    addresses: list[str], sources: list[str], expected: set[str]
) -> None:
    """MG-08, MG-09, SG-07."""
    sites = [Site(f"s{n}", (Host("mx", 0, tuple(addresses), 25),)) for n in range(50)]
    found = [steady_choice(each.name, fitting(families_of(each), sources)) for each in sites]
    assert set(found) == expected
    assert found == [steady_choice(each.name, fitting(families_of(each), sources)) for each in sites]
