"""Option headers written by real mail libraries: folded, encoded and ordered as they do it.

Each library sends the same mail with each service's headers; what arrives and what the events say is the
same.
"""

from __future__ import annotations

import itertools
import json
from email import message_from_bytes, policy
from typing import Any

import pytest
from bench.posthouse import House

from clients.inbox import Inbox
from clients.programs import FOLDER, NODE, Run
from clients.test_senders import HOST, SENDER

_numbers = itertools.count(1)
LIBRARIES = [
    pytest.param(["node", FOLDER / "options.js"], id="nodemailer"),
    pytest.param(["php", FOLDER / "options.php"], id="PHPMailer"),
    pytest.param(["ruby", FOLDER / "options.rb"], id="Ruby mail as in Rails"),
]
UNSUBSCRIBE = "<https://shop.example/u?list=1>, <mailto:leave@shop.example?subject=unsubscribe>"
LONG = {f"key-{n}": f"a rather long value number {n} with words in it" for n in range(60)}


@pytest.fixture
def to() -> str:
    return f"option{next(_numbers)}@far.test"


def send(house: House, run: Run, words: list[Any], auth: tuple[str, str], to: str, **mail: Any) -> None:
    given = {
        "subject": "Hello %recipient.first%",
        "text": "Dear -name-\n",
        "html": "<p>Dear -name-</p>",
        **mail,
    }
    command = [*words, HOST, str(house.port), *auth, SENDER, to]
    run(command, stdin=json.dumps(given).encode(), env={"NODE_PATH": str(NODE / "node_modules")})


def delivered(house: House, to: str) -> dict[str, Any]:
    rows = house.cli_json("events", "--recipient", to)
    (row,) = [row for row in rows if row["kind"] == "accepted"]
    return dict(row)


@pytest.fixture(scope="session")
def key(house: House) -> tuple[str, str]:
    return "apikey", house.cli_json("key", "add", "--permission", "mail.send")[0]["key"]


@pytest.fixture(scope="session")
def token(house: House) -> tuple[str, str]:
    made = house.cli_json("token", "add", "lab.test")[0]["token"]
    return made, made


@pytest.mark.parametrize("words", LIBRARIES)
def test_MG_01_MG_18_MG_22_headers_of_a_library(
    house: House, inbox: Inbox, run: Run, to: str, words: list[Any]
) -> None:
    headers = {
        "X-Mailgun-Tag": "summer",
        "X-Mailgun-Recipient-Variables": json.dumps({to: {"first": "Zoë", **LONG}}, ensure_ascii=False),
        "X-Mailgun-Variables": json.dumps({"order": 17, "note": "größer"}),
    }
    send(house, run, words, (house.login, house.password), to, headers=headers)
    arrival = inbox.wait(to)
    assert b"X-Mailgun-Recipient-Variables" not in arrival.content
    assert message_from_bytes(arrival.content, policy=policy.default)["Subject"] == "Hello Zoë"
    event = delivered(house, to)
    assert event["tags"] == ["summer"]
    assert event["metadata"] == {"order": 17, "note": "größer"}


@pytest.mark.parametrize("words", LIBRARIES)
def test_SG_01_SG_05_SG_06_header_of_a_library(
    house: House, inbox: Inbox, run: Run, key: tuple[str, str], to: str, words: list[Any]
) -> None:
    value = {
        "to": [to], "sub": {"-name-": ["Zoë \U0001f600"]}, "category": ["summer", "news"],
        "unique_args": {"order": "17", **LONG},
    }  # fmt: skip
    send(house, run, words, key, to, headers={"X-SMTPAPI": json.dumps(value)}, subject="for -name-")
    arrival = inbox.wait(to)
    assert b"X-SMTPAPI" not in arrival.content
    assert b"Dear -name-" not in arrival.content
    event = delivered(house, to)
    assert event["tags"] == ["summer", "news"]
    assert event["metadata"] == {"order": "17", **LONG}


def test_SG_01_the_builder_of_node(
    house: House, inbox: Inbox, run: Run, key: tuple[str, str], to: str
) -> None:
    calls = [
        ["addTo", to],
        ["addSubstitution", "-name-", "Ünal \U0001f600"],
        ["addCategory", "カテゴリ"],
        ["addUniqueArg", "a", "b"],
        ["addSection", "-section-", "text"],
        ["addFilter", "footer", "enable", 1],
        ["addFilter", "footer", "text/plain", "You can haz footers!"],
    ]
    headers = {"X-SMTPAPI": {"smtpapi": calls}}
    send(house, run, ["node", FOLDER / "options.js"], key, to, headers=headers, subject="for -name-")
    arrival = inbox.wait(to)
    assert b"You can haz footers!" in arrival.content
    event = delivered(house, to)
    assert event["tags"] == ["カテゴリ"]
    assert event["metadata"] == {"a": "b"}


@pytest.mark.parametrize("words", LIBRARIES)
def test_MP_01_MP_02_headers_of_a_library(
    house: House, inbox: Inbox, run: Run, token: tuple[str, str], to: str, words: list[Any]
) -> None:
    headers = {
        "X-MailPace-Tags": "tag one, tag two",
        "X-List-Unsubscribe": UNSUBSCRIBE,
        "X-Custom": "not kept",
    }
    send(house, run, words, token, to, headers=headers)
    content = inbox.wait(to).content.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    assert b"List-Unsubscribe: <https://shop.example/u?list=1>, <mailto:leave@shop.example" in content
    assert b"X-Custom" not in content
    assert b"X-MailPace-Tags" not in content
    assert delivered(house, to)["tags"] == ["tag one", "tag two"]
