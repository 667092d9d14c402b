"""What an account says for all of its mail: under the message's own word, above the dialect's defaults."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.dialects.mailgun import DIALECT as MAILGUN
from posthouse.dialects.reading import OptionReader, Sending
from posthouse.dialects.sendgrid import DIALECT as SENDGRID
from posthouse.dialects.table import DIALECTS
from posthouse.dialects.unsubscribe_texts import SUBSCRIPTION
from posthouse.mail.letter import parse
from posthouse.model.account import DEFAULTS, AccountSettings, DomainSettings
from posthouse.model.message import Recipient
from posthouse.model.options import Block, LinkTag, SendOptions

NOW = 1_700_000_000.0
BARE = LinkTag(SUBSCRIPTION, "unsubscribe_global")
ACCOUNT = AccountSettings(
    footer=True,
    footer_html="<p>Shop Ltd.</p>",
    footer_text="Shop Ltd.",
    frame=True,
    frame_html="<table><% body %></table>",
    unsubscribe=True,
    unsubscribe_html="<p><% Leave %></p>",
    unsubscribe_text="Leave: <% %>",
    utm=True,
    utm_source="shop",
    track_opens=True,
    track_clicks="all",
    forward_complaints=True,
    forward_complaints_to="abuse@shop.test",
)
FOOTER = Block("<p>Shop Ltd.</p>", "Shop Ltd.")
LEAVE = Block(f'<p><a href="{SUBSCRIPTION}">Leave</a></p>', f"Leave: {SUBSCRIPTION}")


class Estate:
    """An account with one group."""

    def __init__(self, account: AccountSettings) -> None:
        self.account = account

    def account_settings(self, account_id: str) -> AccountSettings:
        return self.account

    def groups_of(self, account_id: str) -> frozenset[int]:
        return frozenset({7})

    def owns_ip(self, account_id: str, ip: str) -> bool:
        return False

    def pool_sources(self, account_id: str, name_or_id: str) -> None:
        return None

    def key_of(self, account_id: str, domain: str, selector: str) -> None:
        return None


def options(
    *headers: str,
    account: AccountSettings = ACCOUNT,
    dialect: Any = SENDGRID,
    settings: DomainSettings = DEFAULTS,
    body: str = "hello",
) -> SendOptions:
    letter = parse("\r\n".join([*headers, "From: me@shop.test", "To: ann@good.test", "", body]).encode())
    sending = Sending(dialect, "acc", "shop.test", settings, NOW)
    reader = OptionReader(DIALECTS, Estate(account))
    return reader.read(letter, [Recipient("ann@good.test", "good.test")], sending).options


def filters(text: str) -> str:
    return f'X-SMTPAPI: {{"filters": {text}}}'


@pytest.mark.parametrize("dialect", [SENDGRID, MAILGUN], ids=["a SendGrid key", "a Mailgun user"])
def test_mail_that_says_nothing_gets_all_of_it(dialect: Any) -> None:
    made = options(dialect=dialect)
    assert made.blocks == (FOOTER, LEAVE)
    assert made.links == (BARE,)
    assert made.auto_unsubscribe == "unsubscribe_global"
    assert made.wrapper_html == "<table><% body %></table>"
    assert made.utm == (("utm_source", "shop"),)
    assert (made.track_opens, made.track_clicks) == (True, "all")
    assert made.forward_complaints_to == "abuse@shop.test"


def test_what_is_off_leaves_no_trace() -> None:
    off = AccountSettings(footer_html="x", frame_html="<% body %>", unsubscribe_text="x", utm_source="x")
    assert options(account=off) == options(account=AccountSettings())


OWN_WORD: dict[str, tuple[str, dict[str, Any]]] = {
    "no footer": ('{"footer": {"settings": {"enable": 0}}}', {"blocks": (LEAVE,)}),
    "its own footer, of which the account fills the rest": (
        '{"footer": {"settings": {"enable": 1, "text/plain": "Bye"}}}',
        {"blocks": (Block("<p>Shop Ltd.</p>", "Bye"), LEAVE)},
    ),
    "a footer filter that is ignored leaves the account's": (
        '{"footer": {"settings": {}}}',
        {"blocks": (FOOTER, LEAVE)},
    ),
    "no frame": ('{"template": {"settings": {"enable": 0}}}', {"wrapper_html": ""}),
    "its own frame": (
        '{"template": {"settings": {"enable": 1, "text/html": "<i><% body %></i>"}}}',
        {"wrapper_html": "<i><% body %></i>"},
    ),
    "no unsubscribe text": (
        '{"subscriptiontrack": {"settings": {"enable": 0}}}',
        {"blocks": (FOOTER,), "links": (), "auto_unsubscribe": ""},
    ),
    "its own unsubscribe tag": (
        '{"subscriptiontrack": {"settings": {"enable": 1, "replace": "[u]"}}}',
        {"blocks": (FOOTER,), "links": (LinkTag("[u]", "unsubscribe_global"),)},
    ),
    "the account's unsubscribe texts, asked for": (
        '{"subscriptiontrack": {"settings": {"enable": 1}}}',
        {"blocks": (FOOTER, LEAVE), "links": (BARE,)},
    ),
    "no parameters": ('{"ganalytics": {"settings": {"enable": 0}}}', {"utm": ()}),
    "parameters of both": (
        '{"ganalytics": {"settings": {"enable": 1, "utm_medium": "mail"}}}',
        {"utm": (("utm_source", "shop"), ("utm_medium", "mail"))},
    ),
    "clicks as the account tracks them": (
        '{"clicktrack": {"settings": {"enable": 1}}}',
        {"track_clicks": "all"},
    ),
    "clicks in HTML only": (
        '{"clicktrack": {"settings": {"enable": 1, "enable_text": false}}}',
        {"track_clicks": "html"},
    ),
    "no tracking": (
        '{"clicktrack": {"settings": {"enable": 0}}, "opentrack": {"settings": {"enable": 0}}}',
        {"track_clicks": "off", "track_opens": False},
    ),
    "complaints elsewhere": (
        '{"forwardspam": {"settings": {"enable": 1, "email": "x@shop.test"}}}',
        {"forward_complaints_to": "x@shop.test"},
    ),
    "complaints to nobody": (
        '{"forwardspam": {"settings": {"enable": 0}}}',
        {"forward_complaints_to": ""},
    ),
}


@pytest.mark.parametrize(("said", "wanted"), OWN_WORD.values(), ids=list(OWN_WORD))
def test_the_messages_own_word_comes_first(said: str, wanted: dict[str, Any]) -> None:
    made = options(filters(said))
    assert {name: getattr(made, name) for name in wanted} == wanted


def test_a_filter_that_is_off_in_the_account_inherits_nothing() -> None:
    off = AccountSettings(footer_html="<p>old</p>")
    made = options(
        filters('{"footer": {"settings": {"enable": 1, "text/plain": "Bye"}}}'),
        account=off,
    )
    assert made.blocks == (Block("", "Bye"),)


def test_the_links_of_a_group_take_the_place_of_the_accounts() -> None:
    made = options('X-SMTPAPI: {"asm_group_id": 7}')
    assert made.auto_unsubscribe == "unsubscribe_group"
    assert made.blocks[0] == FOOTER and LEAVE not in made.blocks and BARE not in made.links


def test_a_stored_template_is_a_whole_letter() -> None:
    assert options(filters('{"templates": {"settings": {"template_id": "d-1"}}}')).wrapper_html == ""


def test_mail_with_a_link_of_its_own_gets_no_text_about_one() -> None:
    made = options(dialect=MAILGUN, body="Leave: %unsubscribe_url%")
    assert made.blocks == (FOOTER,)


def test_a_tag_in_the_mail_is_the_place_of_the_link() -> None:
    made = options(account=AccountSettings(unsubscribe=True, unsubscribe_tag="[away]"))
    assert (made.blocks, made.links) == ((), (LinkTag("[away]", "unsubscribe_global"),))


def test_without_texts_the_usual_words_are_used() -> None:
    made = options(account=AccountSettings(unsubscribe=True))
    assert made.blocks[0].text.startswith("No longer want these emails?")


BY_DOMAIN: dict[str, tuple[AccountSettings, DomainSettings, dict[str, Any]]] = {
    "the domain beats the account": (
        AccountSettings(track_opens=True, track_clicks="all"),
        DomainSettings(track_opens=False, track_clicks="html"),
        {"track_opens": None, "track_clicks": "html"},
    ),
    "TLS for all mail": (AccountSettings(require_tls=True), DEFAULTS, {"require_tls": True}),
    "TLS with any certificate": (
        AccountSettings(require_tls=True, skip_verification=True),
        DEFAULTS,
        {"require_tls": True, "skip_verification": True},
    ),
    "the account switches off": (
        AccountSettings(track_opens=False, track_clicks="off"),
        DEFAULTS,
        {"track_opens": None, "track_clicks": ""},
    ),
}


@pytest.mark.parametrize(("account", "settings", "wanted"), BY_DOMAIN.values(), ids=list(BY_DOMAIN))
def test_the_domain_stands_between_message_and_account(
    account: AccountSettings, settings: DomainSettings, wanted: dict[str, Any]
) -> None:
    made = options(account=account, settings=settings)
    assert {name: getattr(made, name) for name in wanted} == wanted


def test_new_settings_of_the_account_hold_at_once() -> None:
    estate = Estate(AccountSettings())
    reader = OptionReader(DIALECTS, estate)
    sending = Sending(SENDGRID, "acc", "shop.test", DEFAULTS, NOW)
    letter = parse(b"From: me@shop.test\r\n\r\nhello\r\n")
    people = [Recipient("ann@good.test", "good.test")]
    assert reader.read(letter, people, sending).options.require_tls is None
    estate.account = AccountSettings(require_tls=True)
    assert reader.read(letter, people, sending).options.require_tls is True
