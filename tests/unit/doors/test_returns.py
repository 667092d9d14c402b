"""The port for returned mail without a socket: who may come, what is taken, and how much at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from posthouse.doors import returns as door
from posthouse.doors.budget import BUSY, BodyBudget
from posthouse.doors.returns import OpenSession, ReturnsParts, ReturnsSession
from posthouse.mail.return_path import BOUNCE, UNSUBSCRIBE, write_return_path
from posthouse.model.address import Address
from posthouse.model.errors import CommitInDoubt, Refused, TryLater
from posthouse.net.board import Board
from posthouse.pipeline.returns import Arrived
from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, MailFrom, RcptTo
from posthouse.smtp.grammar import MailParams, RcptParams
from posthouse.smtp.replies import Reply

KEY = b"k" * 32
DELIVERY = (
    "01HF7YAT0003EVCX9NF0G70ART.0001"  # not a fresh one: names of tests must be the same in every process
)
PATH, LEAVE = (write_return_path(KEY, kind, DELIVERY) for kind in (BOUNCE, UNSUBSCRIBE))
MAIL = MailFrom(None, MailParams())
AWAY = TryLater(451, "4.3.0", "The mail store is not available, please try again later")


@dataclass
class FakeReturns:
    """Takes letters; with `waits` it holds them until it is set. `error`: what taking them raises."""

    error: BaseException | None = None
    waits: asyncio.Event | None = None
    taken: list[Arrived] = field(default_factory=list)
    refusal: TryLater | None = None

    async def take(self, arrived: Arrived) -> None:
        if self.waits:
            await self.waits.wait()
        if self.error:
            raise self.error
        self.taken.append(arrived)


class Scene:
    """One worker's part; `come` opens a connection."""

    def __init__(self, **how: Any) -> None:
        self.returns = FakeReturns(**how)
        self.board = Board(1).row(0)
        self.parts = ReturnsParts(
            returns=cast(Any, self.returns),
            store=cast(Any, self.returns),
            key=KEY,
            is_return_host=lambda host: host == "return.shop.test",
            hostname="mail.house.test",
            budget=BodyBudget(1000),
            connections=self.board,
        )

    def come(self, address: str = "192.0.2.9") -> Visit:
        return Visit(ReturnsSession(self.parts, address))


class Visit:
    def __init__(self, session: ReturnsSession) -> None:
        self.session = session
        self.answers: list[Reply | None] = []

    def say(self, event: Event) -> Reply | None:
        return self.session.on_event(event, self.answers.append)

    def rcpt(self, address: str) -> Reply:
        local, _, domain = address.rpartition("@")
        reply = self.say(RcptTo(Address(local, domain), RcptParams()))
        assert reply is not None
        return reply

    async def letter(
        self, body: bytes = b"Subject: x\r\n\r\n", to: str = f"{PATH}@return.shop.test"
    ) -> Reply | None:
        self.say(MAIL)
        assert self.rcpt(to).code == 250
        reply = self.say(BodyEnd(body))
        if reply is None:
            while not self.answers:
                await asyncio.sleep(0)
            return self.answers.pop()
        return reply


RECIPIENTS = [
    (f"{PATH}@return.shop.test", "250 2.1.5"),
    (f"{PATH.upper()}@return.shop.test", "250 2.1.5"),
    (f"{LEAVE}@return.shop.test", "250 2.1.5"),
    ("postmaster@return.shop.test", "250 2.1.5"),
    ("Abuse@return.shop.test", "250 2.1.5"),
    ("postmaster@mail.house.test", "250 2.1.5"),
    (f"{PATH}@mail.house.test", "530 5.7.0"),
    (f"{PATH}@return.other.test", "530 5.7.0"),
    ("ann@good.test", "530 5.7.0"),
    ("postmaster@good.test", "530 5.7.0"),
    (f"{PATH[:-1]}@return.shop.test", "550 5.7.1"),
    (f"u{PATH[1:]}@return.shop.test", "550 5.7.1"),
    ("orders@return.shop.test", "550 5.7.1"),
    ('"postmaster"@return.shop.test', "550 5.7.1"),
]


@pytest.mark.parametrize(("address", "answer"), RECIPIENTS, ids=[row[0][:20] + row[1] for row in RECIPIENTS])
def test_only_what_we_wrote_is_a_recipient(address: str, answer: str) -> None:
    visit = Scene().come()
    assert visit.say(MAIL) == door.SENDER_OK
    assert str(visit.rcpt(address)).startswith(answer)


async def test_a_letter_is_taken_with_the_deliveries_it_names() -> None:
    scene = Scene()
    visit = scene.come()
    visit.say(MAIL)
    for address in (PATH, PATH.upper(), LEAVE, "abuse"):
        visit.rcpt(f"{address}@return.shop.test")
    assert visit.say(BodyStart()) == door.GO_ON
    assert visit.say(BodyEnd(b"x")) is None
    while not visit.answers:
        await asyncio.sleep(0)
    assert visit.answers.pop() == door.THANKS
    assert scene.returns.taken == [Arrived(b"x", ((BOUNCE, DELIVERY), (UNSUBSCRIBE, DELIVERY)))]
    assert await visit.letter(b"y") == door.THANKS
    assert scene.returns.taken[1] == Arrived(b"y", ((BOUNCE, DELIVERY),)), "the next begins anew"


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Refused(550, "5.7.1", "Names nothing"), "550 5.7.1 Names nothing"),
        (AWAY, f"451 4.3.0 {AWAY.text}"),
        (RuntimeError("a bug"), "451 4.3.0 cannot take your message now, try again later"),
        (CommitInDoubt(), "None"),
    ],
    ids=["refused", "later", "a bug", "in doubt"],
)
async def test_what_goes_wrong_is_answered(error: BaseException, answer: str) -> None:
    scene = Scene(error=error)
    assert str(await scene.come().letter()) == answer
    assert scene.parts.at_work == 0


def test_no_sender_while_the_store_is_away() -> None:
    assert str(Scene(refusal=AWAY).come().say(MAIL)) == f"451 4.3.0 {AWAY.text}"


def test_few_recipients_in_one_transaction() -> None:
    visit = Scene().come()
    visit.say(MAIL)
    answers = [visit.rcpt(f"{PATH}@return.shop.test").code for _ in range(door.MOST_RECIPIENTS + 1)]
    assert answers == [250] * door.MOST_RECIPIENTS + [452]
    visit.say(MAIL)
    assert visit.rcpt(f"{PATH}@return.shop.test").code == 250


def test_few_connections_of_one_client() -> None:
    scene = Scene()
    visits = [scene.come() for _ in range(door.MOST_CONNECTIONS + 1)]
    answers = [visit.say(MAIL) for visit in visits]
    assert answers == [door.SENDER_OK] * door.MOST_CONNECTIONS + [door.TOO_MANY_CONNECTIONS]
    assert scene.come("192.0.2.10").say(MAIL) == door.SENDER_OK, "another client"
    for visit in visits:
        visit.session.closed()
    assert scene.come().say(MAIL) == door.SENDER_OK
    assert visits[0].say(MAIL) == door.SENDER_OK, "counted again"


async def test_few_letters_at_once() -> None:
    scene = Scene(waits=asyncio.Event())
    visits = [scene.come(f"192.0.2.{number}") for number in range(door.MOST_AT_ONCE + 1)]
    for visit in visits:
        visit.say(MAIL)
        visit.rcpt(f"{PATH}@return.shop.test")
    said = [visit.say(BodyEnd(b"x")) for visit in visits]
    assert said == [None] * door.MOST_AT_ONCE + [door.TOO_MUCH]
    assert visits[-1].say(BodyStart()) == BUSY
    assert scene.returns.waits
    scene.returns.waits.set()
    while len(scene.returns.taken) < door.MOST_AT_ONCE:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert visits[-1].say(BodyStart()) == door.GO_ON


@pytest.mark.parametrize(("held", "answer"), [(0, door.GO_ON), (250, door.GO_ON), (251, BUSY)])
def test_most_of_the_memory_is_for_customers(held: int, answer: Reply) -> None:
    scene = Scene()
    scene.parts.budget.held_bytes = held
    assert scene.come().say(BodyStart()) == answer


@pytest.mark.parametrize(("hops", "code"), [(0, 250), (door.MOST_HOPS, 250), (door.MOST_HOPS + 1, 554)])
async def test_what_goes_round_in_circles_is_refused(hops: int, code: int) -> None:
    body = b"received : by a\r\n" * hops + b"Subject: x\r\n\r\n" + b"Received: by b\r\n" * 100
    reply = await Scene().come().letter(body)
    assert reply and reply.code == code


class Recording:
    """A session that only notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.closings = 0

    def on_event(self, event: Event, _: object) -> Reply:
        self.heard.append(event)
        return door.SENDER_OK

    def closed(self) -> None:
        self.closings += 1


def test_who_signs_in_is_a_customer() -> None:
    @dataclass
    class Engine:
        is_authenticated: bool = False

    engine, customer, server = Engine(), Recording(), Recording()
    session = OpenSession(cast(Any, engine), cast(Any, customer), cast(Any, server))
    attempt = AuthTry("PLAIN", "a", "b")
    session.on_event(MAIL, lambda _: None)
    session.on_event(attempt, lambda _: None)
    engine.is_authenticated = True
    session.on_event(MAIL, lambda _: None)
    engine.is_authenticated = False  # STARTTLS forgets everything
    session.on_event(MAIL, lambda _: None)
    session.closed()
    assert (server.heard, customer.heard) == ([MAIL, MAIL], [attempt, MAIL])
    assert (server.closings, customer.closings) == (1, 1)
