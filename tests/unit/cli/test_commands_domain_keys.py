"""`posthouse domain key …`, `domain rotate`, `domain add --claim`: what they print, JSON, exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from posthouse.mail.dkim import public_of
from posthouse.model.account import Account
from posthouse.store import identity
from posthouse.store.engine import connect
from unit.cli.calling import Cli, caller

Texts = dict[str, list[str]]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in a directory whose store has a domain."""
    call = caller(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "shop.test", "--assume-verified").code == 0
    return call


@pytest.fixture(autouse=True)
def dns(monkeypatch: pytest.MonkeyPatch) -> Texts:
    """What DNS has."""
    texts: Texts = {}
    monkeypatch.setattr("posthouse.desk.published.texts_at", lambda name, servers: texts.get(name, []))
    return texts


def states(house: Cli) -> dict[str, str]:
    return {
        row["selector"]: row["state"] for row in house("domain", "key", "list", "shop.test", "--json").rows
    }


def test_D_03_a_rotation_waits_for_dns(house: Cli, dns: Texts) -> None:
    rows = {row["selector"]: row for row in house("domain", "key", "list", "shop.test", "--json").rows}
    assert states(house) == {"ph1": "active", "ph2": "standby"}
    refused = house("domain", "rotate", "shop.test")
    assert refused.code == 1
    assert "DNS has nothing at ph2._domainkey.shop.test: mail signed with this key" in refused.err
    dns[rows["ph2"]["record"]["name"]] = [rows["ph2"]["record"]["value"]]
    said = house("domain", "rotate", "shop.test").out
    assert said.startswith(
        "shop.test: mail is signed with ph2 from now on.\nThe key ph1 signs no more. Keep "
    )
    assert states(house) == {"ph1": "retiring", "ph2": "active"}
    assert "record must stay until" in house("domain", "key", "list", "shop.test").out
    (row,) = house("domain", "key", "activate", "shop.test", "ph1", "--force", "--json").rows
    assert [key["selector"] for key in row["active"]] == ["ph1"]
    (key,) = row["retiring"]
    assert key["record_until"] == key["since"] + 7 * 86400
    assert house("domain", "rotate", "shop.test", "--force").err.startswith("posthouse: shop.test has no key")


def test_D_03_keys_are_made_and_removed(house: Cli) -> None:
    said = house("domain", "key", "add", "shop.test", "--ed25519").out
    assert re.search(r'^ph1ed\._domainkey\.shop\.test\. IN TXT "v=DKIM1; k=ed25519; p=', said, re.M)
    (row,) = house("domain", "key", "add", "shop.test", "--selector", "Autumn", "--json").rows
    assert (row["selector"], row["algorithm"], row["state"]) == ("autumn", "rsa-sha256", "standby")
    assert "is no selector" in house("domain", "key", "add", "shop.test", "--selector", "a_b").err
    assert house("domain", "key", "activate", "shop.test", "ph1ed", "--force").code == 0
    assert "Keep ph1ed" in house("domain", "key", "retire", "shop.test", "ph1ed").out
    assert "--force removes it now" in house("domain", "key", "remove", "shop.test", "ph1ed").err
    assert house("domain", "key", "remove", "shop.test", "ph1ed", "--force").code == 0
    assert house("domain", "key", "remove", "shop.test", "autumn", "--json").rows == [{"removed": "autumn"}]
    assert states(house) == {"ph1": "active", "ph2": "standby"}


def test_D_03_a_key_is_brought_along(house: Cli, tmp_path: Path) -> None:
    private = generate_private_key(65537, 1024)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    made = house("domain", "key", "import", "shop.test", "s1", "key.pem", "--json")
    assert made.rows[0]["record"]["value"] == f"v=DKIM1; k=rsa; p={public_of(private)}"
    assert made.err == "posthouse: the key has only 1024 bits; 2048 are advised\n"
    again = house("domain", "key", "import", "shop.test", "s2", "-", given=pem)
    assert (again.code, again.err.splitlines()[-1]) == (1, "posthouse: shop.test has this very key already")
    wrong = house("domain", "key", "import", "shop.test", "s2", "-", given=b"hello")
    assert wrong.err.startswith("posthouse: Not a key that can sign: this is not a readable private key")
    assert house("domain", "key", "import", "shop.test", "s2", "none.pem").err == (
        "posthouse: none.pem: No such file or directory\n"
    )
    shown = (
        house("domain", "show", "shop.test", "--json").out + house("domain", "key", "list", "shop.test").out
    )
    assert "PRIVATE" not in shown


def add_account(house: Cli, name: str) -> Account:
    with connect("sqlite:///var/posthouse.db") as conn, conn.transaction():
        return identity.ensure_account(conn, name, id=f"id-{name}", now=0.0)


def test_s20_keys_of_another_accounts_domain_are_as_none(house: Cli) -> None:
    add_account(house, "second")
    for words in (
        ["rotate", "shop.test"],
        ["key", "list", "shop.test"],
        ["key", "add", "shop.test"],
        ["key", "import", "shop.test", "s1", "-"],
        ["key", "activate", "shop.test", "ph2"],
        ["key", "retire", "shop.test", "ph1"],
        ["key", "remove", "shop.test", "ph2"],
    ):
        answer = house("domain", *words, "--account", "second")
        assert (answer.code, answer.err) == (1, "posthouse: There is no domain shop.test here\n"), words
    assert states(house) == {"ph1": "active", "ph2": "standby"}


def test_a_domain_goes_to_whom_dns_says(house: Cli, dns: Texts) -> None:
    add_account(house, "second")
    second = ("--account", "second")
    refused = house("domain", "add", "Shop.TEST", *second)
    found = re.search(
        r"TXT record (\S+) with the text (\S+) and add the domain again, as a claim; --claim says",
        refused.err,
    )
    assert (refused.code, bool(found)) == (1, True)
    assert found
    name, text = found.groups()
    early = house("domain", "add", "shop.test", "--claim", *second)
    assert early.err.endswith(f"{name} must have the TXT record {text} first; DNS has nothing there\n")
    dns[name] = [text]
    assert house("domain", "add", "shop.test", "--claim", *second).code == 0
    assert [row["name"] for row in house("domain", "list", "--json", *second).rows] == ["shop.test"]
    assert house("domain", "list").out == "No domains yet.\n"
    assert house("domain", "show", "shop.test").err == "posthouse: There is no domain shop.test here\n"
    assert house("domain", "add", "new.test", "--claim").code == 0, "nobody had it"


def test_a_doubtful_name_is_added_with_a_warning(house: Cli) -> None:
    answer = house("domain", "add", "p\u0430ypal.test")
    assert answer.code == 0
    assert "mixes scripts (Cyrillic, Latin)" in answer.err


def test_c07_hook_keys(house: Cli) -> None:
    (made,) = house("hook-key", "new", "mailgun", "--json").rows
    assert re.fullmatch(r"[0-9a-f]{32}", made["secret"])
    shown = house("hook-key", "show", "mailgun")
    assert shown.out.startswith("mailgun (hmac-sha256), since ") and made["secret"] not in shown.out
    again = house("hook-key", "new", "mailgun")
    assert (again.code, "--replace ends the old one" in again.err) == (1, True)
    given = b"MYOWNSIGNINGKEY0123456789"
    assert house("hook-key", "import", "mailgun", "-", "--replace", given=given).code == 0
    (made,) = house("hook-key", "new", "mailpace", "--domain", "Shop.TEST", "--json").rows
    assert (made["domain"], "secret" in made) == ("shop.test", False)
    shown = house("hook-key", "show", "mailpace", "--domain", "shop.test")
    assert f"public key  {made['public']}" in shown.out
    (rotated,) = house("hook-key", "rotate", "mailpace", "--domain", "shop.test", "--json").rows
    assert rotated["signs_from"] - rotated["created_at"] == 86400
    assert [old["public"] for old in rotated["older"]] == [made["public"]]
    shown = house("hook-key", "show", "mailpace", "--domain", "shop.test").out
    assert "signs from" in shown and f"  {made['public']}" in shown
    given = house(
        "hook-key", "rotate", "mailgun", "--keep", "2h", "--file", "-", given=b"MYOTHERKEY0123456789"
    )
    assert (given.code, "the old key signs until" in given.out) == (0, True)
    (ended,) = house("hook-key", "end", "mailgun", "--json").rows
    assert (ended["older"], ended["signs_from"]) == ([], ended["created_at"])
    (now,) = house("hook-key", "rotate", "mailgun", "--keep", "now", "--json").rows
    assert (now["older"], len(now["secret"])) == ([], 32)
    wrong = house("hook-key", "rotate", "mailgun", "--keep", "40d")
    assert wrong.code == 2 and "is not a span such as" in wrong.err
    assert "There is no native hook key here" in house("hook-key", "rotate", "native").err
    whats = [(row["what"], row["about"]) for row in house("audit", "--json").rows]
    assert ("hook-key rotate", "mailgun") in whats and ("hook-key end", "mailgun") in whats
    wrong = house("hook-key", "new", "postmark")
    assert wrong.err.startswith("posthouse: 'postmark' is no dialect that signs; allowed: mailgun, sendgrid")
