"""Pages of the service's newest lists: behind or before the row of a key, up to 100 (documented).

Public: Page, page_of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from posthouse.doors.api.call import Call
from posthouse.doors.api.sendgrid.phrases import said

_USUAL, _MOST = 10, 100


class Page(NamedTuple):
    """Rows `begin` up to `end` of a list whose rows have these keys."""

    keys: Sequence[str]
    begin: int
    end: int

    def of(self, rows: Sequence[Any]) -> list[Any]:
        return list(rows[self.begin : self.end])

    @property
    def metadata(self) -> dict[str, Any]:
        """Where the pages beside it are; null for none."""
        after = self.keys[self.end - 1] if self.end < len(self.keys) else None
        before = self.keys[self.begin] if 0 < self.begin < len(self.keys) else None
        return {"next_params": {"after_key": after, "before_key": before}}


def page_of(call: Call, keys: Sequence[str]) -> Page:
    """The page that the call asks for. Raises Said."""
    limit = _limit(call)
    before, after = call.query.get("before_key", ""), call.query.get("after_key", "")
    if before and after:
        raise said("cannot be used with ‘before_key’", field="after_key")
    if before:
        end = _place(keys, before, "before_key")
        return Page(keys, max(0, end - limit), end)
    begin = _place(keys, after, "after_key") + 1 if after else 0
    return Page(keys, begin, begin + limit)


def _limit(call: Call) -> int:
    text = call.query.get("limit", "").strip() or str(_USUAL)
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 0 < int(text) <= _MOST):
        raise said(f"should be > 0 and <= {_MOST}", field="limit")
    return int(text)


def _place(keys: Sequence[str], key: str, field: str) -> int:
    if key not in keys:
        raise said("not found", field=field)
    return keys.index(key)
