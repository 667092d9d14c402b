"""Clients that applications are written with: Django's mail, and the `smtpapi` builder with smtplib."""

from __future__ import annotations

import contextlib
import json
import re
import smtplib
from collections.abc import Callable, Iterator
from email.charset import QP, Charset
from email.header import Header
from email.message import EmailMessage
from typing import Any

import django.conf
import pytest
from smtpapi import SMTPAPIHeader

from house.copies import read
from house.house import DOMAIN, Auth, House, letter, unique

pytestmark = pytest.mark.long

SENDER = f"orders@{DOMAIN}"

if not django.conf.settings.configured:
    django.conf.settings.configure()

from django.core import mail  # noqa: E402
from django.test import override_settings  # noqa: E402

HTML = '<html><body><p>Dear %recipient.first% -first-</p><a href="https://shop.test/a">here</a></body></html>'
TEXT = "Dear %recipient.first% -first-, größer\n"


# -- Django ----------------------------------------------------------------------------------------------


@pytest.fixture
def trusted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django verifies the certificate; this house made its own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(house.folder / "tls" / "cert.pem"))


def django_settings(house: House, auth: Auth, **more: Any) -> override_settings:
    """All that a project changes when it moves here."""
    told = {
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": house.port,
        "EMAIL_HOST_USER": auth.user,
        "EMAIL_HOST_PASSWORD": auth.password,
        "EMAIL_USE_TLS": True,
        "EMAIL_TIMEOUT": 15,
        "DEFAULT_FROM_EMAIL": f"Bestellüngen <{SENDER}>",
    }
    return override_settings(**{**told, **more})


def django_mail(to: str | list[str], headers: dict[str, str], **more: Any) -> mail.EmailMultiAlternatives:
    recipients = [to] if isinstance(to, str) else to
    message = mail.EmailMultiAlternatives(
        more.pop("subject", "Grüße, %recipient.first% -first-"),
        TEXT,
        None,
        recipients,
        headers=headers,
        **more,
    )
    message.attach_alternative(HTML, "text/html")
    message.attach("größe.csv", "a,b\n1,2\n", "text/csv")
    return message


def user(house: House) -> Auth:
    return Auth(house.login, house.password)


def _at(house: House, to: str) -> dict[str, Any]:
    return house.event(to, "accepted")


@pytest.mark.usefixtures("trusted")
def test_C_03_MG_01_MG_18_MG_22_django_with_a_services_headers(house: House) -> None:
    to = f"{unique()}@good.test"
    variables = {to: {"first": "Zoë", "note": "x" * 300, "words": "many words " * 40}}
    headers = {
        "X-Mailgun-Tag": "summer",
        "X-Mailgun-Recipient-Variables": json.dumps(variables),
        "X-Mailgun-Variables": json.dumps({"order": 17, "größe": "größer"}, ensure_ascii=False),
        "X-Mailgun-Track": "no",
    }
    with django_settings(house, user(house)):
        assert django_mail(to, headers).send() == 1
    copy = read(house.internet.copy(to))
    assert copy.field("Subject") == "Grüße, Zoë -first-"
    assert copy.text == "Dear Zoë -first-, größer\n"
    assert "<p>Dear Zoë -first-</p>" in copy.html and copy.links == ["https://shop.test/a"]
    assert copy.field("From") == f"Bestellüngen <{SENDER}>"
    assert copy.fields("X-Mailgun-Recipient-Variables") == copy.fields("X-Mailgun-Track") == []
    (attached,) = copy.message.iter_attachments()
    assert attached.get_filename() == "größe.csv"
    event = _at(house, to)
    assert event["tags"] == ["summer"] and event["metadata"] == {"order": 17, "größe": "größer"}


@pytest.mark.usefixtures("trusted")
def test_C_04_SG_01_SG_05_SG_06_django_with_the_smtpapi_builder(house: House) -> None:
    header, people = built()
    with django_settings(house, house.key()):
        assert django_mail("placeholder@good.test", {"X-SMTPAPI": header.json_string()}).send() == 1
    for address, first in people.items():
        copy = read(house.internet.copy(address))
        assert copy.field("Subject") == f"Grüße, %recipient.first% {first}"
        assert copy.text.startswith(f"Dear %recipient.first% {first}, größer\n")
        assert copy.text.endswith(f"Best wishes, {first}")
        assert f"<p>Dear %recipient.first% {first}</p>" in copy.html
        assert re.fullmatch(rf"\"?{first}\"? (\w+ )?<{re.escape(address)}>", copy.field("To")), copy.field(
            "To"
        )
        assert copy.fields("X-SMTPAPI") == []
        event = _at(house, address)
        assert event["tags"] == CATEGORIES
        assert event["metadata"] == {"campaign": "größe 7", "who": f"is {first}"}
    assert house.events("placeholder@good.test") == []


@pytest.mark.usefixtures("trusted")
def test_C_05_MP_01_MP_02_django_with_a_token(house: House) -> None:
    to = f"{unique()}@good.test"
    headers = {
        "X-MailPace-Tags": "größe, zwei",
        "X-List-Unsubscribe": "<https://shop.test/leave>",
        "X-Custom": "1",
    }
    with django_settings(house, house.token()):
        assert django_mail(to, headers, reply_to=["help@shop.test"]).send() == 1
    copy = read(house.internet.copy(to))
    assert copy.field("List-Unsubscribe") == "<https://shop.test/leave>"
    assert copy.field("Reply-To") == "help@shop.test"
    assert copy.fields("X-Custom") == copy.fields("X-MailPace-Tags") == []
    assert copy.text == TEXT and HTML in copy.html
    assert _at(house, to)["tags"] == ["größe", "zwei"]


@pytest.mark.usefixtures("trusted")
def test_C_02_django_sends_many_on_one_connection_with_copies_and_blind_copies(house: House) -> None:
    tag = unique()
    messages = [
        mail.EmailMessage(
            f"Number {n}",
            TEXT,
            None,
            [f"to{n}+{tag}@good.test"],
            cc=[f"cc{n}+{tag}@good.test"],
            bcc=[f"bcc{n}+{tag}@good.test"],
        )
        for n in range(5)
    ]
    with django_settings(house, user(house)):
        assert mail.get_connection().send_messages(messages) == 5
    for n in range(5):
        for kind in ("to", "cc", "bcc"):
            copy = read(house.internet.copy(f"{kind}{n}+{tag}@good.test"))
            assert copy.field("Subject") == f"Number {n}" and b"bcc" not in copy.raw


@pytest.mark.usefixtures("trusted")
def test_C_01_django_over_tls_from_the_first_byte(house: House) -> None:
    to = f"{unique()}@good.test"
    with django_settings(
        house, user(house), EMAIL_PORT=house.port_tls, EMAIL_USE_TLS=False, EMAIL_USE_SSL=True
    ):
        assert mail.send_mail("Hello", TEXT, None, [to]) == 1
    assert read(house.internet.copy(to)).text == TEXT


@pytest.mark.usefixtures("trusted")
def test_C_04_C_06_django_is_told_why_it_may_not_send(house: House) -> None:
    key = house.key().password
    for auth, code in (
        (Auth("apikey", f"{key}x"), 535),
        (Auth(house.login, key), 535),
        (Auth("no-token", "no-token"), 535),
    ):
        with django_settings(house, auth), contextlib.closing(mail.get_connection()) as connection:
            with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
                connection.open()
            assert refused.value.smtp_code == code
        house.wire(signed_in=True).close()  # or the next refusal comes late
    with django_settings(house, user(house)), contextlib.closing(mail.get_connection()) as connection:
        letter = mail.EmailMessage("Hello", TEXT, "boss@bank.test", ["x@good.test"])
        with pytest.raises(smtplib.SMTPDataError) as foreign:
            connection.send_messages([letter])
        assert foreign.value.smtp_code == 550


# -- the builder -----------------------------------------------------------------------------------------

CATEGORIES = ["summer sale", "größe"]


def built() -> tuple[SMTPAPIHeader, dict[str, str]]:
    """A header for three recipients, and what each of them is called."""
    tag = unique()
    people = {f"ann+{tag}@good.test": "Ann", f"zoe+{tag}@good.test": "Zoë", f"hana+{tag}@good.test": "花子😀"}
    header = SMTPAPIHeader()
    for address, first in people.items():
        header.add_to(f"{first} Muster <{address}>")
        header.add_substitution("-first-", first)
        header.add_substitution("-greeting-", "-long-")
    header.add_section(
        "-long-", "Hello -first-, " + "these are many words of a section " * 8 + "and its end."
    )
    header.set_categories(CATEGORIES)
    header.add_unique_arg("campaign", "größe 7")
    header.add_unique_arg("who", "is -first-")
    header.add_filter("footer", "enable", 1)
    header.add_filter("footer", "text/plain", "Best wishes, -first-")
    return header, people


def folded_at_72(value: bytes) -> bytes:
    """The documented recipe: break at the white space behind at most 72 characters, which stays one."""
    return re.sub(rb"(.{1,72})\s", rb"\1\r\n ", value)


def indented_at_72(value: bytes) -> bytes:
    """As the service's own example has it: the lines that follow begin with three spaces."""
    return folded_at_72(value).replace(b"\r\n ", b"\r\n   ")


def cut_at_998(value: bytes) -> bytes:
    """What a relay does to a line that is too long: it cuts anywhere, also inside of a character."""
    first = 998 - len("X-SMTPAPI: ")
    rest = [value[at : at + 997] for at in range(first, len(value), 997)]
    return b"\r\n ".join([value[:first], *rest])


def words(encoding: int | None = None) -> Callable[[bytes], bytes]:
    """RFC 2047 encoded words, in B or in the other form."""
    charset = Charset("utf-8")
    if encoding is not None:
        charset.header_encoding = encoding

    def encoded(value: bytes) -> bytes:
        header = Header(value.decode(), charset, maxlinelen=76, header_name="X-SMTPAPI")
        return header.encode(linesep="\r\n").encode()

    return encoded


def with_escapes(header: SMTPAPIHeader) -> str:
    return str(header.json_string())


def raw_text(header: SMTPAPIHeader) -> str:
    return json.dumps(header.data, ensure_ascii=False)


def compact_text(header: SMTPAPIHeader) -> str:
    return json.dumps(header.data, ensure_ascii=False, separators=(",", ":"))


Fold = Callable[[bytes], bytes]
FORMS: dict[str, tuple[Callable[[SMTPAPIHeader], str], Fold]] = {
    "one line": (with_escapes, bytes),
    "72 columns": (with_escapes, folded_at_72),
    "72 columns indented": (with_escapes, indented_at_72),
    "998 columns": (with_escapes, cut_at_998),
    "encoded words": (raw_text, words()),
    "encoded words in Q": (raw_text, words(QP)),
    "encoded words of escapes": (with_escapes, words()),
    "raw UTF-8": (raw_text, bytes),
    "raw UTF-8, 72 columns": (raw_text, folded_at_72),
    "raw UTF-8, 998 columns": (compact_text, cut_at_998),
}


@pytest.fixture
def key(house: House) -> Iterator[Auth]:
    yield house.key()


@pytest.mark.parametrize(("form", "fold"), FORMS.values(), ids=FORMS.keys())
def test_SG_01_SG_02_SG_05_SG_06_the_builders_header_however_it_is_folded(
    house: House, key: Auth, form: Callable[[SMTPAPIHeader], str], fold: Fold
) -> None:
    header, people = built()
    if fold is cut_at_998:
        header.add_unique_arg("filler", "größe" * 500)
    value = fold(form(header).encode())
    body = b"Dear -first-!\r\n-greeting-\r\n"
    sent = letter("placeholder@good.test", fields=["X-SMTPAPI: @"], body=body)
    raw = sent.raw.replace(b"X-SMTPAPI: @", b"X-SMTPAPI: " + value)
    with house.smtp(auth=key) as client:
        assert client.sendmail(SENDER, ["placeholder@good.test"], raw, ["BODY=8BITMIME"]) == {}
    for address, first in people.items():
        copy = read(house.internet.copy(address))
        # inside of a string the white space of a fold is part of the text
        text = re.sub(" +", " ", copy.text) if fold is indented_at_72 else copy.text
        section = f"Hello {first}, " + "these are many words of a section " * 8 + "and its end."
        assert f"Dear {first}!\n{section}\n" in text
        assert f"Best wishes, {first}" in text
        assert re.sub(" +", " ", copy.field("To")) == f"{first} Muster <{address}>"
        assert b"X-SMTPAPI" not in copy.raw
        event = _at(house, address)
        assert event["tags"] == CATEGORIES
        metadata = dict(event["metadata"])
        assert metadata.pop("filler", "größe" * 500) == "größe" * 500
        assert metadata == {"campaign": "größe 7", "who": f"is {first}"}


def test_SG_10_a_broken_header_is_taken_and_told(house: House, key: Auth) -> None:
    header, people = built()
    recipient = f"{unique()}@good.test"
    sent = letter(recipient, fields=[f"X-SMTPAPI: {header.json_string()[:-1]}"])
    with house.smtp(auth=key) as client:
        assert client.sendmail(SENDER, [recipient], sent.raw) == {}
    dropped = house.event(recipient, "dropped")
    assert "Invalid SMTPAPI header" in str(dropped["text"])
    assert all(house.events(address) == [] for address in people)
    assert house.internet.to(recipient) == []


def test_SG_01_pythons_own_message_class_with_the_builders_header(house: House, key: Auth) -> None:
    """`EmailMessage` folds and encodes unknown headers its own way."""
    header, people = built()
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, "placeholder@good.test", "Für -first-"
    message["X-SMTPAPI"] = raw_text(header)
    message.set_content("Dear -first-!\n")
    message.add_alternative("<p>Dear -first-!</p>", subtype="html")
    with house.smtp(auth=key) as client:
        client.send_message(message)
    for address, first in people.items():
        copy = read(house.internet.copy(address))
        assert copy.field("Subject") == f"Für {first}"
        assert f"Dear {first}!\n" in copy.text and f"<p>Dear {first}!</p>" in copy.html
        assert _at(house, address)["metadata"] == {"campaign": "größe 7", "who": f"is {first}"}
