"""Failures told in words only.

Public: text_failures.
"""

from __future__ import annotations

from posthouse.mail.returned.about import About
from posthouse.mail.returned.addresses import addresses_in
from posthouse.mail.returned.sections import Fields, Section
from posthouse.model.returned import ReturnedKind, ReturnedRecipient


def text_failures(
    fields: Fields, sections: list[Section], about: About
) -> tuple[ReturnedKind, tuple[ReturnedRecipient, ...]]:
    """BOUNCE and who failed; OTHER when no failure is told."""
    failed = addresses_in(", ".join(fields.all("x-failed-recipients")))
    if failed:
        return ReturnedKind.BOUNCE, tuple(ReturnedRecipient(address) for address in failed)
    return ReturnedKind.OTHER, ()
