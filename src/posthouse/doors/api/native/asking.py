"""What a call asks: its query or its body as a value of the type that its endpoint names.

Public: read_query, read_body, judge_key.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.inspect import BoolType, ListType, Metadata, UnionType, type_info

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.call import Call
from posthouse.doors.api.native.wrong import value_problem

Asked = TypeVar("Asked", bound=Struct)

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_KEY = re.compile(r"[!-~]{1,255}\Z")
_QUERY = "The query"


@cache
def _decoder(asks: type[Struct]) -> Any:
    return msgspec.json.Decoder(asks).decode


async def read_body(call: Call, asks: type[Asked]) -> Asked:
    """The JSON body; an empty one counts as `{}`. Raises Problem (400, 413, 415)."""
    kind = call.content_type
    if kind not in ("", "application/json"):
        text = f"The body should be JSON (Content-Type: application/json), not {kind[:100]}"
        raise Problem(415, "bad-type", text)
    body = await call.body()
    if _NUL.search(body):
        raise Problem(400, "bad-value", "Text may not hold the character U+0000")
    try:
        return _decoded(asks, body or b"{}")
    except msgspec.ValidationError as error:
        raise value_problem(error, asks) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "bad-json", f"The body is not JSON: {error}") from error


def _decoded(asks: type[Asked], body: bytes) -> Asked:
    try:
        read: Asked = _decoder(asks)(body)
    except msgspec.ValidationError as error:
        if "`float`" not in str(error):
            raise
        # JSON knows one kind of number: 7.0 is a whole one (JSON Schema 2020-12, 6.1.1)
        return msgspec.convert(_with_whole_numbers(msgspec.json.decode(body)), asks)
    return read


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _with_whole_numbers(each) for key, each in value.items()}
    return [_with_whole_numbers(each) for each in value] if isinstance(value, list) else value


def judge_key(call: Call) -> None:
    """The Idempotency-Key of a call that changes something. Raises Problem (400)."""
    key = call.request.headers.get("idempotency-key")
    if key is not None and not _KEY.match(key):
        text = "An Idempotency-Key has 1 to 255 visible ASCII characters, no blanks"
        raise Problem(400, "bad-key", text, field="Idempotency-Key")


def read_query(call: Call, asks: type[Asked]) -> Asked:
    """The query's parameters. Raises Problem (400)."""
    values: dict[str, Any] = {}
    forms = _forms(asks)
    for name, value in call.query.multi_items():
        form = forms.get(name, "")
        if "\0" in value or "\ufffd" in value:
            raise Problem(400, "bad-value", f"{name[:100]} is not UTF-8 text", field=name[:100])
        if form == "list":
            values.setdefault(name, []).append(value)
            continue
        if name in values:
            raise Problem(400, "bad-value", f"{name[:100]} is there twice", field=name[:100])
        if form == "bool" and value not in ("true", "false"):
            raise Problem(400, "bad-value", f"{name} should be true or false", field=name)
        values[name] = value
    try:
        return msgspec.convert(values, asks, strict=False)
    except msgspec.ValidationError as error:
        raise value_problem(error, asks, _QUERY) from error


@cache
def _forms(asks: type[Struct]) -> dict[str, str]:
    """By parameter: "list" for one that may be repeated, "bool", "" for others."""
    found: Any = type_info(asks)
    return {field.encode_name: _form(field.type) for field in found.fields}


def _form(kind: Any) -> str:
    if isinstance(kind, Metadata):
        return _form(kind.type)
    if isinstance(kind, UnionType):
        return next((form for form in map(_form, kind.types) if form), "")
    if isinstance(kind, ListType):
        return "list"
    return "bool" if isinstance(kind, BoolType) else ""
