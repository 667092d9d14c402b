"""The source cut into texts and tags, white space control and lines that hold nothing but a tag applied.

As handlebars.js does it: `{{~` and `~}}` remove white space on their side; a block tag, an `else` or a
comment alone on its line takes the whole line with it.

Public: Tag, cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from posthouse.mail.handlebars.nodes import TemplateError

MAX_SOURCE = 1 << 20
MAX_TAGS = 20_000
_TAG = re.compile(
    r"\{\{(?P<left>~?)(?:"
    r"\{(?P<raw>[^{}]*+)\}(?P<right_raw>~?)\}\}"
    r"|(?P<sign>[#^/&>*]?)(?P<inside>(?:[^{}\"']|\"[^\"]*\"|'[^']*')*?)(?P<right>~?)\}\}"
    r")",
    re.DOTALL,
)
_COMMENT = re.compile(r"\{\{(~?)!(--)?")
_LONG_END = re.compile(r"--(~?)\}\}")
_SHORT_END = re.compile(r"(~?)\}\}")
_BLANK_START = re.compile(r"[ \t]*(?:\r?\n|\Z)")


@dataclass(slots=True)
class Tag:
    """`sign`: "#", "^", "/", "&", "{" (raw), "" (output), "!" (comment), "else"; `inside` is without it."""

    sign: str
    inside: str
    line: int
    is_left: bool
    is_right: bool


def cut(source: str) -> list[str | Tag]:
    """Texts and tags in turn, beginning and ending with a text. Raises TemplateError."""
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"the template is longer than {MAX_SOURCE} characters")
    pieces = _pieces(source)
    _strip_lines(pieces)
    _strip_tildes(pieces)
    return pieces


def _pieces(source: str) -> list[str | Tag]:
    cutter = _Cutter(source)
    pieces: list[str | Tag] = []
    text: list[str] = []
    at = 0
    while (found := source.find("{{", at)) >= 0:
        if found > at and source[found - 1] == "\\" and source[found - 2 : found] != "\\\\":
            text += (source[at : found - 1], "{{")  # an escaped tag is text
            at = found + 2
            continue
        text.append(source[at : found - 1] if source[at:found].endswith("\\\\") else source[at:found])
        tag, at = cutter.tag(found)
        pieces += ["".join(text), tag]
        text = []
        if len(pieces) > 2 * MAX_TAGS:
            raise TemplateError(f"the template has more than {MAX_TAGS} tags")
    return [*pieces, "".join([*text, source[at:]])]


class _Cutter:
    """Reads one tag after the other and counts lines on the way."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._line, self._counted = 1, 0
        self._has_long_end = True  # looked for once in vain: not again for every comment (linear time)

    def tag(self, found: int) -> tuple[Tag, int]:
        """The tag that begins there, and the offset behind it. Raises TemplateError."""
        self._line += self._source.count("\n", self._counted, found)
        self._counted = found
        opening = _COMMENT.match(self._source, found)
        if opening:
            return self._comment(opening)
        match = _TAG.match(self._source, found)
        if match is None:
            raise TemplateError(f"line {self._line}: a tag is not closed")
        return _tag(match, self._line), match.end()

    def _comment(self, opening: re.Match[str]) -> tuple[Tag, int]:
        ending = None
        if opening[2] and self._has_long_end:
            ending = _LONG_END.search(self._source, opening.end())
            self._has_long_end = ending is not None
        ending = ending or _SHORT_END.search(self._source, opening.end())
        if ending is None:
            raise TemplateError(f"line {self._line}: a comment is not closed")
        return Tag("!", "", self._line, bool(opening[1]), bool(ending[1])), ending.end()


def _tag(match: re.Match[str], line: int) -> Tag:
    is_left = bool(match["left"])
    is_right = bool(match["right_raw"] or match["right"])
    if match["raw"] is not None:
        return Tag("{", match["raw"].strip(), line, is_left, is_right)
    sign, inside = match["sign"], match["inside"].strip()
    if sign in (">", "*") or inside.startswith(">"):
        raise TemplateError(f"line {line}: partials and decorators are not available here")
    if (sign == "" and re.match(r"else(?=\s|\Z)", inside)) or (sign == "^" and not inside):
        return Tag("else", inside[4:].strip() if sign == "" else "", line, is_left, is_right)
    return Tag(sign, inside, line, is_left, is_right)


def _strip_lines(pieces: list[str | Tag]) -> None:
    """Lines with nothing but one block tag or comment go; looks at the texts as written."""
    cuts: list[
        tuple[int, int, int]
    ] = []  # piece before, length to keep of it, characters to drop of the next
    for place in range(1, len(pieces), 2):
        tag, before, after = pieces[place], str(pieces[place - 1]), str(pieces[place + 1])
        assert isinstance(tag, Tag)
        if tag.sign not in ("#", "^", "/", "else", "!"):
            continue
        kept = before.rstrip(" \t")
        is_first = not kept and place == 1
        begins = is_first or kept.endswith("\n")
        blank = _BLANK_START.match(after)
        is_at_end = blank is not None and (blank[0].endswith("\n") or place == len(pieces) - 2)
        if begins and blank is not None and is_at_end:
            cuts.append((place - 1, len(kept), blank.end()))
    kept_lengths = {place: length for place, length, _ in cuts}
    dropped = {place + 2: length for place, _, length in cuts}
    for place in range(0, len(pieces), 2):
        text = str(pieces[place])
        start = dropped.get(place, 0)
        pieces[place] = text[start : max(start, kept_lengths.get(place, len(text)))]


def _strip_tildes(pieces: list[str | Tag]) -> None:
    for place in range(1, len(pieces), 2):
        tag = pieces[place]
        assert isinstance(tag, Tag)
        if tag.is_left:
            pieces[place - 1] = str(pieces[place - 1]).rstrip()
        if tag.is_right:
            pieces[place + 1] = str(pieces[place + 1]).lstrip()
