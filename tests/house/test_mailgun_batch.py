"""MG-18: a copy for each recipient, with its own values."""

from __future__ import annotations

import base64
import json
import quopri
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from dkim_oracle import verified_signatures
from house.copies import read
from house.house import DOMAIN, House, Letter, letter, unique
from house.mailgun import (
    alternative,
    copies,
    in_words,
    option_fields,
    people,
    records,
    warnings,
    with_field,
)

VARIABLES = "X-Mailgun-Recipient-Variables"


def _batch(
    values: Mapping[str, Mapping[str, Any]],
    *fields: str,
    body: str = "Dear %recipient.first%,\n",
    html: str = "",
    to: str | None = None,
    subject: str | None = None,
) -> Letter:
    """A letter to the persons that `values` names."""
    first = next(iter(values))
    all_fields = [f"{VARIABLES}: {json.dumps(values)}", *fields]
    if html:
        made = alternative(first, all_fields, html=html, text=body)
    else:
        made = letter(first, fields=all_fields, body=body.replace("\n", "\r\n").encode())
    made = with_field(made, "To", to or ", ".join(f"<{each}>" for each in values))
    return with_field(made, "Subject", subject) if subject else made


# -- MG-18: a copy each ----------------------------------------------------------------------------------


def test_MG_18_each_recipient_gets_a_copy_with_its_own_values_and_nobody_elses(house: House) -> None:
    persons = people("bob", "alice", "carol")
    values = {each: {"first": each[:3].title(), "code": f"secret-{n}"} for n, each in enumerate(persons)}
    sent = _batch(
        values,
        "Reply-To: <reply+%recipient.code%@shop.test>",
        "X-Order: no. %recipient.code%",
        body="Dear %recipient.first%,\nyour code: %recipient.code%\n",
        html='<p>Dear %recipient.first%, <a href="https://shop.test/%recipient.code%">yours</a></p>',
        subject="%recipient.first%, read this",
    )
    found = copies(house, persons, sent)
    for person, copy in zip(persons, found, strict=True):
        own = values[person]
        assert copy.field("To") == person
        assert copy.field("Subject") == f"{own['first']}, read this"
        assert copy.field("Reply-To") == f"reply+{own['code']}@shop.test"
        assert copy.field("X-Order") == f"no. {own['code']}"
        assert copy.text == f"Dear {own['first']},\nyour code: {own['code']}\n"
        assert copy.html.startswith(f"<p>Dear {own['first']}, ")
        assert copy.links == [f"https://shop.test/{own['code']}"]
        assert copy.field("Message-ID") == sent.header_id
        assert option_fields(copy) == []
        for other in set(persons) - {person}:
            assert other.encode() not in copy.raw and values[other]["code"].encode() not in copy.raw
        assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]
    assert len({copy.raw for copy in found}) == 3


def test_MG_18_no_values_at_all_still_mean_a_copy_each(house: House) -> None:
    persons = people("a", "b")
    made = letter(persons[0], fields=[f"{VARIABLES}: {{}}"])
    sent = with_field(made, "To", f"Ann <{persons[0]}>, Bob <{persons[1]}>")
    for name, person, copy in zip(("Ann", "Bob"), persons, copies(house, persons, sent), strict=True):
        assert copy.field("To") == f"{name} <{person}>"
        assert warnings(house, person) == []


def test_MG_18_without_the_header_everybody_sees_the_whole_list(house: House) -> None:
    persons = people("a", "b")
    sent = with_field(letter(persons[0]), "To", f"<{persons[0]}>, <{persons[1]}>")
    for copy in copies(house, persons, sent):
        assert all(person in copy.field("To") for person in persons)


@pytest.mark.parametrize("is_careful", [True, False], ids=["folded", "cut by a relay"])
def test_MG_18_a_hundred_recipients(house: House, is_careful: bool) -> None:
    persons = people(*[f"p{n}" for n in range(100)])
    values = {each: {"n": n} for n, each in enumerate(persons)}
    sent = _batch(values, body="Number %recipient.n%.\n")
    text = json.dumps(values)
    folded = text.replace("}, ", "},\r\n ") if is_careful else _cut(text, persons)
    sent = with_field(sent, VARIABLES, folded)
    found = copies(house, persons, sent)
    for n, (person, copy) in enumerate(zip(persons, found, strict=True)):
        assert (copy.field("To"), copy.text) == (person, f"Number {n}.\n")
    assert max(map(len, found[0].raw.split(b"\r\n"))) <= 998


def _cut(text: str, persons: Sequence[str]) -> str:
    """Lines without a look at what they hold: one break inside of an address, others between tokens."""
    at = text.index(persons[20]) + 7
    colon = text.index(":", at + 900)
    return "\r\n ".join([text[:at], text[at:colon], text[colon:]])


def test_MG_18_cc_stays_and_its_people_get_their_copy(house: House) -> None:
    to, cc, bcc = people("to", "cc", "bcc")
    values = {each: {"first": each[:2]} for each in (to, cc, bcc)}
    sent = with_field(_batch(values, f"Cc: <{cc}>", f"Bcc: <{bcc}>"), "To", f"<{to}>")
    for person, copy in zip((to, cc, bcc), copies(house, (to, cc, bcc), sent), strict=True):
        assert copy.field("To") == person and copy.field("Cc") == cc
        assert copy.text == f"Dear {person[:2]},\n"
        assert copy.fields("Bcc") == []
        assert person == bcc or bcc.encode() not in copy.raw


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        ("%recipient%", "{}"),
        ("%recipient_email%", "{}"),
        ("Dear %recipient.first% <%recipient_email%>", "Dear Bob <{}>"),
    ],
)
def test_MG_18_a_to_field_with_tags_is_the_authors_own(house: House, to: str, shown: str) -> None:
    (bob,) = people("bob")
    (copy,) = copies(house, [bob], _batch({bob: {"first": "Bob"}}, to=to))
    assert copy.field("To") == shown.format(bob)


def test_MG_18_addresses_are_compared_without_case(house: House) -> None:
    bob = f"Bob+{unique('Tag')}@Good.test"
    delivered = bob.replace("Good", "good")
    house.submit(bob, _batch({bob.upper(): {"first": "Bob"}}, to=f"<{bob}>"))
    copy = read(house.internet.copy(delivered))
    assert copy.text == "Dear Bob,\n"
    assert warnings(house, delivered) == []


def test_MG_18_addresses_with_other_letters_than_ascii(house: House) -> None:
    tag = unique()
    local, wire, shown = (
        f"größe+{tag}@good.test",
        f"bob+{tag}@xn--mller-kva.wild.test",
        f"bob+{tag}@Müller.wild.test",
    )
    values = json.dumps({local: {"first": "Jürgen"}, shown: {"first": "Bob"}})
    sent = letter("both", fields=[f"{VARIABLES}: {values}"], body=b"Dear %recipient.first%\r\n")
    sent = with_field(sent, "To", f"<{local}>, <{shown}>")
    house.submit((local, wire), sent, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    assert read(house.internet.copy(local)).text == "Dear Jürgen\n"
    assert read(house.internet.copy(wire)).text == "Dear Bob\n"


def test_MG_18_with_other_kinds_of_credentials_only_beside_the_header(house: House) -> None:
    (bob,) = people("bob")
    key = house.key()
    house.submit(bob, _batch({bob: {"first": "Bob"}}, body="%recipient.first% %recipient_email%\n"), auth=key)
    assert read(house.internet.copy(bob)).text == f"Bob {bob}\n"
    (eve,) = people("eve")
    house.submit(eve, letter(eve, body=b"%recipient.first% %recipient_email%\r\n"), auth=key)
    assert read(house.internet.copy(eve)).text == "%recipient.first% %recipient_email%\n"


VALUES: dict[str, tuple[str, Any, str]] = {  # key, value, text
    "a text": ("first", "Bob", "Bob"),
    "underscore, digits and dash": ("a_1-b", "x", "x"),
    "a colon": ("v:user", "x", "x"),
    "a field's name": ("h:Reply-To", "x", "x"),
    "dots": ("a.b.c", "x", "x"),
    "blanks": ("first name", "x", "x"),
    "letters": ("größe", "x", "x"),
    "a whole number": ("id", 7, "7"),
    "a number": ("price", 12.5, "12.5"),
    "true": ("is_new", True, "true"),
    "false": ("is_old", False, "false"),
    "null": ("none", None, ""),
    "empty": ("empty", "", ""),
    "letters in the value": ("name", "Jürgen Żółć 日本", "Jürgen Żółć 日本"),
    "a face": ("face", "😀", "😀"),
    "markup": ("html", '<b class="x">bold & "quoted"</b>', '<b class="x">bold & "quoted"</b>'),
    "a tag in a value": ("tag", "%recipient.first%", "%recipient.first%"),
    "several lines": ("lines", "one\ntwo\r\nthree", "one\ntwo\nthree"),
    "a dot": ("dot", ".", "."),
}


def test_MG_18_keys_and_values_of_every_kind(house: House) -> None:
    (bob,) = people("bob")
    values = {bob: {key: value for key, value, _ in VALUES.values()}}
    body = "".join([f"[{name}] %recipient.{key}%|\n" for name, (key, _, _) in VALUES.items()])
    made = alternative(bob, [f"{VARIABLES}: @"], html=f"<pre>{body}</pre>", text=body)
    (copy,) = copies(house, [bob], with_field(made, VARIABLES, in_words(json.dumps(values))))
    for name, (_, _, text) in VALUES.items():
        for shown in (copy.text, copy.html):
            assert f"[{name}] {text}|\n" in shown, name
    assert max(map(len, copy.raw.split(b"\r\n"))) <= 998
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]


LONG = {"a long word": "x" * 5000, "long, of words": "word " * 900}


@pytest.mark.parametrize("transfer", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("value", LONG.values(), ids=LONG.keys())
def test_MG_18_a_long_value_arrives_whole(house: House, transfer: str, value: str) -> None:
    (bob,) = people("bob")
    fields = [
        f"{VARIABLES}: @",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Transfer-Encoding: {transfer}",
    ]
    made = letter(bob, fields=fields, body=_part(transfer, "[%recipient.long%]\n", "utf-8"))
    values = json.dumps({bob: {"long": value}})
    (copy,) = copies(house, [bob], with_field(made, VARIABLES, in_words(values)))
    assert copy.text == f"[{value}]\n"
    assert max(map(len, copy.raw.split(b"\r\n"))) <= 998


MISSING = (
    "%recipient.nick%, %recipient.nick|friend%, %recipient.first|friend%, 100%, %recipient.%, %recipient"
)


def test_MG_18_what_has_no_value_stays_as_it_is_or_is_what_the_author_said(house: House) -> None:
    bob, eve = people("bob", "eve")
    sent = _batch(
        {bob: {"first": "Bob"}}, body=f"{MISSING}\n", subject="%recipient.first%", to=f"<{bob}>, <{eve}>"
    )
    with_values, without = copies(house, (bob, eve), sent)
    assert (
        with_values.text
        == MISSING.replace("%recipient.nick|friend%", "friend").replace("%recipient.first|friend%", "Bob")
        + "\n"
    )
    assert with_values.field("Subject") == "Bob"
    assert (
        without.text
        == MISSING.replace("%recipient.nick|friend%", "friend").replace("%recipient.first|friend%", "friend")
        + "\n"
    )
    assert without.field("Subject") == "%recipient.first%"
    (warning,) = warnings(house, eve)
    assert "no values for 1 of 2" in warning


def test_MG_18_values_cannot_add_fields(house: House) -> None:
    (bob,) = people("bob")
    evil = "x\r\nBcc: <evil@good.test>\r\n\r\nbody\n.\r\n\0\x1b"
    sent = _batch(
        {bob: {"first": evil}}, "X-Name: %recipient.first%", subject="Hi %recipient.first%", body="Hi\n"
    )
    (copy,) = copies(house, [bob], sent)
    assert copy.fields("Bcc") == [] and copy.body == b"Hi\r\n"
    for name in ("Subject", "X-Name"):
        assert "evil@good.test" in copy.field(name) and "\n" not in copy.field(name)
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", copy.raw)


SUBJECTS = {
    "an encoded word": "=?utf-8?q?Gr=C3=BC=C3=9Fe=2C_=25recipient=2Efirst=25!?=",
    "a tag behind an encoded word": "=?utf-8?b?R3LDvMOfZSw=?= %recipient.first%!",
    "raw UTF-8": "Grüße, %recipient.first%!",
    "folded": "Grüße,\r\n %recipient.first%!",
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS.keys())
def test_MG_18_tags_in_fields_however_they_are_written(house: House, subject: str) -> None:
    (bob,) = people("bob")
    (copy,) = copies(house, [bob], _batch({bob: {"first": "Jürgen"}}, subject=subject))
    assert copy.field("Subject") == "Grüße, Jürgen!"
    assert copy.raw.partition(b"\r\n\r\n")[0].isascii()


def _part(transfer: str, text: str, charset: str) -> bytes:
    octets = text.encode(charset)
    if transfer == "base64":
        return base64.encodebytes(octets).replace(b"\n", b"\r\n")
    if transfer == "quoted-printable":
        return quopri.encodestring(octets).replace(b"\n", b"\r\n")
    return octets.replace(b"\n", b"\r\n")


PARTS = {
    "7bit": ("7bit", "us-ascii", "Dear "),
    "8bit UTF-8": ("8bit", "utf-8", "Grüße, "),
    "8bit Latin-1": ("8bit", "iso-8859-1", "Grüße, "),
    "quoted-printable UTF-8": ("quoted-printable", "utf-8", "Grüße = "),
    "quoted-printable Latin-1": ("quoted-printable", "iso-8859-1", "Grüße = "),
    "a tag cut by a soft line break": ("quoted-printable", "utf-8", "x" * 64),
    "base64 UTF-8": ("base64", "utf-8", "Grüße, "),
    "base64 Windows": ("base64", "windows-1252", "Grüße € "),
}


@pytest.mark.parametrize("value", ["Bob", "Jürgen", "Łukasz 😀"], ids=["ASCII", "Latin", "others"])
@pytest.mark.parametrize(("transfer", "charset", "before"), PARTS.values(), ids=PARTS.keys())
def test_MG_18_parts_in_every_encoding(
    house: House, transfer: str, charset: str, before: str, value: str
) -> None:
    (bob,) = people("bob")
    text = f"{before}%recipient.first%!\nYours\n"
    fields = [
        f"{VARIABLES}: {json.dumps({bob: {'first': value}})}",
        "MIME-Version: 1.0",
        f"Content-Type: text/plain; charset={charset}",
        f"Content-Transfer-Encoding: {transfer}",
    ]
    body = _part(transfer, text, charset)
    assert (b"%recipient.first%" in body) == (transfer != "base64" and before[0] != "x")
    (copy,) = copies(house, [bob], letter(bob, fields=fields, body=body))
    assert copy.text == f"{before}{value}!\nYours\n"
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]


def test_MG_18_attachments_and_attached_letters_stay_as_they_are(house: House) -> None:
    (bob,) = people("bob")
    attached = base64.encodebytes(b"%recipient.first%").replace(b"\n", b"\r\n")
    rest = (
        b"--cut\r\nContent-Type: text/plain; name=a.txt\r\n"
        b"Content-Disposition: attachment; filename=a.txt\r\n\r\n"
        b"file: %recipient.first%\r\n"
        b"--cut\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + attached
        + b"--cut\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Subject: %recipient.first%\r\n\r\n%recipient.first%\r\n"
        b"--cut--\r\n"
    )
    body = b"--cut\r\nContent-Type: text/plain\r\n\r\nDear %recipient.first%\r\n" + rest
    fields = [
        f"{VARIABLES}: {json.dumps({bob: {'first': 'Bob'}})}",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=cut",
    ]
    (copy,) = copies(house, [bob], letter(bob, fields=fields, body=body))
    assert copy.body.endswith(rest) and copy.text == "Dear Bob"


def test_MG_18_amp_parts_are_personalised_too(house: House) -> None:
    (bob,) = people("bob")
    fields = [
        f"{VARIABLES}: {json.dumps({bob: {'first': 'Bob'}})}",
        "X-Mailgun-Track: yes",
        "MIME-Version: 1.0",
    ]
    link = '<a href="https://shop.test/x">%recipient.first%</a>'
    body = "".join(
        f"--cut\r\nContent-Type: {kind}; charset=utf-8\r\n\r\n{link}\r\n"
        for kind in ("text/x-amp-html", "text/html")
    )
    fields += ["Content-Type: multipart/alternative; boundary=cut"]
    (copy,) = copies(house, [bob], letter(bob, fields=fields, body=f"{body}--cut--\r\n".encode()))
    (amp,) = [part for part in copy.message.walk() if part.get_content_type() == "text/x-amp-html"]
    assert amp.get_content() == '<a href="https://shop.test/x">Bob</a>'  # never rewritten: AMP forbids it
    assert "/c/" in copy.links[0] and ">Bob</a>" in copy.html
