"""SmtpDoor over loopback sockets: order, late replies, TLS, time, limits, drain, budget, and rude clients.

After every test nobody may be left in the books: connections, addresses, octets (see `lobby.open_lobby`).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct

from posthouse.doors import smtp
from posthouse.doors.smtp import LINGER_S, UNKNOWN_IDLE_S
from posthouse.smtp.events import AuthTry, Limits, MailFrom
from posthouse.smtp.replies import Reply
from unit.doors.lobby import (
    ENVELOPE,
    LETTER,
    OK,
    Lobby,
    Visitor,
    client_tls,
    on_both_loops,
    open_lobby,
    until,
)


def now() -> float:
    return asyncio.get_running_loop().time()


# -- order -------------------------------------------------------------------------------------------------


@on_both_loops
async def test_a_whole_pipelined_conversation_in_one_packet_is_answered_in_order() -> None:
    async with open_lobby() as lobby:
        visitor = await Visitor.come(lobby)
        visitor.send(ENVELOPE + b"DATA\r\n" + LETTER + b".\r\nNOOP\r\nQUIT\r\n")
        assert await visitor.codes(8) == [250, 250, 250, 354, 250, 250, 221, 0]
        assert lobby.letters == [LETTER]


@on_both_loops
async def test_the_same_octet_by_octet() -> None:
    async with open_lobby() as lobby:
        visitor = await Visitor.come(lobby)
        for octet in ENVELOPE + b"DATA\r\n" + LETTER + b".\r\nQUIT\r\n":
            visitor.send(bytes([octet]))
            await asyncio.sleep(0)
        assert await visitor.codes(7) == [250, 250, 250, 354, 250, 221, 0]
        assert lobby.letters == [LETTER]


@on_both_loops
async def test_a_late_reply_comes_before_those_to_what_was_sent_meanwhile() -> None:
    """SRV-3: the 250 waits for the commit, and everything behind it waits as well."""
    async with open_lobby() as lobby:
        lobby.holds = True
        visitor = await Visitor.come(lobby)
        visitor.send(ENVELOPE + b"DATA\r\n" + LETTER + b".\r\n")
        assert await visitor.codes(4) == [250, 250, 250, 354]
        visitor.send(b"MAIL FROM:<second@b.test>\r\nNOOP\r\n")
        await until(lambda: lobby.visits[0].answer)
        assert await visitor.is_silent()
        assert lobby.seen(MailFrom) == 1
        answer = lobby.visits[0].answer
        assert answer
        answer(Reply(250, "2.0.0", "on disk"))
        assert await visitor.reply() == (250, "2.0.0 on disk")
        assert await visitor.codes(2) == [250, 250]
        assert lobby.seen(MailFrom) == 2


@on_both_loops
async def test_a_commit_in_doubt_closes_without_a_word() -> None:
    async with open_lobby() as lobby:
        lobby.holds = True
        visitor = await Visitor.come(lobby)
        visitor.send(ENVELOPE + b"DATA\r\n" + LETTER + b".\r\nNOOP\r\n")
        assert await visitor.codes(4) == [250, 250, 250, 354]
        await until(lambda: lobby.visits[0].answer)
        answer = lobby.visits[0].answer
        assert answer
        answer(None)
        assert await visitor.codes(1) == [0]


@on_both_loops
async def test_a_session_that_breaks_costs_one_451_and_not_the_connection() -> None:
    async with open_lobby(needs_auth=True) as lobby:
        visitor = await Visitor.come(lobby)
        broken, fine = b"AUTH PLAIN AGJyb2tlbgB4", b"AUTH PLAIN AGEAeA=="
        assert await visitor.say(b"EHLO me.test", broken, fine) == [250, 451, 235]


@on_both_loops
async def test_a_client_that_goes_while_its_reply_is_pending() -> None:
    async with open_lobby() as lobby:
        lobby.holds = True
        visitor = await Visitor.come(lobby)
        visitor.send(ENVELOPE + b"DATA\r\n" + LETTER + b".\r\n")
        await until(lambda: lobby.visits and lobby.visits[0].answer)
        reset(visitor)
        await until(lobby.is_empty)
        answer = lobby.visits[0].answer
        assert answer
        answer(OK)  # the commit ends later: nobody is there to be told


@on_both_loops
async def test_a_client_that_closes_its_sending_side_still_gets_its_replies() -> None:
    """`printf … | nc`: the end of input comes before the commit."""
    async with open_lobby() as lobby:
        lobby.holds = True
        visitor = await Visitor.come(lobby)
        visitor.send(ENVELOPE + b"DATA\r\n" + LETTER + b".\r\nQUIT\r\n")
        visitor.writer.write_eof()
        assert await visitor.codes(4) == [250, 250, 250, 354]
        await until(lambda: lobby.visits[0].answer)
        assert await visitor.is_silent()
        answer = lobby.visits[0].answer
        assert answer
        answer(OK)
        assert await visitor.codes(3) == [250, 221, 0]


@on_both_loops
async def test_a_client_that_closes_its_sending_side_with_nothing_pending_is_let_go() -> None:
    async with open_lobby() as lobby:
        visitor = await Visitor.come(lobby)
        visitor.send(ENVELOPE)
        visitor.writer.write_eof()
        assert await visitor.codes(4) == [250, 250, 250, 0]


def reset(visitor: Visitor) -> None:
    """Cut the connection with RST."""
    sock = visitor.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    visitor.writer.transport.abort()


# -- TLS ---------------------------------------------------------------------------------------------------


async def upgraded(lobby: Lobby) -> Visitor:
    visitor = await Visitor.come(lobby)
    assert await visitor.say(b"EHLO me.test", b"STARTTLS") == [250, 220]
    await visitor.writer.start_tls(client_tls())
    return visitor


@on_both_loops
async def test_starttls_forgets_what_was_said_in_clear() -> None:
    """TLS-3, RFC 3207 4.2."""
    async with open_lobby() as lobby:
        visitor = await upgraded(lobby)
        assert await visitor.say(b"MAIL FROM:<a@b.test>") == [503]
        visitor.send(ENVELOPE + b"DATA\r\n" + LETTER + b".\r\nSTARTTLS\r\n")
        assert await visitor.codes(6) == [250, 250, 250, 354, 250, 503]
        assert lobby.letters == [LETTER]
        visitor.leave()


class RawTls:
    """A TLS client that decides itself what goes into which packet."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client_tls().wrap_bio(self.inward, self.outward)

    async def handshake(self) -> None:
        """All but our last flight, which stays in `outward`."""
        while True:
            try:
                self.tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                self.visitor.send(self.outward.read())
                self.inward.write(await self.visitor.reader.read(65536))

    async def read(self) -> bytes:
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                self.inward.write(await self.visitor.reader.read(65536))


@on_both_loops
async def test_octets_in_the_same_packet_as_the_end_of_the_handshake_are_not_lost() -> None:
    async with open_lobby() as lobby:
        visitor = await Visitor.come(lobby)
        assert await visitor.say(b"EHLO me.test", b"STARTTLS") == [250, 220]
        raw = RawTls(visitor)
        await raw.handshake()
        raw.tls.write(b"EHLO again.test\r\n")
        raw.tls.write(b"NOOP\r\n")
        visitor.send(raw.outward.read())
        got = b""
        while got.count(b"\r\n250 ") + got.startswith(b"250 ") < 2:
            got += await raw.read()
        assert b"again.test" in got and b"STARTTLS" not in got
        assert lobby.door()._engine.hello_name == "again.test"


@on_both_loops
async def test_clear_octets_behind_starttls_are_refused_not_carried_over() -> None:
    """S6: the injection of 2011 and of 2021."""
    async with open_lobby() as lobby:
        visitor = await Visitor.come(lobby)
        visitor.send(b"EHLO me.test\r\nSTARTTLS\r\nMAIL FROM:<evil@b.test>\r\n")
        assert await visitor.codes(3) == [250, 421, 0]
        assert lobby.seen(MailFrom) == 0


@on_both_loops
async def test_starttls_at_the_very_end_of_a_full_read_hides_nothing_behind_it() -> None:
    """S6 again: whatever size a loop reads at once, what follows in clear must not be read before the
    handshake and taken for decrypted afterwards."""
    for size in (65_536, 262_144):
        async with open_lobby(limits=Limits(idle_commands=1 << 30)) as lobby:
            visitor = await Visitor.come(lobby)
            assert await visitor.say(b"EHLO me.test") == [250]
            ending = b"STARTTLS\r\n"
            padding = b"NOOP\r\n" * ((size - len(ending)) // 6)
            padding += b"\r\n" * ((size - len(ending) - len(padding)) // 2)
            visitor.writer.transport.set_write_buffer_limits(high=1 << 22)
            visitor.send(padding + ending + b"MAIL FROM:<evil@b.test>\r\nRCPT TO:<x@y.test>\r\n" * 100)
            while (await visitor.reply())[0]:
                pass
            await until(lobby.is_empty)
            assert lobby.seen(MailFrom) == 0


@on_both_loops
async def test_garbage_instead_of_a_handshake_ends_the_connection() -> None:
    """TLS-7: never back to clear text."""
    async with open_lobby() as lobby:
        visitor = await Visitor.come(lobby)
        assert await visitor.say(b"EHLO me.test", b"STARTTLS") == [250, 220]
        visitor.send(b"MAIL FROM:<a@b.test>\r\n" * 50)
        while await visitor.reader.read(1000):
            pass
        await until(lobby.is_empty)
        assert lobby.seen(MailFrom) == 0


@on_both_loops
async def test_who_goes_during_the_handshake_is_forgotten() -> None:
    """asyncio does not say so itself; a hundred of these must not fill the house."""
    async with open_lobby(most_per_address=2) as lobby:
        for how in ("reset", "close", "reset after a few octets", "close after a few"):
            visitor = await Visitor.come(lobby)
            assert await visitor.say(b"EHLO me.test", b"STARTTLS") == [250, 220]
            if "few" in how:
                raw = RawTls(visitor)
                try:
                    raw.tls.do_handshake()
                except ssl.SSLWantReadError:
                    visitor.send(raw.outward.read()[:50])
            if how.startswith("reset"):
                reset(visitor)
            else:
                visitor.leave()
            await until(lobby.is_empty)


@on_both_loops
async def test_a_handshake_that_never_comes_is_given_up() -> None:
    before, smtp.HANDSHAKE_S = smtp.HANDSHAKE_S, 0.1
    try:
        async with open_lobby() as lobby:
            visitor = await Visitor.come(lobby)
            assert await visitor.say(b"EHLO me.test", b"STARTTLS") == [250, 220]
            await until(lobby.is_empty)
            assert await visitor.reader.read(10) == b""
    finally:
        smtp.HANDSHAKE_S = before


@on_both_loops
async def test_the_tls_port_greets_behind_the_handshake() -> None:
    async with open_lobby(is_tls=True) as lobby:
        visitor = await Visitor.come(lobby, tls=True)
        visitor.send(ENVELOPE + b"DATA\r\n" + LETTER + b".\r\nQUIT\r\n")
        assert await visitor.codes(7) == [250, 250, 250, 354, 250, 221, 0]
        assert lobby.letters == [LETTER]


@on_both_loops
async def test_garbage_on_the_tls_port_leaves_nothing_behind() -> None:
    async with open_lobby(is_tls=True) as lobby:
        for junk in (b"EHLO me.test\r\n", b"\x16\x03\x01\x00\x05hello", b""):
            visitor = await Visitor.come(lobby, greeted=0)
            visitor.send(junk)
            visitor.writer.write_eof()
            await visitor.codes(1)
            await until(lobby.is_empty)


# -- time --------------------------------------------------------------------------------------------------


@on_both_loops
async def test_the_idle_are_closed_with_421_strangers_sooner() -> None:
    async with open_lobby(idle_s=300.0) as lobby:
        visitor = await Visitor.come(lobby)
        lobby.door().check_time(now() + UNKNOWN_IDLE_S - 1)
        assert await visitor.is_silent(0.02)
        lobby.door().check_time(now() + UNKNOWN_IDLE_S + 1)
        assert await visitor.codes(2) == [421, 0]

        visitor = await Visitor.come(lobby)
        assert await visitor.say(b"EHLO me.test", b"AUTH PLAIN AGEAeA==") == [250, 235]
        lobby.door().check_time(now() + 299)
        assert await visitor.is_silent(0.02)
        lobby.door().check_time(now() + 301)
        assert await visitor.codes(2) == [421, 0]


@on_both_loops
async def test_who_waits_for_us_is_not_idle() -> None:
    async with open_lobby() as lobby:
        lobby.holds = True
        visitor = await Visitor.come(lobby)
        visitor.send(ENVELOPE + b"DATA\r\n" + LETTER + b".\r\n")
        await until(lambda: lobby.visits and lobby.visits[0].answer)
        lobby.door().check_time(now() + 10_000)
        answer = lobby.visits[0].answer
        assert answer
        answer(OK)
        assert await visitor.codes(5) == [250, 250, 250, 354, 250]


@on_both_loops
async def test_a_body_that_begins_late_on_an_old_connection_is_not_slow() -> None:
    """Between the 354 and the first octet nothing has arrived yet: the clock of the body starts there."""
    async with open_lobby() as lobby:
        visitor = await Visitor.come(lobby)
        door = lobby.door()
        door._body_from -= 10_000  # the connection, and its last letter, are old
        assert await visitor.say(*ENVELOPE.split(b"\r\n")[:3], b"DATA") == [250, 250, 250, 354]
        door.check_time(now() + 60)
        assert await visitor.say(LETTER + b".") == [250]
        door._body_from -= 10_000
        assert await visitor.say(b"MAIL FROM:<a@b.test>", b"RCPT TO:<c@d.test>", b"DATA") == [250, 250, 354]
        door.check_time(now() + 60)
        assert await visitor.say(LETTER + b".") == [250]


@on_both_loops
async def test_a_body_that_trickles_is_closed_and_a_steady_one_is_not() -> None:
    """S10: below 500 octets a second, after five minutes of grace."""
    async with open_lobby(idle_s=10_000) as lobby:
        visitor = await Visitor.come(lobby)
        assert await visitor.say(*ENVELOPE.split(b"\r\n")[:3], b"DATA") == [250, 250, 250, 354]
        door = lobby.door()
        door._engine.is_authenticated = True
        visitor.send((b"x" * 98 + b"\r\n") * 1000)
        await until(lambda: door._body_bytes == 100_000)
        door.check_time(now() + 300 + 199)
        assert await visitor.is_silent(0.02)
        door.check_time(now() + 300 + 202)
        assert await visitor.codes(2) == [421, 0]
        assert lobby.letters == []


@on_both_loops
async def test_a_body_too_large_is_swallowed_at_its_own_speed() -> None:
    """What is thrown away has arrived all the same."""
    async with open_lobby(limits=Limits(message_bytes=1000), idle_s=10_000) as lobby:
        visitor = await Visitor.come(lobby)
        assert await visitor.say(*ENVELOPE.split(b"\r\n")[:3], b"DATA") == [250, 250, 250, 354]
        door = lobby.door()
        visitor.send((b"x" * 98 + b"\r\n") * 1000)
        await until(lambda: door._body_bytes == 100_000)
        door._seen_at = door._seen_at + 400
        door.check_time(now() + 400)
        visitor.send(b".\r\n")
        assert await visitor.codes(1) == [552]


@on_both_loops
async def test_the_sweeper_sweeps() -> None:
    before, smtp.SWEEP_S = smtp.SWEEP_S, 0.01
    try:
        async with open_lobby(idle_s=0.05) as lobby:
            sweeping = asyncio.ensure_future(lobby.keeper.sweep())
            visitor = await Visitor.come(lobby)
            assert await visitor.codes(2) == [421, 0]
            sweeping.cancel()
    finally:
        smtp.SWEEP_S = before


# -- limits ------------------------------------------------------------------------------------------------


@on_both_loops
async def test_too_many_connections_are_told_so_and_room_comes_back() -> None:
    async with open_lobby(most=2) as lobby:
        first, second = await Visitor.come(lobby), await Visitor.come(lobby)
        third = await Visitor.come(lobby, greeted=421)
        assert await third.codes(1) == [0]
        assert await second.say(b"NOOP") == [250]
        first.leave()
        await until(lambda: len(lobby.keeper.open) == 1)
        fourth = await Visitor.come(lobby)
        assert await fourth.say(b"NOOP") == [250]


@on_both_loops
async def test_one_address_may_not_take_all() -> None:
    async with open_lobby(most_per_address=1) as lobby:
        await Visitor.come(lobby)
        await Visitor.come(lobby, greeted=421)
        await Visitor.come(lobby, address="127.0.0.77")


@on_both_loops
async def test_past_three_quarters_of_the_budget_new_letters_wait() -> None:
    async with open_lobby(budget=100_000) as lobby:
        first = await Visitor.come(lobby)
        assert await first.say(*ENVELOPE.split(b"\r\n")[:3], b"DATA") == [250, 250, 250, 354]
        first.send((b"x" * 98 + b"\r\n") * 800)
        await until(lambda: lobby.keeper.budget.held_bytes >= 79_900)
        second = await Visitor.come(lobby)
        assert await second.say(*ENVELOPE.split(b"\r\n")[:3], b"DATA") == [250, 250, 250, 452]
        first.send(b".\r\n")
        assert await first.codes(1) == [250]
        assert await second.say(b"DATA") == [354], "refused for the moment: the envelope stands"


@on_both_loops
async def test_the_letter_that_passes_the_budget_is_swallowed_and_nothing_of_it_stored() -> None:
    """S9: 452 at its end, and the conversation goes on."""
    async with open_lobby(budget=50_000) as lobby:
        visitor = await Visitor.come(lobby)
        assert await visitor.say(*ENVELOPE.split(b"\r\n")[:3], b"DATA") == [250, 250, 250, 354]
        for _ in range(100):
            visitor.send((b"x" * 998 + b"\r\n") * 10)
            await visitor.writer.drain()
        await until(lambda: lobby.door()._body_bytes == 1_000_000)
        assert lobby.keeper.budget.held_bytes < 1000
        visitor.send(b".\r\n")
        assert await visitor.reply() == (452, "4.3.1 Too much mail at once; try again in a minute")
        assert lobby.letters == []
        visitor.send(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n" + LETTER + b".\r\n")
        assert await visitor.codes(4) == [250, 250, 354, 250]


@on_both_loops
async def test_chunks_count_as_well() -> None:
    async with open_lobby(budget=50_000) as lobby:
        visitor = await Visitor.come(lobby)
        assert await visitor.say(*ENVELOPE.split(b"\r\n")[:3]) == [250, 250, 250]
        visitor.send(b"BDAT 60000\r\n" + b"x" * 60_000)
        assert (await visitor.codes(1))[0] in (250, 452), "whether the chunk came in one read or in several"
        await until(lambda: lobby.keeper.budget.held_bytes == 0)
        visitor.send(b"BDAT 5 LAST\r\nhello")
        assert (await visitor.codes(1))[0] in (452, 503)
        assert lobby.letters == []


@on_both_loops
async def test_a_letter_is_in_the_budget_until_its_commit() -> None:
    """A store that hangs must not let letters pile up behind it."""
    async with open_lobby(budget=100_000) as lobby:
        lobby.holds = True
        visitor = await Visitor.come(lobby)
        visitor.send(ENVELOPE + b"DATA\r\n" + (b"x" * 98 + b"\r\n") * 800 + b".\r\n")
        await until(lambda: lobby.visits and lobby.visits[0].answer)
        assert lobby.keeper.budget.held_bytes == 80_000
        assert not lobby.keeper.budget.admits_new
        answer = lobby.visits[0].answer
        assert answer
        answer(OK)
        assert lobby.keeper.budget.held_bytes == 0


@on_both_loops
async def test_what_is_sent_ahead_of_a_pending_reply_is_bounded() -> None:
    """S9: the socket is not read while 256 KiB wait."""
    async with open_lobby(needs_auth=True, limits=Limits(idle_commands=1 << 30)) as lobby:
        visitor = await Visitor.come(lobby)
        assert await visitor.say(b"EHLO me.test", b"AUTH PLAIN AGEAeA==") == [250, 235]
        visitor.writer.transport.set_write_buffer_limits(high=1 << 24)
        lobby.holds = True
        door = lobby.door()
        visitor.send(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n" + LETTER + b".\r\n")
        await until(lambda: lobby.visits[0].answer)
        count = 1_000_000
        visitor.send(b"NOOP\r\n" * count)
        await until(lambda: door._engine.unread_bytes > 262_144)
        most = door._engine.unread_bytes
        assert await quiet(lambda: door._engine.unread_bytes)
        assert most <= 2 * 262_144 + 65_536
        assert lobby.keeper.budget.held_bytes >= most, "it counts"
        answer = lobby.visits[0].answer
        assert answer
        answer(OK)
        assert await visitor.codes(4 + 1000) == [250, 250, 354, 250] + [250] * 1000
        reset(visitor)


async def quiet(value: object) -> bool:
    """The value does not change any more."""
    assert callable(value)
    before = value()
    for _ in range(20):
        await asyncio.sleep(0.002)
    return bool(value() == before)


@on_both_loops
async def test_a_client_that_does_not_read_its_replies_is_not_read_either_and_cut_off_at_last() -> None:
    """Neither our buffer of replies grows, nor does such a connection stay for ever."""
    async with open_lobby(limits=Limits(idle_commands=1 << 30)) as lobby:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", lobby.port))
        await until(lambda: lobby.keeper.open)
        door = lobby.door()
        writing = asyncio.ensure_future(
            asyncio.get_running_loop().sock_sendall(sock, b"EHLO me.test\r\n" * 1_000_000)
        )
        await until(lambda: door._output_paused)
        assert await quiet(lambda: door._transport.get_write_buffer_size())
        assert door._transport.get_write_buffer_size() < 8 << 20
        # a reply that comes late must not make us read again
        door._weigh()
        assert not door._is_reading
        door.check_time(now() + UNKNOWN_IDLE_S + 1)
        assert door in lobby.keeper.open, "the 421 could not be written"
        door.check_time(now() + LINGER_S - 1)
        assert door in lobby.keeper.open
        door.check_time(now() + LINGER_S + 1)
        await until(lobby.is_empty)
        await asyncio.gather(writing, return_exceptions=True)
        sock.close()


# -- draining: SRV-26, F16 ---------------------------------------------------------------------------------


@on_both_loops
async def test_a_drain_lets_open_transactions_end_and_sends_the_others_home() -> None:
    async with open_lobby() as lobby:
        idle, busy = await Visitor.come(lobby), await Visitor.come(lobby)
        assert await busy.say(*ENVELOPE.split(b"\r\n")[:3], b"DATA") == [250, 250, 250, 354]
        draining = asyncio.ensure_future(lobby.keeper.drain(60.0))
        assert await idle.reply() == (421, "4.3.2 Shutting down, try again in a moment")
        late = await Visitor.come(lobby, greeted=421)
        assert await late.codes(1) == [0]
        busy.send(LETTER + b".\r\n")
        assert await busy.codes(3) == [250, 421, 0]
        await asyncio.wait_for(draining, 30)
        assert lobby.letters == [LETTER]


@on_both_loops
async def test_a_drain_waits_for_a_commit() -> None:
    async with open_lobby() as lobby:
        lobby.holds = True
        visitor = await Visitor.come(lobby)
        visitor.send(ENVELOPE + b"DATA\r\n" + LETTER + b".\r\n")
        await until(lambda: lobby.visits and lobby.visits[0].answer)
        draining = asyncio.ensure_future(lobby.keeper.drain(60.0))
        await until(lambda: lobby.keeper.is_draining)
        answer = lobby.visits[0].answer
        assert answer and not draining.done()
        answer(OK)
        assert await visitor.codes(7) == [250, 250, 250, 354, 250, 421, 0]
        await asyncio.wait_for(draining, 30)


@on_both_loops
async def test_a_drain_does_not_wait_for_a_handshake_nor_beyond_its_grace() -> None:
    async with open_lobby() as lobby:
        shaking, stuck = await Visitor.come(lobby), await Visitor.come(lobby)
        assert await shaking.say(b"EHLO me.test", b"STARTTLS") == [250, 220]
        assert await stuck.say(*ENVELOPE.split(b"\r\n")[:3], b"DATA") == [250, 250, 250, 354]
        await until(lambda: any(door._upgrading for door in lobby.keeper.open))
        began = now()
        draining = asyncio.ensure_future(lobby.keeper.drain(0.3))
        await until(lambda: len(lobby.keeper.open) == 1)
        await asyncio.wait_for(draining, 30)
        assert now() - began >= 0.29
        assert len(lobby.keeper.open) == 1 and lobby.letters == []


@on_both_loops
async def test_a_pending_sign_in_is_not_cut_by_a_drain() -> None:
    async with open_lobby(needs_auth=True) as lobby:
        visitor = await Visitor.come(lobby)
        assert await visitor.say(b"EHLO me.test") == [250]
        visitor.send(b"AUTH PLAIN AHNsb3cAeA==\r\n")
        await until(lambda: lobby.seen(AuthTry))
        draining = asyncio.ensure_future(lobby.keeper.drain(60.0))
        await until(lambda: lobby.keeper.is_draining)
        answer = lobby.visits[0].answer
        assert answer
        answer(Reply(235, "2.7.0", "Welcome"))
        assert await visitor.codes(3) == [235, 421, 0]
        await asyncio.wait_for(draining, 30)
