"""Signing in step by step: password, code, a password of one's own; tickets, sessions, what ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event

import pytest

from posthouse.desk import accounts, passwords, people, second_step, sessions
from posthouse.desk.entrance import TICKET_S, Step
from posthouse.desk.installation import Installation
from posthouse.desk.passwords import ONE_TIME_S, Given, Passwords
from posthouse.desk.sessions import IDLE_S, LONGEST_S, NOTE_S, Signed
from posthouse.desk.wrong_codes import WrongCodes
from posthouse.model.account import Role
from posthouse.model.errors import Refused, TryLater
from posthouse.rules import totp
from posthouse.store import audit
from posthouse.store import people as store_people
from unit.desk.entry import EMAIL, PASSWORD, Entry, quick_hash

SECRET = b"12345678901234567890"


async def begin(entry: Entry, email: str = EMAIL) -> str:
    return await entry.entrance.begin(entry.person(email), "192.0.2.7", "Browser/1.0")


async def signed(entry: Entry, token: str) -> Signed:
    found = await entry.entrance.signed(token)
    assert found is not None
    return found


async def with_totp(entry: Entry) -> list[str]:
    """Ann turns her second step on; the recovery codes."""
    ann = await signed(entry, await begin(entry))
    code = totp.code_at(SECRET, totp.step_at(entry.clock.now()))
    codes = await entry.own.turn_totp_on(ann, SECRET, code)
    entry.clock.advance(totp.STEP_S)
    return codes


def code_now(entry: Entry) -> str:
    return totp.code_at(SECRET, totp.step_at(entry.clock.now()))


# -- the password ------------------------------------------------------------------------------------------


async def test_the_right_password_opens_in_any_case_of_the_address(entry: Entry) -> None:
    for email in (EMAIL, " ANN@Shop.TEST "):
        person = await entry.entrance.check_password(email, PASSWORD)
        assert person.email == EMAIL
        assert entry.entrance.next_step(person, has_shown_code=False) is Step.IN


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (EMAIL, "wrong"),
        (EMAIL, ""),
        (EMAIL, PASSWORD.upper()),
        (EMAIL, quick_hash(PASSWORD)),
        ("nobody@shop.test", PASSWORD),
        ("", ""),
        ("no address", PASSWORD),
        ("\0", "\ud800"),
    ],
)
async def test_a_wrong_one_is_answered_alike_whatever_was_wrong(
    entry: Entry, email: str, password: str
) -> None:
    with pytest.raises(Refused) as refused:
        await entry.entrance.check_password(email, password)
    assert str(refused.value) == "535 5.7.8 E-mail address or password is wrong"


async def test_a_given_password_opens_for_seven_days_to_choose_another(entry: Entry) -> None:
    entry.add("bob@shop.test", Role.VIEWER)
    entry.clock.advance(ONE_TIME_S)
    bob = await entry.entrance.check_password("bob@shop.test", "given-word")
    assert entry.entrance.next_step(bob, has_shown_code=False) is Step.CHOOSE
    entry.clock.advance(1)
    with pytest.raises(Refused, match="older than 7 days"):
        await entry.entrance.check_password("bob@shop.test", "given-word")
    with pytest.raises(Refused, match="address or password is wrong"):
        await entry.entrance.check_password("bob@shop.test", "guessed")


async def test_a_given_password_opens_once(entry: Entry) -> None:
    entry.add("bob@shop.test", Role.VIEWER)
    bob = await entry.entrance.check_password("bob@shop.test", "given-word")
    bob = await entry.own.choose_first(bob, "a password of Bob's own", "192.0.2.9")
    assert entry.entrance.next_step(bob, has_shown_code=True) is Step.IN
    (noted,) = audit.search(entry.conn, audit.Query(entry.one))
    assert (noted.what, noted.who, noted.address) == ("account.password", "bob@shop.test", "192.0.2.9")
    with pytest.raises(Refused, match="wrong"):
        await entry.entrance.check_password("bob@shop.test", "given-word")
    assert not (await entry.entrance.check_password("bob@shop.test", "a password of Bob's own")).must_change


@pytest.mark.parametrize(
    ("password", "text"),
    [("short", "12 to 256"), ("given-word-1", ""), ("given-word", "12 to 256"), ("bob@shop.test!", "e-mail")],
)
async def test_a_bad_choice_is_explained(entry: Entry, password: str, text: str) -> None:
    bob = entry.add("bob@shop.test", Role.VIEWER)
    if not text:
        assert not (await entry.entrance.choose(bob, password)).must_change
        return
    with pytest.raises(Refused, match=text):
        await entry.entrance.choose(bob, password)


async def test_the_old_password_is_no_new_one(entry: Entry) -> None:
    with pytest.raises(Refused, match="This is the old password"):
        await entry.entrance.choose(entry.person(), PASSWORD)


async def test_of_two_who_choose_at_once_the_second_is_refused(entry: Entry) -> None:
    """As when the operator resets it meanwhile."""
    stale = entry.person()
    await entry.entrance.choose(stale, "the first new password")
    with pytest.raises(Refused, match="wrong"):
        await entry.entrance.choose(stale, "the second new password")


async def test_who_may_act_nowhere_is_told_so_behind_the_right_password_only(entry: Entry) -> None:
    entry.change(accounts.suspend, "one")
    with pytest.raises(Refused, match="Your account is suspended"):
        await entry.entrance.check_password(EMAIL, PASSWORD)
    with pytest.raises(Refused, match="password is wrong"):
        await entry.entrance.check_password(EMAIL, "guessed")
    entry.change(accounts.resume, "one")
    await entry.entrance.check_password(EMAIL, PASSWORD)


# -- the code ----------------------------------------------------------------------------------------------


async def test_a_code_opens_once(entry: Entry) -> None:
    await with_totp(entry)
    ann = await entry.entrance.check_password(EMAIL, PASSWORD)
    assert entry.entrance.next_step(ann, has_shown_code=False) is Step.CODE
    used = await entry.entrance.check_code(ann, code_now(entry))
    assert entry.entrance.next_step(used, has_shown_code=True) is Step.IN
    for person in (ann, used):  # as it was read before, and as it is
        with pytest.raises(Refused, match="wrong, or was used already"):
            await entry.entrance.check_code(person, code_now(entry))
    entry.clock.advance(totp.STEP_S)
    await entry.entrance.check_code(used, code_now(entry)[:3] + " " + code_now(entry)[3:])


async def test_a_recovery_code_opens_once(entry: Entry) -> None:
    codes = await with_totp(entry)
    assert len(set(codes)) == 8
    await entry.entrance.check_code(entry.person(), f" {codes[3].upper().replace('-', ' ')} ")
    with pytest.raises(Refused, match="used already"):
        await entry.entrance.check_code(entry.person(), codes[3])
    await entry.entrance.check_code(entry.person(), codes[0])


@pytest.mark.parametrize("code", ["", "000000", "abcde-fghij", "é", "\ud800", "1" * 1000])
async def test_a_wrong_code_is_refused(entry: Entry, code: str) -> None:
    await with_totp(entry)
    with pytest.raises(Refused, match="This code is wrong"):
        await entry.entrance.check_code(entry.person(), code)


async def test_ten_wrong_codes_at_all_workers_are_enough_for_an_hour(entry: Entry) -> None:
    """Who gets here knows the password: a million codes must not be tried in an afternoon."""
    codes = await with_totp(entry)
    for number in range(10):
        entrance = (entry.entrance, entry.neighbour)[number % 2]
        with pytest.raises(Refused):
            await entrance.check_code(entry.person(), ("000000", "abcde-fghij")[number // 5])
    for entrance in (entry.entrance, entry.neighbour):
        for code in (code_now(entry), codes[0]):
            with pytest.raises(TryLater, match="in an hour"):
                await entrance.check_code(entry.person(), code)
    entry.clock.advance(3599)
    with pytest.raises(TryLater, match="in an hour"):
        await entry.entrance.check_code(entry.person(), code_now(entry))
    entry.clock.advance(361)
    await entry.entrance.check_code(entry.person(), code_now(entry))


async def test_a_right_code_does_not_let_a_guesser_go_on(entry: Entry) -> None:
    codes = await with_totp(entry)
    for number in range(10):
        with pytest.raises(Refused):
            await entry.entrance.check_code(entry.person(), "000000")
        if number == 5:
            await entry.entrance.check_code(entry.person(), codes[0])
    with pytest.raises(TryLater, match="in an hour"):
        await entry.entrance.check_code(entry.person(), codes[1])


async def test_wrong_codes_of_one_person_keep_no_other_out_and_are_forgotten(entry: Entry) -> None:
    wrong = WrongCodes(entry.clock, entry.board.row(0))
    for _ in range(10):
        wrong.note("ann")
    assert wrong.are_enough("ann") and not wrong.are_enough("bob")
    entry.clock.advance(2 * 3600)
    wrong.note("bob")
    assert not wrong.are_enough("ann") and len(wrong._own) == 1
    for number in range(10_100):
        wrong.note(f"person {number}")
    assert len(wrong._own) == 10_000


async def test_the_secret_is_sealed_for_one_person(entry: Entry) -> None:
    await with_totp(entry)
    ann = entry.person()
    assert SECRET not in ann.totp
    with pytest.raises(Refused, match="ask those who run this machine"):
        second_step.load(Installation(b"x" * 32), ann)
    assert second_step.load(entry.installation, ann).secret == SECRET


async def test_the_second_step_is_turned_off_with_a_code(entry: Entry) -> None:
    await with_totp(entry)
    ann = await signed(entry, await begin(entry))
    with pytest.raises(Refused, match="is on already"):
        await entry.own.turn_totp_on(ann, SECRET, code_now(entry))
    with pytest.raises(Refused, match="code is wrong"):
        await entry.own.turn_totp_off(ann, "000000")
    await entry.own.turn_totp_off(ann, code_now(entry))
    assert not entry.person().totp
    with pytest.raises(Refused, match="off already"):
        await entry.own.turn_totp_off(await signed(entry, await begin(entry)), code_now(entry))


async def test_an_operator_turns_it_off_for_who_lost_the_phone(entry: Entry) -> None:
    await with_totp(entry)
    entry.change(people.turn_totp_off, entry.one, EMAIL)
    ann = await entry.entrance.check_password(EMAIL, PASSWORD)
    assert entry.entrance.next_step(ann, has_shown_code=False) is Step.IN
    with pytest.raises(Refused, match="has no second step"):
        entry.change(people.turn_totp_off, entry.one, EMAIL)


# -- tickets -----------------------------------------------------------------------------------------------


async def test_a_ticket_leads_to_its_step_for_ten_minutes(entry: Entry) -> None:
    ticket = entry.entrance.ticket(entry.person(), Step.CODE)
    entry.clock.advance(TICKET_S - 1)
    assert await entry.entrance.holder(ticket) == (entry.person(), Step.CODE)
    entry.clock.advance(2)
    assert await entry.entrance.holder(ticket) is None


TAMPERED: dict[str, Callable[[str], str]] = {
    "nothing": lambda ticket: "",
    "another step": lambda ticket: ticket.replace("code.", "choose.", 1),
    "in": lambda ticket: ticket.replace("code.", "in.", 1),
    "a later end": lambda ticket: ticket.replace(ticket.split(".")[2], str(int(ticket.split(".")[2]) + 1)),
    "another person": lambda ticket: ticket.replace(ticket.split(".")[1], "0" * 26),
    "a part missing": lambda ticket: ticket.rpartition(".")[0],
    "another hash": lambda ticket: ticket[:-1] + ("0" if ticket[-1] != "0" else "1"),
    "signs of other kinds": lambda ticket: "code.é.١.\ud800",
    "very many": lambda ticket: "." * 5000,
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
async def test_a_ticket_that_is_not_ours_leads_nowhere(entry: Entry, change: Callable[[str], str]) -> None:
    assert await entry.entrance.holder(change(entry.entrance.ticket(entry.person(), Step.CODE))) is None


async def test_a_ticket_ends_with_the_password_or_second_step_that_it_stands_for(entry: Entry) -> None:
    await with_totp(entry)
    ticket = entry.entrance.ticket(entry.person(), Step.CODE)
    await entry.entrance.check_code(entry.person(), code_now(entry))
    assert await entry.entrance.holder(ticket) is None, "it was used"
    ticket = entry.entrance.ticket(entry.person(), Step.CHOOSE)
    entry.change(people.reset, entry.clock.now(), entry.one, EMAIL, Given("x", "another hash"))
    assert await entry.entrance.holder(ticket) is None
    ticket = entry.entrance.ticket(entry.person(), Step.CHOOSE)
    with entry.conn.transaction():
        store_people.remove_person(entry.conn, entry.person().id)
    assert await entry.entrance.holder(ticket) is None


# -- sessions ----------------------------------------------------------------------------------------------


async def test_a_session_says_who_and_where(entry: Entry) -> None:
    token = await begin(entry)
    ann = await signed(entry, token)
    assert (ann.person.email, ann.session.address, ann.session.agent) == (EMAIL, "192.0.2.7", "Browser/1.0")
    assert [(each.account, each.role) for each in ann.memberships] == [("one", Role.OWNER)]
    assert token not in repr(ann) and ann.session.id not in token, "the store keeps a hash"
    assert entry.person().seen_at == entry.clock.now()


@pytest.mark.parametrize("token", ["", "x", "0" * 43, "\ud800", "é"])
async def test_a_token_that_is_not_ours_is_nobodys(entry: Entry, token: str) -> None:
    await begin(entry)
    assert await entry.entrance.signed(token) is None


async def test_a_session_lives_on_use_and_at_most_thirty_days(entry: Entry) -> None:
    token = await begin(entry)
    entry.clock.advance(IDLE_S - 1)
    assert await entry.entrance.signed(token)
    for _ in range(int(LONGEST_S // IDLE_S)):
        entry.clock.advance(IDLE_S - 100)
        if entry.clock.now() > 1_700_000_000 + LONGEST_S:
            break
        assert await entry.entrance.signed(token), entry.clock.now()
    entry.clock.advance(2 * IDLE_S)
    assert await entry.entrance.signed(token) is None


async def test_a_session_ends_unused(entry: Entry) -> None:
    token = await begin(entry)
    entry.clock.advance(IDLE_S)
    assert await entry.entrance.signed(token) is None


async def test_its_use_is_written_once_a_minute(entry: Entry) -> None:
    token = await begin(entry)
    began = entry.clock.now()
    entry.clock.advance(NOTE_S - 1)
    await entry.entrance.signed(token)
    assert (await signed(entry, token)).session.seen_at == began
    entry.clock.advance(1)
    await entry.entrance.signed(token)
    assert (await signed(entry, token)).session.seen_at == entry.clock.now()


async def test_a_store_that_cannot_write_keeps_nobody_out(entry: Entry) -> None:
    token = await begin(entry)
    entry.clock.advance(NOTE_S)
    write, refusal = entry.store.write, TryLater(452, "4.3.1", "full")

    async def full(*_: object) -> None:
        raise refusal

    entry.store.write = full  # type: ignore[assignment]
    assert await entry.entrance.signed(token)
    entry.store.write = write  # type: ignore[method-assign]
    entry.store.is_away = True
    with pytest.raises(TryLater):
        await entry.entrance.signed(token)


ENDS: dict[str, Callable[[Entry, Signed], object]] = {
    "it is ended": lambda entry, ann: entry.change(sessions.end, ann.person.id, ann.session.id),
    "the operator signs her out": lambda entry, ann: entry.change(people.sign_out, entry.one, EMAIL),
    "the password is reset": lambda entry, ann: entry.change(
        people.reset, entry.clock.now(), entry.one, EMAIL, Given("x", "h")
    ),
    "the account is suspended": lambda entry, ann: entry.change(accounts.suspend, "one"),
    "the account is removed": lambda entry, ann: accounts.remove(
        entry.conn, entry.ids, entry.clock.now(), "one"
    ),
    "she is removed": lambda entry, ann: entry.change(store_people.remove_person, ann.person.id),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_a_session_is_nobodys_as_soon_as(entry: Entry, end: Callable[[Entry, Signed], object]) -> None:
    token = await begin(entry)
    end(entry, await signed(entry, token))
    assert await entry.entrance.signed(token) is None


async def test_a_role_counts_from_the_next_request_on(entry: Entry) -> None:
    entry.add("bob@shop.test", Role.OWNER)
    token = await begin(entry)
    with entry.conn.transaction():  # by hand: `change_role` would end the session
        store_people.set_role(entry.conn, entry.person().id, entry.one, Role.VIEWER)
    ann = await signed(entry, token)
    assert ann.permit("one", "domains.read").role is Role.VIEWER
    with pytest.raises(Refused, match=r"As viewer of one you may not do this \(domains\.write\)"):
        ann.permit("one", "domains.write")


async def test_s20_an_account_of_others_is_as_one_that_does_not_exist(entry: Entry) -> None:
    entry.add("eve@shop.test", Role.OWNER, entry.two)
    ann = await signed(entry, await begin(entry))
    said = []
    for account in ("two", "none"):
        with pytest.raises(Refused) as refused:
            ann.permit(account, "domains.read")
        said.append(str(refused.value).replace(account, "X"))
    assert said[0] == said[1]


async def test_a_new_password_ends_every_session_but_opens_one(entry: Entry) -> None:
    first, second = await begin(entry), await begin(entry)
    third = await entry.own.change_password(await signed(entry, first), "a new password of Ann")
    assert await entry.entrance.signed(first) is None
    assert await entry.entrance.signed(second) is None
    assert (await signed(entry, third)).session.agent == "Browser/1.0"


async def test_one_ends_ones_own_sessions_only(entry: Entry) -> None:
    entry.add("bob@shop.test", Role.OWNER)
    theirs = await begin(entry, "bob@shop.test")
    mine, other = await begin(entry), await begin(entry)
    ann = await signed(entry, mine)
    bob = await signed(entry, theirs)
    assert {each.id for each in await entry.own.sessions_of(ann)} == {
        ann.session.id,
        (await signed(entry, other)).session.id,
    }
    with pytest.raises(Refused, match="There is no such session"):
        await entry.own.end_session(ann, bob.session.id)
    assert await entry.entrance.signed(theirs)
    assert await entry.own.end_others(ann) == 1
    assert await entry.entrance.signed(other) is None
    assert await entry.entrance.signed(mine)


async def test_W_04_what_people_change_about_themselves_is_in_the_log_of_each_of_their_accounts(
    entry: Entry,
) -> None:
    entry.add(EMAIL, Role.VIEWER, entry.two)
    await with_totp(entry)
    ann, _, third = [await signed(entry, await begin(entry)) for _ in range(3)]
    await entry.own.end_session(ann, third.session.id, "192.0.2.9")
    await entry.own.end_others(ann)
    await entry.own.turn_totp_off(ann, code_now(entry))
    ann = await signed(entry, await begin(entry))
    with pytest.raises(Refused):
        await entry.own.change_password(ann, "short")
    await entry.own.change_password(ann, "a new password of Ann")
    for account_id in (entry.one, entry.two):
        found = audit.search(entry.conn, audit.Query(account_id))
        did = [each.what.removeprefix("account.") for each in reversed(found)]
        assert did == ["totp-on", "end", "end-others", "totp-off", "password"]
        assert {(each.kind, each.who, each.about) for each in found} == {("person", EMAIL, EMAIL)}
        assert found[3].address == "192.0.2.9"


async def test_a_person_has_at_most_fifty_sessions(entry: Entry) -> None:
    first = await begin(entry)
    for _ in range(sessions.MOST):
        entry.clock.advance(1)
        last = await begin(entry)
    ann = await signed(entry, last)
    assert len(await entry.own.sessions_of(ann)) == sessions.MOST
    assert await entry.entrance.signed(first) is None, "the oldest went"


async def test_what_a_browser_calls_itself_is_made_harmless(entry: Entry) -> None:
    token = await entry.entrance.begin(entry.person(), "192.0.2.7", "a\x1b[2J\0" + "x" * 1000)
    agent = (await signed(entry, token)).session.agent
    assert agent.startswith("a?[2J?x") and len(agent) == 200


# -- hashing -----------------------------------------------------------------------------------------------


def test_argon2_knows_its_own_and_nobody_matches() -> None:
    given = passwords.give()
    assert given.password not in repr(given) and given.hash not in repr(given)
    assert len(given.password) == 24 and given.hash.startswith("$argon2id$")
    assert passwords.matches(given.hash, given.password)
    assert not passwords.matches(given.hash, given.password + "x")
    assert not passwords.matches("", given.password)
    assert not passwords.matches("not a hash", given.password)
    assert not passwords.matches(given.hash, "\ud800")


def test_a_password_is_the_same_on_every_keyboard() -> None:
    hashed = passwords.hash_password("A\u030angstro\u0308m 1814")
    assert passwords.matches(hashed, "\u00c5ngstr\u00f6m 1814")


async def test_only_so_many_wait_for_a_hash() -> None:
    go = Event()

    def slow(hash: str, password: str) -> bool:
        return go.wait(10)

    bounded = Passwords(quick_hash, slow, most_waiting=2)
    waiting = [asyncio.ensure_future(bounded.match("h", "p")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TryLater, match="Too many people sign in"):
        await bounded.match("h", "p")
    go.set()
    assert await asyncio.gather(*waiting) == [True, True]
    assert await bounded.match("h", "p"), "there is room again"
    bounded.close()
