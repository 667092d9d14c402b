"""What holds for all mail of the account: `/v3/mail_settings`, `/v3/tracking_settings` (sendgrid.md 3.12,
3.15), `/v3/partner_settings` (documented).

A setting is a row of a table: how it is shown, and how a change is read. What cannot be made effective here
shows as off and cannot be switched on.

Public: ENDPOINTS, MAIL_SETTINGS, Setting, line, lines, listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from posthouse.desk import accounts
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint, Handler
from posthouse.doors.api.sendgrid.asked import find_flag, find_text, object_of, page_of
from posthouse.doors.api.sendgrid.phrases import said
from posthouse.model.account import AccountSettings
from posthouse.model.options import CLICKS_ALL, CLICKS_HTML, CLICKS_OFF, UTM
from posthouse.store.connection import Connection

Given = dict[str, Any]
_MOST_TEXT, _MOST_LINE, _MOST_DAYS = 20_000, 500, 3650


class Setting(NamedTuple):
    """`shown`: its fields; `values(given, before)`: new values of AccountSettings, raises Said."""

    name: str
    title: str
    description: str
    shown: Callable[[AccountSettings], dict[str, Any]]
    values: Callable[[Given, AccountSettings], dict[str, Any]]


# How they are kept


class _Texts(NamedTuple):
    """A setting with a switch and texts: `fields` are the service's name and ours of each."""

    switch: str
    fields: Mapping[str, str]
    most: int = _MOST_TEXT

    def shown(self, settings: AccountSettings) -> dict[str, Any]:
        texts = {name: getattr(settings, ours) for name, ours in self.fields.items()}
        return {"enabled": getattr(settings, self.switch), **texts}

    def values(self, given: Given, before: AccountSettings) -> dict[str, Any]:
        found: dict[str, Any] = {
            ours: text
            for name, ours in self.fields.items()
            if (text := find_text(given, name, self.most)) is not None
        }
        enabled = find_flag(given, "enabled")
        return found if enabled is None else {**found, self.switch: enabled}


_FOOTER = _Texts("footer", {"html_content": "footer_html", "plain_content": "footer_text"})
_FRAME = _Texts("frame", {"html_content": "frame_html"})
_FORWARD_SPAM = _Texts("forward_complaints", {"email": "forward_complaints_to"}, _MOST_LINE)
_UTM = _Texts("utm", {name: name for name in UTM}, _MOST_LINE)
_UNSUBSCRIBE = _Texts(
    "unsubscribe",
    {
        "html_content": "unsubscribe_html",
        "plain_content": "unsubscribe_text",
        "replace": "unsubscribe_tag",
    },
)


def _subscription_shown(settings: AccountSettings) -> dict[str, Any]:
    return {**_UNSUBSCRIBE.shown(settings), "landing": "", "url": ""}


def _subscription(given: Given, before: AccountSettings) -> dict[str, Any]:
    for name in ("landing", "url"):
        if find_text(given, name, _MOST_TEXT):
            text = (
                "the page behind an unsubscribe link is ours: its words and colour are settings of a domain"
            )
            raise said(f"{name} cannot be used: {text}", field=name)
    return _UNSUBSCRIBE.values(given, before)


def _purge_shown(settings: AccountSettings) -> dict[str, Any]:
    hard, soft = settings.purge_hard_days, settings.purge_soft_days
    return {"enabled": bool(hard or soft), "soft_bounces": soft or None, "hard_bounces": hard or None}


def _purge(given: Given, before: AccountSettings) -> dict[str, Any]:
    """Off is to purge never; there is no place for days that do not count."""
    hard = _days(given, "hard_bounces", before.purge_hard_days)
    soft = _days(given, "soft_bounces", before.purge_soft_days)
    enabled = find_flag(given, "enabled")
    if enabled is False:
        hard = soft = 0
    elif enabled and not hard and not soft:
        raise said("hard_bounces or soft_bounces must say after how many days", field="hard_bounces")
    return {"purge_hard_days": hard, "purge_soft_days": soft}


def _days(given: Given, name: str, before: int) -> int:
    value = given.get(name, before)
    if value is None:
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:5])
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_DAYS:
        raise said(f"{name} must be a number of days from 1 to {_MOST_DAYS}", field=name)
    return value


def _click_shown(settings: AccountSettings) -> dict[str, Any]:
    is_on = settings.track_clicks in (CLICKS_HTML, CLICKS_ALL)
    return {"enabled": is_on, "enable_text": settings.track_clicks == CLICKS_ALL}


def _click(given: Given, before: AccountSettings) -> dict[str, Any]:
    was = _click_shown(before)
    enabled, in_text = find_flag(given, "enabled"), find_flag(given, "enable_text")
    if not (was["enabled"] if enabled is None else enabled):
        return {"track_clicks": CLICKS_OFF}
    in_text = was["enable_text"] if in_text is None else in_text
    return {"track_clicks": CLICKS_ALL if in_text else CLICKS_HTML}


def _open_shown(settings: AccountSettings) -> dict[str, Any]:
    return {"enabled": bool(settings.track_opens)}


def _open(given: Given, before: AccountSettings) -> dict[str, Any]:
    enabled = find_flag(given, "enabled")
    return {} if enabled is None else {"track_opens": enabled}


def _never(reason: str, **fields: Any) -> dict[str, Any]:
    def values(given: Given, before: AccountSettings) -> dict[str, Any]:
        if find_flag(given, "enabled"):
            raise said(f"this cannot be switched on here: {reason}", field="enabled")
        return {}

    return {"shown": lambda settings: {"enabled": False, **fields}, "values": values}


MAIL_SETTINGS = (
    Setting(
        "bcc",
        "BCC",
        "A blind copy of every mail",
        **_never("ask for a blind copy in the message itself", email=""),
    ),
    Setting(
        "bounce_purge",
        "Bounce Purge",
        "Let addresses that bounced get mail again after some days",
        _purge_shown,
        _purge,
    ),
    Setting("footer", "Footer", "A text under every mail", _FOOTER.shown, _FOOTER.values),
    Setting(
        "forward_bounce",
        "Forward Bounce",
        "Tell of bounces by mail",
        **_never("bounces are told to receivers of events", email=""),
    ),
    Setting(
        "forward_spam",
        "Forward Spam",
        "Pass spam reports on by mail",
        _FORWARD_SPAM.shown,
        _FORWARD_SPAM.values,
    ),
    Setting("template", "Legacy Template", "An HTML text around every mail", _FRAME.shown, _FRAME.values),
    Setting(
        "plain_content",
        "Plain Content",
        "Make an HTML part of plain text",
        **_never("mail leaves with the parts that it has"),
    ),
    Setting(
        "spam_check",
        "Spam Checker",
        "Check outgoing mail for spam",
        **_never("ask for a check in the message itself", max_score=5, url=""),
    ),
)
TRACKING_SETTINGS = (
    Setting("click", "Click Tracking", "Track which links are followed", _click_shown, _click),
    Setting("google_analytics", "Google Analytics", "Parameters for links", _UTM.shown, _UTM.values),
    Setting("open", "Open Tracking", "Track which mails are opened", _open_shown, _open),
    Setting(
        "subscription",
        "Subscription Tracking",
        "An unsubscribe link in every mail",
        _subscription_shown,
        _subscription,
    ),
)
PARTNER_SETTINGS = (
    Setting(
        "new_relic",
        "New Relic",
        "Statistics for New Relic",
        **_never("statistics are at /v3/stats", enable_subuser_statistics=False, license_key=""),
    ),
)


# The calls


async def settings_of(call: Call) -> AccountSettings:
    account = await call.read(accounts.load_by_id, call.account_id)
    return account.settings


def line(name: str, title: str, description: str, *, is_on: bool) -> dict[str, Any]:
    """One of the lines of a list of settings."""
    return {"title": title, "enabled": is_on, "name": name, "description": description}


def lines(settings: AccountSettings, table: Sequence[Setting]) -> list[dict[str, Any]]:
    """Those of a table."""
    return [
        line(each.name, each.title, each.description, is_on=each.shown(settings)["enabled"]) for each in table
    ]


def _all(table: Sequence[Setting]) -> Handler:
    async def handler(call: Call) -> Answer:
        return listed(call, lines(await settings_of(call), table))

    return handler


def listed(call: Call, lines: Sequence[dict[str, Any]]) -> Answer:
    """A page of lines."""
    limit, offset = page_of(call, 100, 100)
    return json_answer({"result": list(lines)[offset : offset + limit]})


def _show(setting: Setting) -> Handler:
    async def handler(call: Call) -> Answer:
        return json_answer(setting.shown(await settings_of(call)))

    return handler


def _patch(setting: Setting) -> Handler:
    async def handler(call: Call) -> Answer:
        given = await object_of(call)
        settings = await call.write(_changed, call.account_id, setting, given)
        await call.parts.identity.refresh(call.parts.store)  # mail of this worker follows at once
        return json_answer(setting.shown(settings))

    return handler


def _changed(conn: Connection, account_id: str, setting: Setting, given: Given) -> AccountSettings:
    before = accounts.load_by_id(conn, account_id).settings
    return accounts.apply_settings(conn, account_id, setting.values(given, before))


_READ, _WRITE = "settings.read", "settings.write"


def _endpoints(path: str, table: Sequence[Setting]) -> list[Endpoint]:
    return [
        endpoint
        for each in table
        for endpoint in (
            Endpoint("GET", f"{path}/{each.name}", _READ, _show(each)),
            Endpoint("PATCH", f"{path}/{each.name}", _WRITE, _patch(each)),
        )
    ]


ENDPOINTS: tuple[Endpoint, ...] = (
    *_endpoints("/v3/mail_settings", MAIL_SETTINGS),
    Endpoint("GET", "/v3/tracking_settings", _READ, _all(TRACKING_SETTINGS)),
    *_endpoints("/v3/tracking_settings", TRACKING_SETTINGS),
    Endpoint("GET", "/v3/partner_settings", _READ, _all(PARTNER_SETTINGS)),
    *_endpoints("/v3/partner_settings", PARTNER_SETTINGS),
)
