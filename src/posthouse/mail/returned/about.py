"""The letter that a report is about, as far as the report gives it back.

Public: About, about_of.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.mail.returned.addresses import addresses_in
from posthouse.mail.returned.sections import ABOUT_TYPES, Fields, Section, parse_fields

_RECIPIENTS_MAX = 1_000
_TELLING = frozenset(
    {"return-path", "list-unsubscribe", "message-id", "feedback-id", "list-id", "from", "to"}
)
_FIELDS_MAX = 50
_VALUE_MAX = 1_000


@dataclass(frozen=True, slots=True)
class About:
    """`fields`: those that may tell which of our letters it was, as (name, value)."""

    header_id: str = ""
    recipients: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    senders: tuple[str, ...] = ()

    def fields_of(self, name: str) -> list[str]:
        return [value for each, value in self.fields if each == name]


def about_of(sections: list[Section]) -> About:
    """From the first attached letter or its header."""
    for section in sections:
        if section.type in ABOUT_TYPES:
            fields, _ = parse_fields(section.octets)
            if fields.items:
                return about_from(fields)
    return About()


def about_from(fields: Fields) -> About:
    """The same from its fields."""
    return About(
        header_id=fields.first("message-id")[:_VALUE_MAX],
        recipients=tuple(addresses_in(", ".join(fields.all("to")))[:_RECIPIENTS_MAX]),
        fields=tuple(
            (name, value[:_VALUE_MAX])
            for name, value in fields.items
            if name in _TELLING or name.startswith("x-")
        )[:_FIELDS_MAX],
        senders=tuple(addresses_in(", ".join(fields.all("from") + fields.all("return-path")))),
    )
