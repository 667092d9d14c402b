"""D-06: what happens to real mail, at receivers of four services, checked by the services' own programs."""

from __future__ import annotations

import http.server
import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sendgrid.helpers.eventwebhook import EventWebhookHeader
from standardwebhooks import Webhook, WebhookVerificationError

from house import books
from house.copies import read
from house.house import DOMAIN, House, Houses, letter, unique, until, with_settings
from house.mailgun import alternative, visit
from house.returned import SETTINGS as RETURNS
from house.returned import bounce, complaint, give_back
from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.event import EventKind
from posthouse.model.hook import Hook
from posthouse.store import hooks
from posthouse.store.engine import connect
from unit.dialects.test_event_posts import mailgun_verify, sendgrid_verify

SETTINGS = with_settings(
    RETURNS, {"delivery": {"post_private_networks": "allow"}, "hooks": {"plain_http": "allow"}}
)
HTML = (
    '<html><body><a href="https://shop.test/sale">Sale</a> <a href="%unsubscribe_url%">Stop</a></body></html>'
)


@dataclass
class Receiver:
    """Takes every post and keeps it: (path, headers in lower case, body)."""

    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    def to(self, path: str) -> list[tuple[dict[str, str], bytes]]:
        return [(headers, body) for at, headers, body in list(self.posts) if at == path]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            kept.posts.append((self.path, headers, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="receiver")
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new(settings=SETTINGS)


def _new_hook(house: House, dialect: str, url: str) -> dict[str, Any]:
    """A receiver of everything that the form has; its key, as `hook-key new` prints it."""
    of_domain = ("--domain", DOMAIN) if dialect == "mailpace" else ()
    key: dict[str, Any] = house.cli("hook-key", "new", dialect, *of_domain)
    kinds = frozenset[EventKind]().union(*HOOK_FORMS[dialect].kinds.values())
    (account,) = books.rows(house.store, f"select account_id from domain where name = '{DOMAIN}'")
    with connect(house.store) as conn, conn.transaction():
        hooks.add_hook(conn, Hook(unique(dialect), account["account_id"], "", dialect, url, kinds))
    return key


def _mailgun(key: dict[str, Any], headers: dict[str, str], body: bytes) -> list[dict[str, Any]]:
    posted = json.loads(body)
    assert mailgun_verify(key["secret"], **posted["signature"])
    return [posted["event-data"]]


def _sendgrid(key: dict[str, Any], headers: dict[str, str], body: bytes) -> list[dict[str, Any]]:
    signature = headers[EventWebhookHeader.SIGNATURE.lower()]
    timestamp = headers[EventWebhookHeader.TIMESTAMP.lower()]
    text = body.decode()
    assert sendgrid_verify(key["public"], text, signature, timestamp)
    assert not sendgrid_verify(key["public"], text.replace("@", "%"), signature, timestamp)
    found: list[dict[str, Any]] = json.loads(text)
    return found


def _mailpace(key: dict[str, Any], headers: dict[str, str], body: bytes) -> list[dict[str, Any]]:
    signature = b64decode(headers["x-mailpace-signature"], validate=True)
    Ed25519PublicKey.from_public_bytes(b64decode(key["public"])).verify(signature, body)
    return [json.loads(body)]


def _native(key: dict[str, Any], headers: dict[str, str], body: bytes) -> list[dict[str, Any]]:
    return [Webhook(key["secret"]).verify(body, headers)]


def _mailgun_name(event: dict[str, Any]) -> tuple[str, str]:
    return " ".join(filter(None, (event["event"], event.get("severity")))), event.get("recipient", "")


Check = Callable[[dict[str, Any], dict[str, str], bytes], list[dict[str, Any]]]
Name = Callable[[dict[str, Any]], tuple[str, str]]
# how to check a post, and (the event's name, its recipient) of what is in it
FORMS: dict[str, tuple[Check, Name]] = {
    "mailgun": (_mailgun, _mailgun_name),
    "sendgrid": (_sendgrid, lambda event: (event["event"], event["email"])),
    "mailpace": (_mailpace, lambda event: (event["event"], event["payload"]["recipient"])),
    "native": (_native, lambda event: (event["type"], event["data"]["recipient"])),
}


# What each service calls what happened: our kind -> its word. What is missing is not told.
NAMES: dict[str, dict[str, str]] = {
    "mailgun": {
        "accepted": "accepted",
        "rejected": "rejected",
        "delivered": "delivered",
        "deferred": "failed temporary",
        "failed": "failed permanent",
        "bounced": "failed permanent",
        "dropped": "failed permanent",
        "opened": "opened",
        "clicked": "clicked",
        "unsubscribed": "unsubscribed",
        "complained": "complained",
    },
    "sendgrid": {
        "accepted": "processed",
        "delivered": "delivered",
        "deferred": "deferred",
        "failed": "bounce",
        "bounced": "bounce",
        "dropped": "dropped",
        "cancelled": "dropped",
        "opened": "open",
        "clicked": "click",
        "unsubscribed": "unsubscribe",
        "complained": "spamreport",
    },
    "mailpace": {
        "accepted": "email.queued",
        "delivered": "email.delivered",
        "deferred": "email.deferred",
        "failed": "email.bounced",
        "bounced": "email.bounced",
        "dropped": "email.bounced",
    },
}
HAPPENED = {
    "accepted", "delivered", "deferred", "failed", "bounced", "dropped", "cancelled", "opened", "clicked",
    "unsubscribed", "complained", "rejected",
}  # fmt: skip


def _word(dialect: str, event: dict[str, Any]) -> str:
    """What `NAMES` holds, of an event that kept its own name from the store."""
    if dialect == "native":
        return str(event["kind"])
    if dialect == "sendgrid" and event["kind"] == "accepted" and event.get("dropped"):
        return ""  # processed or dropped, never both
    return NAMES[dialect].get(event["kind"], "")


def test_D_06_every_kind_reaches_a_receiver_in_each_services_form(house: House, receiver: Receiver) -> None:
    keys = {dialect: _new_hook(house, dialect, receiver.url(f"/{dialect}")) for dialect in FORMS}
    _live(house)
    events = books.event_rows(house.store)
    assert {event["kind"] for event in events} == HAPPENED

    def told(dialect: str) -> list[tuple[str, str]]:
        check, name = FORMS[dialect]
        posts = receiver.to(f"/{dialect}")
        return sorted(name(event) for post in posts for event in check(keys[dialect], *post))

    for dialect in FORMS:
        wanted = sorted((w, event["recipient"]) for event in events if (w := _word(dialect, event)))
        until(lambda d=dialect, w=wanted: len(told(d)) >= len(w), 30, f"{dialect}: {wanted}")  # type: ignore[misc]
        assert told(dialect) == wanted, f"{dialect}: each once, and nothing else"


def _live(house: House) -> None:
    """Mail to which everything happens that can, each in the end."""
    reader, grumbler, late, later, nobody, never = (
        f"{name}+{unique()}@good.test" for name in ("ok", "ok", "ok", "defer-1", "refuse", "ok")
    )
    house.submit(reader, alternative(reader, ["X-Mailgun-Track: yes"], html=HTML))
    copy = read(house.internet.copy(reader))
    house.event(reader, "delivered")
    for link in (copy.images[0], copy.links[0]):
        visit(house, link)
    visit(house, copy.links[1], "List-Unsubscribe=One-Click")
    for kind in ("opened", "clicked", "unsubscribed"):
        house.event(reader, kind)
    for recipient in (grumbler, late, later):
        house.submit(recipient)
        house.event(recipient, "delivered")
    for recipient, report, kind in ((grumbler, complaint, "complained"), (late, bounce, "bounced")):
        returned = house.internet.copy(recipient)
        give_back(house, returned.sender, report(returned))
        house.event(recipient, kind)
    house.submit(nobody)
    house.event(nobody, "failed")
    house.submit(nobody)
    house.event(nobody, "dropped")
    scheduled = ["X-SMTPAPI: " + json.dumps({"send_at": int(time.time()) + 3600})]
    house.submit(never, letter(never, fields=scheduled))
    house.cli("queue", "drop", "--all")
    house.event(never, "cancelled")
    house.refusal(never, letter(never, sender="orders@not-ours.test"))
    until(lambda: books.event_rows(house.store, "kind = 'rejected'"), 10, "the refusal")


def test_D_06_WH_1_a_receiver_takes_posts_with_either_secret_while_it_changes_over(
    shared_houses: Houses, receiver: Receiver
) -> None:
    house, path = shared_houses.new(settings=SETTINGS), f"/{unique()}"
    old = house.cli("hook-key", "new", "native")["secret"]
    house.cli("hook", "add", receiver.url(path), "--event", "delivered")

    def posted(count: int) -> tuple[dict[str, str], bytes]:
        house.submit(f"{unique()}@good.test")
        until(lambda: len(receiver.to(path)) == count, 20, f"{count} posts")
        return receiver.to(path)[-1]

    def takes(secret: str, post: tuple[dict[str, str], bytes]) -> bool:
        try:
            Webhook(secret).verify(post[1], post[0])
        except WebhookVerificationError:
            return False
        return True

    first = posted(1)
    rotated = house.cli("hook-key", "rotate", "native", "--keep", "10s")
    new, ends_at = rotated["secret"], rotated["older"][0]["ends_at"]
    assert (takes(old, first), takes(new, first)) == (True, False)
    second = posted(2)
    if float(second[0]["webhook-timestamp"]) < ends_at - 1:  # else this machine was too slow to see it
        assert (takes(old, second), takes(new, second)) == (True, True)
    until(lambda: time.time() > ends_at, 20, "the end of the old secret")
    third = posted(3)
    assert (takes(old, third), takes(new, third)) == (False, True)
    assert house.cli("hook-key", "show", "native")["older"] == []
