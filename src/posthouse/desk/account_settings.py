"""Settings of an account as people write them: `daily_messages=50000`; see `setting_kinds`.

Whether an account is suspended is no setting to be typed: `accounts.suspend` and `resume` change it.

Public: KINDS, changed, shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from posthouse.desk import setting_kinds
from posthouse.desk.setting_kinds import Kind, count, one_of, wrong
from posthouse.model.account import ACCOUNT_DEFAULTS, AccountSettings


def changed(settings: AccountSettings, pairs: Sequence[str]) -> AccountSettings:
    """The settings with `key=value` pairs applied; `key=` goes back to the default. Raises Refused."""
    made = setting_kinds.changed(settings, pairs, kinds=KINDS, defaults=ACCOUNT_DEFAULTS, whose="an account")
    if 0 < made.daily_messages < made.starts_at:
        raise wrong(
            f"starts_at ({made.starts_at}) is above daily_messages ({made.daily_messages}), "
            "up to which an account grows"
        )
    return made


def shown(settings: AccountSettings) -> dict[str, str]:
    """Every setting as people would write it."""
    return {key: text for key, text in setting_kinds.shown(settings).items() if key in KINDS}


_MOST_DAYS = 3650


def _days(text: str) -> int:
    days = count(text)
    if days > _MOST_DAYS:
        raise ValueError
    return days


_DAYS = Kind(f"a whole number of days up to {_MOST_DAYS}, 0 for never", _days)
_LIMIT = Kind("a whole number of recipients, 0 for no limit", count)
KINDS: Mapping[str, Kind] = {
    "minute_messages": _LIMIT,
    "daily_messages": _LIMIT,
    "monthly_messages": _LIMIT,
    "starts_at": Kind("a whole number of recipients a day, 0: the limit does not grow", count),
    "over_limit": Kind("refuse, queue", one_of("refuse", "queue")),
    "purge_hard_days": _DAYS,
    "purge_soft_days": _DAYS,
}
"""By the names of `model.account.AccountSettings`, in their order."""
