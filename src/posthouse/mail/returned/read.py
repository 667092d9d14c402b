"""A letter to a return path -> what it says about which recipient.

The machine's part counts before the text for people, and that before the header. What a failure means is said
by `rules.bounce_verdict`, which judges the codes and words found here. Never raises; looks at the first MiB.

Public: read_returned.
"""

from __future__ import annotations

from dataclasses import replace

from posthouse.mail.arf import is_old_complaint, parse_feedback
from posthouse.mail.dsn_fields import is_status_text
from posthouse.mail.returned.about import About, about_from, about_of
from posthouse.mail.returned.addresses import addresses_in
from posthouse.mail.returned.auto import is_challenge, kind_of_answer
from posthouse.mail.returned.evidence import evidence_around
from posthouse.mail.returned.failures import text_failures
from posthouse.mail.returned.human import Human, read_human
from posthouse.mail.returned.report import report_recipients
from posthouse.mail.returned.sections import ABOUT_TYPES, Fields, Section, read_sections
from posthouse.model.returned import Returned, ReturnedKind, ReturnedRecipient

_LETTERS_DEEP = 3
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_COMPLAINTS = frozenset({ReturnedKind.COMPLAINT, ReturnedKind.OPT_OUT})
_LETTERS = frozenset({"message/rfc822", "message/global"})
_REPORT_NAMES = (b"final-recipient", b"feedback-type")
_HOTMAIL_FIELD = "x-hmxmroriginalrecipient"
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
    found = _machine_part(sections, human, about)
    if found.kind in (ReturnedKind.BOUNCE, ReturnedKind.DELAY) and is_challenge(fields, human):
        found = Returned(ReturnedKind.CHALLENGE)  # Boxbe asks in the form of a report
    if found.kind is ReturnedKind.OTHER and _is_old_complaint(fields, sections):
        told = addresses_in(", ".join(about.fields_of(_HOTMAIL_FIELD) + fields.all(_HOTMAIL_FIELD)))
        found = Returned(
            ReturnedKind.COMPLAINT, tuple(ReturnedRecipient(each) for each in told), feedback_type="abuse"
        )
    if found.kind in _COMPLAINTS and not found.recipients and len(about.recipients) == 1:
        found = replace(found, recipients=(ReturnedRecipient(about.recipients[0]),))
    if found.kind is ReturnedKind.OTHER:
        inner = _forwarded(sections, depth)
        if inner is not None:
            return inner
        kind, recipients = text_failures(fields, human, about)
        found = Returned(
            kind if kind is not ReturnedKind.OTHER else kind_of_answer(fields, human), recipients
        )
    return replace(
        found,
        header_id=about.header_id,
        about_recipients=about.recipients,
        subject=fields.first("subject")[:_SUBJECT_MAX],
        about_fields=about.fields,
    )


def _is_old_complaint(fields: Fields, sections: list[Section]) -> bool:
    if _HOTMAIL_FIELD in fields:
        return True  # the letter itself came back, with what Hotmail knows of it on top
    has_letter = any(each.type in ABOUT_TYPES for each in sections)
    return has_letter and is_old_complaint(fields.first("from"), fields.first("subject"))


def _forwarded(sections: list[Section], depth: int) -> Returned | None:
    """A report with a machine part that came as a letter in the letter."""
    if depth >= _LETTERS_DEEP:
        return None
    for section in sections:
        if section.type in _LETTERS and any(name in section.octets.lower() for name in _REPORT_NAMES):
            inner = _read(section.octets, depth + 1)
            if inner.kind is not ReturnedKind.OTHER:
                return inner
    return None


def _machine_part(sections: list[Section], human: Human, about: About) -> Returned:
    """What the first complaint or all delivery reports say; OTHER when there are none."""
    for section in sections:
        if section.type == "message/feedback-report":
            found = parse_feedback(section.text)
            recipients = tuple(ReturnedRecipient(each) for each in found.recipients)
            return Returned(found.kind, recipients, feedback_type=found.type)
    texts = [each.text for each in sections if _is_status(each)]
    kind, recipients = report_recipients("\n\n".join(texts)) if texts else (ReturnedKind.OTHER, ())
    return Returned(kind, tuple(_completed(each, human, about, len(recipients)) for each in recipients))


def _is_status(section: Section) -> bool:
    return section.type in _STATUS_TYPES or (section.type not in ABOUT_TYPES and is_status_text(section.text))


def _completed(recipient: ReturnedRecipient, human: Human, about: About, count: int) -> ReturnedRecipient:
    """What the fields leave out, out of the text for people."""
    if not recipient.address and count == 1:
        written = addresses_in(human.text)
        known = [each for each in about.recipients if each in written] or list(about.recipients)
        if len(known) == 1:
            recipient = replace(recipient, address=known[0])
    if recipient.text:
        return recipient
    at = human.text.lower().find(recipient.address.lower()) if recipient.address else 0
    if at < 0 and count > 1:
        return recipient
    told = evidence_around(human.text, max(at, 0), len(human.text), recipient.address)
    return replace(
        recipient,
        code=recipient.code or told.code,
        enhanced=_better(recipient.enhanced, told.enhanced),
        text=told.text,
        host=recipient.host or told.host,
    )


def _better(status: str, told: str) -> str:
    return told if told and (not status or status.endswith(".0.0")) else status
