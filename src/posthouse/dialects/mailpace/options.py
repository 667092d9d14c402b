"""MailPace's two option headers: tags, and the list that to unsubscribe from.

Documented: both headers, tags as one or several behind commas. Clients also send a list as JSON or in the
manner of a programming language (its Rails gem documents `['a', 'b']`), bare links without angle brackets,
and the names that the service had before 2022. Limits on number and length of tags are our decision: none
is documented.

Public: PREFIXES, read, quoted_list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from posthouse.dialects.dialect import Context, Header, Wishes
from posthouse.mail.letter import unfolded
from posthouse.mail.words import decode_words
from posthouse.model.options import Seen

MOST_TAGS = 20
LONGEST_TAG = 255
LONGEST_LIST = 2000

TAGS = frozenset({"x-mailpace-tags", "x-ohmysmtp-tags", "x-oms-tags"})
LIST_UNSUBSCRIBE = "x-list-unsubscribe"
PREFIXES = ("x-mailpace-", "x-ohmysmtp-", "x-oms-", LIST_UNSUBSCRIBE)

_QUOTED = re.compile(r""" *+(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)') *+(?:,|\Z)""")
_ESCAPED = re.compile(r"\\(.)")
_to_escape = re.compile(r'["\\]')
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ufffd]")
_BETWEEN_LINKS = re.compile(r",(?= *(?:<|https?://|mailto:))", re.IGNORECASE)
_BARE_LINK = re.compile(r"(?:https?://|mailto:)[^<>\s]+\Z", re.IGNORECASE)
_LINK = re.compile(r"<[^<>\s]+>\Z")


def read(headers: Sequence[Header], context: Context) -> Wishes:
    """The wishes of these headers. Never refuses: nothing here is worth losing mail for."""
    wishes = Wishes()
    tags: list[str] = []
    links: list[str] = []
    for header in headers:
        if header.name in TAGS:
            tags += _read_tags(header, wishes)
        elif header.name == LIST_UNSUBSCRIBE:
            links += _read_links(header, wishes)
        else:
            wishes.seen.append(Seen(header.title, decode_words(header.raw), "unknown, not delivered", True))
    if tags:
        wishes.values["tags"] = _limited(tags, wishes)
        wishes.sources["tags"] = "X-MailPace-Tags"
    if links:
        wishes.values["list_unsubscribe"] = ", ".join(dict.fromkeys(links))
        wishes.sources["list_unsubscribe"] = "X-List-Unsubscribe"
        wishes.drop.add("list-unsubscribe")  # the author's plain field counts only without the other one
    return wishes


def _read_tags(header: Header, wishes: Wishes) -> list[str]:
    text = decode_words(unfolded(header.raw))
    tags = [tag for tag in (" ".join(each.split()) for each in _split(text)) if tag]
    effect = "tags of the message" if tags else "no tag in it"
    wishes.seen.append(Seen(header.title, text, effect, is_warning=not tags))
    return tags


def _split(text: str) -> list[str]:
    """`a, b` or `["a", "b"]` or `['a', 'b']` -> the tags, not yet trimmed."""
    if not (text.startswith("[") and text.endswith("]")):
        return text.split(",")
    inside = text[1:-1]
    found: list[str] = []
    at = 0
    while at < len(inside):
        match = _QUOTED.match(inside, at)
        if not match:
            return inside.split(",")  # brackets of another kind
        found.append(_ESCAPED.sub(r"\1", match[1] if match[1] is not None else match[2]))
        at = match.end()
    return found


def quoted_list(tags: Sequence[str]) -> str:
    """The value that gives just these tags, commas in them and all; "" for none."""
    written = ", ".join('"' + _to_escape.sub(r"\\\g<0>", tag) + '"' for tag in tags)
    return f"[{written}]" if tags else ""


def _limited(tags: Sequence[str], wishes: Wishes) -> tuple[str, ...]:
    distinct = list(dict.fromkeys([tag[:LONGEST_TAG] for tag in tags]))
    if len(distinct) > MOST_TAGS:
        told = f"only the first {MOST_TAGS} of {len(distinct)} tags are kept"
        wishes.seen.append(Seen("X-MailPace-Tags", "", told, True))
    if any(len(tag) > LONGEST_TAG for tag in tags):
        told = f"tags were cut to {LONGEST_TAG} characters"
        wishes.seen.append(Seen("X-MailPace-Tags", "", told, True))
    return tuple(distinct[:MOST_TAGS])


def _read_links(header: Header, wishes: Wishes) -> list[str]:
    text = decode_words(unfolded(header.raw))
    trouble = _trouble_with(text)
    if trouble:
        wishes.seen.append(Seen(header.title, text, f"not used: {trouble}", True))
        return []
    links = [_in_brackets(each) for each in _BETWEEN_LINKS.split(text) if each.strip()]
    if all(_LINK.match(link) for link in links):
        wishes.seen.append(Seen(header.title, text, "the delivered List-Unsubscribe"))
    elif b"=?" in header.raw:
        # a line break that was hidden in an encoded word reads as a space by now
        wishes.seen.append(Seen(header.title, text, "not used: its encoded words hold no links", True))
        return []
    else:
        told = "the delivered List-Unsubscribe, though it is no list of links"
        wishes.seen.append(Seen(header.title, text, told, True))
    return links


def _trouble_with(text: str) -> str:
    if not text:
        return "it is empty"
    if len(text) > LONGEST_LIST:
        return f"it is longer than {LONGEST_LIST} characters"
    # decode_words shows what it removed as U+FFFD: nobody could follow such a link
    return "it holds a control character" if _CONTROLS.search(text) else ""


def _in_brackets(text: str) -> str:
    """A bare link gets the brackets that RFC 2369 2 wants; letters beyond ASCII are written as octets."""
    ascii_text = quote(text.strip(), safe="".join(map(chr, range(0x20, 0x7F))))
    return f"<{ascii_text}>" if _BARE_LINK.match(ascii_text) else ascii_text
