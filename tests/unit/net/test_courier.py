"""net.courier against scripted hosts on real loopback sockets, on asyncio's own loop and on uvloop.

A script is what one connection of a host does: `S: …` says a line, `C: …` waits for a line that begins so,
`letter` is a whole transaction that is taken, `content` reads up to the final dot, `chunk` a BDAT and its
octets, `tls` shakes hands, `junk`, `drip`, `deaf`, `close`, `reset`, `hang` do as they say. The last script
serves all that follow.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from posthouse.model.clock import FakeClock
from posthouse.model.message import Host, Outgoing, Phase, Site, SmtpResult
from posthouse.net.courier import Courier, CourierSettings
from posthouse.net.timeouts import Timeouts

LETTER = Outgoing("a@example.com", "b@example.net", b"Subject: hello\r\n\r\n", b"one\r\n.two\r\n")
Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs one case on the loop named by the parameter."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def runner(case: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as loop:
            loop.run(asyncio.wait_for(case, 60))

    return runner


class ScriptedHost:
    """A receiving host that plays `scripts`, one a connection; `lines` holds what it read, by connection."""

    def __init__(self, *scripts: str, tls: ssl.SSLContext | None = None) -> None:
        self.scripts = scripts
        self.tls = tls
        self.lines: list[list[bytes]] = []
        self.contents: list[bytes] = []
        self.peers: list[str] = []
        self.tasks: set[asyncio.Task[None]] = set()

    async def open(self, address: str = "127.0.0.1", port: int = 0) -> int:
        self.server = await asyncio.start_server(self.serve, address, port, limit=2**24)
        return int(self.server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.server.wait_closed()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.tasks.add(task)
        script = self.scripts[min(len(self.lines), len(self.scripts) - 1)]
        self.lines.append([])
        self.peers.append(writer.get_extra_info("peername")[0])
        try:
            for step in script.strip().splitlines():
                await self.act(step.strip(), self.lines[-1], reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def act(
        self, step: str, lines: list[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if step.startswith("S: "):
            writer.write(step[3:].encode() + b"\r\n")
        elif step.startswith("C: "):
            lines.append(await reader.readuntil(b"\r\n"))
            assert lines[-1].startswith(step[3:].encode()), (step, lines[-1])
        elif step == "content":
            self.contents.append(await reader.readuntil(b"\r\n.\r\n"))
        elif step == "chunk":
            lines.append(await reader.readuntil(b"\r\n"))
            self.contents.append(await reader.readexactly(int(lines[-1].split()[1])))
        elif step == "letter":
            for part in (
                "C: MAIL",
                "S: 250 a",
                "C: RCPT",
                "S: 250 b",
                "C: DATA",
                "S: 354 c",
                "content",
                "S: 250 2.0.0 ok",
            ):
                await self.act(part, lines, reader, writer)
        elif step == "tls":
            assert self.tls
            await writer.drain()
            await writer.start_tls(self.tls)
        elif step == "junk":
            await reader.read(100)  # the handshake's begin
            writer.write(b"this is no TLS\r\n" * 10)
        elif step == "drip":
            for _ in range(500):
                writer.write(b"2")
                await asyncio.sleep(0.01)
        elif step == "deaf":
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(5)
        elif step == "reset":
            writer.transport.abort()
        elif step == "hang":
            await reader.read()
        await writer.drain()


HELLO = "S: 220 mx\nC: EHLO\nS: 250-mx\nS: 250 PIPELINING\n"
OFFERS_TLS = "S: 220 mx\nC: EHLO\nS: 250-mx\nS: 250 STARTTLS\n"
QUICK = replace(Timeouts(*([5.0] * 12)), quit_s=0.05)


def courier_for(clock: FakeClock | None = None, **changes: Any) -> Courier:
    settings = CourierSettings("out.example.com", timeouts=QUICK)
    return Courier(replace(settings, **changes), clock or FakeClock())


def site_of(*ports: int, name: str = "mx.example.net") -> Site:
    """One host for each port, in order of preference."""
    return Site(
        name, tuple(Host(f"{n}.{name}" if n else name, n, ("127.0.0.1",), p) for n, p in enumerate(ports))
    )


@contextlib.asynccontextmanager
async def against(*scripts: str, tls: ssl.SSLContext | None = None, **settings: Any) -> Any:
    """A courier, one host with these scripts, and the site that it is."""
    host = ScriptedHost(*scripts, tls=tls)
    port = await host.open()
    courier = courier_for(**settings)
    try:
        yield courier, host, site_of(port)
    finally:
        await courier.close()
        await host.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition with a deadline."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the condition never came true")


# --- letters ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hello", [HELLO, "S: 220 mx\nC: EHLO\nS: 250 mx\n"], ids=["pipelining", "one by one"]
)
def test_a_letter_arrives(run: Run, hello: str) -> None:
    async def case() -> None:
        async with against(hello + "letter\nC: QUIT\nS: 221 bye") as (courier, host, site):
            result = await courier.send(site, "", LETTER)
            assert result.is_delivered
            assert (result.code, result.enhanced, result.text) == (250, "2.0.0", "ok")
            assert (result.mx, result.address, result.source, result.tls) == (
                "mx.example.net",
                "127.0.0.1",
                "",
                "",
            )
            assert host.contents == [LETTER.head + b"one\r\n..two\r\n.\r\n"]
            assert result.transcript.startswith(
                "* connected to mx.example.net [127.0.0.1]\nS: 220 mx\nC: EHLO "
            )
            assert courier.idle_count(site) == 1

    run(case())


def test_connections_are_reused_and_end_politely(run: Run) -> None:
    # MX-17: two letters a connection, QUIT does not delay the result
    async def case() -> None:
        script = HELLO + "letter\nletter\nC: QUIT\nS: 221 bye"
        async with against(script) as (courier, host, site):
            results = [await courier.send(site, "", LETTER, messages_per_connection=2) for _ in range(5)]
            assert all(result.is_delivered for result in results)
            assert (
                "* reused connection to mx.example.net [127.0.0.1] (1 messages before)"
                in results[1].transcript
            )
            assert "EHLO" not in results[1].transcript
            assert "EHLO" in results[2].transcript
            await until(lambda: [lines[-1] for lines in host.lines[:2]] == [b"QUIT\r\n"] * 2)
            assert len(host.lines) == 3
            assert courier.idle_count(site) == 1

    run(case())


def test_the_hosts_own_limit_counts_too(run: Run) -> None:
    # EXT-11, RFC 9422
    async def case() -> None:
        script = "S: 220 mx\nC: EHLO\nS: 250-mx\nS: 250 LIMITS MAILMAX=1\nletter\nC: QUIT\nS: 221 bye"
        async with against(script) as (courier, host, site):
            for _ in range(2):
                assert (await courier.send(site, "", LETTER)).is_delivered
            assert len(host.lines) == 2

    run(case())


def test_parallel_letters_use_connections_of_their_own(run: Run) -> None:
    async def case() -> None:
        async with against(HELLO + "letter\n" * 9 + "hang") as (courier, host, site):
            for _ in range(2):
                results = await asyncio.gather(*(courier.send(site, "", LETTER) for _ in range(4)))
                assert all(result.is_delivered for result in results)
            assert len(host.lines) == 4
            assert courier.idle_count(site) == 4

    run(case())


def test_a_refused_recipient_costs_no_connection(run: Run) -> None:
    # F39: RSET only behind an unfinished transaction
    async def case() -> None:
        refused = (
            "C: MAIL\nS: 250 a\nC: RCPT\nS: 550 5.1.1 nobody\nC: DATA\nS: 503 5.5.1 no\nC: RSET\nS: 250 ok\n"
        )
        async with against(HELLO + refused + "letter\nhang") as (courier, host, site):
            result = await courier.send(site, "", LETTER)
            assert (result.phase, result.code, result.enhanced) == (Phase.RCPT, 550, "5.1.1")
            await until(lambda: courier.idle_count(site) == 1)
            assert (await courier.send(site, "", LETTER)).is_delivered
            assert len(host.lines) == 1

    run(case())


def test_idle_connections_go_away(run: Run) -> None:
    async def case() -> None:
        async with against(HELLO + "letter\nC: QUIT\nS: 221 bye", idle_s=0.05) as (courier, host, site):
            assert (await courier.send(site, "", LETTER)).is_delivered
            await until(lambda: courier.idle_count(site) == 0 and host.lines[0][-1] == b"QUIT\r\n")

    run(case())


def test_a_sites_own_idle_time_goes_before_the_settings(run: Run) -> None:
    """Also for a connection that was opened before it changed."""

    async def case() -> None:
        talk = HELLO + "letter\nletter\nC: QUIT\nS: 221 bye"
        async with against(talk, idle_s=60) as (courier, host, site):
            assert (await courier.send(site, "", LETTER)).is_delivered
            assert (await courier.send(site, "", LETTER, idle_s=0.05)).is_delivered
            await until(lambda: courier.idle_count(site) == 0 and host.lines[0][-1] == b"QUIT\r\n")

    run(case())


@pytest.mark.parametrize(
    "end",
    [
        "close",
        "reset",
        "C: MAIL\nclose",
        "C: MAIL\nS: 421 4.4.2 idle too long\nclose",
        "S: 421 4.4.2 bye\nclose",
    ],
    ids=["closed", "reset", "closed at MAIL", "421 at MAIL", "421 while idle"],
)
def test_a_kept_connection_that_is_gone_is_no_failure(run: Run, end: str) -> None:
    # F36: the letter goes over a new connection at once
    async def case() -> None:
        async with against(HELLO + "letter\n" + end, HELLO + "letter\nhang") as (courier, host, site):
            assert (await courier.send(site, "", LETTER)).is_delivered
            if not end.startswith("C"):
                await asyncio.sleep(0.02)
            assert (await courier.send(site, "", LETTER)).is_delivered
            assert len(host.lines) == 2

    run(case())


def test_may_finish_is_asked_before_the_content(run: Run) -> None:
    # self-fencing: on a no nothing of the content leaves
    async def case() -> None:
        async with against(
            HELLO + "C: MAIL\nS: 250 a\nC: RCPT\nS: 250 b\nC: DATA\nS: 354 c\ncontent"
        ) as talk:
            courier, host, site = talk
            result = await courier.send(site, "", LETTER, may_finish=lambda: False)
            assert (result.phase, result.code, result.ambiguous) == (Phase.LOCAL, 0, False)
            await until(lambda: not courier._all)
            assert host.contents == []

    run(case())


def test_a_cancelled_letter_drops_its_connection(run: Run) -> None:
    async def case() -> None:
        async with against(HELLO + "C: MAIL\nhang") as (courier, host, site):
            task = asyncio.create_task(courier.send(site, "", LETTER))
            await until(lambda: bool(host.lines and host.lines[0][1:]))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: not courier._all)

    run(case())


def test_a_large_letter_to_a_slow_reader(run: Run) -> None:
    # back-pressure: the letter waits in slices, all of it arrives
    async def case() -> None:
        letter = replace(LETTER, body=(b"x" * 70 + b"\r\n.\r\n") * 60_000)
        async with against(HELLO + "letter\nhang") as (courier, host, site):
            result = await courier.send(site, "", letter)
            assert result.is_delivered
            assert host.contents == [letter.head + letter.body.replace(b"\r\n.", b"\r\n..") + b".\r\n"]

    run(case())


def test_a_host_that_stops_reading_a_large_letter(run: Run) -> None:
    # RFC 5321 4.5.3.2.5: time for each block; the dot never left, so nothing is ambiguous
    async def case() -> None:
        letter = replace(LETTER, body=b"x" * 70 + b"\r\n" + b"y" * 30_000_000)
        stops = HELLO + "C: MAIL\nS: 250 a\nC: RCPT\nS: 250 b\nC: DATA\nS: 354 c\n"
        async with against(stops + "deaf", timeouts=replace(QUICK, block_s=0.2)) as (courier, _, site):
            result = await courier.send(site, "", letter)
            assert (result.phase, result.code, result.ambiguous) == (Phase.BODY, 451, False)

    run(case())


def test_sources_have_connections_of_their_own(run: Run) -> None:
    async def case() -> None:
        async with against(HELLO + "letter\nletter\nhang") as (courier, host, site):
            for source in ("127.0.0.2", "127.0.0.3", "127.0.0.2"):
                result = await courier.send(site, source, LETTER)
                assert (result.is_delivered, result.source) == (True, source)
            assert host.peers == ["127.0.0.2", "127.0.0.3"]
            assert courier.idle_count(site) == 2

    run(case())


def test_close_site_and_close(run: Run) -> None:
    async def case() -> None:
        async with against(HELLO + "letter\nC: QUIT\nS: 221 bye") as (courier, host, site):
            assert (await courier.send(site, "", LETTER)).is_delivered
            courier.close_site("another")
            assert courier.idle_count(site) == 1
            courier.close_site(site.name)
            await until(lambda: courier.idle_count(site) == 0 and host.lines[0][-1] == b"QUIT\r\n")
            await courier.close()
            result = await courier.send(site, "", LETTER)
            assert (result.phase, result.code, result.enhanced) == (Phase.LOCAL, 0, "4.3.2")

    run(case())


def test_close_site_lets_a_busy_connection_finish(run: Run) -> None:
    async def case() -> None:
        async with against(HELLO + "letter\nC: QUIT\nS: 221 bye") as (courier, host, site):

            def closing() -> bool:
                courier.close_site(site.name)
                return True

            assert (await courier.send(site, "", LETTER, may_finish=closing)).is_delivered
            await until(lambda: not courier._all and host.lines[0][-1] == b"QUIT\r\n")

    run(case())


# --- trouble ------------------------------------------------------------------------------------------

LINES = [
    "S: 220 mx",
    "C: EHLO",
    "S: 250-mx\nS: 250 PIPELINING",
    "C: MAIL",
    "S: 250 a",
    "S: 250 b",
    "S: 354 c",
    "content",
]
PLACES = {  # how far the host plays along, and the phase of the result
    "greeting": (0, Phase.GREETING),
    "ehlo": (2, Phase.EHLO),
    "mail": (4, Phase.MAIL),
    "rcpt": (5, Phase.RCPT),
    "data": (6, Phase.DATA),
    "content": (8, Phase.BODY),
}


def ambiguous_result(phase: Phase, result: SmtpResult) -> bool:
    return result.ambiguous == (phase is Phase.BODY)


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("place", PLACES)
def test_dropped(run: Run, place: str, end: str) -> None:
    # MX-11, MX-12, F37
    async def case() -> None:
        steps, phase = PLACES[place]
        async with against("\n".join([*LINES[:steps], end])) as (courier, _, site):
            result = await courier.send(site, "", LETTER)
            assert (result.phase, result.enhanced) == (phase, "4.4.2")
            assert result.code == (451 if steps > 2 else 0)
            assert result.connection_failed == (steps <= 2)
            assert ambiguous_result(phase, result)
            assert courier.idle_count(site) == 0

    run(case())


@pytest.mark.parametrize("place", PLACES)
def test_421(run: Run, place: str) -> None:
    # MX-11, F36
    async def case() -> None:
        steps, phase = PLACES[place]
        async with against("\n".join([*LINES[:steps], "S: 421 4.3.2 not now", "hang"])) as (courier, _, site):
            result = await courier.send(site, "", LETTER)
            assert (result.phase, result.code, result.enhanced) == (phase, 421, "4.3.2")
            assert (result.connection_failed, result.ambiguous) == (True, False)
            await until(lambda: not courier._all)

    run(case())


@pytest.mark.parametrize("end", ["hang", "drip"])
@pytest.mark.parametrize("place", PLACES)
def test_silence_and_single_bytes(run: Run, place: str, end: str) -> None:
    # MX-7, F32, F33: only whole replies give new time
    async def case() -> None:
        steps, phase = PLACES[place]
        tiny = Timeouts(*([5.0] + [0.15] * 11))
        async with against("\n".join([*LINES[:steps], end]), timeouts=tiny) as (courier, _, site):
            result = await courier.send(site, "", LETTER)
            assert (result.phase, result.enhanced) == (phase, "4.4.2")
            assert result.text.startswith("Timed out while waiting for ")
            assert ambiguous_result(phase, result)
            await until(lambda: not courier._all)

    run(case())


# --- hosts and addresses ------------------------------------------------------------------------------


async def unused_port() -> int:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    server.close()
    await server.wait_closed()
    return port


def test_the_next_host_when_the_first_cannot_be_reached(run: Run) -> None:
    # MX-2; and the dead address comes last for a while
    async def case() -> None:
        async with against(HELLO + "letter\nC: QUIT\nS: 221 bye") as (courier, _, good):
            site = site_of(await unused_port(), good.hosts[0].port)
            results = [await courier.send(site, "", LETTER, messages_per_connection=1) for _ in range(2)]
            assert [result.is_delivered for result in results] == [True, True]
            assert [result.mx for result in results] == ["1.mx.example.net"] * 2
            assert "* No connection to mx.example.net [127.0.0.1] port" in results[0].transcript
            assert "No connection" not in results[1].transcript

    run(case())


@pytest.mark.parametrize(
    "first", ["S: 554 no\nC: QUIT", "S: 450 4.7.0 busy\nC: QUIT", "close"], ids=["554", "450", "close"]
)
def test_the_next_host_when_the_first_gives_no_service(run: Run, first: str) -> None:
    # MX-9
    async def case() -> None:
        bad = ScriptedHost(first)
        async with against(HELLO + "letter\nhang") as (courier, _, good):
            site = site_of(await bad.open(), good.hosts[0].port)
            result = await courier.send(site, "", LETTER)
            await bad.close()
            assert (result.is_delivered, result.mx) == (True, "1.mx.example.net")
            assert result.transcript.count("* connected to") == 2

    run(case())


def test_the_next_address_of_a_host(run: Run) -> None:
    async def case() -> None:
        async with against(HELLO + "letter\nhang") as (courier, _, site):
            port = site.hosts[0].port
            host = Host("mx.example.net", 0, ("127.0.0.9", "::1", "127.0.0.1"), port)
            result = await courier.send(Site("s", (host,)), "127.0.0.4", LETTER)
            assert (result.is_delivered, result.address) == (True, "127.0.0.1")
            assert "::1" not in result.transcript  # not of the source's family

    run(case())


def test_no_host_at_all(run: Run) -> None:
    async def case() -> None:
        courier = courier_for(max_addresses=3)
        site = site_of(*[await unused_port() for _ in range(5)])
        result = await courier.send(site, "", LETTER)
        assert (result.phase, result.code, result.enhanced) == (Phase.CONNECT, 0, "4.4.1")
        assert result.connection_failed
        assert result.transcript.count("No connection") == 3  # MX-2: bounded
        nowhere = await courier.send(Site("s", ()), "", LETTER)
        assert (nowhere.phase, nowhere.enhanced) == (Phase.CONNECT, "4.4.1")
        await courier.close()

    run(case())


def test_at_most_two_conversations_an_attempt(run: Run) -> None:
    # MX-2, F33
    async def case() -> None:
        async with against("S: 220 mx\nC: EHLO\nS: 451 4.3.0 no\nC: QUIT") as (courier, host, site):
            port = site.hosts[0].port
            result = await courier.send(site_of(port, port, port), "", LETTER)
            assert (result.phase, result.code) == (Phase.EHLO, 451)
            assert len(host.lines) == 2

    run(case())


@pytest.mark.parametrize(
    ("scripts", "code"),
    [
        pytest.param(["S: 521 never\nC: QUIT", "S: 556 never\nC: QUIT"], 556, id="all say so"),
        pytest.param(["S: 521 never\nC: QUIT", "S: 554 no\nC: QUIT"], 554, id="one says something else"),
    ],
)
def test_no_mail_here_ever(run: Run, scripts: list[str], code: int) -> None:
    # MX-9, RFC 7504
    async def case() -> None:
        async with against(*scripts) as (courier, _, site):
            port = site.hosts[0].port
            result = await courier.send(site_of(port, port), "", LETTER)
            assert (result.phase, result.code) == (Phase.GREETING, code)

    run(case())


def test_no_mail_here_ever_needs_all_hosts(run: Run) -> None:
    async def case() -> None:
        async with against("S: 521 never\nC: QUIT", max_addresses=2) as (courier, _, site):
            port = site.hosts[0].port
            result = await courier.send(site_of(port, port, port), "", LETTER)
            assert (result.phase, result.code, result.enhanced) == (Phase.GREETING, 0, "4.4.1")

    run(case())


# --- TLS ----------------------------------------------------------------------------------------------


def certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A self-signed certificate: a server's context with it, and the file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = folder / f"{name}.crt"
    public.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private = folder / f"{name}.key"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificate("mx.example.net", tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificate("other.example.net", tmp_path_factory.mktemp("other"))


BROKEN_TLS = OFFERS_TLS + "C: STARTTLS\n"
TLS_LETTERS = (
    OFFERS_TLS + "C: STARTTLS\nS: 220 go\ntls\nC: EHLO\nS: 250-mx\nS: 250 PIPELINING\nletter\nletter\nhang"
)


def test_starttls_without_looking_at_the_certificate(run: Run, other: tuple[ssl.SSLContext, Path]) -> None:
    # OTL-1, TLS-4
    async def case() -> None:
        async with against(TLS_LETTERS, tls=other[0]) as (courier, host, site):
            for _ in range(2):
                result = await courier.send(site, "", LETTER)
                assert result.is_delivered
                assert result.tls.startswith("TLSv1.3 TLS_")
            assert len(host.lines) == 1

    run(case())


def test_bytes_that_come_with_the_end_of_the_handshake_are_not_lost(
    run: Run, good: tuple[ssl.SSLContext, Path]
) -> None:
    # a host that answers before it is asked: its bytes may be here before start_tls has returned
    async def case() -> None:
        eager = BROKEN_TLS + "S: 220 go\ntls\nS: 250-mx\nS: 250 PIPELINING\nC: EHLO\nletter\nhang"
        async with against(eager, tls=good[0]) as (courier, host, site):
            result = await courier.send(site, "", LETTER)
            assert result.is_delivered
            assert (result.tls[:5], len(host.lines)) == ("TLSv1", 1)

    run(case())


def test_a_large_letter_over_tls(run: Run, good: tuple[ssl.SSLContext, Path]) -> None:
    async def case() -> None:
        letter = replace(LETTER, body=(b"x" * 70 + b"\r\n") * 60_000)
        async with against(TLS_LETTERS, tls=good[0]) as (courier, host, site):
            assert (await courier.send(site, "", letter)).is_delivered
            assert host.contents == [letter.head + letter.body + b".\r\n"]

    run(case())


@pytest.mark.parametrize(
    "end",
    ["S: 220 go\njunk\nhang", "S: 220 go\nclose", "S: 220 go\nreset", "S: 220 go\nhang", "close"],
    ids=["junk", "closed", "reset", "silence", "closed before the 220"],
)
def test_broken_tls_means_a_new_connection_in_clear_for_an_hour(run: Run, end: str) -> None:
    # OTL-1, TLS-7, F34
    async def case() -> None:
        clock = FakeClock()
        clear = OFFERS_TLS + "letter\nC: QUIT\nS: 221 bye"
        scripts = (BROKEN_TLS + end, clear, clear, BROKEN_TLS + end, clear)
        timeouts = replace(QUICK, handshake_s=0.2, quit_s=0.5)
        async with against(*scripts, clock=clock, timeouts=timeouts) as (courier, host, site):
            first = await courier.send(site, "", LETTER, messages_per_connection=1)
            assert (first.is_delivered, first.tls) == (True, "")
            assert first.transcript.count("* connected to") == 2
            again = await courier.send(site, "", LETTER, messages_per_connection=1)
            assert (again.is_delivered, len(host.lines)) == (True, 3)
            clock.advance(3601)
            later = await courier.send(site, "", LETTER, messages_per_connection=1)
            assert (later.is_delivered, len(host.lines)) == (True, 5)

    run(case())


def test_starttls_454_goes_on_in_clear_on_the_same_connection(run: Run) -> None:
    # F34, RFC 3207 4.1
    async def case() -> None:
        async with against(BROKEN_TLS + "S: 454 4.7.0 no key\nletter\nhang") as (courier, host, site):
            result = await courier.send(site, "", LETTER)
            assert (result.is_delivered, result.tls, len(host.lines)) == (True, "", 1)

    run(case())


@pytest.mark.parametrize(
    "script",
    [
        HELLO + "C: QUIT",
        BROKEN_TLS + "S: 454 no\nC: QUIT",
        BROKEN_TLS + "S: 220 go\njunk\nhang",
        BROKEN_TLS + "close",
    ],
    ids=["not offered", "454", "junk", "closed"],
)
def test_required_tls_never_goes_in_clear(run: Run, script: str) -> None:
    # OTL-6, S7
    async def case() -> None:
        async with against(script) as (courier, host, site):
            result = await courier.send(site, "", replace(LETTER, require_tls=True))
            assert (result.phase, result.code, result.enhanced) == (Phase.STARTTLS, 454, "4.7.10")
            assert result.text.startswith("TLS required but not available: ")
            assert not result.connection_failed  # other letters may go on in clear
            assert not [line for lines in host.lines for line in lines if line.startswith(b"MAIL")]

    run(case())


def test_required_tls_is_not_held_up_by_the_memory_of_broken_tls(
    run: Run, good: tuple[ssl.SSLContext, Path]
) -> None:
    async def case() -> None:
        scripts = (BROKEN_TLS + "close", OFFERS_TLS + "letter\nhang", TLS_LETTERS)
        async with against(*scripts, tls=good[0]) as (courier, _, site):
            assert (await courier.send(site, "", LETTER)).tls == ""
            result = await courier.send(site, "", replace(LETTER, require_tls=True))
            assert result.is_delivered
            assert result.tls

    run(case())


@pytest.mark.parametrize(
    ("served", "trusted", "arrives"),
    [
        pytest.param("good", "good", True, id="right chain and name"),
        pytest.param("good", "other", False, id="unknown chain"),
        pytest.param("other", "other", False, id="wrong name"),
    ],
)
def test_verified_tls(
    run: Run,
    good: tuple[ssl.SSLContext, Path],
    other: tuple[ssl.SSLContext, Path],
    served: str,
    trusted: str,
    arrives: bool,
) -> None:
    # OTL-6
    async def case() -> None:
        pairs = {"good": good, "other": other}
        context = ssl.create_default_context(cafile=str(pairs[trusted][1]))
        async with against(TLS_LETTERS, tls=pairs[served][0], verify_context=context) as (
            courier,
            host,
            site,
        ):
            result = await courier.send(site, "", replace(LETTER, verify_tls=True))
            assert result.is_delivered == arrives
            if not arrives:
                assert (result.phase, result.code, result.enhanced) == (Phase.STARTTLS, 454, "4.7.10")
                assert "certificate verify failed" in result.text
                assert host.contents == []

    run(case())
