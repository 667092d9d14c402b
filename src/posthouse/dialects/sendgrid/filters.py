"""The filters of `X-SMTPAPI`: a table of (filter, its settings, what it does on, what it does off).

The table stands in the order of application: template, footer, unsubscribe texts, then links and pixel, then
lists and copies, signing, the rest. `enable` missing beside other settings counts as on: the service's own
example leaves it out. Filters and settings that are unknown are ignored with a warning (our decision).

Public: FILTERS, Filter, read_filters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from posthouse.dialects.account_wide import FOOTER, FRAME, UNSUBSCRIBE
from posthouse.dialects.dialect import TemplateUse
from posthouse.dialects.sendgrid.draft import Draft, Ignored, Invalid
from posthouse.dialects.sendgrid.inherited import inherited
from posthouse.dialects.sendgrid.values import flag, is_absent, number, plain
from posthouse.dialects.unsubscribe_texts import (
    DEFAULT_HTML,
    DEFAULT_TEXT,
    SUBSCRIPTION,
    bare_link,
    subscription_block,
)
from posthouse.dialects.web_urls import is_web_url
from posthouse.mail.addresses import parse_mailboxes
from posthouse.model.address import BadAddress, ascii_domain
from posthouse.model.options import (
    CLICKS_ALL,
    CLICKS_HTML,
    CLICKS_OFF,
    PIXEL_PLACEHOLDER,
    TEST_SANDBOX,
    UTM,
    Block,
)

SPAM_LIMIT = 5.0  # documented
LEAST_SPAM_LIMIT, MOST_SPAM_LIMIT = 1.0, 10.0

Settings = Mapping[str, Any]
_BODY_TAGS = ("<% body %>", "<%body%>")
_DECIDES = {"footer": FOOTER, "template": FRAME, "subscriptiontrack": UNSUBSCRIBE}
"""What of the account's texts a filter takes the place of, on or off."""


def read_filters(draft: Draft, given: Mapping[str, Any]) -> None:
    """All filters of the header, in the table's order. Raises Invalid."""
    for row in FILTERS:
        if row.name in given:
            draft.at(f"filters.{row.name}", given[row.name])
            try:
                draft.note(_apply(draft, row, _settings(given[row.name])))
            except Ignored as reason:
                draft.warn(str(reason))
    known = {row.name for row in FILTERS}
    for name, value in given.items():
        if name not in known:
            draft.at(f"filters.{name}", value)
            draft.warn("is no filter: ignored")


def _settings(given: Any) -> Settings:
    """`{"settings": {…}}`, or the settings themselves when somebody forgot that level."""
    if not isinstance(given, dict):
        raise Ignored("a filter is an object with settings: ignored")
    settings = given.get("settings", given)
    if is_absent(settings):
        return {}
    if not isinstance(settings, dict):
        raise Ignored("settings must be an object: ignored")
    return settings


def _apply(draft: Draft, row: Filter, settings: Settings) -> str:
    if not settings:
        raise Ignored("has no settings: ignored")
    is_on = flag(settings.get("enable", True))
    if is_on is None:
        raise Ignored("enable must be 0 or 1: ignored")
    unknown = [name for name in settings if name not in row.settings and name != "enable"]
    if unknown:
        draft.warn(f"there is no setting {plain(unknown[0])[:100]}: ignored")
    if is_on:
        said = row.on(draft, {**inherited(draft.context.account, row.name, settings), **settings})
    else:
        said = row.off(draft)
    if row.name in _DECIDES:
        draft.wishes.decided.add(_DECIDES[row.name])
    return said


def _text(settings: Settings, name: str) -> str:
    value = settings.get(name)
    if isinstance(value, dict | list):
        raise Ignored(f"{name} must be a text: ignored")
    return plain(value)


def _addresses(draft: Draft, value: Any) -> list[str]:
    """The addresses of a text or a list of texts; those that are none are left out with a warning."""
    found: list[str] = []
    for entry in value if isinstance(value, list) else [value]:
        try:
            found += [str(mailbox.address) for mailbox in parse_mailboxes(plain(entry).encode())]
        except BadAddress:
            draft.warn(f"{plain(entry)[:100]} is no address: left out")
    if not found:
        raise Ignored("email names no address")
    return list(dict.fromkeys(found))


# -- content ---------------------------------------------------------------------


def _stored_template(draft: Draft, settings: Settings) -> str:
    name = _text(settings, "template_id").strip()
    if not name:
        raise Invalid("the filter templates has no template_id")
    draft.template = name
    draft.wishes.template = TemplateUse(name, trouble=draft.trouble, keeps_subject=not draft.is_call)
    return "the stored template is the body" if name.startswith("d-") else "the stored template is the frame"


def _wrapper(draft: Draft, settings: Settings) -> str:
    html = _text(settings, "text/html")
    if not any(tag in html for tag in _BODY_TAGS):
        raise Ignored(
            "text/html has no <% body %>: the mail would lose its body, so the template is not used"
        )
    draft.set("wrapper_html", html)
    return "the HTML part is put into this template"


def _footer(draft: Draft, settings: Settings) -> str:
    block = Block(html=_text(settings, "text/html"), text=_text(settings, "text/plain"))
    if block == Block():
        raise Ignored("has no text")
    draft.blocks.append(block)
    return "is put at the end of the parts that it has a text for"


def _avatar(draft: Draft, settings: Settings) -> str:
    draft.wishes.shows_author = True
    return "the author's Gravatar picture is put at the end of the HTML part"


def _unsubscribe_text(draft: Draft, settings: Settings) -> str:
    tag = _text(settings, "replace")
    if draft.group:
        if tag:
            draft.links.append(bare_link(tag, "unsubscribe_group"))
        raise Ignored("the unsubscribe group takes its place")
    draft.set("auto_unsubscribe", "unsubscribe_global")
    if tag:
        draft.links.append(bare_link(tag, "unsubscribe_global"))
        return "the tag becomes an unsubscribe link, List-Unsubscribe is added"
    html, text = _text(settings, "text/html"), _text(settings, "text/plain")
    if not html and not text:
        html, text = DEFAULT_HTML, DEFAULT_TEXT
    block = subscription_block(html, text)
    if not any(SUBSCRIPTION in part for part in (block.html, block.text)):
        draft.warn("the texts have no <% %>: they bring no link")
    draft.blocks.append(block)
    draft.links.append(bare_link(SUBSCRIPTION, "unsubscribe_global"))
    return "unsubscribe texts are put at the end, List-Unsubscribe is added"


# -- links and pixel ---------------------------------------------------------------


def _utm(draft: Draft, settings: Settings) -> str:
    pairs = tuple((name, text) for name in UTM if (text := _text(settings, name)))
    if not pairs:
        raise Ignored("has no values")
    draft.set("utm", pairs)
    return "links get these parameters"


def _no_utm(draft: Draft) -> str:
    draft.set("utm", ())
    return "links get no parameters"


def _clicks(draft: Draft, settings: Settings) -> str:
    in_text = flag(settings.get("enable_text"))
    if in_text is None:
        draft.warn("enable_text must be true or false: left off")
    draft.set("track_clicks", CLICKS_ALL if in_text else CLICKS_HTML)
    return "clicks are tracked" + (" in HTML and in plain text" if in_text else " in HTML")


def _no_clicks(draft: Draft) -> str:
    draft.set("track_clicks", CLICKS_OFF)
    return "clicks are not tracked"


def _opens(draft: Draft, settings: Settings) -> str:
    tag = _text(settings, "replace")
    draft.set("track_opens", True)
    if not tag:
        return "opens are tracked"
    draft.set("pixel", PIXEL_PLACEHOLDER)
    draft.set("pixel_placeholder", tag)
    return "opens are tracked, the pixel stands in the place of the tag"


def _no_opens(draft: Draft) -> str:
    draft.set("track_opens", False)
    return "opens are not tracked"


# -- lists and copies ----------------------------------------------------------------


def _bypass(what: str, effect: str) -> Callable[[Draft, Settings], str]:
    def on(draft: Draft, settings: Settings) -> str:
        before = draft.wishes.values.get("bypass", ())
        if "all" in before:
            raise Ignored("bypass_list_management covers it already")
        draft.set("bypass", (*before, what))
        return effect

    return on


def _blind_copy(draft: Draft, settings: Settings) -> str:
    draft.set("blind_copies", tuple(_addresses(draft, settings.get("email"))))
    return "a blind copy of each mail is sent there"


def _forward_complaints(draft: Draft, settings: Settings) -> str:
    draft.set("forward_complaints_to", ", ".join(_addresses(draft, settings.get("email"))))
    return "complaints about this mail are passed on there"


def _no_forwarding(draft: Draft) -> str:
    draft.set("forward_complaints_to", "")
    return "complaints about this mail are not passed on"


# -- signing, tests --------------------------------------------------------------------


def _dkim(draft: Draft, settings: Settings) -> str:
    written = _text(settings, "domain").strip()
    if not written or flag(settings.get("use_from")):
        return "the domain of the From field signs"
    try:
        domain = ascii_domain(written)
    except BadAddress:
        raise Ignored("domain is no host name: signed as usual") from None
    if not draft.context.owns_key(domain, ""):
        raise Ignored("the account has no key for this domain: signed as usual")
    draft.set("dkim_domain", domain)
    return "this domain signs"


def _sandbox(draft: Draft, settings: Settings) -> str:
    draft.set("test_mode", TEST_SANDBOX)
    return "the mail is checked, answered with success and not sent"


def _spam_check(draft: Draft, settings: Settings) -> str:
    if not draft.context.scans:
        raise Ignored("there is no spam scanner here: not checked")
    given = settings.get("maxscore", settings.get("max_score"))
    most = SPAM_LIMIT if is_absent(given) else number(given)
    if most is None or not LEAST_SPAM_LIMIT <= most <= MOST_SPAM_LIMIT:
        draft.warn(f"maxscore must be a number from 1 to 10: {SPAM_LIMIT:g} is used")
        most = SPAM_LIMIT
    url = _text(settings, "url").strip()
    if url and not is_web_url(url):
        draft.warn("url is no http or https URL: no report is sent")
        url = ""
    draft.set("spam_limit", most)
    if url:
        draft.set("spam_url", url)
    return f"is not sent if its spam score is over {most:g}" + (", and reported there" if url else "")


def _not_used(reason: str) -> Callable[[Draft, Settings], str]:
    def on(draft: Draft, settings: Settings) -> str:
        raise Ignored(reason)

    return on


def _off(effect: str) -> Callable[[Draft], str]:
    return lambda draft: effect


class Filter(NamedTuple):
    """`settings`: its names, `enable` belongs to all. `on` gets the settings, `off` is for `enable: 0`; both
    return what it does, and raise Ignored or Invalid."""

    name: str
    settings: tuple[str, ...]
    on: Callable[[Draft, Settings], str]
    off: Callable[[Draft], str]


_TEXTS = ("text/html", "text/plain")
_NOTHING = _off("is switched off")
_ACCOUNT = "belongs to the account, not to a message: ignored"

FILTERS = (
    Filter("templates", ("template_id",), _stored_template, _NOTHING),
    Filter("template", ("text/html",), _wrapper, _NOTHING),
    Filter("footer", _TEXTS, _footer, _NOTHING),
    Filter(
        "subscriptiontrack",
        (*_TEXTS, "replace", "landing", "url"),
        _unsubscribe_text,
        _off("no unsubscribe text"),
    ),
    Filter("ganalytics", UTM, _utm, _no_utm),
    Filter("clicktrack", ("enable_text",), _clicks, _no_clicks),
    Filter("opentrack", ("replace",), _opens, _no_opens),
    Filter(
        "bypass_list_management",
        (),
        _bypass("all", "bounces, complaints and unsubscribes do not hold this mail back"),
        _NOTHING,
    ),
    Filter(
        "bypass_spam_management",
        (),
        _bypass("complaints", "complaints do not hold this mail back"),
        _NOTHING,
    ),
    Filter(
        "bypass_bounce_management", (), _bypass("bounces", "bounces do not hold this mail back"), _NOTHING
    ),
    Filter(
        "bypass_unsubscribe_management",
        (),
        _bypass("unsubscribes", "unsubscribes from everything do not hold this mail back"),
        _NOTHING,
    ),
    Filter("bcc", ("email",), _blind_copy, _NOTHING),
    Filter("forwardspam", ("email",), _forward_complaints, _no_forwarding),
    Filter("dkim", ("domain", "use_from"), _dkim, _NOTHING),
    Filter("drop", (), _sandbox, _NOTHING),
    Filter("spamcheck", ("maxscore", "max_score", "url"), _spam_check, _NOTHING),
    Filter("gravatar", (), _avatar, _NOTHING),
    Filter(
        "domainkeys",
        ("domain", "sender"),
        _not_used("DomainKeys is obsolete: DKIM signs instead"),
        _NOTHING,
    ),
    Filter(
        "forwardbounce",
        ("email",),
        _not_used("bounces go to the envelope sender and into events only"),
        _NOTHING,
    ),
    Filter("addresswhitelist", ("list",), _not_used(_ACCOUNT), _NOTHING),
    Filter("eventnotify", ("url",), _not_used(_ACCOUNT), _NOTHING),
    Filter("newrelic", (), _not_used(_ACCOUNT), _NOTHING),
    Filter("sendwithus", (), _not_used(_ACCOUNT), _NOTHING),
)
