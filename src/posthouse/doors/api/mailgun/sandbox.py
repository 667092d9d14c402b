"""Mailgun's calls about the addresses that sandbox domains may write to: the same for all of an account's.

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.desk import domain_settings, domains
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import fields_of, required
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.account import Domain
from posthouse.model.errors import Refused
from posthouse.store import identity
from posthouse.store.connection import Connection

MOST = 5
_LIST = "/v5/sandbox/auth_recipients"


def _sandboxes(conn: Connection, account_id: str) -> list[Domain]:
    found = [item for item in identity.list_domains(conn, account_id) if item.settings.is_sandbox]
    if not found:
        raise said("This account has no sandbox domain", 404)
    return found


def _recipients(conn: Connection, account_id: str) -> list[str]:
    return sorted({one for item in _sandboxes(conn, account_id) for one in item.settings.authorised})


async def _get(call: Call) -> Answer:
    found = await call.read(_recipients, call.account_id)
    # who runs the house vouches for them: nobody has to confirm anything
    return json_answer({"recipients": [{"email": email, "activated": True} for email in found]})


async def _add(call: Call) -> Answer:
    email = required(await fields_of(call), "email")

    def answer(made: str) -> Answer:
        return json_answer({"recipient": {"email": made, "activated": True}})

    return await call.write_once(answer, _authorise, call.account_id, email)


def _authorise(conn: Connection, account_id: str, email: str) -> str:
    before = set(_recipients(conn, account_id))
    for domain in _sandboxes(conn, account_id):
        domains.change_settings(
            conn, account_id, domain.name, lambda settings: domain_settings.authorised(settings, email)
        )
    after = set(_recipients(conn, account_id))
    if len(after) > MOST and after > before:
        raise said(f"Only {MOST} sandbox recipients are allowed")
    return email.lower()


async def _remove(call: Call) -> Answer:
    def answer(_: None) -> Answer:
        return json_answer({"message": "Sandbox recipient deleted."})

    try:
        return await call.write_once(answer, _unauthorise, call.account_id, call.params["email"])
    except Refused as refused:
        raise said("Sandbox recipient not found", 404) from refused


def _unauthorise(conn: Connection, account_id: str, email: str) -> None:
    held = [
        domain
        for domain in _sandboxes(conn, account_id)
        if email.strip().lower() in domain.settings.authorised
    ]
    if not held:
        raise said("Sandbox recipient not found", 404)
    for domain in held:
        domains.change_settings(
            conn, account_id, domain.name, lambda settings: domain_settings.unauthorised(settings, email)
        )


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _LIST, "domains.read", _get),
    Endpoint("POST", _LIST, "domains.write", _add),
    Endpoint("DELETE", f"{_LIST}/{{email}}", "domains.write", _remove),
)
