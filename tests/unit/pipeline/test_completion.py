"""Before acceptance: stored templates become the body, and recipients get their hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from posthouse.mail.letter import parse
from posthouse.mail.parts import text_parts
from posthouse.mail.transfer import decode
from posthouse.mail.words import decode_words
from posthouse.model.errors import Refused
from posthouse.model.event import Event, EventKind
from posthouse.model.options import RecipientOptions, SendOptions
from posthouse.pipeline.templated import with_template
from posthouse.store import contacts, events, messages, templates
from posthouse.store.engine import each
from posthouse.store.templates import HANDLEBARS, WRAPPER, Template, Version
from unit.pipeline.small_world import Recipient, World, letter, principal

HEAD = b"Received: by us\r\nFrom: me@shop.test\r\n"
PLAIN = HEAD + b"Subject: Hi\r\n\r\nhello\r\n"
BOTH = (
    HEAD + b"Subject: Hi\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
    b"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n<p>=E9</p>\r\n--b--\r\n"
)


@dataclass(frozen=True)
class Told:
    reason: str
    text: str


@dataclass(frozen=True)
class Wish:
    """What a dialect makes of the name of a template."""

    name: str
    version: str = ""
    wants_text: bool = False
    keeps_subject: bool = True
    drops: bool = False

    @property
    def trouble(self) -> Any:
        if self.drops:
            return lambda sentence: Told("invalid-options", sentence)
        return lambda sentence: Refused(554, "5.6.0", sentence)


def version(engine: str = HANDLEBARS, html: str = "", text: str = "", **fields: str) -> Version:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return Version("t1", "v1", True, engine, html, text, named)


def texts(raw: bytes) -> dict[str, str]:
    found = {}
    whole = parse(raw)
    for part in text_parts(whole):
        octets = decode(whole.raw[part.start : part.end], part.transfer)
        assert octets is not None
        found[part.kind] = octets.decode(part.charset or "utf-8").replace("\r\n", "\n").strip()
    return found


def subject(raw: bytes) -> str:
    return decode_words(parse(raw).first(b"subject") or b"")


# -- the letter and the template ---------------------------------------------------------------------------

MERGED: dict[str, tuple[bytes, Version, bool, dict[str, str]]] = {
    "html": (PLAIN, version(html="<p>{{x}}</p>"), False, {"html": "<p>{{x}}</p>"}),
    "html and text": (BOTH, version(html="<p>h</p>", text="t"), False, {"plain": "t", "html": "<p>h</p>"}),
    "text made of html": (
        PLAIN,
        version(html="<p>Hi {{x}}</p><a href='https://x.test'>go</a>"),
        True,
        {
            "plain": "Hi {{x}}\n\ngo (https://x.test)",
            "html": "<p>Hi {{x}}</p><a href='https://x.test'>go</a>",
        },
    ),
    "text alone": (BOTH, version(text="only"), False, {"plain": "only"}),
    "wrapper of both": (
        BOTH,
        version(WRAPPER, "<b><% body %></b>", "[<%body%>]"),
        False,
        {"plain": "[plain]", "html": "<b><p>é</p></b>"},
    ),
    "wrapper of a text": (
        PLAIN,
        version(WRAPPER, "<b><% body %></b>", "[<%body%>]"),
        False,
        {"plain": "[hello]"},
    ),
    "wrapper without text": (
        BOTH,
        version(WRAPPER, "<b><%body%></b>"),
        False,
        {"plain": "plain", "html": "<b><p>é</p></b>"},
    ),
    "wrapper of nothing": (
        HEAD + b"Subject: Hi\r\n\r\n",
        version(WRAPPER, "<b>-<%body%>-</b>", "t"),
        False,
        {"plain": "t", "html": "<b>--</b>"},
    ),
    "wrapper without a tag": (
        BOTH,
        version(WRAPPER, "<b>x</b>"),
        False,
        {"plain": "plain", "html": "<b>x</b>"},
    ),
}


@pytest.mark.parametrize(("raw", "stored", "wants_text", "expected"), MERGED.values(), ids=MERGED.keys())
def test_texts(raw: bytes, stored: Version, wants_text: bool, expected: dict[str, str]) -> None:
    """MG-19, SG-09 (templates)."""
    made = with_template(raw, stored, wants_text=wants_text)
    assert texts(made) == expected
    assert made.startswith(b"Received: by us\r\n")


def test_fields_stand_in_only_where_the_letter_has_none() -> None:
    stored = version(html="x", Subject="Grüße {{x}}", Reply_To="help@shop.test", From="boss@shop.test")
    made = parse(with_template(HEAD + b"\r\nx\r\n", stored, wants_text=False))
    assert subject(made.raw) == "Grüße {{x}}"
    assert made.first(b"reply-to") == b"help@shop.test"
    assert made.all(b"from") == [b"me@shop.test"]
    assert subject(with_template(PLAIN, stored, wants_text=False)) == "Hi"


def test_a_wrapper_encloses_the_subject() -> None:
    made = with_template(PLAIN, version(WRAPPER, "x", Subject="[Shop] <% subject %>"), wants_text=False)
    assert parse(made).all(b"subject") == [b"[Shop] Hi"]


@pytest.mark.parametrize("evil", ["a\r\nBcc: x@y", "a\nb", "\x00", "é" * 3000, "=?utf-8?q?x?=", "\ud800"])
def test_stored_fields_cannot_add_lines(evil: str) -> None:
    """S4."""
    made = with_template(HEAD + b"\r\nx\r\n", version(html="x", Subject=evil), wants_text=False)
    names = [field.name for field in parse(made).fields]
    assert names.count(b"subject") <= 1 and b"bcc" not in names
    assert max(map(len, made.split(b"\r\n"))) <= 998


# -- in the life of a letter -------------------------------------------------------------------------------


async def stored(world: World, made: Version) -> None:
    about = Template("t1", "acc", "shop.test", "welcome", "", 1.0)
    await world.store.write(each(templates.add_template), (about,))
    await world.store.write(each(templates.add_version), (made,))


async def test_a_template_becomes_the_body(world: World) -> None:
    await stored(world, version(html="<p>{{name}}</p>", Subject="For {{name}}"))
    people = [Recipient("ann@good.test", "good.test", options=RecipientOptions(variables={"name": "Ann"}))]
    raw = b"Received: by us\r\nFrom: me@shop.test\r\n\r\nold\r\n"
    later = world.clock.now() + 60  # B's part renders it: here only what is stored counts
    message_id = await world.accept(
        people=people, raw=raw, template=Wish("Welcome", "V1"), options=SendOptions(deliver_at=later)
    )
    found = await world.store.read(messages.load_many, [message_id])
    message, content = found[message_id]
    assert (message.options.is_template, message.options.template_name) == (True, "welcome")
    assert texts(content) == {"html": "<p>{{name}}</p>"}
    assert (message.subject, message.size_bytes) == ("For Ann", len(content))
    assert world.facts("accepted")[0]["template"] == "welcome"


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (Wish("nothing"), 'template "nothing" not found'),
        (Wish("welcome", "v9"), 'template "welcome" or its version "v9" not found'),
        (Wish("welcome"), 'template "welcome" cannot be rendered: '),
    ],
    ids=["name", "version", "syntax"],
)
async def test_trouble_is_phrased_by_the_dialect(world: World, wish: Wish, sentence: str) -> None:
    """MG-19, MG-20."""
    await stored(world, version(html="{{#if x}}"))
    with pytest.raises(Refused) as caught:
        await world.accept(template=wish)
    assert caught.value.text.startswith(sentence)
    assert world.rows() == []


async def test_or_the_letter_is_dropped_with_a_notice(world: World) -> None:
    """SG-10."""
    await world.accept(template=Wish("nothing", drops=True))
    (fact,) = world.facts("dropped")
    assert (fact["reason"], fact["text"]) == ("invalid-options", 'template "nothing" not found')
    assert world.states() == {"dropped": 1, "waiting": 1}


async def test_a_wrapper_is_merged_at_once(world: World) -> None:
    await stored(world, version(WRAPPER, "<b><%body%></b>", "[<%body%>]"))
    await world.accept(template=Wish("welcome"))
    await world.at_rest()
    assert texts(world.courier.contents[0]) == {"plain": "[hello]"}


async def test_the_store_is_away(world: World) -> None:
    """F20."""
    await world.store.close()
    error: list[Any] = []
    world.intake.accept(
        letter(world.ids), principal(), lambda _, problem: error.append(problem), Wish("welcome")
    )
    await _until(error)
    assert error[0].code == 451


async def _until(found: list[Any]) -> None:
    from unit.pipeline.small_world import until

    await until(lambda: found)


# -- hours -------------------------------------------------------------------------------------------------


async def engaged(world: World, address: str, hours: list[int], zone: str = "") -> None:
    for number, hour in enumerate(hours):
        at = datetime(2023, 11, 10, hour, 30, tzinfo=UTC).timestamp()
        event = Event(
            f"E{number:025d}",
            EventKind.CLICKED,
            at,
            "acc",
            "shop.test",
            "m",
            "m.0",
            address,
            {"time_zone": zone} if zone else {},
        )
        await world.store.write(events.append_each, event)


def due(world: World) -> dict[str, str]:
    return {
        row["recipient"]: datetime.fromtimestamp(row["due_at"], UTC).isoformat()[:16] for row in world.rows()
    }


async def test_each_recipient_at_their_best_hour(world: World) -> None:
    """MG-16; the fake clock says 2023-11-14 22:13:20."""
    await engaged(world, "ann@good.test", [9, 9, 9])
    await world.accept("ann@good.test", "bob@good.test", options=SendOptions(optimise_period_s=86400))
    assert due(world) == {"ann@good.test": "2023-11-15T09:00", "bob@good.test": "2023-11-14T22:13"}
    accepted = world.facts("accepted")
    assert "scheduled_for" in accepted[0] and "scheduled_for" not in accepted[1]


async def test_each_recipient_at_their_local_time(world: World) -> None:
    """MG-17: the zone that somebody noted, else that of the last click; unknown: at once."""
    await world.store.write(each(contacts.set_zone), ("acc", "ann@good.test", "Asia/Tokyo"))
    await engaged(world, "bob@good.test", [9], "Europe/Berlin")
    await world.accept(
        "ann@good.test", "bob@good.test", "eve@good.test", options=SendOptions(local_time="09:00")
    )
    assert due(world) == {
        "ann@good.test": "2023-11-15T00:00",
        "bob@good.test": "2023-11-15T08:00",
        "eve@good.test": "2023-11-14T22:13",
    }


async def test_hours_count_from_the_scheduled_time(world: World) -> None:
    await engaged(world, "ann@good.test", [9, 9, 9])
    at = datetime(2023, 11, 16, 12, 0, tzinfo=UTC).timestamp()
    await world.accept(options=SendOptions(optimise_period_s=86400, deliver_at=at))
    assert due(world) == {"ann@good.test": "2023-11-17T09:00"}
