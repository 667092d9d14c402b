"""What stands inside a tag: paths, literals, subexpressions, hash arguments, block parameters.

Public: parse_call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from posthouse.mail.handlebars.nodes import Call, Expression, Literal, Path, TemplateError

MAX_DEPTH = 30
_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<number>-?\d+(?:\.\d+)?(?=[\s)=]|\Z))"
    r"|(?P<sign>[()|])"
    r"|(?P<key>[^\s()=|\"'{}\[\]~]+)=(?!\s*=)"
    r"|(?P<path>(?:\[[^\]]*\]|[^\s()=|\"'{}\[\]~])+))",
    re.DOTALL,
)
_PART = re.compile(r"\[([^\]]*)\]|([^./\[\]]+)")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "undefined": None}
_Token = tuple[str, str]


def parse_call(inside: str, line: int) -> tuple[Call, tuple[str, ...]]:
    """The call of a tag and its block parameters. Raises TemplateError."""
    tokens = list(_tokens(inside, line))
    names: tuple[str, ...] = ()
    if len(tokens) > 3 and tokens[-1] == ("sign", "|") and ("path", "as") in tokens:
        at = len(tokens) - 1 - tokens[::-1].index(("path", "as"))
        if tokens[at + 1] != ("sign", "|"):
            raise TemplateError(f"line {line}: block parameters are written as |name|")
        names = tuple(value for kind, value in tokens[at + 2 : -1] if kind == "path")
        tokens = tokens[:at]
    reader = _Reader(tokens, line)
    call = reader.call(0)
    if reader.at != len(tokens):
        raise TemplateError(f"line {line}: {tokens[reader.at][1]!r} is not expected here")
    return call, names


def _tokens(inside: str, line: int) -> Iterator[_Token]:
    at, end = 0, len(inside.rstrip())
    while at < end:
        match = _TOKEN.match(inside, at)
        if match is None:
            raise TemplateError(f"line {line}: the tag cannot be read at {inside[at : at + 20].strip()!r}")
        kind = match.lastgroup or ""
        yield kind, match[kind]
        at = match.end()


class _Reader:
    """A recursive descent over the tokens of one tag."""

    def __init__(self, tokens: list[_Token], line: int) -> None:
        self._tokens = tokens
        self._line = line
        self.at = 0

    def call(self, depth: int) -> Call:
        """path, arguments, hash; up to a closing bracket or the end."""
        if depth > MAX_DEPTH:
            raise TemplateError(f"line {self._line}: subexpressions are nested too deep")
        if self.at >= len(self._tokens):
            raise TemplateError(f"line {self._line}: the tag is empty")
        head = self._expression(depth)
        if isinstance(head, Call):
            raise TemplateError(f"line {self._line}: a tag begins with a name")
        params: list[Expression] = []
        hash_: list[tuple[str, Expression]] = []
        while self.at < len(self._tokens) and self._tokens[self.at] != ("sign", ")"):
            kind, value = self._tokens[self.at]
            if kind == "key":
                self.at += 1
                hash_.append((value, self._expression(depth)))
            else:
                params.append(self._expression(depth))
        return Call(head, tuple(params), tuple(hash_), self._line)

    def _expression(self, depth: int) -> Expression:
        if self.at >= len(self._tokens):
            raise TemplateError(f"line {self._line}: a value is missing")
        kind, value = self._tokens[self.at]
        self.at += 1
        if kind == "text":
            return Literal(value[1:-1].replace("\\" + value[0], value[0]))
        if kind == "number":
            return Literal(float(value) if "." in value else int(value[:300]))
        if (kind, value) == ("sign", "("):
            inner = self.call(depth + 1)
            if self.at >= len(self._tokens) or self._tokens[self.at] != ("sign", ")"):
                raise TemplateError(f"line {self._line}: a bracket is not closed")
            self.at += 1
            return inner
        if kind != "path":
            raise TemplateError(f"line {self._line}: {value!r} is not expected here")
        return Literal(_WORDS[value]) if value in _WORDS else _path(value, self._line)


def _path(written: str, line: int) -> Path:
    is_data = written.startswith("@")
    rest = written[1:] if is_data else written
    up, is_scoped = 0, False
    while rest == ".." or rest.startswith("../"):
        up, rest, is_scoped = up + 1, rest[3:], True
    for prefix in ("this", "."):
        if rest == prefix or rest.startswith((prefix + "/", prefix + ".")):
            rest, is_scoped = rest[len(prefix) :].lstrip("./"), True
            break
    parts: list[str] = []
    at = 0
    while at < len(rest):
        match = _PART.match(rest, at)
        if match is None:
            raise TemplateError(f"line {line}: {written!r} is not a path")
        parts.append(match[1] if match[1] is not None else match[2])
        at = match.end()
        if at < len(rest) and rest[at] in "./":
            at += 1
            if at == len(rest):
                raise TemplateError(f"line {line}: {written!r} is not a path")
    return Path(up, tuple(parts), is_data, is_scoped, written)
