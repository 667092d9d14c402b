"""MailPace's own client for Node, unmodified: only the host is another."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from bench.posthouse import House, free_port

from clients.inbox import Inbox
from clients.programs import FOLDER, NODE, Run
from posthouse.internet.certificates import Certificates

DOMAIN = "lab.test"


class Client:
    """The client and the house that it talks to."""

    def __init__(self, house: House, port: int, authority: Path, run: Run) -> None:
        self.house = house
        self.host = f"localhost:{port}/api/v1/"
        self.authority = authority
        self.run = run
        self.token = house.cli_json("token", "add", DOMAIN)[0]["token"]

    def send(self, *letters: dict[str, Any], token: str = "") -> list[dict[str, Any]]:
        env = {"NODE_PATH": str(NODE / "node_modules"), "NODE_EXTRA_CA_CERTS": str(self.authority)}
        words = ["node", FOLDER / "mailpace.js", self.host, token or self.token]
        found: list[dict[str, Any]] = json.loads(self.run(words, json.dumps(letters).encode(), env))
        return found


@pytest.fixture(scope="module")
def house_and_port(
    inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, int, Path]]:
    """A Posthouse that speaks HTTPS as `localhost`."""
    folder = tmp_path_factory.mktemp("mailpace")
    maker, port = Certificates(), free_port()
    chain, begins, key = maker.pem("localhost").partition(b"-----BEGIN PRIVATE KEY-----")
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(begins + key)
    (folder / "key.pem").chmod(0o600)
    (folder / "authority.pem").write_bytes(maker.authority_pem)
    house = House(folder / "house", inbox.port)
    text = house.config.read_text()
    text = text.replace("[http]\n", f'[http]\nlisten_tls = ["127.0.0.1:{port}"]\n')
    pair = f'tls_cert = "{folder / "chain.pem"}"\ntls_key = "{folder / "key.pem"}"\n'
    house.config.write_text(text.replace("[smtp]\n", f"[smtp]\n{pair}"))
    house.set_up()
    house.start()
    yield house, port, folder / "authority.pem"
    house.stop()


@pytest.fixture
def client(house_and_port: tuple[House, int, Path], run: Run) -> Client:
    assert (NODE / "node_modules" / "@mailpace").is_dir(), "run sh tests/clients/install.sh"
    return Client(*house_and_port, run)


LETTER = {
    "from": f"test@{DOMAIN}",
    "to": "mp1@far.test",
    "subject": "test",
    "htmlbody": "<H1>HTML Email</h1>",
}


def test_MP_04_the_official_client_sends_what_its_readme_shows(client: Client, inbox: Inbox) -> None:
    whole = {
        **LETTER,
        "from": f"Shop <test@{DOMAIN}>",
        "to": "Bob <mp2@far.test>, mp3@far.test",
        "textbody": "Grüße",
        "replyto": f"help@{DOMAIN}",
        "list_unsubscribe": "<https://lab.test/leave>",
        "tags": ["one", "two"],
        "attachments": [
            {"name": "a.png", "content": "iVBORw0=", "content_type": "image/png", "cid": "a"},
        ],
    }
    answers = client.send(LETTER, whole)
    for answer in answers:
        assert answer["status"] == "pending"
        assert 0 < answer["id"] < 2**53
    assert b"<H1>HTML Email</h1>" in inbox.wait("mp1@far.test").own
    mail = email.message_from_bytes(inbox.wait("mp3@far.test").own, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["To"] == "Bob <mp2@far.test>, mp3@far.test"
    assert mail["List-Unsubscribe"] == "<https://lab.test/leave>"
    (image,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert (image["Content-ID"], image.get_content()) == ("<a>", b"\x89PNG\r")
    inbox.wait("mp2@far.test")


def test_MP_04_the_official_client_tells_errors_apart(client: Client) -> None:
    answers = client.send(
        {**LETTER, "to": ""},
        {**LETTER, "from": "x"},
        {**LETTER, "from": "a@elsewhere.test"},
        {**LETTER, "attachments": [{"name": "a.exe", "content": "", "content_type": "a/b"}]},
    )
    assert [(each["name"], each["status"], each["message"]) for each in answers] == [
        ("OmsError", 400, '{"to":["undefined field"]}'),
        ("OmsError", 400, "Email from address not parseable"),
        (
            "UnauthorizedDomain",
            403,
            "Verified domain does not match domain in From address of email",
        ),
        (
            "OmsError",
            400,
            '{"attachments.name":["Extension file type blocked, '
            'see Docs for full list of allowed file types"]}',
        ),
    ]
    (answer,) = client.send(LETTER, token="nonsense")
    assert (answer["status"], answer["message"]) == (400, "Invalid API Token")
