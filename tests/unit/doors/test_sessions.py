"""SubmissionSession without a socket: signing in, the transaction's answers; sign-in delays; the budget."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from posthouse.dialects.dialect import SessionLimits, TemplateUse
from posthouse.dialects.table import DIALECTS
from posthouse.doors.budget import BUSY, BodyBudget
from posthouse.doors.session_parts import SessionParts
from posthouse.doors.sessions import SubmissionSession
from posthouse.doors.throttle import Throttle
from posthouse.model.account import CredentialKind, CredentialLimits, Principal
from posthouse.model.address import Address
from posthouse.model.clock import FakeClock
from posthouse.model.errors import CommitInDoubt, PosthouseError, Refused, TryLater
from posthouse.model.message import Receipt, Submission
from posthouse.model.short_id import short_id
from posthouse.net.board import Board, Row
from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, Limits, MailFrom, Quit, RcptTo
from posthouse.smtp.grammar import MailParams, RcptParams
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine

ME = Principal("acc", "dom", "shop.test", "us", True, "cred", "app@shop.test")
KEY = Principal("acc", "", "", "", True, "key", "k1", CredentialKind.API_KEY, "sendgrid")
TOKEN = Principal("acc", "dom", "shop.test", "us", True, "tok", "t1", CredentialKind.DOMAIN_TOKEN, "mailpace")
NATIVE = replace(ME, dialect="native")
PRINCIPALS = {"mailgun": ME, "sendgrid": KEY, "mailpace": TOKEN, "native": NATIVE}
MAIL = MailFrom(Address("a", "shop.test"), MailParams())
RCPT = RcptTo(Address("ann", "good.test"), RcptParams(notify="NEVER"))
ID = "01KAJ6Z1Q8ZZZZZZZZZZZZZZZZ"
AWAY = TryLater(451, "4.3.0", "The mail store is not available, please try again later")


@dataclass
class Identities:
    """Who is known now, and who will be after a look into the store."""

    known: dict[str, str] = field(default_factory=dict)
    after_a_look: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    is_revoked: bool = False
    looks: int = 0
    principal: Principal = ME
    now: Principal | None = None
    admitted: tuple[str, ...] = ()
    suspended: frozenset[str] = frozenset()

    def recognise(self, login: str, password: str) -> Principal | None:
        return self.principal if self.known.get(login) == password else None

    def kind_of(self, secret: str) -> CredentialKind | None:
        return {"imported-key": CredentialKind.API_KEY, "token": CredentialKind.DOMAIN_TOKEN}.get(secret)

    def admits(self, _: Principal, address: str) -> bool:
        return address in self.admitted if self.admitted else True

    async def look(self, store: object) -> None:
        await self.refresh(store)

    async def refresh(self, _: object) -> bool:
        self.looks += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        self.known |= self.after_a_look
        return True

    def current(self, principal: Principal) -> Principal | None:
        return None if self.is_revoked else self.now or principal


@dataclass
class Desk:
    """Store, intake and reader in one: `end` is what acceptance brings."""

    refusal: TryLater | None = None
    end: BaseException | None = None
    bad: PosthouseError | None = None
    template: TemplateUse | None = None
    taken: list[list[str]] = field(default_factory=list)
    templates: list[TemplateUse | None] = field(default_factory=list)

    def submission(
        self, body: bytes, mail: MailFrom, recipients: list[Any], *_: object
    ) -> tuple[Submission, TemplateUse | None]:
        if self.bad:
            raise self.bad
        return Submission(ID, "", recipients, body, "", ""), self.template

    def accept(
        self, submission: Submission, _: Principal, done: Any, template: TemplateUse | None = None
    ) -> None:
        self.taken.append([recipient.address for recipient in submission.recipients])
        self.templates.append(template)
        done(*((None, self.end) if self.end else (Receipt(ID, 1.0), None)))


@dataclass
class Scene:
    identities: Identities = field(default_factory=lambda: Identities({"app@shop.test": "secret"}))
    desk: Desk = field(default_factory=Desk)
    clock: FakeClock = field(default_factory=FakeClock)
    budget: BodyBudget = field(default_factory=lambda: BodyBudget(1000))
    allow: bool = False
    queue_id: bool = False
    limits: dict[str, SessionLimits] = field(default_factory=dict)
    connections: Row = field(default_factory=lambda: Board(1).row(0))
    address: str = "192.0.2.7"
    answers: list[Reply | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.throttle = Throttle(self.clock, self.connections)
        self.used: list[tuple[str, str]] = []
        parts = SessionParts(
            identity=cast(Any, self.identities),
            store=cast(Any, self.desk),
            intake=cast(Any, self.desk),
            reader=cast(Any, self.desk),
            budget=self.budget,
            throttle=self.throttle,
            last_uses=cast(Any, self),
            allow_unqualified=lambda _: self.allow,
            queue_id_in_reply=self.queue_id,
            limits=self.limits,
            connections=self.connections,
        )
        engine = ServerEngine("mail.example.test", Limits(), offers_tls=False, auth="always")
        self.session = SubmissionSession(parts, engine, self.address)

    def note(self, credential_id: str, address: str) -> None:
        self.used.append((credential_id, address))

    @classmethod
    def of(cls, dialect: str, **more: Any) -> Scene:
        """A scene whose user speaks that dialect."""
        return cls(Identities({"app@shop.test": "secret"}, principal=PRINCIPALS[dialect]), **more)

    async def say(self, *events: Event) -> list[int]:
        """The codes of the answers, given at once or later; 0 for `close without a word`."""
        codes = []
        for event in events:
            reply = self.session.on_event(event, self.answers.append)
            if reply is None:
                async with asyncio.timeout(60):
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
    assert scene.throttle.delay_s("192.0.2.7", "app@shop.test") == 0.0 and not scene.throttle._own


async def test_the_look_into_the_store_has_an_owner() -> None:
    scene = Scene()
    assert scene.session.on_event(login(password="wrong"), scene.answers.append) is None
    assert scene.session._caller._looking is not None
    await scene.session._caller._looking
    assert [reply and reply.code for reply in scene.answers] == [535]


# -- from where, how often, how much -----------------------------------------------------------------------


async def test_c04_a_right_secret_from_outside_its_ranges_is_told_so() -> None:
    scene = Scene()
    scene.identities.admitted = ("198.51.100.1",)
    assert await scene.say(login()) == [535]
    assert scene.last and scene.last.text == (
        "Authentication failed: this credential may not be used from 192.0.2.7"
    )
    assert scene.used == []
    assert await scene.say(login(password="wrong")) == [535]
    assert scene.last and scene.last.text == "Authentication failed"


async def test_c04_a_range_set_later_ends_an_open_session() -> None:
    scene = Scene()
    assert await scene.say(login(), MAIL) == [235, 250]
    scene.identities.admitted = ("198.51.100.1",)
    assert await scene.say(MAIL) == [250], "the view is still the one of the sign-in"
    scene.identities.now = replace(ME, ranges=("198.51.100.1/32",))
    assert await scene.say(MAIL) == [535]
    assert scene.last and "may not be used from 192.0.2.7" in scene.last.text


async def test_c07_each_sign_in_and_each_letter_is_a_use() -> None:
    scene = Scene()
    await scene.say(login(password="wrong"))
    assert scene.used == []
    await scene.say(login(), MAIL, RCPT, BodyEnd(b"x"), MAIL)
    assert scene.used == [("cred", "192.0.2.7")] * 3


async def test_c09_a_credentials_own_limits_go_before_settings_and_dialect() -> None:
    settings = {"sendgrid": SessionLimits(messages_per_connection=1, connections_per_address=1)}
    scene = Scene.of("sendgrid", limits=settings)
    limits = CredentialLimits(messages_per_connection=2, connections_per_address=0)
    scene.identities.principal = replace(KEY, limits=limits)
    assert await scene.say(login()) == [235]
    again = Scene.of("sendgrid", limits=settings, connections=scene.connections)
    again.identities.principal = scene.identities.principal
    assert await again.say(login()) == [235], "no limit of connections"
    letter = (MAIL, RCPT, BodyEnd(b"x"))
    assert await scene.say(*letter, *letter, MAIL) == [250] * 6 + [421]


async def test_c09_a_limit_of_its_own_counts_the_credential_by_itself() -> None:
    row = Board(1).row(0)
    only_one = replace(ME, limits=CredentialLimits(connections_per_address=1))
    scenes = [Scene(connections=row) for _ in range(3)]
    for scene in scenes[:2]:
        scene.identities.principal = only_one
    scenes[2].identities.principal = replace(only_one, credential_id="another")
    assert [(await scene.say(login()))[0] for scene in scenes] == [235, 421, 235]
    scenes[0].session.closed()
    fresh = Scene(connections=row)
    fresh.identities.principal = only_one
    assert await fresh.say(login()) == [235]


async def test_c09_a_limit_set_later_holds_in_open_sessions() -> None:
    scene = Scene()
    letter = (MAIL, RCPT, BodyEnd(b"x"))
    assert await scene.say(login(), *letter) == [235, 250, 250, 250]
    scene.identities.now = replace(ME, limits=CredentialLimits(messages_per_connection=1))
    assert await scene.say(MAIL) == [421]


async def test_s21_more_wrong_sign_ins_than_can_wait_are_answered_and_closed() -> None:
    scene = Scene()
    for _ in range(20):
        scene.throttle.failed("192.0.2.7", "app@shop.test")
    while scene.throttle.hold("192.0.2.7"):
        pass
    assert await scene.say(login(password="wrong")) == [421]
    assert await scene.say(login()) == [235], "the right password is never delayed"


@pytest.mark.parametrize(
    ("user", "password", "reply"),
    [
        ("app@shop.test", "token", "535 5.7.8 Authentication failed: this is a domain's token; "),
        ("app@shop.test", "imported-key", "535 5.7.8 Authentication failed: this is an API key; "),
        (f"SG.{'a' * 22}.{'B' * 43}", "x", "535 Authentication failed: the user is the word apikey, "),
        ("apikey", "token", "535 Authentication failed: The provided authorization grant is invalid, "),
    ],
)
async def test_c06_a_secret_in_the_wrong_place_is_told_in_the_services_form(
    user: str, password: str, reply: str
) -> None:
    scene = Scene()
    assert await scene.say(login(user, password)) == [535]
    assert str(scene.last).startswith(reply)


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
    assert scene.last and scene.last.text == "Great success"
    assert scene.desk.taken == [["ann@good.test", "ann@good.test"]]


async def test_the_queue_id_on_request() -> None:
    scene = Scene(queue_id=True)
    await scene.say(login(), MAIL, RCPT, BodyEnd(b"x"))
    assert scene.last and scene.last.text == f"Great success queued as {ID}"


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


async def test_nobody_of_a_suspended_account_signs_in_or_sends() -> None:
    scene = Scene()
    assert await scene.say(login(), MAIL) == [235, 250]
    scene.identities.suspended = frozenset({"acc", "other"})
    assert await scene.say(MAIL, login()) == [535, 535]
    assert await scene.say(login(password="guessed")) == [535]
    assert str(scene.last) == "535 5.7.8 Authentication failed", "a guesser learns nothing"
    scene.identities.suspended = frozenset({"other"})
    assert await scene.say(login(), MAIL) == [235, 250]


SUSPENDED = {
    "native": "535 5.7.8 Authentication failed: this account is suspended; ask whoever runs this service",
    "mailgun": "535 5.7.8 Authentication failed: this account is disabled",
    "sendgrid": "535 Authentication failed: this account is suspended; ask whoever runs this service",
    "mailpace": "535 5.7.8 Authentication failed: This organization is unable to send emails. "
    "Please contact support",
}


@pytest.mark.parametrize("dialect", PRINCIPALS)
async def test_each_service_says_in_its_words_that_an_account_is_suspended(dialect: str) -> None:
    scene = Scene.of(dialect)
    scene.identities.suspended = frozenset({"acc"})
    await scene.say(login())
    assert str(scene.last) == SUSPENDED[dialect]


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


async def test_a_template_goes_along() -> None:
    wanted = TemplateUse("welcome", lambda sentence: Refused(554, "5.6.0", sentence))
    scene = Scene(desk=Desk(template=wanted))
    await scene.say(login(), MAIL, RCPT, BodyEnd(b"x"))
    assert scene.desk.templates == [wanted]


# -- words -------------------------------------------------------------------------------------------------

SAID = {
    "mailgun": "250 Great success",
    "sendgrid": f"250 Ok: queued as {short_id(ID)}",
    "mailpace": f"250 2.6.0 Message queued as {ID}",
    "native": f"250 2.0.0 Queued as {ID}",
}


@pytest.mark.parametrize("dialect", PRINCIPALS)
async def test_c08_each_customer_hears_their_own_service(dialect: str) -> None:
    scene = Scene.of(dialect)
    words = DIALECTS[dialect].words
    assert await scene.say(login(), MAIL, RCPT, BodyStart()) == [235, 250, 250, 354]
    assert scene.last == words.go_on
    await scene.say(BodyEnd(b"x"))
    assert scene.last == words.queued(ID)
    assert str(scene.last) == SAID[dialect]


async def test_the_queue_id_is_not_said_twice() -> None:
    scene = Scene.of("native", queue_id=True)
    await scene.say(login(), MAIL, RCPT, BodyEnd(b"x"))
    assert str(scene.last) == SAID["native"]


async def test_sendgrid_hears_no_enhanced_codes_whatever_happens() -> None:
    scene = Scene.of("sendgrid")
    replies = []
    scene.budget.held_bytes = 751
    unqualified = RcptTo(Address("ann", "intranet"), RcptParams())
    for event in (login(), MAIL, RCPT, unqualified, BodyStart()):
        await scene.say(event)
        replies.append(scene.last)
    scene.desk.end = KeyError("x")
    await scene.say(MAIL, RCPT, BodyEnd(b"x"))
    replies.append(scene.last)
    scene.desk.refusal = AWAY
    await scene.say(MAIL)
    replies.append(scene.last)
    assert [reply and (reply.code, reply.enhanced) for reply in replies] == [
        (code, "") for code in (235, 250, 250, 550, 452, 451, 451)
    ]


async def test_c15_a_refusal_is_phrased_by_the_dialect() -> None:
    bad = Refused(550, "5.6.0", "The message has no From field", reason="no-from")
    said = {}
    for dialect in PRINCIPALS:
        scene = Scene.of(dialect, desk=Desk(bad=bad))
        await scene.say(login(), MAIL, RCPT, BodyEnd(b"x"))
        said[dialect] = str(scene.last)
    assert said["sendgrid"] == "550 Message rejected: From header is missing (RFC 5322)"
    assert said["native"] == said["mailpace"] == "550 5.6.0 The message has no From field"


async def test_mp_api_texts_follow_the_contracts_words() -> None:
    bad = Refused(550, "5.7.1", "Domain not found: x.test", reason="from-domain")
    scene = Scene.of("mailpace", desk=Desk(bad=bad))
    await scene.say(login(), MAIL, RCPT, BodyEnd(b"x"))
    assert str(scene.last) == (
        "550 5.7.1 Domain not found: x.test. Verified domain does not match domain in From address of email"
    )


BAD_LOGINS: dict[str, tuple[str, str, str]] = {
    "c04 a key that is gone": (
        "apikey",
        "SG.x.y",
        "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked",
    ),
    "the word in capitals": (
        "ApiKey",
        "x",
        "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked",
    ),
    "c05 a token that is gone": ("t-1 ", "t-1", "535 5.7.8 Authentication failed: Invalid API Token"),
    "c06 an API key of a user": (
        "app@shop.test",
        "key-3ax6xnjp29jd6fds",
        "535 5.7.8 Authentication failed: this is an API key; use the SMTP password of this user",
    ),
    "c06 a key of ours in another form": (
        "app@shop.test",
        "imported-key",
        "535 5.7.8 Authentication failed: this is an API key; use the SMTP password of this user",
    ),
    "c03 a wrong password": ("app@shop.test", "wrong", "535 5.7.8 Authentication failed"),
    "nothing at all": ("", "", "535 5.7.8 Authentication failed"),
}


@pytest.mark.parametrize(("user", "password", "text"), BAD_LOGINS.values(), ids=BAD_LOGINS.keys())
async def test_a_failed_sign_in_is_told_in_the_words_of_its_form(user: str, password: str, text: str) -> None:
    scene = Scene()
    assert await scene.say(login(user, password)) == [535]
    assert str(scene.last) == text


async def test_c04_a_key_without_the_permission_to_send() -> None:
    scene = Scene.of("sendgrid")
    scene.identities.principal = replace(KEY, permissions=("stats.read",))
    assert await scene.say(login()) == [535]
    assert str(scene.last) == "535 Authentication failed: access forbidden"


async def test_c04_a_permission_that_is_taken_away_ends_the_session() -> None:
    scene = Scene.of("sendgrid")
    assert await scene.say(login(), MAIL) == [235, 250]
    scene.identities.now = replace(KEY, permissions=())
    assert await scene.say(MAIL) == [535]


async def test_a_dialect_of_a_later_version_is_answered_plainly() -> None:
    scene = Scene()
    scene.identities.principal = replace(ME, dialect="pigeon")
    await scene.say(login(), MAIL, RCPT, BodyEnd(b"x"))
    assert str(scene.last) == SAID["native"]


# -- limits: C-09 ------------------------------------------------------------------------------------------


async def test_c09_exactly_a_hundred_messages_a_connection() -> None:
    scene = Scene.of("sendgrid")
    await scene.say(login())
    for _ in range(100):
        assert await scene.say(MAIL, RCPT, BodyEnd(b"x")) == [250, 250, 250]
    assert await scene.say(MAIL) == [421]
    assert str(scene.last) == "421 Too many messages on this connection"
    assert len(scene.desk.taken) == 100, "nothing is lost"


async def test_c09_transactions_without_a_letter_do_not_count() -> None:
    scene = Scene.of("sendgrid", limits={"sendgrid": SessionLimits(messages_per_connection=1)})
    assert await scene.say(login(), MAIL, RCPT, MAIL, RCPT, BodyEnd(b"x")) == [235, 250, 250, 250, 250, 250]
    assert await scene.say(MAIL) == [421]


async def test_c09_the_settings_beat_the_dialect() -> None:
    scene = Scene.of("sendgrid", limits={"sendgrid": SessionLimits()})
    await scene.say(login())
    for _ in range(150):
        assert await scene.say(MAIL, RCPT, BodyEnd(b"x")) == [250, 250, 250]


async def test_c09_ten_connections_a_client_address_over_all_workers() -> None:
    board = Board(2)
    rows = [board.row(0), board.row(1)]
    scenes = [Scene.of("sendgrid", connections=rows[number % 2]) for number in range(11)]
    codes = [(await scene.say(login()))[0] for scene in scenes]
    assert codes == [235] * 10 + [421]
    assert str(scenes[10].last) == "421 Too many connections from 192.0.2.7"
    elsewhere = Scene.of("sendgrid", connections=rows[0], address="192.0.2.8")
    assert await elsewhere.say(login()) == [235]
    other_service = Scene.of("mailgun", connections=rows[0])
    assert await other_service.say(login()) == [235]
    scenes[10].session.closed()
    late = Scene.of("sendgrid", connections=rows[0])
    assert await late.say(login()) == [421]
    scenes[3].session.closed()
    scenes[3].session.closed()
    assert await late.say(login()) == [235]
    assert await Scene.of("sendgrid", connections=rows[0]).say(login()) == [421]


async def test_c09_the_conversation_ends_with_the_421() -> None:
    engine = ServerEngine("mail.example.test", Limits(), offers_tls=False, auth="always")
    engine.receive(b"EHLO me.test\r\nAUTH PLAIN AGFwcEBzaG9wLnRlc3QAc2VjcmV0\r\nMAIL FROM:<a@shop.test>\r\n")
    event = engine.next_event()
    assert isinstance(event, AuthTry)
    full = Board(1).row(0)
    for _ in range(10):
        full.enter("sendgrid 192.0.2.7")
    scene = Scene.of("sendgrid", connections=full)
    await scene.say(event)
    assert scene.last
    engine.reply(scene.last)
    assert engine.is_closing and not engine.is_authenticated and engine.next_event() is None
    assert engine.to_send().endswith(b"421 Too many connections from 192.0.2.7\r\n")


async def test_c09_signing_in_again_counts_once() -> None:
    """STARTTLS after AUTH forgets the sign-in (RFC 3207 4.2): the second one is the same connection."""
    scene = Scene.of("sendgrid", limits={"sendgrid": SessionLimits(connections_per_address=1)})
    assert await scene.say(login(), login()) == [235, 235]
    scene.session.closed()
    assert scene.connections.total("sendgrid 192.0.2.7") == 0


async def test_c09_who_left_during_the_look_into_the_store_is_not_counted() -> None:
    scene = Scene(Identities(after_a_look={"app@shop.test": "secret"}, principal=KEY))
    assert scene.session.on_event(login(), scene.answers.append) is None
    scene.session.closed()
    assert scene.session._caller._looking is not None
    await scene.session._caller._looking
    assert scene.connections.total("sendgrid 192.0.2.7") == 0


async def test_an_event_that_is_not_its_own_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        await Scene().say(Quit())


# -- the budget --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "admits", "exceeded"),
    [(0, True, False), (750, True, False), (751, False, False), (1000, False, False), (1001, False, True)],
)
def test_budget(held: int, admits: bool, exceeded: bool) -> None:
    budget = BodyBudget(1000, held)
    assert (budget.admits_new, budget.is_exceeded) == (admits, exceeded)
