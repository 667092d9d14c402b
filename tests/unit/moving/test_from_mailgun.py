"""Everything of a Mailgun account comes along, from its API and from files (MG-26)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from posthouse.doors.api.mailgun.template_shapes import shown, version_shown
from posthouse.store.templates import Template, Version
from unit.cli.calling import Cli
from unit.moving.fakes import Raw, mailgun_api, serving
from unit.moving.moves import Move, books, came, mover, rows_of, there

KEY = "key-0123456789abcdef0123456789abcdef"
ALL = {
    "domains": 1,
    "template_versions": 2,
    "webhooks": 2,
    "signing_keys": 1,
    "suppressions": 7,
    "allowed": 2,
}


@pytest.fixture
def cli_and_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[Cli, Move]:
    monkeypatch.setenv("MAILGUN_API_KEY", KEY)
    call, move = mover(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "other.example.org").code == 0
    return call, move


def test_MG_26_everything_comes_along(cli_and_move: tuple[Cli, Move]) -> None:
    call, move = cli_and_move
    with serving(mailgun_api()) as api:
        report = move("mailgun", "--api-url", api.base)
    assert came(report) == ALL
    assert report["whole"]
    (domain,) = [row for row in rows_of(call, "domain", "list") if row["name"] == "mg.example.com"]
    assert not domain["verified"]
    settings = call("domain", "show", "mg.example.com").out
    for line in ("require_tls           yes", "track_opens           yes", "track_clicks          html",
                 "pixel_at_top          yes", "https://links.mg.example.com"):  # fmt: skip
        assert line in settings
    listed = {(row["address"], row["kind"], row["scope"]) for row in rows_of(call, "suppression", "list")}
    assert ("b0000002@good.test", "bounce", "") in listed
    assert ("some@good.test", "unsubscribe", "tag:news") in listed
    assert ("all@good.test", "unsubscribe", "") in listed
    assert ("angry@good.test", "complaint", "") in listed
    assert {row["value"] for row in rows_of(call, "allow", "list")} == {"boss@good.test", "@partner.test"}
    hooks = {row["url"]: row for row in rows_of(call, "hook", "list")}
    assert hooks["https://hooks.example.com/mail"]["kinds"] == [
        "bounced",
        "delivered",
        "dropped",
        "failed",
        "opened",
    ]
    assert hooks["https://hooks.example.com/mail"]["domain"] == "mg.example.com"
    (template,) = rows_of(call, "template", "list")
    assert (template["name"], template["active"]) == ("welcome", "v2")
    (shown,) = rows_of(call, "template", "show", "welcome")
    assert (shown["html"], shown["fields"]) == ("<p>Hello {{name}}</p>", {"Subject": "Welcome {{name}}"})


def test_the_api_shows_the_comment_and_the_author_that_came(
    cli_and_move: tuple[Cli, Move], tmp_path: Path
) -> None:
    _, move = cli_and_move
    with serving(mailgun_api()) as api:
        move("mailgun", "--api-url", api.base)
    rows = books(tmp_path)
    (about,) = [Template(*row[:6], more=json.loads(row[6])) for row in rows["template"]]
    assert (shown(about)["createdBy"], shown(about)["description"]) == ("ann", "Hello")
    comments = {
        row[1]: version_shown(Version(*row[:6], more=json.loads(row[8] or "{}")))["comment"]
        for row in rows["template_version"]
    }
    assert comments == {"v1": "first try", "v2": ""}


def test_what_cannot_come_is_told_with_what_to_do(cli_and_move: tuple[Cli, Move]) -> None:
    _, move = cli_and_move
    with serving(mailgun_api()) as api:
        report = move("mailgun", "--api-url", api.base)
    told = {row["what"]: row for row in report["stays_behind"]}
    assert set(told) == {
        "sandbox1.mailgun.org",
        "app@mg.example.com",
        "pic of mg.example.com",
        "shop",
        "2 inbound routes",
    }
    assert "--new-passwords" in told["app@mg.example.com"]["do"]
    assert KEY not in json.dumps(report)
    assert "key-5159" not in json.dumps(report)


def test_twice_is_as_once(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    _, move = cli_and_move
    with serving(mailgun_api()) as api:
        move("mailgun", "--api-url", api.base)
        before = books(tmp_path)
        report = move("mailgun", "--api-url", api.base)
    assert came(report) == {}
    assert there(report) == ALL
    after = books(tmp_path)
    assert len(after.pop("audit")) == len(before.pop("audit")) + 1, "the log tells of both"
    assert after == before


def test_a_dry_run_says_the_same_and_changes_nothing(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    _, move = cli_and_move
    before = books(tmp_path)
    with serving(mailgun_api()) as api:
        dry = move("mailgun", "--api-url", api.base, "--dry-run")
        assert books(tmp_path) == before
        real = move("mailgun", "--api-url", api.base)
    assert dry.pop("dry_run") and not real.pop("dry_run")
    assert dry == real


def test_what_broke_off_is_completed_by_running_again(cli_and_move: tuple[Cli, Move]) -> None:
    _, move = cli_and_move
    with serving(mailgun_api(bounces=2500)) as api:
        whole = api.routes["/v3/mg.example.com/bounces"]
        api.routes["/v3/mg.example.com/bounces"] = lambda query: (
            whole(query) if query.get("address", "") < "b0001000" else Raw(403, b'{"message":"no"}')
        )
        first = move("mailgun", "--api-url", api.base, code=1)
        assert first["left_out"][0]["what"] == "bounces of mg.example.com"
        api.routes["/v3/mg.example.com/bounces"] = whole
        second = move("mailgun", "--api-url", api.base)
    assert came(first)["suppressions"] + came(second)["suppressions"] == 2504
    assert second["whole"]


def test_a_key_that_is_refused_ends_it(
    cli_and_move: tuple[Cli, Move], monkeypatch: pytest.MonkeyPatch
) -> None:
    call, _ = cli_and_move
    monkeypatch.setenv("MAILGUN_API_KEY", "key-wrong")
    with serving(mailgun_api()) as api:
        answer = call("import", "mailgun", "--api-url", api.base)
    assert answer.code == 1
    assert "does not take this key" in answer.err
    assert "key-wrong" not in answer.err + answer.out


def test_without_a_key_it_says_where_to_put_one(
    cli_and_move: tuple[Cli, Move], monkeypatch: pytest.MonkeyPatch
) -> None:
    call, _ = cli_and_move
    monkeypatch.delenv("MAILGUN_API_KEY")
    answer = call("import", "mailgun")
    assert answer.code != 0
    assert "MAILGUN_API_KEY" in answer.err


def test_new_passwords_are_written_once_and_work(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    call, move = cli_and_move
    with serving(mailgun_api()) as api:
        assert came(move("mailgun", "--api-url", api.base, "--new-passwords", "users.csv"))["users"] == 1
        assert came(move("mailgun", "--api-url", api.base, "--new-passwords", "again.csv")) == {}
        refused = call("import", "mailgun", "--api-url", api.base, "--new-passwords", "users.csv")
    assert refused.code != 0 and "is there already" in refused.err
    lines = (tmp_path / "users.csv").read_text().splitlines()
    assert lines[0] == "login,password" and lines[1].startswith("app@mg.example.com,")
    assert (tmp_path / "users.csv").stat().st_mode & 0o077 == 0
    assert (tmp_path / "again.csv").read_text().splitlines() == ["login,password"]


def test_the_old_signing_key_can_be_given(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    _, move = cli_and_move
    (tmp_path / "signing").write_text("key-theoldsigningkeyofours\n")
    (tmp_path / "empty").mkdir()
    assert came(move("mailgun", "empty", "--signing-key", "signing")) == {"signing_keys": 1}
    assert there(move("mailgun", "empty", "--signing-key", "signing")) == {"signing_keys": 1}
    (tmp_path / "signing").write_text("key-anothersigningkeyofours\n")
    report = move("mailgun", "empty", "--signing-key", "signing", code=1)
    assert "--replace" in report["left_out"][0]["why"]
    assert "theoldsigning" not in json.dumps(report)


def test_S20_another_accounts_domain_is_not_taken(cli_and_move: tuple[Cli, Move]) -> None:
    call, move = cli_and_move
    assert call("account", "add", "second").code == 0
    assert call("domain", "add", "mg.example.com", "--account", "second").code == 0
    with serving(mailgun_api()) as api:
        report = move("mailgun", "--api-url", api.base, code=1)
    assert "domains" not in came(report)
    assert "publish the TXT record" in report["left_out"][0]["why"]
    assert rows_of(call, "suppression", "list") == []
    assert rows_of(call, "suppression", "list", "--account", "second") == []


# Files

FILES: list[tuple[str, Any, dict[str, int]]] = [
    (
        "bounces.csv",
        "address,code,error,created_at\na@x.test,550,no,2026-03-26 12:59:15 +0000 UTC\n",
        {"suppressions": 1},
    ),
    ("unsubscribes.csv", 'address,tags,created_at\na@x.test,"news,offers",2026-03-26\n', {"suppressions": 2}),
    ("complaints.csv", "address,created_at\na@x.test,2026-03-26\n", {"suppressions": 1}),
    ("complaints-bare.csv", "a@x.test\nb@x.test\n", {"suppressions": 2}),
    ("whitelists.csv", "type,value,reason,createdAt\ndomain,x.test,,\n", {"allowed": 1}),
    ("allow.csv", "address,domain\n,x.test\nann@y.test,\n", {"allowed": 2}),
    (
        "b.json",
        {"items": [{"address": "a@x.test", "code": "550", "error": "", "created_at": ""}]},
        {"suppressions": 1},
    ),
    ("list.json", [{"address": "a@x.test", "tags": ["*"]}, {"address": "b@x.test"}], {"suppressions": 2}),
    ("al.json", [{"type": "domain", "value": "x.test", "reason": "", "createdAt": ""}], {"allowed": 1}),
    ("hooks.json", {"webhooks": {"opened": {"urls": ["https://h.test/"]}}}, {"webhooks": 1}),
    (
        "hooks-v1.json",
        {"webhooks": [{"webhook_id": "1", "url": "https://h.test/", "event_types": ["opened"]}]},
        {"webhooks": 1},
    ),
    (
        "t.json",
        {"template": {"name": "a", "version": {"tag": "v1", "template": "x", "active": True}}},
        {"template_versions": 1},
    ),
    ("key.json", {"http_signing_key": "key-0123456789abcdef"}, {"signing_keys": 1}),
    ("d.json", {"domain": {"name": "new.example.com", "state": "active"}}, {"domains": 1}),
]


@pytest.mark.parametrize(("name", "content", "expected"), FILES, ids=[name for name, _, _ in FILES])
def test_a_file_is_known_by_its_content(
    cli_and_move: tuple[Cli, Move], tmp_path: Path, name: str, content: Any, expected: dict[str, int]
) -> None:
    _, move = cli_and_move
    folder = tmp_path / "exports" / "other.example.org"
    folder.mkdir(parents=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    report = move("mailgun", "exports")
    assert came(report) == expected
    assert there(move("mailgun", "exports")) == expected


HOSTILE: list[tuple[str, bytes]] = [
    ("empty.csv", b""),
    ("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
    ("words.txt", b"just some words\nand more\n"),
    ("deep.json", b"[" * 200_000),
    ("cut.json", b'[{"address":"a@x.test","code":"550"'),
    ("number.json", b'[{"address":"a@x.test","code":' + b"9" * 5000 + b"}]"),
    ("types.json", b'[{"address":{"x":1},"code":[]},7,null,"x",[[]]]'),
    ("strange.json", b'{"hello":"world"}'),
    ("surrogate.json", b'[{"address":"\\ud800@x.test","code":"550"}]'),
    ("injection.csv", b'address,code,error\n"a@x.test\r\nBcc: b@x.test",550,\n'),
    ("s1._domainkey.other.example.org.pem", b"-----BEGIN RSA PRIVATE KEY-----\nnope\n"),
    ("some.pem", b"-----BEGIN PRIVATE KEY-----\nnope\n-----END PRIVATE KEY-----\n"),
    ("hooks.json", b'{"webhooks":{"opened":{"urls":["javascript:alert(1)","http://plain.test/"]}}}'),
    ("template.json", b'{"template":{"name":"a\\nb","version":{"tag":"v","template":"{{#if}}"}}}'),
    ("big.json", b'{"template":{"name":"a","version":{"tag":"v","template":"' + b"x" * 200_000 + b'"}}}'),
]


@pytest.mark.parametrize(("name", "content"), HOSTILE, ids=[name for name, _ in HOSTILE])
def test_S18_S19_what_makes_no_sense_is_told_and_nothing_of_it_comes(
    cli_and_move: tuple[Cli, Move], tmp_path: Path, name: str, content: bytes
) -> None:
    call, move = cli_and_move
    folder = tmp_path / "other.example.org"
    folder.mkdir()
    (folder / name).write_bytes(content)
    report = move("mailgun", "other.example.org", "--domain", "other.example.org", code=1)
    assert came(report) == {}
    assert len(report["left_out"]) >= 1
    assert rows_of(call, "suppression", "list") == []


def test_S18_links_out_of_the_folder_are_not_followed(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    _, move = cli_and_move
    (tmp_path / "secret.csv").write_text("address,code,error\nsecret@x.test,550,\n")
    folder = tmp_path / "other.example.org"
    folder.mkdir()
    (folder / "bounces.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "up").symlink_to(tmp_path)
    assert came(move("mailgun", "other.example.org", "--domain", "other.example.org")) == {}


def test_a_file_that_does_not_say_whose_it_is_is_told(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    call, move = cli_and_move
    (tmp_path / "bounces.csv").write_text("address,code,error\na@x.test,550,\n")
    report = move("mailgun", "bounces.csv", code=1)
    assert "--domain" in report["left_out"][0]["why"]
    assert came(move("mailgun", "bounces.csv", "--domain", "other.example.org")) == {"suppressions": 1}
    missing = call("import", "mailgun", "nowhere.csv")
    assert missing.code == 1 and "nowhere.csv" in missing.err


def test_a_key_file_comes_along_and_stands_by(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    call, move = cli_and_move
    private = rsa.generate_private_key(65537, 2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    pem = private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (tmp_path / "pic._domainkey.other.example.org.pem").write_bytes(pem)
    report = move("mailgun", "pic._domainkey.other.example.org.pem")
    assert came(report) == {"dkim_keys": 1}
    assert report["to_do"][0]["do"] == "posthouse domain key activate other.example.org pic"
    assert there(move("mailgun", "pic._domainkey.other.example.org.pem")) == {"dkim_keys": 1}
    keys = {
        row["selector"]: row["state"] for row in rows_of(call, "domain", "key", "list", "other.example.org")
    }
    assert keys["pic"] == "standby"


def test_what_people_see_is_a_table_and_sentences(cli_and_move: tuple[Cli, Move]) -> None:
    call, _ = cli_and_move
    with serving(mailgun_api()) as api:
        answer = call("import", "mailgun", "--api-url", api.base, "--dry-run", "--report", "report.json")
    assert "WOULD COME" in answer.out
    assert "This was a dry run: nothing was changed." in answer.out
    assert "reading bounces of mg.example.com" in answer.err
    assert json.loads(Path("report.json").read_text())["dry_run"] is True
