"""doors.api.sendgrid.mail_send: templates, and line breaks in every text of a call."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from unit.doors.api.calling import DOMAIN, Api

SEND = "/v3/mail/send"
BREAKS = ["\r\n", "\r", "\n", "\x85", "\u2028"]
BODY: dict[str, Any] = {
    "personalizations": [
        {
            "to": [{"email": "ann@there.test", "name": "Ann"}],
            "cc": [{"email": "cee@there.test", "name": "Cee"}],
            "bcc": [{"email": "dee@there.test", "name": "Dee"}],
            "subject": "Own",
            "headers": {"X-Own": "1"},
            "substitutions": {"-n-": "Ann"},
            "custom_args": {"k": "v"},
        }
    ],
    "from": {"email": f"shop@{DOMAIN}", "name": "The Shop"},
    "reply_to": {"email": f"help@{DOMAIN}", "name": "Help"},
    "subject": "Hello",
    "content": [{"type": "text/plain", "value": "Hi -n-"}],
    "attachments": [
        {
            "content": "eA==",
            "filename": "a.txt",
            "type": "text/plain",
            "disposition": "inline",
            "content_id": "a",
        }
    ],
    "headers": {"X-All": "2"},
    "sections": {":s": "text"},
    "categories": ["news"],
    "custom_args": {"all": "v"},
    "batch_id": "b1",
    "tracking_settings": {"ganalytics": {"enable": True, "utm_source": "s"}},
}


def texts(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all texts."""
    if isinstance(value, str):
        return [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in pairs for found in texts(each, (*path, key))]


def broken(path: tuple[Any, ...], sign: str) -> dict[str, Any]:
    body = deepcopy(BODY)
    place: Any = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] += f"{sign}Bcc: evil@there.test{sign}X-Evil: 1"
    return body


@pytest.mark.parametrize("sign", BREAKS)
async def test_S3_S4_a_line_break_in_any_text_of_a_call_adds_nothing(api: Api, sign: str) -> None:
    assert (await api.call("POST", SEND, key=api.full, json=BODY)).status == 202
    for path in texts(BODY):
        reply = await api.call("POST", SEND, key=api.full, json=broken(path, sign))
        assert reply.status in (202, 400, 403), (path, reply.text)
    for shown in api.accepted():
        assert shown.recipients == ["ann@there.test", "cee@there.test", "dee@there.test"]
        head = shown.content.partition(b"\r\n\r\n")[0]
        assert not any(line.lower().startswith((b"bcc", b"x-evil")) for line in head.splitlines())


async def test_a_template_that_is_not_there_is_told_by_its_id(api: Api) -> None:
    body = {**BODY, "template_id": "nobodys"}
    reply = await api.call("POST", SEND, key=api.full, json=body)
    (error,) = reply.json()["errors"]
    assert (reply.status, error["field"]) == (400, "template_id")
    assert error["message"].endswith("You provided nobodys.")
    assert api.accepted() == []
