"""rules.languages and rules.tracking_hosts: what two fields of a request say."""

from __future__ import annotations

import pytest

from posthouse.rules.languages import choose_language
from posthouse.rules.tracking_hosts import host_name, tracking_host

OFFERED = ("en", "de", "fr")


@pytest.mark.parametrize(
    ("field", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("DE-at", "de"),
        ("en;q=0.5, fr;q=0.9", "fr"),
        ("xx, fr;q=0.1", "fr"),
        ("xx", "en"),
        ("*", "en"),
        ("fr;q=0, de;q=0.1", "de"),
        ("fr;q=high", "en"),
        ("fr;q=2", "en"),
        (";;;,,,=,q=1", "en"),
        ("xx," * 50 + "de", "en"),
    ],
)
def test_the_visitors_language(field: str, language: str) -> None:
    assert choose_language(field, OFFERED) == language


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("Email.Shop.test", "email.shop.test"),
        ("email.shop.test:8443", "email.shop.test"),
        ("email.shop.test.", "email.shop.test"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
        (":80", ""),
    ],
)
def test_the_name_of_a_host_field(field: str, name: str) -> None:
    assert host_name(field) == name


def test_where_a_domains_links_live() -> None:
    assert tracking_host("shop.test", "") == "email.shop.test"
    assert tracking_host("shop.test", "https://Links.Shop.test:8443/x") == "links.shop.test"
