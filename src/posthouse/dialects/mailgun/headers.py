"""One reading of one letter: its headers by name, the wishes so far, and what there is to say about each
header.

Every header gets exactly one `Seen`, in the order of the letter; the last word about it counts.

Public: Reading, Found, refusal, bad_parameter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from posthouse.dialects.dialect import Context, Header, Wishes
from posthouse.dialects.mailgun.values import text_of
from posthouse.model.errors import Refused
from posthouse.model.options import PLAIN, Seen

SHOWN_CHARS = 500
_UNSHOWABLE = re.compile(r"[^\x20-\x7e]")
REPEATED = "not used: the header is repeated, the last one counts"
EMPTY = "ignored: it has no value"


def refusal(text: str, reason: str = "bad-option") -> Refused:
    """A letter that must not be sent with a header read wrong (our decision: the service's HTTP interface
    refuses these with the same text, what its SMTP door does is not documented)."""
    return Refused(554, "5.6.0", _UNSHOWABLE.sub("?", text), reason=reason)


def bad_parameter(found: Found, error: Exception) -> Refused:
    """A call with a word that means nothing: whoever made it is still there to be told (our text)."""
    return refusal(f"{found.header.title} parameter is not valid: {error}")


class Found(msgspec.Struct, frozen=True):
    """A header, its place among the option headers, and what it says on one line."""

    place: int
    header: Header
    text: str


class Reading:
    """`wishes` grow while the steps read. Parameters of a call come after the letter's own headers, so that
    they decide (our decision)."""

    def __init__(self, headers: Sequence[Header], context: Context) -> None:
        headers = sorted(headers, key=attrgetter("is_parameter"))
        self.context = context
        self.wishes = Wishes()
        self._found = [Found(place, header, text_of(header.raw)) for place, header in enumerate(headers)]
        self._told: dict[int, tuple[str, bool]] = {}
        self._by_name: dict[str, list[Found]] = {}
        for each in self._found:
            self._by_name.setdefault(each.header.name, []).append(each)

    @property
    def names(self) -> Collection[str]:
        """Which headers there are, in lower case."""
        return self._by_name

    def all(self, name: str) -> Sequence[Found]:
        """The headers of that name, from the top."""
        return self._by_name.get(name.lower(), ())

    def last(self, name: str) -> Found | None:
        """The one that counts of a single-valued header (our decision: of several the last)."""
        found = self.all(name)
        for each in found[:-1]:
            self.tell(each, REPEATED, is_warning=True)
        return found[-1] if found else None

    def last_with_text(self, name: str) -> Found | None:
        """The same; None when it is empty: programs that set all headers leave some so."""
        found = self.last(name)
        if found is None or found.text:
            return found
        self.tell(found, EMPTY, is_warning=True)
        return None

    def tell(self, found: Found, effect: str, *, is_warning: bool = False) -> None:
        self._told[found.place] = (effect, is_warning)

    def set(self, name: str, value: Any, title: str) -> None:
        """One option; a value that says no more than silence is left out."""
        self.wishes.values.pop(name, None)
        if value != getattr(PLAIN, name):
            self.wishes.values[name] = value
            self.wishes.sources[name] = title

    def untold(self) -> Iterator[Found]:
        """The headers that no step knew."""
        for each in self._found:
            if each.place not in self._told:
                yield each

    def seen(self) -> list[Seen]:
        return [
            Seen(each.header.title, each.text[:SHOWN_CHARS], *self._told[each.place]) for each in self._found
        ]
