"""Posts to receivers, checked by the services' own programs or as their manuals tell (C-07, D-06)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import b64decode, b64encode
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sendgrid.helpers.eventwebhook import EventWebhook, EventWebhookHeader
from standardwebhooks import Webhook, WebhookVerificationError

from posthouse.desk import hook_keys
from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.hook import HookKey, HookRequest
from unit.dialects.event_story import STORY

NOW = 1_770_146_800.9
KEYS = {dialect: hook_keys.make(dialect).key for dialect in HOOK_FORMS}
OTHERS = {dialect: hook_keys.make(dialect).key for dialect in HOOK_FORMS}


def post(dialect: str, *names: str, key: HookKey | None = None, now: float = NOW) -> HookRequest:
    form = HOOK_FORMS[dialect]
    bodies = []
    for name in names:
        body = form.event_json(STORY[name])
        assert body is not None
        bodies.append((STORY[name].event.id, body))
    return form.request(bodies, key or KEYS[dialect], now)


# -- Mailgun: "Securing webhooks", the recipe in the manual ----------------------


def mailgun_verify(signing_key: str, token: str, timestamp: str, signature: str) -> bool:
    digest = hmac.new(
        key=signing_key.encode(), msg=f"{timestamp}{token}".encode(), digestmod=hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(str(signature), str(digest))


def test_mailguns_recipe_takes_our_signature_and_no_altered_one() -> None:
    posted = json.loads(post("mailgun", "delivered").content)
    signature, key = posted["signature"], KEYS["mailgun"].secret.decode()
    assert posted["event-data"]["event"] == "delivered"
    assert signature["timestamp"] == "1770146800" and re.fullmatch("[0-9a-f]{50}", signature["token"])
    assert mailgun_verify(key, **signature)
    assert not mailgun_verify(key, **(signature | {"timestamp": "1770146801"}))
    assert not mailgun_verify(key, **(signature | {"token": "0" * 50}))
    assert not mailgun_verify(OTHERS["mailgun"].secret.decode(), **signature)


def test_mailguns_token_is_fresh_on_every_try() -> None:
    first, second = (json.loads(post("mailgun", "opened").content) for _ in range(2))
    assert first["signature"]["token"] != second["signature"]["token"]
    assert first["event-data"] == second["event-data"]


# -- SendGrid: the service's own Python library ----------------------------------

VECTOR = {
    "public_key": (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe6"
        "2gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
    ),
    "signature": (
        "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
    ),
    "timestamp": "1600112502",
    "payload": (
        '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"'
        'ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kof'
        'Sm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kof'
        'Sm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]'
        "\r\n"
    ),
}


def sendgrid_verify(public_key: str, payload: str, signature: str, timestamp: str) -> bool:
    webhook = EventWebhook()
    return bool(
        webhook.verify_signature(
            payload, signature, timestamp, webhook.convert_public_key_to_ecdsa(public_key)
        )
    )


def sendgrid_post(*names: str) -> dict[str, str]:
    posted = post("sendgrid", *names)
    return {
        "public_key": KEYS["sendgrid"].public,
        "payload": posted.content.decode(),
        "signature": posted.headers[EventWebhookHeader.SIGNATURE],
        "timestamp": posted.headers[EventWebhookHeader.TIMESTAMP],
    }


def test_sendgrids_library_takes_the_known_vector() -> None:
    """So that what follows is checked by something that works."""
    assert sendgrid_verify(**VECTOR)


def test_sendgrids_known_post_is_written_to_the_octet() -> None:
    """The order of keys, separators and line ends of a post that the service made."""
    form = HOOK_FORMS["sendgrid"]
    [event] = json.loads(VECTOR["payload"])
    backwards = dict(reversed(event.items()))
    assert form.request([("", backwards)], None, NOW).content.decode() == VECTOR["payload"]


def test_sendgrids_library_takes_our_batch_and_no_altered_one() -> None:
    good = sendgrid_post("accepted", "delivered", "opened")
    assert sendgrid_verify(**good)
    assert good["payload"].count("},\r\n{") == 2 and good["payload"].endswith("}]\r\n")
    assert len(json.loads(good["payload"])) == 3
    for part, value in (
        ("payload", good["payload"].replace("bob@", "eve@")),
        ("payload", good["payload"].strip()),
        ("timestamp", str(int(good["timestamp"]) + 1)),
        ("public_key", OTHERS["sendgrid"].public),
    ):
        assert not sendgrid_verify(**(good | {part: value})), part


def test_sendgrids_post_survives_being_written_anew() -> None:
    """Receivers whose framework has parsed the JSON write it again, by the service's own recipe."""
    good = sendgrid_post("accepted", "clicked")
    events = json.loads(good["payload"])
    anew = ",\r\n".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in events)
    assert sendgrid_verify(**(good | {"payload": f"[{anew}]\r\n"}))


# -- MailPace: Ed25519 over the raw body ----------------------------------------


def mailpace_verify(public_key: str, signature: str, body: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(b64decode(public_key, validate=True)).verify(
        b64decode(signature, validate=True), body
    )


def test_mailpaces_recipe_takes_our_signature_and_no_altered_one() -> None:
    posted, public = post("mailpace", "delivered"), KEYS["mailpace"].public
    signature = posted.headers["X-MailPace-Signature"]
    assert len(b64decode(signature)) == 64
    mailpace_verify(public, signature, posted.content)
    altered = posted.content.replace(b"delivered", b"bounced")
    for key, body in ((public, altered), (OTHERS["mailpace"].public, posted.content)):
        with pytest.raises(InvalidSignature):
            mailpace_verify(key, signature, body)


# -- our own: the reference library of Standard Webhooks ------------------------


@pytest.fixture
def at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library compares with the wall clock."""
    from datetime import UTC, datetime

    import standardwebhooks.webhooks as library

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.fromtimestamp(NOW, UTC)

    monkeypatch.setattr(library, "datetime", Then)


def secret_of(key: HookKey) -> str:
    return "whsec_" + b64encode(key.secret).decode()


@pytest.mark.usefixtures("at_now")
def test_the_standards_library_takes_our_signature_and_no_altered_one() -> None:
    posted = post("native", "delivered")
    headers = dict(posted.headers)
    assert headers["webhook-id"] == STORY["delivered"].event.id and "." not in headers["webhook-id"]
    receiver = Webhook(secret_of(KEYS["native"]))
    assert receiver.verify(posted.content, headers)["type"] == "delivered"
    for changed, body in (
        ({}, posted.content.replace(b"bob@", b"eve@")),
        ({"webhook-id": "another"}, posted.content),
        ({"webhook-timestamp": str(int(NOW) + 1)}, posted.content),
    ):
        with pytest.raises(WebhookVerificationError):
            receiver.verify(body, headers | changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_of(OTHERS["native"])).verify(posted.content, headers)


@pytest.mark.usefixtures("at_now")
def test_both_secrets_are_good_while_receivers_change_over() -> None:
    new, old = KEYS["native"], OTHERS["native"]
    posted = post("native", "opened", key=HookKey(new.algorithm, new.secret, "", (old.secret,)))
    for key in (new, old):
        assert Webhook(secret_of(key)).verify(posted.content, dict(posted.headers))


# -- the request itself ----------------------------------------------------------

SIGNATURE_HEADERS = {
    "mailgun": set(),
    "sendgrid": {EventWebhookHeader.SIGNATURE, EventWebhookHeader.TIMESTAMP},
    "mailpace": {"X-MailPace-Signature"},
    "native": {"webhook-signature"},
}
AGENTS = {
    "mailgun": "mailgun/treq-16.12.0",
    "sendgrid": "SendGrid Event API",
    "mailpace": "mailpace_webhooks/1.0",
    "native": "Posthouse/",
}


@pytest.mark.parametrize("dialect", HOOK_FORMS)
def test_the_request_says_what_the_services_says(dialect: str) -> None:
    posted = post(dialect, "delivered")
    wanted = "application/json;charset=utf-8" if dialect == "sendgrid" else "application/json"
    assert posted.content_type == wanted
    assert posted.headers["User-Agent"].startswith(AGENTS[dialect])
    assert set(posted.headers) >= SIGNATURE_HEADERS[dialect]


@pytest.mark.parametrize("dialect", HOOK_FORMS)
def test_without_a_key_nothing_is_signed(dialect: str) -> None:
    form, told = HOOK_FORMS[dialect], STORY["delivered"]
    body = form.event_json(told)
    assert body is not None
    posted = form.request([(told.event.id, body)], None, NOW)
    assert not set(posted.headers) & SIGNATURE_HEADERS[dialect]
    assert "signature" not in json.loads(posted.content)


@pytest.mark.parametrize("dialect", HOOK_FORMS)
def test_a_day_without_the_receiver_loses_nothing(dialect: str) -> None:
    """The last try comes more than a day after the event, and none before the receiver can have failed."""
    form = HOOK_FORMS[dialect]
    tries, at = 1, 0.0
    pauses = list(form.pauses_s)
    while (at := at + (pauses.pop(0) if pauses else form.pauses_s[-1])) <= form.life_s:
        tries, last = tries + 1, at
    assert last > 86_400 + 3600
    assert tries == 10 if dialect == "mailpace" else tries > 10
