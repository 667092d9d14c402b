"""net.courier with hosts that offer CHUNKING: BDAT, and DATA where BDAT ended badly (decision 059)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from posthouse.model.clock import FakeClock
from posthouse.model.message import Phase
from posthouse.smtp.wire_content import CHUNK_BYTES
from unit.net.test_courier import LETTER, against, until

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs one case on the loop named by the parameter."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def runner(case: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as loop:
            loop.run(asyncio.wait_for(case, 60))

    return runner


HELLO = "S: 220 mx\nC: EHLO\nS: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING\n"
ENVELOPE = "C: MAIL\nS: 250 a\nC: RCPT\nS: 250 b\n"
BY_BDAT = ENVELOPE + "chunk\nS: 250 2.0.0 ok\n"
BY_DATA = "letter\n"
CONTENT = LETTER.head + LETTER.body
DOTTED = CONTENT.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def test_letters_arrive_by_bdat_on_one_connection(run: Run) -> None:
    async def case() -> None:
        async with against(HELLO + BY_BDAT * 2 + "hang") as (courier, host, site):
            for _ in range(2):
                result = await courier.send(site, "", LETTER)
                assert (result.is_delivered, result.enhanced) == (True, "2.0.0")
            assert host.contents == [CONTENT] * 2
            assert host.lines[0][3] == b"BDAT %d LAST\r\n" % len(CONTENT)

    run(case())


def test_a_large_letter_arrives_in_chunks(run: Run) -> None:
    async def case() -> None:
        letter = replace(LETTER, body=(b"." * 70 + b"\r\n") * (CHUNK_BYTES // 70))
        asked: list[int] = []
        async with against(HELLO + ENVELOPE + "chunk\nS: 250 a\nchunk\nS: 250 b\nhang") as (
            courier,
            host,
            site,
        ):
            result = await courier.send(site, "", letter, may_finish=lambda: not asked.append(1))
            assert result.is_delivered
            assert [len(content) for content in host.contents[:1]] == [CHUNK_BYTES]
            assert b"".join(host.contents) == letter.head + letter.body
            assert len(asked) == 2

    run(case())


def test_a_right_that_is_lost_between_chunks_ends_the_letter(run: Run) -> None:
    # self-fencing: the last chunk is never begun
    async def case() -> None:
        letter = replace(LETTER, body=(b"." * 70 + b"\r\n") * (CHUNK_BYTES // 70))
        answers = [False, True]
        async with against(HELLO + ENVELOPE + "chunk\nS: 250 a\nhang") as (courier, host, site):
            result = await courier.send(site, "", letter, may_finish=answers.pop)
            assert (result.phase, result.code, result.ambiguous) == (Phase.LOCAL, 0, False)
            await until(lambda: not courier._all)
            assert len(host.contents) == 1

    run(case())


@pytest.mark.parametrize("before", ["", BY_BDAT], ids=["first letter", "later letter"])
def test_a_host_that_does_not_understand_bdat_gets_the_letter_by_data_at_once(run: Run, before: str) -> None:
    async def case() -> None:
        refuses = HELLO + before + ENVELOPE + "chunk\nS: 502 5.5.1 what?\nhang"
        clock = FakeClock()
        async with against(
            refuses,
            HELLO + BY_DATA + "close",
            HELLO + BY_DATA + "close",
            HELLO + BY_BDAT + "close",
            clock=clock,
        ) as (courier, host, site):
            if before:
                assert (await courier.send(site, "", LETTER)).is_delivered
            result = await courier.send(site, "", LETTER)
            assert result.is_delivered
            assert (
                "* The host offers CHUNKING, but answered BDAT with 502: it gets DATA now"
                in result.transcript
            )
            await until(lambda: not courier._all)
            assert (await courier.send(site, "", LETTER)).is_delivered  # remembered
            await until(lambda: not courier._all)
            clock.advance(3601)
            assert (await courier.send(site, "", LETTER)).is_delivered  # asked again
            assert host.contents[-4:] == [CONTENT, DOTTED, DOTTED, CONTENT]

    run(case())


def test_a_host_that_understands_neither_is_asked_twice_and_no_more(run: Run) -> None:
    async def case() -> None:
        first = HELLO + ENVELOPE + "chunk\nS: 503 5.5.1 no recipient\nhang"
        second = HELLO + ENVELOPE + "C: DATA\nS: 503 5.5.1 no recipient\nC: RSET\nS: 250 ok\nhang"
        async with against(first, second) as (courier, host, site):
            result = await courier.send(site, "", LETTER)
            assert (result.phase, result.code, result.ambiguous) == (Phase.DATA, 503, False)
            assert len(host.lines) == 2

    run(case())


def test_after_a_connection_lost_behind_bdat_the_next_attempt_is_by_data(run: Run) -> None:
    # MX-12: this one may have arrived; whether BDAT was the cause, nobody knows
    async def case() -> None:
        async with against(HELLO + ENVELOPE + "chunk\nclose", HELLO + BY_DATA + "hang") as (
            courier,
            host,
            site,
        ):
            result = await courier.send(site, "", LETTER)
            assert (result.phase, result.code, result.ambiguous) == (Phase.BODY, 451, True)
            assert (await courier.send(site, "", LETTER)).is_delivered
            assert host.contents == [CONTENT, DOTTED]

    run(case())


def test_a_refused_recipient_is_recorded_and_its_letter_stays_here(run: Run) -> None:
    async def case() -> None:
        refused = "C: MAIL\nS: 250 a\nC: RCPT\nS: 550 5.1.1 nobody\nC: RSET\nS: 250 ok\n"
        async with against(HELLO + refused + BY_BDAT + "hang") as (courier, host, site):
            result = await courier.send(site, "", LETTER)
            assert (result.phase, result.code, result.enhanced) == (Phase.RCPT, 550, "5.1.1")
            await until(lambda: courier.idle_count(site) == 1)
            assert (await courier.send(site, "", LETTER)).is_delivered
            assert (len(host.lines), host.contents) == (1, [CONTENT])

    run(case())


def test_chunks_can_be_switched_off(run: Run) -> None:
    async def case() -> None:
        async with against(HELLO + BY_DATA + "hang", uses_chunks=False) as (courier, host, site):
            assert (await courier.send(site, "", LETTER)).is_delivered
            assert host.contents == [DOTTED]

    run(case())
