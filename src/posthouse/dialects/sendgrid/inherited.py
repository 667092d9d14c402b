"""What a filter that a message switches on takes from its account, where that has it on too (documented): the
settings that the message does not give.

Public: inherited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from posthouse.model.account import AccountSettings
from posthouse.model.options import CLICKS_ALL, UTM

_TEXTS = ("text/html", "text/plain")


def inherited(account: AccountSettings, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The account's settings of the filter `name`, empty where it has it off; `given`: the message's."""
    find = _FILTERS.get(name)
    if find is None:
        return {}
    found = {key: value for key, value in find(account).items() if value}
    if name == "subscriptiontrack" and any(given.get(text) for text in _TEXTS):
        found.pop("replace", None)  # the account's tag would put the message's own texts aside
    return found


def _footer(account: AccountSettings) -> dict[str, Any]:
    if not account.footer:
        return {}
    return {"text/html": account.footer_html, "text/plain": account.footer_text}


def _frame(account: AccountSettings) -> dict[str, Any]:
    return {"text/html": account.frame_html} if account.frame else {}


def _unsubscribe(account: AccountSettings) -> dict[str, Any]:
    if not account.unsubscribe:
        return {}
    texts = {"text/html": account.unsubscribe_html, "text/plain": account.unsubscribe_text}
    return {**texts, "replace": account.unsubscribe_tag}


def _utm(account: AccountSettings) -> dict[str, Any]:
    return {name: getattr(account, name) for name in UTM} if account.utm else {}


def _clicks(account: AccountSettings) -> dict[str, Any]:
    return {"enable_text": account.track_clicks == CLICKS_ALL}


def _complaints(account: AccountSettings) -> dict[str, Any]:
    return {"email": account.forward_complaints_to} if account.forward_complaints else {}


_FILTERS: Mapping[str, Callable[[AccountSettings], dict[str, Any]]] = {
    "footer": _footer,
    "template": _frame,
    "subscriptiontrack": _unsubscribe,
    "ganalytics": _utm,
    "clicktrack": _clicks,
    "forwardspam": _complaints,
}
