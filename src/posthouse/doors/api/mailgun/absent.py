"""What Posthouse does not have and programs look at all the same: there are no mailing lists and no routes.

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.phrases import said


async def _no_items(call: Call) -> Answer:
    return json_answer({"total_count": 0, "items": []})


async def _no_pages(call: Call) -> Answer:
    here = f"{call.base_url}{call.request.url.path}"
    pages = {name: f"{here}?page={name}" for name in ("first", "last", "next", "previous")}
    return json_answer({"items": [], "paging": pages})


async def _not_here(call: Call) -> Answer:
    raise said("Posthouse has no mailing lists and no routes", 404)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/routes", "", _no_items),
    Endpoint("POST", "/v3/routes", "", _not_here),
    Endpoint("GET", "/v3/lists", "", _no_items),
    Endpoint("POST", "/v3/lists", "", _not_here),
    Endpoint("GET", "/v3/lists/pages", "", _no_pages),
)
