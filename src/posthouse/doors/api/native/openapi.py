"""The OpenAPI 3.1 description, made of the endpoints and the types that they name.

Public: description.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

import msgspec

from posthouse.doors.api.native.endpoint import NativeEndpoint, Nothing
from posthouse.doors.api.native.problems import KIND, ProblemDetails
from posthouse.rules.permissions import PERMISSIONS

_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Up to 255 characters of your choice. The same call again has no second effect and "
    "gets the first one's answer, for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_LAST_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that you have: go on behind it.",
    "schema": {"type": "string", "pattern": "^[0-9A-Z]{26}$"},
}
_ABOUT = """Everything that the command line does, for programs. Shapes are those of `posthouse … --json`;
times are RFC 3339 in UTC. Lists are pages: `items`, and `next` for the parameter `cursor` of the next page,
null on the last one. Problems are `application/problem+json` (RFC 9457): 400 for a call in a wrong form, 422
for one that asks for something wrong. Another account's things are answered like things that do not exist."""
_PATH_WORDS = {
    "domain": "A sending domain of the account.",
    "message_id": "A message's id.",
    "number": "Its number.",
    "selector": "A DKIM key's selector.",
    "login": "A user's full name, `login@domain`.",
    "id": "Its id.",
    "name": "Its name or id.",
    "address": "An address.",
    "dialect": "In whose way: mailgun, sendgrid, mailpace or native.",
    "attempt_id": "A post's id, from the log.",
    "delivery_id": "The captured copy's delivery.",
    "batch_id": "A batch's id, as its sender gave it.",
    "hook_id": "A webhook's id.",
}


def description(endpoints: Iterable[NativeEndpoint], version: str) -> dict[str, Any]:
    """The whole document as plain values. Raises KeyError for a path parameter that nothing is told of."""
    listed = list(endpoints)
    schemas = _Schemas(listed)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in listed:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Posthouse",
            "version": version,
            "description": _one_line(_ABOUT),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This installation"}],
        "security": [{"key": []}],
        "tags": [{"name": topic} for topic in dict.fromkeys(each.topic for each in listed)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": _problems(schemas),
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of the account: `posthouse key add --native`. What it may do: "
                    + "; ".join(f"`{word}`: {text}" for word, text in PERMISSIONS.items()),
                }
            },
        },
    }


class _Schemas:
    """Schemas of all types by reference."""

    def __init__(self, endpoints: Iterable[NativeEndpoint]) -> None:
        types: list[Any] = [ProblemDetails]
        for each in endpoints:
            types += [each.asks, *([each.gives] if each.gives is not None else [])]
        distinct = list(dict.fromkeys(types))
        references, found = msgspec.json.schema_components(distinct, ref_template=_REF)
        self._by_type = dict(zip(distinct, references, strict=True))
        used_in_queries = {each.asks for each in endpoints if not each.has_body}
        self._parameters = {kind: self._parameters_of(kind, found) for kind in used_in_queries}
        only_queries = used_in_queries - {each.asks for each in endpoints if each.has_body}
        unnamed = {self._name_of(kind) for kind in only_queries}
        self.components = {
            name: _tidy(schema) for name, schema in sorted(found.items()) if name not in unnamed
        }

    def of(self, kind: Any) -> dict[str, Any]:
        return dict(self._by_type[kind])

    def _name_of(self, kind: Any) -> str:
        return str(self.of(kind)["$ref"].rpartition("/")[2])

    def parameters(self, kind: Any) -> list[dict[str, Any]]:
        """A query's."""
        return [dict(each) for each in self._parameters[kind]]

    def _parameters_of(self, kind: Any, found: Mapping[str, Any]) -> list[dict[str, Any]]:
        schema = found[self._name_of(kind)]
        required = set(schema.get("required", ()))
        made = []
        for name, each in schema["properties"].items():
            inner = _tidy(each)
            about = inner.pop("description", "")
            parameter = {"name": name, "in": "query", "schema": inner}
            if about:
                parameter["description"] = about
            if name in required:
                parameter["required"] = True
            made.append(parameter)
        return made


def _operation(endpoint: NativeEndpoint, schemas: _Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.topic],
    }
    if text := _text(endpoint):
        made["description"] = text
    if parameters := _parameters(endpoint, schemas):
        made["parameters"] = parameters
    if body := _body(endpoint, schemas):
        made["requestBody"] = body
    made["responses"] = _responses(endpoint, schemas)
    if endpoint.is_open:
        made["security"] = []
    return made


def _text(endpoint: NativeEndpoint) -> str:
    words = [_one_line(endpoint.text)] if endpoint.text else []
    if endpoint.action:
        words.append(f"Needs the permission `{endpoint.action}`.")
    if not endpoint.is_open and not endpoint.is_for_domains and "{domain}" not in endpoint.path:
        words.append("Not for keys of one domain.")
    return " ".join(words)


def _parameters(endpoint: NativeEndpoint, schemas: _Schemas) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_WORDS[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in _PARAMETER.findall(endpoint.path)
    ]
    if not endpoint.has_body and endpoint.asks is not Nothing:
        found += schemas.parameters(endpoint.asks)
    if endpoint.method != "GET":
        found.append(_IDEMPOTENCY)
    if endpoint.media == "text/event-stream":
        found.append(_LAST_ID)
    return found


def _body(endpoint: NativeEndpoint, schemas: _Schemas) -> dict[str, Any] | None:
    if endpoint.takes:
        return {"required": True, "content": {endpoint.takes: {"schema": {"type": "string"}}}}
    if not endpoint.has_body or endpoint.asks is Nothing:
        return None
    is_needed = any(field.required for field in msgspec.structs.fields(endpoint.asks))
    content = {"application/json": {"schema": schemas.of(endpoint.asks)}}
    return {"content": content, **({"required": True} if is_needed else {})}


def _responses(endpoint: NativeEndpoint, schemas: _Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(endpoint.status).phrase}
    if endpoint.gives is not None:
        good["content"] = {"application/json": {"schema": schemas.of(endpoint.gives)}}
    elif endpoint.media:
        good["content"] = {endpoint.media: {"schema": {"type": "string"}}}
    found = {str(endpoint.status): good}
    for status in endpoint.statuses:
        found[str(status)] = {"$ref": f"#/components/responses/{_name_of(status)}"}
    return found


def _problems(schemas: _Schemas) -> dict[str, Any]:
    """Answers that say no, by name."""
    content = {KIND: {"schema": schemas.of(ProblemDetails)}}
    return {
        _name_of(status): {"description": words, "content": content}
        for status, words in _STATUS_WORDS.items()
    }


def _name_of(status: int) -> str:
    return "".join(HTTPStatus(status).phrase.title().split())


_STATUS_WORDS = {
    400: "The call has a wrong form",
    401: "No key, or one that is not valid",
    403: "The key may not do this, or the account is suspended",
    404: "There is no such thing here",
    409: "It is there already, or the Idempotency-Key was another call's",
    413: "The request is too large",
    415: "The body is of the wrong type",
    422: "The call asks for something that cannot be had",
    429: "Too many calls; try again after `Retry-After` seconds",
    503: "Not possible now; try again after `Retry-After` seconds",
}


def _tidy(schema: Any) -> Any:
    """Texts on one line; nothing said twice."""
    if isinstance(schema, dict):
        return {
            key: _one_line(value) if key == "description" and isinstance(value, str) else _tidy(value)
            for key, value in schema.items()
            if not (key == "default" and value in ([], {}, "", None))
        }
    return [_tidy(each) for each in schema] if isinstance(schema, list) else schema


def _one_line(text: str) -> str:
    return " ".join(cleandoc(text).split())
