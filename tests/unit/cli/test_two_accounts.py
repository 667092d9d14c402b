"""S20: every command and every id of one account, tried with another's. What is somebody else's is answered
with the same words as what does not exist, and nothing of it changes.

`CASES` has a line for every command that works on an account's things; a test keeps it complete.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from posthouse.cli.main import app, run
from posthouse.desk.accounts import own_account
from posthouse.model.account import Session
from posthouse.model.clock import Ids, SystemClock
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.store import events, people, queue
from posthouse.store.captures import Capture, add_captures
from posthouse.store.engine import connect
from posthouse.store.messages import Accepted, add_accepted
from unit.cli.calling import Answer, Cli, caller

OTHER = "other"
MINE = "me@mine.example.net"
IDS = Ids(SystemClock())
MADE_BY_LOOKING = {"mark", "nudge", "schema_step"}  # what counts changes and hints, of nobody in particular

CASES: dict[str, list[tuple[str, ...]]] = {
    "limits": [()],
    "attention": [()],
    "audit": [(), ("--about", "{domain}")],
    "events": [("--message", "{message}"), ("--recipient", "{recipient}"), ()],
    "message": [
        ("{message}",),
        ("{message}", "--source"),
        ("{message}", "--source", "--recipient", "{recipient}"),
    ],
    "messages": [(), ("id:{message}",), ("{recipient}",)],
    "resend": [("{message}",), ("{message}", "--to", "me@mine.example.net")],
    "captures": [(), ("--search", "one")],
    "captures inboxes": [()],
    "captures check": [("{message}.0000",)],
    "captures release": [("{message}.0000",)],
    "captures remove": [("{message}.0000",)],
    "captures empty": [()],
    "stats": [(), ("--by", "domain"), ("--by", "tag"), ("--by", "domain", "--name", "{domain}")],
    "stats times": [(), ("--by", "domain", "--name", "{domain}")],
    "domain list": [()],
    "domain show": [("{domain}",)],
    "domain set": [("{domain}", "track_opens=yes")],
    "domain authorise": [("{domain}", "ann@good.test")],
    "domain unauthorise": [("{domain}", "ann@good.test")],
    "domain verify": [("{domain}",)],
    "domain records": [("{domain}",), ("{domain}", "--zone-file")],
    "domain remove": [("{domain}",)],
    "domain certificate": [("{domain}", "--cert", "key.txt", "--key", "key.txt"), ("{domain}", "--remove")],
    "domain certificates": [()],
    "domain rotate": [("{domain}", "--force")],
    "domain key list": [("{domain}",)],
    "domain key add": [("{domain}", "--ed25519")],
    "domain key import": [("{domain}", "s1", "key.txt")],
    "domain key activate": [("{domain}", "ph2", "--force")],
    "domain key retire": [("{domain}", "ph1")],
    "domain key remove": [("{domain}", "ph2", "--force")],
    "user add": [("new@{domain}",)],
    "user reset": [("{login}",)],
    "user set": [("{login}", "--from", "192.0.2.7")],
    "user revoke": [("{login}",)],
    "user snippets": [("{login}",)],
    "user list": [(), ("--domain", "{domain}")],
    "key add": [("--domain", "{domain}")],
    "key list": [()],
    "key set": [("{key}", "--full"), ("{token}", "--full")],
    "key revoke": [("{key}",), ("{token}",)],
    "token add": [("{domain}",)],
    "token list": [(), ("--domain", "{domain}")],
    "token set": [("{token}", "--name", "x"), ("{key}", "--name", "x")],
    "token revoke": [("{token}",), ("{key}",)],
    "hook add": [("https://mine.test/", "--domain", "{domain}")],
    "hook list": [()],
    "hook show": [("{hook}",)],
    "hook change": [("{hook}", "--name", "x")],
    "hook remove": [("{hook}",)],
    "hook enable": [("{hook}",)],
    "hook disable": [("{hook}",)],
    "hook test": [("{hook}",)],
    "hook log": [("{hook}",), ("{hook}", "--attempt", "{token}")],
    "hook redeliver": [("{hook}", "--since", "1d"), ("{hook}", "--event", "{message}")],
    "hook-key show": [("mailpace", "--domain", "{domain}"), ("mailgun",)],
    "hook-key new": [("mailpace", "--domain", "{domain}")],
    "hook-key import": [("mailpace", "key.txt", "--domain", "{domain}")],
    "hook-key rotate": [("mailpace", "--domain", "{domain}"), ("native",)],
    "hook-key end": [("mailpace", "--domain", "{domain}"), ("native",)],
    "template add": [("{template}", "--file", "text.html", "--domain", "{domain}")],
    "template list": [(), ("--domain", "{domain}")],
    "template show": [("{template}",), ("{template_id}",), ("{template}", "--domain", "{domain}")],
    "template render": [("{template}",), ("{template_id}",)],
    "template compare": [("{template}", "initial", "initial")],
    "template send-test": [
        ("{template}", "--to", "me@mine.example.net"),
        ("{template_id}", "--to", "me@mine.example.net", "--from-domain", "{domain}"),
    ],
    "template activate": [("{template}", "--version", "initial"), ("{template_id}", "--version", "initial")],
    "template remove": [("{template}",), ("{template_id}",)],
    "suppression add": [("ann@good.test", "--domain", "{domain}"), ("ann@good.test", "--group", "{group}")],
    "suppression remove": [("{suppressed}",), ("{suppressed}", "--group", "{group}")],
    "suppression list": [(), ("--address", "{suppressed}"), ("--group", "{group}"), ("--domain", "{domain}")],
    "suppression search": [("good",), ("good", "--group", "{group}")],
    "suppression import": [
        ("rows.csv", "--kind", "bounce"),
        ("rows.csv", "--domain", "{domain}"),
        ("rows.csv", "--group", "{group}"),
    ],
    "suppression export": [(), ("--group", "{group}"), ("--domain", "{domain}")],
    "suppression purge": [("--older-than", "2100-01-01"), ("--older-than", "0m", "--domain", "{domain}")],
    # a folder names the domain; --domain adds it, as `domain add` does
    "import mailgun": [("{domain}",), ("{domain}", "--dry-run")],
    "import sendgrid": [("group-{group}.csv",), ("group-{group}.csv", "--dry-run")],
    "import mailpace": [("{domain}",), ("{domain}", "--dry-run")],
    "allow add": [("ann@good.test", "--domain", "{domain}")],
    "allow remove": [("{allowed}",), ("{allowed}", "--domain", "{domain}")],
    "allow list": [(), ("--domain", "{domain}")],
    "group list": [()],
    "group change": [("{group}", "--name", "x")],
    "group remove": [("{group}",)],
    "contact set": [("{contact}", "--time-zone", "")],
    "contact show": [("{contact}",)],
    "contact list": [()],
    "ip list": [()],
    "ip show": [("{ip}",)],
    "ip warm-up": [("{ip}",), ("{ip}", "--stop")],
    "ip check": [(), ("{ip}",)],
    "ip remove": [("{ip}",)],
    "pool add": [("news", "--ip", "{ip}")],
    "pool set": [("{pool}", "--name", "x"), ("{pool_id}", "--description", "x")],
    "pool list": [()],
    "pool remove": [("{pool}",), ("{pool_id}",)],
    "batch resume": [("{batch}",)],
    "person list": [()],
    "person role": [("{person}", "viewer")],
    "person reset": [("{person}",)],
    "person remove": [("{person}", "--yes")],
    "person sessions": [("{person}",)],
    "person sign-out": [("{person}", "--all"), (MINE, "--session", "{session}")],
    "person totp": [("{person}", "--off")],
    "batch list": [()],
    "queue": [()],
    **{
        f"queue {verb}": [
            ("--lane", "{lane}"),
            ("--message", "{message}"),
            ("--recipient", "{recipient}"),
            ("--domain", "good.test"),
            ("--all",),
        ]
        for verb in ("flush", "hold", "release", "drop")
    },
}
NO_ID_OF_OTHERS = {
    "domain add": "the name of a domain is unique in an installation; docs/decisions/017 says what it tells",
    "group add": "makes something new under a name of one's own",
    "ip add": "for operators; an address belongs to the machine",
    "person add": "for operators; somebody may belong to several accounts, with one password",
    "batch pause": "a batch is made by naming it: each account has its own of that name",
    "batch cancel": "likewise",
    "probe": "asks a server over the network; tests/unit/desk/test_probe_own.py has what it tells of users",
}


@dataclass
class Scene:
    """A house where the usual account has one of everything, and another one has a domain. `theirs` are the
    ids of the first; `nowhere` ids of the same form that do not exist."""

    cli: Cli
    theirs: dict[str, str]
    nowhere: dict[str, str]

    def as_other(self, name: str, words: Sequence[str], ids: dict[str, str]) -> Answer:
        """What the other account is told, with the ids struck out."""
        line = [word.format(**ids) for word in words]
        answer = self.cli(*name.split(), *line, "--account", OTHER)
        out, err = (_struck(text, ids) for text in (answer.out, answer.err))
        return Answer(answer.code, out, err)


def _struck(text: str, ids: dict[str, str]) -> str:
    for name in sorted(ids, key=lambda name: -len(ids[name])):
        text = text.replace(ids[name], f"<{name}>")
    return text


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """The house and the ids in it, made once: keys take their time."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("POSTHOUSE_DELIVERY__PRIVATE_NETWORKS", "allow")
        ids = _furnished()
    yield folder, ids


def _made(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run([*words, "--json"]) == 0, words
    lines = out.getvalue().splitlines()
    return dict(json.loads(lines[0])) if lines else {}


def _furnished() -> dict[str, str]:
    Path("text.html").write_text("<p>Hello</p>")
    Path("rows.csv").write_text("email,created\nann@good.test,1774529955\n")
    Path("key.txt").write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    _made("domain", "add", "theirs.example.com", "--assume-verified")
    _made("account", "add", OTHER)
    _made("domain", "add", "mine.example.net", "--assume-verified", "--account", OTHER)
    with sqlite3.connect("var/posthouse.db") as conn:  # a number that stands nowhere else
        conn.execute("insert into sqlite_sequence values ('unsub_group', 90210)")
    conn.close()
    ids = {
        "domain": "theirs.example.com",
        "login": _made("user", "add", "app@theirs.example.com")["login"],
        "key": _made("key", "add")["id"],
        "token": _made("token", "add", "theirs.example.com")["id"],
        "template_id": _made("template", "add", "welcome-theirs", "--file", "text.html")["id"],
        "template": "welcome-theirs",
        "group": str(_made("group", "add", "Theirs")["number"]),
        "hook": _made("hook", "add", "https://theirs.test/Secret")["id"],
        "suppressed": "bad@theirs.test",
        "allowed": "fine@theirs.test",
        "contact": "known@theirs.test",
        "ip": _made("ip", "add", "127.0.0.77", "--dedicated")["address"],
        "pool": "theirpool",
        "pool_id": _made("pool", "add", "theirpool", "--ip", "127.0.0.77")["id"],
        "batch": "their-batch",
        "person": "ann@theirs.example.com",
        "session": "5e5510" * 10,
    }
    for name in (ids["domain"], "nowhere.example.com"):
        Path(name).mkdir()
        (Path(name) / "bounces.csv").write_text("address,code,error\nann@good.test,550,\n")
    for number in (ids["group"], "90999"):
        Path(f"group-{number}.csv").write_text("email,created\nann@good.test,1774529955\n")
    _made("person", "add", ids["person"], "--role", "owner")
    _made("person", "add", MINE, "--role", "owner", "--account", OTHER)
    _sign_in(ids["person"], ids["session"])
    _made("suppression", "add", ids["suppressed"])
    _made("suppression", "add", ids["suppressed"], "--group", ids["group"])
    _made("allow", "add", ids["allowed"], "--domain", ids["domain"])
    _made("contact", "set", ids["contact"], "--time-zone", "Europe/Berlin")
    _made("batch", "pause", ids["batch"])
    return ids | _message()


@pytest.fixture
def scene(
    built: tuple[Path, dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Scene:
    folder, theirs = built
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("POSTHOUSE_DELIVERY__PRIVATE_NETWORKS", "allow")
    nowhere = {
        "domain": "nowhere.example.com",
        "login": "app@nowhere.example.com",
        "key": "x" * len(theirs["key"]),
        "token": IDS.new(),
        "template_id": IDS.new(),
        "template": "welcome-nowhere",
        "group": "90999",
        "hook": IDS.new(),
        "suppressed": "bad@nowhere.test",
        "allowed": "fine@nowhere.test",
        "contact": "known@nowhere.test",
        "ip": "127.0.0.78",
        "pool": "nopool",
        "pool_id": IDS.new(),
        "batch": "no-batch",
        "person": "ann@nowhere.example.com",
        "session": "0dd510" * 10,
        "message": IDS.new(),
        "recipient": "ann@nowhere.test",
        "lane": f"{IDS.new()}|nowhere.test|single",
    }
    assert nowhere.keys() == theirs.keys()
    return Scene(caller(tmp_path, monkeypatch, capsys), theirs, nowhere)


def _sign_in(email: str, session_id: str) -> None:
    with connect(_url()) as conn, conn.transaction():
        person = people.find_person(conn, email)
        assert person is not None
        now = time.time()
        people.add_session(conn, Session(session_id, person.id, now, now, now + 9e8, "192.0.2.1", "Firefox"))


def _message() -> dict[str, str]:
    """A message of the usual account that waits, with a captured copy and an event."""
    now = 1_700_000_000.0
    with connect(_url()) as conn, conn.transaction():
        account_id = own_account(conn)
        message = Message(
            id=IDS.new(),
            account_id=account_id,
            domain="theirs.example.com",
            credential_id="C",
            sender="joe@theirs.example.com",
            subject="Secret",
            header_id="<1@x>",
            size_bytes=12,
            accepted_at=now,
            expires_at=4e9,
        )
        lane = f"{account_id}|good.test|single"
        delivery = Delivery(
            id=f"{message.id}.0000",
            message_id=message.id,
            account_id=account_id,
            recipient="ann@good-theirs.test",
            domain="good.test",
            lane=lane,
            state=DeliveryState.WAITING,
            due_at=4e9,
            expires_at=4e9,
        )
        add_accepted(conn, [Accepted(message, b"Subject: Secret\r\n\r\nx\r\n", [delivery], [])])
        event = Event(
            IDS.new(),
            EventKind.ACCEPTED,
            now,
            account_id,
            message.domain,
            message.id,
            delivery.id,
            delivery.recipient,
        )
        events.append(conn, [event])
        place = (delivery.id, message.id, now, "s@x.test", delivery.recipient)
        add_captures(conn, [Capture(*place, b"copy", message.account_id, message.credential_id)])
        assert queue.find_delivery(conn, delivery.id)
    return {"message": message.id, "recipient": delivery.recipient, "lane": lane}


def _url() -> str:
    return f"sqlite:///{Path.cwd()}/var/posthouse.db"


def _books() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the store."""
    with sqlite3.connect(Path.cwd() / "var" / "posthouse.db") as conn:
        names = [row[0] for row in conn.execute("select name from sqlite_master where type = 'table'")]
        kept = [name for name in names if name not in MADE_BY_LOOKING and not name.startswith("sqlite_")]
        found = {name: sorted(conn.execute(f'select * from "{name}"'), key=repr) for name in kept}
    conn.close()
    return found


def _lost(before: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Rows that are not there any more as they were."""
    after = _books()
    gone = {name: [row for row in rows if row not in after[name]] for name, rows in before.items()}
    return {name: rows for name, rows in gone.items() if rows}


def _account_commands() -> Iterator[str]:
    def walk(command: Any, path: str) -> Iterator[str]:
        for name, inner in getattr(command, "commands", {}).items():
            full = f"{path} {name}".strip()
            is_command = not getattr(inner, "commands", None) or inner.invoke_without_command
            options = {option for parameter in inner.params for option in parameter.opts}
            if is_command and "--account" in options:
                yield full
            yield from walk(inner, full)

    yield from walk(typer.main.get_command(app), "")


def test_every_command_of_an_account_is_tried() -> None:
    assert set(CASES) | set(NO_ID_OF_OTHERS) == set(_account_commands())


@pytest.mark.parametrize("name", CASES)
def test_S20_what_is_another_accounts_does_not_exist(scene: Scene, name: str) -> None:
    for words in CASES[name]:
        for form in ((), ("--json",)):
            before = _books()
            theirs = scene.as_other(name, (*words, *form), scene.theirs)
            assert _lost(before) == {}, (name, words)
            nowhere = scene.as_other(name, (*words, *form), scene.nowhere)
            assert theirs == nowhere, (name, words)
            assert "Traceback" not in theirs.err


@pytest.mark.parametrize("name", [name for name, lines in CASES.items() if () in lines])
def test_S20_no_list_shows_what_is_another_accounts(scene: Scene, name: str) -> None:
    answer = scene.as_other(name, (), scene.theirs)
    assert answer.code == 0
    shown = [f"<{known}>" for known in scene.theirs if f"<{known}>" in answer.out + answer.err]
    assert shown == [] and "Secret" not in answer.out


def test_the_owner_finds_each_of_these_things(scene: Scene) -> None:
    """Or the tests above would prove nothing."""
    for name, words in [
        ("message", ("{message}",)),
        ("domain show", ("{domain}",)),
        ("user reset", ("{login}",)),
        ("template show", ("{template_id}",)),
        ("contact show", ("{contact}",)),
        ("queue hold", ("--lane", "{lane}")),
        ("batch resume", ("{batch}",)),
        ("suppression remove", ("{suppressed}", "--group", "{group}")),
        ("group remove", ("{group}",)),
        ("pool remove", ("{pool_id}",)),
        ("ip remove", ("{ip}",)),
        ("person sign-out", ("{person}", "--session", "{session}")),
        ("person reset", ("{person}",)),
        ("hook show", ("{hook}",)),
        ("hook disable", ("{hook}",)),
        ("token revoke", ("{token}",)),
        ("key revoke", ("{key}",)),
    ]:
        answer = scene.cli(*name.split(), *[word.format(**scene.theirs) for word in words])
        assert answer.code == 0, (name, answer)
