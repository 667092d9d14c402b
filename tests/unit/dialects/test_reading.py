"""OptionReader: whose words come first, what becomes of the rest, who gets a copy, what the domain fills in.

Two made-up services speak here; what the real ones say is in their own tests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.dialects.dialect import (
    Context,
    Dialect,
    Header,
    Person,
    Rejection,
    TemplateUse,
    Unwrapped,
    Wishes,
)
from posthouse.dialects.native import DIALECT as NATIVE
from posthouse.dialects.reading import Asked, OptionReader, Sending
from posthouse.mail.letter import Letter, parse
from posthouse.model.account import ACCOUNT_DEFAULTS, DEFAULTS, AccountSettings, DomainSettings
from posthouse.model.errors import Refused
from posthouse.model.message import Recipient
from posthouse.model.options import (
    NOBODY_SPECIAL,
    LinkTag,
    RecipientOptions,
    Seen,
    SendOptions,
    options_text,
    read_options,
)

FROM = b"From: me@shop.test\r\n"
NOW = 1_700_000_000.0


class Estate:
    def account_settings(self, account_id: str) -> AccountSettings:
        return ACCOUNT_DEFAULTS

    def groups_of(self, account_id: str) -> frozenset[int]:
        return frozenset({1, 2}) if account_id == "acc" else frozenset()

    def owns_ip(self, account_id: str, ip: str) -> bool:
        return ip == "192.0.2.1"

    def pool_sources(self, account_id: str, name_or_id: str) -> tuple[str, ...] | None:
        return {"fast": ("192.0.2.1", "192.0.2.2"), "empty": ()}.get(name_or_id)

    def key_of(self, account_id: str, domain: str, selector: str) -> object | None:
        return object() if (domain, selector) == ("shop.test", "s1") else None


contexts: list[Context] = []


def spoken(service: str) -> Any:
    """A reader of `X-<service>: {"field": …}` JSON; words with a capital go into `Wishes` itself."""

    def read(headers: Sequence[Header], context: Context) -> Wishes:
        contexts.append(context)
        wishes = Wishes()
        for header in headers:
            for name, value in json.loads(header.raw).items():
                if name == "keep":
                    wishes.keep.add(header.name)
                elif name == "drop":
                    wishes.drop |= set(value)
                elif name == "refuse":
                    raise Refused(554, "5.6.0", value)
                elif name == "people":
                    wishes.people = [Person(each, RecipientOptions(values=(each[:1],))) for each in value]
                elif name == "by_place":
                    wishes.people_by_place = [RecipientOptions(values=(each,)) for each in value]
                elif name == "variables":
                    wishes.variables = value
                elif name == "template":
                    wishes.template = TemplateUse(value, lambda text: Refused(554, "5.6.0", text))
                elif name == "rejection":
                    wishes.rejection = Rejection(value, "why")
                else:
                    wishes.values[name] = tuple(value) if isinstance(value, list) else value
                    wishes.sources[name] = header.title
            wishes.seen.append(Seen(header.title, header.raw.decode().strip(), "read"))
        return wishes

    return read


RED = Dialect(
    "red", NATIVE.words, ("x-red-",), spoken("red"), defaults={"track_opens": True, "percent": True}
)
BLUE = Dialect("blue", NATIVE.words, ("x-blue-", "x-azure-"), spoken("blue"))
STRICT = Dialect("strict", NATIVE.words, ("x-strict-",), spoken("s"), rebuilds=frozenset({"from", "to"}))
DIALECTS = {each.name: each for each in (RED, BLUE, STRICT, NATIVE)}


def envelope(*addresses: str) -> list[Recipient]:
    return [Recipient(each, each.rpartition("@")[2]) for each in addresses or ("ann@good.test",)]


def letter_with(*headers: str, body: bytes = b"hello\r\n") -> Letter:
    return parse("".join([f"{each}\r\n" for each in headers]).encode() + FROM + b"\r\n" + body)


def read(
    *headers: str,
    own: Dialect = RED,
    to: list[Recipient] | None = None,
    settings: DomainSettings = DEFAULTS,
    tracking_url: str = "",
    body: bytes = b"hello\r\n",
) -> Asked:
    reader = OptionReader(DIALECTS, Estate(), tracking_url=tracking_url)
    sending = Sending(own, "acc", "shop.test", settings, NOW)
    return reader.read(letter_with(*headers, body=body), to or envelope(), sending)


def warnings(asked: Asked) -> list[str]:
    return [each.effect for each in asked.options.seen if each.is_warning]


# -- without option headers --------------------------------------------------------------------------------


def test_a_plain_letter_gets_the_same_object_each_time() -> None:
    reader = OptionReader(DIALECTS, Estate())
    sending = Sending(BLUE, "acc", "shop.test", DEFAULTS, NOW)
    recipients = envelope()
    first = reader.read(letter_with("Subject: x"), recipients, sending)
    assert first.options is reader.read(letter_with("To: y@z.test"), recipients, sending).options
    assert first.recipients is recipients
    assert first.options == SendOptions(dialect="blue")


def test_new_settings_of_the_domain_hold_at_once() -> None:
    reader = OptionReader(DIALECTS, Estate())
    sending = Sending(BLUE, "acc", "shop.test", DEFAULTS, NOW)
    assert reader.read(letter_with(), envelope(), sending).options.track_opens is None
    changed = msgspec.structs.replace(sending, settings=DomainSettings(track_opens=True))
    assert reader.read(letter_with(), envelope(), changed).options.track_opens is True


FILLED: dict[str, tuple[Dialect, DomainSettings, str, dict[str, Any]]] = {
    "the dialect's defaults": (RED, DEFAULTS, "https://t.test", {"track_opens": True, "percent": True}),
    "no tracking where links lead nowhere": (RED, DEFAULTS, "", {"percent": True}),
    "a tracking host of the domain": (
        RED,
        DomainSettings(tracking_url="https://email.shop.test"),
        "",
        {"track_opens": True, "percent": True},
    ),
    "the domain beats the dialect": (
        RED,
        DomainSettings(track_opens=False),
        "https://t.test",
        {"percent": True},
    ),
    "the domain wants it wherever links lead": (
        BLUE,
        DomainSettings(track_opens=True),
        "",
        {"track_opens": True},
    ),
    "clicks": (BLUE, DomainSettings(track_clicks="html"), "", {"track_clicks": "html"}),
    "clicks off": (BLUE, DomainSettings(track_clicks="off"), "", {}),
    "pixel, TLS, archive": (
        BLUE,
        DomainSettings(
            pixel_at_top=True, require_tls=True, skip_verification=True, archive_url="https://a.test/"
        ),
        "",
        {
            "pixel": "top",
            "require_tls": True,
            "skip_verification": True,
            "archive_url": "https://a.test/",
        },
    ),
    "a pool": (
        BLUE,
        DomainSettings(ip_pool="fast"),
        "",
        {"ip_pool": "fast", "sources": ("192.0.2.1", "192.0.2.2")},
    ),
    "a rebuilt letter": (STRICT, DEFAULTS, "", {"only_fields": ("from", "to")}),
    "the domain keeps its fields": (STRICT, DomainSettings(keeps_fields=True), "", {}),
}


@pytest.mark.parametrize(("own", "settings", "url", "wanted"), FILLED.values(), ids=FILLED.keys())
def test_what_nobody_said(own: Dialect, settings: DomainSettings, url: str, wanted: dict[str, Any]) -> None:
    asked = read(own=own, settings=settings, tracking_url=url)
    assert asked.options == SendOptions(dialect=own.name, **wanted)


def test_the_letter_beats_the_domain() -> None:
    settings = DomainSettings(track_opens=False, require_tls=True, pixel_at_top=True)
    asked = read('X-Red-A: {"track_opens": true, "require_tls": false}', settings=settings)
    assert (asked.options.track_opens, asked.options.require_tls, asked.options.pixel) == (True, False, "top")


@pytest.mark.parametrize(("pool", "warned"), [("gone", 1), ("empty", 1), ("fast", 0)])
def test_a_pool_of_the_domain_that_is_gone_is_told(pool: str, warned: int) -> None:
    asked = read(settings=DomainSettings(ip_pool=pool))
    assert len(warnings(asked)) == warned and bool(asked.options.sources) != bool(warned)


def test_one_address_beats_the_pool() -> None:
    asked = read('X-Red-A: {"ip": "192.0.2.1", "ip_pool": "fast"}')
    assert asked.options.sources == ("192.0.2.1",)


def test_the_unsubscribe_text_of_the_domain() -> None:
    settings = DomainSettings(unsubscribe=True)
    options = read(settings=settings).options
    assert options.auto_unsubscribe == "unsubscribe"
    [link], [block] = options.links, options.blocks
    assert (
        link == LinkTag(link.literal, "unsubscribe")
        and link.literal in block.html
        and link.literal in block.text
    )


@pytest.mark.parametrize(
    "body", [b"Leave: %unsubscribe_url%\r\n", b'<a href=3D"%tag_unsubscribe_u=\r\nrl%">no</a>\r\n']
)
def test_who_wrote_a_link_keeps_it(body: bytes) -> None:
    options = read(settings=DomainSettings(unsubscribe=True), body=body).options
    assert options.auto_unsubscribe == "unsubscribe" and not options.blocks


# -- several services in one letter ------------------------------------------------------------------------


def test_the_credentials_own_service_comes_first_then_the_order_of_the_letter() -> None:
    asked = read(
        'X-Blue-A: {"batch_id": "blue", "ip": "1"}',
        'X-Strict-A: {"batch_id": "strict", "ip": "2"}',
        'X-Red-A: {"batch_id": "red"}',
    )
    assert (asked.options.batch_id, asked.options.ip) == ("red", "1")
    assert sorted(warnings(asked)) == [
        "not used, because X-Blue-A says otherwise",
        "not used, because X-Red-A says otherwise",
        "not used, because X-Red-A says otherwise",
    ]


def test_lists_are_united_and_objects_joined() -> None:
    asked = read(
        'X-Blue-A: {"tags": ["b", "a"], "metadata": {"k": 1, "l": 2}}',
        'X-Red-A: {"tags": ["a"], "metadata": {"k": 0}}',
    )
    assert asked.options.tags == ("a", "b") and asked.options.metadata == {"k": 0, "l": 2}
    assert not warnings(asked)


def test_saying_the_same_twice_is_no_conflict() -> None:
    assert not warnings(read('X-Red-A: {"track_opens": true}', 'X-Blue-A: {"track_opens": true}'))


def test_tags_that_belong_to_values_are_never_mixed() -> None:
    asked = read('X-Red-A: {"verbatim": ["-a-"]}', 'X-Blue-A: {"verbatim": ["-b-"]}')
    assert asked.options.verbatim == ("-a-",) and len(warnings(asked)) == 1


def test_each_reader_gets_its_own_headers_and_what_it_may_know() -> None:
    contexts.clear()
    settings = DomainSettings(schedule_days=3)
    read(
        "X-Blue-A: {}", "x-azure-b: {}", "X-Red-A: {}", settings=settings, to=envelope("a@x.test", "b@x.test")
    )
    red, blue = contexts
    assert (red.is_own, blue.is_own) == (True, False)
    assert (red.now, red.recipients, red.domain, red.schedule_days) == (
        NOW,
        ["a@x.test", "b@x.test"],
        "shop.test",
        3,
    )
    assert red.groups == {1, 2}
    assert [red.owns_ip("192.0.2.1"), red.owns_ip("192.0.2.9")] == [True, False]
    assert [red.owns_pool("fast"), red.owns_pool("empty"), red.owns_pool("gone")] == [True, True, False]
    assert [red.owns_key("shop.test", "s1"), red.owns_key("shop.test", "s2")] == [True, False]


def test_a_template_and_a_rejection_come_through() -> None:
    asked = read(
        'X-Red-A: {"template": "welcome", "rejection": "Invalid"}', 'X-Blue-A: {"template": "other"}'
    )
    assert asked.template and asked.template.name == "welcome"
    assert asked.rejection == Rejection("Invalid", "why")


def test_a_reader_may_refuse() -> None:
    with pytest.raises(Refused):
        read('X-Blue-A: {"refuse": "no"}')


def test_a_container_brings_headers_of_its_own() -> None:
    reader = OptionReader(DIALECTS, Estate())
    extra = (Header("x-red-a", "X-Red-A", b' {"batch_id": "inside"}'),)
    asked = reader.read(letter_with(), envelope(), Sending(RED, "acc", "shop.test", DEFAULTS, NOW), extra)
    assert asked.options.batch_id == "inside" and asked.options.drop_fields == ()


def test_the_first_that_unwraps_does() -> None:
    inner = Unwrapped(b"From: x@y.test\r\n\r\n", ())
    boxed = replace(BLUE, unwrap=lambda letter: inner if letter.count(b"x-boxed") else None)
    reader = OptionReader({"red": RED, "blue": boxed}, Estate())
    assert reader.unwrapped(letter_with("X-Boxed: 1")) is inner
    assert reader.unwrapped(letter_with()) is None


# -- what is not delivered ---------------------------------------------------------------------------------


def test_fields_under_a_prefix_stay_behind() -> None:
    asked = read("X-Red-A: {}", "X-AZURE-b: {}", "X-Posthouse-Sid: forged", "X-Redder: 1", "Subject: x")
    assert asked.options.drop_fields == ("x-azure-b", "x-posthouse-sid", "x-red-a")


def test_a_reader_may_keep_one_and_drop_another() -> None:
    asked = read('X-Red-A: {"keep": 1, "drop": ["x-mailer", "x-absent"]}', "X-Mailer: me")
    assert asked.options.drop_fields == ("x-mailer",)


def test_a_flood_of_headers_is_told_briefly() -> None:
    asked = read(*["X-Red-A: {}"] * 2000)
    assert len(asked.options.seen) == 301
    assert asked.options.drop_fields == ("x-red-a",)
    long = read('X-Red-A: {"batch_id": "' + "x" * 5000 + '"}')
    assert len(long.options.seen[0].value) == 501


# -- recipients --------------------------------------------------------------------------------------------


def addresses(asked: Asked) -> list[str]:
    return [each.address for each in asked.recipients]


def test_sg01_named_recipients_take_the_place_of_an_only_rcpt() -> None:
    placeholder = [Recipient("you@shop.test", "shop.test", "NEVER", "rfc822;x")]
    asked = read('X-Red-A: {"people": ["Bea <b@x.test>", "<c@x.test>", "d@x.test"]}', to=placeholder)
    assert addresses(asked) == ["b@x.test", "c@x.test", "d@x.test"]
    assert [each.options.name for each in asked.recipients] == ["Bea", "", ""]
    assert [each.options.values for each in asked.recipients] == [("B",), ("<",), ("d",)]
    assert {(each.notify, each.orcpt) for each in asked.recipients} == {("NEVER", "")}
    assert not asked.options.to_each, "the reader says whether each sees only itself"


def test_sg01_of_several_rcpts_those_not_named_get_the_letter_too() -> None:
    to = [*envelope("plain@x.test", "Both@x.test"), Recipient("late@x.test", "x.test", "FAILURE", "rfc822;l")]
    asked = read('X-Red-A: {"people": ["both@X.test", "new@x.test", "late@x.test"]}', to=to)
    assert addresses(asked) == ["both@x.test", "new@x.test", "late@x.test", "plain@x.test"]
    assert [bool(each.options.values) for each in asked.recipients] == [True, True, True, False]
    assert (asked.recipients[2].notify, asked.recipients[2].orcpt) == ("FAILURE", "rfc822;l")
    assert [each.value for each in asked.options.seen if each.is_warning] == ["plain@x.test"]


ENTRIES: dict[str, tuple[str, str, str]] = {
    "bare": ("a@x.test", "a@x.test", ""),
    "in brackets": ("<a@x.test>", "a@x.test", ""),
    "spaces around": ("  a@X.test ", "a@x.test", ""),
    "a name": ("Ann Lee <a@x.test>", "a@x.test", "Ann Lee"),
    "a quoted name": ('"Lee, Ann" <a@x.test>', "a@x.test", "Lee, Ann"),
    "a comma without quotes": ("Lee, Ann <a@x.test>", "a@x.test", "Lee, Ann"),
    "a dot without quotes": ("Ann P. Lee <a@x.test>", "a@x.test", "Ann P. Lee"),
    "letters": ("Änne <a@x.test>", "a@x.test", "Änne"),
    "an encoded word": ("=?utf-8?q?=C3=84nne?= <a@x.test>", "a@x.test", "Änne"),
    "an international domain": ("a@bücher.test", "a@xn--bcher-kva.test", ""),
}


@pytest.mark.parametrize(("entry", "address", "name"), ENTRIES.values(), ids=ENTRIES.keys())
def test_an_entry_is_one_address(entry: str, address: str, name: str) -> None:
    [found] = read("X-Red-A: " + json.dumps({"people": [entry]})).recipients
    assert (found.address, found.domain, found.options.name, found.drop_reason) == (
        address,
        address.rpartition("@")[2],
        name,
        "",
    )


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "nobody",
        "a@",
        "@x.test",
        "a@b@x.test",
        "a@x.test, b@x.test",
        "a b@x.test",
        "a@localhost",
        "<a@x|y>",
    ],
)
def test_an_entry_that_is_no_address_concerns_itself_alone(entry: str) -> None:
    asked = read("X-Red-A: " + json.dumps({"people": ["ok@x.test", entry]}))
    good, bad = asked.recipients
    assert not good.drop_reason and bad.drop_reason == "invalid-address"
    assert bad.address and bad.domain == "invalid" and "|" not in bad.domain


def test_values_by_the_place_of_rcpt() -> None:
    asked = read('X-Red-A: {"by_place": ["one"]}', to=envelope("a@x.test", "b@x.test"))
    assert [each.options.values for each in asked.recipients] == [("one",), ()]
    assert asked.recipients[1].options == NOBODY_SPECIAL


def test_mg18_variables_make_a_batch() -> None:
    asked = read(
        'X-Red-A: {"variables": {"a@x.test": {"first": "Ann"}}}', to=envelope("A@x.test", "b@x.test")
    )
    assert [each.options.variables for each in asked.recipients] == [{"first": "Ann"}, {}]
    assert asked.options.to_each and asked.options.percent


def test_mg18_even_without_a_single_variable() -> None:
    asked = read('X-Blue-A: {"variables": {}}', own=BLUE)
    assert asked.options.to_each and asked.recipients[0].options == NOBODY_SPECIAL


def test_mg22_own_data_may_name_the_recipients_values() -> None:
    metadata = {
        "id": "%recipient.id%",
        "who": "to %recipient_email%",
        "gone": "%recipient.gone%",
        "or": "%recipient.gone|none%",
        "on": "%recipient.on%",
        "n": 7,
    }
    asked = read(
        "X-Red-A: " + json.dumps({"variables": {"a@x.test": {"id": 12, "on": True}}, "metadata": metadata}),
        to=envelope("a@x.test"),
    )
    assert asked.recipients[0].options.metadata == {
        "id": "12",
        "who": "to a@x.test",
        "gone": "%recipient.gone%",
        "or": "none",
        "on": "true",
        "n": 7,
    }
    assert asked.options.metadata == metadata


def test_own_data_without_such_names_is_the_messages() -> None:
    asked = read('X-Red-A: {"variables": {"ann@good.test": {"id": 1}}, "metadata": {"k": "100%"}}')
    assert asked.recipients[0].options.metadata is None


def test_one_service_names_recipients_and_another_their_variables() -> None:
    asked = read('X-Red-A: {"people": ["b@x.test"]}', 'X-Blue-A: {"variables": {"b@x.test": {"k": "v"}}}')
    [found] = asked.recipients
    assert found.options.values == ("b",) and found.options.variables == {"k": "v"}


def test_only_one_list_of_recipients_counts() -> None:
    asked = read('X-Blue-A: {"people": ["blue@x.test"]}', 'X-Red-A: {"people": ["red@x.test"]}')
    assert addresses(asked) == ["red@x.test"]
    assert "a second list of recipients was not used" in warnings(asked)


def test_sg09_a_blind_copy_of_every_mail() -> None:
    asked = read(
        'X-Red-A: {"people": ["a@x.test", "bad", "b@x.test"], "blind_copies": ["Boss <boss@x.test>", "no"]}'
    )
    assert addresses(asked) == ["a@x.test", "bad", "b@x.test", "boss@x.test", "boss@x.test"]
    copies = asked.recipients[3:]
    assert [each.options.copy_of for each in copies] == ["a@x.test", "b@x.test"]
    assert [each.options.values for each in copies] == [("a",), ("b",)]
    assert len(warnings(asked)) == 1 and asked.options.blind_copies == ()


def test_blind_copies_are_bounded() -> None:
    copies = [f"b{number}@x.test" for number in range(40)]
    asked = read("X-Red-A: " + json.dumps({"blind_copies": copies}))
    assert len(asked.recipients) == 11 and len(warnings(asked)) == 1


# -- for any input -----------------------------------------------------------------------------------------

_words = st.text(max_size=20)
_wishes = st.fixed_dictionaries(
    {},
    optional={
        "tags": st.lists(_words, max_size=3),
        "metadata": st.dictionaries(_words, _words | st.integers(), max_size=3),
        "people": st.lists(_words | st.emails(), max_size=4),
        "variables": st.dictionaries(st.emails(), st.dictionaries(_words, _words, max_size=2), max_size=2),
        "blind_copies": st.lists(_words | st.emails(), max_size=2),
        "batch_id": _words,
    },
)


@given(st.lists(st.tuples(st.sampled_from(["Red", "Blue"]), _wishes), max_size=3))
def test_whatever_is_asked_can_be_stored(said: list[tuple[str, dict[str, Any]]]) -> None:
    headers = [f"X-{name}-A: {json.dumps(wishes)}" for name, wishes in said]
    asked = read(*headers)
    assert asked.recipients
    assert read_options(options_text(asked.options)) == asked.options
    for recipient in asked.recipients:
        assert recipient.address and recipient.domain and "|" not in recipient.domain
        assert recipient.address.isprintable()
