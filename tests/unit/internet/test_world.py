"""The fake internet over real sockets: every kind of host, every kind of mailbox, exact bytes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest
import uvloop

from posthouse.internet.recorder import Arrival, Recorder
from posthouse.internet.scripts import HOST_SCRIPTS, Act, Deed, HostScript, Step, Tls
from posthouse.internet.world import World
from posthouse.model.clock import FakeClock, SystemClock
from posthouse.net.dns import Resolver, SiteRules


class Gone(Exception):
    """The host closed the connection."""


class Client:
    """A client that does exactly what a test says."""

    def __init__(self, world: World, host: str) -> None:
        self.world, self.host = world, host

    async def __aenter__(self) -> Client:
        address = self.world.hosts[self.host].address
        self.reader, self.writer = await asyncio.open_connection(address, self.world.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self) -> str:
        lines = []
        while True:
            try:
                line = await asyncio.wait_for(self.reader.readuntil(b"\n"), 60)
            except (asyncio.IncompleteReadError, ConnectionError):
                raise Gone from None
            lines.append(line.decode("latin-1").rstrip("\r\n"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    async def say(self, line: str) -> str:
        self.write(line.encode() + b"\r\n")
        return await self.reply()

    async def hello(self) -> str:
        await self.reply()
        return await self.say("EHLO client.test")

    async def starttls(self, context: ssl.SSLContext, name: str | None = None) -> None:
        assert (await self.say("STARTTLS")).startswith("220")
        await self.writer.start_tls(context, server_hostname=name or self.host)

    async def deliver(
        self, recipient: str, content: bytes = b"a: b\r\n\r\nhello\r\n", *, verb: str = "DATA"
    ) -> list[str]:
        """The replies to MAIL, RCPT, DATA and the content, or to two chunks of it, as far as they go."""
        replies = []
        envelope = [
            "MAIL FROM:<s@from.test>",
            f"RCPT TO:<{recipient}>",
            *(["DATA"] if verb == "DATA" else []),
        ]
        for line in envelope:
            replies.append(await self.say(line))
            if replies[-1][:1] not in "23":
                await self.say("RSET")
                return replies
        if verb == "DATA":
            self.write(content + b".\r\n")
            return [*replies, await self.reply()]
        self.write(b"BDAT 3\r\n" + content[:3])
        replies.append(await self.reply())
        if replies[-1][:1] == "2":
            self.write(b"BDAT %d LAST\r\n" % len(content[3:]) + content[3:])
            replies.append(await self.reply())
        return replies


def lax() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def outcome(world: World, recipient: str, host: str = "mx1.a.test") -> str:
    """The last code that one delivery on a new connection saw, "gone" for a dropped one."""
    async with Client(world, host) as client:
        try:
            await client.hello()
            return (await client.deliver(recipient))[-1][:3]
        except Gone:
            return "gone"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World.of({"a.test": "accept"}, clock=FakeClock()) as made:
        yield made


async def test_a_copy_is_kept_to_the_octet(world: World) -> None:
    wire = b"Subject: x\r\n\r\n..\r\n...two\r\n..a.\r\n \t\r\nend \r\n"
    async with Client(world, "mx1.a.test") as client:
        ehlo = await client.hello()
        assert ehlo.split("\n")[1:] == [
            "250-PIPELINING",
            "250-8BITMIME",
            "250-SMTPUTF8",
            "250-CHUNKING",
            "250-ENHANCEDSTATUSCODES",
            "250-DSN",
            "250-STARTTLS",
            "250 SIZE 52428800",
        ]
        await client.deliver("b@a.test", wire)
        assert (await client.say("QUIT")).startswith("221")
    (copy,) = await world.recorder.copies(1)
    assert copy.content == b"Subject: x\r\n\r\n.\r\n..two\r\n.a.\r\n \t\r\nend \r\n"
    assert (copy.sender, copy.recipients, copy.host, copy.hello) == (
        "s@from.test",
        ("b@a.test",),
        "mx1.a.test",
        "client.test",
    )
    assert not copy.is_tls
    assert copy.answered.startswith("250")
    await world.recorder.until(lambda: world.recorder.sessions[0].end == "quit")
    assert not world.recorder.violations


@pytest.mark.parametrize(
    ("wire", "content"),
    [
        pytest.param(b".\r\n", b"", id="empty"),
        pytest.param(b"\r\n.\r\n", b"\r\n", id="one empty line"),
        pytest.param(b"..\r\n.\r\n", b".\r\n", id="a dot alone"),
        pytest.param(b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", id="LF dot LF is no end"),
        pytest.param(b"a\r.\rb\r\n.\r\n", b"a\r.\rb\r\n", id="CR dot CR is no end"),
        pytest.param(b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n", id="CRLF dot LF is no end"),
    ],
)
async def test_the_end_of_data_byte_by_byte(world: World, wire: bytes, content: bytes) -> None:  # S1, S2
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        for line in ("MAIL FROM:<>", "RCPT TO:<b@a.test>", "DATA"):
            await client.say(line)
        for octet in wire:
            client.write(bytes([octet]))
            await asyncio.sleep(0)
        assert (await client.reply()).startswith("250")
    assert world.recorder.arrivals[0].content == content


async def test_pipelined_commands_and_bdat(world: World) -> None:
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        client.write(b"MAIL FROM:<s@from.test> BODY=8BITMIME\r\nRCPT TO:<x@a.test> NOTIFY=NEVER\r\n")
        client.write(b"BDAT 5\r\n12\r\n.BDAT 7 LAST\r\n\r\n.\r\n\xe4\r")
        assert [(await client.reply())[:3] for _ in range(4)] == ["250"] * 4
        client.write(b"MAIL FROM:<>\r\nRCPT TO:<x@a.test>\r\nDATA\r\n")
        assert [(await client.reply())[:3] for _ in range(3)] == ["250", "250", "354"]
    (copy,) = await world.recorder.copies(1)
    assert (copy.verb, copy.content) == ("BDAT", b"12\r\n.\r\n.\r\n\xe4\r")
    assert (copy.sender_params, copy.recipient_params) == ("BODY=8BITMIME", ("NOTIFY=NEVER",))


@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
@pytest.mark.parametrize(
    ("mailbox", "outcomes", "copies"),
    [
        ("ok", ["250"], 1),
        ("refuse", ["550", "550"], 0),
        ("full", ["452"], 0),
        ("gone", ["551"], 0),
        ("defer-2", ["451", "451", "250"], 1),
        ("defer", ["451", "451", "451"], 0),
        ("refuse-data", ["554"], 0),
        ("defer-data-1", ["451", "250"], 1),
        ("refuse-dot", ["554"], 0),
        ("defer-dot-1", ["451", "250"], 1),
        ("421-rcpt-1", ["421", "250"], 1),
        ("421-data-1", ["421", "250"], 1),
        ("421-body-1", ["421", "250"], 1),
        ("421-dot-1", ["421", "250"], 1),
        ("drop-1", ["gone", "250"], 1),
        ("drop-rcpt-1", ["gone", "250"], 1),
        ("drop-body-1", ["gone", "250"], 1),
        ("drop-dot-1", ["gone", "250"], 1),
        ("keep-drop-1", ["gone", "250"], 2),
        ("slow-5", ["250"], 1),
        ("late-5", ["250"], 1),
    ],
)
async def test_mailboxes(world: World, verb: str, mailbox: str, outcomes: list[str], copies: int) -> None:
    got = []
    for _ in outcomes:
        async with Client(world, "mx1.a.test") as client:
            try:
                await client.hello()
                got.append((await client.deliver(f"{mailbox}+tag@a.test", verb=verb))[-1][:3])
            except Gone:
                # 421 then the end: deliver's RSET found the connection closed
                said = [line for line in world.recorder.sessions[-1].lines if line.startswith("S: ")]
                got.append("421" if said[-1].startswith("S: 421") else "gone")
    assert got == outcomes, world.recorder.story("outcomes")
    assert world.recorder.total == copies
    assert not world.recorder.violations


@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
@pytest.mark.parametrize("mailbox", ["stall", "stall-rcpt", "stall-data", "stall-body"])
async def test_stalls_say_nothing(world: World, mailbox: str, verb: str) -> None:
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.deliver(f"{mailbox}@a.test", verb=verb), 0.1)
    assert world.recorder.total == 0


async def test_bdat_behind_a_refused_chunk_is_out_of_place(world: World) -> None:  # RFC 3030 2
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        client.write(b"MAIL FROM:<>\r\nRCPT TO:<defer-data@a.test>\r\nBDAT 3\r\na: BDAT 5 LAST\r\nb\r\n\r\n")
        assert [(await client.reply())[:3] for _ in range(4)] == ["250", "250", "451", "503"]
    assert world.recorder.total == 0


async def test_a_host_that_offers_chunking_in_vain() -> None:
    async with World.of({"a.test": "no-bdat"}) as world, Client(world, "mx1.a.test") as client:
        assert "250-CHUNKING" in await client.hello()
        assert (await client.deliver("x@a.test", verb="BDAT"))[-1][:3] == "502"
        await client.say("RSET")
        assert (await client.deliver("x@a.test"))[-1][:3] == "250"


async def test_greylisting_goes_by_triplet_and_time() -> None:  # F45
    clock = FakeClock()
    async with World.of({"a.test": "greylist"}, clock=clock) as world:
        assert await outcome(world, "b@a.test") == "450"
        clock.advance(29)
        assert await outcome(world, "b@a.test") == "450"
        assert await outcome(world, "ok@a.test") == "250"
        clock.advance(2)
        assert await outcome(world, "b@a.test") == "250"
        assert await outcome(world, "c@a.test") == "450"


@pytest.mark.parametrize(
    "kind", ["no-code", "letters", "short", "spaces", "nul", "latin", "bare-lf", "codes"]
)
async def test_malformed_replies(world: World, kind: str) -> None:  # F40
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        await client.say("MAIL FROM:<>")
        reply = await client.say(f"RCPT TO:<malformed-{kind}@a.test>")
        assert reply != "250 2.1.5 Recipient ok"


async def test_long_and_endless_replies(world: World) -> None:  # F40
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        await client.say("MAIL FROM:<>")
        client.write(b"RCPT TO:<malformed-endless@a.test>\r\n")
        for _ in range(100):
            assert await asyncio.wait_for(client.reader.readline(), 60) == b"250-more\r\n"
    assert world.recorder.total == 0


@pytest.mark.parametrize(
    ("script", "outcomes"),
    [
        ("defer", ["451", "451", "250"]),
        ("bounce", ["550"]),
        ("spam", ["554"]),
        ("slow", ["250"]),
        ("late", ["250"]),
        ("drop-dot", ["gone", "250"]),
        ("drop", ["gone"]),
        ("old", ["501", "501"]),
        ("no-pipelining", ["250"]),
    ],
)
async def test_host_scripts(script: str, outcomes: list[str]) -> None:
    async with World.of({"a.test": script}) as world:
        if script == "old":
            async with Client(world, "mx1.a.test") as client:
                assert await client.hello() == "502 Command not implemented"
                assert await client.say("HELO client.test") == "250 mx1.a.test"
                assert (await client.deliver("b@a.test"))[-1] == "250 Kept as 1"
            return
        assert [await outcome(world, "b@a.test") for _ in outcomes] == outcomes


@pytest.mark.parametrize(("script", "code"), [("busy", "421"), ("closed", "554"), ("no-mail", "521")])
async def test_unfriendly_greetings(script: str, code: str) -> None:
    async with World.of({"a.test": script}) as world, Client(world, "mx1.a.test") as client:
        assert (await client.reply()).startswith(code)
        with pytest.raises(Gone):
            await client.reply()


async def test_dead_and_black_hole() -> None:  # F33
    async with World.of({"a.test": "accept", "dead.test": "dead", "hole.test": "black-hole"}) as world:
        with pytest.raises(ConnectionRefusedError):
            await outcome(world, "b@dead.test", "mx1.dead.test")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(outcome(world, "b@hole.test", "mx1.hole.test"), 0.2)


async def test_limits_of_size_messages_and_recipients() -> None:
    script = HostScript("limits", size=100, messages_max=2, recipients_max=1)
    async with World.of({"a.test": script}) as world, Client(world, "mx1.a.test") as client:
        assert "250 SIZE 100" in await client.hello()
        assert (await client.say("MAIL FROM:<> SIZE=101")).startswith("552 5.3.4")
        assert (await client.deliver("b@a.test", b"x" * 200 + b"\r\n"))[-1].startswith("552")
        assert (await client.deliver("b@a.test"))[-1].startswith("250")
        await client.say("MAIL FROM:<>")
        await client.say("RCPT TO:<a@a.test>")
        assert (await client.say("RCPT TO:<b@a.test>")).startswith("452 4.5.3")
        await client.say("RSET")
        assert (await client.deliver("b@a.test"))[-1].startswith("250")
        assert (await client.say("MAIL FROM:<>")).startswith("421")
    assert world.recorder.total == 2


async def test_what_is_sent_ahead_without_pipelining_is_lost() -> None:  # EXT-2
    async with World.of({"a.test": "no-pipelining"}) as world, Client(world, "mx1.a.test") as client:
        await client.hello()
        client.write(b"MAIL FROM:<>\r\nRCPT TO:<b@a.test>\r\n")
        assert (await client.reply()).startswith("250")
        assert (await client.say("NOOP")).startswith("250 2.0.0 Nothing")
        assert "pipelined" in world.recorder.violations[0]


@pytest.mark.parametrize(
    ("lines", "code", "word"),
    [
        pytest.param(b"MAIL FROM:<a@b.test>\nNOOP\r\n", "500", "bare", id="S3 bare LF"),
        pytest.param(b"HELP\r\n", "500", "unknown", id="unknown command"),
        pytest.param(b"MAIL FROM:<a b@c.test>\r\n", "501", "syntax", id="syntax"),
        pytest.param("MAIL FROM:<ä@c.test>\r\n".encode(), "553", "SMTPUTF8", id="EXT-9 UTF-8"),
        pytest.param(b"BDAT x\r\n", "503", "BDAT", id="bad BDAT"),
    ],
)
async def test_violations_are_noted(world: World, lines: bytes, code: str, word: str) -> None:
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        client.write(lines)
        assert (await client.reply()).startswith(code)
    assert word in world.recorder.violations[0]


async def test_content_ahead_of_the_354_is_noted(world: World) -> None:  # EXT-2
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        client.write(b"MAIL FROM:<>\r\nRCPT TO:<b@a.test>\r\nDATA\r\nearly\r\n.\r\n")
        assert [(await client.reply())[:3] for _ in range(4)] == ["250", "250", "354", "250"]
    assert "ahead" in world.recorder.violations[0]


async def test_good_tls_verifies(world: World) -> None:
    trusting = ssl.create_default_context(cadata=world.authority_pem.decode())
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        await client.starttls(trusting)
        assert "STARTTLS" not in await client.say("EHLO again.test")
        assert (await client.deliver("b@a.test"))[-1].startswith("250")
    (copy,) = world.recorder.arrivals
    assert copy.tls.startswith("TLSv1.3 ")
    assert copy.hello == "again.test"


async def test_after_tls_ehlo_is_needed(world: World) -> None:  # TLS-3
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        await client.starttls(lax())
        assert (await client.say("MAIL FROM:<>")).startswith("503")


@pytest.mark.parametrize(
    "kind", [Tls.EXPIRED, Tls.WRONG_NAME, Tls.SELF_SIGNED, Tls.OLD, Tls.GARBAGE, Tls.DROP], ids=str
)
async def test_bad_tls(kind: Tls) -> None:  # F34
    async with World.of({"a.test": HostScript("tls", tls=kind)}) as world:
        trusting = ssl.create_default_context(cadata=world.authority_pem.decode())
        async with Client(world, "mx1.a.test") as client:
            await client.hello()
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await client.starttls(trusting)
        if kind in (Tls.EXPIRED, Tls.WRONG_NAME, Tls.SELF_SIGNED):
            async with Client(world, "mx1.a.test") as client:
                await client.hello()
                await client.starttls(lax())
                await client.say("EHLO client.test")
                assert (await client.deliver("b@a.test"))[-1].startswith("250")
        else:
            assert await outcome(world, "b@a.test") == "250"  # in clear, on a new connection


async def test_tls_that_is_refused_hangs_or_lies() -> None:  # F34, S7
    async with World.of({"a.test": "tls-refused", "b.test": "tls-hang", "c.test": "tls-inject"}) as world:
        async with Client(world, "mx1.a.test") as client:
            await client.hello()
            assert (await client.say("STARTTLS")).startswith("454")
        async with Client(world, "mx1.b.test") as client:
            await client.hello()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.starttls(lax()), 0.1)
        async with Client(world, "mx1.c.test") as client:
            await client.hello()
            assert (await client.say("STARTTLS")).startswith("220")
            assert (await client.reply()).startswith("250")


async def test_the_ledger_is_written_before_the_250() -> None:
    told: list[str] = []

    def got(arrival: Arrival) -> None:
        assert arrival.answered == ""
        told.append("got")
        if "full" in arrival.recipients[0]:
            raise OSError("no space")

    recorder = Recorder(on_arrival=got, on_answered=lambda arrival: told.append("done"))
    async with World.of({"a.test": "accept"}, recorder=recorder) as world:
        assert await outcome(world, "b@a.test") == "250"
        assert told == ["got", "done"]
        assert await outcome(world, "x.full@a.test") == "gone"
        assert told == ["got", "done", "got"]
        assert recorder.total == 1


async def test_waiting_fails_with_the_story(world: World) -> None:
    await outcome(world, "refuse@a.test")
    with pytest.raises(AssertionError, match=r"S: 550 5\.1\.1"):
        await world.recorder.copies(1, timeout_s=0.01)


async def test_a_host_may_change_stop_and_return(world: World) -> None:
    world.play("mx1.a.test", "bounce")
    assert await outcome(world, "b@a.test") == "550"
    host = world.hosts["mx1.a.test"]
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        await host.stop()
        with pytest.raises(Gone):
            await client.say("NOOP")
    with pytest.raises(ConnectionRefusedError):
        await outcome(world, "b@a.test")
    world.play("mx1.a.test", HOST_SCRIPTS["accept"])
    await host.start(world.port)
    assert await outcome(world, "b@a.test") == "250"


async def test_an_act_of_the_tests_own(world: World) -> None:
    world.play("mx1.a.test", HostScript("own", (Act(Step.MAIL, Deed.SAY, "451 4.1.8 Sender not liked"),)))
    async with Client(world, "mx1.a.test") as client:
        await client.hello()
        assert await client.deliver("b@a.test") == ["451 4.1.8 Sender not liked"]


async def test_the_default_world_resolves() -> None:
    async with World.default() as world:
        rules = SiteRules(port=world.port, allow_private=True)
        resolver = Resolver([world.dns_server], SystemClock(), rules, timeout_s=5)
        good = await resolver.site_for("good.test")
        assert good.name == (await resolver.site_for("also-good.test")).name
        mixed = await resolver.site_for("mixed.test")
        assert [host.preference for host in mixed.hosts] == [10, 20, 30]
        assert await outcome(world, "b@good.test", good.hosts[0].name) == "250"
        await resolver.close()


async def test_a_given_port_that_is_taken_is_said() -> None:
    async with World.of({"a.test": "accept"}) as world:
        other = World.default(port=world.port)
        with pytest.raises(OSError, match="address already in use"):
            await other.start()


def test_it_works_under_uvloop() -> None:
    async def main() -> None:
        async with World.of({"a.test": "accept"}) as world:
            async with Client(world, "mx1.a.test") as client:
                await client.hello()
                await client.starttls(lax())
                await client.say("EHLO client.test")
                assert (await client.deliver("b@a.test"))[-1].startswith("250")
                with pytest.raises(Gone):
                    await client.deliver("drop-dot@a.test")
            (copy,) = world.recorder.arrivals
            assert copy.is_tls
            async with Client(world, "mx1.a.test") as client:
                await client.hello()
                with pytest.raises(ssl.SSLError):
                    await client.starttls(ssl.create_default_context())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
