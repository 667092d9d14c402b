"""Mailgun's calls about the TLS certificates of the hosts of links.

Posthouse orders none: one is brought along, or the pair of the installation is shown.

Public: ENDPOINTS.
"""

from __future__ import annotations

import asyncio
from typing import Any

from posthouse.desk import tracking_certificates
from posthouse.desk.certificate_pairs import UsualCertificate, is_self_signed, read_usual
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.phrases import said_with_reason
from posthouse.rules.tracking_hosts import covers_name
from posthouse.store.web_certificates import WebCertificate

_HERE = "/v2/x509/{host}"
_EXPIRED = "x509 certificate has expired"
_SELF_SIGNED = "the certificate is self-signed: browsers do not trust it"


async def _status(call: Call) -> Answer:
    domain, host = await _place(call)
    shown = await _shown(call, domain, host)
    if shown is None:
        text = f"There is no certificate for {host}: bring one with `posthouse domain certificate {domain}`"
        raise said_with_reason(text, 404)
    return json_answer(shown)


async def _generate(call: Call) -> Answer:
    """What there is cannot be made again; a new one is the customer's to bring."""
    domain, host = await _place(call)
    shown = await _shown(call, domain, host)
    if shown is not None and shown["status"] == "active":
        raise said_with_reason(f"A certificate for {host} is there already, and still valid", 409)
    text = (
        f"Posthouse orders no certificates: bring one for {host} with "
        f"`posthouse domain certificate {domain}` or PUT /posthouse/v1/domains/{domain}/certificate"
    )
    raise said_with_reason(text, 400)


async def _place(call: Call) -> tuple[str, str]:
    """(domain, host of its links) for the one or the other. Raises Said."""
    found = await call.read(tracking_certificates.find_place, call.account_id, call.params["host"])
    if found is None:
        raise said_with_reason("Domain not found", 404)
    return found


async def _shown(call: Call, domain: str, host: str) -> dict[str, Any] | None:
    """What a browser sees at the host; None: a certificate that is not for it."""
    own = await call.read(tracking_certificates.find_of, call.account_id, domain)
    if own is not None and own.host == host:
        return _state(own, call.now)
    usual = await asyncio.to_thread(read_usual, call.parts.settings.smtp.tls_cert)
    if usual is None or not covers_name(usual.names, host):
        return None
    return _state(usual, call.now)


def _state(held: WebCertificate | UsualCertificate, now: float) -> dict[str, Any]:
    status, error = ("active", "") if held.expires_at > now else ("expired", _EXPIRED)
    if status == "active" and is_self_signed(held.chain):
        status, error = "error", _SELF_SIGNED
    return {"status": status, "error": error, "certificate": held.chain}


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", f"{_HERE}/status", "domains.read", _status),
    Endpoint("POST", _HERE, "domains.write", _generate),
    Endpoint("PUT", _HERE, "domains.write", _generate),
)
