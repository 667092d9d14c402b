"""What is known while an `X-SMTPAPI` object is read: the wishes so far, and what only makes sense together.

Public: Draft, Invalid, Ignored, NAME, invalid.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from posthouse.dialects.dialect import Context, Rejection, Wishes
from posthouse.dialects.sendgrid.values import excerpt
from posthouse.model.errors import Refused
from posthouse.model.options import Block, LinkTag, Seen

NAME = "X-SMTPAPI"
_BREAKING = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # an excerpt in it may hold anything


class Invalid(Exception):
    """The whole field is invalid: nobody gets the mail. The text is for its sender."""


class Ignored(Exception):
    """This option does nothing; the text says why."""


def invalid(sentence: str) -> Rejection:
    """Answered with 250, then dropped with a notice (service's behaviour, documented)."""
    return Rejection("invalid-options", f"Invalid SMTPAPI header: {_BREAKING.sub(' ', sentence)}")


@dataclass(slots=True)
class Draft:
    """`to`: the entries, None without that key. `sub`: tag -> a value for each entry, or one for all.
    `each_at`: instants by place, 0 for now. `title`: what the options stand in. `option`, `value`: what is
    being read, for `seen`. `trouble`: what follows when the template cannot be used. `is_call`: by HTTP."""

    context: Context
    title: str = NAME
    trouble: Callable[[str], Refused | Rejection] = invalid
    wishes: Wishes = field(default_factory=Wishes)
    to: list[str] | None = None
    sub: dict[str, list[str] | str] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)
    unique_args: dict[str, str] = field(default_factory=dict)
    each_at: list[float] = field(default_factory=list)
    group: int = 0
    template: str = ""
    blocks: list[Block] = field(default_factory=list)
    links: list[LinkTag] = field(default_factory=list)
    is_call: bool = False
    option: str = NAME
    value: Any = ""

    def at(self, option: str, value: Any) -> None:
        """From here on `set`, `note` and `warn` speak of this option."""
        self.option, self.value = f"{self.title} {option}", value

    def set(self, name: str, value: Any) -> None:
        """A field of SendOptions."""
        self.wishes.values[name] = value
        self.wishes.sources[name] = self.option

    def note(self, effect: str) -> None:
        self.wishes.seen.append(Seen(self.option, excerpt(self.value), effect))

    def warn(self, effect: str) -> None:
        self.wishes.seen.append(Seen(self.option, excerpt(self.value), effect, is_warning=True))
