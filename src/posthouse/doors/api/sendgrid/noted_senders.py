"""What `/v3/verified_senders` and `/v3/senders` share: one list of senders, whose fields are kept flat.

A sender is verified while its domain is a verified domain of the account; no confirmation is mailed, so
there are no tokens (docs/decisions/041).

Public: FIELDS, MOST_SENDERS, verified_names, is_verified, standing, values_of, changed_at,
fields_of, listed, load, add, change, remove, unproven.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from posthouse.doors.api.answers import Said
from posthouse.doors.api.call import Call
from posthouse.doors.api.sendgrid.asked import find_text, path_number, text_of
from posthouse.doors.api.sendgrid.phrases import not_found, said
from posthouse.model.address import BadAddress, parse_address
from posthouse.store import identity, senders
from posthouse.store.connection import Connection
from posthouse.store.senders import Sender

MOST_SENDERS = 1000
FIELDS = {
    "nickname": 100,
    "from_email": 256,
    "from_name": 256,
    "reply_to": 256,
    "reply_to_name": 256,
    "address": 100,
    "address2": 100,
    "state": 100,
    "city": 150,
    "zip": 10,
    "country": 100,
}
"""The fields of a sender, and how long each may be."""
_CHANGED = "updated_at"  # kept beside the fields


# Whether a sender is verified


def verified_names(conn: Connection, call: Call) -> frozenset[str]:
    """The account's verified domains."""
    found = identity.list_domains(conn, call.account_id)
    return frozenset(each.name for each in found if call.is_here(each) and each.verified_at is not None)


def _domain_of(sender: Sender) -> str:
    return sender.email.rpartition("@")[2]


def is_verified(sender: Sender, names: frozenset[str]) -> bool:
    """`names`: of `verified_names`."""
    return _domain_of(sender) in names


def standing(conn: Connection, call: Call) -> tuple[bool, str]:
    """Of the sender that the path names: is it verified, and its domain. Raises Said."""
    sender = load(conn, call)
    return is_verified(sender, verified_names(conn, call)), _domain_of(sender)


def unproven(domain: str) -> Said:
    """What to raise where somebody wants a confirmation mailed."""
    text = f"no confirmation is mailed here: the sender is verified as soon as {domain} is a verified domain"
    return said(text, field="from_email")


# Reading


def values_of(sender: Sender) -> dict[str, str]:
    """All fields, "" where nothing was said."""
    kept = json.loads(sender.data)
    return {name: kept.get(name, "") for name in FIELDS}


def changed_at(sender: Sender) -> int:
    return int(json.loads(sender.data).get(_CHANGED, sender.created_at))


def listed(conn: Connection, call: Call) -> list[Sender]:
    """All, by number."""
    return senders.page(conn, call.account_id, MOST_SENDERS)


def load(conn: Connection, call: Call) -> Sender:
    """The sender that the path's `id` names. Raises Said, alike for another account's (S20)."""
    found = senders.find(conn, call.account_id, path_number(call, "id"))
    if found is None:
        raise not_found()
    return found


# Changing


def fields_of(
    given: Mapping[str, Any], required: Sequence[str], most: Mapping[str, int] = FIELDS
) -> dict[str, str]:
    """Those of the fields that are given, judged; the ones of `required` must be. Raises Said."""
    found: dict[str, str] = {}
    for name, length in most.items():
        value = text_of(given, name, length) if name in required else find_text(given, name, length)
        if value is not None:
            found[name] = value
    for name in ("from_email", "reply_to"):
        if name in found:
            _address(found[name], name)
    return found


def _address(text: str, field: str) -> str:
    """Its usual form. Raises Said."""
    try:
        return str(parse_address(text.strip()))
    except BadAddress as error:
        raise said(f"{field} is not an email address: {error}", field=field) from error


def add(conn: Connection, call: Call, fields: Mapping[str, str]) -> Sender:
    """Raises Said."""
    if senders.count(conn, call.account_id) >= MOST_SENDERS:
        raise said(f"an account has at most {MOST_SENDERS} senders: remove one first")
    _refuse_twin(conn, call, fields["nickname"])
    email = _address(fields["from_email"], "from_email")
    return senders.add(conn, call.account_id, email, json.dumps(fields), call.now)


def change(conn: Connection, call: Call, fields: Mapping[str, str]) -> Sender:
    """The one that the path names; what is not given stays as it is. Raises Said."""
    before = load(conn, call)
    merged = {**json.loads(before.data), **fields, _CHANGED: call.now}
    _refuse_twin(conn, call, merged["nickname"], before.number)
    email = _address(merged["from_email"], "from_email")
    new = replace(before, email=email, data=json.dumps(merged))
    senders.change(conn, new)
    return new


def remove(conn: Connection, call: Call) -> None:
    """The one that the path names. Raises Said."""
    senders.remove(conn, call.account_id, load(conn, call).number)


def _refuse_twin(conn: Connection, call: Call, nickname: str, number: int = 0) -> None:
    """Another sender of that nickname (documented). Raises Said."""
    for other in listed(conn, call):
        if other.number != number and json.loads(other.data).get("nickname") == nickname:
            text = "You already have a sender identity with the same nickname."
            raise said(text, field="nickname")
