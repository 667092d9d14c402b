"""Mail for many in `X-SMTPAPI`: recipients, substitutions, sections, times, categories, own data, batches."""

from __future__ import annotations

import email.policy
import json
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from house import books
from house.house import DOMAIN, House, Houses, Letter, unique, until
from house.smtpapi import HTML, Shop, mail, on_top, our_links

HOUR = 3600


@pytest.fixture(scope="module")
def shop(house: House) -> Shop:
    return Shop.at(house)


def people(count: int = 2, domain: str = "good.test") -> list[str]:
    """Addresses that nobody else has."""
    tag = unique()
    return [f"{name}+{tag}@{domain}" for name in ("ann", "bob", "cem", "dee")[:count]]


def nobody() -> str:
    """A RCPT for a letter whose header names the recipients."""
    return f"placeholder+{unique()}@good.test"


# -- SG-01: to, sub --------------------------------------------------------------------------------------

ENCODINGS = {
    "7bit": ("us-ascii", "7bit", "Hello"),
    "8bit": ("utf-8", "8bit", "Grüße, 日本"),
    "quoted-printable": ("utf-8", "quoted-printable", "Grüße, 日本"),
    "base64": ("utf-8", "base64", "Grüße, 日本"),
    "latin-1": ("iso-8859-1", "quoted-printable", "Grüße"),
}


@pytest.mark.parametrize(("charset", "cte", "hello"), ENCODINGS.values(), ids=ENCODINGS.keys())
def test_SG_01_values_stand_in_subject_fields_and_both_parts_whatever_the_encoding(
    shop: Shop, charset: str, cte: str, hello: str
) -> None:
    ann, bob = people()
    lone = nobody()
    options = {
        "to": [f"Ann Müller <{ann}>", bob],
        "sub": {"-name-": ["Łucja Müller", "Bob"], "-code-": ["A 1", "B=2"]},
    }
    shop.send(
        lone,
        options,
        subject="Für -name-: -code-",
        text=f"{hello} -name-,\n\nyour code is -code-.\n" + "long line " * 30 + "-code-\n",
        html=f'<html><body><p title="-code-">{hello} <b>-name-</b></p></body></html>\n',
        charset=charset,
        cte=cte,
        fields=["X-Customer: customer -code-", "Reply-To: -name- <reply@shop.test>"],
    )
    for recipient, name, code in ((ann, "Łucja Müller", "A 1"), (bob, "Bob", "B=2")):
        copy = shop.copy(recipient)
        assert copy.field("Subject") == f"Für {name}: {code}"
        assert copy.field("X-Customer") == f"customer {code}"
        assert copy.message["Reply-To"].addresses[0].display_name == name
        assert copy.text.startswith(f"{hello} {name},\n\nyour code is {code}.\n")
        assert copy.text.rstrip("\n").endswith(f"long line {code}")
        assert f'<p title="{code}">{hello} <b>{name}</b></p>' in copy.html
    assert shop.house.events(lone) == []


def test_SG_01_each_copy_names_its_recipient_alone(shop: Shop) -> None:
    ann, bob, cem = people(3)
    shop.send(nobody(), {"to": [f"Müller, Ann <{ann}>", f"<{bob}>", f" {cem} "]})
    for recipient, name in ((ann, "Müller, Ann"), (bob, ""), (cem, "")):
        copy = shop.copy(recipient)
        assert shop.house.internet.copy(recipient).recipients == (recipient,)
        (address,) = copy.message["To"].addresses
        assert (address.addr_spec, address.display_name) == (recipient, name)
        others = {ann, bob, cem, "customers@good.test"} - {recipient}
        assert not [other for other in others if other.encode() in copy.raw]


def test_SG_01_every_text_part_is_personal_but_no_attachment(shop: Shop) -> None:
    (ann,) = people(1)
    letter = EmailMessage(policy=email.policy.SMTP)
    letter["From"], letter["To"], letter["Subject"] = f"orders@{DOMAIN}", "you@good.test", "Three parts"
    letter["Message-ID"] = f"<{unique()}@client.test>"
    letter.set_content("Hi -name-\n")
    letter.add_alternative("<html amp4email><body>Hi -name-</body></html>\n", subtype="x-amp-html")
    letter.add_alternative(HTML.replace("customer", "-name-"), subtype="html")
    letter.add_attachment("Dear -name-,\n", filename="letter.txt")
    letter.add_attachment(b"-name-" * 100, maintype="application", subtype="pdf", filename="a.pdf")
    raw = on_top(letter.as_bytes(), {"to": [ann], "sub": {"-name-": ["Ann"]}})
    shop.house.submit(nobody(), Letter(raw, letter["Message-ID"]), auth=shop.auth)
    copy = shop.copy(ann)
    assert copy.text == "Hi Ann\n" and "Dear Ann, your order" in copy.html
    (amp,) = [part for part in copy.message.walk() if part.get_content_type() == "text/x-amp-html"]
    assert "<body>Hi Ann</body>" in amp.get_content()
    text, pdf = copy.message.iter_attachments()
    assert "Dear -name-," in text.get_content() and pdf.get_content() == b"-name-" * 100


TAGS = ["-name-", "%name%", "#name#", ":name", "{{name}}", "[name]", "*|NAME|*", "name", "(.+)\\d", "ünïcode"]


def test_SG_01_any_text_is_a_tag_the_longest_wins_and_case_counts(shop: Shop) -> None:
    (ann,) = people(1)
    tags = {tag: [f"<{number}>"] for number, tag in enumerate(TAGS)}
    text = "\n".join([*TAGS, "Name", ":Name", "rename"])
    copy = shop.sent(ann, {"sub": tags}, text=text + "\n", cte="quoted-printable")
    wanted = [f"<{number}>" for number in range(len(TAGS))]
    assert copy.text.splitlines() == [*wanted, "Name", ":Name", "re<7>"]


def test_SG_01_a_tag_that_the_encoding_has_cut_is_found(shop: Shop) -> None:
    (ann,) = people(1)
    tag = "-" + "long" * 20 + "-"
    copy = shop.sent(
        ann,
        {"sub": {tag: ["short"]}},
        text="x" * 70 + tag + "\n",
        html=f"<b>{tag}</b>",
        cte="quoted-printable",
    )
    assert copy.text == "x" * 70 + "short\n"
    assert "<b>short</b>" in copy.html


def test_SG_01_a_tag_between_encoded_words_is_found(shop: Shop) -> None:
    ann, bob = people()
    before, after = "ü" * 37, "ß" * 55
    options = {"to": [ann, bob], "sub": {"-name-": ["Łucja " * 30, "Bob"]}}
    shop.send(nobody(), options, subject=f"{before} -name- {after}")
    assert shop.copy(ann).field("Subject") == f"{before} {'Łucja ' * 30} {after}"
    assert shop.copy(bob).field("Subject") == f"{before} Bob {after}"


def test_SG_01_a_tag_in_the_to_field_is_replaced(shop: Shop) -> None:
    ann, bob = people()
    options = {"to": [ann, bob], "sub": {"-name-": ["Ann", "Bob"], "-address-": [ann, bob]}}
    shop.send(nobody(), options, to="-name- <customers@good.test>")
    for recipient, name in ((ann, "Ann"), (bob, "Bob")):
        assert shop.copy(recipient).message["To"].addresses[0].display_name == name


def test_SG_01_values_are_put_in_as_they_are_but_never_bring_a_header_field(shop: Shop) -> None:
    (ann,) = people(1)
    value = "<b>Ann & Bob</b>\r\nX-Injected: yes\r\n\r\nbody"
    options = {"to": [f"-v- <{ann}>"], "sub": {"-v-": [value]}}
    shop.send(nobody(), options, subject="For -v-", html="<p>-v-</p>", fields=["X-Own: -v-"])
    copy = shop.copy(ann)
    assert "<p><b>Ann & Bob</b>\nX-Injected: yes" in copy.html
    assert copy.fields("X-Injected") == []
    assert copy.field("Subject").startswith("For <b>Ann & Bob</b>")
    assert copy.field("X-Own").startswith("<b>Ann & Bob</b>")


VALUES: dict[str, tuple[Any, list[str]]] = {
    "texts": (["a", "b"], ["a", "b"]),
    "one text for all": ("a", ["a", "a"]),
    "numbers": ([1, 2.5], ["1", "2.5"]),
    "flags and null": ([True, None], ["true", ""]),
    "empty": (["", ""], ["", ""]),
    "too few": (["a"], ["a", ""]),
    "none": ([], ["", ""]),
    "too many": (["a", "b", "c"], ["a", "b"]),
}


@pytest.mark.parametrize(("given", "wanted"), VALUES.values(), ids=VALUES.keys())
def test_SG_01_values_belong_to_the_recipients_by_their_place(
    shop: Shop, given: Any, wanted: list[str]
) -> None:
    both = people()
    message_id = shop.send(nobody(), {"to": both, "sub": {"-v-": given}}, text="[-v-]\n")
    assert [shop.copy(recipient).text for recipient in both] == [f"[{value}]\n" for value in wanted]
    is_odd = isinstance(given, list) and len(given) != 2
    assert bool(shop.warnings(message_id)) == is_odd


def test_SG_01_without_to_the_envelope_says_who_gets_which_values_and_the_header_stays(shop: Shop) -> None:
    both = people()
    shop.send(
        both, {"sub": {"-v-": ["one", "two"]}}, text="[-v-]\n", fields=["Cc: Boss -v- <boss@good.test>"]
    )
    for recipient, value in zip(both, ("one", "two"), strict=True):
        copy = shop.copy(recipient)
        assert copy.text == f"[{value}]\n"
        assert copy.field("To") == "Customers <customers@good.test>"
        assert "boss@good.test" in copy.field("Cc")


def test_SG_01_of_several_rcpt_those_that_to_does_not_name_get_the_mail_too(shop: Shop) -> None:
    ann, bob, cem = people(3)
    options = {"to": [ann, bob], "sub": {"-v-": ["one", "two"]}}
    message_id = shop.send([ann, cem], options, text="[-v-]\n")
    assert shop.copy(ann).text == "[one]\n" and shop.copy(bob).text == "[two]\n"
    assert "one" not in (other := shop.copy(cem).text) and "two" not in other
    assert any("without values" in words for words in shop.warnings(message_id))
    for recipient in (ann, bob, cem):
        assert len(shop.house.events(recipient, "accepted")) == 1


def test_SG_01_an_address_named_twice_gets_one_copy(shop: Shop) -> None:
    ann, bob = people()
    shop.send(nobody(), {"to": [ann, bob, ann], "sub": {"-v-": ["same", "other", "same"]}}, text="[-v-]\n")
    shop.house.event(ann, "delivered")
    shop.house.event(bob, "delivered")
    assert shop.copy(ann).text == "[same]\n" and shop.copy(bob).text == "[other]\n"


BAD_ENTRIES = ["no address", "@good.test", "a b@good.test", "Ann <ann@>", "ann@good..test"]


@pytest.mark.parametrize("entry", BAD_ENTRIES)
def test_SG_01_an_entry_that_is_no_address_is_dropped_alone(shop: Shop, entry: str) -> None:
    (ann,) = people(1)
    options = {"to": [entry, ann], "sub": {"-v-": ["one", "two"]}}
    message_id = shop.send(nobody(), options, text="[-v-]\n")
    assert shop.copy(ann).text == "[two]\n"
    (dropped,) = books.event_rows(shop.house.store, f"message_id = '{message_id}' and kind = 'dropped'")
    assert dropped["reason"] == "invalid-address"
    assert dropped["text"]


def test_SG_01_empty_entries_are_left_out_and_one_text_is_one_recipient(shop: Shop) -> None:
    ann, bob = people()
    message_id = shop.send(nobody(), {"to": ["", ann, " "], "sub": {"-v-": ["x", "y", "z"]}}, text="[-v-]\n")
    assert shop.copy(ann).text == "[y]\n"
    assert len(shop.warnings(message_id)) == 1
    assert shop.send(nobody(), {"to": bob}) and shop.copy(bob).field("To") == bob


def test_SG_01_three_hundred_recipients_get_a_copy_each(shop: Shop) -> None:
    tag = unique()
    names = [f"r{number}+{tag}@good.test" for number in range(300)]
    shop.send(nobody(), {"to": names, "sub": {"-n-": [str(number) for number in range(300)]}}, text="[-n-]\n")
    for number, recipient in enumerate(names):
        assert shop.copy(recipient).text == f"[{number}]\n"


def test_SG_01_the_field_counts_with_any_credential(shop: Shop) -> None:
    for auth in (None, shop.house.token(), shop.house.key("--native")):  # None: an SMTP user
        both = people()
        letter = mail({"to": both, "sub": {"-v-": ["one", "two"]}}, text="[-v-]\n")
        with shop.house.smtp(auth=auth) as client:
            client.sendmail(f"orders@{DOMAIN}", [nobody()], letter.raw)
        assert [shop.copy(each).text for each in both] == ["[one]\n", "[two]\n"]


# -- SG-02: section --------------------------------------------------------------------------------------


def test_SG_02_the_services_own_example(shop: Shop) -> None:
    alice, bob, casey = people(3)
    options = {
        "to": [alice, bob, casey],
        "sub": {
            ":salutation": [":female", ":male", ":neutral"],
            ":name": ["Alice", "Bob", "Casey"],
            ":event_details": [":event1", ":event2", ":event1"],
            ":event_date": ["Jan 1", "Feb 14", "Aug 11"],
        },
        "section": {
            ":male": "Mr. :name",
            ":female": "Ms. :name",
            ":neutral": ":name",
            ":event1": "New User Event on :event_date",
            ":event2": "Veteran User Appreciation on :event_date",
        },
    }
    text = "Hi :salutation,\n\nwe look forward to seeing you at the :event_details.\n"
    html = f"<html><body><p>{text}</p></body></html>"
    shop.send(nobody(), options, subject="For :salutation", text=text, html=html)
    for recipient, person, event in (
        (alice, "Ms. Alice", "New User Event on Jan 1"),
        (bob, "Mr. Bob", "Veteran User Appreciation on Feb 14"),
        (casey, "Casey", "New User Event on Aug 11"),
    ):
        copy = shop.copy(recipient)
        filled = f"Hi {person},\n\nwe look forward to seeing you at the {event}.\n"
        assert copy.text == filled and filled in copy.html
        assert copy.field("Subject") == f"For {person}"


def test_SG_02_sections_stand_in_the_body_too_but_not_in_sections(shop: Shop) -> None:
    (ann,) = people(1)
    options = {
        "sub": {"-a-": ["-outer-"], "-b-": ["-c-"], "-c-": ["end"]},
        "section": {"-outer-": "(-inner- -b-)", "-inner-": "INNER"},
    }
    assert shop.sent(ann, options, text="-inner- -a- -b-\n").text == "INNER (-inner- end) end\n"


def test_SG_02_values_that_name_each_other_come_to_an_end(shop: Shop) -> None:
    (ann,) = people(1)
    options = {"sub": {"-a-": ["-b-"], "-b-": ["-a-"]}, "section": {"-s-": "-s- -a-"}}
    copy = shop.sent(ann, options, text="-a- -s-\n")
    assert len(copy.text) < 100


def test_SG_02_sections_without_sub_are_the_same_for_all(shop: Shop) -> None:
    both = people()
    shop.send(both, {"section": {"-s-": "Text — for all"}}, text="[-s-]\n", html="<p>-s-</p>")
    for recipient in both:
        copy = shop.copy(recipient)
        assert copy.text == "[Text — for all]\n" and "<p>Text — for all</p>" in copy.html


# -- SG-03: send_at, send_each_at ------------------------------------------------------------------------


def test_SG_03_copies_leave_at_their_times(shop: Shop) -> None:
    ann, bob, cem = people(3)
    (dee,) = people(1)
    soon = int(time.time()) + 3
    shop.send(nobody(), {"to": [ann, bob, cem], "send_each_at": [soon, soon - HOUR]})
    shop.send(dee, {"send_at": str(soon)})
    for recipient in (bob, cem):  # in the past, and without a time
        assert "scheduled_for" not in shop.house.event(recipient, "accepted")
        shop.house.event(recipient, "delivered")
    for recipient in (ann, dee):
        assert shop.house.event(recipient, "accepted")["scheduled_for"] == soon
        assert shop.house.event(recipient, "delivered")["at"] >= soon


@pytest.mark.parametrize("past", [1428611024, "1428611024", 1428611024.0, 1, {}, "", None, []], ids=repr)
def test_SG_03_a_time_in_the_past_or_none_is_now(shop: Shop, past: Any) -> None:
    (ann,) = people(1)
    shop.send(ann, {"send_at": past})
    shop.house.event(ann, "delivered")
    assert "scheduled_for" not in shop.house.event(ann, "accepted")


def test_SG_03_mail_may_wait_for_days_and_a_domain_says_for_how_many(shop: Shop) -> None:
    domain = shop.domain("schedule_days=10")
    (ann,), (bob,), (cem,) = people(1), people(1), people(1)
    now = int(time.time())
    shop.send(ann, {"send_at": now + 71 * HOUR})
    assert shop.house.state(ann) == "waiting"
    shop.send(bob, {"send_at": now + 9 * 24 * HOUR})
    assert shop.drop_reason(bob) == "invalid-options"
    shop.send(cem, {"send_at": now + 9 * 24 * HOUR}, sender=f"orders@{domain}")
    assert shop.house.state(cem) == "waiting"


# -- SG-05: category -------------------------------------------------------------------------------------

CATEGORIES: dict[str, tuple[Any, list[str], bool]] = {
    "a text": ("welcome", ["welcome"], False),
    "a list": (["welcome", "new"], ["welcome", "new"], False),
    "doubles": (["a", "b", "a"], ["a", "b"], False),
    "any script": (["カテゴリUnicode", "\U0002f91b"], ["カテゴリUnicode", "\U0002f91b"], False),
    "numbers": ([1, 2], ["1", "2"], False),
    "eleven": ([f"c{n}" for n in range(11)], [f"c{n}" for n in range(10)], True),
    "long": (["x" * 300], ["x" * 255], True),
    "an object": ({"a": 1}, [], True),
    "a list of lists": ([["a"]], [], True),
    "empty": ([], [], False),
}


@pytest.mark.parametrize(("given", "wanted", "warns"), CATEGORIES.values(), ids=CATEGORIES.keys())
def test_SG_05_categories_are_tags_of_every_event(
    shop: Shop, given: Any, wanted: list[str], warns: bool
) -> None:
    (ann,) = people(1)
    message_id = shop.send(ann, {"category": given})
    shop.house.event(ann, "delivered")
    rows = shop.house.cli_rows("events", "--message", message_id)
    assert [row["kind"] for row in rows] == ["accepted", "delivered"]
    assert [row["tags"] for row in rows] == [wanted, wanted]
    assert bool(shop.warnings(message_id)) == warns


# -- SG-06: unique_args ----------------------------------------------------------------------------------


def test_SG_06_own_data_comes_back_with_every_event_of_its_recipient(shop: Shop) -> None:
    tag = unique()
    defer, refuse = f"defer-1+{tag}@good.test", f"refuse+{tag}@bounce.test"
    options = {
        "to": [defer, refuse],
        "sub": {"-n-": ["1", "2"]},
        "unique_args": {"customer": "no -n-", "campaign": "x"},
        "category": "mixed",
        "filters": {
            "clicktrack": {"settings": {"enable": 1}},
            "opentrack": {"settings": {"enable": 1}},
            "subscriptiontrack": {"settings": {"enable": 1}},
        },
    }
    html = '<html><body><a href="https://shop.test/order">order</a></body></html>'
    message_id = shop.send(nobody(), options, html=html)
    copy = shop.copy(defer)
    for url in our_links(copy.html):
        shop.visit(url, *(("POST", {"List-Unsubscribe": "One-Click"}) if "/u/" in url else ()))
    for kind in ("opened", "clicked", "unsubscribed"):
        shop.house.event(defer, kind)
    shop.house.event(refuse, "failed")
    rows = shop.house.cli_rows("events", "--message", message_id)
    wanted = {defer: {"customer": "no 1", "campaign": "x"}, refuse: {"customer": "no 2", "campaign": "x"}}
    assert {row["kind"] for row in rows} == {
        "accepted", "deferred", "delivered", "opened", "clicked", "unsubscribed", "failed",
    }  # fmt: skip
    for row in rows:
        assert (row["metadata"], row["tags"]) == (wanted[row["recipient"]], ["mixed"]), row["kind"]


def test_SG_06_also_with_those_of_mail_that_is_stopped(shop: Shop) -> None:
    ann, bob = people()
    shop.house.cli("suppression", "add", bob)
    batch = unique("batch")
    shop.house.cli("batch", "pause", batch)
    shop.send([ann, bob], {"unique_args": {"k": "v"}, "batch_id": batch})
    shop.house.cli("batch", "resume", batch)
    shop.house.event(ann, "delivered")
    found = [event for each in (ann, bob) for event in shop.house.events(each)]
    assert {event["kind"] for event in found} == {"accepted", "held", "released", "delivered", "dropped"}
    assert [event["metadata"] for event in found] == [{"k": "v"}] * len(found)


def test_SG_06_values_become_texts(shop: Shop) -> None:
    (ann,) = people(1)
    given = {"n": 1, "f": 2.5, "t": True, "z": None, "o": {"a": [1, "ü"]}, "s": "ü"}
    shop.send(ann, {"unique_args": given})
    wanted = {"n": "1", "f": "2.5", "t": "true", "z": "", "o": '{"a":[1,"ü"]}', "s": "ü"}
    assert shop.house.event(ann, "delivered")["metadata"] == wanted


# -- SG-08: batch_id -------------------------------------------------------------------------------------


def test_SG_08_scheduled_mail_is_paused_resumed_and_cancelled_by_its_batch(shop: Shop) -> None:
    batch, other = unique("batch"), unique("batch")
    both, (cem,) = people(), people(1)
    later = int(time.time()) + HOUR
    shop.send(nobody(), {"to": both, "batch_id": batch, "send_at": later})
    shop.send(cem, {"batch_id": other, "send_at": later})
    assert shop.house.cli("batch", "pause", batch)["held"] == 2
    assert [shop.house.state(each) for each in [*both, cem]] == ["held", "held", "waiting"]
    assert shop.house.cli("batch", "resume", batch)["released"] == 2
    assert shop.house.state(both[0]) == "waiting"
    assert shop.house.cli("batch", "cancel", batch)["cancelled"] == 2
    for recipient in both:
        assert [event["kind"] for event in shop.house.events(recipient)] == [
            "accepted", "held", "released", "cancelled",
        ]  # fmt: skip
        assert shop.house.event(recipient, "cancelled")["batch_id"] == batch
    assert shop.house.state(cem) == "waiting"


def test_SG_08_mail_that_comes_later_follows_its_batch(shop: Shop) -> None:
    batch = unique("batch")
    ann, bob, cem = people(3)
    shop.house.cli("batch", "pause", batch)
    shop.send(ann, {"batch_id": batch})
    shop.house.event(ann, "held")
    shop.house.cli("batch", "resume", batch)
    shop.house.event(ann, "delivered")
    shop.send(bob, {"batch_id": batch})
    shop.house.event(bob, "delivered")
    shop.house.cli("batch", "cancel", batch)
    shop.send(cem, {"batch_id": batch})
    shop.house.event(cem, "cancelled")
    assert shop.house.internet.to(cem) == []


@pytest.mark.parametrize(
    "bad", ["x" * 256, "a\nb", {}, "", None], ids=["long", "two lines", "{}", "''", "null"]
)
def test_SG_08_a_batch_id_that_cannot_be_one_is_ignored(shop: Shop, bad: Any) -> None:
    (ann,) = people(1)
    message_id = shop.send(ann, {"batch_id": bad})
    shop.house.event(ann, "delivered")
    assert shop.house.cli("message", message_id)["message"]["batch_id"] == ""
    assert bool(shop.warnings(message_id)) == bool(bad)


# -- what the official builders write --------------------------------------------------------------------

FIXTURES = [
    "{}",
    '{"to":["addTo@mailinator.com"]}',
    '{"sub":{"sub":["val"]}}',
    '{"unique_args":{"k":"v","k2":"v2"}}',
    '{"category":["addCategory","addCategory2"]}',
    r'{"category":["\u30ab\u30c6\u30b4\u30eaUnicode","\ud87e\ude1b"]}',
    '{"section":{"k":"v"}}',
    '{"filters":{"footer":{"settings":{"text/html":"<strong>boo</strong>"}}}}',
    '{"filters":{"footer":{"settings":{"enable":1,"text/plain":"You can haz footers!"}}}}',
    '{"filters":{"footer":{"settings":{"enable":"1","text/plain":"You can haz footers!"}}}}',
    '{"send_at":1428611024}',
    '{"send_each_at":[1428611024,1428611025]}',
    '{"asm_group_id":1}',
    '{"asm_groups_to_display":[45,23]}',
    '{"ip_pool":"testPool"}',
    '{"batch_id":"testBatch"}',
    '{"dynamic_template_data":{"name":"Ann","items":[{"n":1}]}}',
    '{"asm_group_id":{},"ip_pool":{},"send_at":{},"batch_id":{},"to":[],"sub":{},"filters":{}}',
]


@pytest.fixture(scope="module")
def first_group(shop: Shop) -> int:
    return shop.group()


@pytest.mark.parametrize("header", FIXTURES, ids=str)
def test_SG_01_SG_10_every_field_that_the_official_builders_write_is_taken(
    shop: Shop, first_group: int, header: str
) -> None:
    assert first_group == 1
    (ann,) = people(1)
    message_id = shop.send(ann, header, text="sub k\n", html="<p>Hello</p>")
    named = json.loads(header).get("to") or [ann]
    assert [
        event["recipient"] for event in books.event_rows(shop.house.store, f"message_id = '{message_id}'")
    ]
    if named == [ann]:
        shop.house.event(ann, "delivered")
        copy = shop.copy(ann)
        assert ("boo" in copy.html) == ("boo" in header)
        assert ("haz footers!" in copy.text) == ("haz" in header)
    else:
        assert shop.house.event("addTo@mailinator.com", "failed")["enhanced"] == "5.1.2"
        assert shop.house.internet.to(ann) == []


# -- two copies of one message for one address --------------------------------------------------------------


@pytest.fixture
def lone(houses: Houses) -> Iterator[Shop]:
    """A shop whose house is asked here: the general questions expect one copy for each address."""
    house = houses.new()
    yield Shop.at(house)
    until(lambda: all(" came 2 times" in each for each in house.contradictions(0)), 15, "a quiet house")
    houses.close()


def test_SG_01_an_address_named_twice_with_other_values_gets_both_copies(lone: Shop) -> None:
    (ann,) = people(1)
    lone.send(nobody(), {"to": [ann, ann], "sub": {"-v-": ["one", "two"]}}, text="[-v-]\n")
    arrivals = lone.house.internet.copies(ann, 2)
    assert {lone.checked(arrival).text for arrival in arrivals} == {"[one]\n", "[two]\n"}
    lone.house.event(ann, "delivered", count=2)


def test_SG_09_bcc_makes_a_copy_of_each_mail(lone: Shop) -> None:
    names, (boss,) = people(), people(1)
    options = {
        "to": names,
        "sub": {"-n-": ["1", "2"]},
        "filters": {"bcc": {"settings": {"enable": 1, "email": boss}}},
    }
    lone.send(nobody(), options, text="[-n-]\n")
    copies = [lone.checked(arrival) for arrival in lone.house.internet.copies(boss, 2)]
    assert {(copy.text, copy.field("To")) for copy in copies} == {("[1]\n", names[0]), ("[2]\n", names[1])}
    for recipient in names:
        lone.house.event(recipient, "delivered")
    lone.house.event(boss, "delivered", count=2)
