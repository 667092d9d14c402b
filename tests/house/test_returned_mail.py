"""What comes back as mail (D-05, D-07, D-08): return paths, the port that takes it, and what follows."""

from __future__ import annotations

import email
import json
import re
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from house import books
from house.conftest import Stores
from house.house import DOMAIN, Auth, House, Houses, letter, unique, until
from house.returned import SETTINGS, bounce, complaint, give_back, vacation
from posthouse.desk.installation import Installation
from posthouse.internet.recorder import Arrival
from posthouse.mail.return_path import UNSUBSCRIBE, return_address

BACK = "back.house.test"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def house(request: pytest.FixtureRequest, shared_houses: Houses, stores: Stores) -> House:
    return shared_houses.new(store=stores.fresh(str(request.param)), settings=SETTINGS)


def delivered(
    house: House,
    *,
    fields: Sequence[str] = (),
    notify: str = "",
    sender: str = f"orders@{DOMAIN}",
    **more: Any,
) -> Arrival:
    """A letter that another server took: its copy."""
    recipient = f"{unique('someone')}@good.test"
    options = [f"NOTIFY={notify}"] if notify else []
    house.submit(recipient, letter(recipient, fields=fields), rcpt_options=options, sender=sender, **more)
    house.event(recipient, "delivered")
    return house.internet.copy(recipient)


def listed(house: House, recipient: str) -> list[tuple[str, str, str]]:
    """The lists that an address is on: kind, domain, scope."""
    found = books.rows(
        house.store,
        f"select kind, domain, scope from suppression where address = '{recipient}' order by kind",
    )
    return [(row["kind"], row["domain"], row["scope"]) for row in found]


def test_D_05_bounces_that_arrive_later_are_matched_to_their_message(house: House) -> None:
    copy = delivered(house, fields=["X-Mailgun-Tag: news"])
    recipient = copy.recipients[0]
    assert copy.sender.endswith(f"@{BACK}")
    assert give_back(house, copy.sender, bounce(copy)).code == 250
    event = house.event(recipient, "bounced")
    assert (event["code"], event["enhanced"], event["bounce_class"]) == (550, "5.1.1", "hard")
    assert "No such user here" in event["text"]
    assert event["mx"] == "store.far.test" and event["tags"] == ["news"]
    assert event["delivery_id"] == house.event(recipient, "delivered")["delivery_id"]
    assert listed(house, recipient) == [("bounce", DOMAIN, "")]

    again = letter(recipient)
    house.submit(recipient, again)
    assert house.event(recipient, "dropped")["reason"] == "suppress-bounce"


def test_D_05_F13_a_bounce_that_is_sent_again_counts_once(house: House) -> None:
    copy = delivered(house)
    for _ in range(3):
        assert give_back(house, copy.sender.upper(), bounce(copy)).code == 250
    assert len(house.events(copy.recipients[0], "bounced")) == 1
    assert len(house.events(copy.recipients[0], "delivered")) == 1, "what was delivered stays delivered"


def test_D_05_a_block_is_noted_and_stops_no_mail(house: House) -> None:
    copy = delivered(house)
    refused = bounce(copy, status="5.7.1", reply="550 5.7.1 Message rejected as spam")
    assert give_back(house, copy.sender, refused).code == 250
    assert house.event(copy.recipients[0], "bounced")["bounce_class"] == "block"
    assert "bounce" not in [kind for kind, _, _ in listed(house, copy.recipients[0])]
    house.submit(copy.recipients[0])
    assert len(house.internet.copies(copy.recipients[0], 2)) == 2


def test_D_05_the_return_path_says_who_bounced_whatever_the_report_names(house: House) -> None:
    copy = delivered(house)
    assert give_back(house, copy.sender, bounce(copy, recipient="moved@elsewhere.test")).code == 250
    event = house.event(copy.recipients[0], "bounced")
    assert event["reported_recipient"] == "moved@elsewhere.test"
    assert listed(house, copy.recipients[0]) == [("bounce", DOMAIN, "")]
    assert listed(house, "moved@elsewhere.test") == []


def test_D_05_an_author_who_asked_is_told_of_the_late_bounce_once(house: House) -> None:
    author = f"{unique('author')}@good.test"
    copy = delivered(house, notify="FAILURE", sender=author)
    for _ in range(2):
        assert give_back(house, copy.sender, bounce(copy)).code == 250
    notice = house.internet.copy(author)
    assert notice.sender == ""
    assert f"Final-Recipient: rfc822; {copy.recipients[0]}".encode() in notice.content
    assert b"No such user here" in notice.content
    house.event(author, "delivered")
    assert len(house.internet.to(author)) == 1


def test_D_05_a_success_that_the_next_host_confirms_reaches_an_author_who_asked(house: House) -> None:
    author = f"{unique('author')}@good.test"
    copy = delivered(house, notify="SUCCESS,FAILURE", sender=author)
    told = house.internet.to(author)
    done = bounce(copy, status="2.0.0", reply="250 2.0.0 Ok", action="delivered")
    for _ in range(2):
        assert give_back(house, copy.sender, done).code == 250
    notices = house.internet.copies(author, len(told) + 1)
    assert b"Action: delivered" in notices[-1].content
    assert not house.events(copy.recipients[0], "bounced") and not listed(house, copy.recipients[0])


def test_D_05_what_is_no_bounce_changes_nothing(house: House) -> None:
    copy = delivered(house)
    before = house.events(copy.recipients[0])
    delay = bounce(copy, status="4.4.1", reply="451 4.4.1 try later", action="delayed")
    for content in (vacation(copy), delay, b"Subject: hello\r\n\r\nWho are you?\r\n", b"", b"\xff\x00"[:1]):
        assert give_back(house, copy.sender, content, sender="ann@far.test").code == 250
    assert house.events(copy.recipients[0]) == before
    assert listed(house, copy.recipients[0]) == []


def test_D_07_complaints_put_their_sender_on_the_list(house: House) -> None:
    copy = delivered(house)
    for _ in range(2):
        answer = give_back(house, copy.sender, complaint(copy), sender="feedback@far.test")
        assert answer.code == 250
    assert house.event(copy.recipients[0], "complained")["feedback_type"] == "abuse"
    assert len(house.events(copy.recipients[0], "complained")) == 1
    assert listed(house, copy.recipients[0]) == [("complaint", DOMAIN, "")]
    house.submit(copy.recipients[0])
    assert house.event(copy.recipients[0], "dropped")["reason"] == "suppress-complaint"


@pytest.mark.parametrize("mailbox", [f"abuse@{BACK}", f"Postmaster@return.{DOMAIN}"])
@pytest.mark.parametrize("shows_path", [True, False], ids=["return path", "message id and recipient"])
def test_D_07_a_report_to_the_feedback_address_names_its_letter(
    house: House, mailbox: str, shows_path: bool
) -> None:
    copy = delivered(house)
    report = complaint(copy, to=mailbox, shows_path=shows_path)
    assert give_back(house, mailbox, report, sender="feedback@far.test").code == 250
    house.event(copy.recipients[0], "complained")


def test_D_07_a_report_names_its_letter_by_a_link_in_it(house: House) -> None:
    copy = delivered(house, fields=["X-Mailgun-Track: yes", "Content-Type: text/html"])
    report = complaint(copy, to=f"abuse@{BACK}").replace(b"Message-ID:", b"X-Redacted:")
    report = report.replace(copy.recipients[0].encode(), b"redacted@far.test")
    answer = give_back(house, f"abuse@{BACK}", report)
    if b"/o/" in copy.content:
        assert answer.code == 250
        house.event(copy.recipients[0], "complained")


def test_D_07_SG_09_a_complaint_is_forwarded_to_whom_the_sender_named(house: House) -> None:
    reader = f"{unique('reader')}@good.test"
    wish = json.dumps({"filters": {"forwardspam": {"settings": {"enable": 1, "email": reader}}}})
    copy = delivered(house, fields=[f"X-SMTPAPI: {wish}"], auth=house.key())
    for _ in range(2):
        assert give_back(house, copy.sender, complaint(copy)).code == 250
    forwarded = house.internet.copy(reader)
    assert forwarded.sender == ""
    assert (
        b"Feedback-Type: abuse" in forwarded.content
        and b"Auto-Submitted: auto-generated" in forwarded.content
    )


def unsubscribe_address(house: House, copy: Arrival) -> str:
    key = Installation.load_or_make(house.folder).return_key
    delivery_id = house.event(copy.recipients[0], "delivered")["delivery_id"]
    return return_address(key, UNSUBSCRIBE, str(delivery_id), BACK)


def test_D_08_mail_to_the_unsubscribe_address_takes_its_recipient_off(house: House) -> None:
    copy = delivered(house)
    address = unsubscribe_address(house, copy)
    wish = f"From: <{copy.recipients[0]}>\r\nTo: <{address}>\r\nSubject: unsubscribe\r\n\r\n".encode()
    assert give_back(house, address, wish, sender=copy.recipients[0]).code == 250
    assert house.event(copy.recipients[0], "unsubscribed")["scopes"] == [""]
    assert listed(house, copy.recipients[0]) == [("unsubscribe", DOMAIN, "")]


def domain_with(house: House, setting: str) -> tuple[str, Auth]:
    """A domain of its own, and its user: each of several workers learns of a changed setting in its own time,
    so a test that changed the shared domain and back would leave letters of the old kind to the next."""
    domain = f"{unique('own')}.test"
    house.cli("domain", "add", domain, "--assume-verified")
    house.cli("domain", "set", domain, setting)
    login = f"app@{domain}"
    return domain, Auth(login, house.add_user(login))


def test_D_08_the_delivered_letter_names_an_address_that_unsubscribes(house: House) -> None:
    domain, auth = domain_with(house, "unsubscribe=yes")

    def with_address() -> tuple[Arrival, str] | None:
        copy = delivered(house, fields=["Content-Type: text/html"], sender=f"orders@{domain}", auth=auth)
        field = str(email.message_from_bytes(copy.content)["List-Unsubscribe"])
        found = re.search(r"<https[^>]*>,\s+<mailto:([^?>]+)\?subject=unsubscribe>", field)
        return (copy, found[1]) if found else None

    copy, address = until(with_address, 60, "the field")
    wish = f"From: <{copy.recipients[0]}>\r\nSubject: unsubscribe\r\n\r\n".encode()
    assert give_back(house, address, wish, sender=copy.recipients[0]).code == 250
    house.event(copy.recipients[0], "unsubscribed")


def test_D_08_what_machines_send_to_the_unsubscribe_address_changes_nothing(house: House) -> None:
    copy = delivered(house)
    address = unsubscribe_address(house, copy)
    for content in (vacation(copy), bounce(copy)):
        assert give_back(house, address, content).code == 250
    assert listed(house, copy.recipients[0]) == []


def test_D_07_S16_forged_returns_change_nothing(house: House) -> None:
    copy = delivered(house)
    before = house.events(copy.recipients[0])
    local, _, host = copy.sender.rpartition("@")
    other = "0" if local[30] != "0" else "1"
    forged = f"{local[:30]}{other}{local[31:]}@{host}"
    for address in (
        forged,
        f"b{'0' * 53}@{host}",
        f"bounce@{host}",
        f"u{local[1:]}@{host}",
        f"orders@{host}",
    ):
        answer = give_back(house, address, bounce(copy))
        assert answer.startswith("550 5.7.1"), (address, answer)
    stranger = f"{unique()}@far.test"
    report = complaint(copy, to=f"abuse@{BACK}").replace(copy.recipients[0].encode(), stranger.encode())
    assert give_back(house, f"abuse@{BACK}", report).startswith("550 5.7.1")
    nameless = complaint(copy, to=f"abuse@{BACK}").replace(b"client.test>", b"another.test>")
    assert give_back(house, f"abuse@{BACK}", nameless).startswith("550 5.7.1")
    assert house.events(copy.recipients[0]) == before
    assert listed(house, copy.recipients[0]) == []


def test_C_01_S1_the_port_for_returned_mail_relays_nothing(house: House) -> None:
    copy = delivered(house)
    for address in ("someone@good.test", f"orders@{DOMAIN}", f"postmaster@{DOMAIN}", "abuse@good.test"):
        assert give_back(house, address, bounce(copy)).startswith("530 5.7.0 Authentication required")
    assert give_back(house, f"postmaster@{house.hostname}", bounce(copy)).code == 250, "RFC 5321 4.5.1"
    with house.wire() as wire:  # a customer on the same port, after a try without sign-in
        wire.say("EHLO client.test")
        assert wire.say("MAIL FROM:<orders@shop.test>").code == 250
        assert wire.say("RCPT TO:<someone@good.test>").code == 530
        assert wire.say(f"AUTH PLAIN {''}").code == 503, "not within a transaction"
        wire.say("RSET")
        assert wire.sign_in(house.login, house.password).code == 235
        assert wire.say(f"MAIL FROM:<{copy.sender}>").code == 250
        assert wire.say("RCPT TO:<someone@good.test>").code == 250
        wire.say("RSET")


def test_D_05_S27_nobody_gets_mail_for_what_came_back(house: House) -> None:
    copy = delivered(house)
    stranger = f"{unique('stranger')}@good.test"
    messages = house.counts()
    looping = b"".join(b"Received: from a by b; Fri, 27 Nov 2026 10:00:00 +0000\r\n" for _ in range(51))
    assert give_back(house, copy.sender, looping + bounce(copy), sender=stranger).startswith("554 5.4.6")
    assert give_back(house, copy.sender, vacation(copy), sender=stranger).code == 250
    assert give_back(house, copy.sender, bounce(copy), sender=stranger).code == 250
    house.event(copy.recipients[0], "bounced")
    assert house.counts() == messages
    assert house.internet.to(stranger) == []


def test_D_05_few_recipients_and_many_letters_in_one_connection(house: House) -> None:
    copies = [delivered(house) for _ in range(3)]
    with house.wire() as wire:
        wire.say("EHLO mx.far.test")
        for copy in copies:
            wire.envelope("", [copy.sender])
            wire.send(bounce(copy) + b"\r\n.\r\n")
            assert wire.read().code == 250
        assert wire.say("MAIL FROM:<>").code == 250
        answers = [wire.say(f"RCPT TO:<{copies[0].sender}>").code for _ in range(11)]
        assert answers == [250] * 10 + [452]
    for copy in copies:
        house.event(copy.recipients[0], "bounced")


def test_D_05_a_domain_may_keep_its_own_senders(house: House) -> None:
    domain, auth = domain_with(house, "return_path=keep")
    sender = f"orders@{domain}"
    until(
        lambda: delivered(house, sender=sender, auth=auth).sender == sender, 60, "the customer's own sender"
    )
    house.cli("domain", "set", domain, "return_path=")
    until(
        lambda: delivered(house, sender=sender, auth=auth).sender.endswith(f"@{BACK}"),
        60,
        "a return path again",
    )


@pytest.mark.long
@pytest.mark.parametrize("point", ["returns.before_commit", "returns.after_commit"])
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_D_05_F13_killed_with_a_bounce_in_hand_nothing_happens_twice(
    houses: Houses, stores: Stores, engine: str, point: str, tmp_path: Any
) -> None:
    order = tmp_path / "crash"
    house = houses.new(store=stores.fresh(engine), settings=SETTINGS, env={"POSTHOUSE_CRASH_AT": f"@{order}"})
    author = f"{unique('author')}@good.test"
    copy = delivered(house, notify="FAILURE", sender=author)
    order.write_text(point)
    house.kills += 1
    assert give_back(house, copy.sender, bounce(copy)).code == 0, "killed before the answer"

    def taken() -> bool:  # the other server tries again until it is told 250
        try:
            return give_back(house, copy.sender, bounce(copy)).code == 250
        except OSError:
            return False

    until(taken, 30, "the next worker")
    recipient = copy.recipients[0]
    assert len(house.events(recipient, "bounced")) == 1
    assert listed(house, recipient) == [("bounce", DOMAIN, "")]
    house.event(author, "delivered")
    assert len(house.internet.to(author)) == 1


@pytest.mark.long
def test_D_01_D_05_a_domain_with_return_records_gets_return_paths_of_its_own(houses: Houses) -> None:
    house = houses.new(settings={"returns": {}, "domains": {"recheck_s": [1], "verified_recheck_s": 1}})
    assert delivered(house).sender == f"orders@{DOMAIN}", "nothing is known yet"
    records = [row for row in house.cli_rows("domain", "records", DOMAIN) if row["use"].startswith("return")]
    lines = [
        f"{row['name']} {row['kind']} "
        + str(row["value"]).join(['"', '"'] if row["kind"] == "TXT" else ["", ""])
        for row in records
    ]
    house.internet.publish("\n".join([f"{house.hostname} A 192.0.2.25", *lines]), under="return")
    try:
        copy = until(
            lambda: one if (one := delivered(house)).sender.endswith(f"@return.{DOMAIN}") else None, 30, "DNS"
        )
        assert give_back(house, copy.sender, bounce(copy)).code == 250
        house.event(copy.recipients[0], "bounced")
        house.internet.publish("", under="return")
        until(lambda: delivered(house).sender == f"orders@{DOMAIN}", 30, "the records are gone")
        other = bounce(copy)
        assert give_back(house, copy.sender, other).code == 250, "what is under way still comes back"
    finally:
        house.internet.publish("", under="return")


@pytest.mark.long
def test_D_05_F44_a_flood_of_returned_mail_leaves_other_mail_alone(houses: Houses) -> None:
    house = houses.new(settings=SETTINGS)
    copies = [delivered(house) for _ in range(3)]
    answers: list[int] = []
    ends = threading.Event()

    def flood(number: int) -> None:
        copy = copies[number % len(copies)]
        content = bounce(copy) + b"x" * 20_000
        while not ends.is_set():
            answers.append(give_back(house, copy.sender, content).code)

    senders = [threading.Thread(target=flood, args=(number,)) for number in range(24)]
    for sender in senders:
        sender.start()
    try:
        until(lambda: len(answers) > 100, 60, "the flood")
        for _ in range(20):
            delivered(house)
    finally:
        ends.set()
        for sender in senders:
            sender.join()
    assert set(answers) <= {250, 421, 451, 452}, Counter(answers)
    assert Counter(answers)[250] > 50
    assert all(len(house.events(copy.recipients[0], "bounced")) == 1 for copy in copies)
