"""From tags to the tree; everything that can be known to be wrong is said here, with its line.

Public: parse.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from posthouse.mail.handlebars.expressions import parse_call
from posthouse.mail.handlebars.helpers import is_helper
from posthouse.mail.handlebars.nodes import (
    Block,
    Call,
    Expression,
    Literal,
    Node,
    Output,
    Path,
    TemplateError,
    Text,
)
from posthouse.mail.handlebars.tokens import Tag, cut

MAX_DEPTH = 50


@dataclass(slots=True)
class _Open:
    """A block that is not closed yet. `chained`: opened by `else if`, closed together with its parent."""

    name: str
    call: Call
    params: tuple[str, ...]
    is_inverse: bool
    line: int
    chained: bool = False
    body: list[Node] = field(default_factory=list)
    other: list[Node] | None = None

    @property
    def current(self) -> list[Node]:
        return self.body if self.other is None else self.other

    def closed(self) -> Block:
        body, other = tuple(self.body), tuple(self.other or ())
        return (
            Block(self.call, other, body, self.params)
            if self.is_inverse
            else Block(self.call, body, other, self.params)
        )


def parse(source: str) -> tuple[Node, ...]:
    """The tree of a template. Raises TemplateError."""
    top: list[Node] = []
    stack: list[_Open] = []
    for piece in cut(source):
        nodes = stack[-1].current if stack else top
        if isinstance(piece, str):
            if piece:
                nodes.append(Text(piece))
        elif piece.sign in ("", "&", "{"):
            nodes.append(_output(piece))
        elif piece.sign in ("#", "^"):
            stack.append(_opened(piece, len(stack)))
        elif piece.sign == "else":
            _else(piece, stack)
        elif piece.sign == "/":
            _close(piece, stack, top)
    if stack:
        raise TemplateError(f"line {stack[-1].line}: the block {stack[-1].name} is not closed")
    return tuple(top)


def _output(tag: Tag) -> Output:
    call, names = parse_call(tag.inside, tag.line)
    if names:
        raise TemplateError(f"line {tag.line}: block parameters belong to a block")
    return Output(_checked(call), tag.sign == "")


def _opened(tag: Tag, depth: int, *, chained: bool = False) -> _Open:
    if depth >= MAX_DEPTH:
        raise TemplateError(f"line {tag.line}: blocks are nested deeper than {MAX_DEPTH}")
    call, names = parse_call(tag.inside, tag.line)
    name = call.path.written if isinstance(call.path, Path) else str(call.path.value)
    return _Open(name, _checked(call), names, tag.sign == "^", tag.line, chained)


def _else(tag: Tag, stack: list[_Open]) -> None:
    if not stack or stack[-1].other is not None:
        raise TemplateError(f"line {tag.line}: else stands outside of a block, or twice in one")
    stack[-1].other = []
    if tag.inside:
        stack.append(_opened(tag, len(stack), chained=True))


def _close(tag: Tag, stack: list[_Open], top: list[Node]) -> None:
    while stack:
        block = stack.pop()
        (stack[-1].current if stack else top).append(block.closed())
        if not block.chained:
            if block.name != tag.inside:
                raise TemplateError(f"line {tag.line}: {block.name} is open, {tag.inside} is closed")
            return
    raise TemplateError(f"line {tag.line}: {tag.inside} is closed but was never opened")


def _checked(call: Call) -> Call:
    """Arguments go to a helper that exists; `length x` among arguments becomes a call of its own."""
    params = _with_lengths(call.params)
    params = tuple([_checked(each) if isinstance(each, Call) else each for each in params])
    hash_ = tuple([(key, _checked(each) if isinstance(each, Call) else each) for key, each in call.hash])
    if (params or hash_) and not (isinstance(call.path, Path) and _names_helper(call.path)):
        written = call.path.written if isinstance(call.path, Path) else str(call.path.value)
        raise TemplateError(f"line {call.line}: there is no helper {written}")
    return replace(call, params=params, hash=hash_)


def _names_helper(path: Path) -> bool:
    return not path.is_data and not path.is_scoped and len(path.parts) == 1 and is_helper(path.parts[0])


def _with_lengths(params: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """`{{#greaterThan 0 length items}}`: a form of SendGrid's manual."""
    folded: list[Expression] = []
    rest = list(params)
    while rest:
        first = rest.pop(0)
        if (
            isinstance(first, Path)
            and first.written == "length"
            and rest
            and not isinstance(rest[0], Literal)
        ):
            first = Call(first, (rest.pop(0),))
        folded.append(first)
    return tuple(folded)
