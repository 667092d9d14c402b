"""Certificates of tracking hosts."""

from __future__ import annotations

from dataclasses import replace

from posthouse.store import identity, web_certificates
from posthouse.store.connection import Connection
from posthouse.store.web_certificates import WebCertificate
from store.letters import NOW


def own(host: str, account: str = "a1", domain: str = "shop.test", chain: str = "PEM") -> WebCertificate:
    return WebCertificate(host, account, domain, chain, b"\x00sealed", NOW + 9, NOW)


def settled(conn: Connection) -> int:
    with conn.transaction():
        for account in ("a1", "a2"):
            identity.ensure_account(conn, f"name-{account}", id=account, now=NOW)
    return identity.identity_version(conn)


def test_a_host_has_one_and_each_change_is_seen_by_workers(conn: Connection) -> None:
    version = settled(conn)
    with conn.transaction():
        web_certificates.put(conn, own("email.shop.test"))
    assert identity.identity_version(conn) == version + 1
    later = replace(own("email.shop.test", "a2", "other.test", "NEW"), changed_at=NOW + 1, private=b"\xff")
    with conn.transaction():
        web_certificates.put(conn, later)
    assert identity.identity_version(conn) == version + 2
    assert web_certificates.list_certificates(conn) == [later]
    assert web_certificates.list_certificates(conn, "a1") == []
    assert web_certificates.marks(conn) == {"email.shop.test": (NOW + 1, NOW + 9)}


def test_many_are_listed_by_host_and_loaded_by_name(conn: Connection) -> None:
    settled(conn)
    hosts = [f"h{number:02}.shop.test" for number in range(40)]
    with conn.transaction():
        for host in reversed(hosts):
            web_certificates.put(conn, own(host))
    assert [item.host for item in web_certificates.list_certificates(conn, "a1")] == hosts
    assert {item.host for item in web_certificates.load(conn, [*hosts[:35], "no.test"])} == set(hosts[:35])
    assert web_certificates.load(conn, []) == []


def test_what_is_removed_is_the_accounts_own_and_of_the_domain(conn: Connection) -> None:
    settled(conn)
    with conn.transaction():
        web_certificates.put(conn, own("a.shop.test"))
        web_certificates.put(conn, own("b.shop.test"))
        web_certificates.put(conn, own("c.other.test", "a2", "other.test"))
    version = identity.identity_version(conn)
    with conn.transaction():
        assert web_certificates.remove_of(conn, "a2", "shop.test") == 0
    assert identity.identity_version(conn) == version
    with conn.transaction():
        assert web_certificates.remove_of(conn, "a1", "shop.test") == 2
    assert identity.identity_version(conn) == version + 1
    assert [item.host for item in web_certificates.list_certificates(conn)] == ["c.other.test"]


def test_it_goes_with_its_account(conn: Connection) -> None:
    settled(conn)
    with conn.transaction():
        web_certificates.put(conn, own("a.shop.test"))
        identity.remove_account(conn, "a1")
    assert web_certificates.list_certificates(conn) == []


def test_nothing_of_the_key_is_in_a_repr() -> None:
    assert "sealed" not in repr(own("a.test"))
