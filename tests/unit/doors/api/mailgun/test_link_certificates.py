"""Mailgun's calls about certificates of the hosts of links: what is shown there, and that none is ordered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from posthouse.desk import domain_settings, domains, tracking_certificates
from posthouse.desk.certificate_pairs import read_pair
from posthouse.desk.certificates import ensure_pair
from posthouse.internet.certificates import Certificates
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply

HOST = f"email.{DOMAIN}"


async def _call(api: Api, method: str, path: str, **more: Any) -> Reply:
    return await api.call(method, path, basic=api.full, **more)


async def _install(api: Api, chain: bytes, key: bytes) -> None:
    await api.write(_installed, api, read_pair(chain, key, api.clock.now()))


def _installed(conn: Any, api: Api, pair: Any) -> None:
    tracking_certificates.install(
        conn,
        api.parts.installation,
        api.clock.now(),
        account_id=api.account_id,
        name=DOMAIN,
        pair=pair,
        shared_hosts=frozenset(),
    )


async def test_a_host_without_a_certificate_says_how_to_bring_one(api: Api) -> None:
    for name in (HOST, DOMAIN):
        reply = await _call(api, "GET", f"/v2/x509/{name}/status")
        assert reply.status == 404
        assert f"`posthouse domain certificate {DOMAIN}`" in reply.json()["message"]
        for method in ("POST", "PUT"):
            refused = await _call(api, method, f"/v2/x509/{name}")
            assert refused.status == 400
            assert refused.json()["message"].startswith(
                "Posthouse orders no certificates: bring one for " + HOST
            )
            assert refused.json()["Reason"] == refused.json()["message"]


@pytest.mark.parametrize("name", [f"email.{OTHER_DOMAIN}", OTHER_DOMAIN, "nobodys.test"])
async def test_a_host_of_another_account_is_answered_like_none(api: Api, name: str) -> None:
    for method, path in (("GET", f"/v2/x509/{name}/status"), ("POST", f"/v2/x509/{name}")):
        reply = await _call(api, method, path)
        assert (reply.status, reply.json()["message"]) == (404, "Domain not found")


async def test_what_was_brought_is_shown_until_it_ends_and_after(api: Api) -> None:
    chain, begins, key = Certificates().pem(HOST).partition(b"-----BEGIN PRIVATE KEY-----")
    held = x509.load_pem_x509_certificate(chain)
    api.clock.advance(held.not_valid_before_utc.timestamp() - api.clock.now())
    await _install(api, chain, begins + key)
    shown = await _call(api, "GET", f"/v2/x509/{HOST}/status")
    assert shown.status == 200
    found = shown.json()
    assert (found["status"], found["error"]) == ("active", "")
    assert x509.load_pem_x509_certificate(found["certificate"].encode()) == held
    again = await _call(api, "POST", f"/v2/x509/{HOST}")
    assert (again.status, again.json()["message"]) == (
        409,
        f"A certificate for {HOST} is there already, and still valid",
    )
    api.clock.advance(held.not_valid_after_utc.timestamp() - api.clock.now())
    found = (await _call(api, "GET", f"/v2/x509/{HOST}/status")).json()
    assert (found["status"], found["error"]) == ("expired", "x509 certificate has expired")
    assert (await _call(api, "PUT", f"/v2/x509/{HOST}")).status == 400


async def test_a_certificate_that_nobody_vouches_for_is_an_error(api: Api, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    ensure_pair(cert, key, HOST, api.clock.now())
    await _install(api, cert.read_bytes(), key.read_bytes())
    found = (await _call(api, "GET", f"/v2/x509/{HOST}/status")).json()
    assert (found["status"], found["error"]) == (
        "error",
        "the certificate is self-signed: browsers do not trust it",
    )


async def test_links_at_the_name_of_the_installation_show_its_pair(api: Api) -> None:
    smtp = api.parts.settings.smtp
    smtp.tls_cert.unlink(missing_ok=True)
    smtp.tls_key.unlink(missing_ok=True)
    ensure_pair(smtp.tls_cert, smtp.tls_key, smtp.hostname, api.clock.now())
    at_ours = domain_settings.changed
    await api.write(
        domains.change_settings,
        api.account_id,
        DOMAIN,
        lambda settings: at_ours(settings, [f"tracking_url=https://{smtp.hostname}"]),
    )
    found = (await _call(api, "GET", f"/v2/x509/{smtp.hostname}/status")).json()
    assert found["status"] == "error" and "BEGIN CERTIFICATE" in found["certificate"]
