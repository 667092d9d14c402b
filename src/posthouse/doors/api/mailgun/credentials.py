"""Mailgun's calls about a domain's SMTP users; a password that was made is shown once.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from posthouse.desk import credentials
from posthouse.desk.credentials import Issued
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import ZERO, date_text, fields_of, most_of, whole
from posthouse.doors.api.mailgun.domain_shapes import SYSTEM_USER
from posthouse.doors.api.mailgun.domains import both
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.errors import Refused
from posthouse.store.connection import Connection

_READ, _WRITE = "keys.read", "keys.write"
_LIST = "/domains/{domain}/credentials"
_MOST = 1000
_NOTE = "Please store your new password(s) now. You won't be able to see it anymore."


async def _list(call: Call) -> Answer:
    form = await fields_of(call)
    skip, most = whole(form.get("skip"), "skip", 0), most_of(form, 100, _MOST)
    rows = await call.read(credentials.listing, call.account_id, call.domain.name)
    items = [_shown(row) for row in rows[skip : skip + most]]
    return json_answer({"items": items, "total_count": len(rows)})


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "created_at": date_text(row["created_at"], ZERO),
        "login": row["login"],
        "mailbox": row["login"],
        "size_bytes": None,
    }


def _login(call: Call, text: str) -> str:
    """`name` or `name@domain` of this domain. Raises Refused, Said."""
    name = text.strip()
    login = credentials.normal_login(name if "@" in name else f"{name}@{call.domain.name}")
    if login.rpartition("@")[2] != call.domain.name:
        raise said(f"Invalid login: {login} is not of {call.domain.name}")
    return login


async def _create(call: Call) -> Answer:
    form = await fields_of(call)
    named = form.get("login").strip() or form.get("mailbox").strip()
    if not named:
        raise said("Parameter 'login' is missing")

    def answer(issued: Issued) -> Answer:
        return json_answer({"message": "Created 1 credentials pair(s)", **_secrets(issued)})

    return await _put(call, answer, credentials.issue, _login(call, named), form.get("password") or None)


async def _change(call: Call) -> Answer:
    form = await fields_of(call)
    login = _login(call, call.params["login"])

    def answer(issued: Issued) -> Answer:
        more = _secrets(issued) if issued.password else {}
        return json_answer({"message": "Password changed", **more})

    try:
        return await _put(call, answer, credentials.reset, login, form.get("password") or None)
    except Refused as refused:
        raise _in_words(refused) from refused


async def _put(
    call: Call, answer: Callable[[Issued], Answer], change: Any, login: str, password: str | None
) -> Answer:
    """A password that was made is not kept for a call that comes again."""

    def kept(issued: Issued) -> Answer:
        return answer(replace(issued, password=""))

    return await call.issue_once(
        answer,
        kept,
        change,
        call.parts.installation,
        call.parts.ids,
        call.now,
        account_id=call.account_id,
        login=login,
        chosen=password,
        maker=call.principal.login,
    )


def _secrets(issued: Issued) -> dict[str, Any]:
    """The password that was made; one that the caller chose is not repeated."""
    return {"note": _NOTE, "credentials": {issued.login: issued.password}}


def _in_words(refused: Refused) -> Exception:
    return said("Credentials not found", 404) if refused.reason == "no-user" else refused


async def _delete(call: Call) -> Answer:
    login = _login(call, call.params["login"])
    if login == _system_login(call):
        raise said(f"Cannot delete system mailbox: {login}")

    def answer(spec: str) -> Answer:
        return json_answer({"message": "Credentials have been deleted", "spec": spec})

    try:
        return await call.write_once(
            answer, credentials.revoke, call.now, account_id=call.account_id, login=login
        )
    except Refused as refused:
        raise _in_words(refused) from refused


async def _delete_all(call: Call) -> Answer:
    def answer(count: int) -> Answer:
        return json_answer({"message": "All domain credentials have been deleted", "count": count})

    about = (call.now, call.account_id, call.domain.name, _system_login(call))
    return await call.write_once(answer, _revoke_all, *about)


def _revoke_all(conn: Connection, now: float, account_id: str, domain: str, kept: str) -> int:
    logins = [row["login"] for row in credentials.listing(conn, account_id, domain)]
    gone = [login for login in logins if login != kept]
    for login in gone:
        credentials.revoke(conn, now, account_id=account_id, login=login)
    return len(gone)


def _system_login(call: Call) -> str:
    return f"{SYSTEM_USER}@{call.domain.name}"


ENDPOINTS: tuple[Endpoint, ...] = (
    *both("GET", _LIST, _READ, _list),
    *both("POST", _LIST, _WRITE, _create),
    *both("DELETE", _LIST, _WRITE, _delete_all),
    *both("PUT", f"{_LIST}/{{login}}", _WRITE, _change),
    *both("DELETE", f"{_LIST}/{{login}}", _WRITE, _delete),
)
