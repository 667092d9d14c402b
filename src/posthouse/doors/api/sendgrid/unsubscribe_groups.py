"""Unsubscribe groups: kinds of mail that a recipient may leave one by one (sendgrid.md 3.12).

Public: ENDPOINTS.
"""

from __future__ import annotations

from typing import Any

from posthouse.desk import suppressions as desk
from posthouse.doors.api.answers import NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import find_flag, find_text, object_of, path_number, text_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.model.errors import Refused
from posthouse.store import groups, suppression_times
from posthouse.store.connection import Connection
from posthouse.store.groups import Group, scope_of

MOST_GROUPS = 200
_MOST_NAME, _MOST_DESCRIPTION = 30, 100


def brief(group: Group) -> dict[str, Any]:
    return {
        "id": group.number,
        "name": group.name,
        "description": group.description,
        "is_default": group.is_default,
    }


def _full(conn: Connection, group: Group) -> dict[str, Any]:
    count = suppression_times.count_scope(conn, group.account_id, scope_of(group.number))
    return {**brief(group), "last_email_sent_at": None, "unsubscribes": count}


async def _listed(call: Call) -> Answer:
    wanted = {text for text in call.query.getlist("id") if text}
    return json_answer(await call.read(_all, call.account_id, wanted))


def _all(conn: Connection, account_id: str, wanted: set[str]) -> list[dict[str, Any]]:
    return [
        _full(conn, group)
        for group in groups.list_groups(conn, account_id)
        if not wanted or str(group.number) in wanted
    ]


async def _one(call: Call) -> Answer:
    return json_answer(await call.read(_one_full, call.account_id, path_number(call, "group")))


def _one_full(conn: Connection, account_id: str, number: int) -> dict[str, Any]:
    return _full(conn, desk.load_group(conn, account_id, number))


async def _add(call: Call) -> Answer:
    given = await object_of(call)
    name = text_of(given, "name", _MOST_NAME)
    description = text_of(given, "description", _MOST_DESCRIPTION)
    is_default = find_flag(given, "is_default") or False

    def answer(made: Group) -> Answer:
        return json_answer(brief(made), 201)

    try:
        return await call.write_once(answer, _added, call.account_id, name, description, is_default)
    except Refused as refused:
        raise _told(refused) from refused


def _added(conn: Connection, account_id: str, name: str, description: str, is_default: bool) -> Group:
    if len(groups.list_groups(conn, account_id)) >= MOST_GROUPS:
        raise said(f"an account has at most {MOST_GROUPS} groups")
    return desk.add_group(conn, account_id, name, description, is_default=is_default)


async def _change(call: Call) -> Answer:
    given = await object_of(call)
    try:
        made = await call.write(
            desk.change_group,
            call.account_id,
            path_number(call, "group"),
            name=find_text(given, "name", _MOST_NAME),
            description=find_text(given, "description", _MOST_DESCRIPTION),
            is_default=find_flag(given, "is_default"),
        )
    except Refused as refused:
        raise _told(refused) from refused
    return json_answer(brief(made), 201)  # documented: not 200


def _told(refused: Refused) -> Exception:
    fields = {"exists": "name", "bad-name": "name", "bad-text": "description"}
    field = fields.get(refused.reason)
    return said(refused.text, field=field) if field else refused


async def _remove(call: Call) -> Answer:
    await call.write(desk.remove_group, call.account_id, path_number(call, "group"))
    return NOTHING


_READ, _WRITE = "suppressions.read", "suppressions.write"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/asm/groups", _READ, _listed),
    Endpoint("POST", "/v3/asm/groups", _WRITE, _add),
    Endpoint("GET", "/v3/asm/groups/{group}", _READ, _one),
    Endpoint("PATCH", "/v3/asm/groups/{group}", _WRITE, _change),
    Endpoint("DELETE", "/v3/asm/groups/{group}", _WRITE, _remove),
)
