"""MG-18 and MG-22: however the JSON is written, the tags that need none, and the message's own data."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence

import pytest

from dkim_oracle import verified_signatures
from house import books
from house.copies import read
from house.house import DOMAIN, House, Letter, letter, unique
from house.mailgun import (
    alternative,
    copies,
    in_words,
    option_fields,
    people,
    records,
    visit,
    warnings,
    with_field,
)

VARIABLES = "X-Mailgun-Recipient-Variables"


# -- MG-18: how the JSON may be written ------------------------------------------------------------------


def _written(bob: str) -> dict[str, bytes]:
    text = json.dumps({bob: {"first": "Jürgen", "last": "de la Cruz"}}, ensure_ascii=False)
    ascii_text = json.dumps({bob: {"first": "Jürgen", "last": "de la Cruz"}})
    word = base64.b64encode(text.encode()).decode()
    return {
        "escapes": ascii_text.encode(),
        "raw UTF-8": text.encode(),
        "raw Latin-1": text.encode("latin-1"),
        "folded at white space": ascii_text.replace(" ", "\r\n ").encode(),
        "folded with tabs": ascii_text.replace(" ", "\r\n\t").encode(),
        "cut by a relay": (ascii_text[:9] + "\r\n " + ascii_text[9:]).encode(),
        "one encoded word": f"=?utf-8?B?{word}?=".encode(),
        "many encoded words": in_words(text, 15),
        "an encoded word in a string": ascii_text.replace(
            '"J\\u00fcrgen"', '"=?utf-8?q?J=C3=BCrgen?="'
        ).encode(),
        "line breaks between": ascii_text.replace("{", "\r\n {\r\n  ").encode(),
    }


@pytest.mark.parametrize("form", _written("x@y"))
def test_MG_18_the_json_however_it_is_written(house: House, form: str) -> None:
    (bob,) = people("bob")
    made = letter(bob, fields=[f"{VARIABLES}: @"], body=b"%recipient.first% %recipient.last%\r\n")
    (copy,) = copies(house, [bob], with_field(made, VARIABLES, _written(bob)[form]))
    assert copy.text == "Jürgen de la Cruz\n"
    assert warnings(house, bob) == []


def test_MG_18_of_a_repeated_header_the_last_counts(house: House) -> None:
    (bob,) = people("bob")
    fields = [f"{VARIABLES}: {json.dumps({bob: {'first': name}})}" for name in ("Bob", "Bobby")]
    sent = letter(bob, fields=fields, body=b"Dear %recipient.first%,\r\n")
    (copy,) = copies(house, [bob], sent)
    assert copy.text == "Dear Bobby,\n"
    assert len(warnings(house, bob)) == 1


NO_JSON = [
    "{",
    "[]",
    '"text"',
    "null",
    "",
    "{'a@b.test': {}}",
    '{"a@b.test": "Bob"}',
    '{"a@b.test": [1]}',
    "{}x",
    "NaN",
]


@pytest.mark.parametrize("text", NO_JSON, ids=repr)
def test_MG_18_what_is_no_json_is_refused_before_anybody_sees_anything(house: House, text: str) -> None:
    persons = people("a", "b")
    sent = letter(persons[0], fields=[f"{VARIABLES}: {text}"])
    with house.smtp() as client:
        assert client.mail(f"orders@{DOMAIN}")[0] == 250
        assert [client.rcpt(person)[0] for person in persons] == [250, 250]
        code, words = client.data(sent.raw)
    assert (code, words.decode()) == (554, "5.6.0 'recipient-variables' parameter is not a valid JSON")
    assert books.rows(house.store, f"select id from message where header_id = '{sent.header_id}'") == []


# -- the container ---------------------------------------------------------------------------------------


def _container(
    variables: bytes, inner: Letter, *, outer: Sequence[str] = (), transfer: str = "base64"
) -> Letter:
    encoded = base64.encodebytes(variables).replace(b"\n", b"\r\n") if transfer == "base64" else variables
    head = [f"From: <envelope@{DOMAIN}>", "MIME-Version: 1.0", *outer]
    raw = (
        "\r\n".join([*head, 'Content-Type: multipart/mailgun-variables; boundary="X"', "", ""]).encode()
        + f"--X\r\nContent-Type: application/json\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n".encode()
        + encoded
        + b"\r\n--X\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner.raw
        + b"\r\n--X--\r\n"
    )
    return Letter(raw, inner.header_id)


@pytest.mark.parametrize("transfer", ["base64", "8bit"])
def test_MG_18_variables_and_letter_in_a_container(house: House, transfer: str) -> None:
    persons = people("bob", "eve")
    values = {each: {"first": f"{each[:3]} Müller"} for each in persons}
    html = "<p>Dear %recipient.first%</p>"
    inner = alternative(persons[0], ["X-Mailgun-Tag: inside"], html=html, text="Dear %recipient.first%\n")
    inner = with_field(inner, "Subject", "For %recipient.first%")
    outer = ["X-Mailgun-Tag: outside", "X-Outer: stays here"]
    data = json.dumps(values, ensure_ascii=False).encode()
    sent = _container(data, inner, outer=outer, transfer=transfer)
    for person, copy in zip(persons, copies(house, persons, sent), strict=True):
        name = values[person]["first"]
        assert (copy.field("To"), copy.field("Subject")) == (person, f"For {name}")
        assert (copy.text, copy.html) == (f"Dear {name}\n", f"<p>Dear {name}</p>\n")
        assert copy.field("From") == f"Orders <orders@{DOMAIN}>"
        assert copy.fields("X-Outer") == [] and b"mailgun-variables" not in copy.raw
        assert house.event(person, "delivered")["tags"] == ["outside", "inside"]
        assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]


BROKEN = {
    "no JSON": (b'{"a":', b"message/rfc822", "parameter is not a valid JSON"),
    "a wrong type": (b"{}", b"text/plain", "container is broken: it must have two parts"),
    "an encoded letter": (
        b"{}",
        b"message/rfc822\r\nContent-Transfer-Encoding: base64",
        "must not be encoded",
    ),
}


@pytest.mark.parametrize(("variables", "kind", "text"), BROKEN.values(), ids=BROKEN.keys())
def test_MG_18_a_broken_container_is_refused(house: House, variables: bytes, kind: bytes, text: str) -> None:
    (bob,) = people("bob")
    sent = _container(variables, letter(bob))
    raw = sent.raw.replace(b"Content-Type: message/rfc822", b"Content-Type: " + kind)
    code, words = house.refusal(bob, Letter(raw, sent.header_id))
    assert code == 554 and text in words
    assert house.internet.to(bob) == []


# -- the built-in tags -----------------------------------------------------------------------------------

NAMES = {  # a name as the author's To has it -> full, name, first word, last word
    '"Bob Miller" <{}>': ('"Bob Miller" <{}>', "Bob Miller", "Bob", "Miller"),
    "Bob van der Berg <{}>": ('"Bob van der Berg" <{}>', "Bob van der Berg", "Bob", "Berg"),
    "Bob <{}>": ('"Bob" <{}>', "Bob", "Bob", ""),
    "{}": ("{}", "", "", ""),
    "=?utf-8?q?J=C3=BCrgen_K?= <{}>": ('"Jürgen K" <{}>', "Jürgen K", "Jürgen", "K"),
}
ABOUT = "%recipient%|%recipient_email%|%recipient_name%|%recipient_fname%|%recipient_lname%"


@pytest.mark.parametrize("is_batch", [True, False], ids=["batch", "any letter"])
@pytest.mark.parametrize("to", NAMES)
def test_MG_18_tags_of_the_recipient(house: House, to: str, is_batch: bool) -> None:
    (bob,) = people("bob")
    full, name, first, last = NAMES[to]
    made = letter(bob, fields=[f"{VARIABLES}: {{}}"] if is_batch else [], body=f"{ABOUT}\r\n".encode())
    (copy,) = copies(house, [bob], with_field(made, "To", to.format(bob)))
    assert copy.text == f"{full.format(bob)}|{bob}|{name}|{first}|{last}\n"


UNSUBSCRIBE = ["unsubscribe_url", "tag_unsubscribe_url", "mailing_list_unsubscribe_url"]
BY_MAIL = ["unsubscribe_email", "tag_unsubscribe_email", "mailing_list_unsubscribe_email"]


def _with_links(person: str, *fields: str) -> Letter:
    body = "".join(f"{name}: %{name}%\n" for name in UNSUBSCRIBE + BY_MAIL)
    html = "".join(f'<a href="%{name}%">{name}</a>\n' for name in UNSUBSCRIBE)
    listed = "List-Unsubscribe: <%unsubscribe_url%>, <mailto:%unsubscribe_email%>"
    return alternative(person, [listed, "X-Mailgun-Track: yes", *fields], html=html, text=body)


def test_MG_18_tags_of_unsubscribing_work_in_every_letter(house: House) -> None:
    persons = people("bob", "eve")
    found = copies(house, persons, _with_links(persons[0]))
    for person, copy in zip(persons, found, strict=True):
        values = dict(re.findall(r"(\w+): (\S+)", copy.text))
        for name in UNSUBSCRIBE:
            assert values[name].startswith(f"https://email.{DOMAIN}/u/")
            page = visit(house, values[name])
            assert page.status == 200 and person.encode() in page.body
        for name in BY_MAIL:
            assert re.fullmatch(rf"u\+[\w.~-]+@{DOMAIN}", values[name]) and len(values[name]) < 100
        assert all("/u/" in link and visit(house, link).status == 200 for link in copy.links)  # not tracked
        url, mail = re.findall(r"<([^>]+)>", copy.field("List-Unsubscribe"))
        assert visit(house, url).status == 200 and mail.startswith("mailto:u+")
        assert house.events(person, "unsubscribed", "clicked") == []  # looking changes nothing


def test_MG_18_whoever_unsubscribes_gets_no_more_mail(house: House) -> None:
    bob, eve = people("bob", "eve")
    copy, _ = copies(house, (bob, eve), _with_links(bob))
    url = re.findall(r"<([^>]+)>", copy.field("List-Unsubscribe"))[0]
    assert visit(house, url, "List-Unsubscribe=One-Click").status == 200
    house.event(bob, "unsubscribed")
    house.submit((bob, eve), letter(bob))
    dropped = house.event(bob, "dropped")
    assert (dropped["code"], dropped["reason"]) == (606, "suppress-unsubscribe")
    house.event(eve, "delivered", count=2)
    assert len(house.internet.to(bob)) == 1


def test_MG_01_MG_18_whoever_unsubscribes_from_a_tag_gets_the_rest(house: House) -> None:
    (bob,) = people("bob")
    (copy,) = copies(house, [bob], _with_links(bob, "X-Mailgun-Tag: Sale", "X-Mailgun-Tag: autumn"))
    link = dict(re.findall(r"(\w+): (\S+)", copy.text))["tag_unsubscribe_url"]
    assert visit(house, link, "List-Unsubscribe=One-Click").status == 200
    house.event(bob, "unsubscribed")
    house.submit(bob, letter(bob, fields=["X-Mailgun-Tag: SALE"]))
    assert house.event(bob, "dropped")["code"] == 606
    house.submit(bob, letter(bob, fields=["X-Mailgun-Tag: invoice"]))
    house.event(bob, "delivered", count=2)


# -- MG-22 -----------------------------------------------------------------------------------------------


def test_MG_22_the_messages_own_data_comes_back_in_every_event_and_in_the_mail(house: House) -> None:
    recipient = f"defer-1+{unique()}@good.test"
    data = {"order": 7, "vip": True, "note": "Grüße", "items": [1, {"a": None}]}
    value = json.dumps(data)
    message_id = house.submit(recipient, letter(recipient, fields=[f"X-Mailgun-Variables: {value}"]))
    copy = read(house.internet.copy(recipient))
    assert copy.fields("X-Mailgun-Variables") == [value]
    house.event(recipient, "delivered")
    told = {each["kind"]: each["metadata"] for each in house.cli_rows("events", "--message", message_id)}
    assert told == dict.fromkeys(["accepted", "deferred", "delivered"], data)
    assert house.cli("message", message_id)["message"]["metadata"] == data


def test_MG_22_several_headers_are_one_object_and_later_values_win(house: House) -> None:
    recipient = f"{unique()}@good.test"
    fields = ['X-Mailgun-Variables: {"a": 1, "b": 1}', 'X-Mailgun-Variables: {"b": 2,\r\n "c": "ü"}']
    house.submit(recipient, letter(recipient, fields=fields))
    assert house.event(recipient, "delivered")["metadata"] == {"a": 1, "b": 2, "c": "ü"}
    (shown,) = read(house.internet.copy(recipient)).fields("X-Mailgun-Variables")
    assert json.loads(shown) == {"a": 1, "b": 2, "c": "ü"}


@pytest.mark.parametrize("form", _written("x@y"))
def test_MG_22_the_json_however_it_is_written(house: House, form: str) -> None:
    recipient = f"{unique()}@good.test"
    made = letter(recipient, fields=["X-Mailgun-Variables: @"])
    house.submit(recipient, with_field(made, "X-Mailgun-Variables", _written("data")[form]))
    delivered = house.event(recipient, "delivered")
    assert delivered["metadata"] == {"data": {"first": "Jürgen", "last": "de la Cruz"}}


@pytest.mark.parametrize("text", ["{", "[]", "text", "", '{"a": 1} x'], ids=repr)
def test_MG_22_what_is_no_json_is_not_delivered_but_the_mail_is(house: House, text: str) -> None:
    recipient = f"{unique()}@good.test"
    fields = [f"X-Mailgun-Variables: {text}", "X-Mailgun-Tag: sale"]
    house.submit(recipient, letter(recipient, fields=fields))
    assert option_fields(read(house.internet.copy(recipient))) == ["x-mailgun-tag"]
    delivered = house.event(recipient, "delivered")
    assert "metadata" not in delivered and delivered["tags"] == ["sale"]
    (warning,) = warnings(house, recipient)
    assert warning.startswith("X-Mailgun-Variables: ignored: ")


def test_MG_22_one_bad_header_does_not_spoil_the_others(house: House) -> None:
    recipient = f"{unique()}@good.test"
    fields = ['X-Mailgun-Variables: {"a": 1}', "X-Mailgun-Variables: {bad}"]
    house.submit(recipient, letter(recipient, fields=fields))
    assert house.event(recipient, "delivered")["metadata"] == {"a": 1}
    (shown,) = read(house.internet.copy(recipient)).fields("X-Mailgun-Variables")
    assert json.loads(shown) == {"a": 1}
    assert len(warnings(house, recipient)) == 1


def test_MG_22_events_carry_four_kilobytes_of_it(house: House) -> None:
    recipient = f"{unique()}@good.test"
    data = {"first": "x" * 2000, "second": "y" * 3000, "third": "z"}
    made = letter(recipient, fields=["X-Mailgun-Variables: @"])
    house.submit(recipient, with_field(made, "X-Mailgun-Variables", in_words(json.dumps(data))))
    metadata = house.event(recipient, "delivered")["metadata"]
    assert metadata["third"] == "z" and "second" not in metadata and len(metadata["first"]) >= 2000
    (warning,) = warnings(house, recipient)
    assert "over 4 KB" in warning and "second" in warning


def test_MG_18_MG_22_each_recipients_values_in_the_messages_data(house: House) -> None:
    persons = people("bob", "eve", "none")
    values = {each: {"id": n + 1} for n, each in enumerate(persons[:2])}
    data = 'X-Mailgun-Variables: {"user": "%recipient.id%", "run": "r7"}'
    sent = letter(persons[0], fields=[f"{VARIABLES}: {json.dumps(values)}", data])
    found = copies(house, persons, sent)
    for person, copy, user in zip(persons, found, ("1", "2", "%recipient.id%"), strict=True):
        for kind in ("accepted", "delivered"):
            assert house.event(person, kind)["metadata"] == {"user": user, "run": "r7"}
        assert json.loads(copy.field("X-Mailgun-Variables")) == {"user": user, "run": "r7"}
