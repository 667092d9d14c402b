"""The activity as a CSV file: asked for at `/v3/messages/download`, and read at a link that needs no key
(sendgrid.md 3.13).

Nothing is kept of what was asked for: the link says it, sealed, and the file is made while it is read. The
link ends after three days, as the service's does, and at once with the key that asked.

Public: ENDPOINTS.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import msgspec
from starlette.responses import Response

from posthouse.dialects.sendgrid.activity import Activity, shown_events
from posthouse.dialects.sendgrid.activity_query import MESSAGES, Query, read_query
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.activity import query_of
from posthouse.doors.api.sendgrid.activity_search import Search, find_some
from posthouse.doors.api.sendgrid.phrases import not_found, said
from posthouse.doors.api.streams import HeldStream
from posthouse.model.account import Principal
from posthouse.model.errors import PosthouseError, SettingsError
from posthouse.rules.permissions import may
from posthouse.rules.suppression_csv import guarded

LINK_S = 3 * 86400.0
_MOST_EVENTS = 1_000_000
_AT_ONCE = 50
_LONGEST_QUERY, _LONGEST_LINK = 2_000, 4_096
_SEAL = "activity csv"
_READ = "events.read"
_KIND = "text/csv; charset=utf-8"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Disposition": 'attachment; filename="activity.csv"',
}
_INCOMPLETE = b"incomplete: the store is away; download it again\r\n"
_COLUMNS = (
    "processed", "message_id", "event", "api_key_id", "subject", "from", "email", "asm_group_id", "template",
    "originating_ip", "reason", "outbound_ip", "mx", "attempt", "url", "user_agent", "type", "categories",
    "unique_args",
)  # fmt: skip


class _Wish(msgspec.Struct, array_like=True, frozen=True):
    """What a link stands for."""

    account_id: str
    credential_id: str
    query: str
    until: float


async def _ask(call: Call) -> Answer:
    """The link is told at once and mailed to nobody."""
    text = call.query.get("query", "")
    if len(text) > _LONGEST_QUERY:
        raise said(f"query must have at most {_LONGEST_QUERY} characters", field="query")
    query_of(text, MESSAGES)
    wish = _Wish(call.account_id, call.principal.credential_id, text, call.now + LINK_S)
    sealed = call.parts.installation.seal(msgspec.json.encode(wish), _SEAL)
    id = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    told = {
        "status": "pending",
        "message": "No email is sent: GET /v3/messages/download/{download_uuid} shows the link",
        "download_uuid": id,
    }
    return json_answer(told, 202)


async def _show_link(call: Call) -> Answer:
    """S20: of another account as if there were none."""
    if _opened(call).account_id != call.account_id:
        raise not_found()
    return json_answer({"presigned_url": f"{call.base_url}{_ONE.format(id=call.params['id'])}/activity.csv"})


def _opened(call: Call) -> _Wish:
    """Raises Said for what is no link of ours, and for one whose time is over."""
    id = call.params["id"]
    try:
        if len(id) > _LONGEST_LINK:
            raise ValueError("too long")
        sealed = base64.urlsafe_b64decode(id + "=" * (-len(id) % 4))
        wish = msgspec.json.decode(call.parts.installation.open(sealed, _SEAL), type=_Wish)
    except (ValueError, binascii.Error, msgspec.MsgspecError, SettingsError):
        raise not_found() from None
    if wish.until <= call.now:
        raise not_found()
    return wish


# The file


async def _read_file(call: Call) -> Answer | Response:
    wish = _opened(call)
    call.principal = replace(call.principal, account_id=wish.account_id, credential_id=wish.credential_id)
    current = _still_there(call)
    if current is None or not call.parts.identity.admits(current, call.client):
        raise not_found()
    call.principal = current
    if call.request.method == "HEAD":
        return Answer(200, b"", {"Content-Type": _KIND, **_HEADERS})
    query = read_query(wish.query, MESSAGES)
    with ExitStack() as held:
        held.enter_context(call.parts.streams.place(call.principal.credential_id))
        return HeldStream(_lines(call, query), held.pop_all(), kind=_KIND, headers=_HEADERS)


def _still_there(call: Call) -> Principal | None:
    """Who asked for the file, while the key is valid and may read events."""
    identity = call.parts.identity
    current = identity.current(call.principal)
    if current is None or current.account_id in identity.suspended or not may(current.permissions, _READ):
        return None
    return current


async def _lines(call: Call, query: Query) -> AsyncIterator[bytes]:
    """The newest letters first, some at a time; who reads slowly is waited for."""
    yield _written([_COLUMNS])
    place, told = "", 0
    while _still_there(call):
        try:
            found = await find_some(call, Search(query, False, _AT_ONCE, place))
        except PosthouseError:
            yield _INCOMPLETE
            return
        rows = [row for activity, record in found.rows for row in _rows(activity, record)]
        if rows:
            yield _written(rows)
        place, told = found.place, told + len(rows)
        if not place or told >= _MOST_EVENTS or await call.parts.streams.pause(0.0):
            return


def _rows(activity: Activity, record: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """A line for each event of one recipient."""
    args = msgspec.json.encode(record["unique_args"]).decode() if record["unique_args"] else ""
    for event in shown_events(activity):
        yield (
            event["processed"], record["msg_id"], event["event_name"], record["api_key_id"],
            record["subject"], record["from_email"], record["to_email"], record["asm_group_id"],
            record["template_name"], record["originating_ip"], event.get("reason"), record["outbound_ip"],
            event.get("mx_server"), event.get("attempt_num"), event.get("url"),
            event.get("http_user_agent"), event.get("bounce_type"), ", ".join(record["categories"]), args,
        )  # fmt: skip


def _written(rows: list[tuple[Any, ...]]) -> bytes:
    """No cell is a formula: people open the file in spreadsheets (decision 057)."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerows([guarded("" if cell is None else str(cell)) for cell in row] for row in rows)
    return text.getvalue().encode()


_HERE = "/v3/messages/download"
_ONE = f"{_HERE}/{{id}}"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", _HERE, _READ, _ask),
    Endpoint("GET", _ONE, _READ, _show_link),
    Endpoint("GET", f"{_ONE}/activity.csv", "", _read_file, is_open=True),
)
