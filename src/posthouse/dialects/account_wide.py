"""What an account says once for all of its mail: texts to put into it, and where its letters say nothing.

Public: with_texts, has_texts, plain_values, FOOTER, FRAME, UNSUBSCRIBE.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec.structs import replace

from posthouse.dialects.unsubscribe_texts import (
    DEFAULT_HTML,
    DEFAULT_TEXT,
    SUBSCRIPTION,
    bare_link,
    subscription_block,
)
from posthouse.model.account import AccountSettings
from posthouse.model.options import UTM, Block, LinkTag, SendOptions

FOOTER, FRAME, UNSUBSCRIBE = "footer", "frame", "unsubscribe"
"""Words for what a message may decide itself (`Wishes.decided`)."""


def plain_values(account: AccountSettings) -> dict[str, Any]:
    """SendOptions values of mail that says nothing itself."""
    found: dict[str, Any] = {
        "track_opens": account.track_opens,
        "track_clicks": account.track_clicks or None,
        "require_tls": account.require_tls or None,
        "skip_verification": account.skip_verification or None,
    }
    if account.utm:
        found["utm"] = tuple((name, value) for name in UTM if (value := getattr(account, name))) or None
    if account.forward_complaints:
        found["forward_complaints_to"] = account.forward_complaints_to or None
    return {name: value for name, value in found.items() if value is not None}


def has_texts(account: AccountSettings) -> bool:
    """Does it put anything into mail?"""
    return account.footer or account.frame or account.unsubscribe


def with_texts(
    options: SendOptions,
    account: AccountSettings,
    decided: Collection[str] = (),
    *,
    is_templated: bool = False,
    has_own_link: bool = False,
) -> SendOptions:
    """The options with the account's texts, but for what the message decided itself.

    `is_templated`: a stored template makes the body, which is a whole letter and needs no frame.
    `has_own_link`: it brings an unsubscribe link already and needs no text about one.
    """
    values: dict[str, Any] = {}
    blocks, links = options.blocks, options.links
    if account.frame and FRAME not in decided and not is_templated and not options.wrapper_html:
        values["wrapper_html"] = account.frame_html
    # a group's links take the place of one to leave everything, as for a message's own wish
    if account.unsubscribe and UNSUBSCRIBE not in decided and not options.unsubscribe_group:
        if not options.auto_unsubscribe:
            values["auto_unsubscribe"] = "unsubscribe_global"
        if not links and not has_own_link:
            block, link = _unsubscribe_texts(account)
            blocks, links = (*blocks, *block), link
    if account.footer and FOOTER not in decided:
        blocks = (Block(html=account.footer_html, text=account.footer_text), *blocks)
    if not values and blocks is options.blocks:
        return options
    return replace(options, **values, blocks=blocks, links=links)


def _unsubscribe_texts(account: AccountSettings) -> tuple[tuple[Block, ...], tuple[LinkTag, ...]]:
    """Its unsubscribe text, and what stands for the link: where there is a tag, the mail has the place."""
    if account.unsubscribe_tag:
        return (), (bare_link(account.unsubscribe_tag, "unsubscribe_global"),)
    html, text = account.unsubscribe_html, account.unsubscribe_text
    if not html and not text:
        html, text = DEFAULT_HTML, DEFAULT_TEXT
    return (subscription_block(html, text),), (bare_link(SUBSCRIPTION, "unsubscribe_global"),)
