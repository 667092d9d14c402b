"""MG-01 to MG-03 and MG-24: labels and switches, as recipients and events see them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dkim_oracle import verified_signatures
from house.copies import Copy, read
from house.house import DOMAIN, House, Letter, letter, unique
from house.mailgun import alternative, option_fields, records, visit, warnings

TARGET = "https://shop.test/sale?a=1&b=2#top"
HTML = f'<html><body class="x"><p>Hi</p><a href="{TARGET}">Sale</a></body></html>'
TEXT = f"See {TARGET}, now.\n"


def _copy(house: House, sent: Letter, recipient: str) -> Copy:
    house.submit(recipient, sent)
    return read(house.internet.copy(recipient))


# -- MG-01 -----------------------------------------------------------------------------------------------


def test_MG_01_tags_stand_in_every_event_and_in_the_mail(house: House) -> None:
    recipient = f"defer-1+{unique()}@good.test"
    tags = ["Newsletter", "autumn, with comma"]
    fields = [f"X-Mailgun-Tag: {tag}" for tag in tags] + ["X-Mailgun-Track: yes"]
    message_id = house.submit(recipient, alternative(recipient, fields, html=HTML))
    house.event(recipient, "delivered")
    copy = read(house.internet.copy(recipient))
    assert copy.fields("X-Mailgun-Tag") == tags
    visit(house, copy.images[0])
    visit(house, copy.links[0])
    house.event(recipient, "opened")
    house.event(recipient, "clicked")
    told = {event["kind"]: event["tags"] for event in house.cli_rows("events", "--message", message_id)}
    assert told == dict.fromkeys(["accepted", "deferred", "delivered", "opened", "clicked"], tags)
    assert house.cli("message", message_id)["message"]["tags"] == tags


ODD_TAGS: dict[str, tuple[Sequence[str], Sequence[str], int]] = {  # headers, tags, number of warnings
    "the same in other letters": (["Sale", "SALE", "sale"], ["Sale"], 0),
    "eleven": ([f"t{n}" for n in range(11)], [f"t{n}" for n in range(10)], 1),
    "too long": (["x" * 200], ["x" * 128], 1),
    "raw UTF-8": (["Grüße"], ["Grusse", "Gruu00dfe", "Gruudfe"], 1),
    "an encoded word": (["=?utf-8?q?caf=C3=A9?="], ["cafe"], 1),
    "an encoded word that is ASCII": (["=?utf-8?b?c2FsZQ==?="], ["sale"], 0),
    "folded": (["one\r\n two"], ["one two"], 0),
    "empty": ([""], [], 1),
    "empty beside another": (["", "sale"], ["sale"], 1),
}


@pytest.mark.parametrize(("headers", "tags", "count"), ODD_TAGS.values(), ids=ODD_TAGS.keys())
def test_MG_01_a_tag_never_costs_the_mail(
    house: House, headers: Sequence[str], tags: Sequence[str], count: int
) -> None:
    recipient = f"{unique()}@good.test"
    house.submit(recipient, letter(recipient, fields=[f"X-Mailgun-Tag: {tag}" for tag in headers]))
    delivered = house.event(recipient, "delivered")
    if headers == ["Grüße"]:  # how a letter is written in ASCII is our own business
        (tag,) = delivered["tags"]
        assert tag in tags
    else:
        assert delivered.get("tags", []) == list(tags)
    assert len(warnings(house, recipient)) == count


@pytest.mark.parametrize("kind", ["an API key", "a domain token", "a key of our own kind"])
def test_MG_01_option_headers_work_with_every_credential(house: House, kind: str) -> None:
    auth = {
        "an API key": lambda: house.key(),
        "a domain token": lambda: house.token(),
        "a key of our own kind": lambda: house.key("--native"),
    }[kind]()
    recipient = f"{unique()}@good.test"
    with house.smtp(auth=auth) as client:
        client.sendmail(
            f"orders@{DOMAIN}", [recipient], letter(recipient, fields=["X-Mailgun-Tag: sale"]).raw
        )
    assert house.event(recipient, "delivered")["tags"] == ["sale"]


# -- switches --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["no", "No", "NO", "false", "False", " no ", "\r\n no", "=?utf-8?q?no?="])
def test_MG_02_no_sends_unsigned(house: House, word: str) -> None:
    recipient = f"{unique()}@good.test"
    copy = _copy(house, letter(recipient, fields=[f"X-Mailgun-Dkim:{word}"]), recipient)
    assert copy.fields("DKIM-Signature") == []
    assert warnings(house, recipient) == []


@pytest.mark.parametrize("word", ["yes", "True"])
def test_MG_02_yes_signs(house: House, word: str) -> None:
    recipient = f"{unique()}@good.test"
    copy = _copy(house, letter(recipient, fields=[f"x-mailgun-DKIM: {word}"]), recipient)
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]


SWITCHES = [
    "X-Mailgun-Dkim",
    "X-Mailgun-Drop-Message",
    "X-Mailgun-Track",
    "X-Mailgun-Track-Clicks",
    "X-Mailgun-Track-Opens",
    "X-Mailgun-Track-Pixel-Location-Top",
    "X-Mailgun-Require-TLS",
    "X-Mailgun-Skip-Verification",
    "X-Mailgun-Native-Send",
]


@pytest.mark.parametrize("header", SWITCHES)
def test_MG_02_MG_03_MG_04_MG_05_MG_06_MG_07_MG_10_MG_11_a_word_that_says_neither_yes_nor_no_is_ignored(
    house: House, header: str
) -> None:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, [f"{header}: maybe"], html=HTML)
    message_id = house.submit(recipient, sent)
    copy = read(house.internet.copy(recipient))
    assert option_fields(copy) == []
    assert copy.links == [TARGET] and copy.images == []
    (warning,) = warnings(house, recipient)
    assert warning.startswith(f"{header}: ignored: use yes, no, true")
    seen = house.seen(message_id, header)
    assert seen["is_warning"] and seen["value"] == "maybe" and seen["effect"].startswith("ignored: use yes")


@pytest.mark.parametrize("value", ["0", "on", "htmlonly", "yes no", "yes;", "yes\0"], ids=repr)
def test_MG_06_other_words_are_no_switch(house: House, value: str) -> None:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, [f"X-Mailgun-Track-Opens: {value}"], html=HTML)
    if "\0" in value:  # refused as a letter, whatever the header (RFC 5322 2.2)
        with house.smtp() as client:
            code, _ = client.mail(f"orders@{DOMAIN}")
            client.rcpt(recipient)
            assert code == 250 and client.data(sent.raw)[0] in (250, 554)
        return
    assert _copy(house, sent, recipient).images == []
    assert len(warnings(house, recipient)) == 1


@pytest.mark.parametrize("header", SWITCHES)
def test_MG_02_to_MG_07_an_empty_switch_counts_as_absent(house: House, header: str) -> None:
    recipient = f"{unique()}@good.test"
    copy = _copy(house, alternative(recipient, [f"{header}: "], html=HTML), recipient)
    assert copy.links == [TARGET] and copy.images == []
    assert warnings(house, recipient) == [f"{header}: ignored: it has no value"]


def test_MG_02_of_a_repeated_header_the_last_counts(house: House) -> None:
    recipient = f"{unique()}@good.test"
    fields = ["X-Mailgun-Dkim: yes", "X-Mailgun-DKIM: no"]
    message_id = house.submit(recipient, letter(recipient, fields=fields))
    assert read(house.internet.copy(recipient)).fields("DKIM-Signature") == []
    told = house.cli("message", message_id)["message"]["options"]
    assert [(each["value"], each["is_warning"]) for each in told] == [("yes", True), ("no", False)]
    assert len(warnings(house, recipient)) == 1


def test_MG_02_of_a_repeated_header_a_wrong_last_one_leaves_nothing(house: House) -> None:
    recipient = f"{unique()}@good.test"
    fields = ["X-Mailgun-Dkim: no", "X-Mailgun-Dkim: perhaps"]
    copy = _copy(house, letter(recipient, fields=fields), recipient)
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]
    assert len(warnings(house, recipient)) == 2


def test_MG_02_MG_03_headers_inside_of_attached_letters_are_none_of_ours(house: House) -> None:
    recipient = f"{unique()}@good.test"
    body = (
        b"--cut\r\nContent-Type: text/plain\r\nX-Mailgun-Dkim: no\r\n\r\nHi\r\n"
        b"--cut\r\nContent-Type: message/rfc822\r\n\r\nFrom: <a@b.test>\r\nX-Mailgun-Drop-Message: yes\r\n"
        b"X-Mailgun-Tag: inner\r\n\r\nInner\r\n--cut--\r\n"
    )
    fields = ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=cut"]
    copy = _copy(house, letter(recipient, fields=fields, body=body), recipient)
    assert copy.body == body
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]
    assert "tags" not in house.event(recipient, "delivered")


# -- MG-03 -----------------------------------------------------------------------------------------------


def test_MG_03_test_mode_does_everything_but_send(house: House) -> None:
    tag = unique()
    recipients = [f"{tag}@good.test", f"refuse+{tag}@good.test"]
    fields = [
        "X-Mailgun-Drop-Message: yes",
        "X-Mailgun-Tag: trial",
        'X-Mailgun-Variables: {"order": 7}',
        "X-Mailgun-Track: yes",
    ]
    message_id = house.submit(recipients, alternative(recipients[0], fields, html=HTML))
    for recipient in recipients:
        delivered = house.event(recipient, "delivered")
        assert delivered["code"] == 650 and delivered["text"] == "Test mode: message was not sent"
        assert delivered["is_test"] is True
        assert delivered["tags"] == ["trial"] and delivered["metadata"] == {"order": 7}
        assert [event["kind"] for event in house.events(recipient)] == ["accepted", "delivered", "stored"]
        assert house.internet.to(recipient) == []
    kept = {row["recipient"] for row in house.cli_rows("captures")}
    assert kept >= set(recipients)
    source = house.command("message", message_id, "--source")
    assert "/c/" in source and "DKIM-Signature" in source and "Drop-Message" not in source


def test_MG_03_no_really_sends(house: House) -> None:
    recipient = f"{unique()}@good.test"
    _copy(house, letter(recipient, fields=["X-Mailgun-Drop-Message: no"]), recipient)
    delivered = house.event(recipient, "delivered")
    assert delivered["code"] == 250 and "is_test" not in delivered


# -- MG-24 and what recipients see -----------------------------------------------------------------------

SHOWN = ["X-Mailgun-Tag: sale", "X-Mailgun-Tag: autumn", 'X-Mailgun-Variables: {"order": 7}']
SUPPRESSED: dict[str, tuple[Sequence[str], Sequence[str]]] = {  # values of the header, what is left
    "nothing": ([], ["x-mailgun-tag", "x-mailgun-tag", "x-mailgun-variables"]),
    "one name": (["X-Mailgun-Tag"], ["x-mailgun-variables"]),
    "other letters": (["x-MAILGUN-variables"], ["x-mailgun-tag", "x-mailgun-tag"]),
    "two headers": (["X-Mailgun-Tag", "X-Mailgun-Variables"], []),
    "a list": (["X-Mailgun-Tag , X-Mailgun-Variables"], []),
    "all": (["all"], []),
    "All": (["All"], []),
    "all beside a name": (["X-Mailgun-Sid", "all"], []),
    "a name that is not there": (
        ["X-Mailgun-Sid"],
        ["x-mailgun-tag", "x-mailgun-tag", "x-mailgun-variables"],
    ),
}


@pytest.mark.parametrize(("values", "left"), SUPPRESSED.values(), ids=SUPPRESSED.keys())
def test_MG_24_named_fields_are_not_delivered(
    house: House, values: Sequence[str], left: Sequence[str]
) -> None:
    recipient = f"{unique()}@good.test"
    fields = [*SHOWN, *[f"X-Mailgun-Suppress-Headers: {value}" for value in values]]
    copy = _copy(house, letter(recipient, fields=fields), recipient)
    assert option_fields(copy) == list(left)
    delivered = house.event(recipient, "delivered")  # events keep what recipients do not see
    assert delivered["tags"] == ["sale", "autumn"] and delivered["metadata"] == {"order": 7}
    assert warnings(house, recipient) == []


@pytest.mark.parametrize("value", ["Subject", "X-Mailgun", "From, X-Mailgun-Tag", "*", ""], ids=repr)
def test_MG_24_other_fields_cannot_be_removed(house: House, value: str) -> None:
    recipient = f"{unique()}@good.test"
    fields = [*SHOWN, f"X-Mailgun-Suppress-Headers: {value}"]
    copy = _copy(house, letter(recipient, fields=fields), recipient)
    assert copy.field("Subject") == "Your order" and copy.field("From")
    assert ("x-mailgun-tag" in option_fields(copy)) == ("Tag" not in value)
    assert len(warnings(house, recipient)) == 1


def test_MG_24_recipients_see_no_other_option_header(house: House) -> None:
    recipient = f"{unique()}@good.test"
    options = [
        *SHOWN,
        "X-Mailgun-Dkim: yes",
        "X-Mailgun-Drop-Message: no",
        "X-Mailgun-Track: no",
        "X-Mailgun-Track-Clicks: no",
        "X-Mailgun-Track-Opens: no",
        "X-Mailgun-Track-Pixel-Location-Top: no",
        "X-Mailgun-Require-TLS: no",
        "X-Mailgun-Skip-Verification: yes",
        "X-Mailgun-Native-Send: yes",
        "X-Mailgun-Deliver-By: Fri, 14 Nov 2025 12:00:00 +0000",
        "X-Mailgun-Deliver-Within: 1h",
        "X-Mailgun-Delivery-Time-Optimize-Period: 24h",
        "X-Mailgun-Time-Zone-Localize: 16:00",
        'X-Mailgun-Recipient-Variables:\r\n {"other@good.test": {"secret": "s3cret"}}',
        'X-Mailgun-Template-Variables: {"hidden": "h1dden"}',
    ]
    sent = letter(recipient, fields=[*options, "X-Mailgun-Unheard-Of: 1", "X-Mailgun-Spf: Pass"])
    message_id = house.submit(recipient, sent)
    copy = read(house.internet.copy(recipient))
    assert sorted(set(option_fields(copy))) == ["x-mailgun-tag", "x-mailgun-variables"]
    assert b"s3cret" not in copy.raw and b"h1dden" not in copy.raw
    told = {each["header"]: each for each in house.cli("message", message_id)["message"]["options"]}
    assert set(told) >= {each.partition(":")[0] for each in options}  # each is told of
    assert told["X-Mailgun-Unheard-Of"]["is_warning"] and not told["X-Mailgun-Spf"]["is_warning"]


def test_MG_24_a_letter_without_options_stays_byte_for_byte(house: House) -> None:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, html=HTML, text=TEXT)
    assert _copy(house, sent, recipient).raw.endswith(sent.raw)
