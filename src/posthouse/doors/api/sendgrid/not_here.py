"""What the service has and this one has not: lists are empty, single things are not found, and making one is
refused with the way out (sendgrid.md 3.12, 3.14, 3.15).

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Handler
from posthouse.doors.api.sendgrid.phrases import said


def _refused(sentence: str, status: int = 400) -> Handler:
    async def handler(call: Call) -> Answer:
        raise said(sentence, status)

    return handler


async def _empty(call: Call) -> Answer:
    return json_answer({"result": []})


async def _none(call: Call) -> Answer:
    return json_answer([])


_missing = _refused("resource not found", 404)
_ACCOUNT = "this is changed by whoever runs this service, with `posthouse account`"
_LOGIN = "logins are people's own: they change them on the web page, and `posthouse person` manages them"
_PARSE = (
    "mail is not received here, so there is nothing to parse: keep the MX records of the host where it is"
)
_RANGES = "a key carries the addresses that it may be used from; they are named when it is made"
_RECORDS = "records are not mailed here: GET /v3/whitelabel/domains/{id} shows them"
_SOURCES = "addresses belong to pools here, not to domains: see /v3/ips/pools"
_SUBUSERS = "there are no subusers here: each account has its own domains and keys"

_DOMAINS, _LINKS = "/v3/whitelabel/domains", "/v3/whitelabel/links"
_HOOKS, _ALLOWED = "/v3/user/webhooks/parse/settings", "/v3/access_settings/whitelist"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v3/whitelabel/dns/email", "domains.write", _refused(_RECORDS)),
    Endpoint("POST", f"{_DOMAINS}/{{id}}/ips", "domains.write", _refused(_SOURCES)),
    Endpoint("DELETE", f"{_DOMAINS}/{{id}}/ips/{{ip}}", "domains.write", _missing),
    *(
        endpoint
        for base in (_DOMAINS, _LINKS)
        for endpoint in (
            Endpoint("GET", f"{base}/subuser", "domains.read", _refused(_SUBUSERS, 404)),
            Endpoint("DELETE", f"{base}/subuser", "domains.write", _refused(_SUBUSERS, 404)),
            Endpoint("POST", f"{base}/{{id}}/subuser", "domains.write", _refused(_SUBUSERS, 404)),
        )
    ),
    Endpoint("GET", _HOOKS, "hooks.read", _empty),
    Endpoint("POST", _HOOKS, "hooks.write", _refused(_PARSE)),
    Endpoint("GET", f"{_HOOKS}/{{hostname}}", "hooks.read", _missing),
    Endpoint("PATCH", f"{_HOOKS}/{{hostname}}", "hooks.write", _missing),
    Endpoint("DELETE", f"{_HOOKS}/{{hostname}}", "hooks.write", _missing),
    Endpoint("GET", _ALLOWED, "settings.read", _empty),
    Endpoint("POST", _ALLOWED, "settings.write", _refused(_RANGES)),
    Endpoint("DELETE", _ALLOWED, "settings.write", _missing),
    Endpoint("GET", f"{_ALLOWED}/{{rule}}", "settings.read", _missing),
    Endpoint("DELETE", f"{_ALLOWED}/{{rule}}", "settings.write", _missing),
    Endpoint("PATCH", "/v3/user/profile", "settings.write", _refused(_LOGIN)),
    Endpoint("PUT", "/v3/user/email", "settings.write", _refused(_LOGIN)),
    Endpoint("PUT", "/v3/user/username", "settings.write", _refused(_ACCOUNT)),
    Endpoint("PUT", "/v3/user/password", "settings.write", _refused(_LOGIN)),
    Endpoint("GET", "/v3/subusers", "settings.read", _none),
    Endpoint("GET", "/v3/teammates", "settings.read", _empty),
)
