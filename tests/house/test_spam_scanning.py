"""The filter `spamcheck` and `spam_check` of v3: mail is scored before it leaves; over a limit it stays."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
import requests

from house.hook_receivers import Receivers
from house.house import DOMAIN, House, Houses, unique, until
from house.smtpapi import HTML, Shop, filtered
from house.spam_scanner import SpamScanner

pytestmark = pytest.mark.long

WAIT_S = 3


@pytest.fixture(scope="module")
def scanner() -> Iterator[SpamScanner]:
    with SpamScanner() as running:
        yield running


@pytest.fixture(scope="module")
def shop(shared_houses: Houses, scanner: SpamScanner) -> Shop:
    settings = {
        "spam": {"scanner": scanner.place, "wait_s": WAIT_S, "timeout_s": 10},
        "delivery": {"post_private_networks": "allow", "retry_s": [1]},
        "hooks": {"plain_http": "allow"},
    }
    return Shop.at(shared_houses.new(settings=settings))


@pytest.fixture(autouse=True)
def scanner_is_well(scanner: SpamScanner) -> Iterator[None]:
    yield
    scanner.says, scanner.is_away = b"", False


def reader() -> str:
    return f"{unique('reader')}@good.test"


def asks(**settings: Any) -> dict[str, Any]:
    return filtered(spamcheck={"enable": 1} | settings)


@dataclass
class Reports:
    """Whoever gets the reports about letters that were kept back."""

    posts: list[Message] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def reports() -> Iterator[Reports]:
    found = Reports()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            found.posts.append(message_from_bytes(head + body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/spam"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def fields_of(post: Message) -> dict[str, str]:
    parts = post.get_payload()
    assert isinstance(parts, list)
    return {
        str(part.get_param("name", header="content-disposition")): str(part.get_payload()) for part in parts
    }


def test_SG_09_spamcheck_keeps_back_what_is_over_its_limit_and_tells_why(
    shop: Shop, scanner: SpamScanner
) -> None:
    recipient = reader()
    with Receivers() as receivers:
        hook = shop.house.cli("hook", "add", receivers.url("/sg"), "--form", "sendgrid", "--event", "dropped")
        message_id = shop.send(recipient, asks(maxscore=3), text="score-4.5")
        dropped = shop.house.event(recipient, "dropped")
        [told] = until(lambda: receivers.posts, 20, "the webhook")[0].body
        shop.house.cli("hook", "remove", hook["id"])
    assert (told["event"], told["reason"], told["email"]) == ("dropped", "Spam Content", recipient)
    assert (dropped["reason"], dropped["spam_score"]) == ("spam", 4.5)
    assert dropped["text"] == "Spam Content: the score is 4.5, the limit 3"
    assert "4.5 points" in dropped["report"]
    assert shop.house.internet.to(recipient) == [] and shop.house.state(recipient) == "dropped"
    assert shop.told(message_id, "filters.spamcheck") == ["is not sent if its spam score is over 3"]
    assert shop.house.cli_rows("suppression", "list") == []


def test_SG_09_spamcheck_lets_the_rest_go_with_its_score(shop: Shop) -> None:
    for options, text in ((asks(), "score-5.0"), (asks(maxscore="9.5"), "score-9.4"), (None, "score-99")):
        recipient = reader()
        shop.sent(recipient, options, text=text)
        delivered = shop.house.event(recipient, "delivered")
        assert delivered.get("spam_score") == (float(text.removeprefix("score-")) if options else None)


def test_SG_09_spamcheck_looks_once_at_copies_that_say_the_same_and_before_tracking(
    shop: Shop, scanner: SpamScanner
) -> None:
    word, people = unique("word"), [reader() for _ in range(3)]
    options = asks() | {"to": people, "sub": {"-n-": ["score-1", "score-1", "score-8"]}}
    options["filters"] |= filtered(clicktrack={"enable": 1}, opentrack={"enable": 1})["filters"]
    link = '<a href="https://shop.test/x">x</a>'
    shop.send(reader(), options, text=f"{word} -n-", html=HTML.replace("</p>", f"{link}</p>"))
    shop.house.event(people[2], "dropped")
    for recipient in people[:2]:
        assert "https://shop.test/x" not in shop.copy(recipient).html
    asked = scanner.about(word)
    assert len(asked) == 2
    assert all(b"https://shop.test/x" in letter and b"<img" not in letter for letter in asked)


def test_SG_09_spamcheck_posts_the_letter_with_the_report_once(shop: Shop, reports: Reports) -> None:
    people = [reader(), reader()]
    shop.send(people, asks(url=reports.url), text="score-7.0 Grüße", subject="Buy now")
    for recipient in people:
        shop.house.event(recipient, "dropped")
    [post] = until(lambda: reports.posts, 20, "the report")
    found = fields_of(post)
    assert (found["subject"], found["spam_score"]) == ("Buy now", "7.0")
    assert "7.0 points" in found["spam_report"] and "Subject: Buy now" in found["email"]
    assert DOMAIN in found["from"] and "good.test" in found["envelope"]
    assert len(reports.posts) == 1


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"SPAMD/1.0 75 EX_TEMPFAIL\r\n",
        b"220 mail.test ESMTP\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / 5\r\n\r\n",
    ],
    ids=["away", "trouble", "another service", "no number"],
)
def test_SG_09_spamcheck_loses_nothing_to_a_scanner_that_does_not_answer(
    shop: Shop, scanner: SpamScanner, says: bytes
) -> None:
    scanner.says, scanner.is_away = says, not says
    recipient = reader()
    shop.send(recipient, asks(), text="score-50")
    deferred = shop.house.event(recipient, "deferred")
    assert (deferred["reason"], deferred["code"]) == ("spam-scanner", 451)
    delivered = shop.house.event(recipient, "delivered", seconds=30)
    assert [words for words in delivered["warnings"] if words.startswith("sent without a look at spam: ")]


def test_SG_09_spamcheck_says_which_values_it_cannot_use(shop: Shop) -> None:
    recipient = reader()
    message_id = shop.send(recipient, asks(maxscore="eleven", url="ftp://x"), text="score-1")
    shop.house.event(recipient, "delivered")
    assert shop.told(message_id, "filters.spamcheck") == [
        "warning: maxscore must be a number from 1 to 10: 5 is used",
        "warning: url is no http or https URL: no report is sent",
        "is not sent if its spam score is over 5",
    ]


def test_SG_09_SG_11_spam_check_of_a_call_does_the_same(shop: Shop, reports: Reports) -> None:
    house = shop.house
    key = house.cli("key", "add", "--full")["key"]
    for score, kind in (("2.0", "delivered"), ("6.5", "dropped")):
        recipient = reader()
        answer = requests.post(
            f"http://127.0.0.1:{house.port_http}/v3/mail/send",
            json={
                "personalizations": [{"to": [{"email": recipient}]}],
                "from": {"email": f"me@{DOMAIN}"},
                "subject": "Hi",
                "content": [{"type": "text/plain", "value": f"score-{score}"}],
                "mail_settings": {"spam_check": {"enable": True, "threshold": 6, "post_to_url": reports.url}},
            },
            headers={"Authorization": f"Bearer {key}"},
            timeout=20,
        )
        assert answer.status_code == 202, answer.text
        assert house.event(recipient, kind)["spam_score"] == float(score)
    [post] = until(lambda: reports.posts, 20, "the report")
    assert fields_of(post)["spam_score"] == "6.5"


def test_SG_09_spamcheck_without_a_scanner_is_taken_with_a_word(house: House) -> None:
    shop = Shop.at(house)
    recipient = reader()
    message_id = shop.send(recipient, asks(), text="score-99")
    shop.house.event(recipient, "delivered")
    assert shop.warnings(message_id) == ["warning: there is no spam scanner here: not checked"]
