"""Mailgun's allow list of a sending domain: addresses and recipient domains that never enter its bounces.

Public: ENDPOINTS.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from typing import Any

from posthouse.desk.suppressions import allow, disallow
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import UTC, date_text, fields_of
from posthouse.doors.api.mailgun.paging import Wanted, paging, wanted_of
from posthouse.doors.api.mailgun.phrases import said
from posthouse.doors.api.mailgun.suppression_import import file_of, imported
from posthouse.model.address import BadAddress, ascii_domain, parse_address
from posthouse.model.errors import Refused
from posthouse.model.suppression import Allowed
from posthouse.store import allowed
from posthouse.store.connection import Connection
from posthouse.store.rows import harmless

_LOWEST, _HIGHEST = "\x01", "\U0010ffff"
_STEP = 500
_LONGEST_REASON = 1_000
_MISSING = "Address/Domain not found in allowlist table"
_PATH = "/v3/{domain}/whitelists"


def _record(item: Allowed) -> dict[str, Any]:
    is_domain = item.value.startswith("@")
    return {
        "type": "domain" if is_domain else "address",
        "value": item.value.removeprefix("@"),
        "reason": item.detail,
        "createdAt": date_text(item.at, UTC),
    }


def _stored(value: str) -> str:
    """A value as it is stored: a domain has an @ in front."""
    value = harmless(value.strip()).lower()
    return value if "@" in value else f"@{value}"


def _ends(wanted: Wanted) -> tuple[str, str]:
    low = _stored(wanted.after) + _LOWEST if wanted.after else ""
    high = _stored(wanted.before) if wanted.before else ""
    return low, high


async def _get_all(call: Call) -> Answer:
    wanted = wanted_of(await fields_of(call))
    rows = await call.read(_page, call.account_id, call.domain.name, wanted)
    items = [_record(row) for row in rows]
    ends = (items[0]["value"], items[-1]["value"]) if items else ("", "")
    return json_answer({"items": items, "paging": paging(call, wanted, *ends)})


def _page(conn: Connection, account_id: str, domain: str, wanted: Wanted) -> list[Allowed]:
    low, high = _ends(wanted)
    if wanted.prefix:  # domains stand with an @ in front: two ranges of the same list
        return _narrowed(conn, account_id, domain, wanted, (low, high))
    return allowed.page(
        conn, account_id, domain, (low, high), is_backwards=wanted.is_backwards, most=wanted.most
    )


def _narrowed(
    conn: Connection, account_id: str, domain: str, wanted: Wanted, ends: tuple[str, str]
) -> list[Allowed]:
    found: list[Allowed] = []
    for prefix in (f"@{wanted.prefix}", wanted.prefix):
        low, high = max(ends[0], prefix), prefix + _HIGHEST
        high = min(high, ends[1]) if ends[1] else high
        found += allowed.page(
            conn, account_id, domain, (low, high), is_backwards=wanted.is_backwards, most=wanted.most
        )
    return found[-wanted.most :] if wanted.is_backwards else found[: wanted.most]


async def _get_one(call: Call) -> Answer:
    value = _stored(call.params["value"])
    found = await call.read(allowed.find_one, call.account_id, call.domain.name, value)
    if found is None:
        raise said(_MISSING, 404)
    return json_answer(_record(found))


async def _add(call: Call) -> Answer:
    form = await fields_of(call)
    value = form.get("address").strip() or form.get("domain").strip()
    if not value:
        raise said("Missing mandatory parameter: address/domain")
    reason = " ".join(form.get("reason").split())[:_LONGEST_REASON]

    def answer(rows: list[Allowed]) -> Answer:
        made = _record(rows[0])
        message = "Address/Domain has been added to the allowlists table"
        return json_answer({"message": message, "type": made["type"], "value": made["value"]})

    return await call.write_once(answer, allow, call.account_id, [value], call.domain.name, call.now, reason)


async def _remove_one(call: Call) -> Answer:
    value = call.params["value"].strip()

    def answer(gone: int) -> Answer:
        if not gone:
            raise said(_MISSING, 404)
        return json_answer({"message": "Allowlist address/domain has been removed", "value": value})

    return await call.write_once(answer, disallow, call.account_id, [value], call.domain.name)


async def _remove_all(call: Call) -> Answer:
    while await call.write(_remove_some, call.account_id, call.domain.name):
        pass
    return json_answer({"message": "Allowlist addresses/domains for this domain have been removed"})


def _remove_some(conn: Connection, account_id: str, domain: str) -> int:
    rows = allowed.page(conn, account_id, domain, most=_STEP)
    return sum(allowed.remove(conn, account_id, row.value, domain) for row in rows)


# Files


async def _import(call: Call) -> Answer:
    content = await file_of(call)
    steps, left_out = _steps(content), 0
    while step := await asyncio.to_thread(next, steps, None):
        values, bad = step
        left_out += bad
        if values:
            await call.write(allow, call.account_id, values, call.domain.name, call.now)
    return imported(left_out)


def _steps(content: bytes) -> Iterator[tuple[list[str], int]]:
    """Values of a file `address,domain` that can be used, a few at a time, and how many lines cannot. The
    address of a line wins over its domain."""
    text = io.StringIO(content.decode("utf-8-sig", "replace"), newline="")
    values, bad = list[str](), 0
    try:
        for place, cells in enumerate(csv.reader(text, skipinitialspace=True)):
            value = next((cell.strip() for cell in cells if cell.strip()), "")
            if not value or (place == 0 and value.lower() in ("address", "domain", "value")):
                continue
            if _is_value(value):
                values.append(value)
            else:
                bad += 1
            if len(values) >= _STEP:
                yield values, bad
                values, bad = [], 0
    except csv.Error as error:
        raise Refused(501, "5.5.4", f"This file is not CSV: {error}", reason="bad-file") from error
    if values or bad:
        yield values, bad


def _is_value(value: str) -> bool:
    try:
        if value.rpartition("@")[0]:
            parse_address(value)
        else:
            ascii_domain(value.removeprefix("@"))
    except BadAddress:
        return False
    return True


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _PATH, "suppressions.read", _get_all),
    Endpoint("POST", _PATH, "suppressions.write", _add),
    Endpoint("DELETE", _PATH, "suppressions.write", _remove_all),
    Endpoint("POST", f"{_PATH}/import", "suppressions.write", _import),
    Endpoint("GET", f"{_PATH}/{{value}}", "suppressions.read", _get_one),
    Endpoint("DELETE", f"{_PATH}/{{value}}", "suppressions.write", _remove_one),
)
