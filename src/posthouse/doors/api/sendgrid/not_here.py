"""What the service has and this one has not: lists are empty, single things are not found, and making one is
refused with the way out (sendgrid.md 3.12, 3.14, 3.15).

An answer that is the same for everybody needs no permission (`ANY_KEY`): a scope for what is not here must
not open what is.

Public: ENDPOINTS, ANY_KEY, refused, empty, none.
"""

from __future__ import annotations

from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Handler
from posthouse.doors.api.sendgrid.periods import read_days
from posthouse.doors.api.sendgrid.phrases import said

ANY_KEY = ""


def refused(sentence: str, status: int = 400) -> Handler:
    """What always says that."""

    async def handler(call: Call) -> Answer:
        raise said(sentence, status)

    return handler


async def empty(call: Call) -> Answer:
    """A list of results."""
    return json_answer({"result": []})


async def none(call: Call) -> Answer:
    """A plain list."""
    return json_answer([])


async def _received(call: Call) -> Answer:
    """How much mail was parsed on each day (documented shape)."""
    nothing = [{"metrics": {"received": 0}}]
    return json_answer([{"date": date, "stats": nothing} for date in read_days(call).dates])


_missing = refused("resource not found", 404)
_ACCOUNT = "this is changed by whoever runs this service, with `posthouse account`"
_ALERT = "no alerts are mailed here: the web page shows what needs attention, and webhooks tell of events"
_LOGIN = "logins are people's own: they change them on the web page, and `posthouse person` manages them"
_PARSE = (
    "mail is not received here, so there is nothing to parse: keep the MX records of the host where it is"
)
_RANGES = "a key carries the addresses that it may be used from; they are named when it is made"
_RECORDS = "records are not mailed here: GET /v3/whitelabel/domains/{id} shows them"
_SOURCES = "addresses belong to pools here, not to domains: see /v3/ips/pools"

_DOMAINS = "/v3/whitelabel/domains"
_PARSED, _ALLOWED = "/v3/user/webhooks/parse", "/v3/access_settings/whitelist"
_HOOKS, _ALERTS, _REQUESTS = f"{_PARSED}/settings", "/v3/alerts", "/v3/scopes/requests"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v3/whitelabel/dns/email", "domains.write", refused(_RECORDS)),
    Endpoint("POST", f"{_DOMAINS}/{{id}}/ips", "domains.write", refused(_SOURCES)),
    Endpoint("DELETE", f"{_DOMAINS}/{{id}}/ips/{{ip}}", "domains.write", _missing),
    Endpoint("GET", _HOOKS, "hooks.read", empty),
    Endpoint("POST", _HOOKS, "hooks.write", refused(_PARSE)),
    Endpoint("GET", f"{_HOOKS}/{{hostname}}", "hooks.read", _missing),
    Endpoint("PATCH", f"{_HOOKS}/{{hostname}}", "hooks.write", _missing),
    Endpoint("DELETE", f"{_HOOKS}/{{hostname}}", "hooks.write", _missing),
    Endpoint("GET", f"{_PARSED}/stats", "hooks.read", _received),
    Endpoint("GET", _ALLOWED, ANY_KEY, empty),
    Endpoint("POST", _ALLOWED, ANY_KEY, refused(_RANGES)),
    Endpoint("DELETE", _ALLOWED, ANY_KEY, _missing),
    Endpoint("GET", f"{_ALLOWED}/{{rule}}", ANY_KEY, _missing),
    Endpoint("DELETE", f"{_ALLOWED}/{{rule}}", ANY_KEY, _missing),
    Endpoint("GET", _ALERTS, ANY_KEY, none),
    Endpoint("POST", _ALERTS, ANY_KEY, refused(_ALERT)),
    Endpoint("GET", f"{_ALERTS}/{{alert}}", ANY_KEY, _missing),
    Endpoint("PATCH", f"{_ALERTS}/{{alert}}", ANY_KEY, _missing),
    Endpoint("DELETE", f"{_ALERTS}/{{alert}}", ANY_KEY, _missing),
    Endpoint("GET", _REQUESTS, ANY_KEY, none),  # of teammates who want more scopes
    Endpoint("DELETE", f"{_REQUESTS}/{{request}}", ANY_KEY, _missing),
    Endpoint("PATCH", f"{_REQUESTS}/{{request}}/approve", ANY_KEY, _missing),
    Endpoint("PATCH", "/v3/user/profile", "settings.write", refused(_LOGIN)),
    Endpoint("PUT", "/v3/user/email", "settings.write", refused(_LOGIN)),
    Endpoint("PUT", "/v3/user/username", "settings.write", refused(_ACCOUNT)),
    Endpoint("PUT", "/v3/user/password", "settings.write", refused(_LOGIN)),
)
