"""The tree of a template. Nodes hold no values, only what the source says; trees are shared and never change.

Public: TemplateError and the node classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class TemplateError(ValueError):
    """The template is wrong or asks for too much. The text is one sentence; it names the line where known."""


@dataclass(frozen=True, slots=True)
class Path:
    """`../a.b` -> up 1, parts ("a", "b"). `is_data`: begins with @. `written` as in the source.

    `is_scoped`: begins with `this`, `.` or `..`, so it never means a helper or a block parameter.
    """

    up: int
    parts: tuple[str, ...]
    is_data: bool
    is_scoped: bool
    written: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number, true, false, null or undefined (None) of the source."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Call:
    """A helper or a bare path with its arguments; also a subexpression."""

    path: Path | Literal
    params: tuple[Expression, ...] = ()
    hash: tuple[tuple[str, Expression], ...] = ()
    line: int = 0


Expression = Path | Literal | Call


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """`{{x}}`, or raw `{{{x}}}` and `{{&x}}`."""

    call: Call
    escapes: bool


@dataclass(frozen=True, slots=True)
class Block:
    """`{{#x}}body{{else}}other{{/x}}`; `params` are the names behind `as`."""

    call: Call
    body: tuple[Node, ...]
    other: tuple[Node, ...]
    params: tuple[str, ...] = field(default=())


Node = Text | Output | Block
