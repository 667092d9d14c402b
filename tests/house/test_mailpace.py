"""Mail of a domain token: tags, the list to unsubscribe from, and the letter built anew."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from dkim_oracle import verified_signatures
from house import books
from house.copies import Copy, read
from house.house import DOMAIN, Auth, House, Houses, Letter, letter, unique, until

SENDER = f"orders@{DOMAIN}"
LINE = b"Dear customer, your order is on its way.\r\n"


@pytest.fixture(scope="module")
def token(house: House) -> Auth:
    return house.token()


def hand_over(
    house: House, auth: Auth, content: Letter, *recipients: str, options: Sequence[str] = ()
) -> None:
    with house.smtp(auth=auth) as client:
        assert client.sendmail(SENDER, list(recipients), content.raw, options) == {}


def delivered(house: House, auth: Auth, *fields: str, body: bytes = LINE) -> Copy:
    """The copy of a letter with these fields."""
    recipient = f"{unique()}@good.test"
    hand_over(house, auth, letter(recipient, fields=fields, body=body), recipient)
    return read(house.internet.copy(recipient))


def accepted(house: House, auth: Auth, *fields: str) -> dict[str, object]:
    """The first event of a letter with these fields, which must arrive."""
    recipient = f"{unique()}@good.test"
    hand_over(house, auth, letter(recipient, fields=fields), recipient)
    house.internet.copy(recipient)
    return house.event(recipient, "accepted")


# -- MP-01 -----------------------------------------------------------------------------------------------

TAGS = {
    "a single tag": (["X-MailPace-Tags: a single tag"], ["a single tag"]),
    "commas": (["X-MailPace-Tags: tag one, tag two,tag three"], ["tag one", "tag two", "tag three"]),
    "folded": (
        ["X-MailPace-Tags: tag one,\r\n tag two,\r\n\ttag\r\n three"],
        ["tag one", "tag two", "tag three"],
    ),
    "given twice": (["X-MailPace-Tags: b, a", "X-MailPace-Tags: c, a"], ["b", "a", "c"]),
    "an encoded word": (["X-MailPace-Tags: =?utf-8?q?gr=C3=BC=C3=9Fe=2C_zwei?="], ["grüße", "zwei"]),
    "encoded words": (
        ["X-MailPace-Tags: =?utf-8?b?w6Qs?=\r\n =?utf-8?b?w7Y=?=, =?iso-8859-1?q?=FC?="],
        ["ä", "ö", "ü"],
    ),
    "raw UTF-8": (["X-MailPace-Tags: grüße, 日本"], ["grüße", "日本"]),
    "empty items": (["X-MailPace-Tags: ,a,, b , ,"], ["a", "b"]),
    "duplicates": (["X-MailPace-Tags: a, b, a,b"], ["a", "b"]),
    "a list of JSON": (['X-MailPace-Tags: ["a","b, c"]'], ["a", "b, c"]),
    "a list of Ruby": (["X-MailPace-Tags: ['test tag', 'another-tag']"], ["test tag", "another-tag"]),
    "the name before 2022": (["X-OMS-Tags: one,two"], ["one", "two"]),
    "the name until 2022": (["X-OhMySMTP-Tags: one,two"], ["one", "two"]),
    "all names": (["X-OMS-Tags: a", "x-mailpace-TAGS: b", "X-OHMYSMTP-Tags: a, c"], ["a", "b", "c"]),
    "no header": ([], []),
    "an empty header": (["X-MailPace-Tags: "], []),
    "only commas": (["X-MailPace-Tags: , ,,"], []),
    "an open bracket": (["X-MailPace-Tags: ['a', 'b'"], ["['a'", "'b'"]),
}


@pytest.mark.parametrize(("fields", "tags"), TAGS.values(), ids=TAGS.keys())
def test_MP_01_tags_are_in_every_event_and_not_in_the_mail(
    house: House, token: Auth, fields: list[str], tags: list[str]
) -> None:
    recipient = f"{unique()}@good.test"
    hand_over(house, token, letter(recipient, fields=fields), recipient)
    for kind in ("accepted", "delivered"):
        assert house.event(recipient, kind).get("tags", []) == tags
    (row,) = [row for row in house.cli_rows("events", "--recipient", recipient) if row["kind"] == "delivered"]
    assert row["tags"] == tags
    head = house.internet.copy(recipient).content.partition(b"\r\n\r\n")[0].lower()
    assert b"-tags:" not in head


def test_MP_01_tags_are_in_the_story_of_a_failure_too(house: House, token: Auth) -> None:
    recipient = f"reject+{unique()}@bounce.test"
    hand_over(house, token, letter(recipient, fields=["X-MailPace-Tags: a, b"]), recipient)
    failed = house.event(recipient, "failed")
    assert failed["tags"] == ["a", "b"]


def test_MP_01_too_many_and_too_long_tags_are_cut_with_a_warning(house: House, token: Auth) -> None:
    many = ", ".join(f"tag {n}" for n in range(25))
    event = accepted(house, token, f"X-MailPace-Tags: {many}")
    assert event["tags"] == [f"tag {n}" for n in range(20)]
    assert any("20" in text for text in _warnings(event))
    event = accepted(house, token, f"X-MailPace-Tags: short, {'x' * 300}")
    assert event["tags"] == ["short", "x" * 255]
    assert any("255" in text for text in _warnings(event))
    assert accepted(house, token, "X-MailPace-Tags: fine").get("warnings", []) == []


def _warnings(event: dict[str, object]) -> list[str]:
    found = event["warnings"]
    assert isinstance(found, list)
    return [str(text) for text in found]


def test_MP_01_controls_in_a_tag_make_no_harm(house: House, token: Auth) -> None:
    event = accepted(house, token, "X-MailPace-Tags: =?utf-8?q?a=0D=0AX-Evil=3A_1?=, b")
    tags = event["tags"]
    assert isinstance(tags, list) and len(tags) == 2 and tags[1] == "b"
    assert not any(char < " " for char in json.dumps(tags))
    copy = delivered(house, token, "X-MailPace-Tags: =?utf-8?q?a=0D=0AX-Evil=3A_1?=")
    assert copy.fields("X-Evil") == []


# -- MP-02 -----------------------------------------------------------------------------------------------

LINK, OTHER = "<https://shop.test/leave?id=17&x=1>", "<mailto:leave@shop.test?subject=leave>"
LISTS = {
    "a link": ([f"X-List-Unsubscribe: {LINK}"], LINK),
    "an address": ([f"X-List-Unsubscribe: {OTHER}"], OTHER),
    "both": ([f"X-List-Unsubscribe: {OTHER}, {LINK}"], f"{OTHER}, {LINK}"),
    "folded": ([f"X-List-Unsubscribe: {OTHER},\r\n {LINK}"], f"{OTHER}, {LINK}"),
    "bare": (["X-List-Unsubscribe: https://shop.test/leave"], "<https://shop.test/leave>"),
    "a bare address": (["X-List-Unsubscribe: mailto:leave@shop.test"], "<mailto:leave@shop.test>"),
    "two bare ones": (
        ["X-List-Unsubscribe: https://shop.test/a,mailto:leave@shop.test"],
        "<https://shop.test/a>, <mailto:leave@shop.test>",
    ),
    "a comma in a link": (["X-List-Unsubscribe: <https://shop.test/a,b>"], "<https://shop.test/a,b>"),
    "in lower case": ([f"x-list-unsubscribe: {LINK}"], LINK),
    "encoded": (
        ["X-List-Unsubscribe: =?utf-8?q?=3Chttps=3A//shop=2Etest/leave=3E?="],
        "<https://shop.test/leave>",
    ),
    "the plain name": ([f"List-Unsubscribe: {OTHER}"], OTHER),
    "it beats the plain name": ([f"List-Unsubscribe: {OTHER}", f"X-List-Unsubscribe: {LINK}"], LINK),
    "neither": ([], ""),
}


@pytest.mark.parametrize(("fields", "value"), LISTS.values(), ids=LISTS.keys())
def test_MP_02_the_list_becomes_the_delivered_field(
    house: House, token: Auth, fields: list[str], value: str
) -> None:
    copy = delivered(house, token, *fields)
    assert copy.field("List-Unsubscribe") == value
    assert copy.fields("X-List-Unsubscribe") == [] and copy.fields("List-Unsubscribe-Post") == []


def test_MP_02_the_field_is_signed(house: House, token: Auth) -> None:
    copy = delivered(house, token, f"X-List-Unsubscribe: {LINK}")
    shown = house.cli("domain", "show", DOMAIN)
    records = {row["name"]: row["value"] for row in shown["records"] if row["kind"] == "TXT"}
    assert verified_signatures(copy.raw, records) == ["ph1"]
    for changed in (
        copy.raw.replace(b"id=17", b"id=18"),
        b"List-Unsubscribe: <https://bank.test>\r\n" + copy.raw,
    ):
        assert verified_signatures(changed, records) == []


def test_MP_02_one_click_is_offered_where_its_author_wrote_it(house: House, token: Auth) -> None:
    post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    copy = delivered(house, token, f"X-List-Unsubscribe: {LINK}", post)
    assert copy.field("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    assert copy.field("List-Unsubscribe") == LINK


@pytest.mark.parametrize(
    "value",
    [
        "=?utf-8?q?=3Chttps=3A//a=2Etest=3E=0D=0AX-Evil=3A_1?=",
        "=?utf-8?b?PGh0dHBzOi8vYS50ZXN0Pg0KDQpib2R5?=",
        "<https://a.test/\x01>",
    ],
    ids=["CRLF and a field", "CRLF and a body", "a control"],
)
def test_MP_02_a_list_with_line_breaks_is_not_taken(house: House, token: Auth, value: str) -> None:
    copy = delivered(house, token, f"X-List-Unsubscribe: {value}")
    assert copy.fields("X-Evil") == [] and copy.fields("List-Unsubscribe") == []
    assert copy.body == LINE


# -- MP-03 -----------------------------------------------------------------------------------------------

GONE = [
    "X-Custom: 1",
    "Sender: <boss@shop.test>",
    "List-Id: <news.shop.test>",
    "List-Help: <https://shop.test/help>",
    "Return-Path: <back@shop.test>",
    "Received: from a.test by b.test; Sat, 21 Nov 2026 10:00:00 +0000",
    "DKIM-Signature: v=1; a=rsa-sha256; d=shop.test; s=old; h=from; bh=x; b=y",
    "Authentication-Results: shop.test; dkim=pass",
    "X-Mailer: something 1.0",
    "X-Priority: 1",
    "Importance: high",
    "Precedence: bulk",
    "Organization: Shop",
    "Resent-From: <x@shop.test>",
    "Disposition-Notification-To: <x@shop.test>",
    "Comments: none",
    "X-OMS-Other: 1",
    "X-Mailgun-Tag: other",
    "X-Mailgun-Track: no",
    'X-SMTPAPI: {"category": "third"}',
    "X-SG-EID: 1",
]
KEPT = {
    "Reply-To": "Help <help@shop.test>",
    "Cc": "Bob <bob@also-good.test>",
    "In-Reply-To": "<one@client.test>",
    "References": "<zero@client.test> <one@client.test>",
    "Auto-Submitted": "auto-generated",
}


def test_MP_03_fields_that_the_service_does_not_know_are_not_kept(house: House, token: Auth) -> None:
    kept = [f"{name}: {value}" for name, value in KEPT.items()]
    recipient = f"{unique()}@good.test"
    sent = letter(
        recipient,
        fields=[*GONE, *kept, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8"],
        body=LINE,
    )
    hand_over(house, token, sent, recipient)
    copy = read(house.internet.copy(recipient))
    for line in GONE:
        name, _, value = line.partition(": ")
        if name not in ("Received", "DKIM-Signature"):  # ours stand there
            assert copy.fields(name) == [], name
        assert value not in copy.fields(name)
    for name, value in KEPT.items():
        assert copy.field(name) == value
    assert copy.field("From") == "Orders <orders@shop.test>" and copy.field("To") == recipient
    assert copy.field("Subject") == "Your order" and copy.body == LINE
    assert copy.message.get_content_type() == "text/plain"
    event = house.event(recipient, "accepted")
    assert event["tags"] == ["other", "third"]  # what another service's headers ask for is done all the same


def test_MP_03_message_id_and_date_are_written_anew(house: House, token: Auth) -> None:
    recipient = f"{unique()}@good.test"
    sent = letter(recipient)
    hand_over(house, token, sent, recipient)
    copy = read(house.internet.copy(recipient))
    event = house.event(recipient, "accepted")
    assert copy.field("Message-ID") not in ("", sent.header_id)
    assert copy.field("Message-ID").endswith("@shop.test>")
    assert str(event["message_id"]) in copy.field("Message-ID")
    assert event["header_id"] == copy.field("Message-ID")
    assert b"Sat, 21 Nov 2026 10:00:00 +0000" not in copy.raw.partition(b"\r\n\r\n")[0]
    assert len(copy.fields("Date")) == 1
    assert sent.header_id.encode() not in copy.raw


def test_MP_03_each_letter_has_a_message_id_of_its_own(house: House, token: Auth) -> None:
    assert len({delivered(house, token).field("Message-ID") for _ in range(3)}) == 3


def test_MP_03_the_letter_built_anew_is_signed_and_its_words_are_kept(house: House, token: Auth) -> None:
    recipient = f"{unique()}@good.test"
    head = [
        "From: =?utf-8?q?Bestell=C3=BCngen=2C_gut?= <orders@shop.test>",
        f'To: "Ann, the first" <{recipient}>',
        "Subject: =?utf-8?b?R3LDvMOfZQ==?= und =?iso-8859-1?q?=E4?=",
        "X-Custom: 1",
    ]
    hand_over(house, token, Letter("\r\n".join([*head, "", ""]).encode() + LINE, ""), recipient)
    copy = read(house.internet.copy(recipient))
    assert copy.field("From") == '"Bestellüngen, gut" <orders@shop.test>'
    assert copy.field("To") == f'"Ann, the first" <{recipient}>'
    assert copy.field("Subject") == "Grüße und ä"
    shown = house.cli("domain", "show", DOMAIN)
    records = {row["name"]: row["value"] for row in shown["records"] if row["kind"] == "TXT"}
    assert verified_signatures(copy.raw, records) == ["ph1"]


def test_MP_03_the_domain_can_keep_the_fields(house: House) -> None:
    domain = f"{unique('kept')}.test"
    house.cli("domain", "add", domain, "--assume-verified")
    house.cli("domain", "set", domain, "keeps_fields=yes")
    recipient = f"{unique()}@good.test"
    sent = letter(
        recipient, sender=f"me@{domain}", fields=["X-Custom: 1", "List-Id: <a.b>", "X-MailPace-Tags: a"]
    )
    hand_over(house, house.token(domain), sent, recipient)
    copy = read(house.internet.copy(recipient))
    assert copy.field("X-Custom") == "1" and copy.field("List-Id") == "<a.b>"
    assert copy.field("Message-ID") == sent.header_id
    assert copy.fields("X-MailPace-Tags") == []


def test_MP_03_other_credentials_keep_the_fields(house: House) -> None:
    others = [Auth(house.login, house.password), house.key(), house.token(DOMAIN, "--native")]
    for auth in others:
        recipient = f"{unique()}@good.test"
        sent = letter(recipient, fields=["X-Custom: 1", "List-Id: <a.b>", "X-MailPace-Tags: a, b"])
        hand_over(house, auth, sent, recipient)
        copy = read(house.internet.copy(recipient))
        assert copy.field("X-Custom") == "1" and copy.field("Message-ID") == sent.header_id
        assert copy.fields("X-MailPace-Tags") == []
        assert house.event(recipient, "accepted")["tags"] == ["a", "b"]


# -- recipients ------------------------------------------------------------------------------------------


def test_C_05_MP_03_blind_copies_are_those_of_the_envelope(house: House, token: Auth) -> None:
    tag = unique()
    to, cc, blind, only_written = (f"{name}+{tag}@good.test" for name in ("to", "cc", "blind", "written"))
    sent = letter(to, fields=[f"Cc: <{cc}>", f"Bcc: <{only_written}>,\r\n <{blind}>"])
    hand_over(house, token, sent, to, cc, blind)
    for recipient in (to, cc, blind):
        copy = read(house.internet.copy(recipient))
        assert copy.fields("Bcc") == []
        assert blind.encode() not in copy.raw and only_written.encode() not in copy.raw
        assert copy.field("To") == to and copy.field("Cc") == cc
    assert house.events(only_written) == [] and house.internet.to(only_written) == []


# -- the body --------------------------------------------------------------------------------------------

HTML = (
    b"<html><BODY class=x>\r\n<p>Gr\xc3\xbc\xc3\x9fe &amp; %recipient.name% -name- {{name}}\t \r\n"
    b'<a href="https://shop.test/a?b=1&amp;c=2">here</a> <a href=https://shop.test>there</a>\r\n'
    b"%unsubscribe_url% </BODY></html>\r\n"
)
MIXED = (
    b"preamble\r\n--b1\r\nContent-Type: multipart/related; boundary=b2\r\n\r\n"
    b"--b2\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    + HTML
    + b"\r\n--b2\r\nContent-Type: image/png\r\nContent-ID: <pic>\r\n"
    b'Content-Disposition: inline; filename="a.png"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b2--\r\n"
    b"--b1\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
    b'--b1\r\nContent-Type: application/pdf; name="a b.pdf"\r\n'
    b'Content-Disposition: attachment; filename="a b.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQ=\r\n--b1--\r\nepilogue\r\n"
)
BODIES = {
    "plain": (["Content-Type: text/plain; charset=utf-8"], "Grüße https://shop.test/a\r\n.\r\n\r\n".encode()),
    "HTML": (["Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: 8bit"], HTML),
    "Latin-1": (["Content-Type: text/html; charset=iso-8859-1"], b"<p>Gr\xfc\xdfe</p>\r\n"),
    "quoted-printable": (
        ["Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"],
        b'<a href=3D"https://shop.test/a=\r\nbc">=67r=C3=BC=C3=9Fe</a>=20\r\n',
    ),
    "base64": (
        ["Content-Type: text/html", "Content-Transfer-Encoding: base64"],
        b"PGEgaHJlZj0iaHR0cHM6\r\nLy9zaG9wLnRlc3QiPmE8L2E+\r\n",
    ),
    "parts": (["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b1"], MIXED),
    "no MIME": ([], HTML),
    "signed": (
        [
            "Content-Type: multipart/signed; boundary=s; micalg=pgp-sha256;\r\n"
            ' protocol="application/pgp-signature"',
        ],
        b"--s\r\nContent-Type: text/html\r\n\r\n<a href='https://shop.test'>x</a>  \r\n--s\r\n"
        b"Content-Type: application/pgp-signature\r\n\r\nsignature\r\n--s--\r\n",
    ),
    "empty": ([], b""),
}


@pytest.fixture(scope="module")
def tracking_house(shared_houses: Houses) -> House:
    """An installation that can track and a domain that may say so."""
    return shared_houses.new(settings={"tracking": {"url": "https://t.house.test"}})


@pytest.mark.parametrize(("fields", "body"), BODIES.values(), ids=BODIES.keys())
def test_MP_03_the_body_is_delivered_byte_for_byte(
    tracking_house: House, fields: list[str], body: bytes
) -> None:
    copy = delivered(tracking_house, tracking_house.token(), *fields, body=body)
    assert copy.body == body
    for line in fields:
        assert line.encode() in copy.raw


def test_MP_03_nothing_is_tracked_until_the_domain_says_so(tracking_house: House) -> None:
    house, domain = tracking_house, f"{unique('track')}.test"
    house.cli("domain", "add", domain, "--assume-verified")
    token = house.token(domain)
    fields = ["Content-Type: text/html; charset=utf-8"]
    body = b'<html><body><a href="https://shop.test/a">here</a></body></html>\r\n'

    def copy() -> Copy:
        recipient = f"{unique()}@good.test"
        hand_over(house, token, letter(recipient, sender=f"me@{domain}", fields=fields, body=body), recipient)
        return read(house.internet.copy(recipient))

    assert copy().body == body
    house.cli("domain", "set", domain, "track_clicks=html", "track_opens=yes")
    until(lambda: copy().body != body, 3.0, "the change")
    tracked = copy()
    (link,) = tracked.links
    (image,) = tracked.images
    assert link.startswith("https://t.house.test/c/") and image.startswith("https://t.house.test/o/")
    house.cli("domain", "set", domain, "track_clicks=", "track_opens=")
    until(lambda: copy().body == body, 3.0, "the change back")


def test_MP_03_the_stored_letter_is_the_one_that_came(house: House, token: Auth) -> None:
    recipient = f"{unique()}@good.test"
    sent = letter(recipient, fields=["X-Custom: 1"])
    hand_over(house, token, sent, recipient)
    house.internet.copy(recipient)
    message_id = house.event(recipient, "accepted")["message_id"]
    (row,) = books.rows(house.store, f"select * from message where id = '{message_id}'")
    assert row["header_id"] != sent.header_id
    source = house.command("message", message_id, "--source")
    assert "X-Custom: 1" in source and sent.header_id in source
