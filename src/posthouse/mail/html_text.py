"""The text of an HTML page, for readers without HTML: line by line, with the targets of its links.

Also for the source of a template: what is no tag stays as it is, the tags of a template language too. Linear,
never raises.

Public: text_of_html.
"""

from __future__ import annotations

import re
from html import unescape

from posthouse.mail.html import scan, unescaped

_match_name = re.compile(r"<(/?[A-Za-z][A-Za-z0-9]*+)").match
_BLANKS = re.compile(r"[ \t\r\n\f]++")
_MANY_LINES = re.compile(r"\n{3,}")
_LINES = frozenset({"br", "tr", "div", "table", "ul", "ol", "hr", "section", "header", "footer"})
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre"})
_LINKS = ("http://", "https://", "mailto:", "tel:")


def text_of_html(html: str) -> str:
    """Lines end with LF; the text ends with one unless it is empty."""
    places = scan(html)
    targets = [(href.start, unescaped(html[href.start : href.end]).strip()) for href in places.hrefs]
    targets.reverse()  # the next one last
    pieces: list[str] = []
    target = ""
    at = 0
    for start, end in zip(places.tag_starts, places.tag_ends, strict=True):
        pieces.append(_running(html[at:start]))
        at = end
        name = _match_name(html, start)
        tag = name[1].lower() if name else ""
        if tag == "a":
            target = targets.pop()[1] if targets and targets[-1][0] < end else ""
        elif tag == "/a":
            pieces.append(_shown(target, pieces))
            target = ""
        else:
            pieces.append(_break(tag))
        while targets and targets[-1][0] < end:  # of an area
            targets.pop()
    pieces.append(_running(html[at:]))
    lines = [_BLANKS.sub(" ", line).strip() for line in "".join(pieces).split("\n")]
    text = _MANY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")
    return text + "\n" if text else ""


def _running(text: str) -> str:
    return _BLANKS.sub(" ", unescape(text)) if text else ""


def _shown(target: str, pieces: list[str]) -> str:
    """A link's target, unless its own text says it already or it leads nowhere outside."""
    before = pieces[-1].strip() if pieces else ""
    is_link = target.startswith(_LINKS) or target.startswith("{{")
    return "" if not is_link or before in (target, target.removeprefix("mailto:")) else f" ({target})"


def _break(tag: str) -> str:
    if tag == "li":
        return "\n- "
    name = tag.removeprefix("/")
    if name in _PARAGRAPHS:
        return "\n\n"
    if name in _LINES:
        return "\n"
    return " " if name in ("td", "th") else ""
