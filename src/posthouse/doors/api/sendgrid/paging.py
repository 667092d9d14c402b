"""Addresses of other pages of a list; in older lists they stand in a `Link` header beside the rows
(sendgrid.md 3.1).

Public: link_header, page_address.
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
    address = page_address(call, limit=str(limit), offset=str(offset))
    return f'<{address}>; rel="{rel}"; title="{offset // limit + 1}"'


def page_address(call: Call, **place: str) -> str:
    """The call's own address with these parameters in place of those that it has; "" takes one away."""
    asked = [(name, value) for name, value in call.query.multi_items() if name not in place]
    given = [(name, value) for name, value in place.items() if value]
    return f"{call.base_url}{call.request.url.path}?{urlencode([*asked, *given])}"
