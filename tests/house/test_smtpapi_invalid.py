"""An `X-SMTPAPI` field that cannot be understood: answered with 250, delivered to nobody, told to its author.
And those that look broken and are mended."""

from __future__ import annotations

import email
import email.policy
import json
import re
import time
from email.message import EmailMessage
from typing import Any, cast

import pytest

from house import books
from house.house import DOMAIN, House, Letter, unique
from house.smtpapi import HTML, Shop, mail, on_top

HOUR = 3600


@pytest.fixture(scope="module")
def shop(house: House) -> Shop:
    return Shop.at(house)


def pair() -> tuple[str, str]:
    """An envelope sender who can get a notice, and a recipient."""
    tag = unique()
    return f"bounces+{tag}@also-good.test", f"reader+{tag}@good.test"


def rejection(shop: Shop, header: str) -> tuple[str, EmailMessage]:
    """Hand over a letter with this field: the event's text and the notice. Asserts what all share."""
    sender, recipient = pair()
    letter = mail(header, html=HTML)
    with shop.house.smtp(auth=shop.auth) as client:
        client.mail(sender)
        client.rcpt(recipient)
        code, text = client.data(letter.raw)
    assert code == 250 and re.fullmatch(rb"Ok: queued as [\w-]{22}", text), (code, text)
    event = shop.house.event(recipient, "dropped")
    assert [each["kind"] for each in shop.house.events(recipient)] == ["accepted", "dropped"]
    assert event["reason"] == "invalid-options"
    assert event["text"].startswith("Invalid SMTPAPI header: ")
    arrival = shop.house.internet.copy(sender)
    assert arrival.sender == ""
    assert shop.house.internet.to(recipient) == []
    notice = email.message_from_bytes(arrival.content, policy=email.policy.default)
    assert notice.get_content_type() == "multipart/report"
    words, status, original = cast(list[EmailMessage], notice.get_payload())
    told = re.sub(r"\s+", " ", words.get_content())
    assert recipient in told
    assert str(event["text"]).partition(" at line ")[0] in told
    assert status.get_content_type() == "message/delivery-status"
    about_recipient = cast(list[EmailMessage], status.get_payload())[1]
    assert about_recipient["Final-Recipient"] == f"rfc822; {recipient}"
    assert about_recipient["Action"] == "failed"
    assert letter.header_id in told and "x-smtpapi" in str(original.get_content()).lower()
    assert b"order is on its way" not in arrival.content
    return str(event["text"]), words


NOT_JSON = {
    "nothing but words": ("hello", 1, 12),
    "a brace alone": ("{", 1, 13),
    "single quotes": ("{'category': 'a'}", 1, 13),
    "a comma too many": ('{"category": ["a",]}', 1, None),
    "no colon": ('{"category" "a"}', 1, None),
    "a quote in a text": ('{"category": "a"b"}', 1, None),
    "no end": ('{"category": "a"', 1, None),
    "two objects": ('{"category": "a"} {"to": ["b@good.test"]}', 1, None),
    "a bad escape": (r'{"category": "\x"}', 1, None),
    "half an escape": (r'{"category": "\u12"}', 1, None),
    "not a number": ('{"send_at": NaN}', None, None),
    "on the second line": ('{"category": "a",\r\n "to": [}', 2, 9),
    "on the third line": ('{"category": "a",\r\n "sub":\r\n {"-a-" ["x"]}}', 3, None),
}


@pytest.mark.parametrize(("header", "line", "column"), NOT_JSON.values(), ids=NOT_JSON.keys())
def test_SG_10_what_is_no_json_is_told_with_line_and_column(
    shop: Shop, header: str, line: int | None, column: int | None
) -> None:
    text, notice = rejection(shop, header)
    if line is None:
        return
    found = re.search(r" at line (\d+), column (\d+)", text)
    assert found, text
    assert int(found[1]) == line
    assert column in (None, int(found[2])), text
    assert found[0].strip() in re.sub(r"\s+", " ", notice.get_content())


@pytest.mark.parametrize("header", ['["to"]', '"text"', "7", "null", "true", "[1, 2]"])
def test_SG_10_json_that_is_no_object_is_invalid(shop: Shop, header: str) -> None:
    text, _ = rejection(shop, header)
    assert "object" in text


NOW = int(time.time())
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "to: a number": ({"to": 7}, "to must be a list of addresses"),
    "to: an object": ({"to": {"a": "b"}}, "to must be"),
    "to: lists": ({"to": [["a@good.test"]]}, "entry 1"),
    "to: a number among them": ({"to": ["a@good.test", 7]}, "entry 2"),
    "to: empty texts": ({"to": ["", " "]}, "no recipient"),
    "to: too many": ({"to": [f"{n}@good.test" for n in range(10_001)]}, "10,001"),
    "sub: a list": ({"sub": ["a"]}, "sub must be"),
    "sub: a text": ({"sub": "a"}, "sub must be"),
    "sub: objects": ({"sub": {"-a-": {"b": "c"}}}, "-a-"),
    "sub: too long": ({"sub": {"-a-": ["x" * 10_001]}}, "10,000"),
    "sub: too long together": ({"sub": {"-a-": ["ü" * 3000], "-b-": ["x" * 4001]}}, "10,000"),
    "section: a list": ({"section": ["a"]}, "section must be"),
    "section: lists": ({"section": {"-a-": ["b"]}}, "-a-"),
    "unique_args: a list": ({"unique_args": ["a"]}, "unique_args must be"),
    "unique_args: too long": ({"unique_args": {"a": "x" * 10_000}}, "10,000"),
    "send_at: a text": ({"send_at": "tomorrow"}, "send_at must be"),
    "send_at: a fraction": ({"send_at": NOW + 0.5}, "send_at must be"),
    "send_at: a flag": ({"send_at": True}, "send_at must be"),
    "send_at: too far": ({"send_at": NOW + 8 * 24 * HOUR}, "hours ahead"),
    "send_each_at: a text": ({"send_each_at": ["soon"]}, "send_each_at must be"),
    "send_each_at: too far": ({"send_each_at": [NOW, NOW + 8 * 24 * HOUR]}, "hours ahead"),
    "both times": ({"send_at": NOW + HOUR, "send_each_at": [NOW + HOUR]}, "send_at and send_each_at"),
    "group: unknown": ({"asm_group_id": 424242}, "asm_group_id 424242 does not exist"),
    "group: a text": ({"asm_group_id": "news"}, "asm_group_id must be"),
    "group: negative": ({"asm_group_id": -1}, "asm_group_id must be"),
    "data: a list": ({"dynamic_template_data": ["a"]}, "dynamic_template_data must be"),
    "filters: a list": ({"filters": ["footer"]}, "filters must be"),
    "filters: a text": ({"filters": "footer"}, "filters must be"),
    "template: no id": ({"filters": {"templates": {"settings": {"enable": 1}}}}, "template_id"),
    "template: unknown": ({"filters": {"templates": {"settings": {"template_id": "none"}}}}, "none"),
    "template: of the new kind": (
        {"filters": {"templates": {"settings": {"template_id": "d-none"}}}},
        "d-none",
    ),
}


@pytest.mark.parametrize(("options", "words"), WRONG.values(), ids=WRONG.keys())
def test_SG_10_what_cannot_be_meant_is_invalid(shop: Shop, options: dict[str, Any], words: str) -> None:
    text, _ = rejection(shop, re.sub(r"(.{60}\S*)( )", r"\1\r\n\2", json.dumps(options)))
    assert words in text


def test_SG_10_nested_too_deeply_is_invalid(shop: Shop) -> None:
    text, _ = rejection(shop, '{"unique_args": ' + "[" * 900 + "]" * 900 + "}")
    assert "deep" in text


def test_SG_10_substitutions_that_make_own_data_too_long_are_invalid(shop: Shop) -> None:
    options = {"unique_args": {"a": "-v-" * 200}, "sub": {"-v-": ["x" * 100]}}
    text, _ = rejection(shop, json.dumps(options))
    assert "unique_args" in text


def test_SG_10_a_stored_template_that_cannot_be_rendered_is_told_to_the_author(shop: Shop) -> None:
    source = shop.house.folder / "bad.html"
    source.write_text('{{formatDate day "YYYY"}}')
    name = f"d-{unique()}"
    shop.house.cli("template", "add", name, "--file", str(source))
    options = {
        "filters": {"templates": {"settings": {"enable": 1, "template_id": name}}},
        "dynamic_template_data": {"day": "soon"},
    }
    text, _ = rejection(shop, json.dumps(options))
    assert name in text


# -- who is told, and what events say --------------------------------------------------------------------


def test_SG_10_one_event_for_each_recipient_and_one_notice_for_all(shop: Shop) -> None:
    sender, recipient = pair()
    other = f"other+{recipient}"
    header = '{"category": "news", "unique_args": {"order": "7"}, "asm_group_id": 424242}'
    message_id = shop.send([recipient, other], header, envelope_sender=sender)
    for each in (recipient, other):
        assert shop.drop_reason(each) == "invalid-options"
        for kind in ("accepted", "dropped"):
            event = shop.house.event(each, kind)
            assert (event["tags"], event["metadata"]) == (["news"], {"order": "7"})
    notice = shop.house.internet.copy(sender)
    assert recipient.encode() in notice.content and other.encode() in notice.content
    shop.house.event(sender, "delivered")
    assert len(shop.house.internet.to(sender)) == 1
    assert any("invalid" in words for words in shop.warnings(message_id))


def test_SG_10_the_recipients_that_the_field_names_hear_nothing(shop: Shop) -> None:
    sender, recipient = pair()
    named = f"named+{recipient}"
    shop.send(recipient, {"to": [named], "filters": []} | {"sub": 7}, envelope_sender=sender)
    assert shop.drop_reason(recipient) == "invalid-options"
    shop.house.internet.copy(sender)
    assert shop.house.internet.to(named) == []


@pytest.mark.parametrize("way", ["null sender", "NOTIFY=NEVER"])
def test_SG_10_who_wants_no_notice_gets_none(shop: Shop, way: str) -> None:
    sender, recipient = pair()
    letter = mail("{")
    if way == "null sender":
        with shop.house.smtp(auth=shop.auth) as client:
            client.sendmail("", [recipient], letter.raw)
    else:
        shop.house.submit(recipient, letter, sender=sender, rcpt_options=["NOTIFY=NEVER"], auth=shop.auth)
    assert shop.drop_reason(recipient) == "invalid-options"
    origin = shop.house.message_id(letter)
    notices = [
        event
        for event in books.event_rows(shop.house.store, "kind = 'accepted'")
        if event.get("notice_about") == origin
    ]
    assert notices == []


def test_SG_10_the_next_letter_of_the_connection_goes_out(shop: Shop) -> None:
    sender, recipient = pair()
    bad, good = mail("{"), mail({"category": "x"})
    with shop.house.smtp(auth=shop.auth) as client:
        for letter in (bad, good):
            client.sendmail(sender, [recipient], letter.raw)
    shop.house.event(recipient, "delivered")
    assert shop.house.event(recipient, "dropped")["message_id"] == shop.house.message_id(bad)


# -- what is mended, and what does not count -------------------------------------------------------------

LONG = {"category": "long", "unique_args": {f"key{n}": "value with words " * 4 for n in range(40)}}
MENDED = {
    "folded at spaces": (re.sub(r"(.{70}\S*)( )", r"\1\r\n\2", json.dumps(LONG)), "rule 1"),
    "folded with more blanks": (json.dumps(LONG, indent=4).replace("\n", "\r\n "), "rule 1"),
    "tabs": (json.dumps(LONG, indent="\t").replace("\n", "\r\n\t"), "rule 1"),
    "cut at 998": ("", "rule 2"),
    "encoded words": ("=?utf-8?B?eyJjYXRlZ29yeSI6ICJsb25nIn0=?=", "rule 3"),
    "raw UTF-8": ('{"category": "long", "unique_args": {"a": "ü"}}', "rule 4"),
}


def cut_at_998(text: str) -> str:
    """As a relay cuts a line that is too long, wherever that is."""
    first = 998 - len("X-SMTPAPI: ")
    pieces = [text[:first]]
    for at in range(first, len(text), 997):
        pieces.append(text[at : at + 997])
    return "\r\n ".join(pieces)


@pytest.mark.parametrize(("header", "rule"), MENDED.values(), ids=MENDED.keys())
def test_SG_10_broken_folding_and_encoding_are_mended(shop: Shop, header: str, rule: str) -> None:
    _, recipient = pair()
    text = header or cut_at_998(json.dumps(LONG | {"to": [f"r{n}+{recipient}" for n in range(60)]}))
    message_id = shop.send(recipient, text)
    named = [recipient] if header else [f"r{n}+{recipient}" for n in range(60)]
    for each in named:
        assert shop.house.event(each, "delivered")["tags"] == ["long"]
    (words,) = shop.told(message_id, "")[:1]
    assert rule in words
    if rule in ("rule 1", "rule 2"):
        assert shop.house.event(named[0], "accepted")["metadata"] == LONG["unique_args"]
    if rule == "rule 4":
        assert shop.house.event(named[0], "accepted")["metadata"] == {"a": "ü"}


def test_SG_10_latin_1_is_read_too(shop: Shop) -> None:
    _, recipient = pair()
    letter = mail()
    raw = '{"category": "Grüße"}'.encode("latin-1")
    shop.house.submit(
        recipient, Letter(b"X-SMTPAPI: " + raw + b"\r\n" + letter.raw, letter.header_id), auth=shop.auth
    )
    assert shop.house.event(recipient, "delivered")["tags"] == ["Grüße"]


def test_SG_10_the_first_of_several_fields_counts_and_none_arrives(shop: Shop) -> None:
    _, recipient = pair()
    letter = mail(
        {"category": "first"},
        fields=['x-smtpapi: {"category": "second"}', "X-SMTPAPI: broken", "X-SG-EID: mine", "X-Sg-Id: mine"],
    )
    shop.house.submit(recipient, letter, auth=shop.auth)
    shop.copy(recipient)  # looks for the fields
    assert shop.house.event(recipient, "delivered")["tags"] == ["first"]
    message_id = shop.house.message_id(letter)
    assert any("only the first" in words for words in shop.warnings(message_id))


@pytest.mark.parametrize(
    "options", [{"category": "a", "colour": "red"}, {"To": ["a@good.test"]}, {"": 1}], ids=str
)
def test_SG_10_unknown_keys_are_ignored_with_a_warning(shop: Shop, options: dict[str, Any]) -> None:
    _, recipient = pair()
    message_id = shop.send(recipient, options)
    shop.house.event(recipient, "delivered")
    assert len(shop.warnings(message_id)) == 1


def test_SG_10_an_empty_field_does_nothing(shop: Shop) -> None:
    _, recipient = pair()
    letter = mail()
    shop.house.submit(recipient, Letter(on_top(letter.raw, ""), letter.header_id), auth=shop.auth)
    assert shop.copy(recipient).field("To") == "Customers <customers@good.test>"


def test_SG_10_a_field_inside_of_an_attached_letter_is_none_of_ours(shop: Shop) -> None:
    _, recipient = pair()
    inner = mail({"to": [f"inner+{recipient}"]})
    outer = EmailMessage(policy=email.policy.SMTP)
    outer["From"], outer["To"], outer["Subject"] = f"orders@{DOMAIN}", recipient, "Forwarded"
    outer["Message-ID"] = f"<{unique()}@client.test>"
    outer.set_content("See below\n")
    outer.add_attachment(email.message_from_bytes(inner.raw, policy=email.policy.SMTP))
    shop.house.submit(recipient, Letter(outer.as_bytes(), str(outer["Message-ID"])), auth=shop.auth)
    assert b"X-SMTPAPI" in shop.house.internet.copy(recipient).content
