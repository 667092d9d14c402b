"""Rendering: the tree walked with a budget of steps and output.

Public: Template, compile_template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.mail.handlebars.helpers import QUESTIONS, VALUES
from posthouse.mail.handlebars.nodes import Block, Call, Expression, Literal, Node, Path, TemplateError, Text
from posthouse.mail.handlebars.parse import parse
from posthouse.mail.handlebars.values import escaped, is_empty, is_same, look_up, text_of

MAX_STEPS = 100_000
MAX_OUTPUT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template; it may be rendered often and at once by several threads."""

    nodes: tuple[Node, ...]

    def render(self, data: Mapping[str, Any], *, escapes: bool = True) -> str:
        """`escapes` False: for plain text and subjects. Raises TemplateError past the budget."""
        run = _Run(dict(data), escapes)
        run.walk(self.nodes, _Scope(run.root, None, {}, _Frame({"root": run.root}, None)))
        return "".join(run.output)


def compile_template(source: str) -> Template:
    """Raises TemplateError with the line of what is wrong."""
    return Template(parse(source))


@dataclass(slots=True)
class _Frame:
    """@data of one loop and of those around it."""

    values: Mapping[str, Any]
    outer: _Frame | None


@dataclass(slots=True)
class _Scope:
    """`this`, the scope outside (`..`), block parameters and @data. `names_outer`: where names go on."""

    this: Any
    outer: _Scope | None
    names: Mapping[str, Any]
    data: _Frame
    names_outer: _Scope | None = None

    def inner(self, this: Any, names: Mapping[str, Any], data: _Frame) -> _Scope:
        """Like handlebars.js: a block whose `this` is the same adds no step to `..`."""
        outer = self.outer if is_same(this, self.this) else self
        return _Scope(this, outer, names, data, self)


class _Run:
    """One rendering."""

    def __init__(self, root: dict[str, Any], escapes: bool) -> None:
        self.root = root
        self.output: list[str] = []
        self._escapes = escapes
        self._steps = MAX_STEPS
        self._room = MAX_OUTPUT

    def walk(self, nodes: Sequence[Node], scope: _Scope) -> None:
        for node in nodes:
            self._step()
            if isinstance(node, Text):
                self._write(node.text)
            elif isinstance(node, Block):
                self._block(node, scope)
            else:
                text = text_of(self._call(node.call, scope))
                self._write(escaped(text) if node.escapes and self._escapes else text)

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise TemplateError(f"the template takes more than {MAX_STEPS} steps")

    def _write(self, text: str) -> None:
        self._room -= len(text)
        if self._room < 0:
            raise TemplateError(f"the template's result is longer than {MAX_OUTPUT} characters")
        self.output.append(text)

    # -- values

    def _value(self, expression: Expression, scope: _Scope) -> Any:
        self._step()
        if isinstance(expression, Literal):
            return expression.value
        if isinstance(expression, Call):
            return self._call(expression, scope)
        return self._look_up(expression, scope)

    def _look_up(self, path: Path, scope: _Scope) -> Any:
        parts = path.parts
        outer: _Scope | None = scope
        if path.is_data:
            frame: _Frame | None = scope.data
            for _ in range(path.up):
                frame = frame.outer if frame else None
            value: Any = frame.values if frame else None
        elif not path.is_scoped and parts and (holder := _with_name(scope, parts[0])) is not None:
            value = holder
        else:
            for _ in range(path.up):
                outer = outer.outer if outer else None
            value = outer.this if outer else None
        for part in parts:
            if value is None:
                return None
            value = look_up(value, part)
        return value

    def _call(self, call: Call, scope: _Scope) -> Any:
        """A helper with its arguments, or the value of a path. Plain data wins over a helper of that name."""
        path = call.path
        if isinstance(path, Literal):
            return look_up(scope.this, text_of(path.value))
        name = path.parts[0] if len(path.parts) == 1 and not path.is_data and not path.is_scoped else ""
        helper = VALUES.get(name) or QUESTIONS.get(name)
        if helper is None or not (call.params or call.hash):
            return self._look_up(path, scope)
        return helper([self._value(param, scope) for param in call.params])

    # -- blocks

    def _block(self, block: Block, scope: _Scope) -> None:
        path = block.call.path
        name = path.written if isinstance(path, Path) else ""
        params = block.call.params
        if name in QUESTIONS and params:
            is_true = QUESTIONS[name]([self._value(param, scope) for param in params])
            self.walk(block.body if is_true else block.other, scope)
        elif name in ("if", "unless") and params:
            self._if(block, name == "unless", scope)
        elif name == "with" and params:
            self._with(block, self._value(params[0], scope), scope)
        elif name == "each" and params:
            self._each(block, self._value(params[0], scope), scope)
        else:
            self._missing(block, self._call(block.call, scope), scope)

    def _if(self, block: Block, is_unless: bool, scope: _Scope) -> None:
        value = self._value(block.call.params[0], scope)
        hash_ = {key: self._value(each, scope) for key, each in block.call.hash}
        is_true = not is_empty(value) or (_is_zero(value) and not is_empty(hash_.get("includeZero")))
        self.walk(block.body if is_true != is_unless else block.other, scope)

    def _with(self, block: Block, value: Any, scope: _Scope) -> None:
        if is_empty(value) and not _is_zero(value):
            self.walk(block.other, scope)
            return
        names = dict(zip(block.params, (value,), strict=False))
        self.walk(block.body, scope.inner(value, names, scope.data))

    def _missing(self, block: Block, value: Any, scope: _Scope) -> None:
        """A block over plain data: true keeps the scope, lists are walked, objects become `this`."""
        if value is True:
            self.walk(block.body, scope)
        elif value is None or value is False:
            self.walk(block.other, scope)
        elif isinstance(value, list | tuple):
            self._each(block, value, scope)
        else:
            self.walk(block.body, scope.inner(value, {}, scope.data))

    def _each(self, block: Block, value: Any, scope: _Scope) -> None:
        if isinstance(value, dict):
            items: list[tuple[Any, Any]] = list(value.items())
        elif isinstance(value, list | tuple):
            items = list(enumerate(value))
        else:
            items = []
        if not items:
            self.walk(block.other, scope)
            return
        last = len(items) - 1
        for index, (key, item) in enumerate(items):
            place = {"index": index, "key": key, "first": index == 0, "last": index == last}
            frame = _Frame({**scope.data.values, **place}, scope.data)
            names = dict(zip(block.params, (item, key), strict=False))
            self.walk(block.body, scope.inner(item, names, frame))


def _is_zero(value: Any) -> bool:
    """A number; `with` takes it for something, `if` only with includeZero."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == 0


def _with_name(scope: _Scope | None, name: str) -> Mapping[str, Any] | None:
    """The block parameters of the nearest scope that has this one."""
    while scope is not None:
        if name in scope.names:
            return scope.names
        scope = scope.names_outer
    return None
