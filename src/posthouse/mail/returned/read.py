"""A letter to a return path -> what it says about which recipient.

The machine's part counts before the text for people, and that before the header. What a failure means is said
by `rules.bounce_verdict`, which judges the codes and words found here. Never raises; looks at the first MiB.

Public: read_returned.
"""

from __future__ import annotations

from posthouse.mail.arf import parse_feedback
from posthouse.mail.dsn_fields import is_status_text
from posthouse.mail.returned.about import About, about_from, about_of
from posthouse.mail.returned.auto import kind_of_answer
from posthouse.mail.returned.failures import text_failures
from posthouse.mail.returned.human import Human, read_human
from posthouse.mail.returned.report import report_recipients
from posthouse.mail.returned.sections import ABOUT_TYPES, Fields, Section, read_sections
from posthouse.model.returned import Returned, ReturnedKind, ReturnedRecipient

_LETTERS_DEEP = 3
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_SUBJECT_MAX = 500


def read_returned(raw: bytes) -> Returned:
    """Any octets -> Returned. Reasons and classes are left at their defaults: see
    `rules.bounce_verdict.judged`."""
    return _read(raw, 0)


def _read(raw: bytes, depth: int) -> Returned:
    fields, sections = read_sections(raw)
    about = about_of(sections)
    human = read_human(sections)
    if not about.fields and human.quoted.items:
        about = about_from(human.quoted)
    kind, recipients, feedback = _facts(fields, sections, human, about)
    if kind is ReturnedKind.OTHER and depth < _LETTERS_DEEP:
        for section in sections:
            if section.type in ("message/rfc822", "message/global"):  # a report that somebody forwarded
                inner = _read(section.octets, depth + 1)
                if inner.kind in (ReturnedKind.BOUNCE, ReturnedKind.COMPLAINT):
                    return inner
    return Returned(
        kind,
        recipients,
        header_id=about.header_id,
        about_recipients=about.recipients,
        feedback_type=feedback,
        subject=fields.first("subject")[:_SUBJECT_MAX],
        about_fields=about.fields,
    )


def _facts(
    fields: Fields, sections: list[Section], human: Human, about: About
) -> tuple[ReturnedKind, tuple[ReturnedRecipient, ...], str]:
    for section in sections:
        if section.type == "message/feedback-report":
            found = parse_feedback(section.text)
            return found.kind, tuple(ReturnedRecipient(each) for each in found.recipients), found.type
    for section in sections:
        if section.type in _STATUS_TYPES or (
            section.type not in ABOUT_TYPES and is_status_text(section.text)
        ):
            kind, recipients = report_recipients(section.text)
            if kind is not ReturnedKind.OTHER:
                return kind, recipients, ""
    kind, recipients = text_failures(fields, human, about)
    if kind is ReturnedKind.OTHER:
        kind = kind_of_answer(fields)
    return kind, recipients, ""
