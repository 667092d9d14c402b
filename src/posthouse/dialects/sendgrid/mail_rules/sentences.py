"""Every field of `mail/send` that a rule judges, and the sentences that the rules may say about it.

Public: SENTENCES.
"""

from __future__ import annotations

from posthouse.dialects.sendgrid.mail_rules import content, fields, people, settings, whole

_TYPE = "Invalid type. It must have the JSON type that the service's reference names."
_TEMPLATE = "The Template ID must be a valid template id for your account, and the template must be valid."
_LATE = "Scheduling more than 72 hours in advance is forbidden, unless the sending domain allows more."
_LONG = f"The email exceeds the maximum total length of {people.LONGEST} characters"


def _headers(texts: fields.HeaderTexts) -> tuple[str, ...]:
    return (*texts, fields.TWICE_HEADERS, fields.HEADER_BREAKS)


def _address(path: str, *, absent: str = "") -> dict[str, tuple[str, ...]]:
    """An `{email, name}` below a path."""
    usual = (people.INVALID, _TYPE)
    return {f"{path}.email": (absent, *usual) if absent else usual, f"{path}.name": (_TYPE,)}


def _settings() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for family, switches in settings.SWITCHES.items():
        found[family] = (_TYPE,)
        for name, sentence in switches.items():
            found |= {f"{family}.{name}": (_TYPE,), f"{family}.{name}.enable": (sentence,)}
    found |= {".".join(path): (sentence,) for path, sentence in settings.STRINGS.items()}
    return found | {
        "mail_settings.bcc.email": (settings.BAD_COPY, settings.NO_COPY),
        "mail_settings.spam_check.post_to_url": (
            settings.BAD_SCAN_URL,
            settings.NO_SCAN_URL,
            settings.SCAN_SCHEME,
        ),
        "mail_settings.spam_check.threshold": (settings.BAD_THRESHOLD, settings.NO_THRESHOLD),
        "tracking_settings.click_tracking.enable_text": (settings.BAD_ENABLE_TEXT,),
    }


_PERSONALIZATION: dict[str, tuple[str, ...]] = {
    "personalizations": (whole.NO_PERSONALIZATION, whole.TOO_MANY_PEOPLE, people.TWICE, _TYPE),
    "personalizations.from": (people.BAD_FROM, _LONG, _TYPE),
    **_address("personalizations.from", absent=people.OTHER_DOMAIN),
    "personalizations.to": (people.NO_TO, _LONG, _TYPE),
    **_address("personalizations.to", absent=people.NO_TO_EMAIL),
    "personalizations.cc": (people.bad_copies("cc"), _LONG, _TYPE),
    **_address("personalizations.cc"),
    "personalizations.bcc": (people.bad_copies("bcc"), _LONG, _TYPE),
    **_address("personalizations.bcc"),
    "personalizations.subject": (fields.BAD_SUBJECT,),
    "personalizations.headers": _headers(fields.OWN_HEADERS),
    "personalizations.substitutions": (
        fields.BAD_SUBSTITUTIONS,
        fields.LONG_SUBSTITUTIONS,
        fields.DYNAMIC_SUBSTITUTIONS,
    ),
    "personalizations.dynamic_template_data": (fields.DEEP_DATA, _TYPE),
    "personalizations.custom_args": (fields.BAD_ARGS, fields.NO_ARGS, fields.LONG_ARGS),
    "personalizations.send_at": (fields.BAD_SEND_AT, _LATE),
}

SENTENCES: dict[str, tuple[str, ...]] = {
    "from": (people.NO_FROM, people.BAD_FROM, _LONG, _TYPE),
    **_address("from", absent=people.BAD_FROM),
    **_PERSONALIZATION,
    "reply_to": (people.bad_reply("reply_to"), _LONG, _TYPE),
    **_address("reply_to"),
    "reply_to_list": (people.BOTH_REPLIES, f"There is a limit of {people.MOST} addresses.", _LONG, _TYPE),
    **_address("reply_to_list", absent=people.bad_reply("reply_to_list")),
    "subject": (whole.NO_SUBJECT, fields.BAD_SUBJECT),
    "content": (content.NO_CONTENT, content.EMPTY_CONTENT, _TYPE),
    "content.type": (content.NO_TYPE, content.BAD_TYPE, content.TYPE_SIGNS),
    "content.value": (content.NO_VALUE, content.BAD_VALUE, content.ORDER),
    "attachments": (content.MANY_FILES, _TYPE),
    "attachments.content": (content.NO_OCTETS, content.NOT_BASE64),
    "attachments.filename": (content.NO_FILENAME, content.BAD_FILENAME, content.FILENAME_BREAKS),
    "attachments.type": (content.BAD_FILE_TYPE, content.FILE_TYPE_SIGNS),
    "attachments.disposition": (content.BAD_DISPOSITION,),
    "attachments.content_id": (content.BAD_ID, content.ID_SIGNS),
    "template_id": (_TEMPLATE,),
    "headers": _headers(fields.COMMON_HEADERS),
    "custom_args": (fields.BAD_ARGS, fields.LONG_ARGS),
    "send_at": (fields.BAD_SEND_AT, _LATE),
    "sections": (fields.BAD_SECTIONS,),
    "batch_id": (settings.BAD_BATCH,),
    "categories": (
        settings.BAD_CATEGORIES,
        settings.NOT_ASCII,
        settings.MANY_CATEGORIES,
        settings.LONG_CATEGORY,
        "The categories must be a unique list.",
    ),
    "ip_pool_name": (settings.BAD_POOL, settings.UNKNOWN_POOL),
    "asm": (_TYPE,),
    "asm.group_id": (settings.BAD_GROUP, settings.UNKNOWN_GROUP),
    "asm.groups_to_display": (
        settings.BAD_GROUPS,
        settings.MANY_GROUPS,
        settings.UNKNOWN_GROUPS,
    ),
    **_settings(),
}
