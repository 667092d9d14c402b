"""Mailgun's calls about the account itself: its monthly limit, its people, its settings (v5, documented).

What whoever runs the service decides here, such as limits and the account's name, is told and not changed.

Public: ENDPOINTS.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from posthouse.desk import accounts
from posthouse.desk.limits import limits_of
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.bodies import Form
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.absent import refused
from posthouse.doors.api.mailgun.asked import fields_of, most_of, whole
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.account import Person, Role
from posthouse.store import people
from posthouse.store.connection import Connection

_ACCOUNT, _USERS = "/v5/accounts", "/v5/users"
_MONTHLY = f"{_ACCOUNT}/limit/custom/monthly"
_READ = "keys.read"
_MOST = 1000
_SETTINGS = ("name", "inactive_session_timeout", "absolute_session_timeout", "logout_redirect_url")
_FEATURES = {
    "webhooks_redact_pii": "Posthouse leaves nothing out of its webhooks",
    "ai_insights": "Posthouse has no such insights",
}
"""Feature -> why it cannot be had."""


# Limits


async def _monthly(call: Call) -> Answer:
    """Recipients of this month, of the limit for the whole account; 404 where there is none."""
    found = await call.read(_limit, call)
    if found is None:
        raise said("No threshold for account", 404)
    return json_answer(found)


def _limit(conn: Connection, call: Call) -> dict[str, Any] | None:
    account = accounts.load_by_id(conn, call.account_id)
    for row in limits_of(conn, account, call.now):
        if not row.domain and row.window == "month":
            return {"limit": row.most, "current": row.used, "period": "1m"}
    return None


_keep_limit = refused(
    "An account's limits are set by whoever runs this service, with `posthouse account set`", 403
)
_reopen = refused("This account is not disabled: a limit that is used up opens with its next month by itself")


# Settings


async def _settings(call: Call) -> Answer:
    form = await fields_of(call)
    if not any(form.get(name).strip() for name in _SETTINGS):
        raise said(f"One of {', '.join(_SETTINGS)} must be provided to update account info")
    raise said("An account's name and how long people stay signed in are not changed by calls here", 403)


async def _features(call: Call) -> Answer:
    """`{"enabled": true}` as a text for each feature (observed: mailgun.js): none can be had, and all are off
    as it is."""
    form = await fields_of(call)
    named = [name for name in _FEATURES if name in form]
    if not named:
        raise said(f"No valid updates provided: the features are {', '.join(_FEATURES)}")
    for name in named:
        if _is_wanted(form, name):
            raise said(f"{name} cannot be enabled: {_FEATURES[name]}")
    return json_answer({"success": True})


def _is_wanted(form: Form, name: str) -> bool:
    try:
        value = json.loads(form.get(name))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("enabled"), bool):
        raise said(f'{name} should be {{"enabled": true}} or {{"enabled": false}}')
    return bool(value["enabled"])


_activate = refused("There is nothing to activate: accounts are active from the start here")


# People

_ROLES = {Role.OWNER: "admin", Role.DEVELOPER: "developer", Role.VIEWER: "basic"}


async def _list(call: Call) -> Answer:
    """`role`: also one that nobody has here, such as billing."""
    form = await fields_of(call)
    role = form.get("role").strip().lower()
    skip, most = whole(form.get("skip"), "skip", 0), most_of(form, 100, _MOST)
    found = await call.read(people.list_people, call.account_id)
    chosen = [person for person in found if role in ("", _role(call, person))]
    users = [_shown(call, person) for person in chosen[skip : skip + most]]
    return json_answer({"users": users, "total": len(chosen)})


async def _get(call: Call) -> Answer:
    person = await call.read(people.find_person_by_id, call.params["user_id"])
    if person is None or call.account_id not in person.roles:
        raise said("No such user exists", 404)
    return json_answer(_shown(call, person))


# keys are an account's here, and nobody's own
_get_own = refused("Incompatible key for this endpoint", 403)


def _role(call: Call, person: Person) -> str:
    return _ROLES[person.roles[call.account_id]]


def _shown(call: Call, person: Person) -> dict[str, Any]:
    """`activated`: has chosen a password; `is_master`: an owner, of whom there may be several."""
    local_part, _, domain = person.email.rpartition("@")
    return {
        "id": person.id,
        "name": person.name,
        "activated": not person.must_change,
        "is_disabled": False,
        "email": person.email,
        "email_details": {
            "address": person.email,
            "is_valid": True,
            "parts": {"local_part": local_part, "domain": domain},
        },
        "role": _role(call, person),
        "account_id": call.account_id,
        "opened_ip": "",
        "is_master": person.roles[call.account_id] is Role.OWNER,
        "metadata": {},
        "tfa_enabled": bool(person.totp),
        "tfa_active": bool(person.totp),
        "tfa_created_at": None,
        "password_updated_at": _time(person.password_at),
        "preferences": {},
        "auth": {"method": "password", "prior_details": {}, "prior_method": ""},
        "github_user_id": None,
        "salesforce_user_id": None,
        "migration_status": None,
    }


def _time(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("PUT", _ACCOUNT, "settings.write", _settings),
    Endpoint("PUT", f"{_ACCOUNT}/features", "settings.write", _features),
    Endpoint("POST", f"{_ACCOUNT}/resend_activation_email", "settings.write", _activate),
    Endpoint("GET", _MONTHLY, "", _monthly),
    Endpoint("PUT", _MONTHLY, "settings.write", _keep_limit),
    Endpoint("DELETE", _MONTHLY, "settings.write", _keep_limit),
    Endpoint("PUT", f"{_ACCOUNT}/limit/custom/enable", "settings.write", _reopen),
    Endpoint("GET", _USERS, _READ, _list),
    Endpoint("GET", f"{_USERS}/me", "", _get_own),
    Endpoint("GET", f"{_USERS}/{{user_id}}", _READ, _get),
)
