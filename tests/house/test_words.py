"""What clients of each service hear: success, limits, refusals; in the words that their programs know."""

from __future__ import annotations

import contextlib
import re
import smtplib
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from house import books
from house.conftest import Stores
from house.house import DOMAIN, Auth, House, Houses, Letter, letter, unique, until
from house.wire import Answer, Wire
from posthouse.model.short_id import short_id


@dataclass(frozen=True, slots=True)
class Service:
    """`auth` makes a credential of its kind for a domain. `codes`: enhanced status codes are said."""

    name: str
    auth: Callable[[House, str], Auth]
    codes: bool = True

    def form(self, code: int, enhanced: str, text: str) -> str:
        return f"{code} {enhanced} {text}" if self.codes and enhanced else f"{code} {text}"


def _user(house: House, domain: str) -> Auth:
    login = f"{unique('user')}@{domain}"
    return Auth(login, house.add_user(login))


def _key(house: House, domain: str) -> Auth:
    return house.key()


MAILGUN = Service("mailgun", _user)
SENDGRID = Service("sendgrid", _key, codes=False)
MAILPACE = Service("mailpace", lambda house, domain: house.token(domain))
SERVICES = pytest.mark.parametrize("service", [MAILGUN, SENDGRID, MAILPACE], ids=lambda each: each.name)


def plain_fields(*fields: str, recipient: str = "someone@good.test") -> Letter:
    """A letter with exactly these fields and a body."""
    return Letter("\r\n".join([*fields, "", f"Hello {recipient}", ""]).encode(), "")


def hand_over(
    house: House, auth: Auth, raw: bytes, *recipients: str, sender: str = f"orders@{DOMAIN}"
) -> Answer:
    """The answer at the end of data, octet by octet."""
    with house.wire() as wire:
        assert wire.sign_in(*auth).code == 235
        wire.envelope(sender, recipients)
        wire.send(raw + b".\r\n")
        return wire.read()


# -- C-08 ------------------------------------------------------------------------------------------------

SUCCESS = {
    "mailgun": (
        r"235 2\.7\.0 Authentication successful",
        r"250 2\.1\.0 Sender address accepted",
        r"250 2\.1\.5 Recipient address accepted",
        r"354 Continue",
        r"250 Great success",
    ),
    "sendgrid": (
        r"235 Authentication successful",
        r"250 Sender address accepted",
        r"250 Recipient address accepted",
        r"354 Continue",
        r"250 Ok: queued as [\w-]{22}",
    ),
    "mailpace": (
        r"235 2\.7\.0 .+",
        r"250 2\.1\.0 .+",
        r"250 2\.1\.5 .+",
        r"354 .+",
        r"250 2\.6\.0 .*queued.* \w+",
    ),
}


@pytest.mark.parametrize("way", ["clear", "starttls", "tls"])
@SERVICES
def test_C_08_a_session_from_greeting_to_quit(house: House, service: Service, way: str) -> None:
    auth, recipient = service.auth(house, DOMAIN), f"{unique()}@good.test"
    with house.wire(is_tls=way == "tls") as wire:
        if way == "starttls":
            wire.say("EHLO me.test")
            wire.start_tls()
        hello = wire.say("EHLO me.test").splitlines()
        assert "Nice to meet you" in hello[0]
        assert {line[4:] for line in hello} >= {"PIPELINING", "8BITMIME", "SMTPUTF8", "AUTH PLAIN LOGIN"}
        answers = [wire.sign_in(*auth)]
        answers += [
            wire.say(line) for line in (f"MAIL FROM:<orders@{DOMAIN}>", f"RCPT TO:<{recipient}>", "DATA")
        ]
        wire.send(letter(recipient).raw + b".\r\n")
        answers.append(wire.read())
        for answer, expected in zip(answers, SUCCESS[service.name], strict=True):
            assert re.fullmatch(expected, answer), (expected, answer)
        assert wire.say("NOOP").code == wire.say("RSET").code == 250
        assert wire.say("QUIT").code == 221 and wire.read() == ""
    house.internet.copy(recipient)


@SERVICES
def test_C_08_the_id_in_the_reply_is_the_one_of_the_events(house: House, service: Service) -> None:
    recipient = f"{unique()}@good.test"
    answer = hand_over(house, service.auth(house, DOMAIN), letter(recipient).raw, recipient)
    message_id = house.event(recipient, "accepted")["message_id"]
    named = {"mailgun": "", "sendgrid": short_id(message_id), "mailpace": message_id}[service.name]
    assert answer.endswith(named)
    assert (message_id in answer) == (service is MAILPACE)
    house.internet.copy(recipient)


def test_C_08_an_id_behind_great_success_where_it_is_wanted(houses: Houses) -> None:
    house = houses.new(settings={"smtp": {"queue_id_in_reply": True}})
    recipient = f"{unique()}@good.test"
    answer = hand_over(house, Auth(house.login, house.password), letter(recipient).raw, recipient)
    assert answer == f"250 Great success queued as {house.event(recipient, 'accepted')['message_id']}"
    answer = hand_over(house, house.key(), letter(recipient).raw, recipient)
    assert re.fullmatch(r"250 Ok: queued as [\w-]{22}", answer)


def test_C_08_a_native_credential_hears_words_of_our_own(house: House) -> None:
    for auth in (house.key("--native"), house.token(DOMAIN, "--native")):
        recipient = f"{unique()}@good.test"
        answer = hand_over(house, auth, letter(recipient).raw, recipient)
        assert answer == f"250 2.0.0 Queued as {house.event(recipient, 'accepted')['message_id']}"


# -- C-09 ------------------------------------------------------------------------------------------------


def test_C_09_a_key_sends_100_messages_on_a_connection_and_the_101st_on_the_next(house: House) -> None:
    auth, tag = house.key(), unique()
    client = house.smtp(auth=auth)
    for n in range(100):
        assert client.sendmail(f"orders@{DOMAIN}", [f"{n}+{tag}@good.test"], letter().raw) == {}
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        client.sendmail(f"orders@{DOMAIN}", [f"100+{tag}@good.test"], letter().raw)
    assert refused.value.smtp_code == 421
    assert refused.value.smtp_error == b"Too many messages on this connection"
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    with house.smtp(auth=auth) as again:
        assert again.sendmail(f"orders@{DOMAIN}", [f"100+{tag}@good.test"], letter().raw) == {}
    for n in range(101):
        house.internet.copy(f"{n}+{tag}@good.test")


def test_C_09_a_mail_command_without_a_letter_does_not_count(house: House) -> None:
    with house.wire() as wire:
        assert wire.sign_in(*house.key()).code == 235
        for _ in range(110):
            assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>").code == 250
            assert wire.say("RSET").code == 250


def test_C_09_a_key_has_10_connections_from_an_address_and_a_free_place_can_be_taken(house: House) -> None:
    auth, recipient = house.key(), f"{unique()}@good.test"
    with contextlib.ExitStack() as stack:
        wires = [_opened(stack, house) for _ in range(12)]
        for wire in wires[:10]:
            assert wire.sign_in(*auth).code == 235
        for wire in wires[10:]:
            assert wire.sign_in(*auth) == "421 Too many connections from 127.0.0.1"
            assert wire.read() == ""  # and it is closed
        for other in (Auth(house.login, house.password), house.token()):  # other kinds count for themselves
            assert _opened(stack, house).sign_in(*other).code == 235
        wires[0].close()
        until(lambda: _opened(stack, house).sign_in(*auth).code == 235, 2.0, "the free place")
        for wire in wires[1:10]:
            wire.envelope(f"orders@{DOMAIN}", [recipient])
            wire.send(letter(recipient).raw + b".\r\n")
            assert wire.read().code == 250
    house.internet.copies(recipient, 9)


def _opened(stack: contextlib.ExitStack, house: House) -> Wire:
    return stack.enter_context(house.wire())


def test_C_09_users_and_tokens_have_no_limit_of_messages(house: House) -> None:
    tag = unique()
    for auth in (Auth(house.login, house.password), house.token()):
        with house.smtp(auth=auth) as client:
            for _ in range(101):
                assert client.sendmail(f"orders@{DOMAIN}", [f"{tag}@good.test"], letter().raw) == {}
    house.internet.copies(f"{tag}@good.test", 202)


LIMITS = {"mailgun": 3, "sendgrid": 2, "mailpace": 1}


@pytest.fixture(scope="module")
def narrow_house(shared_houses: Houses, stores: Stores) -> House:
    """Few messages a connection and few connections, another number for each kind; two workers."""
    told = [f"{name}={number}" for name, number in LIMITS.items()]
    return shared_houses.new(
        store=stores.fresh("postgresql"),
        settings={
            "": {"workers": 2},
            "limits": {"connection_messages": told, "address_connections": told},
        },
    )


@SERVICES
def test_C_09_the_limits_are_settings_of_each_kind(narrow_house: House, service: Service) -> None:
    house, limit = narrow_house, LIMITS[service.name]
    auth, tag = service.auth(house, DOMAIN), unique()
    with house.wire() as wire:
        assert wire.sign_in(*auth).code == 235
        for n in range(limit):
            wire.envelope(f"orders@{DOMAIN}", [f"{n}+{tag}@good.test"])
            wire.send(letter().raw + b".\r\n")
            assert wire.read().code == 250
        answer = wire.say(f"MAIL FROM:<orders@{DOMAIN}>")
        assert answer.startswith(service.form(421, "4.7.0", "Too many messages on this connection"))
        assert wire.read() == ""
    for n in range(limit):
        house.internet.copy(f"{n}+{tag}@good.test")


@SERVICES
def test_C_09_connections_are_counted_over_all_workers(narrow_house: House, service: Service) -> None:
    house, limit = narrow_house, LIMITS[service.name]
    auth = service.auth(house, DOMAIN)
    for _ in range(4):  # the kernel spreads them as it likes
        with contextlib.ExitStack() as stack:
            _all_places(stack, house, auth, limit)
            assert [_opened(stack, house).sign_in(*auth).code for _ in range(3)] == [421] * 3


def _all_places(stack: contextlib.ExitStack, house: House, auth: Auth, count: int) -> None:
    """Take them; connections closed a moment ago may still be counted."""

    def are_taken() -> bool:
        with contextlib.ExitStack() as trial:
            codes = [_opened(trial, house).sign_in(*auth).code for _ in range(count)]
            if codes == [235] * count:
                stack.enter_context(trial.pop_all())
                return True
        return False

    until(are_taken, 3.0, f"{count} free places")


# -- C-10 ------------------------------------------------------------------------------------------------

BAD_PATHS = ["<ann@>", "<ann@@good.test>", "<an n@good.test>", "ann@good.test", "<us: ann@good.test;>"]


@pytest.mark.parametrize("path", BAD_PATHS)
@SERVICES
def test_C_10_an_envelope_address_that_cannot_be_parsed(house: House, service: Service, path: str) -> None:
    with house.wire() as wire:
        assert wire.sign_in(*service.auth(house, DOMAIN)).code == 235
        answer = wire.say(f"MAIL FROM:{path}")
        assert answer.code == 501 and "annot parse from address" in answer, answer
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>").code == 250
        answer = wire.say(f"RCPT TO:{path}")
        assert answer.code == 501 and "annot parse to address" in answer, answer
        assert wire.say("RCPT TO:<ann@good.test>").code == 250


FROM_TEXTS = {
    "mailgun": r"550 5\.6\.0 .*(Cannot parse from address|From field).*",
    "sendgrid": r"550 Message rejected: From header is not valid \(RFC 5322\)",
    "mailpace": r"550 5\.6\.0 Email from address not parseable.*",
}
BAD_FROMS = [
    "",
    "orders",
    "orders@",
    "Orders orders@shop.test",
    "<orders@shop.test",
    "a@shop.test, b@shop.test",
    "us: a@shop.test;",
    "Orders <or ders@shop.test>",
    "=?utf-8?q?orders=40shop=2Etest?=",
]


@pytest.mark.parametrize("value", BAD_FROMS, ids=[repr(each)[1:-1] or "empty" for each in BAD_FROMS])
@SERVICES
def test_C_10_a_from_field_that_cannot_be_parsed(house: House, service: Service, value: str) -> None:
    raw = plain_fields(f"From: {value}", "To: <x@good.test>").raw
    answer = hand_over(house, service.auth(house, DOMAIN), raw, "x@good.test")
    assert re.fullmatch(FROM_TEXTS[service.name], answer), answer


GOOD_FIELDS = [
    ("From: orders@shop.test", "To: ann@good.test"),
    ("From: <orders@shop.test>", "To: undisclosed-recipients:;"),  # RFC 6854 and 5322 groups
    ('From: "Orders, here" <orders@shop.test>', "To: Friends: ann@good.test, Bob <bob@good.test>;"),
    ("From: =?utf-8?q?Bestell=C3=BCngen?= <orders@shop.test>", "To: Ann (at work) <ann@good.test>"),
    ("From: Orders\r\n <orders@shop.test>", "To: ann@good.test,\r\n bob@good.test"),
]


@pytest.mark.parametrize("fields", GOOD_FIELDS, ids=["bare", "empty group", "group", "words", "folded"])
@SERVICES
def test_C_10_odd_addresses_that_are_right_pass(
    house: House, service: Service, fields: tuple[str, str]
) -> None:
    recipient = f"{unique()}@good.test"
    raw = plain_fields(*fields, f"Subject: {recipient}").raw
    assert hand_over(house, service.auth(house, DOMAIN), raw, recipient).code == 250
    house.internet.copy(recipient)


# -- C-11 ------------------------------------------------------------------------------------------------

IDENTITY = (
    r"550 The from address does not match a verified Sender Identity\. "
    r"Mail cannot be sent until this error is resolved\. .+"
)
FOREIGN = {
    "mailgun": r"550 5\.7\.1 Domain not found: bank\.test",
    "sendgrid": IDENTITY,
    "mailpace": r"550 5\.7\.1 Domain not found: bank\.test\b.*"
    r"Verified domain does not match domain in From address of email.*",
}
UNVERIFIED = {
    "mailgun": r"550 5\.7\.1 Sender not authorized: the domain {domain} is unverified .+",
    "sendgrid": IDENTITY,
    "mailpace": r"550 5\.7\.1 Sender not authorized: .+"
    r"Domain DKIM DNS not verified, please complete DKIM Verification.*",
}


@SERVICES
def test_C_11_from_a_domain_that_is_not_the_accounts(house: House, service: Service) -> None:
    auth, recipient = service.auth(house, DOMAIN), f"{unique()}@good.test"
    for envelope in (f"orders@{DOMAIN}", "boss@bank.test", ""):  # the envelope is not asked
        raw = letter(recipient, sender="boss@bank.test").raw
        answer = hand_over(house, auth, raw, recipient, sender=envelope)
        assert re.fullmatch(FOREIGN[service.name], answer), answer
    assert house.events(recipient) == []


@SERVICES
def test_C_11_the_from_field_counts_and_not_the_envelope(house: House, service: Service) -> None:
    recipient = f"{unique()}@good.test"
    auth = service.auth(house, DOMAIN)
    assert hand_over(house, auth, letter(recipient).raw, recipient, sender="boss@bank.test").code == 250
    house.internet.copy(recipient)


@SERVICES
def test_C_11_from_a_domain_that_is_not_verified(house: House, service: Service) -> None:
    domain = f"{unique('new')}.test"
    house.cli("domain", "add", domain)
    auth, recipient = service.auth(house, domain), f"{unique()}@good.test"
    answer = hand_over(house, auth, letter(recipient, sender=f"me@{domain}").raw, recipient)
    assert re.fullmatch(UNVERIFIED[service.name].replace("{domain}", domain), answer), answer
    assert house.events(recipient) == []


@SERVICES
def test_C_11_D_02_mail_of_an_unverified_domain_is_held_where_that_is_set(
    holding_house: House, service: Service
) -> None:
    house, domain = holding_house, f"{unique('new')}.test"
    house.cli("domain", "add", domain)
    auth, recipient = service.auth(house, domain), f"{unique()}@good.test"
    assert hand_over(house, auth, letter(recipient, sender=f"me@{domain}").raw, recipient).code == 250
    assert house.state(recipient) == "held"
    assert house.internet.to(recipient) == []
    answer = hand_over(house, auth, letter(recipient, sender="me@bank.test").raw, recipient)
    assert re.fullmatch(FOREIGN[service.name], answer)  # what is nobody's is refused all the same


@pytest.fixture(scope="module")
def holding_house(shared_houses: Houses) -> House:
    return shared_houses.new(settings={"policy": {"unverified": "hold"}})


def test_C_11_a_user_may_write_for_another_domain_of_the_account(house: House) -> None:
    domain = f"{unique('more')}.test"
    house.cli("domain", "add", domain, "--assume-verified")
    auth = _user(house, DOMAIN)  # made later, so that the worker knows both
    for name in (domain, f"news.{domain}", f"news.{DOMAIN}"):
        recipient = f"{unique()}@good.test"
        raw = letter(recipient, sender=f"me@{name}").raw
        assert hand_over(house, auth, raw, recipient).code == 250
        house.internet.copy(recipient)


def test_C_11_any_from_passes_where_that_is_set(houses: Houses) -> None:
    house = houses.new(settings={"policy": {"from_domain": "any"}})
    for auth in (_user(house, DOMAIN), house.token()):
        recipient = f"{unique()}@good.test"
        assert hand_over(house, auth, letter(recipient, sender="boss@bank.test").raw, recipient).code == 250
        house.internet.copy(recipient)


def test_C_11_a_domain_may_allow_itself_alone(house: House) -> None:
    domain = f"{unique('strict')}.test"
    house.cli("domain", "add", domain, "--assume-verified")
    house.cli("domain", "set", domain, "from_policy=domain")
    auth = _user(house, domain)
    for sender, code in (
        (f"me@{domain}", 250),
        (f"me@news.{domain}", 250),
        (f"me@{DOMAIN}", 550),
        ("root@pc", 550),
    ):
        recipient = f"{unique()}@good.test"
        answer = hand_over(
            house, auth, letter(recipient, sender=sender).raw, recipient, sender=f"me@{domain}"
        )
        assert answer.code == code, (sender, answer)
        if code == 250:
            house.internet.copy(recipient)
        else:
            assert answer.startswith("550 5.7.1 Domain not found: ")


def test_C_11_one_domain_may_be_allowed_any_from_and_says_who_sent_it(house: House) -> None:
    domain = f"{unique('free')}.test"
    house.cli("domain", "add", domain, "--assume-verified")
    house.cli("domain", "set", domain, "from_policy=any")
    recipient, auth = f"{unique()}@good.test", _user(house, domain)
    raw = letter(recipient, sender="boss@bank.test").raw
    assert hand_over(house, auth, raw, recipient, sender=f"app@{domain}").code == 250
    copy = house.internet.copy(recipient).content
    assert f"\r\nSender: <app@{domain}>\r\n".encode() in copy
    assert b"From: Orders <boss@bank.test>\r\n" in copy


# -- C-12 ------------------------------------------------------------------------------------------------

STRANGERS = "Sandbox subdomains are for test purposes only. "


@pytest.fixture(scope="module")
def sandbox(house: House) -> str:
    """A sandbox domain with the authorised address friend@good.test."""
    name = f"{unique('sandbox')}.test"
    house.cli("domain", "add", name, "--sandbox")
    house.cli("domain", "authorise", name, "Friend@good.test")
    return name


@SERVICES
def test_C_12_an_authorised_recipient_gets_the_mail(house: House, sandbox: str, service: Service) -> None:
    address = f"{unique('friend')}@good.test"
    house.cli("domain", "authorise", sandbox, address.upper())
    raw = letter(address, sender=f"me@{sandbox}").raw
    auth = service.auth(house, sandbox)
    written = f"{address.partition('@')[0].upper()}@good.test"  # in any case of letters
    _follows(lambda: hand_over(house, auth, raw, written).code == 250)
    house.internet.copy(written)
    house.cli("domain", "unauthorise", sandbox, address)
    _follows(lambda: hand_over(house, auth, raw, address).code == 550)


def _follows(is_so: Callable[[], bool]) -> None:
    """Workers follow a change of a domain within a second."""
    until(is_so, 1.5, "the change")


@SERVICES
def test_C_12_one_stranger_refuses_the_letter(house: House, sandbox: str, service: Service) -> None:
    stranger, auth = f"{unique('stranger')}@good.test", service.auth(house, sandbox)
    raw = letter(stranger, sender=f"me@{sandbox}").raw
    for recipients in ([stranger], ["friend@good.test", stranger], ["friend@also-good.test"]):
        answer = hand_over(house, auth, raw, *recipients)
        assert answer.startswith(service.form(550, "5.7.1", STRANGERS)), answer
    assert house.events(stranger) == [] and house.events("friend@good.test") == []


def test_C_12_who_is_named_in_a_header_counts_too(house: House, sandbox: str) -> None:
    stranger, auth = f"{unique('stranger')}@good.test", house.key()
    for header in (
        f'X-SMTPAPI: {{"to": ["friend@good.test", "{stranger}"]}}',
        f'X-SMTPAPI: {{"filters": {{"bcc": {{"settings": {{"enable": 1, "email": "{stranger}"}}}}}}}}',
    ):
        raw = letter("friend@good.test", sender=f"me@{sandbox}", fields=[header]).raw
        answer = hand_over(house, auth, raw, "friend@good.test")
        assert answer.startswith(f"550 {STRANGERS}"), answer
    assert house.events(stranger) == []


def test_C_12_other_domains_of_the_account_write_to_anybody(house: House, sandbox: str) -> None:
    stranger, auth = f"{unique('stranger')}@good.test", house.key()
    assert hand_over(house, auth, letter(stranger).raw, stranger).code == 250
    house.internet.copy(stranger)
    answer = hand_over(house, auth, letter(stranger, sender=f"me@sub.{sandbox}").raw, stranger)
    assert answer.startswith(f"550 {STRANGERS}")  # what stands below it is it


# -- C-13 ------------------------------------------------------------------------------------------------

OVER = {
    "mailgun": r"452 4\.7\.1 Too many recipients: .+ try again after \w{3}, \d\d? \w{3} \d{4} [\d:]{8} .+",
    "sendgrid": r"452 Too many recipients: You've exceeded your messaging limits",
    "mailpace": r"452 4\.7\.1 Too many recipients: You are sending emails too quickly",
}


def limited(house: House, service: Service, pair: str) -> tuple[str, Auth]:
    """A domain with that limit, and a credential for it; signing in with a new one shows the worker both."""
    domain = f"{unique('few')}.test"
    house.cli("domain", "add", domain, "--assume-verified")
    house.cli("domain", "set", domain, pair)
    return domain, service.auth(house, domain)


@SERVICES
def test_C_13_past_the_limit_mail_is_refused_for_now(house: House, service: Service) -> None:
    domain, auth = limited(house, service, "daily_messages=2")
    tag = unique()
    answers = [
        hand_over(
            house, auth, letter(f"{n}+{tag}@good.test", sender=f"me@{domain}").raw, f"{n}+{tag}@good.test"
        )
        for n in range(4)
    ]
    assert [answer.code for answer in answers[:2]] == [250, 250]
    for answer in answers[2:]:
        assert re.fullmatch(OVER[service.name], answer), answer
    for n in range(2):
        house.internet.copy(f"{n}+{tag}@good.test")
    assert house.events(f"2+{tag}@good.test") == []
    house.cli("domain", "set", domain, "daily_messages=3")  # it is the limit that refuses
    third = f"2+{tag}@good.test"
    raw = letter(third, sender=f"me@{domain}").raw
    _follows(lambda: hand_over(house, auth, raw, third).code == 250)
    house.internet.copy(third)


@SERVICES
def test_C_13_recipients_are_counted_and_a_refused_letter_is_not(house: House, service: Service) -> None:
    domain, auth = limited(house, service, "daily_messages=3")
    tag = unique()
    raw = letter(sender=f"me@{domain}").raw

    def sent_to(*numbers: int) -> int:
        return hand_over(house, auth, raw, *[f"{n}+{tag}@good.test" for n in numbers]).code

    assert [sent_to(0, 1), sent_to(2, 3), sent_to(2), sent_to(3)] == [250, 452, 250, 452]
    for n in range(3):
        house.internet.copy(f"{n}+{tag}@good.test")
    assert house.events(f"3+{tag}@good.test") == []


def test_C_13_other_domains_are_not_hurt(house: House) -> None:
    domain, auth = limited(house, MAILGUN, "daily_messages=1")
    recipient = f"{unique()}@good.test"
    raw = letter(recipient, sender=f"me@{domain}").raw
    assert [hand_over(house, auth, raw, recipient).code for _ in range(2)] == [250, 452]
    house.submit(recipient)
    house.internet.copies(recipient, 2)


@SERVICES
def test_C_13_past_the_limit_mail_waits_where_that_is_set(waiting_house: House, service: Service) -> None:
    house = waiting_house
    domain, auth = limited(house, service, "hourly_messages=2")
    tag = unique()
    recipients = [f"{n}+{tag}@good.test" for n in range(5)]
    assert hand_over(house, auth, letter(sender=f"me@{domain}").raw, *recipients).code == 250
    accepted_at = house.event(recipients[0], "accepted")["at"]
    for recipient in recipients[:2]:
        house.internet.copy(recipient)
    hour = accepted_at // 3600
    due = [
        books.rows(house.store, f"select due_at from delivery where recipient = '{recipient}'")[0]["due_at"]
        for recipient in recipients[2:]
    ]
    assert due == [(hour + 1) * 3600, (hour + 1) * 3600, (hour + 2) * 3600]
    if time.time() // 3600 == hour:
        assert all(house.state(recipient) == "waiting" for recipient in recipients[2:])
        assert all(house.internet.to(recipient) == [] for recipient in recipients[2:])


@pytest.fixture(scope="module")
def waiting_house(shared_houses: Houses) -> House:
    return shared_houses.new(settings={"policy": {"over_limit": "queue"}})


RECIPIENTS = {"mailgun": (1000, 1001), "sendgrid": (1000, 1001), "mailpace": (50, 51)}


@SERVICES
def test_C_13_the_recipient_beyond_the_limit_of_a_letter_gets_452(house: House, service: Service) -> None:
    most, first_refused = RECIPIENTS[service.name]
    with house.wire() as wire:
        assert wire.sign_in(*service.auth(house, DOMAIN)).code == 235
        assert wire.say(f"MAIL FROM:<orders@{DOMAIN}>").code == 250
        wire.send(b"".join(f"RCPT TO:<r{n}@good.test>\r\n".encode() for n in range(first_refused)))
        answers = [wire.read() for _ in range(first_refused)]
        assert [answer.code for answer in answers] == [250] * most + [452]
        assert "Too many recipients" in answers[-1]
        assert wire.say("RSET").code == 250


# -- C-15 ------------------------------------------------------------------------------------------------

NO_FROM = {
    "mailgun": r"550 5\.6\.0 .*From.*",
    "sendgrid": r"550 Message rejected: From header is missing \(RFC 5322\)",
    "mailpace": r"550 5\.6\.0 .*From.*",
}


@SERVICES
def test_C_15_a_letter_without_from_is_refused(house: House, service: Service) -> None:
    recipient = f"{unique()}@good.test"
    auth = service.auth(house, DOMAIN)
    for fields in (
        [f"To: <{recipient}>", "Subject: Hi"],
        [f"To: <{recipient}>", f"Sender: <orders@{DOMAIN}>", f"Reply-To: <orders@{DOMAIN}>"],
        [f"To: <{recipient}>", f"X-From: <orders@{DOMAIN}>"],
    ):
        answer = hand_over(house, auth, plain_fields(*fields).raw, recipient)
        assert re.fullmatch(NO_FROM[service.name], answer), answer
    body_only = b"\r\nFrom: <orders@shop.test>\r\n"  # there it is text
    assert re.fullmatch(NO_FROM[service.name], hand_over(house, auth, body_only, recipient))
    assert house.events(recipient) == []


WITHOUT_TO = {
    "nothing": ["Subject: Hi"],
    "Cc": ["Cc: <x@good.test>"],
    "Bcc": ["Bcc: <x@good.test>"],
    "an empty To": ["To: ", "Subject: Hi"],
}


@pytest.mark.parametrize("fields", WITHOUT_TO.values(), ids=WITHOUT_TO.keys())
def test_C_15_a_letter_of_a_token_without_to_is_refused(house: House, fields: list[str]) -> None:
    recipient = f"{unique()}@good.test"
    raw = plain_fields(f"From: <orders@{DOMAIN}>", *fields).raw
    answer = hand_over(house, house.token(), raw, recipient)
    assert answer.startswith("550 5.6.0 ") and "To" in answer, answer
    assert house.events(recipient) == []


@pytest.mark.parametrize("service", [MAILGUN, SENDGRID], ids=lambda each: each.name)
def test_C_15_others_may_leave_to_out(house: House, service: Service) -> None:
    recipient = f"{unique()}@good.test"
    raw = plain_fields(f"From: <orders@{DOMAIN}>", "Subject: Hi").raw
    assert hand_over(house, service.auth(house, DOMAIN), raw, recipient).code == 250
    assert b"From: <orders@shop.test>\r\nSubject: Hi" in house.internet.copy(recipient).content


@SERVICES
def test_C_15_two_from_fields_are_refused(house: House, service: Service) -> None:
    recipient = f"{unique()}@good.test"
    raw = plain_fields(f"From: <orders@{DOMAIN}>", "From: <boss@bank.test>", f"To: <{recipient}>").raw
    answer = hand_over(house, service.auth(house, DOMAIN), raw, recipient)
    assert answer.code == 550 and "From" in answer, answer
    assert house.events(recipient) == []
