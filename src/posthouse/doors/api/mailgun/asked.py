"""What a management call asks for: its fields, however they came, and the values that Mailgun writes in many
calls.

Public: fields_of, has_json, required, listed, switch, most_of, whole, date_text, instant_text, page_url, GMT,
UTC, ZERO.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

import msgspec

from posthouse.doors.api.answers import Problem
from posthouse.doors.api.bodies import Form, parse_form
from posthouse.doors.api.call import Call
from posthouse.doors.api.mailgun.phrases import said

GMT, UTC, ZERO = "GMT", "UTC", "+0000"
_URLENCODED = "application/x-www-form-urlencoded"
_SWITCHES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


async def fields_of(call: Call) -> Form:
    """The query's fields, then those of the body: a form, or an object in JSON. The last value of a name
    counts. Raises Problem."""
    asked = [(str(name), str(value)) for name, value in call.query.multi_items()]
    if not (await call.body()).strip():
        return Form(fields=asked)
    if has_json(call):
        return Form(fields=[*asked, *_of_object(await call.json())])
    kind = call.request.headers.get("content-type", "").lower()
    if kind.startswith("multipart/") and "boundary" not in kind:
        # mailgun (PyPI) shows how to set the type by hand; the body is urlencoded then
        form = parse_form(await call.body(), _URLENCODED)
    else:
        form = await call.form()
    return Form(fields=[*asked, *form.fields], files=form.files)


def has_json(call: Call) -> bool:
    kind: str = call.request.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower() == "application/json"


def _of_object(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        raise Problem(400, "bad-json", "The body should be a JSON object")
    return [
        (name, _text(one))
        for name, many in value.items()
        for one in (many if isinstance(many, list) else [many])
        if one is not None
    ]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return msgspec.json.encode(value).decode()


def required(form: Form, name: str) -> str:
    """A field's text without the space around it. Raises Said where there is none."""
    text: str = form.get(name).strip()
    if not text:
        raise said(f"Missing mandatory parameter: {name}")
    return text


def listed(form: Form, *names: str) -> list[str]:
    """All values of these fields, which may be lists with commas."""
    texts = [text for name in names for text in form.all(name)]
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def switch(text: str, name: str) -> bool:
    """`yes`, `no`, `true`, `false` in any case. Raises Problem."""
    found = _SWITCHES.get(text.strip().lower())
    if found is None:
        raise Problem(400, "bad-value", f"Invalid value for {name}: use yes or no", field=name)
    return found


def whole(text: str, name: str, usual: int) -> int:
    """A whole number that is not negative; `usual` for "". Raises Problem."""
    text = text.strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Problem(400, "bad-value", f"Invalid value for {name}: use a whole number", field=name)
    return int(text)


def most_of(form: Form, usual: int, most: int) -> int:
    """`limit`, of which 0 means the usual one. Raises Problem."""
    return min(whole(form.get("limit"), "limit", usual) or usual, most)


def date_text(at: float, zone: str) -> str:
    """`Thu, 26 Mar 2026 12:59:15 UTC`; `zone` is one of GMT, UTC, ZERO."""
    return formatdate(at, usegmt=True).removesuffix(GMT) + zone


def instant_text(at: float) -> str:
    """`2026-03-26T12:59:15`, in UTC: ISO 8601 without a zone, as a few calls have it."""
    return dt.datetime.fromtimestamp(int(at), dt.UTC).isoformat().removesuffix("+00:00")


def page_url(call: Call, fields: Mapping[str, str]) -> str:
    """An absolute address of this list with these fields: clients follow it as it is."""
    return f"{call.base_url}{call.request.url.path}?{urlencode(fields)}"
