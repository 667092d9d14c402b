"""Mail that is scored first: over its limit it is dropped, without an answer it waits, but not for good."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from posthouse.mail.spam_report import form_type
from posthouse.model.message import Phase, Recipient, SmtpResult
from posthouse.model.options import RecipientOptions, SendOptions
from posthouse.net.scanner import ScannerTrouble
from posthouse.net.spamd import Answer
from posthouse.pipeline.spam_check import SCAN_BYTES
from unit.pipeline.small_world import RAW, World, open_world, until

ASKS = SendOptions(spam_limit=5.0)
AWAY = "the spam scanner cannot be reached: nobody listens"
HTML = b"From: me@shop.test\r\nContent-Type: text/html\r\n\r\n<a href='https://shop.test/'>-n-</a>\r\n"


class FakeScanner:
    """`answers`: scores by a word of the letter. While `gate` is cleared nobody gets one."""

    def __init__(self) -> None:
        self.answers: dict[bytes, float] = {}
        self.asked: list[bytes] = []
        self.is_away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def scan(self, content: bytes) -> Answer:
        self.asked.append(content)
        await self.gate.wait()
        if self.is_away:
            raise ScannerTrouble(AWAY)
        found = [score for word, score in self.answers.items() if word in content]
        return Answer(found[0] if found else 0.5, "the report")


async def _settled(world: World) -> None:
    """Everything that is due has been looked at."""
    await world.fetch_all()
    await world.at_rest()


async def test_SG_09_mail_under_its_limit_is_sent_with_its_score(tmp_path: Path) -> None:
    scanner = FakeScanner()
    async with open_world(tmp_path, scanner=scanner) as world:
        await world.accept("ann@good.test", options=ASKS)
        await _settled(world)
        (delivered,) = world.facts("delivered")
        assert (delivered["spam_score"], delivered.get("warnings")) == (0.5, None)
        assert world.rows()[0]["lane"] == "acc|good.test|single-scanned"
        await world.accept("ann@good.test")
        await _settled(world)
        assert len(scanner.asked) == 1 and "spam_score" not in world.facts("delivered")[1]


@pytest.mark.parametrize(("score", "is_sent"), [(5.0, True), (5.01, False), (-3.0, True), (1000.0, False)])
async def test_SG_09_what_is_over_the_limit_is_dropped(tmp_path: Path, score: float, is_sent: bool) -> None:
    scanner = FakeScanner()
    scanner.answers = {b"hello": score}
    async with open_world(tmp_path, scanner=scanner) as world:
        await world.accept("ann@good.test", options=ASKS)
        await _settled(world)
        assert world.courier.sent == (["ann@good.test"] if is_sent else [])
        assert world.states() == {"delivered" if is_sent else "dropped": 1}
        if not is_sent:
            (dropped,) = world.facts("dropped")
            said = (dropped["reason"], dropped["code"], dropped["spam_score"], dropped["report"])
            assert said == ("spam", 550, score, "the report")
            assert dropped["text"] == f"Spam Content: the score is {score:.1f}, the limit 5"


async def test_SG_09_copies_that_say_the_same_are_scored_once_without_our_marks(tmp_path: Path) -> None:
    scanner = FakeScanner()
    options = SendOptions(
        spam_limit=5.0, track_opens=True, track_clicks="all", verbatim=("-n-",), to_each=True
    )
    people = [
        Recipient(f"{name}@good.test", "good.test", options=RecipientOptions(values=(value,)))
        for name, value in (("a", "one"), ("b", "one"), ("c", "bad"))
    ]
    scanner.answers = {b"bad": 9.0}
    async with open_world(tmp_path, scanner=scanner) as world:
        await world.accept(raw=HTML, people=people, options=options)
        await _settled(world)
        assert sorted(world.courier.sent) == ["a@good.test", "b@good.test"]
        assert [each["to"] for each in world.facts("dropped")] == ["c@good.test"]
        assert len(scanner.asked) == 2
        assert all(b"https://shop.test/" in asked and b"<img" not in asked for asked in scanner.asked)
        assert all(b"email.shop.test" in sent and b"<img" in sent for sent in world.courier.contents)


async def test_SG_09_the_sender_gets_one_report_for_all_copies(tmp_path: Path) -> None:
    scanner = FakeScanner()
    scanner.answers = {b"hello": 9.0}
    options = SendOptions(spam_limit=5.0, spam_url="https://shop.test/spam")
    async with open_world(tmp_path, scanner=scanner) as world:
        await world.accept("a@good.test", "b@good.test", options=options)
        await _settled(world)
        conn = sqlite3.connect(world.path)
        rows = conn.execute("select kind, url, content from job").fetchall()
        conn.close()
        [(kind, url, content)] = rows
        assert (kind, url) == ("spam-report", "https://shop.test/spam")
        boundary = form_type(content).removeprefix("multipart/form-data; boundary=")
        parts = content.split(b"--" + boundary.encode())
        assert len(parts) == 9 and parts[-1] == b"--\r\n"
        assert b'name="spam_score"\r\n\r\n9.0\r\n' in content and RAW in content


async def test_SG_09_without_an_answer_mail_waits_and_then_leaves_unchecked(tmp_path: Path) -> None:
    scanner = FakeScanner()
    scanner.is_away = True
    async with open_world(tmp_path, scanner=scanner) as world:
        await world.accept("ann@good.test", options=ASKS)
        await _settled(world)
        for _ in range(4):
            (row,) = world.rows()
            assert (row["state"], row["attempt"]) == ("waiting", 0)
            assert row["due_at"] == world.clock.now() + 180
            world.clock.advance(180)
            await _settled(world)
        world.clock.advance(180)
        await _settled(world)
        assert {each["reason"] for each in world.facts("deferred")} == {"spam-scanner"}
        assert len(world.facts("deferred")) == 5
        (delivered,) = world.facts("delivered")
        assert delivered["warnings"] == [f"sent without a look at spam: {AWAY}"]
        assert "spam_score" not in delivered


async def test_SG_09_mail_that_is_in_a_hurry_does_not_wait_past_its_middle(tmp_path: Path) -> None:
    scanner = FakeScanner()
    scanner.is_away = True
    async with open_world(tmp_path, scanner=scanner) as world:
        await world.accept("ann@good.test", options=SendOptions(spam_limit=5.0, deliver_within_s=60.0))
        await _settled(world)
        assert world.rows()[0]["due_at"] == world.clock.now() + 30


async def test_SG_09_a_scanner_that_comes_back_is_asked(tmp_path: Path) -> None:
    scanner = FakeScanner()
    scanner.is_away = True
    scanner.answers = {b"hello": 9.0}
    async with open_world(tmp_path, scanner=scanner) as world:
        await world.accept("ann@good.test", options=ASKS)
        await world.accept("bob@good.test", options=ASKS)
        await _settled(world)
        assert len(scanner.asked) == 1, "who comes next does not try it again at once"
        scanner.is_away = False
        world.clock.advance(180)
        await _settled(world)
        assert world.states() == {"dropped": 2}


async def test_SG_09_what_was_let_through_once_is_not_scored_again(tmp_path: Path) -> None:
    scanner = FakeScanner()
    async with open_world(tmp_path, scanner=scanner, recent_bytes=1) as world:
        world.courier.answers["good.test"] = lambda _: SmtpResult(Phase.RCPT, 451, "4.7.1", "come again")
        await world.accept("ann@good.test", options=ASKS)
        await _settled(world)
        scanner.is_away = True
        world.courier.answers.clear()
        world.clock.advance(86_400)
        await _settled(world)
        await until(lambda: world.states() == {"delivered": 1})
        assert len(scanner.asked) == 1


async def test_SG_09_too_large_a_letter_leaves_unchecked(tmp_path: Path) -> None:
    scanner = FakeScanner()
    async with open_world(tmp_path, scanner=scanner) as world:
        await world.accept("ann@good.test", raw=RAW + b"x\r\n" * (SCAN_BYTES // 3), options=ASKS)
        await _settled(world)
        assert scanner.asked == []
        assert world.facts("delivered")[0]["warnings"] == ["not scanned for spam: it is too large"]


async def test_SG_09_a_slow_scanner_holds_up_nobody_else(tmp_path: Path) -> None:
    scanner = FakeScanner()
    scanner.gate.clear()
    async with open_world(tmp_path, scanner=scanner) as world:
        for number in range(40):
            await world.accept(f"a{number}@good.test", options=ASKS)
        for _ in range(3):
            await world.fetcher.fetch()
        assert world.dispatcher.bound.jobs == 16
        assert len(scanner.asked) == 4
        await world.accept("quick@good.test")
        await _sent(world, "quick@good.test")
        scanner.gate.set()
        while world.states() != {"delivered": 41}:
            await world.fetcher.fetch()
            await world.written()


async def _sent(world: World, recipient: str) -> None:
    await until(lambda: recipient in world.courier.sent)


async def test_SG_09_captured_mail_is_scored_too(tmp_path: Path) -> None:
    scanner = FakeScanner()
    scanner.answers = {b"hello": 9.0}
    async with open_world(tmp_path, scanner=scanner, captures=True) as world:
        await world.accept("ann@good.test", options=ASKS)
        await _settled(world)
        assert world.states() == {"dropped": 1}


async def test_SG_09_a_house_without_a_scanner_sends_what_asked_for_one(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.accept("ann@good.test", options=ASKS)
        await _settled(world)
        assert world.courier.sent == ["ann@good.test"]
