"""Mailgun's own client for Node, called from tests, and what several of them send and read.

Public: Client, DOMAIN, LETTER, QUEUED, PAGES, octets, received, failed.
"""

from __future__ import annotations

import base64
import email
import email.policy
import json
from email.message import EmailMessage
from typing import Any

from bench.posthouse import House

from clients.inbox import Inbox
from clients.programs import FOLDER, NODE, Run

DOMAIN = "lab.test"
LETTER = {"from": f"Excited User <mailgun@{DOMAIN}>", "subject": "Hello", "text": "Testing some awesomness!"}
QUEUED = "Queued. Thank you."
PAGES = {"first", "last", "next", "previous"}


def octets(content: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(content).decode()}


class Client:
    """The client and the house that it talks to."""

    def __init__(self, house: House, run: Run) -> None:
        self.url = f"http://127.0.0.1:{house.port_http}"
        self.run = run
        self.key = str(house.cli_json("key", "add", "--full")[0]["key"])

    def call(self, *calls: list[Any], key: str = "") -> list[Any]:
        """The answers to calls as `["domains.get", arguments…]`, in their order."""
        words = ["node", FOLDER / "mailgun.js", self.url, key or self.key]
        env = {"NODE_PATH": str(NODE / "node_modules")}
        text = self.run(words, json.dumps(calls).encode(), env)
        found: list[Any] = json.loads(text[text.rindex("\n[") if "\n[" in text else 0 :])  # below warnings
        return found

    def one(self, *call: Any) -> Any:
        return self.call(list(call))[0]

    def send(self, **fields: Any) -> str:
        answer = self.one("messages.create", DOMAIN, {**LETTER, **fields})
        assert (answer["status"], answer["message"]) == (200, QUEUED), answer
        return str(answer["id"])


def received(inbox: Inbox, recipient: str) -> EmailMessage:
    mail = email.message_from_bytes(inbox.wait(recipient).own, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def failed(answer: Any, status: int | None = None) -> str:
    """The words of a refused call."""
    assert answer["error"] == "MailgunAPIError", answer
    assert status in (None, answer["status"]), answer
    return str(answer["details"])
