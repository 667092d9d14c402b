"""Accounts inside of an account: `/v3/subusers`. There are none here, each account has its own keys.

Lists and figures of all of them are empty; one that is named is not found; making one is refused. A call on
behalf of one is answered like one without a key (`service`).

Public: ENDPOINTS, NO_SUBUSERS.
"""

from __future__ import annotations

from typing import Any

from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.not_here import ANY_KEY, none, refused
from posthouse.doors.api.sendgrid.periods import date_of, read_days
from posthouse.doors.api.sendgrid.phrases import said

NO_SUBUSERS = "there are no subusers here: each account has its own domains and keys"
_OPERATORS = "there are no subusers here: whoever runs this service makes accounts, with `posthouse account`"


async def _stats(call: Call) -> Answer:
    """Figures of named ones, which must be named (documented). Raises Said."""
    if not call.query.get("subusers"):
        raise said("subusers is required", field="subusers")
    raise said(NO_SUBUSERS, 404, "subusers")


async def _sums(call: Call) -> Answer:
    return json_answer(_nothing_since(read_days(call, is_whole=True).dates[0]))


async def _monthly(call: Call) -> Answer:
    """Of all, or of the one that `subuser` names. Raises Said."""
    date = date_of(call, "date")
    if not date:
        raise said("date is required", field="date")
    if call.query.get("subuser"):
        raise said(NO_SUBUSERS, 404, "subuser")
    return json_answer(_nothing_since(f"{date[:7]}-01"))


def _nothing_since(date: str) -> dict[str, Any]:
    return {"date": date, "stats": []}


_ALL = "/v3/subusers"
_ONE = f"{_ALL}/{{subuser}}"
_UNKNOWN = refused(NO_SUBUSERS, 404)
_NAMED = (
    ("PATCH", _ONE),
    ("DELETE", _ONE),
    ("PUT", f"{_ONE}/ips"),
    ("PATCH", f"{_ONE}/website_access"),
    *[(method, f"{_ONE}/monitor") for method in ("GET", "POST", "PUT", "DELETE")],
    *[(method, f"{_ONE}/credits") for method in ("GET", "PUT")],
    ("PATCH", f"{_ONE}/credits/remaining"),
    ("GET", f"{_ONE}/stats/monthly"),
)
_AUTHENTICATION = ("/v3/whitelabel/domains", "/v3/whitelabel/links")
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", _ALL, ANY_KEY, none),
    Endpoint("POST", _ALL, ANY_KEY, refused(_OPERATORS)),
    Endpoint("GET", f"{_ALL}/reputations", ANY_KEY, none),
    Endpoint("GET", f"{_ALL}/stats", ANY_KEY, _stats),
    Endpoint("GET", f"{_ALL}/stats/monthly", ANY_KEY, _monthly),
    Endpoint("GET", f"{_ALL}/stats/sums", ANY_KEY, _sums),
    *[Endpoint(method, path, ANY_KEY, _UNKNOWN) for method, path in _NAMED],
    *[
        endpoint
        for base in _AUTHENTICATION
        for endpoint in (
            Endpoint("GET", f"{base}/subuser", "domains.read", _UNKNOWN),
            Endpoint("DELETE", f"{base}/subuser", "domains.write", _UNKNOWN),
            Endpoint("POST", f"{base}/{{id}}/subuser", "domains.write", _UNKNOWN),
        )
    ],
    Endpoint("GET", "/v3/whitelabel/domains/subuser/all", "domains.read", _UNKNOWN),
    Endpoint("POST", "/v3/whitelabel/domains/{id}/subuser:add", "domains.write", _UNKNOWN),
    Endpoint("DELETE", "/v3/whitelabel/domains/{id}/subuser", "domains.write", _UNKNOWN),
)
