"""What Posthouse does not have and programs look at all the same: mailing lists, routes, subaccounts, and
thresholds that alert.

Their lists are empty, which is the truth; whatever would make or name one is answered 404.

Public: ENDPOINTS, refused.
"""

from __future__ import annotations

from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Handler
from posthouse.doors.api.mailgun.phrases import said

_LISTS = "/v3/lists/{address}"
_MEMBER = f"{_LISTS}/members/{{member}}"
_OF_LISTS = (
    *((method, path) for path in ("/v3/routes/{id}", _LISTS, _MEMBER) for method in ("GET", "PUT", "DELETE")),
    *(("GET", path) for path in ("/v3/routes/match", f"{_LISTS}/members", f"{_LISTS}/members/pages")),
    *(("POST", f"{_LISTS}/{members}") for members in ("members", "members.json", "members.csv")),
)
"""What names one of them, or something of one."""
_SUBACCOUNTS = "/v5/accounts/subaccounts"
_ONE = f"{_SUBACCOUNTS}/{{id}}"
_LIMIT = f"{_ONE}/limit/custom/monthly"
_THRESHOLDS = ("/v1/thresholds/alerts/send", "/v1/thresholds/limits")


async def _no_items(call: Call) -> Answer:
    return json_answer({"total_count": 0, "items": []})


async def _no_pages(call: Call) -> Answer:
    here = f"{call.base_url}{call.request.url.path}"
    pages = {name: f"{here}?page={name}" for name in ("first", "last", "next", "previous")}
    return json_answer({"items": [], "paging": pages})


async def _no_subaccounts(call: Call) -> Answer:
    return json_answer({"subaccounts": [], "total": 0})


async def _no_thresholds(call: Call) -> Answer:
    return json_answer({"items": [], "total": 0})


def refused(sentence: str, status: int = 400) -> Handler:
    """What always says that."""

    async def handler(call: Call) -> Answer:
        raise said(sentence, status)

    return handler


_lists = refused("Posthouse has no mailing lists and no routes", 404)
_subaccounts = refused("Posthouse has no subaccounts", 404)
_thresholds = refused(
    "Posthouse has no thresholds of its customers: receivers of events may count for you", 404
)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/routes", "", _no_items),
    Endpoint("POST", "/v3/routes", "", _lists),
    Endpoint("GET", "/v3/lists", "", _no_items),
    Endpoint("POST", "/v3/lists", "", _lists),
    Endpoint("GET", "/v3/lists/pages", "", _no_pages),
    *(Endpoint(method, path, "", _lists) for method, path in _OF_LISTS),
    Endpoint("GET", _SUBACCOUNTS, "", _no_subaccounts),
    Endpoint("POST", _SUBACCOUNTS, "", _subaccounts),
    Endpoint("DELETE", _SUBACCOUNTS, "", _subaccounts),
    Endpoint("GET", f"{_SUBACCOUNTS}/ip_pools/all", "", _no_items),
    Endpoint("GET", _ONE, "", _subaccounts),
    Endpoint("POST", f"{_ONE}/enable", "", _subaccounts),
    Endpoint("POST", f"{_ONE}/disable", "", _subaccounts),
    Endpoint("PUT", f"{_ONE}/features", "", _subaccounts),
    *(Endpoint(method, _LIMIT, "", _subaccounts) for method in ("GET", "PUT", "DELETE")),
    *(
        Endpoint(method, f"{_ONE}/{pool}", "", _subaccounts)
        for pool in ("ip_pool", "ip_pools")
        for method in ("PUT", "DELETE")
    ),
    *(
        endpoint
        for path in _THRESHOLDS
        for endpoint in (
            Endpoint("GET", path, "", _no_thresholds),
            Endpoint("POST", path, "", _thresholds),
            *(Endpoint(method, f"{path}/{{name}}", "", _thresholds) for method in ("GET", "PUT", "DELETE")),
        )
    ),
    Endpoint("GET", "/v1/thresholds/hits", "", _no_thresholds),
)
