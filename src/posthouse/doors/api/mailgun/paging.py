"""Pages of lists as Mailgun's clients walk them, with absolute addresses: a pivot and a direction where lists
are alphabetical, a number where they are short.

Public: Wanted, wanted_of, paging, skip_of, numbered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from posthouse.doors.api.bodies import Form
from posthouse.doors.api.call import Call
from posthouse.doors.api.mailgun.asked import most_of, page_url
from posthouse.doors.api.mailgun.phrases import said
from posthouse.store.rows import harmless

_PAGES = ("first", "next", "previous", "last")
_SPELLINGS = {"prev": "previous"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The page that a call asks for: `name` is one of first, next, previous, last; next and previous go on
    from `pivot`, which is not in the page. `prefix` narrows the list ("" for all of it)."""

    name: str
    pivot: str
    prefix: str
    most: int
    pivot_field: str
    prefix_field: str

    @property
    def is_backwards(self) -> bool:
        return self.name in ("previous", "last")

    @property
    def after(self) -> str:
        return self.pivot if self.name == "next" else ""

    @property
    def before(self) -> str:
        return self.pivot if self.name == "previous" else ""


def wanted_of(
    form: Form,
    *,
    pivot_field: str = "address",
    prefix_field: str = "term",
    usual: int = 100,
    most: int = 1000,
) -> Wanted:
    """Raises Problem, Said."""
    pivot = harmless(form.get(pivot_field)).lower()
    name = form.get("page").strip().lower() or ("next" if pivot else "first")
    name = _SPELLINGS.get(name, name)
    if name not in _PAGES:
        raise said(f"Invalid page: use one of {', '.join(_PAGES)}")
    if not pivot:
        name = {"next": "first", "previous": "last"}.get(name, name)
    prefix = harmless(form.get(prefix_field)).lower()
    return Wanted(name, pivot, prefix, most_of(form, usual, most), pivot_field, prefix_field)


def paging(call: Call, wanted: Wanted, first: str, last: str) -> dict[str, str]:
    """The four addresses around a page whose first and last items have these names, "" for an empty page.

    An empty page goes on nowhere: its next is itself, and what is before it is the end of the list. A client
    that follows `next` until nothing comes stops.
    """
    after, before = (last, first) if first else (wanted.after, wanted.before)
    places = {
        "next": ("next", after) if after else ("first", ""),
        "previous": ("previous", before) if before else ("last", ""),
    }
    places |= {"first": ("first", ""), "last": ("last", "")}
    return {name: _url(call, wanted, *place) for name, place in sorted(places.items())}


def _url(call: Call, wanted: Wanted, page: str, pivot: str) -> str:
    fields = {"page": page, "limit": str(wanted.most)}
    if pivot:
        fields[wanted.pivot_field] = pivot
    if wanted.prefix:
        fields[wanted.prefix_field] = wanted.prefix
    return page_url(call, fields)


# By number


def skip_of(form: Form) -> int:
    """How many rows `page` leaves out. Whatever else is written there means the first page: an SDK's example
    has a word of its own."""
    page = form.get("page").strip()
    return int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 0


def numbered(call: Call, kept: Mapping[str, str], skip: int, most: int, count: int) -> dict[str, str]:
    """The addresses of the pages beside this one of `count` rows. `kept`: what else the call asked for."""
    last = max(0, (count - 1) // most * most)
    places = {"first": 0, "last": last, "next": min(skip + most, count), "previous": max(0, skip - most)}
    return {
        name: page_url(call, {"page": str(place), "limit": str(most), **kept})
        for name, place in places.items()
    }
