"""SendGrid's own clients for Node, unmodified: only the host is another."""

from __future__ import annotations

import base64
import email
import email.policy
import json
from email.message import EmailMessage
from typing import Any

import pytest
from bench.posthouse import DOMAIN, House

from clients.inbox import Inbox
from clients.programs import FOLDER, NODE, Run
from posthouse.rules.permissions import FULL

SENDER = f"test@{DOMAIN}"
LETTER = {
    "from": SENDER,
    "subject": "Grüße",
    "text": "and easy to do anywhere",
    "html": "<strong>and easy to do anywhere</strong>",
}


class Client:
    """Both clients with a key that may do everything."""

    def __init__(self, house: House, run: Run) -> None:
        self.base = f"http://127.0.0.1:{house.port_http}"
        words = [word for permission in FULL for word in ("--permission", permission)]
        self.key = house.cli_json("key", "add", *words)[0]["key"]
        self.run = run

    def take(self, *steps: tuple[str, Any], key: str = "") -> list[dict[str, Any]]:
        env = {"NODE_PATH": str(NODE / "node_modules")}
        words = ["node", FOLDER / "sendgrid.js", self.base, key or self.key]
        found: list[dict[str, Any]] = json.loads(self.run(words, json.dumps(steps).encode(), env))
        return found

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The body of an answer that is no error."""
        request = {"method": method, "url": path, "body": body, "qs": query}
        (answer,) = self.take(("request", {name: value for name, value in request.items() if value}))
        assert 200 <= answer["status"] < 300, answer
        return answer["body"]


@pytest.fixture
def client(house: House, run: Run) -> Client:
    assert (NODE / "node_modules" / "@sendgrid").is_dir(), "run sh tests/clients/install.sh"
    return Client(house, run)


def mail_for(inbox: Inbox, recipient: str) -> EmailMessage:
    mail = email.message_from_bytes(inbox.wait(recipient).own, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def body_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).strip()


def test_SG_11_the_client_for_node_sends_what_its_use_cases_show(client: Client, inbox: Inbox) -> None:
    whole = {
        **LETTER,
        "to": [{"email": "sg2@far.test", "name": "Bob"}],
        "cc": "sg3@far.test",
        "replyTo": f"help@{DOMAIN}",
        "headers": {"X-Own": "own"},
        "categories": ["one", "two"],
        "customArgs": {"order": "7"},
        "attachments": [
            {
                "content": base64.b64encode(b"%PDF").decode(),
                "filename": "some.pdf",
                "type": "application/pdf",
                "disposition": "attachment",
                "contentId": "mytext",
            },
        ],
        "mailSettings": {"footer": {"enable": True, "text": "the footer", "html": "<i>the footer</i>"}},
        "trackingSettings": {"clickTracking": {"enable": False}},
    }
    answers = client.take(("send", {**LETTER, "to": "sg1@far.test"}), ("send", whole))
    assert [each["status"] for each in answers] == [202, 202]
    first, second = mail_for(inbox, "sg1@far.test"), mail_for(inbox, "sg3@far.test")
    assert first["Message-ID"] == f"<{answers[0]['id']}@{DOMAIN}>"
    assert (first["To"], first["Subject"]) == ("sg1@far.test", "Grüße")
    assert (body_of(first, "plain"), body_of(first, "html")) == (LETTER["text"], LETTER["html"])
    assert (second["To"], second["Cc"]) == ("Bob <sg2@far.test>", "sg3@far.test")
    assert (second["Reply-To"], second["X-Own"]) == (f"help@{DOMAIN}", "own")
    assert "the footer" in body_of(second, "plain")
    (file,) = second.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("some.pdf", b"%PDF")
    inbox.wait("sg2@far.test")


def test_SG_11_the_client_for_node_sends_to_each_on_its_own(client: Client, inbox: Inbox) -> None:
    people = ["sg4@far.test", "sg5@far.test"]
    personal = {
        **LETTER,
        "text": "Hi {{name}}",
        "personalizations": [
            {"to": f"sg{number}@far.test", "substitutions": {"name": name}, "subject": f"For {name}"}
            for number, name in ((6, "Ann"), (7, "Bob"))
        ],
    }
    answers = client.take(("sendMultiple", {**LETTER, "to": people}), ("send", personal))
    assert [each["status"] for each in answers] == [202, 202]
    assert [mail_for(inbox, each)["To"] for each in people] == people
    for recipient, name in (("sg6@far.test", "Ann"), ("sg7@far.test", "Bob")):
        mail = mail_for(inbox, recipient)
        assert (mail["Subject"], body_of(mail, "plain")) == (f"For {name}", f"Hi {name}")


def test_SG_11_the_client_for_node_makes_a_template_and_sends_it(client: Client, inbox: Inbox) -> None:
    id = client.ask("POST", "/v3/templates", {"name": "node", "generation": "dynamic"})["id"]
    version = {"name": "1", "active": 1, "subject": "For {{name}}", "html_content": "<p>{{name}}</p>"}
    client.ask("POST", f"/v3/templates/{id}/versions", version)
    found = client.ask("GET", "/v3/templates", generations="dynamic", page_size=200)["result"]
    assert id in [each["id"] for each in found]
    letter = {
        "from": SENDER,
        "to": "sg8@far.test",
        "templateId": id,
        "dynamicTemplateData": {"name": "<Ann>"},
    }
    assert [each["status"] for each in client.take(("send", letter))] == [202]
    mail = mail_for(inbox, "sg8@far.test")
    assert (mail["Subject"], body_of(mail, "html")) == ("For <Ann>", "<p>&lt;Ann&gt;</p>")
    client.ask("DELETE", f"/v3/templates/{id}")


def test_SG_11_the_client_for_node_manages_suppressions_and_groups(client: Client) -> None:
    group = client.ask("POST", "/v3/asm/groups", {"name": "node", "description": "news"})
    path = f"/v3/asm/groups/{group['id']}/suppressions"
    added = client.ask("POST", path, {"recipient_emails": ["left@far.test"]})
    assert added["recipient_emails"] == client.ask("GET", path) == ["left@far.test"]
    client.ask("DELETE", f"{path}/left@far.test")
    assert client.ask("GET", path) == []
    client.ask("POST", "/v3/asm/suppressions/global", {"recipient_emails": ["gone@far.test"]})
    gone = client.ask("GET", "/v3/suppression/unsubscribes")
    assert "gone@far.test" in [each["email"] for each in gone]
    client.ask("DELETE", "/v3/asm/suppressions/global/gone@far.test")
    assert client.ask("GET", "/v3/suppression/bounces") == []
    client.ask("DELETE", f"/v3/asm/groups/{group['id']}")


def test_SG_11_the_client_for_node_makes_a_key_that_works(client: Client, inbox: Inbox) -> None:
    made = client.ask("POST", "/v3/api_keys", {"name": "node", "scopes": ["mail.send"]})
    assert made["api_key_id"] in [each["api_key_id"] for each in client.ask("GET", "/v3/api_keys")["result"]]
    steps = ("send", {**LETTER, "to": "sg9@far.test"}), ("request", {"method": "GET", "url": "/v3/api_keys"})
    sent, refused = client.take(*steps, key=made["api_key"])
    assert (sent["status"], refused["status"]) == (202, 403)
    inbox.wait("sg9@far.test")
    client.ask("DELETE", f"/v3/api_keys/{made['api_key_id']}")
    (refused,) = client.take(steps[0], key=made["api_key"])
    assert refused["status"] == 401


def test_SG_11_the_client_for_node_tells_errors_apart(client: Client) -> None:
    bad, foreign = client.take(
        ("send", {**LETTER, "to": "x"}),
        ("send", {**LETTER, "to": "a@far.test", "from": "a@elsewhere.test"}),
    )
    assert (bad["name"], bad["status"]) == ("ResponseError", 400)
    (error,) = bad["body"]["errors"]
    assert (error["field"], error["message"]) == (
        "personalizations.0.to.0.email",
        "Does not contain a valid address.",
    )
    assert error["help"] == f"{client.base}/v3/mail/errors.html#message.personalizations.to.email"
    assert (foreign["status"], foreign["body"]["errors"][0]["field"]) == (403, "from")
