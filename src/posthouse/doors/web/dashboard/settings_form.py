"""Settings as a form: groups of fields with a line of help each, and `key=value` pairs of what was changed.

Public: Setting, Group, switch, pairs_of, DOMAIN_GROUPS, ACCOUNT_GROUPS, LIMIT_GROUP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from posthouse.doors.web.dashboard.visit import Visit


@dataclass(frozen=True, slots=True)
class Setting:
    """`form`: text, number, area, or choice among `options` (value and text)."""

    key: str
    label: str
    help: str
    form: str = "text"
    options: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    settings: Sequence[Setting]


def pairs_of(visit: Visit, groups: Sequence[Group], current: Mapping[str, str]) -> list[str]:
    """What the form says differently from `current`, as `desk.setting_kinds.changed` takes it."""
    found = []
    for setting in (setting for group in groups for setting in group.settings):
        if setting.key in visit.typed:
            text = visit.raw(setting.key).replace("\r\n", "\n").strip()
            if text != current[setting.key].replace("\r\n", "\n").strip():
                found.append(f"{setting.key}={text}")
    return found


def switch(key: str, label: str, help: str) -> Setting:
    return Setting(key, label, help, "choice", (("no", "No"), ("yes", "Yes")))


def _own_choice(key: str, label: str, help: str, *words: tuple[str, str]) -> Setting:
    return Setting(key, label, help, "choice", (("", "As usual"), *words))


_YES_NO = (("yes", "Yes"), ("no", "No"))
_CLICKS = (("off", "No"), ("html", "In HTML only"), ("all", "In HTML and text"))

DOMAIN_GROUPS = (
    Group("Tracking", (
        _own_choice("track_opens", "Track opens", "A small image tells when a message is opened. As usual: "
                    "what the service of the user or key does.", *_YES_NO),
        _own_choice("track_clicks", "Track clicks", "Links lead through us first.", *_CLICKS),
        switch("pixel_at_top", "Image at the top", "So that it is loaded even where a long message is cut."),
        Setting("tracking_url", "Address of tracked links", "Such as https://links.example.com; empty: "
                "https://email. and the domain."),
        Setting("track_privacy", "What is kept of a visitor", "Address and program, a shortened address, or "
                "neither.", "choice", (("full", "All"), ("masked", "Shortened"), ("none", "Nothing"))),
    )),
    Group("Unsubscribing", (
        switch("unsubscribe", "Add an unsubscribe link", "To mail that has none, with the header that mail "
               "programs make a button of."),
        Setting("unsubscribe_html", "Its text in HTML", "With %unsubscribe_url% for the link; empty: ours.",
                "area"),
        Setting("unsubscribe_text", "Its text in plain text", "The same for the plain part.", "area"),
        Setting("page_name", "Name on the page", "What the page that recipients see calls you."),
        Setting("page_colour", "Colour of the page", "Such as #14508c."),
        Setting("page_text", "A line on the page", "Whom to ask, for instance."),
    )),
    Group("Delivery", (
        switch("require_tls", "Only over TLS", "Mail waits rather than go in clear."),
        switch("skip_verification", "Any certificate will do", "Do not compare the receiver's certificate, "
               "even where TLS is required."),
        Setting("ip_pool", "IP pool", "Addresses that its mail leaves from; empty: the usual ones."),
        _own_choice("return_path", "Envelope sender", "Ours brings bounces back to us.", ("own", "Ours"),
                    ("keep", "As the message has it")),
        Setting("hourly_messages", "Most recipients an hour", "0 for no limit.", "number"),
        Setting("daily_messages", "Most recipients a day", "0 for no limit.", "number"),
        Setting("schedule_days", "Days ahead", "How far ahead mail may be scheduled.", "text"),
    )),
    Group("Messages", (
        _own_choice("from_policy", "Whose From", "What its users and keys may write into From.",
                    ("account", "Any domain of the account"), ("domain", "This domain and those below it"),
                    ("any", "Anything")),
        switch("keeps_fields", "Keep the header as it is", "Also where the service would build it anew."),
        Setting("attachment_types", "File types taken", "`all`, `safe`, or extensions with commas; empty: "
                "the service's own list."),
        Setting("archive_url", "Archive", "Each message is also posted to this address."),
    )),
    Group("Sandbox", (
        switch("is_sandbox", "Sandbox", "Sends at once, without DNS, but only to authorised addresses."),
    )),
)  # fmt: skip
"""Every setting of a domain but its authorised addresses, which have a list of their own."""

LIMIT_GROUP = Group("What it may send", (
    Setting("minute_messages", "Most recipients a minute", "0 for no limit.", "number"),
    Setting("daily_messages", "Most recipients a day", "0 for no limit.", "number"),
    Setting("monthly_messages", "Most recipients a month", "0 for no limit.", "number"),
    Setting("starts_at", "A new account begins with", "Recipients a day; from there it grows with its "
            "reputation. 0: it does not grow.", "number"),
    _own_choice("over_limit", "Past a limit", "Refuse mail, or let it wait until there is room.",
                ("refuse", "Refuse"), ("queue", "Let it wait")),
))  # fmt: skip

ACCOUNT_GROUPS = (
    Group("Tracking", (
        _own_choice("track_opens", "Track opens", "Where the message or its domain does not say.", *_YES_NO),
        _own_choice("track_clicks", "Track clicks", "Links lead through us first.", *_CLICKS),
        switch("utm", "Mark links for analytics", "Adds the five parameters below to links."),
        Setting("utm_source", "utm_source", "Where visitors come from."),
        Setting("utm_medium", "utm_medium", "Such as email."),
        Setting("utm_term", "utm_term", "For paid words."),
        Setting("utm_content", "utm_content", "To tell two links apart."),
        Setting("utm_campaign", "utm_campaign", "What it is for."),
    )),
    Group("Footer and frame", (
        switch("footer", "Add a footer", "Below every message."),
        Setting("footer_html", "Footer in HTML", "", "area"),
        Setting("footer_text", "Footer in plain text", "", "area"),
        switch("frame", "Put HTML into a frame", "With <% body %> where the message stands."),
        Setting("frame_html", "The frame", "", "area"),
    )),
    Group("Unsubscribing", (
        switch("unsubscribe", "Add an unsubscribe link", "To mail that has none."),
        Setting("unsubscribe_html", "Its text in HTML", "With <% %> for the link; empty: ours.", "area"),
        Setting("unsubscribe_text", "Its text in plain text", "The same for the plain part.", "area"),
        Setting("unsubscribe_tag", "Its mark", "A text in messages in whose place the link is put."),
    )),
    Group("Delivery", (
        switch("require_tls", "Only over TLS", "Mail waits rather than go in clear."),
        switch("skip_verification", "Any certificate will do", "Even where TLS is required."),
        Setting("purge_hard_days", "Try dead addresses again after", "Days; 0 for never.", "number"),
        Setting("purge_soft_days", "Try blocked addresses again after", "Days; 0 for never.", "number"),
        switch("forward_complaints", "Forward complaints", "Reports that somebody marked mail as spam."),
        Setting("forward_complaints_to", "Forward them to", "Addresses with commas between them."),
    )),
)  # fmt: skip
"""Every setting of an account but its limits."""
