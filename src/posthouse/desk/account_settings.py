"""Settings of an account as people write them: `daily_messages=50000`; see `setting_kinds`.

Whether an account is suspended is no setting to be typed: `accounts.suspend` and `resume` change it.

Public: KINDS, changed, applied, shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from posthouse.desk import setting_kinds
from posthouse.desk.setting_kinds import Kind, clicks, count, one_of, wrong, yes_or_no
from posthouse.model.account import ACCOUNT_DEFAULTS, AccountSettings
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.options import UTM


def changed(settings: AccountSettings, pairs: Sequence[str]) -> AccountSettings:
    """The settings with `key=value` pairs applied; `key=` goes back to the default. Raises Refused."""
    made = setting_kinds.changed(settings, pairs, kinds=KINDS, defaults=ACCOUNT_DEFAULTS, whose="an account")
    return _judged(made)


def applied(settings: AccountSettings, values: Mapping[str, Any]) -> AccountSettings:
    """The settings with these values, as programs say them. Raises Refused."""
    return _judged(replace(settings, **values))


def _judged(made: AccountSettings) -> AccountSettings:
    """What only makes sense together. Raises Refused."""
    if 0 < made.daily_messages < made.starts_at:
        raise wrong(
            f"starts_at ({made.starts_at}) is above daily_messages ({made.daily_messages}), "
            "up to which an account grows"
        )
    for name in _TEXTS:
        if len(getattr(made, name)) > MOST_TEXT or "\0" in getattr(made, name):
            raise wrong(f"{name} has more than {MOST_TEXT} characters, or a NUL")
    for name in ("unsubscribe_tag", *UTM):
        if len(getattr(made, name)) > _MOST_LINE or not getattr(made, name).isprintable():
            raise wrong(f"{name} is not one line of at most {_MOST_LINE} characters")
    if made.frame and not BODY_TAG.search(made.frame_html):
        raise wrong("frame_html needs <% body %>, where the mail's own text stands, before frame is on")
    if made.footer and not made.footer_html and not made.footer_text:
        raise wrong("footer_html or footer_text needs a text before footer is on")
    _judge_addresses("forward_complaints_to", made.forward_complaints_to, is_wanted=made.forward_complaints)
    return made


def _judge_addresses(name: str, text: str, *, is_wanted: bool) -> None:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if is_wanted and not parts:
        raise wrong(f"{name} needs an address first")
    if len(parts) > _MOST_ADDRESSES:
        raise wrong(f"{name} names more than {_MOST_ADDRESSES} addresses")
    for part in parts:
        try:
            is_plain = not parse_address(part).needs_utf8
        except BadAddress as error:
            raise wrong(f"{name} has {part[:100]!r}, which is no address: {error}") from error
        if not is_plain:
            raise wrong(f"{name} has {part[:100]!r}; such mail goes to addresses in ASCII only")


def shown(settings: AccountSettings) -> dict[str, str]:
    """Every setting as people would write it."""
    return {key: text for key, text in setting_kinds.shown(settings).items() if key in KINDS}


MOST_TEXT = 20_000  # characters; kept with every message that gets the text
BODY_TAG = re.compile(r"<% ?body ?%>")
_TEXTS = ("footer_html", "footer_text", "frame_html", "unsubscribe_html", "unsubscribe_text")
_MOST_DAYS = 3650
_MOST_LINE = 500
_MOST_ADDRESSES = 10


def _days(text: str) -> int:
    days = count(text)
    if days > _MOST_DAYS:
        raise ValueError
    return days


_DAYS = Kind(f"a whole number of days up to {_MOST_DAYS}, 0 for never", _days)
_LIMIT = Kind("a whole number of recipients, 0 for no limit", count)
_SWITCH = Kind("yes, no", yes_or_no)
_TEXT = Kind(f"a text of at most {MOST_TEXT} characters", str)
_LINE = Kind(f"one line of at most {_MOST_LINE} characters", str)
_ADDRESSES = Kind("addresses with commas", str)
KINDS: Mapping[str, Kind] = {
    "minute_messages": _LIMIT,
    "daily_messages": _LIMIT,
    "monthly_messages": _LIMIT,
    "starts_at": Kind("a whole number of recipients a day, 0: the limit does not grow", count),
    "over_limit": Kind("refuse, queue", one_of("refuse", "queue")),
    "purge_hard_days": _DAYS,
    "purge_soft_days": _DAYS,
    "track_opens": _SWITCH,
    "track_clicks": Kind("off, html, all", clicks),
    "require_tls": _SWITCH,
    "skip_verification": _SWITCH,
    "footer": _SWITCH,
    "footer_html": _TEXT,
    "footer_text": _TEXT,
    "frame": _SWITCH,
    "frame_html": _TEXT,
    "unsubscribe": _SWITCH,
    "unsubscribe_html": _TEXT,
    "unsubscribe_text": _TEXT,
    "unsubscribe_tag": _LINE,
    "utm": _SWITCH,
    **dict.fromkeys(UTM, _LINE),
    "forward_complaints": _SWITCH,
    "forward_complaints_to": _ADDRESSES,
}
"""By the names of `model.account.AccountSettings`, in their order."""
