"""Everything of a SendGrid account comes along, from its API and from files (SG-11)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unit.cli.calling import Cli
from unit.moving.fakes import DYNAMIC, sendgrid_api, serving
from unit.moving.moves import Move, books, came, mover, rows_of, there

KEY = f"SG.{'k' * 22}.{'s' * 43}"
ALL = {
    "domains": 1,
    "groups": 2,
    "template_versions": 2,
    "webhooks": 1,
    "suppressions": 10,
    "allowed": 2,
    "settings": 4,
}


@pytest.fixture
def cli_and_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[Cli, Move]:
    monkeypatch.setenv("SENDGRID_API_KEY", KEY)
    call, move = mover(tmp_path, monkeypatch, capsys)
    assert call("domain", "add", "other.example.org").code == 0
    return call, move


def test_SG_11_everything_comes_along(cli_and_move: tuple[Cli, Move]) -> None:
    call, move = cli_and_move
    with serving(sendgrid_api()) as api:
        report = move("sendgrid", "--api-url", api.base)
    assert came(report) == ALL
    assert report["whole"]
    listed = {(row["address"], row["kind"], row["scope"]) for row in rows_of(call, "suppression", "list")}
    assert {
        ("b0000000@good.test", "bounce", ""),
        ("blocked@good.test", "block", ""),
        ("not an address", "invalid", ""),
        ("angry@good.test", "complaint", ""),
        ("all@good.test", "unsubscribe", ""),
        ("n1@good.test", "unsubscribe", "group:1234"),
        ("o1@good.test", "unsubscribe", "group:4321"),
    } < listed
    assert {row["value"] for row in rows_of(call, "allow", "list")} == {"boss@good.test", "@partner.test"}
    (hook,) = rows_of(call, "hook", "list")
    assert (hook["url"], hook["name"]) == ("https://hooks.example.com/events", "Main")
    (account,) = rows_of(call, "account", "show", "default")
    settings = account["settings"]
    assert (settings["footer_html"], settings["track_opens"], settings["track_clicks"]) == (
        "<p>Bye</p>",
        True,
        "html",
    )
    assert settings["purge_hard_days"] == 30


def test_group_numbers_stay_where_they_are_free(cli_and_move: tuple[Cli, Move]) -> None:
    call, move = cli_and_move
    with serving(sendgrid_api()) as api:
        report = move("sendgrid", "--api-url", api.base)
    assert [(row["old"], row["new"]) for row in report["groups"]] == [(1234, 1234), (4321, 4321)]
    assert {row["number"]: row["name"] for row in rows_of(call, "group", "list")} == {
        1234: "News",
        4321: "Offers",
    }


def test_a_number_that_is_taken_is_mapped_and_told(cli_and_move: tuple[Cli, Move]) -> None:
    call, move = cli_and_move
    with serving(sendgrid_api()) as api:
        assert call("account", "add", "second").code == 0
        move("sendgrid", "--api-url", api.base, "--account", "second")
        report = move("sendgrid", "--api-url", api.base, "--domain", "none.example.com", code=1)
    assert [(row["old"], row["new"]) for row in report["groups"]] == [(1234, 4322), (4321, 4323)]
    assert any("group 1234 (News) is number 4322 here" in row["what"] for row in report["to_do"])
    scopes = {row["scope"] for row in rows_of(call, "suppression", "list") if row["scope"]}
    assert scopes == {"group:4322", "group:4323"}


def test_templates_keep_the_ids_that_programs_name(cli_and_move: tuple[Cli, Move]) -> None:
    call, move = cli_and_move
    with serving(sendgrid_api()) as api:
        move("sendgrid", "--api-url", api.base)
    (shown,) = rows_of(call, "template", "show", DYNAMIC)
    assert (shown["html"], shown["text"]) == ("<p>{{total}}</p>", "{{total}}")
    assert shown["fields"] == {"Subject": "Your receipt {{number}}"}
    (legacy,) = rows_of(call, "template", "show", "733ba07f-ead1-41fc-933a-3976baa23716")
    assert (legacy["engine"], legacy["fields"]) == ("wrapper", {"Subject": "<%subject%>"})


def test_twice_is_as_once(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    _, move = cli_and_move
    with serving(sendgrid_api()) as api:
        move("sendgrid", "--api-url", api.base)
        before = books(tmp_path)
        report = move("sendgrid", "--api-url", api.base)
    assert came(report) == {}
    assert there(report) == ALL
    after = books(tmp_path)
    assert len(after.pop("audit")) == len(before.pop("audit")) + 1, "the log tells of both"
    assert after == before


def test_a_dry_run_says_the_same_and_changes_nothing(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    _, move = cli_and_move
    before = books(tmp_path)
    with serving(sendgrid_api()) as api:
        dry = move("sendgrid", "--api-url", api.base, "--dry-run")
        assert books(tmp_path) == before
        real = move("sendgrid", "--api-url", api.base)
    assert dry.pop("dry_run") and not real.pop("dry_run")
    assert dry == real


def test_a_given_key_stays_valid_with_its_scopes(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    call, move = cli_and_move
    (tmp_path / "key").write_text(KEY + "\n")
    with serving(sendgrid_api()) as api:
        report = move("sendgrid", "--api-url", api.base, "--given-key", "key")
        again = move("sendgrid", "--api-url", api.base, "--given-key", "key")
    assert came(report)["api_keys"] == 1
    assert there(again)["api_keys"] == 1
    (key,) = rows_of(call, "key", "list")
    assert (key["id"], key["permissions"]) == ("k" * 22, ["mail.send", "templates.read"])
    assert KEY not in json.dumps(report)
    assert [row["what"] for row in report["stays_behind"] if row["kind"] == "api_keys"] == ["ci"]


def test_many_addresses_come_page_by_page(cli_and_move: tuple[Cli, Move]) -> None:
    _, move = cli_and_move
    with serving(sendgrid_api(bounces=4001)) as api:
        report = move("sendgrid", "--api-url", api.base)
        pages = [target for target in api.asked if target.startswith("/v3/suppression/bounces?")]
    assert came(report)["suppressions"] == 4008
    assert len(pages) == 9
    assert all("end_time=" in target for target in pages)


# Files

FILES: list[tuple[str, Any, dict[str, int], str]] = [
    (
        "suppression_bounces.csv",
        "status,reason,email,created\n5.1.1,no,a@x.test,1774529955\n",
        {"suppressions": 1},
        "bounce",
    ),
    (
        "suppression_blocks.csv",
        "status,reason,email,created\n5.7.1,no,a@x.test,1774529955\n",
        {"suppressions": 1},
        "block",
    ),
    (
        "suppression_invalid_emails.csv",
        "reason,email,created\nno,a@x.test,1774529955\n",
        {"suppressions": 1},
        "invalid",
    ),
    (
        "suppression_spam_reports.csv",
        "ip,email,created\n192.0.2.1,a@x.test,1774529955\n",
        {"suppressions": 1},
        "complaint",
    ),
    ("global_unsubscribes.csv", "email,created\na@x.test,1774529955\n", {"suppressions": 1}, "unsubscribe"),
    (
        "bounces.json",
        [{"email": "a@x.test", "reason": "no", "status": "5.1.1", "created": 1774529955}],
        {"suppressions": 1},
        "bounce",
    ),
    (
        "spam.json",
        [{"email": "a@x.test", "ip": "192.0.2.1", "created": 1774529955}],
        {"suppressions": 1},
        "complaint",
    ),
    (
        "groups.json",
        [{"id": 77, "name": "G", "description": "", "is_default": False, "unsubscribes": 0}],
        {"groups": 1},
        "",
    ),
    (
        "t.json",
        {
            "id": DYNAMIC,
            "name": "T",
            "generation": "dynamic",
            "versions": [{"id": "v", "name": "n", "active": 1, "subject": "s", "html_content": "x"}],
        },
        {"template_versions": 1},
        "",
    ),
    (
        "w.json",
        {
            "max_allowed": 1,
            "webhooks": [
                {"url": "https://h.test/", "enabled": True, "delivered": True, "spam_report": False}
            ],
        },
        {"webhooks": 1},
        "",
    ),
    ("d.json", [{"id": 1, "domain": "new.example.com", "dns": {}}], {"domains": 1}, ""),
    ("address_whitelist.json", {"enabled": True, "list": ["x.test"]}, {"allowed": 1}, ""),
]


@pytest.mark.parametrize(("name", "content", "expected", "kind"), FILES, ids=[each[0] for each in FILES])
def test_a_file_is_known_by_its_content(
    cli_and_move: tuple[Cli, Move],
    tmp_path: Path,
    name: str,
    content: Any,
    expected: dict[str, int],
    kind: str,
) -> None:
    call, move = cli_and_move
    (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    assert came(move("sendgrid", name)) == expected
    assert there(move("sendgrid", name)) == expected
    if kind:
        assert [row["kind"] for row in rows_of(call, "suppression", "list")] == [kind]


def test_a_groups_list_finds_its_group_by_number(cli_and_move: tuple[Cli, Move], tmp_path: Path) -> None:
    call, move = cli_and_move
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "group-77.csv").write_text("email,created\na@x.test,1774529955\n")
    (folder / "zz.json").write_text(json.dumps([{"id": 77, "name": "G", "is_default": False}]))
    (folder / "group-77.json").write_text(json.dumps(["b@x.test"]))
    report = move("sendgrid", "exports")
    assert came(report) == {"groups": 1, "suppressions": 2}
    assert {row["scope"] for row in rows_of(call, "suppression", "list")} == {"group:77"}


@pytest.mark.parametrize("head", ["email,created", "status,reason,email,created"])
def test_a_list_that_may_be_several_is_told(
    cli_and_move: tuple[Cli, Move], tmp_path: Path, head: str
) -> None:
    _, move = cli_and_move
    (tmp_path / "export.csv").write_text(f"{head}\na@x.test,1,2,3\n")
    report = move("sendgrid", "export.csv", code=1)
    assert "into the name of the file" in report["left_out"][0]["why"]
