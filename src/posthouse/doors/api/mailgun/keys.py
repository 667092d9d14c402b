"""Mailgun's calls about API keys: a role is a set of our permissions, the secret is shown once.

A key that has expired stays in the list, as disabled, until it is deleted.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from posthouse.desk import keys
from posthouse.desk.expiry import has_expired, judge_expiry
from posthouse.desk.keys import NATIVE, IssuedKey
from posthouse.desk.terms import Terms
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.absent import refused
from posthouse.doors.api.mailgun.asked import fields_of, instant_text, whole
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.account import CredentialKind
from posthouse.model.errors import Refused
from posthouse.rules.permissions import FULL, READ_ONLY, SEND_ONLY, beyond

_LIST = "/v1/keys"
_OPENING = "ph_"
_ROLES = {
    "admin": FULL,
    "developer": tuple(word for word in FULL if word != "keys.write"),
    "basic": READ_ONLY,
    "sending": SEND_ONLY,
}
_KINDS = ("domain", "user", "web")


def _role(permissions: Sequence[str]) -> str:
    """The smallest role that covers these."""
    for name in ("sending", "basic", "developer"):
        if set(permissions) <= set(_ROLES[name]):
            return name
    return "admin"


def _shown(row: dict[str, Any], now: float) -> dict[str, Any]:
    at = instant_text(row["created_at"])
    expires_at, is_over = row["expires_at"], has_expired(row["expires_at"], now)
    return {
        "id": row["id"],
        "description": row["name"],
        "kind": "domain" if row["domain"] else "user",
        "role": _role(row["permissions"]),
        "domain_name": row["domain"] or None,
        "created_at": at,
        "updated_at": at,
        # mailgun-go reads all three as times: it takes "" for none, and no null
        "expires_at": "" if expires_at is None else instant_text(expires_at),
        "is_disabled": is_over,
        "disabled_reason": "expired" if is_over else None,
        "requestor": None,
        "user_name": None,
    }


async def _get_all(call: Call) -> Answer:
    form = await fields_of(call)
    domain = form.get("domain_name").strip().lower() or None
    rows = await call.read(keys.listing, call.account_id, CredentialKind.API_KEY, domain)
    items = [_shown(row, call.now) for row in rows]
    return json_answer({"total_count": len(items), "items": items})


async def _create(call: Call) -> Answer:
    form = await fields_of(call)
    role, kind = form.get("role").strip().lower(), form.get("kind").strip().lower() or "user"
    if role not in _ROLES:
        raise said(f"Invalid role: use one of {', '.join(_ROLES)}")
    if kind not in _KINDS:
        raise said(f"Invalid kind: use one of {', '.join(_KINDS)}")
    domain = form.get("domain_name").strip().lower() if kind == "domain" else ""
    if kind == "domain" and not domain:
        raise said("Missing mandatory parameter: domain_name")
    lasts_s = whole(form.get("expiration"), "expiration", 0)
    expires_at = judge_expiry(call.now + lasts_s, call.now) if lasts_s else None
    permissions = _ROLES[role]
    if missing := beyond(permissions, call.principal.permissions):
        raise said(f"A key gives no more than it has itself: it lacks {missing[0]}", 403)
    named = {"permissions": permissions, "name": form.get("description")[:100], "domain": domain}

    def told(issued: IssuedKey) -> Answer:
        row = {"id": issued.id, "created_at": call.now, "expires_at": issued.expires_at, **named}
        shown = _shown(row, call.now)
        return json_answer({"message": "great success", "key": {**shown, "secret": issued.secret}})

    def kept(issued: IssuedKey) -> Answer:
        return told(replace(issued, secret=""))

    return await call.issue_once(
        told,
        kept,
        keys.issue_key,
        call.parts.installation,
        call.parts.ids,
        call.now,
        account_id=call.account_id,
        opening=_OPENING,
        dialect=NATIVE,
        maker=call.principal.login,
        terms=Terms(expires_at=expires_at),
        **named,
    )


_public = refused("There is no public key here: Posthouse validates no addresses")


async def _delete(call: Call) -> Answer:
    def answer(_: str) -> Answer:
        return json_answer({"message": "key deleted"})

    try:
        return await call.write_once(
            answer,
            keys.revoke,
            call.now,
            account_id=call.account_id,
            kind=CredentialKind.API_KEY,
            id=call.params["id"],
        )
    except Refused as refused:
        raise (said("no key matching id", 404) if refused.reason == "no-key" else refused) from refused


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _LIST, "keys.read", _get_all),
    Endpoint("POST", _LIST, "keys.write", _create),
    Endpoint("POST", f"{_LIST}/public", "keys.write", _public),
    Endpoint("DELETE", f"{_LIST}/{{id}}", "keys.write", _delete),
)
