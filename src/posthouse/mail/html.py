"""HTML seen as places in a text: where links, tags and the body's ends are. Nothing is written anew.

A parser that builds a tree and writes it out again changes what it was not asked to (doctypes, conditional
comments, entities); mail depends on such details. So this follows the tokenizer of the HTML standard (13.2.5)
as far as it decides what is a tag, and hands back offsets. One pass, linear in the text, no recursion.

Public names: Html, Href, scan, tag_at, attributes_of, raw_attributes,
unescaped, escaped.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.entities import html5

_BLANK = r"[ \t\n\f\r]"
# An attribute: name, then a value or no `=`. The two cases exclude each other, so a tag that never ends is
# found out in one pass. The name may begin with `=` (13.2.5.32).
_NAME = r"[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+"
_VALUE = r"\"[^\"]*+\"|'[^']*+'|[^ \t\n\f\r>\"'][^ \t\n\f\r>]*+|(?=>)"
_EQUALS = rf"{_BLANK}*+="
_ATTRIBUTE = rf"{_NAME}(?:{_EQUALS}{_BLANK}*+(?:{_VALUE})|(?!{_EQUALS}))"
_match_tag = re.compile(rf"<(/?[A-Za-z][^ \t\n\f\r/>]*+)(?:[ \t\n\f\r/]++|{_ATTRIBUTE})*>").match
_find_attributes = re.compile(rf"({_NAME})(?:{_EQUALS}{_BLANK}*+({_VALUE})|(?!{_EQUALS}))").finditer
_match_open = re.compile(r"</?[A-Za-z]").match
_find_comment_end = re.compile(r"--!?>").search
_REFERENCE = re.compile(r"&(?:#[0-9]{1,100}+|#[xX][0-9a-fA-F]{1,100}+|[A-Za-z][A-Za-z0-9]{0,31}+);?+")

# 13.2.5.2 to 13.2.5.5: no tags in there but their own end tag. `plaintext` never ends.
_RAW = {
    name: re.compile(rf"</{name}(?=[ \t\n\f\r/>])", re.IGNORECASE).search
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}
_LINKS = frozenset({"a", "area"})
_NOTED = _LINKS | _RAW.keys() | {"body", "/body", "plaintext"}
# The two ways that authors know to say: do not follow this link.
_OPT_OUTS = frozenset({("clicktracking", "off"), ("disable-tracking", "true")})
_OPT_OUT_NAMES = frozenset(name for name, _ in _OPT_OUTS)
_UNQUOTED = {ord(char): f"&#{ord(char)};" for char in " \t\n\f\r\"'=`"}


@dataclass(slots=True)
class Href:
    """`start:end` is the attribute's value without quotes, as it stands (character references and all).

    `opt_out_spans`: the attributes to take out, each with one blank before it; `is_opted_out` when any.
    """

    start: int
    end: int
    quote: str
    opt_out_spans: list[tuple[int, int]] = field(default_factory=list)
    is_opted_out: bool = False


@dataclass(slots=True)
class Html:
    """`hrefs` of `<a>` and `<area>` in order. `body_open_end`: behind the first `<body …>`,
    `body_close_start`: the last `</body>`, -1 for none. `tag_starts`, `tag_ends`: the spans that are not
    running text, in order."""

    hrefs: list[Href]
    body_open_end: int
    body_close_start: int
    tag_starts: list[int]
    tag_ends: list[int]

    def is_in_tag(self, offset: int) -> bool:
        """Is the character at `offset` part of a tag, a comment, or text without tags (script, title, …)?"""
        number = bisect_right(self.tag_starts, offset) - 1
        return number >= 0 and offset < self.tag_ends[number]


def scan(text: str) -> Html:
    """Any text -> its places. Never raises. What never ends (a tag, a comment, a script) takes the rest with
    it, as in a browser."""
    html = Html([], -1, -1, [], [])
    note_start, note_end = html.tag_starts.append, html.tag_ends.append
    last_cdata_end = text.rfind("]]>")
    at = text.find("<")
    while at >= 0:
        tag = _match_tag(text, at)
        if tag:
            end = tag.end()
            name = tag[1].lower()
            if name in _NOTED:
                end = _note(html, text, name, at, end)
        else:
            end = _after_other(text, at, last_cdata_end)
        if end > at + 1:
            note_start(at)
            note_end(end)
        at = text.find("<", end)
    return html


def _note(html: Html, text: str, name: str, start: int, end: int) -> int:
    """Take down what the tag `text[start:end]` means; the offset behind it and behind its raw text."""
    if name in _LINKS:
        href = _href(text, start + 1 + len(name), end)
        if href:
            html.hrefs.append(href)
    elif name == "body":
        html.body_open_end = html.body_open_end if html.body_open_end >= 0 else end
    elif name == "/body":
        html.body_close_start = start
    else:
        raw_end = _RAW[name](text, end) if name in _RAW else None
        end = raw_end.start() if raw_end else len(text)
    return end


def _after_other(text: str, at: int, last_cdata_end: int) -> int:
    """The offset behind whatever is no whole tag; at + 1 when this `<` is just text, as in `<%` or `<3`."""
    if _match_open(text, at):
        return len(text)  # a tag that never ends
    if text.startswith("<!--", at):
        if text.startswith(("<!-->", "<!--->"), at):
            return text.index(">", at) + 1
        found = _find_comment_end(text, at + 4)
        return found.end() if found else len(text)
    if text.startswith("<![CDATA[", at) and at + 9 <= last_cdata_end:
        return text.index("]]>", at + 9) + 3
    if text.startswith(("<!", "<?", "</"), at):  # 13.2.5.41: a bogus comment, doctypes too
        return (text.find(">", at + 2) + 1) or len(text)
    return at + 1


def _href(text: str, start: int, end: int) -> Href | None:
    """The first href among the attributes in `text[start:end]` (13.2.5.33: later ones do not count)."""
    href: Href | None = None
    opt_outs: list[tuple[int, int]] = []
    for match in _find_attributes(text, start, end):
        name, value = match[1].lower(), match[2]
        if name == "href" and href is None and value:
            quote = value[0] if value[0] in "\"'" else ""
            href = Href(match.start(2) + len(quote), match.end(2) - len(quote), quote)
        elif name in _OPT_OUT_NAMES and value and (name, value.strip("\"'").lower()) in _OPT_OUTS:
            blank = match.start() - (text[match.start() - 1] in " \t\n\f\r")
            opt_outs.append((blank, match.end()))
    if href:
        href.opt_out_spans, href.is_opted_out = opt_outs, bool(opt_outs)
    return href


def tag_at(text: str, at: int) -> tuple[str, int] | None:
    """The tag that begins at `at`: its name in lower case (with its slash) and the offset behind it. None: a
    comment, a doctype, or a tag that never ends."""
    match = _match_tag(text, at)
    return (match[1].lower(), match.end()) if match else None


def attributes_of(text: str, start: int, end: int) -> list[tuple[str, str]]:
    """What stands between the name of a tag and its end: names in lower case, values as text, in order."""
    return [
        (match[1].lower(), unescaped((match[2] or "").strip("\"'")))
        for match in _find_attributes(text, start, end)
    ]


def raw_attributes(text: str, start: int, end: int) -> Iterator[tuple[str, str, str]]:
    """The attributes in `text[start:end]`, from behind a tag's name to behind its `>`: name in lower
    case, the value as it stands with its quotes ("" for none), and all of it."""
    for match in _find_attributes(text, start, end):
        yield match[1].lower(), match[2] or "", match[0]


def unescaped(value: str) -> str:
    """The text of an attribute's value. 13.2.5.73: a name without semicolon counts only if it is one of the
    old ones and no letter, digit or `=` follows, so that `?a=1&copy=2` stays."""
    if "&" not in value:
        return value
    return _REFERENCE.sub(_referred, value)


def _referred(match: re.Match[str]) -> str:
    text = match[0]
    if text[1] == "#":
        return unescape(text)
    found = html5.get(text[1:])
    if found is None or (text[-1] != ";" and match.string[match.end() : match.end() + 1] == "="):
        return text
    return found


def escaped(url: str, quote: str) -> str:
    """`url` as the value of an attribute within `quote` (`"`, `'` or "" for none)."""
    url = url.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if quote:
        return url.replace(quote, "&quot;" if quote == '"' else "&#39;")
    return url.translate(_UNQUOTED)
