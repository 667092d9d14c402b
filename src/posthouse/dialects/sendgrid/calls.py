"""What `mail/send` says beside a letter, read by the same functions as `X-SMTPAPI`.

`twin` writes the call's keys under their names in that header; `header_of` makes an option header of them
whose name no field of a letter can have, for it holds blanks. Where the documents of the two differ, so does
the reading: own data of a call is taken as it is, without substitutions, and what would make a header invalid
refuses the call.

Public: twin, header_of, read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from posthouse.dialects.dialect import Context, Header, Wishes
from posthouse.dialects.sendgrid import smtpapi
from posthouse.dialects.sendgrid.draft import Draft, Invalid
from posthouse.model.errors import Refused
from posthouse.model.options import UTM

TITLE = "mail/send"
_NAME = "x-smtpapi of a call"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode

# Setting of a call, filter, and how its keys are called there.
_FOOTER = {"text": "text/plain", "html": "text/html"}
_FILTERS = (
    ("mail_settings", "footer", "footer", _FOOTER),
    ("mail_settings", "bcc", "bcc", {"email": "email"}),
    ("mail_settings", "spam_check", "spamcheck", {"threshold": "maxscore", "post_to_url": "url"}),
    ("mail_settings", "sandbox_mode", "drop", {}),
    *(
        ("mail_settings", name, name, {})
        for name in (
            "bypass_list_management",
            "bypass_spam_management",
            "bypass_bounce_management",
            "bypass_unsubscribe_management",
        )
    ),
    ("tracking_settings", "click_tracking", "clicktrack", {"enable_text": "enable_text"}),
    ("tracking_settings", "open_tracking", "opentrack", {"substitution_tag": "replace"}),
    (
        "tracking_settings",
        "subscription_tracking",
        "subscriptiontrack",
        {**_FOOTER, "substitution_tag": "replace"},
    ),
    ("tracking_settings", "ganalytics", "ganalytics", dict(zip(UTM, UTM, strict=True))),
)
_SAME = ("send_at", "batch_id", "dynamic_template_data")
_RENAMED = (
    ("categories", "category"),
    ("sections", "section"),
    ("substitutions", "sub"),
    ("custom_args", "unique_args"),
    ("ip_pool_name", "ip_pool"),
)


def twin(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call's options (those of a personalization put over the common ones) under the header's names."""
    found = {name: call[name] for name in _SAME if call.get(name)}
    found |= {there: call[here] for here, there in _RENAMED if call.get(here)}
    if asm := call.get("asm"):
        found["asm_group_id"] = asm["group_id"]
        if asm.get("groups_to_display"):
            found["asm_groups_to_display"] = asm["groups_to_display"]
    filters = {} if not call.get("template_id") else {"templates": {"template_id": call["template_id"]}}
    for family, name, filter_name, keys in _FILTERS:
        given = (call.get(family) or {}).get(name)
        if given:
            filters[filter_name] = {"enable": bool(given.get("enable"))} | {
                there: _plain(given[here]) for here, there in keys.items() if given.get(here) is not None
            }
    if filters:
        found["filters"] = {name: {"settings": settings} for name, settings in filters.items()}
    return found


def _plain(value: Any) -> Any:
    """A blind copy's address may be an object."""
    return value.get("email") if isinstance(value, dict) else value


def header_of(options: Mapping[str, Any], *, call_id: str = "", call_place: int = 0) -> Header:
    """An option header out of `twin`'s keys. `call_id` and `call_place`: see SendOptions."""
    told = {**options, "call": [call_id, call_place]} if call_id else options
    return Header(_NAME, TITLE, _encode(told))


def read(headers: Sequence[Header], context: Context) -> Wishes:
    """The dialect's reader. Raises Refused (`bad-option`, `bad-template`) for what a call says."""
    told = next((header for header in headers if header.name == _NAME), None)
    if told is None:
        return smtpapi.read(headers, context)
    given = _decode(told.raw)
    draft = Draft(context, TITLE, _template_trouble, is_call=True)
    if call := given.pop("call", None):
        draft.set("call_id", call[0])
        draft.set("call_place", call[1])
    if own := given.pop("unique_args", None):
        draft.at("custom_args", own)
        draft.set("metadata", own)
        draft.note("events carry these values")
    try:
        smtpapi.read_keys(draft, given)
    except Invalid as error:
        raise Refused(554, "5.6.0", str(error), reason="bad-option") from error
    draft.wishes.seen += [smtpapi.left_out(header) for header in headers if header is not told]
    return draft.wishes


def _template_trouble(sentence: str) -> Refused:
    return Refused(554, "5.6.0", sentence, reason="bad-template")
