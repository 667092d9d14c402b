"""Every command on a real SQLite file: what it prints, its JSON, its exit code (W-04)."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from posthouse import __version__
from posthouse.desk.accounts import own_account
from posthouse.desk.installation import Installation
from posthouse.model.clock import Ids, SystemClock
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.store import identity, messages, queue
from posthouse.store.engine import connect
from unit.cli.calling import Cli, caller, forget_store

IDS = Ids(SystemClock())


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in a directory of its own, on an empty store."""
    return caller(tmp_path, monkeypatch, capsys)


@pytest.fixture
def house(cli: Cli) -> Cli:
    """The same with a domain."""
    assert cli("domain", "add", "example.com", "--assume-verified").code == 0
    return cli


def store_url() -> str:
    return f"sqlite:///{Path.cwd()}/var/posthouse.db"


def account() -> str:
    with connect(store_url()) as conn:
        return own_account(conn)


def put_message(
    recipients: list[str],
    *,
    due_at: float = 4e9,
    text: str = "",
    content: bytes = b"Subject: Hi\r\n\r\nBody\r\n",
) -> str:
    """A message as the SMTP door would leave it in the store."""
    message_id, now = IDS.new(), 1_700_000_000.0
    account_id = account()
    message = Message(
        id=message_id,
        account_id=account_id,
        domain="example.com",
        credential_id="C",
        sender="joe@example.com",
        subject="Hi \x1b[31mthere",
        header_id="<1@x>",
        size_bytes=12,
        accepted_at=now,
        expires_at=now + 1e9,
    )
    deliveries = [
        Delivery(
            id=f"{message_id}.{number:04}",
            message_id=message_id,
            account_id=account_id,
            recipient=recipient,
            domain=recipient.rpartition("@")[2],
            lane=f"{account_id}|{recipient.rpartition('@')[2]}|single",
            state=DeliveryState.WAITING,
            due_at=due_at,
            expires_at=now + 1e9,
            last_code=451 if text else 0,
            last_text=text,
        )
        for number, recipient in enumerate(recipients)
    ]
    facts = [
        Event(
            IDS.new(), EventKind.ACCEPTED, now, account_id, "example.com", message_id, each.id, each.recipient
        )
        for each in deliveries
    ]
    with connect(store_url()) as conn, conn.transaction():
        messages.add_accepted(conn, [messages.Accepted(message, content, deliveries, facts)])
    return message_id


def test_version(cli: Cli) -> None:
    assert cli("version").out == f"posthouse {__version__}\n"
    assert cli("--version").out == f"posthouse {__version__}\n"
    for line in (("--json", "version"), ("version", "--json")):
        assert cli(*line).rows == [{"version": __version__}]


WRONG_USE = [
    (["frob"], "No such command 'frob'"),
    (["user", "add"], "Missing argument 'LOGIN@DOMAIN'"),
    (["events", "--limit", "0"], "greater than or equal to 1"),
    (["events", "--kind", "nope"], "there is no kind 'nope'; allowed: accepted, rejected"),
    (["queue", "flush"], "choose by one of --lane, --domain, --message, --recipient or --all"),
    (["queue", "drop", "--all", "--lane", "x"], "choose by one of"),
    (["dev", "--deliver", "--internet"], "--deliver and --internet exclude each other"),
    (["--config", "nope.toml", "queue"], "nope.toml: the settings file cannot be read: No such file"),
]


@pytest.mark.parametrize(("line", "part"), WRONG_USE, ids=[" ".join(row[0]) for row in WRONG_USE])
def test_wrong_use_is_one_sentence_and_exit_2(cli: Cli, line: list[str], part: str) -> None:
    answer = cli(*line)
    assert answer.code == 2
    assert answer.out == ""
    assert part in answer.err
    assert answer.err.count("\n") == 1
    assert answer.err.startswith("posthouse: ")


def test_help_comes_without_arguments(cli: Cli) -> None:
    for line in ((), ("domain",), ("user",)):
        answer = cli(*line)
        assert answer.code == 2
        assert answer.err.startswith("Usage: posthouse")


@pytest.mark.parametrize(
    "line",
    [["queue"], ["events"], ["domain", "list"], ["user", "list"], ["message", "X"], ["user", "add", "a@b.c"]],
    ids=" ".join,
)
def test_no_store_is_made_by_looking(cli: Cli, line: list[str]) -> None:
    forget_store()
    answer = cli(*line)
    assert answer.code == 2
    assert "there is no store at" in answer.err
    assert not list(Path.cwd().iterdir())


def test_wrong_settings_are_told_with_file_and_key(cli: Cli) -> None:
    Path("posthouse.toml").write_text("[smtp]\nhostnam = 'x'\nidle_s = 'soon'\n")
    answer = cli("domain", "list")
    assert answer.code == 2
    assert (
        "posthouse: posthouse.toml: smtp.hostnam is not a setting; did you mean smtp.hostname?" in answer.err
    )
    assert 'posthouse: posthouse.toml: smtp.idle_s is "soon"; allowed' in answer.err


def test_a_domain_from_birth_to_end(cli: Cli) -> None:
    added = cli("domain", "add", "Example.COM")
    assert added.code == 0
    assert "ph1._domainkey.example.com. IN TXT" in added.out
    assert "posthouse domain verify example.com" in added.out
    again = cli("domain", "add", "example.com")
    assert (again.code, again.err) == (1, "posthouse: There is a domain example.com already\n")
    (row,) = cli("domain", "list", "--json").rows
    assert (row["name"], row["region"], row["verified"]) == ("example.com", "us", False)
    (shown,) = cli("--json", "domain", "show", "example.com").rows
    assert shown["records"][0]["name"] == "ph1._domainkey.example.com"
    assert cli("domain", "show", "other.example").code == 1
    assert cli("domain", "remove", "example.com").out.startswith("Removed example.com")
    assert cli("domain", "list").out == "No domains yet.\n"


def test_both_keys_when_asked(cli: Cli) -> None:
    (row,) = cli("domain", "add", "example.com", "--ed25519", "--assume-verified", "--json").rows
    assert row["verified"] is True
    assert [one["name"].split(".")[0] for one in row["records"][:2]] == ["ph1", "ph1ed"]


def test_users_c03_c07(house: Cli) -> None:
    (issued,) = house("user", "add", "Joe@Example.com", "--json").rows
    assert issued.keys() == {"login", "password"}
    assert issued["login"] == "joe@example.com"
    plain = house("user", "add", "ann@example.com").out
    assert re.search(r"^password  [0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}$", plain, re.M)
    assert [row["login"] for row in house("user", "list", "--json").rows] == [
        "ann@example.com",
        "joe@example.com",
    ]
    (fresh,) = house("user", "reset", "joe@example.com", "--json").rows
    assert fresh["password"] != issued["password"]
    installation = Installation.load_or_make(Path("var"))
    with connect(store_url()) as conn:
        found = identity.find_credential(conn, "joe@example.com")
    assert found is not None
    assert found.secret_hash == installation.secret_hash(fresh["password"])
    assert house("user", "revoke", "joe@example.com").code == 0
    refused = house("user", "revoke", "joe@example.com")
    assert (refused.code, refused.err) == (1, "posthouse: There is no user joe@example.com here\n")
    assert house("user", "list", "--domain", "example.com").out.count("@") == 1
    assert house("user", "add", "x@other.example").code == 1


def test_events_search_and_order(house: Cli) -> None:
    first = put_message(["a@one.test", "b@two.test"])
    second = put_message(["c@one.test"])
    rows = house("events", "--json").rows
    assert [row["recipient"] for row in rows] == ["a@one.test", "b@two.test", "c@one.test"]
    assert rows[0].keys() >= {"kind", "message_id", "recipient", "at", "code", "enhanced", "text", "time"}
    assert [row["message_id"] for row in house("events", "--limit", "1", "--json").rows] == [second]
    assert len(house("events", "--message", first, "--json").rows) == 2
    assert len(house("events", "--recipient", "b@two.test", "--json").rows) == 1
    assert house("events", "--kind", "delivered").out == "No events.\n"
    assert len(house("events", "--kind", "delivered", "--kind", "accepted", "--json").rows) == 3


def test_queue_lanes_and_why(house: Cli) -> None:
    put_message(["a@one.test", "b@two.test"], text="4.3.0 later \x1b]0;x\x07")
    (row, _) = house("queue", "--json").rows
    assert row["lane"] == f"{account()}|one.test|single"
    assert (row["waiting"], row["taken"], row["held"], row["code"]) == (1, 0, 0, 451)
    table = house("queue").out
    assert "451 4.3.0 later \\x1b]0;x\\x07" in table, "no reply can steer the terminal"
    assert "\x1b" not in table


def test_queue_verbs(house: Cli) -> None:
    message_id = put_message(["a@one.test", "b@two.test", "c@two.test"])
    assert house("queue", "hold", "--domain", "TWO.test", "--json").rows == [{"held": 2}]
    assert house("queue", "release", "--recipient", "c@two.test").out == "released: 1 delivery\n"
    assert house("queue", "flush", "--lane", f"{account()}|one.test|single", "--json").rows == [
        {"flushed": 1}
    ]
    with connect(store_url()) as conn:
        states = [(each.state, each.due_at < 4e9) for each in queue.deliveries_of(conn, message_id)]
    assert states == [("waiting", True), ("held", False), ("waiting", False)]
    assert house("queue", "drop", "--message", message_id, "--json").rows == [{"dropped": 3}]
    kinds = [row["kind"] for row in house("events", "--json").rows]
    assert kinds.count("cancelled") == 3
    assert house("queue").out == "The queue is empty.\n"
    assert house("queue", "flush", "--all").out == "flushed: 0 deliveries\n"


def test_a_messages_story(house: Cli) -> None:
    message_id = put_message(["a@one.test"], text="greylisted")
    (story,) = house("message", message_id, "--json").rows
    assert story["message"]["sender"] == "joe@example.com"
    assert [one["state"] for one in story["deliveries"]] == ["waiting"]
    assert [one["kind"] for one in story["events"]] == ["accepted"]
    words = house("message", message_id).out
    assert "subject   Hi \\x1b[31mthere" in words
    assert "451 greylisted" in words
    missing = house("message", "01XXX")
    assert (missing.code, missing.err) == (1, "posthouse: there is no message 01XXX here\n")


def test_source_is_byte_for_byte(house: Cli) -> None:
    message_id = put_message(["a@one.test"])
    assert house("message", message_id, "--source").out == "Subject: Hi\r\n\r\nBody\r\n"
    assert house("message", "01XXX", "--source").code == 1


def test_captures(house: Cli) -> None:
    message_id = put_message(["a@one.test"])
    assert house("captures").out == "Nothing was captured.\n"
    from posthouse.store.captures import Capture, add_captures

    with connect(store_url()) as conn, conn.transaction():
        place = (f"{message_id}.0000", message_id, 1.7e9, "s@x.test", "a@one.test")
        add_captures(conn, [Capture(*place, b"copy", account(), "C")])
    (row,) = house("captures", "--json").rows
    assert (row["recipient"], row["size_bytes"]) == ("a@one.test", 4)
    assert message_id in house("captures").out
    assert house("captures", "--search", "nobody").out == "Nothing was captured.\n"


def test_W_03_captured_mail_is_checked_and_removed(house: Cli) -> None:
    from posthouse.store.captures import Capture, add_captures

    ids = [f"{put_message([to])}.0000" for to in ("a@one.test", "b@one.test")]
    with connect(store_url()) as conn, conn.transaction():
        for id in ids:
            place = (id, id.partition(".")[0], 1.7e9, "s@x.test", "a@one.test")
            add_captures(conn, [Capture(*place, b"Subject: Hi\r\n\r\nHello\r\n", account(), "C")])
    assert house("captures", "inboxes", "--json").rows == [{"application": "key …c", "copies": 2}]
    assert "key …c" in house("captures", "inboxes").out
    (checked,) = house("captures", "check", ids[0], "--json").rows
    assert checked["level"] == "bad" and {"check", "level", "text"} == set(checked["findings"][0])
    assert "There is no Date" in house("captures", "check", ids[0]).out
    assert house("captures", "remove", ids[0]).out == "1 copy is removed.\n"
    assert house("captures", "remove", ids[0]).code == 1
    assert house("captures", "empty", "--application", "another").out == "0 copies are removed.\n"
    assert house("captures", "empty").out == "1 copy is removed.\n"


def test_backup_is_a_whole_store(house: Cli) -> None:
    put_message(["a@one.test"])
    (row,) = house("backup", "copy.db", "--json").rows
    assert row["bytes"] == Path("copy.db").stat().st_size
    with sqlite3.connect("copy.db") as copy:
        assert copy.execute("select count(*) from delivery").fetchone() == (1,)
        assert copy.execute("pragma integrity_check").fetchone() == ("ok",)
    copy.close()
    failed = house("backup", "no/such/dir/copy.db")
    assert failed.code == 1
    assert "the backup to no/such/dir/copy.db failed" in failed.err


def test_check_finds_what_is_wrong(house: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        taken.settimeout(0)
        port = taken.getsockname()[1]
        Path("posthouse.toml").write_text(
            f"[smtp]\nhostname='mail.example.com'\nlisten=['127.0.0.1:0']\nlisten_tls=[]\n"
            f"[http]\nlisten=['127.0.0.1:{port}']\n[dns]\nservers=['127.0.0.1:{port}']\n"
        )
        monkeypatch.setattr("posthouse.desk.checkup._ASK_S", 0.2)
        answer = house("check", "--json")
    states = {(row["area"], row["state"]) for row in answer.rows}
    assert answer.code == 1
    assert states >= {
        ("settings", "ok"),
        ("ports", "ok"),
        ("ports", "wrong"),
        ("dns", "wrong"),
        ("store", "ok"),
    }
    assert ("tls", "warning") in states
    assert ("domains", "ok") in states


def test_check_tells_of_another_installation_key(house: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("var/installation.key").write_text("00" * 32)
    monkeypatch.setattr("posthouse.desk.checkup._ASK_S", 0.2)
    answer = house("check")
    assert answer.code == 1
    assert "put back the installation.key it was made with" in answer.out


def test_an_unreachable_postgresql_is_one_sentence(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOUSE_STORE__URL", "postgresql://u:topsecret@127.0.0.1:1/x")
    answer = cli("queue")
    assert answer.code == 1
    assert "The mail store is not available" in answer.err
    assert "Connection refused" in answer.err
    assert "topsecret" not in answer.err


def test_a_place_that_cannot_be_is_one_sentence(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("x")
    monkeypatch.setenv("POSTHOUSE_STORE__URL", "sqlite:///file/x/store.db")
    answer = cli("domain", "add", "example.com")
    assert answer.code == 1
    assert answer.err == f"posthouse: {Path.cwd()}/file/x: Not a directory\n"


def test_a_bug_is_one_sentence_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("url was postgresql://u:topsecret@h/x\nsecond line")

    monkeypatch.setattr("posthouse.cli.house.load_settings", broken)
    answer = cli("queue")
    assert answer.code == 1
    assert answer.err.startswith(
        "posthouse: unexpected RuntimeError: url was postgresql://u:[redacted]@h/x ("
    )


def test_the_backup_command_refuses_postgresql(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOUSE_STORE__URL", "postgresql://u@127.0.0.1:1/x")
    answer = cli("backup", "x.dump")
    assert answer.code == 1
    assert "pg_dump" in answer.err


def test_messages_are_found_as_on_the_dashboard(house: Cli) -> None:
    first = put_message(["a@one.test"], text="greylisted")
    second = put_message(["b@two.test"])
    rows = house("messages", "--json").rows
    assert [row["message_id"] for row in rows[:2]] == [second, first]
    assert rows[2] == {"cursor": "", "looked_to": None}
    assert rows[1]["detail"] == "451 greylisted"
    (row, _) = house("messages", "to:one.test", "is:accepted", "--json").rows
    assert row["recipient"] == "a@one.test"
    page = house("messages", "--limit", "1", "--json").rows
    (row, _) = house("messages", "--limit", "1", "--cursor", page[1]["cursor"], "--json").rows
    assert row["message_id"] == first
    refused = house("messages", "colour:red")
    assert refused.code == 1 and "There is no filter colour: here; there are to:, from:" in refused.err
    assert "Hi \\x1b[31mthere" in house("messages", "hi").out, "no subject can steer the terminal"


def test_a_message_is_sent_again_from_the_command_line(house: Cli) -> None:
    message_id = put_message(["a@one.test"], content=b"From: joe@example.com\r\n\r\nBody\r\n")
    answer = house("resend", message_id, "--to", "b@two.test", "--json")
    assert answer.code == 0, answer.err
    (made,) = answer.rows
    assert made["of"] == message_id
    with connect(store_url()) as conn:
        (delivery,) = queue.deliveries_of(conn, made["id"])
    assert (delivery.recipient, delivery.state) == ("b@two.test", "waiting")
    assert house("resend", message_id, "--to", "nobody").err.startswith("posthouse: 'nobody' is no address")
    assert house("resend", "01XXX").err == "posthouse: There is no message 01XXX here\n"


def test_the_copy_of_one_recipient_is_printed(house: Cli) -> None:
    message_id = put_message(["a@one.test", "b@two.test"])
    copy = house("message", message_id, "--source", "--recipient", "B@two.test").out
    assert copy.endswith("\r\n\r\nBody\r\n") and "Message-ID:" in copy
    assert house("message", message_id, "--source", "--recipient", "c@two.test").code == 1
    assert house("message", message_id, "--recipient", "a@one.test").code == 2
