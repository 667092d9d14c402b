"""Who left a group, and who left everything: `/v3/asm/…suppressions…` (sendgrid.md 3.12).

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from starlette.responses import StreamingResponse

from posthouse.desk import suppressions as desk
from posthouse.desk.suppressions import Place
from posthouse.doors.api.answers import JSON, NOTHING, Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import emails_of, object_of, path_number
from posthouse.doors.api.sendgrid.unsubscribe_groups import brief
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import groups, suppressions
from posthouse.store.connection import Connection
from posthouse.store.groups import Group, scope_of
from posthouse.store.suppression_times import scope_page

_UNSUBSCRIBE = SuppressionKind.UNSUBSCRIBE
_PAGE = 2_000
_encode = msgspec.json.Encoder().encode


# One group


async def _add(call: Call) -> Answer:
    emails = emails_of(await object_of(call), "recipient_emails")
    return await call.write_once(
        lambda _: json_answer({"recipient_emails": emails}, 201),
        _added,
        call.account_id,
        path_number(call, "group"),
        emails,
        call.now,
    )


def _added(conn: Connection, account_id: str, number: int, emails: Sequence[str], now: float) -> None:
    """An unknown group is an error; at the service such addresses silently leave everything."""
    group = desk.load_group(conn, account_id, number)
    desk.add(conn, account_id, emails, _place(group.number), now)


def _place(number: int) -> Place:
    return Place(_UNSUBSCRIBE, "", scope_of(number))


async def _listed(call: Call) -> StreamingResponse:
    """All of them, as the service does it: read and sent in pieces, for there may be a million."""
    group = await call.read(desk.load_group, call.account_id, path_number(call, "group"))
    return _streamed(_addresses(call, group))


async def _addresses(call: Call, group: Group) -> AsyncIterator[list[Any]]:
    async for rows in _pages(call, group):
        yield [row.address for row in rows]


async def _pages(call: Call, group: Group) -> AsyncIterator[list[Suppression]]:
    after = (-1.0, "")
    while rows := await call.read(scope_page, call.account_id, scope_of(group.number), after, _PAGE):
        yield rows
        after = (rows[-1].at, rows[-1].address)


def _streamed(pages: AsyncIterator[list[Any]]) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        lead = b"["
        async for values in pages:
            if values:
                yield lead + _encode(values)[1:-1]
                lead = b","
        yield b"[]" if lead == b"[" else b"]"

    return StreamingResponse(body(), media_type=JSON)


async def _search(call: Call) -> Answer:
    emails = emails_of(await object_of(call), "recipient_emails")
    return json_answer(await call.read(_among, call.account_id, path_number(call, "group"), emails))


def _among(conn: Connection, account_id: str, number: int, emails: Sequence[str]) -> list[str]:
    """Those of the addresses that left the group, as they were written."""
    scope = scope_of(desk.load_group(conn, account_id, number).number)
    rows = suppressions.find(conn, [(account_id, email.strip()) for email in emails])
    gone = {row.address for row in rows if row.scope == scope}
    return [email for email in dict.fromkeys(emails) if email.strip().lower() in gone]


async def _remove(call: Call) -> Answer:
    await call.write(_removed, call.account_id, path_number(call, "group"), call.params["email"])
    return NOTHING


def _removed(conn: Connection, account_id: str, number: int, email: str) -> None:
    group = desk.load_group(conn, account_id, number)
    desk.remove(conn, account_id, [email], _place(group.number))


# All groups


async def _all(call: Call) -> StreamingResponse:
    found = await call.read(groups.list_groups, call.account_id)
    return _streamed(_rows(call, found))


async def _rows(call: Call, found: Sequence[Group]) -> AsyncIterator[list[Any]]:
    for group in found:
        async for rows in _pages(call, group):
            yield [_row(row, group) for row in rows]


def _row(row: Suppression, group: Group) -> dict[str, Any]:
    return {
        "email": row.address,
        "group_id": group.number,
        "group_name": group.name,
        "created_at": int(row.at),
    }


async def _of_address(call: Call) -> Answer:
    found = await call.read(_by_group, call.account_id, call.params["email"])
    return json_answer({"suppressions": found})


def _by_group(conn: Connection, account_id: str, email: str) -> list[dict[str, Any]]:
    scopes = {row.scope for row in suppressions.find(conn, [(account_id, email.strip())])}
    return [
        {**brief(group), "suppressed": scope_of(group.number) in scopes}
        for group in groups.list_groups(conn, account_id)
    ]


# Everything


_GLOBAL = Place(_UNSUBSCRIBE, "", "")


async def _add_global(call: Call) -> Answer:
    emails = emails_of(await object_of(call), "recipient_emails")
    return await call.write_once(
        lambda _: json_answer({"recipient_emails": emails}, 201),
        desk.add,
        call.account_id,
        emails,
        _GLOBAL,
        call.now,
    )


async def _find_global(call: Call) -> Answer:
    rows = await call.read(suppressions.find, [(call.account_id, call.params["email"].strip())])
    is_there = any((row.kind, row.domain, row.scope) == (_UNSUBSCRIBE, "", "") for row in rows)
    return json_answer({"recipient_email": call.params["email"]} if is_there else {})


async def _remove_global(call: Call) -> Answer:
    await call.write(desk.remove, call.account_id, [call.params["email"]], _GLOBAL)
    return NOTHING


_READ, _WRITE = "suppressions.read", "suppressions.write"
_OF_GROUP = "/v3/asm/groups/{group}/suppressions"
_OF_ALL = "/v3/asm/suppressions"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", _OF_GROUP, _WRITE, _add),
    Endpoint("GET", _OF_GROUP, _READ, _listed),
    Endpoint("POST", f"{_OF_GROUP}/search", _READ, _search),
    Endpoint("DELETE", f"{_OF_GROUP}/{{email}}", _WRITE, _remove),
    Endpoint("GET", _OF_ALL, _READ, _all),
    Endpoint("GET", f"{_OF_ALL}/{{email}}", _READ, _of_address),
    Endpoint("POST", f"{_OF_ALL}/global", _WRITE, _add_global),
    Endpoint("GET", f"{_OF_ALL}/global/{{email}}", _READ, _find_global),
    Endpoint("DELETE", f"{_OF_ALL}/global/{{email}}", _WRITE, _remove_global),
)
