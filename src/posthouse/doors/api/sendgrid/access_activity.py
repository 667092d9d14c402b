"""Where the account was used from: `/v3/access_settings/activity` (documented), the latest first.

What is kept is the last use of each user, key and token, and the sign-ins of people that are still good. Of a
place on earth nothing is known, and what was turned away is kept nowhere.

Public: ENDPOINTS.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.asked import number_of
from posthouse.model.account import CredentialKind
from posthouse.store import credentials, people
from posthouse.store.connection import Connection

_USUAL, _MOST = 20, 500
_METHODS = {
    CredentialKind.API_KEY: "API",
    CredentialKind.DOMAIN_TOKEN: "API",
    CredentialKind.SMTP_USER: "SMTP",
}
_WEB = "Web"  # documented; what the service says of keys is not


async def _list(call: Call) -> Answer:
    most = max(1, number_of(call, "limit", _USUAL, _MOST))
    uses = await call.read(_uses, call.account_id, call.now)
    return json_answer({"result": _shown(uses)[:most]})


def _uses(conn: Connection, account_id: str, now: float) -> list[tuple[str, str, float, float]]:
    """Address, method, when it was first seen there, and last."""
    by_keys = credentials.latest_uses(conn, account_id, _MOST)
    found = [(use.address, _METHODS[kind], use.at, use.at) for kind, use in by_keys]
    for person in people.list_people(conn, account_id):
        sessions = people.list_sessions(conn, person.id, now)
        found += [(each.address, _WEB, each.created_at, each.seen_at) for each in sessions]
    return found


def _shown(uses: Iterable[tuple[str, str, float, float]]) -> list[dict[str, Any]]:
    """One row for each address and method, the last used first."""
    spans: dict[tuple[str, str], tuple[float, float]] = {}
    for address, method, first_at, last_at in uses:
        first, last = spans.get((address, method), (first_at, last_at))
        spans[address, method] = min(first, first_at), max(last, last_at)
    latest = sorted(spans.items(), key=lambda item: (-item[1][1], item[0]))
    return [
        {
            "allowed": True,
            "auth_method": method,
            "first_at": int(first),
            "ip": address,
            "last_at": int(last),
            "location": "",
        }
        for (address, method), (first, last) in latest
        if address
    ]


ENDPOINTS: tuple[Endpoint, ...] = (Endpoint("GET", "/v3/access_settings/activity", "keys.read", _list),)
