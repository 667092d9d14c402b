"""Each key of `X-SMTPAPI`, with good and bad values (SG-01 to SG-08, SG-10)."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.dialects.dialect import Person, Wishes
from posthouse.dialects.sendgrid import DIALECT
from posthouse.dialects.sendgrid.smtpapi import KEYS
from posthouse.model.options import RecipientOptions, options_text
from unit.dialects.smtpapi_letters import NOW, context, field, read, seen_of, warnings

FIXTURES: list[dict[str, Any]] = [
    {},
    {"to": ["addTo@mailinator.com"]},
    {"sub": {"sub": ["val"]}},
    {"unique_args": {"k": "v", "k2": "v2"}},
    {"category": ["addCategory", "addCategory2"]},
    {"category": ["\u30ab\u30c6\u30b4\u30eaUnicode", "\U0002fa1b"]},
    {"section": {"k": "v"}},
    {"filters": {"footer": {"settings": {"text/html": "<strong>boo</strong>"}}}},
    {"filters": {"footer": {"settings": {"enable": 1, "text/plain": "You can haz footers!"}}}},
    {"filters": {"footer": {"settings": {"enable": "1", "text/plain": "You can haz footers!"}}}},
    {"send_at": 1428611024},
    {"send_each_at": [1428611024, 1428611025]},
    {"asm_group_id": 1},
    {"asm_groups_to_display": [45, 23]},
    {"ip_pool": "testPool"},
    {"batch_id": "MjAxNi0w"},
    {"dynamic_template_data": {"name": "Ann", "items": [1, 2]}},
    {"asm_group_id": {}, "ip_pool": "", "send_at": [], "batch_id": None},
]


@pytest.mark.parametrize("header", FIXTURES, ids=lambda header: ",".join(header) or "empty")
def test_sg01_what_builders_write_is_accepted(header: dict[str, Any]) -> None:
    wishes = read(header)
    assert wishes.rejection is None
    assert not warnings(wishes)
    told = {seen.header for seen in wishes.seen}
    for key in header:
        assert any(name.startswith(f"X-SMTPAPI {key}") for name in told), f"nothing is said about {key}"


HOUR = 3600
VALUES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("SG-05 one category", {"category": "cats"}, {"tags": ("cats",)}),
    ("SG-05 doubles collapse", {"category": ["b", "a", "b"]}, {"tags": ("b", "a")}),
    ("SG-05 a number", {"category": 5}, {"tags": ("5",)}),
    (
        "SG-05 only ten",
        {"category": [f"c{n}" for n in range(12)]},
        {"tags": tuple(f"c{n}" for n in range(10))},
    ),
    ("SG-05 too long is cut", {"category": "x" * 300}, {"tags": ("x" * 255,)}),
    ("SG-05 no object", {"category": {"a": 1}}, {}),
    ("SG-06 texts", {"unique_args": {"a": "b"}}, {"metadata": {"a": "b"}}),
    (
        "SG-06 lenient types",
        {"unique_args": {"n": 1, "f": 1.5, "t": True, "z": None, "o": {"x": [1, "é"]}}},
        {"metadata": {"n": "1", "f": "1.5", "t": "true", "z": "", "o": '{"x":[1,"é"]}'}},
    ),
    (
        "SG-06 sections",
        {"unique_args": {"a": "<-s->"}, "section": {"-s-": "x"}},
        {"metadata": {"a": "<x>"}, "sections": {"-s-": "x"}},
    ),
    ("SG-02 sections", {"section": {"-s-": 5, "": "no"}}, {"sections": {"-s-": "5"}}),
    ("SG-03 later", {"send_at": int(NOW) + HOUR}, {"deliver_at": NOW + HOUR}),
    ("SG-03 a text", {"send_at": f" {int(NOW) + HOUR} "}, {"deliver_at": NOW + HOUR}),
    ("SG-03 a fraction of zero", {"send_at": NOW + HOUR}, {"deliver_at": NOW + HOUR}),
    ("SG-03 past", {"send_at": 1428611024}, {"deliver_at": 0.0}),
    ("SG-03 72 hours", {"send_at": int(NOW) + 72 * HOUR}, {"deliver_at": NOW + 72 * HOUR}),
    ("SG-04 groups shown", {"asm_groups_to_display": ["45", 23, 99, 45]}, {"groups_shown": (45, 23)}),
    ("SG-04 no group of ours", {"asm_groups_to_display": [99]}, {}),
    ("SG-04 group 0", {"asm_group_id": 0}, {}),
    ("SG-07 our pool", {"ip_pool": " testPool "}, {"ip_pool": "testPool"}),
    ("SG-07 unknown pool", {"ip_pool": "nobody's"}, {}),
    ("SG-08 batch", {"batch_id": "HkJ5"}, {"batch_id": "HkJ5"}),
    ("SG-08 a number", {"batch_id": 5}, {"batch_id": "5"}),
    ("SG-08 two lines", {"batch_id": "a\nb"}, {}),
    ("SG-09 template data", {"dynamic_template_data": {"a": [1]}}, {"template_vars": {"a": [1]}}),
    ("unknown key", {"colour": "red"}, {}),
]


@pytest.mark.parametrize(("header", "values"), [case[1:] for case in VALUES], ids=[c[0] for c in VALUES])
def test_keys_of_the_message(header: dict[str, Any], values: dict[str, Any]) -> None:
    wishes = read(header)
    assert wishes.values == values
    assert wishes.rejection is None
    assert wishes.people is None
    assert all(source.startswith("X-SMTPAPI ") for source in wishes.sources.values())


WARNED = [
    ({"category": [f"c{n}" for n in range(12)]}, "only the first 10 of 12 categories are kept"),
    ({"category": {"a": 1}}, "a category is a text, or a list of texts"),
    ({"category": [" "]}, "holds no category"),
    ({"asm_groups_to_display": [45, 99]}, "numbers that are no group"),
    ({"ip_pool": "nobody's"}, "there is no such pool: sent as usual"),
    ({"batch_id": "x" * 256}, "a batch id has at most 255 characters"),
    ({"colour": "red"}, "is no key of this header: ignored"),
    ({"to": ["a@d.test", ""]}, "1 of 2 entries are empty: left out"),
    ({"to": ["a@d.test", "b@d.test"], "sub": {"-n-": ["A"]}}, "fewer values than there are recipients (2)"),
    ({"to": ["a@d.test"], "sub": {"-n-": ["A", "B"]}}, "more values than there are recipients (1)"),
    ({"to": ["a@d.test", "b@d.test"], "send_each_at": [1]}, "1 of 2 recipients have no time"),
    ({"sub": {"": ["A"]}}, "an empty tag stands for nothing"),
]


@pytest.mark.parametrize(("header", "text"), WARNED, ids=[text for _, text in WARNED])
def test_what_does_nothing_says_so(header: dict[str, Any], text: str) -> None:
    wishes = read(header)
    assert text in warnings(wishes)
    assert wishes.rejection is None


LATER = int(NOW) + HOUR
REJECTED = [
    ("SG-10 no JSON", b" hello", "a value is missing at line 1, column 12: hello"),
    ("SG-01 to is an object", {"to": {"a": 1}}, "to must be a list of addresses; entry 1 is none"),
    ("SG-01 to holds a number", {"to": ["a@d.test", 5]}, "to must be a list of addresses; entry 2 is none"),
    ("SG-01 to is empty texts", {"to": ["", " "]}, "to names no recipient"),
    ("SG-01 too many", {"to": ["a@d.test"] * 10_001}, "to names 10,001 recipients; 10,000 are the most"),
    ("SG-01 sub is a list", {"sub": ["a"]}, "sub must be an object of lists"),
    (
        "SG-01 a tag's values are an object",
        {"sub": {"-n-": {"0": "a"}}},
        "the values of the tag -n- must be a list",
    ),
    (
        "SG-01 values too long",
        {"sub": {"-n-": "é" * 5001}},
        "the substitutions of recipient 1 are longer than",
    ),
    (
        "SG-01 tags too long",
        {"sub": {"x" * 10_001: ["a"]}},
        "the tags of sub are together longer than 10,000",
    ),
    ("SG-02 section is a list", {"section": ["a"]}, "section must be an object of texts"),
    ("SG-02 a section is a list", {"section": {"-s-": ["a"]}}, "the section -s- must be a text"),
    (
        "SG-03 no number",
        {"send_at": "tomorrow"},
        "send_at must be a whole number of seconds since 1970, not tomorrow",
    ),
    ("SG-03 a flag", {"send_at": True}, "send_at must be a whole number of seconds since 1970, not true"),
    ("SG-03 too late", {"send_at": int(NOW) + 72 * HOUR + 1}, "is more than 72 hours ahead"),
    ("SG-03 milliseconds", {"send_at": LATER * 1000}, "is more than 72 hours ahead"),
    (
        "SG-03 both",
        {"send_at": LATER, "send_each_at": [LATER]},
        "send_at and send_each_at cannot be given together",
    ),
    (
        "SG-03 a wrong time in the list",
        {"send_each_at": [LATER, "soon"]},
        "send_each_at must be a whole number",
    ),
    ("SG-04 unknown group", {"asm_group_id": 99}, "asm_group_id 99 does not exist"),
    ("SG-04 no number", {"asm_group_id": "news"}, "asm_group_id must be a whole number, not news"),
    ("SG-06 a text", {"unique_args": "a"}, "unique_args must be an object"),
    ("SG-06 too long", {"unique_args": {"a": "x" * 10_000}}, "unique_args are longer than 10,000 bytes"),
    (
        "SG-06 grows",
        {"unique_args": {"a": "-n-" * 9}, "sub": {"-n-": ["x" * 2000]}},
        "unique_args are longer than",
    ),
    ("SG-06 explodes", {"unique_args": {"a": "n"}, "sub": {"n": ["n" * 9999]}}, "make unique_args too long"),
    ("SG-09 filters is a list", {"filters": ["footer"]}, "filters must be an object"),
    ("SG-09 no template id", {"filters": {"templates": {"settings": {"enable": 1}}}}, "has no template_id"),
    ("SG-09 data is a text", {"dynamic_template_data": "x"}, "dynamic_template_data must be an object"),
]


@pytest.mark.parametrize(("header", "text"), [case[1:] for case in REJECTED], ids=[c[0] for c in REJECTED])
def test_sg10_an_invalid_header_stops_the_mail(header: Any, text: str) -> None:
    wishes = read(header)
    assert wishes.rejection is not None
    assert wishes.rejection.reason == "invalid-options"
    assert wishes.rejection.text.startswith("Invalid SMTPAPI header: ")
    assert text in wishes.rejection.text
    assert wishes.people is None
    assert wishes.people_by_place is None
    assert wishes.template is None
    assert text in warnings(wishes)


def test_sg10_what_names_the_mail_in_events_stays() -> None:
    wishes = read({"asm_group_id": 99, "category": "c", "unique_args": {"a": "b"}, "ip_pool": "testPool"})
    assert wishes.rejection is not None
    assert wishes.values == {"tags": ("c",), "metadata": {"a": "b"}}


def test_sg03_a_domain_may_allow_more_than_72_hours() -> None:
    at = int(NOW) + 20 * 24 * HOUR
    assert read({"send_at": at}, schedule_days=31.0).values == {"deliver_at": float(at)}
    assert read({"send_at": at}, schedule_days=7.0).rejection is not None


def named(wishes: Wishes) -> list[Person]:
    assert wishes.people is not None
    return wishes.people


def test_sg01_each_entry_of_to_is_a_person() -> None:
    entries = [
        "a@d.test",
        "<b@d.test>",
        "Bob, the Great <c@d.test>",
        ' "Q \\"x\\"" <d@d.test> ',
        "no address",
    ]
    wishes = read({"to": entries})
    assert [(person.written, person.options.name) for person in named(wishes)] == [
        ("a@d.test", ""),
        ("b@d.test", ""),
        ("c@d.test", "Bob, the Great"),
        ("d@d.test", 'Q "x"'),
        ("no address", ""),
    ]
    assert wishes.values == {"to_each": True}


def test_sg01_a_name_cannot_break_a_line() -> None:
    [person] = named(read({"to": ["A\r\nBcc: x@d.test\u2028 <a@d.test>"]}))
    assert person.options.name == "A Bcc: x@d.test"


def test_sg01_to_may_be_one_text() -> None:
    assert [person.written for person in named(read({"to": "a@d.test"}))] == ["a@d.test"]


def test_sg01_values_by_place() -> None:
    header = {
        "to": ["a@d.test", "b@d.test", "c@d.test"],
        "sub": {"-name-": ["A", "B"], "-n-": [1, None, True], "-all-": "same", "-x-": [1.5, {"k": []}, "z"]},
    }
    wishes = read(header)
    assert wishes.values["verbatim"] == ("-name-", "-n-", "-all-", "-x-")
    assert [person.options.values for person in named(wishes)] == [
        ("A", "1", "same", "1.5"),
        ("B", "", "same", '{"k":[]}'),
        ("", "true", "same", "z"),
    ]


def test_sg01_an_empty_entry_keeps_the_places_of_the_others() -> None:
    wishes = read({"to": ["", "b@d.test"], "sub": {"-n-": ["A", "B"]}})
    assert [(person.written, person.options.values) for person in named(wishes)] == [("b@d.test", ("B",))]


def test_sg01_without_to_values_follow_the_envelope() -> None:
    wishes = read({"sub": {"-n-": ["A", "B", "C"]}}, "x@d.test", "y@d.test")
    assert wishes.people is None
    assert wishes.people_by_place == [RecipientOptions(values=("A",)), RecipientOptions(values=("B",))]
    assert "to_each" not in wishes.values


def test_sg03_times_by_place() -> None:
    header = {"to": ["a@d.test", "B <b@d.test>", "c@d.test"], "send_each_at": [LATER, str(LATER + 60)]}
    assert [person.deliver_at for person in named(read(header))] == [LATER, LATER + 60, 0.0]


def test_sg03_times_without_to_follow_the_envelope() -> None:
    wishes = read({"send_each_at": [LATER, 5, LATER]}, "x@d.test", "y@d.test")
    assert [(person.written, person.deliver_at) for person in named(wishes)] == [
        ("x@d.test", LATER),
        ("y@d.test", 0.0),
    ]
    assert "to_each" not in wishes.values


def test_sg06_tags_in_values_make_own_data_of_each_recipient() -> None:
    header = {
        "to": ["a@d.test", "b@d.test"],
        "sub": {"-id-": ["1", "2"], "-who-": ["-friend-", "you"]},
        "section": {"-friend-": "friend -id-"},
        "unique_args": {"id": "no -id-", "who": "-who-", "same": "x"},
    }
    wishes = read(header)
    assert [person.options.metadata for person in named(wishes)] == [
        {"id": "no 1", "who": "friend 1", "same": "x"},
        {"id": "no 2", "who": "you", "same": "x"},
    ]
    assert wishes.values["metadata"] == {"id": "no -id-", "who": "-who-", "same": "x"}


def test_sg06_without_tags_the_message_s_data_is_enough() -> None:
    wishes = read({"to": ["a@d.test"], "sub": {"-id-": ["1"]}, "unique_args": {"id": "5"}})
    assert [person.options.metadata for person in named(wishes)] == [None]


def test_sg06_ten_thousand_recipients_with_growing_values_are_stopped() -> None:
    header = {
        "to": ["a@d.test"] * 10_000,
        "sub": {"-n-": "x" * 900},
        "unique_args": {"a": "-n-" * 8},
    }
    rejection = read(header).rejection
    assert rejection is not None
    assert "of all recipients are together longer than 32 MiB" in rejection.text


@pytest.mark.parametrize(
    ("sub", "text"),
    [
        ({f"-{n}-": [] for n in range(101)}, "101 tags for 10,000 recipients are more than 1,000,000 values"),
        ({"-n-": "x" * 5000}, "the substitutions of all recipients are together longer than 32 MiB"),
    ],
    ids=["many empty values", "a long text for all"],
)
def test_sg01_a_small_header_cannot_fill_the_store(sub: dict[str, Any], text: str) -> None:
    rejection = read({"to": ["a@d.test"] * 10_000, "sub": sub}).rejection
    assert rejection is not None
    assert text in rejection.text


def test_sg04_a_group_brings_tags_links_and_a_text() -> None:
    wishes = read({"asm_group_id": "7"})
    values = wishes.values
    assert values["unsubscribe_group"] == 7
    assert values["auto_unsubscribe"] == "unsubscribe_group"
    links = {link.literal: link for link in values["links"]}
    assert links["<%asm_group_unsubscribe_url%>"].kind == "unsubscribe_group"
    assert links["<%asm_group_unsubscribe_url%>"].html == '<a href="{url}">Unsubscribe From This List</a>'
    assert links["<% asm_global_unsubscribe_url %>"].kind == "unsubscribe_global"
    assert links["<%asm_preferences_raw_url%>"].kind == "preferences"
    assert links["<%asm_preferences_raw_url%>"].html == ""
    assert links["{{{unsubscribe}}}"].kind == "unsubscribe_group"
    [block] = values["blocks"]
    for part in (block.html, block.text):
        kinds = [link.kind for link in values["links"] if link.literal in part]
        assert kinds == ["unsubscribe_group", "preferences"]


def test_sg04_the_group_s_text_stands_below_the_footer() -> None:
    footer = {"footer": {"settings": {"text/plain": "Bye"}}}
    values = read({"filters": footer, "asm_group_id": 7}).values
    assert [block.text[:4] for block in values["blocks"]] == ["Bye", "Unsu"]


def test_only_the_first_field_counts() -> None:
    headers = [
        field(b" x", "X-SG-EID"),
        field({"category": "first"}),
        field({"category": "second"}),
        field(b" y", "X-SMTPAPI-Other"),
    ]
    wishes = DIALECT.read(headers, context())
    assert wishes.values == {"tags": ("first",)}
    effects = {seen.header: seen.effect for seen in wishes.seen}
    assert effects["X-SMTPAPI"] == "only the first X-SMTPAPI counts"
    assert effects["X-SG-EID"].startswith("is removed")
    assert effects["X-SMTPAPI-Other"].startswith("is removed")


def test_an_empty_field_does_nothing() -> None:
    wishes = read(b" \r\n ")
    assert wishes.rejection is None
    assert warnings(wishes) == "is empty: it does nothing"


def test_a_long_value_is_shown_shortened() -> None:
    wishes = read({"to": [f"person{n}@d.test" for n in range(5000)]})
    [told] = seen_of(wishes, "to")
    assert told.value.startswith('["person0@d.test","person1@d.test"')
    assert len(told.value) == 200
    assert len(options_text(RecipientOptions(values=("x",)))) < 100
    assert all(len(seen.value) <= 200 for seen in wishes.seen)


def test_each_key_has_a_row() -> None:
    documented = "to sub section category unique_args filters send_at send_each_at asm_group_id"
    more = "asm_groups_to_display ip_pool batch_id dynamic_template_data"
    assert {key.name for key in KEYS} == set(f"{documented} {more}".split())


def test_the_prefixes_cover_what_a_customer_must_not_send() -> None:
    assert DIALECT.prefixes == ("x-smtpapi", "x-sg-")
