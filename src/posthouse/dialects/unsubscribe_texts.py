"""Texts that bring an unsubscribe link along: `<% words %>` stands for it.

Inside a text that we append the link stands as a literal of private-use characters: nobody's substitution tag
takes a piece out of it.

Public: bare_link, subscription_block, SUBSCRIPTION, DEFAULT_HTML, DEFAULT_TEXT.
"""

from __future__ import annotations

from posthouse.model.options import Block, LinkTag

SUBSCRIPTION = "\ue0f0\ue0f1\ue0f0"
DEFAULT_HTML = "<p>No longer want these emails? <% Unsubscribe %></p>"
DEFAULT_TEXT = "No longer want these emails? Unsubscribe: <% %>"


def bare_link(literal: str, kind: str) -> LinkTag:
    """A literal that becomes the URL itself, without markup."""
    return LinkTag(literal, kind)


def subscription_block(html: str, text: str) -> Block:
    """`<% words %>` becomes a link with these words, `<% %>` and everything in plain text the bare URL."""
    return Block(html=_with_links(html, is_html=True), text=_with_links(text, is_html=False))


def _with_links(text: str, *, is_html: bool) -> str:
    done: list[str] = []
    at = 0
    while True:
        begin = text.find("<%", at)
        end = text.find("%>", begin + 2) if begin >= 0 else -1
        if end < 0:
            return "".join([*done, text[at:]])
        words = text[begin + 2 : end].strip()
        link = f'<a href="{SUBSCRIPTION}">{words}</a>' if is_html and words else SUBSCRIPTION
        done += (text[at:begin], link)
        at = end + 2
