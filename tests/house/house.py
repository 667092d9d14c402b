"""A whole Posthouse in a folder of its own, living in the fake internet; and what tests ask of it.

It runs as real processes (`python -m posthouse serve`). The command line runs in this process where only its
answer matters (`cli`), because an interpreter takes a second to start; `command` runs the real thing.

Public: House, Auth, Letter, letter, until, unique.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shutil
import signal
import smtplib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bench.posthouse import House as BareHouse
from bench.posthouse import free_port

from blank_store import make_store
from house import books
from house.internet import Internet
from house.wire import TIMEOUT_S, Answer, Wire, trusting
from patience import Watch
from posthouse.cli.dev import toml_text
from posthouse.cli.main import run
from posthouse.desk.installation import FILE_NAME as KEY_FILE

T = TypeVar("T")

DOMAIN = "shop.test"
_POLL_S = 0.02
_numbers = itertools.count(1)


def unique(word: str = "m") -> str:
    """A word that no other test of this run uses."""
    return f"{word}{os.getpid()}x{next(_numbers)}"


def until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Wait until the condition gives something true, and give it; `seconds` are those of a machine with
    room (`patience`). Raises AssertionError."""
    watch = Watch()
    while not (value := condition()):
        assert not watch.is_over(seconds), f"{what}: not within {seconds} s"
        time.sleep(_POLL_S)
    return value


def with_settings(*all_values: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Families of settings put together; the later values win. The top of the file comes first."""
    joined: dict[str, dict[str, Any]] = {"": {}}
    for values in all_values:
        for family, pairs in values.items():
            joined.setdefault(family, {}).update(pairs)
    return joined


class Auth(NamedTuple):
    """What a client signs in with."""

    user: str
    password: str


@dataclass(slots=True)
class Letter:
    """A test letter: `raw` is exactly what a client hands over, `header_id` its Message-ID."""

    raw: bytes
    header_id: str


def letter(
    recipient: str = "someone@good.test",
    *,
    sender: str = f"orders@{DOMAIN}",
    body: bytes = b"Dear customer,\r\n\r\nyour order is on its way.\r\n",
    fields: Sequence[str] = (),
) -> Letter:
    """A plain letter with a Message-ID of its own."""
    header_id = f"<{unique()}@client.test>"
    head = [
        f"From: Orders <{sender}>",
        f"To: <{recipient}>",
        "Subject: Your order",
        f"Message-ID: {header_id}",
        "Date: Sat, 21 Nov 2026 10:00:00 +0000",
        *fields,
    ]
    return Letter("\r\n".join([*head, "", ""]).encode() + body, header_id)


class House(BareHouse):
    """One installation. `settings` are TOML families over those that the internet needs."""

    def __init__(
        self,
        folder: Path,
        internet: Internet,
        *,
        store: str = "",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        super().__init__(folder, 1, store=store, env=env)
        self.internet = internet
        self.hostname = f"{unique('mail')}.house.test"
        self.hellos = [self.hostname]  # under which names the copies of its messages arrived
        self.kills = 0
        self.passwords: dict[str, str] = {}
        self._wanted = with_settings(
            {
                "": {"state_dir": "."},
                "store": {"url": self.store},
                "delivery": {"retry_s": [1]},
            },
            internet.settings,
            settings or {},
        )
        if listen := self._wanted.get("smtp", {}).get("listen"):
            self.port = int(listen[0].rpartition(":")[2])
        self._write_settings()

    def _write_settings(self) -> None:
        ports: dict[str, dict[str, Any]] = {
            "smtp": {
                "hostname": self.hostname,
                "listen": [f"127.0.0.1:{self.port}"],
                "listen_tls": [f"127.0.0.1:{self.port_tls}"],
            },
            "http": {"listen": [f"127.0.0.1:{self.port_http}"]},
        }
        if "returns" in self._wanted:  # its one port in clear is for both
            ports["returns"] = {"port": self.port}
        self.config.write_text(toml_text(with_settings(ports, self._wanted)))

    # -- starting and ending

    def set_up(self, domain: str = DOMAIN, user: str = "app") -> House:
        """A verified domain and its first user."""
        make_store(self.store)
        self.cli("domain", "add", domain, "--assume-verified")
        self.login = f"{user}@{domain}"
        self.password = self.add_user(self.login)
        return self

    def start(self, seconds: float = 120) -> House:
        """Start `serve`; when somebody took a port meanwhile, with other ports."""
        for _ in range(3):
            try:
                super().start(seconds)
                return self
            except RuntimeError:
                if "in use" not in self.log_tail():
                    raise
                self.port, self.port_tls, self.port_http = free_port(), free_port(), free_port()
                self._write_settings()
        raise AssertionError(f"no ports to be had:\n{self.log_tail()}")

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def workers(self) -> list[int]:
        """The workers, without the processes that sign for them."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if self.is_running else []

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill_worker(self) -> None:
        """SIGKILL to every worker; the supervisor starts new ones."""
        self.kills += 1
        for pid in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """SIGKILL to the supervisor and every worker."""
        if self.is_running:
            self.kills += 1
        super().kill()

    # -- the command line

    def cli(self, *words: str) -> Any:
        """The JSON value that `posthouse WORDS --json` prints. Raises AssertionError with what it said."""
        values = self.cli_rows(*words)
        assert len(values) == 1, values
        return values[0]

    def cli_rows(self, *words: str) -> list[Any]:
        """The same for commands that print one value a line."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([*words, "--json", "--config", str(self.config)])
        assert code == 0, f"posthouse {' '.join(words)}: exit {code}: {out.getvalue()}{err.getvalue()}"
        return [json.loads(line) for line in out.getvalue().splitlines()]

    def command(self, *words: str, check: bool = True) -> str:
        """What the real command prints, in a process of its own."""
        return super().cli(*words, check=check)

    def add_user(self, login: str) -> str:
        """A new user's password."""
        issued = self.cli("user", "add", login)
        assert issued["login"] == login
        self.passwords[login] = issued["password"]
        return str(issued["password"])

    # -- clients

    def wire(self, *, is_tls: bool = False, signed_in: bool = False) -> Wire:
        """A bare connection."""
        wire = Wire(self.port_tls if is_tls else self.port, is_tls=is_tls)
        if signed_in:
            answer = wire.sign_in(self.login, self.password)
            assert answer.code == 235, answer
        return wire

    def key(self, *words: str) -> Auth:
        """A new API key that may send mail (SendGrid's kind unless `words` say otherwise)."""
        made = self.cli("key", "add", "--permission", "mail.send", *words)
        return Auth("apikey", str(made["key"]))

    def token(self, domain: str = DOMAIN, *words: str) -> Auth:
        """A new domain token (MailPace's kind unless `words` say otherwise)."""
        made = self.cli("token", "add", domain, *words)
        return Auth(str(made["token"]), str(made["token"]))

    def smtp(
        self,
        *,
        is_tls: bool = False,
        starttls: bool = False,
        sign_in: bool = True,
        auth: Auth | None = None,
    ) -> smtplib.SMTP:
        """Python's own client, connected and signed in, as the first user unless `auth` says who."""
        if is_tls:
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                "127.0.0.1", self.port_tls, context=trusting(), timeout=TIMEOUT_S
            )
        else:
            client = smtplib.SMTP("127.0.0.1", self.port, timeout=TIMEOUT_S)
        if starttls:
            client.starttls(context=trusting())
        if sign_in:
            client.login(*(auth or (self.login, self.password)))
        return client

    def submit(
        self,
        recipients: str | Sequence[str],
        content: Letter | None = None,
        *,
        sender: str = f"orders@{DOMAIN}",
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
        auth: Auth | None = None,
    ) -> str:
        """Hand one letter over with smtplib; the message's id."""
        names = [recipients] if isinstance(recipients, str) else list(recipients)
        sent = content or letter(names[0])
        with self.smtp(auth=auth) as client:
            refused = client.sendmail(sender, names, sent.raw, mail_options, rcpt_options)
        assert not refused, refused
        return self.message_id(sent)

    def refusal(
        self, recipient: str, content: Letter, *, auth: Auth | None = None, sender: str = f"orders@{DOMAIN}"
    ) -> tuple[int, str]:
        """Hand over a letter that must be refused after DATA; code and text of the reply."""
        with self.smtp(auth=auth) as client:
            try:
                client.sendmail(sender, [recipient], content.raw)
            except smtplib.SMTPDataError as error:
                return error.smtp_code, error.smtp_error.decode()  # type: ignore[union-attr]
        raise AssertionError("the letter was accepted")

    def seen(self, message_id: str, header: str) -> dict[str, Any]:
        """What the house says about one option header of a message: header, value, effect, is_warning."""
        story = self.cli("message", message_id)
        (found,) = [each for each in story["message"]["options"] if each["header"].lower() == header.lower()]
        return dict(found)

    def hand_over(self, wire: Wire, recipient: str, content: Letter | None = None) -> Answer:
        """One letter over a signed-in bare connection."""
        wire.envelope(f"orders@{DOMAIN}", [recipient])
        wire.send((content or letter(recipient)).raw + b".\r\n")
        return wire.read()

    # -- what happened

    def message_id(self, sent: Letter) -> str:
        found = books.rows(self.store, f"select id from message where header_id = '{sent.header_id}'")
        assert len(found) == 1, f"{len(found)} messages of {sent.header_id}"
        return str(found[0]["id"])

    def events(self, recipient: str, *kinds: str) -> list[dict[str, Any]]:
        """The events of one recipient, oldest first, of these kinds or all."""
        found = books.event_rows(self.store, f"recipient = '{recipient}'")
        return [event for event in found if not kinds or event["kind"] in kinds]

    def event(self, recipient: str, kind: str, *, count: int = 1, seconds: float = 20.0) -> dict[str, Any]:
        """Wait for the event number `count` of this kind and give it."""

        def found() -> list[dict[str, Any]]:
            events = self.events(recipient, kind)
            return events if len(events) >= count else []

        try:
            return until(found, seconds, f"{kind} of {recipient}")[count - 1]
        except AssertionError as error:
            raise AssertionError(f"{error}; there is {self.events(recipient)}") from None

    def state(self, recipient: str) -> str:
        """Where the only delivery to this recipient stands."""
        (row,) = books.rows(self.store, f"select state from delivery where recipient = '{recipient}'")
        return str(row["state"])

    def counts(self) -> dict[str, int]:
        """Deliveries by state."""
        found = books.rows(self.store, "select state, count(*) as n from delivery group by state")
        return {row["state"]: int(row["n"]) for row in found}

    def counted_kinds(self, seconds: float = 10.0) -> Counter[str]:
        """Events by kind as the counters have them, once every event is counted."""

        def all_counted() -> books.Books | None:
            now = books.read_books(self.store)
            return None if now.uncounted else now

        return until(all_counted, seconds, "the counters").counted

    # -- the three questions

    def contradictions(self, seconds: float = 15.0) -> list[str]:
        """What the books say against themselves or the internet once the house is quiet; [] is right."""
        watch = Watch()
        while True:
            before = self.internet.arrivals_from(self.hellos)
            now = books.read_books(self.store)
            after = self.internet.arrivals_from(self.hellos)
            found = books.contradictions(before, now, after, kills=self.kills)
            if not found or watch.is_over(seconds):
                return found
            time.sleep(_POLL_S)

    def files(self) -> list[Path]:
        """Everything in the house's folder: store, log, settings, keys."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def give_up_the_rest(self) -> None:
        """Drop what still waits, so that the next test begins with an empty queue."""
        if any(self.counts().get(state) for state in books.OPEN):
            self.cli("queue", "drop", "--all")

    def story(self) -> str:
        """For the message of a failed test: the log's tail, the last events with their transcripts."""
        if not books.can_be_read(self.store):
            return f"--- {self.hostname}: no store yet\n{self.log_tail()}"
        events = books.event_rows(self.store)[-12:]
        told = [
            f"{e['kind']} {e['recipient']} {e.get('code', '')} {e.get('text', '')}\n{e.get('transcript', '')}"
            for e in events
        ]
        return "\n".join([f"--- {self.hostname}: {self.counts()}", self.log_tail(), "--- events", *told])


@dataclass(slots=True)
class Houses:
    """The houses that are open now."""

    folder: Path
    internet: Internet
    open: list[House] = field(default_factory=list)

    def new(
        self,
        *,
        store: str = "",
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        env: dict[str, str] | None = None,
        starts: bool = True,
    ) -> House:
        """A house with the domain shop.test and its user, serving unless `starts` is False."""
        house = House(self.folder / unique("house"), self.internet, store=store, settings=settings, env=env)
        self.open.append(house)
        house.set_up()
        if starts:
            house.start()
        return house

    def restored(self, original: House, copy: Path) -> House:
        """A house elsewhere that begins with a copied SQLite store and the original's key; not started."""
        house = House(self.folder / unique("restored"), self.internet)
        house.login, house.password = original.login, original.password
        house.hellos += original.hellos
        shutil.copy(copy, house.folder / "posthouse.db")
        shutil.copy(original.folder / KEY_FILE, house.folder)
        self.open.append(house)
        return house

    def close(self) -> None:
        for house in self.open:
            house.kill()
        self.open.clear()
