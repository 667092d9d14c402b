"""The API's page for people: made of the same endpoints as its OpenAPI description, with nothing from
outside and no script; it works on a telephone.

Public: docs_page, problem_page, POLICY.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from typing import Any

from posthouse.doors.api.native.endpoint import NativeEndpoint
from posthouse.doors.api.native.problems import title_of

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { line-height: 1.2; } h2 { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1rem; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
nav a { display: inline-block; margin-right: 1rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0.5rem 0; padding: 0.4rem 0.8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; } summary b { display: inline-block; min-width: 4.2em; }
summary span { display: block; opacity: 0.8; }
table { border-collapse: collapse; display: block; margin: 0.5rem 0; overflow-x: auto; }
td, th { border-bottom: 1px solid var(--line); padding: 0.25rem 0.8rem 0.25rem 0; text-align: left;
  vertical-align: top; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def docs_page(endpoints: Sequence[NativeEndpoint], document: dict[str, Any]) -> str:
    """`document`: the OpenAPI description of the same endpoints."""
    topics = list(dict.fromkeys(each.topic for each in endpoints))
    links = "".join(f'<a href="#{_anchor(topic)}">{escape(topic)}</a>' for topic in topics)
    sections = "".join(_section(topic, endpoints, document) for topic in topics)
    about = escape(document["info"]["description"])
    return _page(
        "Posthouse API",
        f"<h1>Posthouse API</h1><p>{about}</p>"
        '<p>For machines: <a href="/posthouse/v1/openapi.json">openapi.json</a> (OpenAPI 3.1). '
        "Calls show a key: <code>Authorization: Bearer ph_…</code>.</p>"
        f"<nav>{links}</nav>{sections}",
    )


def problem_page(reason: str) -> str:
    """About a kind of problem; any word has a page, and nothing of it but its letters."""
    word = "".join([char for char in reason[:60] if char.isalnum() or char == "-"])
    return _page(
        "A problem",
        f"<h1>{escape(title_of(word))}</h1><p>The kind of problem <code>{escape(word)}</code>. What exactly "
        "was wrong is in <code>detail</code> of the answer, and in <code>field</code> where one value was to "
        "blame.</p>"
        '<p><a href="/posthouse/v1/docs">All calls</a></p>',
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _anchor(topic: str) -> str:
    return "-".join(topic.lower().split())


def _section(topic: str, endpoints: Sequence[NativeEndpoint], document: dict[str, Any]) -> str:
    calls = "".join(_call(each, document) for each in endpoints if each.topic == topic)
    return f'<h2 id="{_anchor(topic)}">{escape(topic)}</h2>{calls}'


def _call(endpoint: NativeEndpoint, document: dict[str, Any]) -> str:
    operation = document["paths"][endpoint.path][endpoint.method.lower()]
    schemas = document["components"]["schemas"]
    parts = [f"<p>{escape(operation.get('description', ''))}</p>"]
    parts.append(_parameters(operation.get("parameters", ())))
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>Body: <code>{escape(kind)}</code></p>{_fields(content['schema'], schemas)}")
    answer = operation["responses"][str(endpoint.status)]
    for kind, content in answer.get("content", {}).items():
        parts.append(f"<p>Answer: {endpoint.status}, <code>{escape(kind)}</code></p>")
        parts.append(_fields(content["schema"], schemas))
    head = f"<b>{endpoint.method}</b> <code>{escape(endpoint.path)}</code>"
    head += f"<span>{escape(endpoint.summary)}</span>"
    return f'<details id="{escape(endpoint.name)}"><summary>{head}</summary>{"".join(parts)}</details>'


def _parameters(parameters: Sequence[dict[str, Any]]) -> str:
    rows = [
        (f"{each['name']} ({each['in']})", _kind(each["schema"]), each.get("description", ""))
        for each in parameters
    ]
    return _table(rows)


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The fields of an object; those of the items of a page."""
    found = _resolved(schema, schemas)
    required = set(found.get("required", ()))
    rows = []
    for name, each in found.get("properties", {}).items():
        star = "" if name in required else " (optional)"
        rows.append((name + star, _kind(each), each.get("description", "")))
        inner = _resolved(each.get("items", {}), schemas) if name == "items" else {}
        rows += [
            (f"items[].{key}", _kind(value), value.get("description", ""))
            for key, value in inner.get("properties", {}).items()
        ]
    about = f"<p>{escape(found['description'])}</p>" if found.get("description") else ""
    return about + _table(rows)


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schemas[name] if name else schema
    return found


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(str(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("contentEncoding") or schema.get("type", "anything"))


def _table(rows: Sequence[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    body = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind)}</td><td>{escape(text)}</td></tr>"
        for name, kind, text in rows
    )
    return f"<table>{body}</table>"
