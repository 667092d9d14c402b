"""MG-19 to MG-22: stored templates as the body of a letter."""

from __future__ import annotations

import json
import time

import pytest

from dkim_oracle import verified_signatures
from house import books
from house.copies import Copy, read
from house.house import DOMAIN, House, Letter, letter, unique
from house.mailgun import alternative, option_fields, records, visit, warnings, with_field

HELLO = "<p>Dear {{first}}, {{#if vip}}welcome back{{else}}welcome{{/if}}!</p>"


def _template(house: House, html: str, *words: str, text: str = "", name: str = "", version: str = "") -> str:
    """Store a version of a template; the template's name."""
    name = name or unique("template")
    file = house.folder / f"{unique('source')}.html"
    file.write_text(html)
    command = ["template", "add", name, "--file", str(file), *words]
    if text:
        text_file = file.with_suffix(".txt")
        text_file.write_text(text)
        command += ["--text-file", str(text_file)]
    if version:
        command += ["--version", version]
    assert house.cli(*command)["name"] == name.lower()
    return name


def _fields(name: str, *more: str) -> list[str]:
    return [f"X-Mailgun-Template-Name: {name}", *[f"X-Mailgun-{field}" for field in more]]


def _copy(house: House, sent: Letter, recipient: str) -> Copy:
    house.submit(recipient, sent)
    return read(house.internet.copy(recipient))


def _rendered(house: House, name: str, *more: str) -> Copy:
    """The copy of a plain letter that names this template."""
    recipient = f"{unique()}@good.test"
    copy = _copy(house, letter(recipient, fields=_fields(name, *more)), recipient)
    assert [each for each in option_fields(copy) if each != "x-mailgun-variables"] == []
    assert verified_signatures(copy.raw, records(house, DOMAIN)) == ["ph1"]
    return copy


def _refusal(house: House, *fields: str) -> str:
    recipient = f"{unique()}@good.test"
    code, text = house.refusal(recipient, letter(recipient, fields=fields))
    assert code == 554 and text.startswith("5.6.0 ")
    assert house.events(recipient, "accepted") == []
    return text.removeprefix("5.6.0 ")


# -- MG-19 -----------------------------------------------------------------------------------------------


def test_MG_19_the_template_becomes_the_body(house: House) -> None:
    name = _template(house, HELLO)
    recipient = f"{unique()}@good.test"
    fields = _fields(name, 'Template-Variables: {"first": "Bob", "vip": true}')
    message_id = house.submit(recipient, letter(recipient, fields=fields))
    copy = read(house.internet.copy(recipient))
    assert copy.html.strip() == "<p>Dear Bob, welcome back!</p>"
    assert copy.text == "" and b"on its way" not in copy.raw  # the letter's own text is gone
    assert copy.field("Subject") == "Your order"
    assert house.event(recipient, "accepted")["template"] == name
    assert house.cli("message", message_id)["message"]["template"] == name


def test_MG_19_the_template_by_its_id_in_capitals_and_of_the_domain(house: House) -> None:
    name = _template(house, "<p>common</p>")
    (row,) = [row for row in house.cli_rows("template", "list") if row["name"] == name]
    assert "common" in _rendered(house, row["id"]).html
    assert "common" in _rendered(house, name.upper()).html
    _template(house, "<p>the domain's own</p>", "--domain", DOMAIN, name=name)
    assert "the domain's own" in _rendered(house, name).html


def test_MG_19_a_template_of_another_domain_is_none(house: House) -> None:
    domain = f"{unique('other')}.test"
    house.cli("domain", "add", domain, "--assume-verified")
    name = _template(house, "<p>x</p>", "--domain", domain)
    assert _refusal(house, *_fields(name)) == f'template "{name}" not found'


def test_MG_19_both_texts_and_the_fields_that_the_letter_lacks(house: House) -> None:
    words = ("--subject", "Hello {{first}} & friends", "--reply-to", "{{first}} <help@shop.test>")
    name = _template(house, "<p>{{first}}</p>", *words, text="{{first}} & co\n")
    fields = _fields(name, 'Template-Variables: {"first": "Jürgen <J>"}')
    recipient = f"{unique()}@good.test"
    copy = _copy(house, with_field(letter(recipient, fields=fields), "Subject", None), recipient)
    assert copy.html.strip() == "<p>Jürgen &lt;J&gt;</p>"  # only HTML is escaped
    assert copy.text.strip() == "Jürgen <J> & co"
    assert copy.field("Subject") == "Hello Jürgen <J> & friends"
    assert "help@shop.test" in copy.field("Reply-To")
    own = f"{unique()}@good.test"
    copy = _copy(house, letter(own, fields=[*fields, "Reply-To: <own@shop.test>"]), own)
    assert (copy.field("Subject"), copy.field("Reply-To")) == ("Your order", "own@shop.test")


def test_MG_19_attachments_stay(house: House) -> None:
    name = _template(house, "<p>new</p>")
    recipient = f"{unique()}@good.test"
    attachment = (
        b'--cut\r\nContent-Type: application/pdf; name="a.pdf"\r\n'
        b"Content-Disposition: attachment; filename=a.pdf\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n"
    )
    body = b"--cut\r\nContent-Type: text/plain\r\n\r\nold\r\n" + attachment + b"--cut--\r\n"
    fields = [*_fields(name), "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=cut"]
    copy = _copy(house, letter(recipient, fields=fields, body=body), recipient)
    (file,) = list(copy.message.iter_attachments())
    assert (file.get_filename(), file.get_content()) == ("a.pdf", b"%PDF-")
    assert copy.html.strip() == "<p>new</p>" and b"old" not in copy.body


ENGINE = {
    "escaped": ("{{a}}", {"a": "<b>&\"'"}, "&lt;b&gt;&amp;&quot;"),
    "raw": ("{{{a}}}", {"a": "<b>"}, "<b>"),
    "a path": ("{{a.b.c}}", {"a": {"b": {"c": 1}}}, "1"),
    "each": ("{{#each a}}{{@index}}{{this}};{{/each}}", {"a": ["x", "y"]}, "0x;1y;"),
    "each with else": ("{{#each a}}x{{else}}none{{/each}}", {"a": []}, "none"),
    "else if": ("{{#if a}}A{{else if b}}B{{else}}C{{/if}}", {"b": 1}, "B"),
    "unless": ("{{#unless a}}no{{/unless}}", {"a": 0}, "no"),
    "with": ("{{#with a}}{{b}}{{../c}}{{/with}}", {"a": {"b": 1}, "c": 2}, "12"),
    "equal": ('{{#equal a "1"}}yes{{else}}no{{/equal}}', {"a": 1}, "yes"),
    "lookup": ("{{lookup a 1}}", {"a": ["x", "y"]}, "y"),
    "a comment": ("a{{! no }}{{!-- {{no}} --}}b", {}, "ab"),
    "white space": ("a {{~b~}} c", {"b": "B"}, "aBc"),
    "nothing known": ("[{{a}}{{b.c}}]", {}, "[]"),
    "the word false": ("{{#if a}}true{{/if}}", {"a": "false"}, "true"),
}


def test_MG_19_the_language_of_templates(house: House) -> None:
    for engine, data, wanted in ENGINE.values():
        name = _template(house, f"<p>[[{engine}]]</p>")
        html = _rendered(house, name, f"Template-Variables: {json.dumps(data)}").html
        assert f"[[{wanted}" in html, engine


def test_MG_19_a_mistake_is_told_when_the_template_is_stored(house: House) -> None:
    file = house.folder / "wrong.html"
    file.write_text("<p>\n{{#if a}}\n</p>")
    with pytest.raises(AssertionError, match=r"exit 1: .*wrong in the HTML text: line 2: the block if"):
        house.cli("template", "add", "wrong", "--file", str(file))
    assert not [row for row in house.cli_rows("template", "list") if row["name"] == "wrong"]
    assert _refusal(house, *_fields("wrong")) == 'template "wrong" not found'


@pytest.mark.parametrize("name", ["nobody", "=?utf-8?q?gr=C3=B6=C3=9Fe?=", "a b", '"'], ids=repr)
def test_MG_19_a_template_that_is_not_there_is_refused(house: House, name: str) -> None:
    assert _refusal(house, *_fields(name)).endswith("not found")


def test_MG_19_a_template_that_cannot_be_rendered_is_refused(house: House) -> None:
    name = _template(house, "{{#each a}}{{#each ../a}}{{#each ../../a}}xxxxxxxxxx{{/each}}{{/each}}{{/each}}")
    many = json.dumps({"a": [0] * 300}, separators=(",", ":"))
    text = _refusal(house, *_fields(name, f"Template-Variables: {many}"))
    assert text.startswith(f'template "{name}" cannot be rendered: ')


def test_MG_19_an_empty_name_counts_as_absent(house: House) -> None:
    recipient = f"{unique()}@good.test"
    copy = _copy(house, letter(recipient, fields=_fields("", "Template-Version: v2")), recipient)
    assert "on its way" in copy.text
    assert len(warnings(house, recipient)) == 2


@pytest.mark.parametrize(("word", "is_there"), [("yes", True), ("no", False), ("perhaps", False)])
def test_MG_19_a_plain_part_of_the_template_if_it_is_wanted(house: House, word: str, is_there: bool) -> None:
    name = _template(house, '<h1>Hi {{first}}</h1><p>Go <a href="https://shop.test/x">there</a></p>')
    recipient = f"{unique()}@good.test"
    fields = _fields(name, f"Template-Text: {word}", 'Template-Variables: {"first": "Bob"}')
    copy = _copy(house, letter(recipient, fields=fields), recipient)
    assert "Hi Bob</h1>" in copy.html
    assert ("Hi Bob" in copy.text) == ("https://shop.test/x" in copy.text) == is_there
    assert len(warnings(house, recipient)) == (word == "perhaps")


def test_MG_19_links_of_a_template_are_tracked_and_its_tags_alive(house: House) -> None:
    name = _template(house, '<body><a href="{{url}}">{{x}}</a> %recipient_email% %unsubscribe_url%</body>')
    recipient = f"{unique()}@good.test"
    fields = _fields(name, "Track: yes", 'Template-Variables: {"url": "https://shop.test/x?a=1&b=2"}')
    copy = _copy(house, letter(recipient, fields=fields), recipient)
    assert visit(house, copy.links[0]).location == "https://shop.test/x?a=1&b=2"
    assert len(copy.images) == 1
    assert recipient in copy.html and f"https://email.{DOMAIN}/u/" in copy.html


def test_MG_19_mail_that_was_accepted_keeps_its_template(house: House) -> None:
    name = _template(house, "<p>Hello {{first}}</p>")
    recipient = f"{unique()}@good.test"
    later = f"Deliver-By: {int(time.time()) + 3600}"
    fields = _fields(name, later, 'Template-Variables: {"first": "Bob"}')
    message_id = house.submit(recipient, letter(recipient, fields=fields))
    house.cli("template", "remove", name)
    assert house.cli("queue", "flush", "--message", message_id) == {"flushed": 1}
    assert read(house.internet.copy(recipient)).html.strip() == "<p>Hello Bob</p>"
    assert _refusal(house, *_fields(name)) == f'template "{name}" not found'


def test_MG_19_test_mode_renders_too(house: House) -> None:
    name = _template(house, "<p>Hello {{first}}</p>")
    recipient = f"{unique()}@good.test"
    fields = _fields(name, "Drop-Message: yes", 'Template-Variables: {"first": "Bob"}')
    message_id = house.submit(recipient, letter(recipient, fields=fields))
    assert house.event(recipient, "delivered")["code"] == 650
    (kept,) = books.rows(house.store, f"select content from capture where message_id = '{message_id}'")
    assert b"Hello Bob" in kept["content"]


# -- MG-20 -----------------------------------------------------------------------------------------------


def test_MG_20_another_version_than_the_active_one(house: House) -> None:
    name = _template(house, "<p>one</p>", version="V1")
    _template(house, "<p>two</p>", name=name, version="v2")
    assert "one" in _rendered(house, name).html
    assert "two" in _rendered(house, name, "Template-Version: v2").html
    assert "two" in _rendered(house, name, "Template-Version: V2").html
    assert "one" in _rendered(house, name, "Template-Version: ").html
    house.cli("template", "activate", name, "--version", "v2")
    assert "two" in _rendered(house, name).html
    assert "one" in _rendered(house, name, "Template-Version: v1").html
    _template(house, "<p>three</p>", "--active", name=name, version="v3")
    assert "three" in _rendered(house, name).html


def test_MG_20_a_version_that_is_not_there_is_refused(house: House) -> None:
    name = _template(house, "<p>one</p>", version="v1")
    text = _refusal(house, *_fields(name, "Template-Version: v9"))
    assert text == f'template "{name}" or its version "v9" not found'


def test_MG_20_MG_21_without_a_template_they_do_nothing(house: House) -> None:
    recipient = f"{unique()}@good.test"
    fields = ["X-Mailgun-Template-Version: v1", 'X-Mailgun-Template-Variables: {"a": 1}']
    copy = _copy(house, letter(recipient, fields=fields), recipient)
    assert copy.text == "Dear customer,\n\nyour order is on its way.\n"
    assert len(warnings(house, recipient)) == 2


# -- MG-21, MG-22 ----------------------------------------------------------------------------------------


def test_MG_21_template_variables_beat_variables_and_nobody_sees_them(house: House) -> None:
    name = _template(house, "<p>{{a}}-{{b}}-{{c}}</p>")
    recipient = f"{unique()}@good.test"
    own = [
        'Template-Variables: {"b": "B2", "c": "C2", "hidden": "h1dden"}',
        'Variables: {"a": "A1", "b": "B1"}',
    ]
    copy = _copy(house, letter(recipient, fields=_fields(name, *own)), recipient)
    assert copy.html.strip() == "<p>A1-B2-C2</p>"
    assert option_fields(copy) == ["x-mailgun-variables"] and b"h1dden" not in copy.raw
    assert house.event(recipient, "delivered")["metadata"] == {"a": "A1", "b": "B1"}


JSON_FORMS = {
    "folded": b'{"first":\r\n "J\\u00fcrgen"}',
    "raw UTF-8": '{"first": "Jürgen"}'.encode(),
    "an encoded word": b"=?utf-8?b?eyJmaXJzdCI6ICJKw7xyZ2VuIn0=?=",
    "an encoded word inside": b'{"first": "=?utf-8?q?J=C3=BCrgen?="}',
    "cut by a relay": b'{"fir\r\n st": "J\\u00fcrgen"}',
}


@pytest.mark.parametrize("form", JSON_FORMS)
@pytest.mark.parametrize("header", ["X-Mailgun-Template-Variables", "X-Mailgun-Variables"])
def test_MG_21_MG_22_the_json_however_it_is_written(house: House, header: str, form: str) -> None:
    name = _template(house, "<p>{{first}}</p>")
    recipient = f"{unique()}@good.test"
    sent = letter(recipient, fields=[*_fields(name), f"{header}: @"])
    copy = _copy(house, with_field(sent, header, JSON_FORMS[form]), recipient)
    assert copy.html.strip() == ("<p>Jürgen</p>" if form != "cut by a relay" else "<p></p>")


@pytest.mark.parametrize("value", ["{", "[1]", "first=Bob", '{"a": 1,}'])
def test_MG_21_what_is_no_json_is_refused(house: House, value: str) -> None:
    name = _template(house, "<p>{{first}}</p>")
    text = _refusal(house, *_fields(name, f"Template-Variables: {value}"))
    assert text == "'t:variables' parameter is not a valid JSON"


def test_MG_21_of_a_repeated_header_the_last_counts(house: House) -> None:
    name = _template(house, "<p>{{a}}{{b}}</p>")
    fields = ['Template-Variables: {"a": 1}', 'Template-Variables: {"b": 2}']
    assert _rendered(house, name, *fields).html.strip() == "<p>2</p>"


def test_MG_22_variables_are_values_of_the_template(house: House) -> None:
    name = _template(house, "<p>{{order.id}} {{#each items}}{{this}},{{/each}}</p>")
    copy = _rendered(house, name, 'Variables: {"order": {"id": 7}, "items": ["a", "b"]}')
    assert copy.html.strip() == "<p>7 a,b,</p>"


def test_MG_22_a_template_gets_more_than_events_can_carry(house: House) -> None:
    name = _template(house, "<p>{{a}} {{b}}</p>")
    copy = _rendered(house, name, 'Variables: {"a": "' + "x" * 3000 + '",\r\n "b": "' + "y" * 3000 + '"}')
    assert copy.html.strip() == f"<p>{'x' * 3000} {'y' * 3000}</p>"


def test_MG_18_MG_19_MG_22_each_recipients_own_values(house: House) -> None:
    name = _template(house, "<p>{{name}} {{city}} {{run}} %recipient.name%</p>", text="{{name}}\n")
    people = {
        f"{n}+{unique()}@good.test": {"name": who, "city": f"c{n}"} for n, who in enumerate(("Ann", "Bob"))
    }
    fields = _fields(
        name,
        f"Recipient-Variables: {json.dumps(people)}",
        'Variables: {"name": "%recipient.name%!", "run": "r7"}',
    )
    first = next(iter(people))
    house.submit(list(people), letter(first, fields=fields))
    for recipient, own in people.items():
        copy = read(house.internet.copy(recipient))
        assert copy.html.strip() == f"<p>{own['name']}! {own['city']} r7 {own['name']}</p>"
        assert copy.text.strip() == f"{own['name']}!"
        assert copy.field("To") == recipient
        assert house.event(recipient, "delivered")["metadata"] == {"name": f"{own['name']}!", "run": "r7"}
        others = [each for each in people if each != recipient]
        assert not any(other.encode() in copy.raw for other in others)


def test_MG_19_the_letters_own_html_is_no_template(house: House) -> None:
    recipient = f"{unique()}@good.test"
    sent = alternative(recipient, ['X-Mailgun-Variables: {"a": 1}'], html="<p>{{a}}</p>", text="{{a}}\n")
    copy = _copy(house, sent, recipient)
    assert (copy.html, copy.text) == ("<p>{{a}}</p>\n", "{{a}}\n")
