"""Tests of SMTP servers for people: what they typed becomes a wish, and its end becomes advice (W-02).

The page and the command do the same with these. How many tests somebody may run is counted over all workers
of a machine (`net.board`), in windows of ten minutes.

Public: Probes, Tested, reach_of, read_wish, advice_for, test_letter, explained, tested_row, secrets_of.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from email.utils import format_datetime
from typing import Any, Protocol

from posthouse.config import Settings
from posthouse.desk import probe_services
from posthouse.desk.installation import Installation
from posthouse.desk.probe_own import own_advice
from posthouse.model.address import BadAddress, ascii_domain, parse_address
from posthouse.model.clock import Clock, Ids
from posthouse.model.errors import Refused, TryLater
from posthouse.model.probe import Mechanism, ProbeEnd, ProbeLine, ProbeWish, Security
from posthouse.net.probe import Prober, Reach, Tell
from posthouse.rules.probe_advice import Advice, advise
from posthouse.rules.probe_facts import Facts
from posthouse.smtp.masking import Mask, secrets_of
from posthouse.store.connection import Connection

__all__ = [
    "Probes",
    "Tested",
    "advice_for",
    "explained",
    "reach_of",
    "read_wish",
    "secrets_of",
    "test_letter",
    "tested_row",
]
WINDOW_S = 600.0
MOST_RUNS = 20
MOST_OF_ACCOUNT = 60
MOST_AT_ONCE = 4
_LONGEST = 512  # characters of a user name or a password
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (what a wildcard stands for here)


class Counts(Protocol):
    """Numbers by name, over all workers of this machine (`net.board.Row`)."""

    def put(self, text: str, count: int) -> None: ...

    def total(self, text: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Tested:
    """A test that is over."""

    lines: Sequence[ProbeLine]
    end: ProbeEnd
    advice: Sequence[Advice]

    @property
    def is_well(self) -> bool:
        return not self.end.fault


def reach_of(settings: Settings) -> Reach:
    """Where tests may go."""
    smtp = settings.smtp
    own = {
        endpoint.port: _EVERYWHERE.get(endpoint.host, endpoint.host)
        for endpoint in (*smtp.listen, *smtp.listen_tls)
    }
    return Reach(
        allows_private=settings.tester.private_networks == "allow",
        ports=frozenset(settings.tester.ports),
        own=own,
        own_names=(smtp.hostname,),
    )


# What is asked for


def read_wish(given: Mapping[str, str], reach: Reach) -> ProbeWish:
    """From the fields of a form or a command, all as text: host, port, security, user, password, mechanism,
    from, to, `only_sign_in` and `any_certificate` ("" for no). Raises Refused."""
    only_sign_in = bool(given.get("only_sign_in"))
    user, password = given.get("user", "").strip(), given.get("password", "")
    if bool(user) != bool(password):
        raise _refused("Give a user and a password, or neither")
    if len(user) > _LONGEST or len(password) > _LONGEST or not user.isprintable() or "\0" in password:
        raise _refused(f"User and password have at most {_LONGEST} visible characters")
    host, port = _host(given.get("host", "")), _port(given.get("port", ""))
    if not reach.opens(host, port):
        raise _refused(_closed_port(port, reach))
    return ProbeWish(
        host=host,
        port=port,
        security=_word(Security, given.get("security") or "starttls", "The security"),
        user=user,
        password=password,
        mechanism=_word(Mechanism, given.get("mechanism") or "auto", "The mechanism"),
        sender="" if only_sign_in else _address(given.get("from", ""), "from"),
        recipient="" if only_sign_in else _address(given.get("to", ""), "to"),
        only_sign_in=only_sign_in,
        any_certificate=bool(given.get("any_certificate")),
    )


def _host(text: str) -> str:
    bare = text.strip().rstrip(".").lower().removeprefix("[").removesuffix("]")
    with suppress(ValueError):
        return str(ipaddress.ip_address(bare))
    try:
        return ascii_domain(bare)
    except BadAddress as error:
        raise _refused("The host is a name such as smtp.example.com, or an IP address") from error


def _port(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65_536):
        raise _refused("The port is a number from 1 to 65535; usual are 587, 465 and 25")
    return int(text)


def _closed_port(port: int, reach: Reach) -> str:
    ports = ", ".join(map(str, sorted({*(reach.ports or ()), *reach.own})))
    return f"Tests may go to the ports {ports}, not to {port}; the operator can open others (tester.ports)"


def _word(kind: Any, text: str, what: str) -> Any:
    try:
        return kind(text.lower())
    except ValueError:
        words = ", ".join(each.value for each in kind)
        raise _refused(f"{what} is one of: {words}") from None


def _address(text: str, what: str) -> str:
    try:
        found = parse_address(text.strip())
    except BadAddress as error:
        raise _refused(f"The address `{what}` is not valid: {error}") from error
    return str(found)


def _refused(text: str) -> Refused:
    return Refused(501, "5.5.4", text, reason="bad-value")


# What is sent


def test_letter(wish: ProbeWish, ids: Ids, now: float, hello_name: str) -> bytes:
    """A few lines that say what they are."""
    date = format_datetime(dt.datetime.fromtimestamp(now, dt.UTC))
    lines = [
        f"From: {wish.sender}",
        f"To: {wish.recipient}",
        "Subject: A test message",
        f"Date: {date}",
        f"Message-ID: <{ids.new().lower()}@{hello_name}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"This message tests the SMTP server {wish.host}.",
        "It was sent with the SMTP tester of Posthouse.",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


# What came of it


def advice_for(
    wish: ProbeWish,
    end: ProbeEnd,
    reach: Reach,
    settings: Settings,
    now: float,
    own: Sequence[Advice] = (),
) -> list[Advice]:
    """Plain words on an end, without secrets; what this server knows of itself (`own`) comes first, and takes
    the place of guesses about the sign-in and the sender."""
    service = probe_services.service_of(wish.host)
    facts = Facts(
        wish=wish,
        end=end,
        now=now,
        service=service,
        key_of=probe_services.key_owner(wish.password),
        is_password_form=probe_services.fits(service, wish.password),
        is_user_password=wish.user.strip() == wish.password.strip(),
        is_own=bool(reach.own_address(wish.host, wish.port)),
        own_ports=_own_ports(settings) if reach.own_address(wish.host, wish.port) else ((), ()),
    )
    found = advise(facts)
    if own:
        found = [*own, *(each for each in found if not each.is_trouble)]
    mask = Mask(secrets_of(wish.user, wish.password))
    return [Advice(each.word, mask.line(each.text), each.is_trouble) for each in found]


def _own_ports(settings: Settings) -> tuple[tuple[int, ...], tuple[int, ...]]:
    smtp = settings.smtp
    return tuple(each.port for each in smtp.listen), tuple(each.port for each in smtp.listen_tls)


def explained(
    conn: Connection,
    installation: Installation,
    settings: Settings,
    reach: Reach,
    now: float,
    account_id: str,
    wish: ProbeWish,
    end: ProbeEnd,
) -> list[Advice]:
    """`advice_for` with what this server knows about the account's own things, when it was itself tested."""
    is_own = bool(reach.own_address(wish.host, wish.port))
    own = own_advice(conn, installation, settings.region, now, account_id, wish, end) if is_own else []
    return advice_for(wish, end, reach, settings, now, own)


def tested_row(tested: Tested) -> dict[str, Any]:
    """A test as plain values."""
    end = asdict(tested.end)
    end["step"] = tested.end.step.value
    return {
        "ok": tested.is_well,
        "end": end,
        "advice": [asdict(each) for each in tested.advice],
        "transcript": [asdict(each) for each in tested.lines],
    }


# How often


class Probes:
    """The tests of one worker."""

    def __init__(self, prober: Prober, settings: Settings, clock: Clock, ids: Ids, counts: Counts) -> None:
        self.reach = prober.reach
        self._prober = prober
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._counts = counts
        self._own: Counter[str] = Counter()
        self._window = -1
        self._running = 0

    @contextmanager
    def place(self, account_id: str, person_id: str) -> Iterator[None]:
        """Count a test and keep a place for it while the block runs. Raises TryLater."""
        if self._running >= MOST_AT_ONCE:
            raise _busy(f"{MOST_AT_ONCE} tests are running; wait until one of them has ended")
        self._count(f"probes of {person_id}", MOST_RUNS, "You have")
        self._count(f"probes for {account_id}", MOST_OF_ACCOUNT, "This account has")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def run(self, wish: ProbeWish, tell: Tell) -> ProbeEnd:
        """One test, told line by line; inside `place`."""
        name = self._settings.smtp.hostname
        return await self._prober.run(wish, test_letter(wish, self._ids, self._clock.now(), name), tell)

    def _count(self, name: str, most: int, who: str) -> None:
        window = int(self._clock.monotonic() / WINDOW_S)
        if window != self._window:
            for text in self._own:
                self._counts.put(text, 0)
            self._window, self._own = window, Counter()
        text = f"{name} {window}"
        if self._counts.total(text) >= most:
            raise _busy(f"{who} run {most} tests in ten minutes; wait a little before the next")
        self._own[text] += 1
        self._counts.put(text, self._own[text])


def _busy(text: str) -> TryLater:
    return TryLater(451, "4.7.0", text, reason="busy")
