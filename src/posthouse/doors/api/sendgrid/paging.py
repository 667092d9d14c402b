"""Pages of the service's older lists: a `Link` header beside the rows (sendgrid.md 3.1).

Public: link_header.
"""

from __future__ import annotations

from urllib.parse import urlencode

from posthouse.doors.api.call import Call


def link_header(call: Call, limit: int, offset: int, *, is_full: bool) -> dict[str, str]:
    """`is_full`: the page has as many rows as it may, so there may be a next one. The last page is left out:
    to count a long list costs more than anybody gains."""
    places = {"first": 0}
    if offset:
        places["prev"] = max(0, offset - limit)
    if is_full:
        places["next"] = offset + limit
    return {"Link": ", ".join(_link(call, limit, at, rel) for rel, at in places.items())}


def _link(call: Call, limit: int, offset: int, rel: str) -> str:
    asked = [(name, value) for name, value in call.query.multi_items() if name not in ("limit", "offset")]
    query = urlencode([*asked, ("limit", limit), ("offset", offset)])
    address = f"{call.base_url}{call.request.url.path}?{query}"
    return f'<{address}>; rel="{rel}"; title="{offset // limit + 1}"'
