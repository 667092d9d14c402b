"""The account as programs look at it: `/v3/user/…` (sendgrid.md 3.14).

Public: ENDPOINTS.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from posthouse.desk import accounts
from posthouse.desk.limits import LimitRow, limits_of
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import find_flag, object_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.model.account import Account, AccountSettings, Person, Role
from posthouse.store import people
from posthouse.store.connection import Connection

NO_LIMIT = 1_000_000_000  # what a program sees that asks how many mails are left
_LOWEST_TLS = 1.2  # no older version is ever spoken


def _about(conn: Connection, account_id: str) -> tuple[Account, Person | None]:
    """The account and its first owner."""
    account = accounts.load_by_id(conn, account_id)
    members = people.list_people(conn, account_id)
    owners = [person for person in members if person.roles.get(account_id) is Role.OWNER]
    return account, min(owners, key=lambda person: person.created_at, default=None)


async def _profile(call: Call) -> Answer:
    account, owner = await call.read(_about, call.account_id)
    first, _, last = (owner.name if owner else "").partition(" ")
    blank = dict.fromkeys(("address", "address2", "city", "country", "phone", "state", "website", "zip"), "")
    return json_answer(
        {
            **blank,
            "company": account.name,
            "first_name": first,
            "last_name": last,
            "userid": account.id,
            "username": account.name,
            "email": owner.email if owner else "",
        }
    )


async def _account(call: Call) -> Answer:
    # there is no free kind, and nobody is rated here: programs look whether the account is well
    return json_answer({"type": "paid", "reputation": 100})


async def _email(call: Call) -> Answer:
    _, owner = await call.read(_about, call.account_id)
    return json_answer({"email": owner.email if owner else ""})


async def _username(call: Call) -> Answer:
    account, _ = await call.read(_about, call.account_id)
    return json_answer({"username": account.name, "user_id": account.id})


async def _credits(call: Call) -> Answer:
    return json_answer(_credits_shown(await call.read(_limits, call.account_id, call.now), call.now))


def _limits(conn: Connection, account_id: str, now: float) -> list[LimitRow]:
    return limits_of(conn, accounts.load_by_id(conn, account_id), now)


def _credits_shown(rows: list[LimitRow], now: float) -> dict[str, Any]:
    """The longest limit of the account, or that there is none."""
    own = {row.window: row for row in rows if not row.domain}
    row = own.get("month") or own.get("day")
    if row is None:
        spare = {"remain": NO_LIMIT, "total": NO_LIMIT, "used": 0, "overage": 0}
        return {**spare, "last_reset": _day(now), "next_reset": _day(now), "reset_frequency": "monthly"}
    return {
        "remain": max(0, row.most - row.used),
        "total": row.most,
        "used": row.used,
        "overage": max(0, row.used - row.most),
        "last_reset": _day(_begin(row, now)),
        "next_reset": _day(row.ends_at),
        "reset_frequency": "monthly" if row.window == "month" else "daily",
    }


def _begin(row: LimitRow, now: float) -> float:
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today.replace(day=1) if row.window == "month" else today).timestamp()


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


# TLS


def _tls_shown(settings: AccountSettings) -> dict[str, Any]:
    return {
        "require_tls": settings.require_tls,
        "require_valid_cert": settings.require_tls and not settings.skip_verification,
        "version": _LOWEST_TLS,
    }


async def _tls(call: Call) -> Answer:
    account = await call.read(accounts.load_by_id, call.account_id)
    return json_answer(_tls_shown(account.settings))


async def _change_tls(call: Call) -> Answer:
    given = await object_of(call)
    version = given.get("version")
    if version is not None and version not in (1.1, 1.2):
        text = "version can be 1.1 or 1.2: mail leaves over TLS 1.2 or 1.3, and 1.3 alone cannot be demanded"
        raise said(text, field="version")
    wishes = find_flag(given, "require_tls"), find_flag(given, "require_valid_cert")
    settings = await call.write(_tls_changed, call.account_id, *wishes)
    await call.parts.identity.refresh(call.parts.store)  # mail of this worker follows at once
    return json_answer(_tls_shown(settings))


def _tls_changed(
    conn: Connection, account_id: str, wants_tls: bool | None, wants_valid: bool | None
) -> AccountSettings:
    """A valid certificate can only be demanded where TLS is."""
    before = _tls_shown(accounts.load_by_id(conn, account_id).settings)
    valid = before["require_valid_cert"] and wants_tls is not False if wants_valid is None else wants_valid
    is_needed = bool(valid or (before["require_tls"] if wants_tls is None else wants_tls))
    values = {"require_tls": is_needed, "skip_verification": is_needed and not valid}
    return accounts.apply_settings(conn, account_id, values)


_READ, _WRITE = "settings.read", "settings.write"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/user/profile", _READ, _profile),
    Endpoint("GET", "/v3/user/account", _READ, _account),
    Endpoint("GET", "/v3/user/credits", _READ, _credits),
    Endpoint("GET", "/v3/user/email", _READ, _email),
    Endpoint("GET", "/v3/user/username", _READ, _username),
    Endpoint("GET", "/v3/user/settings/enforced_tls", _READ, _tls),
    Endpoint("PATCH", "/v3/user/settings/enforced_tls", _WRITE, _change_tls),
)
