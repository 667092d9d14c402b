"""Links of ours that a letter names by tags, and the texts that bring them along.

The tags of a group work only when the message names a group (documented). Inside texts that we append the
link stands as a literal of private-use characters: nobody's substitution tag takes a piece out of it.

Public: group_links, group_block.
"""

from __future__ import annotations

from posthouse.dialects.unsubscribe_texts import bare_link
from posthouse.model.options import Block, LinkTag

_GROUP = "\ue0f0\ue0f2\ue0f0"
_PREFERENCES = "\ue0f0\ue0f3\ue0f0"

# tag, kind of link, its text in an HTML part ("" for the bare URL; plain parts always show that)
TAGS = (
    ("asm_group_unsubscribe_url", "unsubscribe_group", "Unsubscribe From This List"),
    ("asm_group_unsubscribe_raw_url", "unsubscribe_group", ""),
    ("asm_global_unsubscribe_url", "unsubscribe_global", "Unsubscribe From All Emails"),
    ("asm_global_unsubscribe_raw_url", "unsubscribe_global", ""),
    ("asm_preferences_url", "preferences", "Manage Email Preferences"),
    ("asm_preferences_raw_url", "preferences", ""),
)
# In Handlebars templates.
TEMPLATE_TAGS = (
    ("{{{unsubscribe}}}", "unsubscribe_group"),
    ("{{{unsubscribe_preferences}}}", "preferences"),
)


def group_links() -> list[LinkTag]:
    """All tags that live in a message with a group."""
    named = [
        LinkTag(written, kind, html=f'<a href="{{url}}">{text}</a>' if text else "")
        for tag, kind, text in TAGS
        for written in (f"<%{tag}%>", f"<% {tag} %>")
    ]
    bare = [bare_link(tag, kind) for tag, kind in TEMPLATE_TAGS]
    return [*named, *bare, bare_link(_GROUP, "unsubscribe_group"), bare_link(_PREFERENCES, "preferences")]


def group_block() -> Block:
    """What a message with a group gets if it shows none of the tags (two links: documented)."""
    return Block(
        html=f'<p><a href="{_GROUP}">Unsubscribe</a> | '
        f'<a href="{_PREFERENCES}">Unsubscribe Preferences</a></p>',
        text=f"Unsubscribe: {_GROUP}\nUnsubscribe Preferences: {_PREFERENCES}",
    )
