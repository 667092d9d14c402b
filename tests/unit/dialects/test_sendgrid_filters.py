"""Each filter of `X-SMTPAPI`, on, off and with bad values (SG-09), and the page that describes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posthouse.dialects.dialect import Rejection
from posthouse.dialects.sendgrid.filters import FILTERS
from posthouse.dialects.sendgrid.smtpapi import KEYS
from posthouse.dialects.unsubscribe_texts import SUBSCRIPTION
from posthouse.model.options import Block, LinkTag, SendOptions
from unit.dialects.smtpapi_letters import filtered, read, seen_of, warnings

PAGE = (Path(__file__).parents[3] / "docs" / "dialects-sendgrid.md").read_text()
BARE = LinkTag(SUBSCRIPTION, "unsubscribe_global")

ON: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("clicks in HTML", "clicktrack", {"enable": 1}, {"track_clicks": "html"}),
    ("clicks in text too", "clicktrack", {"enable": "1", "enable_text": "true"}, {"track_clicks": "all"}),
    ("clicks, text flag off", "clicktrack", {"enable": True, "enable_text": 0}, {"track_clicks": "html"}),
    ("clicks off", "clicktrack", {"enable": 0}, {"track_clicks": "off"}),
    ("clicks off by text", "clicktrack", {"enable": "false"}, {"track_clicks": "off"}),
    ("clicks off by empty text", "clicktrack", {"enable": ""}, {"track_clicks": "off"}),
    ("opens", "opentrack", {"enable": 1.0}, {"track_opens": True}),
    ("opens off", "opentrack", {"enable": False}, {"track_opens": False}),
    (
        "opens with a tag, enable missing",
        "opentrack",
        {"replace": "%px%"},
        {"track_opens": True, "pixel": "placeholder", "pixel_placeholder": "%px%"},
    ),
    (
        "footer",
        "footer",
        {"enable": 1, "text/html": "<p>-n-</p>", "text/plain": "Bye"},
        {"blocks": (Block(html="<p>-n-</p>", text="Bye"),)},
    ),
    ("footer, enable missing", "footer", {"text/html": "<b>x</b>"}, {"blocks": (Block(html="<b>x</b>"),)}),
    ("footer off", "footer", {"enable": 0, "text/html": "x"}, {}),
    (
        "unsubscribe texts",
        "subscriptiontrack",
        {"enable": 1, "text/html": "Go <% away -n- %> or <% %>", "text/plain": "Go: <% here %>."},
        {
            "auto_unsubscribe": "unsubscribe_global",
            "blocks": (
                Block(
                    html=f'Go <a href="{SUBSCRIPTION}">away -n-</a> or {SUBSCRIPTION}',
                    text=f"Go: {SUBSCRIPTION}.",
                ),
            ),
            "links": (BARE,),
        },
    ),
    (
        "own unsubscribe texts",
        "subscriptiontrack",
        {"enable": 1},
        {
            "auto_unsubscribe": "unsubscribe_global",
            "blocks": (
                Block(
                    html=f'<p>No longer want these emails? <a href="{SUBSCRIPTION}">Unsubscribe</a></p>',
                    text=f"No longer want these emails? Unsubscribe: {SUBSCRIPTION}",
                ),
            ),
            "links": (BARE,),
        },
    ),
    (
        "unsubscribe tag beats texts",
        "subscriptiontrack",
        {"enable": 1, "text/html": "<% x %>", "replace": "[unsub]"},
        {"auto_unsubscribe": "unsubscribe_global", "links": (LinkTag("[unsub]", "unsubscribe_global"),)},
    ),
    ("unsubscribe texts off", "subscriptiontrack", {"enable": 0}, {}),
    (
        "wrapper",
        "template",
        {"enable": 1, "text/html": "<i><% body %></i>"},
        {"wrapper_html": "<i><% body %></i>"},
    ),
    ("wrapper, no spaces", "template", {"text/html": "<%body%>"}, {"wrapper_html": "<%body%>"}),
    (
        "utm in order",
        "ganalytics",
        {"enable": 1, "utm_campaign": "c d", "utm_source": "s", "utm_term": "", "utm_medium": 5},
        {"utm": (("utm_source", "s"), ("utm_medium", "5"), ("utm_campaign", "c d"))},
    ),
    ("list bypass", "bypass_list_management", {"enable": 1}, {"bypass": ("all",)}),
    ("spam bypass", "bypass_spam_management", {"enable": 1}, {"bypass": ("complaints",)}),
    ("bounce bypass", "bypass_bounce_management", {"enable": 1}, {"bypass": ("bounces",)}),
    ("unsubscribe bypass", "bypass_unsubscribe_management", {"enable": 1}, {"bypass": ("unsubscribes",)}),
    ("bypass off", "bypass_list_management", {"enable": 0}, {}),
    ("blind copy", "bcc", {"enable": 1, "email": "Log <log@D.test>"}, {"blind_copies": ("log@d.test",)}),
    (
        "blind copies",
        "bcc",
        {"email": ["a@d.test", "no address", "b@d.test", "a@d.test"]},
        {"blind_copies": ("a@d.test", "b@d.test")},
    ),
    ("own key", "dkim", {"domain": "Other.test", "use_from": 0}, {"dkim_domain": "other.test"}),
    ("the From domain signs", "dkim", {"domain": "other.test", "use_from": 1}, {}),
    ("complaints to", "forwardspam", {"email": "x@d.test"}, {"forward_complaints_to": "x@d.test"}),
    ("sandbox", "drop", {"enable": 1}, {"test_mode": "sandbox"}),
    ("no sandbox", "drop", {"enable": 0}, {}),
]


@pytest.mark.parametrize(("name", "settings", "values"), [case[1:] for case in ON], ids=[c[0] for c in ON])
def test_sg09_filters(name: str, settings: dict[str, Any], values: dict[str, Any]) -> None:
    wishes = filtered(**{name: settings})
    assert wishes.values == values
    assert wishes.rejection is None
    assert seen_of(wishes, f"filters.{name}"), "nothing is said about it"
    SendOptions(**wishes.values)


SCANNED: list[tuple[dict[str, Any], float, str, list[str]]] = [
    ({"enable": 1}, 5.0, "", []),
    ({"maxscore": 3}, 3.0, "", []),
    ({"enable": "1", "maxscore": "7.5", "url": "https://shop.test/spam"}, 7.5, "https://shop.test/spam", []),
    ({"enable": 1, "max_score": 10}, 10.0, "", []),
    ({"enable": 1, "maxscore": ""}, 5.0, "", []),
    ({"enable": 1, "maxscore": 0.9}, 5.0, "", ["maxscore must be a number from 1 to 10: 5 is used"]),
    ({"enable": 1, "maxscore": 11}, 5.0, "", ["maxscore must be a number from 1 to 10: 5 is used"]),
    ({"enable": 1, "maxscore": "nan"}, 5.0, "", ["maxscore must be a number from 1 to 10: 5 is used"]),
    ({"enable": 1, "maxscore": [5]}, 5.0, "", ["maxscore must be a number from 1 to 10: 5 is used"]),
    ({"enable": 1, "maxscore": True}, 5.0, "", ["maxscore must be a number from 1 to 10: 5 is used"]),
    ({"enable": 1, "url": "ftp://x"}, 5.0, "", ["url is no http or https URL: no report is sent"]),
    ({"enable": 1, "url": "http://a b"}, 5.0, "", ["url is no http or https URL: no report is sent"]),
]


@pytest.mark.parametrize(("settings", "limit", "url", "warned"), SCANNED)
def test_SG_09_spamcheck_where_there_is_a_scanner(
    settings: dict[str, Any], limit: float, url: str, warned: list[str]
) -> None:
    wishes = read({"filters": {"spamcheck": {"settings": settings}}}, scans=True)
    wanted: dict[str, Any] = {"spam_limit": limit} | ({"spam_url": url} if url else {})
    assert wishes.values == wanted
    assert [seen.effect for seen in wishes.seen if seen.is_warning] == warned
    assert seen_of(wishes, "filters.spamcheck")[-1].effect.startswith(
        f"is not sent if its spam score is over {limit:g}"
    )


WARNED: list[tuple[str, Any, str]] = [
    ("clicktrack", {"enable": "maybe"}, "enable must be 0 or 1: ignored"),
    ("clicktrack", {"enable": 1, "enable_text": "some"}, "enable_text must be true or false: left off"),
    ("clicktrack", {}, "has no settings: ignored"),
    ("clicktrack", {"enable": 1, "colour": 1}, "there is no setting colour: ignored"),
    ("footer", {"enable": 1}, "has no text"),
    ("footer", {"text/html": ["x"]}, "text/html must be a text: ignored"),
    ("subscriptiontrack", {"text/html": "no link"}, "the texts have no <% %>: they bring no link"),
    ("template", {"text/html": "<i>frame</i>"}, "text/html has no <% body %>"),
    ("ganalytics", {"enable": 1}, "has no values"),
    ("bcc", {"email": "no address"}, "email names no address"),
    ("bcc", {"email": ["no address", "a@d.test"]}, "no address is no address: left out"),
    ("forwardspam", {"enable": 1}, "email names no address"),
    ("dkim", {"domain": "stranger.test"}, "the account has no key for this domain: signed as usual"),
    ("dkim", {"domain": "not a host"}, "domain is no host name: signed as usual"),
    ("spamcheck", {"enable": 1, "maxscore": 5}, "there is no spam scanner here"),
    ("gravatar", {"enable": "perhaps"}, "enable must be 0 or 1: ignored"),
    ("domainkeys", {"enable": 1, "domain": "d.test"}, "DomainKeys is obsolete"),
    ("forwardbounce", {"enable": 1, "email": "a@d.test"}, "bounces go to the envelope sender"),
    ("addresswhitelist", {"enable": 1}, "belongs to the account"),
    ("eventnotify", {"enable": 1, "url": "https://x.test"}, "belongs to the account"),
    ("newrelic", {"enable": 1}, "belongs to the account"),
    ("sendwithus", {"enable": 1}, "belongs to the account"),
    ("sparkle", {"enable": 1}, "is no filter: ignored"),
]


@pytest.mark.parametrize(
    ("name", "settings", "text"), WARNED, ids=[f"{case[0]}: {case[2]}" for case in WARNED]
)
def test_sg09_what_does_nothing_says_so(name: str, settings: Any, text: str) -> None:
    wishes = filtered(**{name: settings})
    assert text in warnings(wishes)
    assert wishes.rejection is None


@pytest.mark.parametrize("given", [1, "x", ["x"], {"settings": "x"}], ids=str)
def test_sg09_a_filter_of_another_shape_is_ignored(given: Any) -> None:
    wishes = read({"filters": {"footer": given}})
    assert wishes.values == {}
    assert "must be an object" in warnings(wishes) or "is an object with settings" in warnings(wishes)


def test_sg09_settings_without_their_level() -> None:
    assert read({"filters": {"clicktrack": {"enable": 1}}}).values == {"track_clicks": "html"}


def test_sg09_php_writes_empty_settings_as_a_list() -> None:
    assert "has no settings" in warnings(read({"filters": {"footer": {"settings": []}}}))


def test_sg09_bypasses_add_up_and_the_widest_covers_all() -> None:
    one = {"enable": 1}
    assert filtered(bypass_bounce_management=one, bypass_spam_management=one).values == {
        "bypass": ("complaints", "bounces")
    }
    wishes = filtered(bypass_bounce_management=one, bypass_list_management=one)
    assert wishes.values == {"bypass": ("all",)}
    assert "bypass_list_management covers it already" in warnings(wishes)


def test_sg09_the_table_s_order_counts_not_the_header_s() -> None:
    values = filtered(subscriptiontrack={"text/plain": "out: <% %>"}, footer={"text/plain": "Bye"}).values
    assert [block.text for block in values["blocks"]] == ["Bye", f"out: {SUBSCRIPTION}"]


def test_sg09_a_group_takes_the_place_of_subscription_tracking() -> None:
    wishes = read({"asm_group_id": 7, "filters": {"subscriptiontrack": {"settings": {"replace": "[u]"}}}})
    assert wishes.values["auto_unsubscribe"] == "unsubscribe_group"
    assert LinkTag("[u]", "unsubscribe_group") in wishes.values["links"]
    assert "the unsubscribe group takes its place" in warnings(wishes)


def test_sg09_a_stored_template() -> None:
    wishes = filtered(templates={"enable": 1, "template_id": " 5b1c-2 "})
    assert wishes.template is not None
    assert wishes.template.name == "5b1c-2"
    assert wishes.template.version == ""
    assert wishes.template.trouble("there is no such template") == Rejection(
        "invalid-options", "Invalid SMTPAPI header: there is no such template"
    )
    assert filtered(templates={"enable": 0, "template_id": "5b1c-2"}).template is None


def test_sg09_substitutions_feed_a_dynamic_template_without_data() -> None:
    header = {
        "to": ["a@d.test"],
        "sub": {"-name-": ["Ann"], "{{city}}": ["Ulm"], "--": ["x"]},
        "filters": {"templates": {"settings": {"enable": 1, "template_id": "d-1"}}},
    }
    [person] = read(header).people or []
    assert person.options.variables == {"name": "Ann", "city": "Ulm", "--": "x"}
    [person] = read(header | {"dynamic_template_data": {"a": 1}}).people or []
    assert person.options.variables == {}


def test_an_unclosed_link_stays_text() -> None:
    values = filtered(subscriptiontrack={"text/html": "<% a %> <% b" + "<%" * 50_000}).values
    assert values["blocks"][0].html == f'<a href="{SUBSCRIPTION}">a</a> <% b' + "<%" * 50_000


@pytest.mark.parametrize("name", [key.name for key in KEYS])
def test_the_page_describes_each_key(name: str) -> None:
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("row", FILTERS, ids=lambda row: row.name)
def test_the_page_describes_each_filter_and_setting(row: Any) -> None:
    [line] = [line for line in PAGE.splitlines() if line.startswith(f"| `{row.name}` |")]
    for setting in row.settings:
        assert f"`{setting}`" in line
