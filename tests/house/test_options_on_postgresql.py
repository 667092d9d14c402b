"""What options ask of the store, on PostgreSQL with two workers: the other files run on SQLite."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from house import copies
from house.conftest import Stores
from house.house import Auth, House, Houses, letter, unique

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def both(shared_houses: Houses, stores: Stores) -> House:
    return shared_houses.new(store=stores.fresh("postgresql"), settings={"": {"workers": 2}})


@pytest.fixture(scope="module")
def key(both: House) -> Auth:
    return both.key()


def test_MG_18_MG_04_a_batch_is_personalised_and_tracked(both: House) -> None:
    names = [f"{unique()}@good.test" for _ in range(20)]
    values = json.dumps({name: {"n": number} for number, name in enumerate(names)})
    fields = [f"X-Mailgun-Recipient-Variables: {values}", "X-Mailgun-Track: yes", "Content-Type: text/html"]
    both.submit(
        names,
        letter(names[0], fields=fields, body=b'<p>%recipient.n% <a href="https://a.test/">x</a></p>\r\n'),
    )
    for number, name in enumerate(names):
        copy = copies.read(both.internet.copy(name))
        assert f"<p>{number} " in copy.html
        assert copy.links[0].startswith("https://email.shop.test/c/")


def test_SG_04_a_suppressed_member_is_dropped(both: House, key: Auth) -> None:
    number = both.cli("group", "add", unique("offers"))["number"]
    left, stays = f"{unique()}@good.test", f"{unique()}@good.test"
    both.cli("suppression", "add", left, "--group", str(number))
    both.submit([left, stays], letter(left, fields=[f'X-SMTPAPI: {{"asm_group_id": {number}}}']), auth=key)
    both.internet.copy(stays)
    assert both.event(left, "dropped")["reason"] == "suppress-unsubscribe"


def test_SG_08_scheduled_mail_is_cancelled_by_its_batch(both: House, key: Auth) -> None:
    recipient, batch = f"{unique()}@good.test", unique("batch")
    wish = json.dumps({"batch_id": batch, "send_at": int(time.time()) + 3600})
    both.submit(recipient, letter(recipient, fields=[f"X-SMTPAPI: {wish}"]), auth=key)
    assert both.state(recipient) == "waiting"
    both.cli("batch", "cancel", batch)
    assert both.event(recipient, "cancelled")
    later = f"{unique()}@good.test"
    both.submit(later, letter(later, fields=[f"X-SMTPAPI: {wish}"]), auth=key)
    assert both.event(later, "cancelled")


def test_C_13_the_limit_counts_over_both_workers(both: House) -> None:
    domain = f"{unique('d')}.test"
    both.cli("domain", "add", domain, "--assume-verified")
    both.cli("domain", "set", domain, "hourly_messages=3")
    auth = Auth(f"app@{domain}", both.add_user(f"app@{domain}"))
    for _ in range(3):
        recipient = f"{unique()}@good.test"
        both.submit(recipient, letter(recipient, sender=f"me@{domain}"), auth=auth, sender=f"me@{domain}")
    content = letter("over@good.test", sender=f"me@{domain}")
    code, text = both.refusal("over@good.test", content, auth=auth, sender=f"me@{domain}")
    assert (code, "Too many recipients" in text) == (452, True)


def test_MG_19_a_stored_template_is_the_body(both: House, tmp_path: Path) -> None:
    name, recipient = unique("template"), f"{unique()}@good.test"
    file = tmp_path / "t.html"
    file.write_text("<h1>Hi {{who}}</h1>")
    both.cli("template", "add", name, "--domain", "shop.test", "--file", str(file), "--version", "v1")
    fields = [f"X-Mailgun-Template-Name: {name}", 'X-Mailgun-Template-Variables: {"who": "Zoë"}']
    both.submit(recipient, letter(recipient, fields=fields))
    assert "<h1>Hi Zoë</h1>" in copies.read(both.internet.copy(recipient)).html
