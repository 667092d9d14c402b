"""The rules of a call in the order of its keys, and those for each personalization.

Public: faults_of.
"""

from __future__ import annotations

from typing import Any

from posthouse.dialects.sendgrid.mail_rules import content, fields, people, settings
from posthouse.dialects.sendgrid.mail_rules.faults import Fault, Faults, Known

NO_PERSONALIZATION = "The personalizations field is required and must have at least one personalization."
TOO_MANY_PEOPLE = f"There is a limit of {people.MOST} total recipients (to + cc + bcc) per request."
NO_SUBJECT = (
    "The subject is required. You can get around this requirement if you use a template with a subject "
    "defined or if every personalization has a subject defined."
)


def faults_of(call: Any, known: Known) -> list[Fault]:
    """All that is wrong with a call; [] for a good one."""
    if not isinstance(call, dict):
        return [Fault("Bad Request")]
    faults = Faults()
    domain = ""
    if call.get("from") is None:
        faults.add("from", people.NO_FROM)
    else:
        domain = people.judge_author(faults, "from", call["from"])
    _personalizations(faults, call, domain, known)
    people.judge_replies(faults, call)
    _subject(faults, call)
    content.judge_content(faults, call)
    content.judge_attachments(faults, call.get("attachments"))
    fields.judge_headers(faults, "headers", call.get("headers"), fields.COMMON_HEADERS)
    fields.judge_args(faults, "custom_args", call.get("custom_args"))
    fields.judge_send_at(faults, "send_at", call.get("send_at"), known)
    fields.judge_texts(faults, "sections", call.get("sections"), fields.BAD_SECTIONS)
    settings.judge_names(faults, call, known)
    settings.judge_asm(faults, call.get("asm"), known)
    settings.judge_settings(faults, call)
    return faults.found


def _personalizations(faults: Faults, call: dict[str, Any], domain: str, known: Known) -> None:
    given = call.get("personalizations")
    if given is None or given == []:
        faults.add("personalizations", NO_PERSONALIZATION)
        return
    found = faults.array("personalizations", given)
    if len(found) > people.MOST:
        faults.add("personalizations", _too_many(len(found)))
        return
    count = 0
    for number, own in enumerate(found):
        path = f"personalizations.{number}"
        if faults.is_a(path, own, dict):
            count += people.judge_recipients(faults, path, own)
            _personalization(faults, path, own, call, domain, known)
    if count > people.MOST:
        faults.add("personalizations", TOO_MANY_PEOPLE)


def _too_many(count: int) -> str:
    return (
        "The personalization block is limited to 1000 personalizations per API request. You have provided "
        f"{count} personalizations. Please consider splitting this into multiple requests and resending your "
        "request."
    )


def _personalization(
    faults: Faults, path: str, own: dict[str, Any], call: dict[str, Any], domain: str, known: Known
) -> None:
    if own.get("from") is not None:
        own_domain = people.judge_author(faults, f"{path}.from", own["from"])
        if own_domain and domain and own_domain != domain:
            faults.add(f"{path}.from.email", people.OTHER_DOMAIN)
    if own.get("subject") is not None:
        fields.judge_subject(faults, f"{path}.subject", own["subject"])
    fields.judge_headers(faults, f"{path}.headers", own.get("headers"), fields.OWN_HEADERS)
    fields.judge_substitutions(faults, f"{path}.substitutions", own.get("substitutions"), call)
    fields.judge_data(faults, f"{path}.dynamic_template_data", own.get("dynamic_template_data"))
    fields.judge_own_args(faults, f"{path}.custom_args", own.get("custom_args"), call.get("custom_args"))
    fields.judge_send_at(faults, f"{path}.send_at", own.get("send_at"), known)


def _subject(faults: Faults, call: dict[str, Any]) -> None:
    if call.get("subject") is not None:
        fields.judge_subject(faults, "subject", call["subject"])
        return
    given = call.get("personalizations")
    found = given if isinstance(given, list) else []
    has_all = bool(found) and all(isinstance(own, dict) and own.get("subject") for own in found)
    if not has_all and not call.get("template_id"):
        faults.add("subject", NO_SUBJECT)
