"""Mailgun's three lists of a sending domain: bounces, unsubscribes (by tag), complaints (mailgun.md 5.9).

What holds for the whole account, or for a group, is none of these lists' and stays out of them.

Public: ENDPOINTS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.desk.suppressions import Entry, add_entries, remove
from posthouse.desk.suppressions import Place as Where
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.bodies import Form
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Handler
from posthouse.doors.api.mailgun.asked import UTC, date_text, fields_of, has_json, required
from posthouse.doors.api.mailgun.paging import paging, wanted_of
from posthouse.doors.api.mailgun.phrases import said
from posthouse.doors.api.mailgun.suppression_import import import_file
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.rules.suppression_csv import parse_time
from posthouse.store import suppression_pages
from posthouse.store.rows import harmless
from posthouse.store.suppression_pages import Span

MOST = 1000
_STEP = 2_000
_LONGEST_ERROR = 1_000
_MOST_TAGS = 100
_READ, _WRITE = "suppressions.read", "suppressions.write"
_CODED = re.compile(r"([2-6]\d\d)(?:[\s-]+|\Z)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _List:
    """One list in Mailgun's words. `record`: what it says about an address; `entry`: what a call says."""

    kind: SuppressionKind
    path: str
    record: Callable[[Sequence[Suppression]], dict[str, Any]]
    entry: Callable[[Form], Entry]
    added: str
    added_many: str
    removed: str
    emptied: str
    missing: str


# Records


def _bounce_record(rows: Sequence[Suppression]) -> dict[str, Any]:
    match = _CODED.match(rows[0].detail)
    code, error = match.groups() if match else ("550", rows[0].detail)
    return {"address": rows[0].address, "code": code, "error": error, "created_at": _created(rows)}


def _unsubscribe_record(rows: Sequence[Suppression]) -> dict[str, Any]:
    tags = ["*" if not row.scope else row.scope.removeprefix("tag:") for row in rows]
    return {"address": rows[0].address, "tags": tags, "created_at": _created(rows)}


def _complaint_record(rows: Sequence[Suppression]) -> dict[str, Any]:
    return {"address": rows[0].address, "created_at": _created(rows)}


def _created(rows: Sequence[Suppression]) -> str:
    return date_text(min(row.at for row in rows), UTC)


# Entries


def _bounce_entry(form: Form) -> Entry:
    code = form.get("code").strip() or "550"
    if not (code.isascii() and code.isdigit() and len(code) == 3):
        raise said("Invalid code: it has three digits, such as 550")
    error = " ".join(form.get("error").split())[:_LONGEST_ERROR]
    return Entry(required(form, "address"), at=_at(form), detail=f"{code} {error}".strip())


def _unsubscribe_entry(form: Form) -> Entry:
    tags = [tag.strip().lower() for name in ("tag", "tags") for tag in form.all(name) if tag.strip()]
    if len(tags) > _MOST_TAGS:
        raise said(f"An address has at most {_MOST_TAGS} tags in one call")
    if any(len(tag) > 128 or not tag.isprintable() for tag in tags):
        raise said("Invalid tag: it has at most 128 visible characters")
    scopes = tuple("" if tag == "*" else f"tag:{tag}" for tag in dict.fromkeys(tags or ["*"]))
    return Entry(required(form, "address"), scopes, _at(form))


def _complaint_entry(form: Form) -> Entry:
    return Entry(required(form, "address"), at=_at(form))


def _at(form: Form) -> float | None:
    text = form.get("created_at").strip()
    at = parse_time(text) if text else None
    if text and at is None:
        raise said("Invalid created_at: use a date such as Thu, 13 Oct 2011 18:02:00 UTC")
    # mailgun-go writes a time that nobody said as Mon, 01 Jan 0001
    return None if at is None or at < 0 else at


# Calls


def _getting_all(held: _List) -> Handler:
    async def get_all(call: Call) -> Answer:
        wanted = wanted_of(await fields_of(call), most=MOST)
        span = Span(
            call.account_id,
            held.kind,
            call.domain.name,
            after=wanted.after,
            before=wanted.before,
            prefix=wanted.prefix,
            is_backwards=wanted.is_backwards,
        )
        groups = await call.read(suppression_pages.page, span, wanted.most)
        ends = (groups[0][0].address, groups[-1][0].address) if groups else ("", "")
        items = [held.record(rows) for rows in groups]
        return json_answer({"items": items, "paging": paging(call, wanted, *ends)})

    return get_all


def _getting_one(held: _List) -> Handler:
    async def get_one(call: Call) -> Answer:
        address = harmless(call.params["address"])
        key = (call.account_id, address, held.kind, call.domain.name)
        rows = await call.read(suppression_pages.of_address, *key)
        if not rows:
            raise said(held.missing, 404)
        return json_answer(held.record(rows))

    return get_one


def _adding(held: _List) -> Handler:
    async def add(call: Call) -> Answer:
        entries, is_many = await _entries(call, held)
        told: dict[str, Any] = {"message": held.added_many.format(len(entries)) if is_many else held.added}

        def answer(rows: list[Suppression]) -> Answer:
            return json_answer(told if is_many else {**told, "address": rows[0].address})

        key = (call.account_id, held.kind, call.domain.name, entries, call.now)
        return await call.write_once(answer, add_entries, *key)

    return add


async def _entries(call: Call, held: _List) -> tuple[list[Entry], bool]:
    """What a call puts on the list, and whether it came as an array."""
    if not has_json(call):
        return [held.entry(await fields_of(call))], False
    value = await call.json()
    if isinstance(value, dict):
        return [held.entry(_form_of(value))], False
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise said("The body should be an array of objects")
    if len(value) > MOST:
        raise said(f"Batch size should be less than {MOST}")
    if not value:
        raise said("Missing mandatory parameter: address")
    return [held.entry(_form_of(item)) for item in value], True


def _form_of(item: dict[str, Any]) -> Form:
    fields = []
    for name, value in item.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict | list):
                raise said(f"Invalid value for {name[:100]}: use a text or a list of texts")
            if one is not None:
                fields.append((name, str(one)))
    return Form(fields=fields)


def _removing(held: _List) -> Handler:
    async def remove_one(call: Call) -> Answer:
        form = await fields_of(call)
        tag = form.get("tag").strip().lower()
        scope = None
        if tag and held.kind is SuppressionKind.UNSUBSCRIBE:
            scope = "" if tag == "*" else f"tag:{harmless(tag)}"
        address = harmless(call.params["address"]).lower()
        where = Where(held.kind, call.domain.name, scope)

        def answer(gone: int) -> Answer:
            if not gone:
                raise said(held.missing, 404)
            return json_answer({"message": held.removed, "address": address})

        return await call.write_once(answer, remove, call.account_id, [address], where)

    return remove_one


def _emptying(held: _List) -> Handler:
    async def remove_all(call: Call) -> Answer:
        span = Span(call.account_id, held.kind, call.domain.name)
        while await call.write(suppression_pages.drop_some, span, _STEP):
            pass
        return json_answer({"message": held.emptied})

    return remove_all


def _importing(held: _List) -> Handler:
    async def bring(call: Call) -> Answer:
        return await import_file(call, held.kind)

    return bring


_LISTS = (
    _List(
        SuppressionKind.BOUNCE,
        "bounces",
        _bounce_record,
        _bounce_entry,
        added="Address has been added to the bounces table",
        added_many="{} addresses have been added to the bounces table",
        removed="Bounced address has been removed",
        emptied="Bounced addresses for this domain have been removed",
        missing="Address not found in bounces table",
    ),
    _List(
        SuppressionKind.UNSUBSCRIBE,
        "unsubscribes",
        _unsubscribe_record,
        _unsubscribe_entry,
        added="Address has been added to the unsubscribes table",
        added_many="{} addresses have been added to the unsubscribes table",
        removed="Unsubscribe event has been removed",
        emptied="Unsubscribe addresses for this domain have been removed",
        missing="Address not found in unsubscribers table",
    ),
    _List(
        SuppressionKind.COMPLAINT,
        "complaints",
        _complaint_record,
        _complaint_entry,
        added="Address has been added to the complaints table",
        added_many="{} complaint addresses have been added to the complaints table",
        removed="Spam complaint has been removed",
        emptied="Complaint addresses for this domain have been removed",
        missing="No spam complaints found for this address",
    ),
)


def _endpoints(held: _List) -> tuple[Endpoint, ...]:
    path = f"/v3/{{domain}}/{held.path}"
    return (
        Endpoint("GET", path, _READ, _getting_all(held)),
        Endpoint("POST", path, _WRITE, _adding(held)),
        Endpoint("DELETE", path, _WRITE, _emptying(held)),
        Endpoint("POST", f"{path}/import", _WRITE, _importing(held)),
        Endpoint("GET", f"{path}/{{address}}", _READ, _getting_one(held)),
        Endpoint("DELETE", f"{path}/{{address}}", _WRITE, _removing(held)),
    )


ENDPOINTS: tuple[Endpoint, ...] = tuple(endpoint for held in _LISTS for endpoint in _endpoints(held))
