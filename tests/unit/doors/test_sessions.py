"""SubmissionSession without a socket: signing in, the transaction's answers; sign-in delays; the budget."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from posthouse.doors import sessions
from posthouse.doors.budget import BUSY, BodyBudget
from posthouse.doors.sessions import SessionParts, SubmissionSession
from posthouse.doors.signins import SignIns
from posthouse.model.account import Principal
from posthouse.model.address import Address
from posthouse.model.clock import FakeClock
from posthouse.model.errors import CommitInDoubt, PosthouseError, Refused, TryLater
from posthouse.model.message import Receipt, Submission
from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, MailFrom, Quit, RcptTo
from posthouse.smtp.grammar import MailParams, RcptParams
from posthouse.smtp.replies import Reply

ME = Principal("acc", "dom", "shop.test", "us", True, "cred", "app@shop.test")
MAIL = MailFrom(Address("a", "shop.test"), MailParams())
RCPT = RcptTo(Address("ann", "good.test"), RcptParams(notify="NEVER"))
AWAY = TryLater(451, "4.3.0", "The mail store is not available, please try again later")


@dataclass
class Identities:
    """Who is known now, and who will be after a look into the store."""

    known: dict[str, str] = field(default_factory=dict)
    after_a_look: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    is_revoked: bool = False
    looks: int = 0

    def recognise(self, login: str, password: str) -> Principal | None:
        return ME if self.known.get(login) == password else None

    async def refresh(self, _: object) -> bool:
        self.looks += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        self.known |= self.after_a_look
        return True

    def current(self, principal: Principal) -> Principal | None:
        return None if self.is_revoked else principal


@dataclass
class Desk:
    """Store, intake and reader in one: `end` is what acceptance brings."""

    refusal: TryLater | None = None
    end: BaseException | None = None
    bad: PosthouseError | None = None
    taken: list[list[str]] = field(default_factory=list)

    def submission(self, body: bytes, mail: MailFrom, recipients: list[Any], *_: object) -> Submission:
        if self.bad:
            raise self.bad
        return Submission("m1", "", recipients, body, "", "")

    def accept(self, submission: Submission, _: Principal, done: Any) -> None:
        self.taken.append([recipient.address for recipient in submission.recipients])
        done(*((None, self.end) if self.end else (Receipt("m1", 1.0), None)))


@dataclass
class Scene:
    identities: Identities = field(default_factory=lambda: Identities({"app@shop.test": "secret"}))
    desk: Desk = field(default_factory=Desk)
    clock: FakeClock = field(default_factory=FakeClock)
    budget: BodyBudget = field(default_factory=lambda: BodyBudget(1000))
    allow: bool = False
    queue_id: bool = False
    answers: list[Reply | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sign_ins = SignIns(self.clock)
        parts = SessionParts(
            identity=cast(Any, self.identities),
            store=cast(Any, self.desk),
            intake=cast(Any, self.desk),
            reader=cast(Any, self.desk),
            budget=self.budget,
            sign_ins=self.sign_ins,
            allow_unqualified=lambda _: self.allow,
            queue_id_in_reply=self.queue_id,
        )
        self.session = SubmissionSession(parts, cast(Any, None), "192.0.2.7")

    async def say(self, *events: Event) -> list[int]:
        """The codes of the answers, given at once or later; 0 for `close without a word`."""
        codes = []
        for event in events:
            reply = self.session.on_event(event, self.answers.append)
            if reply is None:
                async with asyncio.timeout(5):
                    while not self.answers:
                        await asyncio.sleep(0)
                reply = self.answers.pop()
            self.last = reply
            codes.append(reply.code if reply else 0)
        return codes


def login(user: str = "app@shop.test", password: str = "secret") -> AuthTry:
    return AuthTry("PLAIN", user, password)


# -- signing in --------------------------------------------------------------------------------------------


async def test_a_known_user_is_in_at_once() -> None:
    scene = Scene()
    assert await scene.say(login()) == [235]
    assert scene.identities.looks == 0


async def test_a_user_made_a_moment_ago_gets_in() -> None:
    scene = Scene(Identities(after_a_look={"app@shop.test": "secret"}))
    assert await scene.say(login()) == [235]
    assert scene.identities.looks == 1


@pytest.mark.parametrize(("password", "word"), [("wrong", "failed"), ("key-3ax6xnjp29jd6fds", "API key")])
async def test_wrong_credentials(password: str, word: str) -> None:
    scene = Scene()
    assert await scene.say(login(password=password)) == [535]
    assert scene.last and word in str(scene.last.text)


@pytest.mark.parametrize("error", [AWAY, RuntimeError("a bug")])
async def test_trouble_while_looking_is_454_and_counts_against_nobody(error: Exception) -> None:
    """AUT-10: a store that is away must not look like a wrong password."""
    scene = Scene(Identities(error=error))
    assert await scene.say(login()) == [454]
    assert scene.sign_ins.delay_s("192.0.2.7") == 0.0 and not scene.sign_ins._wrong


async def test_the_look_into_the_store_has_an_owner() -> None:
    scene = Scene()
    assert scene.session.on_event(login(password="wrong"), scene.answers.append) is None
    assert scene.session._looking is not None
    await scene.session._looking
    assert [reply and reply.code for reply in scene.answers] == [535]


# -- the transaction ---------------------------------------------------------------------------------------


async def test_a_whole_transaction() -> None:
    scene = Scene()
    assert await scene.say(login(), MAIL, RCPT, RCPT, BodyStart(), BodyEnd(b"x")) == [
        235,
        250,
        250,
        250,
        354,
        250,
    ]
    assert scene.last == sessions.GREAT_SUCCESS
    assert scene.desk.taken == [["ann@good.test", "ann@good.test"]]


async def test_the_queue_id_on_request() -> None:
    scene = Scene(queue_id=True)
    await scene.say(login(), MAIL, RCPT, BodyEnd(b"x"))
    assert scene.last and scene.last.text == "Great success queued as m1"


async def test_a_new_mail_forgets_the_recipients_of_the_last() -> None:
    scene = Scene()
    await scene.say(
        login(), MAIL, RCPT, MAIL, RcptTo(Address("bob", "good.test"), RcptParams()), BodyEnd(b"")
    )
    assert scene.desk.taken == [["bob@good.test"]]


async def test_a_store_that_is_away_is_said_at_mail() -> None:
    """F20, F21: no waiting and no letter in vain."""
    scene = Scene()
    await scene.say(login())
    scene.desk.refusal = AWAY
    assert await scene.say(MAIL) == [451]
    scene.desk.refusal = TryLater(452, "4.3.1", "The mail store is full")
    assert await scene.say(MAIL) == [452]


async def test_a_revoked_user_is_out_at_the_next_mail() -> None:
    """AUT-13."""
    scene = Scene()
    assert await scene.say(login(), MAIL) == [235, 250]
    scene.identities.is_revoked = True
    assert await scene.say(MAIL) == [535]


@pytest.mark.parametrize(
    ("domain", "allow", "code"),
    [
        ("good.test", False, 250),
        ("[192.0.2.1]", False, 250),
        ("intranet", False, 550),
        ("intranet", True, 250),
    ],
)
async def test_recipients_need_a_whole_domain(domain: str, allow: bool, code: int) -> None:
    scene = Scene(allow=allow)
    assert (await scene.say(login(), MAIL, RcptTo(Address("ann", domain), RcptParams())))[-1] == code


async def test_a_full_house_says_so_before_the_body() -> None:
    scene = Scene()
    scene.budget.held_bytes = 751
    assert await scene.say(login(), MAIL, RCPT, BodyStart()) == [235, 250, 250, BUSY.code]


ENDS: dict[str, tuple[BaseException | None, PosthouseError | None, int]] = {
    "stored": (None, None, 250),
    "the store is away": (AWAY, None, 451),
    "the store is full": (TryLater(452, "4.3.1", "full"), None, 452),
    "nobody knows": (CommitInDoubt(), None, 0),
    "a bug": (KeyError("x"), None, 451),
    "the letter is refused": (None, Refused(550, "5.6.0", "no From"), 550),
}


@pytest.mark.parametrize(("end", "bad", "code"), ENDS.values(), ids=ENDS.keys())
async def test_how_a_letter_ends(end: BaseException | None, bad: PosthouseError | None, code: int) -> None:
    scene = Scene(desk=Desk(end=end, bad=bad))
    assert (await scene.say(login(), MAIL, RCPT, BodyEnd(b"x")))[-1] == code
    assert (await scene.say(MAIL)) == [250], "the next letter has its own luck"


async def test_an_event_that_is_not_its_own_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        await Scene().say(Quit())


# -- sign-in delays: AUT-11 --------------------------------------------------------------------------------


def test_refusals_come_slower_and_nobody_is_locked_out() -> None:
    sign_ins = SignIns(FakeClock())
    delays = []
    for _ in range(12):
        sign_ins.failed("a")
        delays.append(sign_ins.delay_s("a"))
    assert delays == [0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0]
    assert sign_ins.delay_s("b") == 0.0


def test_a_success_and_ten_minutes_are_forgiveness() -> None:
    clock = FakeClock()
    sign_ins = SignIns(clock)
    for _ in range(5):
        sign_ins.failed("a")
        sign_ins.failed("b")
    sign_ins.succeeded("a")
    assert sign_ins.delay_s("a") == 0.0 < sign_ins.delay_s("b")
    clock.advance(599)
    assert sign_ins.delay_s("b") > 0
    clock.advance(2)
    assert sign_ins.delay_s("b") == 0.0
    sign_ins.failed("b")
    assert sign_ins._wrong["b"][0] == 1, "counted anew"


def test_ten_thousand_addresses_are_remembered_and_the_latest_stay() -> None:
    sign_ins = SignIns(FakeClock())
    for number in range(25_000):
        sign_ins.failed(str(number))
    assert len(sign_ins._wrong) <= 10_000
    assert "24999" in sign_ins._wrong and "0" not in sign_ins._wrong


# -- the budget --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "admits", "exceeded"),
    [(0, True, False), (750, True, False), (751, False, False), (1000, False, False), (1001, False, True)],
)
def test_budget(held: int, admits: bool, exceeded: bool) -> None:
    budget = BodyBudget(1000, held)
    assert (budget.admits_new, budget.is_exceeded) == (admits, exceeded)
