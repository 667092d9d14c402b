"""Rules for names of what the account has, for groups, and for the settings of mail and tracking.

Public: judge_names, judge_asm, judge_settings, SWITCHES, STRINGS, and the sentences.
"""

from __future__ import annotations

import re
from typing import Any

from posthouse.dialects.sendgrid.mail_rules.faults import Faults, Known, is_integer, shown
from posthouse.dialects.sendgrid.mail_rules.people import is_address
from posthouse.model.options import UTM

MOST_CATEGORIES, LONGEST_CATEGORY = 10, 255
MOST_GROUPS_SHOWN = 25
LONGEST_BATCH = 200
BAD_BATCH = "The batch_id must be a string."
BAD_CATEGORIES = "Categories must be an array of strings."
MANY_CATEGORIES = f"There is a limit of {MOST_CATEGORIES} categories for each email that is sent."
LONG_CATEGORY = f"Each category must not be longer than {LONGEST_CATEGORY} characters."
NOT_ASCII = "Categories can not contain non-ASCII characters."
BAD_POOL = "The name of your IP pool must be a string."
UNKNOWN_POOL = "The IP Pool name must be a valid pool name for your account."
BAD_GROUP = "The ASM group ID must be an integer."
UNKNOWN_GROUP = "The ASM group ID must be a valid Group ID on your account."
BAD_GROUPS = "The ASM Group IDs to display must be an array of integers."
MANY_GROUPS = "There is a limit of 25 unsubscribe groups that can be displayed to a user at a time."
UNKNOWN_GROUPS = "All ASM groups to display must be valid ASM groups IDs on your account."
BAD_COPY = (
    "The bcc email recipient object must at least have an email address and may also contain a name. e.g. "
    '{"email": "example@example.com"} or {"email": "example@example.com", "name": "Example Recipient"}.'
)
NO_COPY = "You must include a recipient object when using the bcc mail setting."
BAD_SCAN_URL = "The spam check url must be a string."
NO_SCAN_URL = "You must include the url to post to when using the spam check mail setting."
SCAN_SCHEME = "The `post_to_url` parameter must start with `http://` or `https://`."
BAD_THRESHOLD = (
    "The spam check threshold is between 1 and 10, with the lower numbers being the most strict filtering."
)
NO_THRESHOLD = "You must include the spam check threshold  when using the spam check mail setting."
_controls = re.compile("[\x00-\x1f\x7f]").search

_MAIL = {
    "bcc": "The bcc enable param should be a boolean value.",
    "footer": "The footer enable param should be a boolean value.",
    "sandbox_mode": "The sandbox mode enable param should be a boolean value.",
    "spam_check": "The spam check enable param should be a boolean value.",
    **{
        f"bypass_{name}_management": f"The bypass {name} management enable param should be a boolean value."
        for name in ("list", "spam", "bounce", "unsubscribe")
    },
}
_TRACKING = {
    "click_tracking": "The click tracking enable param should be a boolean value.",
    "open_tracking": "The open tracking enable param should be a boolean value.",
    "subscription_tracking": "The subscription tracking enable param should be a boolean value.",
    "ganalytics": "The Google Analytics enable param must be a boolean value.",
}
SWITCHES = {"mail_settings": _MAIL, "tracking_settings": _TRACKING}
BAD_ENABLE_TEXT = "The click tracking enable text must be a boolean value."
_CONTENT = "The subscription tracking unsubscribe content for {} messages must be a string."
STRINGS = {
    ("mail_settings", "footer", "html"): "The text/html version of your footer should be a string.",
    ("mail_settings", "footer", "text"): "The text/plain version of your footer should be a string.",
    ("tracking_settings", "open_tracking", "substitution_tag"): (
        "The open tracking substitution tag must be a string."
    ),
    ("tracking_settings", "subscription_tracking", "html"): _CONTENT.format("text/html"),
    ("tracking_settings", "subscription_tracking", "text"): _CONTENT.format("text/plain"),
    ("tracking_settings", "subscription_tracking", "substitution_tag"): (
        "The subscription tracking substitution tag must be a string value."
    ),
    **{
        ("tracking_settings", "ganalytics", name): f"The Google Analytics {name} must be a string value."
        for name in UTM
    },
}


def judge_names(faults: Faults, call: dict[str, Any], known: Known) -> None:
    """Template, batch, categories, pool."""
    template = call.get("template_id")
    if template is not None and not isinstance(template, str):
        faults.add("template_id", f"The template ID must be a string, you provided {shown(template)}.")
    batch = call.get("batch_id")
    if batch is not None and not _is_batch(batch):
        faults.add("batch_id", BAD_BATCH)
    if call.get("categories") is not None:
        _judge_categories(faults, call["categories"])
    pool = call.get("ip_pool_name")
    if pool is not None and not isinstance(pool, str):
        faults.add("ip_pool_name", BAD_POOL)
    elif pool is not None and not known.owns_pool(pool):
        faults.add("ip_pool_name", f"{UNKNOWN_POOL} You provided {shown(pool)}.")


def _is_batch(value: Any) -> bool:
    """Our decision: what later calls can name in a path."""
    return (
        isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST_BATCH and value.isprintable()
    )


def _judge_categories(faults: Faults, value: Any) -> None:
    if not isinstance(value, list) or any(not isinstance(each, str) for each in value):
        faults.add("categories", BAD_CATEGORIES)
        return
    if len(value) > MOST_CATEGORIES:
        faults.add("categories", f"{MANY_CATEGORIES} You provided {len(value)} categories.")
        return
    for each in value:
        if len(each) > LONGEST_CATEGORY:
            faults.add("categories", f"{LONG_CATEGORY} {shown(each)} exceeds this limit")
    for each in dict.fromkeys(each for each in value if value.count(each) > 1):
        text = f"The categories must be a unique list, and you have included {shown(each)} more than once."
        faults.add("categories", text)
    if not all(each.isascii() and not _controls(each) for each in value):
        faults.add("categories", NOT_ASCII)


def judge_asm(faults: Faults, value: Any, known: Known) -> None:
    if value is None or not faults.is_a("asm", value, dict):
        return
    group, groups = value.get("group_id"), value.get("groups_to_display")
    if not is_integer(group):
        faults.add("asm.group_id", BAD_GROUP)
    elif group not in known.groups:
        faults.add("asm.group_id", f"{UNKNOWN_GROUP} You provided {shown(group)}.")
    if groups is None:
        return
    if not isinstance(groups, list) or not all(map(is_integer, groups)):
        faults.add("asm.groups_to_display", BAD_GROUPS)
        return
    if len(groups) > MOST_GROUPS_SHOWN:
        faults.add("asm.groups_to_display", MANY_GROUPS)
    if unknown := [each for each in groups if each not in known.groups]:
        faults.add("asm.groups_to_display", f"{UNKNOWN_GROUPS} You provided {shown(unknown[0])}.")


def judge_settings(faults: Faults, call: dict[str, Any]) -> None:
    for family, switches in SWITCHES.items():
        given = faults.object(family, call.get(family))
        for name, text in switches.items() if given else ():
            path = f"{family}.{name}"
            found = faults.object(path, given.get(name))
            if found.get("enable") is not None and not isinstance(found["enable"], bool):
                faults.add(f"{path}.enable", text)
            _judge_strings(faults, family, name, found)
            if name == "bcc" and found:
                _judge_copy(faults, path, found)
            elif name == "spam_check" and found:
                _judge_scan(faults, path, found)
            elif name == "click_tracking" and not isinstance(found.get("enable_text", True), bool | None):
                faults.add(f"{path}.enable_text", BAD_ENABLE_TEXT)


def _judge_strings(faults: Faults, family: str, name: str, found: dict[str, Any]) -> None:
    for key, value in found.items():
        text = STRINGS.get((family, name, key))
        if text and value is not None and not isinstance(value, str):
            faults.add(f"{family}.{name}.{key}", text)


def _judge_copy(faults: Faults, path: str, found: dict[str, Any]) -> None:
    email = found.get("email")
    if email is None:
        if found.get("enable") is True:
            faults.add(f"{path}.email", NO_COPY)
        return
    if isinstance(email, dict):
        email = email.get("email")
    if not isinstance(email, str) or not is_address(email):
        faults.add(f"{path}.email", BAD_COPY)


def _judge_scan(faults: Faults, path: str, found: dict[str, Any]) -> None:
    is_on = found.get("enable") is True
    url, threshold = found.get("post_to_url"), found.get("threshold")
    if url is None:
        if is_on:
            faults.add(f"{path}.post_to_url", NO_SCAN_URL)
    elif not isinstance(url, str):
        faults.add(f"{path}.post_to_url", BAD_SCAN_URL)
    elif not url.lower().startswith(("http://", "https://")):
        faults.add(f"{path}.post_to_url", SCAN_SCHEME)
    if threshold is None:
        if is_on:
            faults.add(f"{path}.threshold", NO_THRESHOLD)
    elif isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 1 <= threshold <= 10:
        faults.add(f"{path}.threshold", BAD_THRESHOLD)
