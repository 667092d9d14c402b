"""S20 at a running house: one account writes letters that name another account's things, in every option
header that can name one. The answer, the story and the mail are those of a thing that does not exist."""

from __future__ import annotations

import json
import re
import smtplib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from house import books
from house.house import Auth, House, Houses, letter, unique

THEIRS, MINE = "theirs.test", "mine.test"
OTHER = "other"
NOWHERE = {
    "template": "no-template",
    "template_id": "01M8CZ1CQ103QEJKJ3YMH2BN5J",
    "group": "90999",
    "ip": "127.0.0.92",
    "pool": "no-pool",
    "pool_id": "01M8CZ1CQ103QEJKJ3YMH2BN5K",
    "domain": "nowhere.test",
}


@dataclass
class Scene:
    """`theirs`: ids of the first account; `auths`: how the second one signs in, by kind of credential."""

    house: House
    theirs: dict[str, str] = field(default_factory=dict)
    auths: dict[str, Auth] = field(default_factory=dict)


@pytest.fixture(scope="module")
def scene(shared_houses: Houses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    house = shared_houses.new(starts=False)
    text = tmp_path_factory.mktemp("texts") / "text.html"
    text.write_text("<p>Secret offer</p>")
    house.cli("domain", "add", THEIRS, "--assume-verified")
    house.cli("account", "add", OTHER)
    house.cli("domain", "add", MINE, "--assume-verified", "--account", OTHER)
    with sqlite3.connect(house.folder / "posthouse.db") as conn:  # a number that stands nowhere else
        conn.execute("insert into sqlite_sequence values ('unsub_group', 90210)")
    conn.close()
    made = house.cli("template", "add", "their-template", "--file", str(text))
    scene = Scene(house)
    scene.theirs = {
        "template": "their-template",
        "template_id": made["id"],
        "group": str(house.cli("group", "add", "Theirs")["number"]),
        "ip": house.cli("ip", "add", "127.0.0.91", "--dedicated")["address"],
        "pool": "their-pool",
        "pool_id": house.cli("pool", "add", "their-pool", "--ip", "127.0.0.91")["id"],
        "domain": THEIRS,
    }
    user = house.cli("user", "add", f"app@{MINE}", "--account", OTHER)
    key = house.cli("key", "add", "--permission", "mail.send", "--account", OTHER)
    token = house.cli("token", "add", MINE, "--account", OTHER)
    scene.auths = {
        "user": Auth(user["login"], user["password"]),
        "key": Auth("apikey", key["key"]),
        "token": Auth(token["token"], token["token"]),
    }
    house.start()
    yield scene


def told(scene: Scene, kind: str, field_text: str, ids: dict[str, str], sender: str) -> dict[str, Any]:
    """Everything that the account learns of a letter with this header: reply, options, states, events."""
    house, recipient = scene.house, f"{unique()}@good.test"
    sent = letter(
        recipient, sender=sender.format(**ids), fields=[field_text.format(**ids)] if field_text else []
    )
    try:
        with house.smtp(auth=scene.auths[kind]) as client:
            client.sendmail(sender.format(**ids), [recipient], sent.raw)
    except smtplib.SMTPDataError as error:
        return {"refused": _struck(f"{error.smtp_code} {error.smtp_error!r}", ids)}
    message_id = house.message_id(sent)
    event = _last_event(house, recipient)
    story = house.cli("message", message_id, "--account", OTHER)
    return {
        "options": _struck(json.dumps(story["message"]["options"]), ids),
        "state": story["deliveries"][0]["state"],
        "reason": re.sub(r"Kept as \d+", "Kept", _struck(str(event.get("text", "")), ids)),
        "warnings": _struck(json.dumps(event.get("warnings", [])), ids),
        "mail": b"Secret offer" in b"".join(arrival.content for arrival in house.internet.to(recipient)),
    }


def _last_event(house: House, recipient: str) -> dict[str, Any]:
    for kind in ("delivered", "dropped", "failed"):
        if house.state(recipient) == kind:
            return house.event(recipient, kind)
    return house.event(recipient, "delivered")


def _struck(text: str, ids: dict[str, str]) -> str:
    for name in sorted(ids, key=lambda name: -len(ids[name])):
        text = text.replace(ids[name], f"<{name}>")
    return text


def smtpapi(text: str) -> str:
    return "X-SMTPAPI: " + text


LETTERS = [
    pytest.param("user", "X-Mailgun-Template-Name: {template}", id="a template by name"),
    pytest.param("user", "X-Mailgun-Template-Name: {template_id}", id="a template by id"),
    pytest.param("user", "X-Mailgun-Sending-Ip: {ip}", id="an address"),
    pytest.param("user", "X-Mailgun-Sending-Ip-Pool: {pool}", id="a pool by name"),
    pytest.param("user", "X-Mailgun-Sending-Ip-Pool: {pool_id}", id="a pool by id"),
    pytest.param("user", "X-Mailgun-Secondary-DKIM: {domain},ph1", id="a second signature"),
    pytest.param("key", smtpapi('{{"asm_group_id": {group}}}'), id="a group"),
    pytest.param("key", smtpapi('{{"ip_pool": "{pool}"}}'), id="a pool of the other kind"),
    pytest.param(
        "key",
        smtpapi(
            '{{"filters": {{"templates": {{"settings": {{"enable": 1, "template_id": "{template_id}"}}}}}}}}'
        ),
        id="a template of the other kind",
    ),
    pytest.param(
        "key",
        smtpapi('{{"filters": {{"dkim": {{"settings": {{"domain": "{domain}", "use_from": false}}}}}}}}'),
        id="another domain's signature",
    ),
]


@pytest.mark.parametrize(("kind", "field_text"), LETTERS)
def test_S20_a_letter_cannot_use_what_is_another_accounts(scene: Scene, kind: str, field_text: str) -> None:
    theirs = told(scene, kind, field_text, scene.theirs, f"me@{MINE}")
    nowhere = told(scene, kind, field_text, NOWHERE, f"me@{MINE}")
    assert theirs == nowhere
    assert not theirs.get("mail")


@pytest.mark.parametrize("kind", ["user", "key", "token"])
def test_S20_C_11_nobody_writes_for_another_accounts_domain(scene: Scene, kind: str) -> None:
    theirs = told(scene, kind, "", scene.theirs, "me@{domain}")
    assert "refused" in theirs
    assert theirs == told(scene, kind, "", NOWHERE, "me@{domain}")


def test_S20_a_batch_of_that_name_is_ones_own(scene: Scene) -> None:
    """Pausing a batch does not touch another account's batch of the same name."""
    scene.house.cli("batch", "pause", "campaign")
    recipient = f"{unique()}@good.test"
    sent = letter(recipient, sender=f"me@{MINE}", fields=[smtpapi('{"batch_id": "campaign"}')])
    with scene.house.smtp(auth=scene.auths["key"]) as client:
        client.sendmail(f"me@{MINE}", [recipient], sent.raw)
    scene.house.event(recipient, "delivered")


def test_S20_lists_of_one_account_say_nothing_about_anothers_mail(scene: Scene) -> None:
    recipient = f"{unique()}@good.test"
    scene.house.cli("suppression", "add", recipient)
    sent = letter(recipient, sender=f"me@{MINE}")
    with scene.house.smtp(auth=scene.auths["user"]) as client:
        client.sendmail(f"me@{MINE}", [recipient], sent.raw)
    scene.house.event(recipient, "delivered")
    known = books.rows(scene.house.store, f"select account_id from suppression where address = '{recipient}'")
    assert len(known) == 1
