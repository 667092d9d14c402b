"""What every dialect must keep. A subclass of `DialectRules` gives the fixture `dialect`.

A new service starts with these red and ends with them green (docs/adding-a-dialect.md).

Public: DialectRules.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posthouse.dialects.dialect import Context, Dialect, Header, Wishes
from posthouse.dialects.reading import OptionReader, Sending
from posthouse.dialects.table import DIALECTS
from posthouse.doors.refusals import refusal_reply
from posthouse.mail.letter import parse
from posthouse.model.account import ACCOUNT_DEFAULTS, DEFAULTS, AccountSettings
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused, TryLater
from posthouse.model.message import Recipient
from posthouse.model.options import PLAIN, SendOptions, options_text, read_options

SOURCE = Path(__file__).parents[3] / "src" / "posthouse"
RECIPIENTS = ("ann@good.test", "bob@good.test")
CONTEXT = Context(now=1_700_000_000.0, recipients=RECIPIENTS, domain="shop.test", is_own=True)
BAD_LOGINS = (
    ("apikey", "SG.hidden.hidden"),
    ("app@shop.test", "hidden-word"),
    ("hidden-token", "hidden-token"),
    ("", ""),
    ("x\r\n250 hidden", "hidden\r\n"),
)
# Said by the engine itself; the HTTP doors will phrase them by the same tables.
ENGINE_REASONS = {"too-big", "too-many-recipients"}
TOO_WIDE = ("x-", "content-", "list-", "received", "from", "to", "subject", "date", "message-id")
VALUES = (
    "",
    " yes",
    " no",
    " 1",
    " maybe",
    " {}",
    " []",
    ' {"a": "b"}',
    ' {"to": "b@x.test"}',
    " {",
    " Fri, 21 Nov 2025 10:00:00 +0000",
    " =?utf-8?q?=C3=A4?=",
    " a,\r\n b",
    " \x00\r\n\t\x7f",
)
# Nothing in a rule is shared between inputs, so one dialect may serve them all.
any_input = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@functools.cache
def known_reasons() -> frozenset[str]:
    """Every `reason` that some refusal of ours gives."""
    found: set[str] = set(ENGINE_REASONS)
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                found |= {
                    keyword.value.value
                    for keyword in node.keywords
                    if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant)
                }
    return frozenset(found)


def header(name: str, value: str | bytes) -> Header:
    raw = value if isinstance(value, bytes) else value.encode("utf-8")
    return Header(name.lower(), name, raw)


def options_of(wishes: Wishes) -> SendOptions:
    """Raises TypeError for a field that there is not."""
    return msgspec.structs.replace(PLAIN, **wishes.values)


def wishes_or_refusal(
    dialect: Dialect, headers: Sequence[Header], context: Context = CONTEXT
) -> Wishes | None:
    """What `read` says; the only error it may raise is Refused."""
    try:
        return dialect.read(headers, context)
    except Refused as refused:
        assert 500 <= refused.code < 600 and refused.text.isprintable() and refused.text
        return None


class DialectRules:
    # -- the session ------------------------------------------------------------

    def test_its_replies_have_the_codes_of_the_protocol(self, dialect: Dialect) -> None:
        words = dialect.words
        replies = (words.signed_in, words.sender_ok, words.recipient_ok, words.go_on)
        assert [reply.code for reply in replies] == [235, 250, 250, 354]
        assert words.too_many_messages.code == words.too_many_connections("192.0.2.7").code == 421
        assert "192.0.2.7" in str(words.too_many_connections("192.0.2.7"))

    def test_it_acknowledges_every_message(self, dialect: Dialect) -> None:
        ids = Ids(FakeClock())
        said = [dialect.words.queued(ids.new()) for _ in range(3)]
        assert {reply.code for reply in said} == {250}
        assert all(reply.wire.count(b"\r\n") == 1 for reply in said)

    @pytest.mark.parametrize(("user", "password"), BAD_LOGINS)
    def test_a_failed_sign_in_tells_nothing(self, dialect: Dialect, user: str, password: str) -> None:
        reply = dialect.words.bad_login(user, password)
        assert reply.code == 535 and b"hidden" not in reply.wire

    def test_enhanced_codes_are_in_all_replies_or_in_none(self, dialect: Dialect) -> None:
        words = dialect.words
        said = [words.signed_in, words.sender_ok, words.recipient_ok, words.go_on, words.too_many_messages]
        said += [words.queued(Ids(FakeClock()).new()), words.too_many_connections("192.0.2.7")]
        said += [words.bad_login("a", "b")]
        if not words.has_enhanced_codes:
            assert {reply.enhanced for reply in said} == {""}
        for reply in said:
            assert reply.enhanced == "" or reply.enhanced[0] == str(reply.code)[0]

    def test_it_phrases_refusals_that_exist(self, dialect: Dialect) -> None:
        assert set(dialect.words.refusals) <= known_reasons()

    def test_a_refusal_stays_one(self, dialect: Dialect) -> None:
        """Temporary trouble must not become a bounce, nor a refusal an endless retry (RFC 5321 4.2.1)."""
        for reason in sorted(known_reasons()):
            later = refusal_reply(TryLater(452, "4.3.1", "why {domain}", reason=reason), dialect.words)
            never = refusal_reply(Refused(550, "5.7.1", "why", reason=reason), dialect.words, "shop.test")
            said = dialect.words.refusals.get(reason)
            if said is None or not said.code:
                assert (later.code, never.code) == (452, 550)
            for reply in (later, never):
                assert reply.code >= 400 and b"{text}" not in reply.wire
            assert b"{domain}" not in never.wire

    def test_its_limits_make_sense(self, dialect: Dialect) -> None:
        limits = dialect.words.limits
        assert limits.messages_per_connection >= 0 and limits.connections_per_address >= 0

    # -- names ------------------------------------------------------------

    def test_its_prefixes_are_its_own(self, dialect: Dialect) -> None:
        assert re.fullmatch(r"[a-z]+", dialect.name) and dialect.prefixes
        others = [each for name, each in DIALECTS.items() if name != dialect.name]
        for prefix in dialect.prefixes:
            assert re.fullmatch(r"[a-z0-9-]{4,}", prefix)
            assert not any(wide.startswith(prefix) for wide in TOO_WIDE)
            for theirs in [each for other in others for each in other.prefixes]:
                assert not prefix.startswith(theirs) and not theirs.startswith(prefix)

    def test_its_defaults_are_options(self, dialect: Dialect) -> None:
        options = SendOptions(**dialect.defaults)
        assert read_options(options_text(options)) == options

    def test_a_rebuilt_letter_can_be_read(self, dialect: Dialect) -> None:
        needed = {"from", "to", "cc", "subject", "mime-version", "content-type", "content-transfer-encoding"}
        assert not dialect.rebuilds or needed <= dialect.rebuilds
        assert all(name == name.lower() for name in dialect.rebuilds)

    # -- option headers ------------------------------------------------------------

    def test_nothing_is_said_about_nothing(self, dialect: Dialect) -> None:
        """But what holds for all its own mail may be repeated."""
        said = dialect.read([], CONTEXT)
        assert said.values.items() <= dialect.defaults.items()
        assert replace(said, values={}, sources={}) == Wishes()
        assert dialect.read([], msgspec.structs.replace(CONTEXT, is_own=False)) == Wishes()

    @pytest.mark.parametrize("value", VALUES)
    def test_no_header_is_swallowed(self, dialect: Dialect, value: str) -> None:
        """An option is effective or explained: every header is seen, or the letter refused."""
        for prefix in dialect.prefixes:
            name = prefix + ("nonsense" if prefix.endswith("-") else "")
            wishes = wishes_or_refusal(dialect, [header(name, value)])
            if wishes is not None and wishes.rejection is None:
                assert name in {seen.header.lower() for seen in wishes.seen}

    @any_input
    @given(data=st.data())
    def test_any_octets_make_wishes_or_a_refusal(self, dialect: Dialect, data: st.DataObject) -> None:
        names = st.sampled_from(sorted(_names(dialect)))
        raw = st.binary(max_size=200) | st.sampled_from([value.encode() for value in VALUES])
        headers = [header(*pair) for pair in data.draw(st.lists(st.tuples(names, raw), max_size=4))]
        context = msgspec.structs.replace(CONTEXT, is_own=data.draw(st.booleans()))
        wishes = wishes_or_refusal(dialect, headers, context)
        if wishes is not None:
            options = options_of(wishes)
            assert read_options(options_text(options)) == options
            assert all(each.startswith(dialect.prefixes) for each in wishes.keep)
            assert wishes.values.keys() >= wishes.sources.keys() or not wishes.sources

    @pytest.mark.parametrize("value", VALUES)
    def test_reading_twice_says_the_same(self, dialect: Dialect, value: str) -> None:
        """A reader remembers nothing."""
        headers = [header(name, value) for name in sorted(_names(dialect))]
        once, again = (wishes_or_refusal(dialect, headers) for _ in range(2))
        assert (once and once.values, once and once.seen) == (again and again.values, again and again.seen)

    def test_its_fields_are_not_delivered(self, dialect: Dialect) -> None:
        table = {**DIALECTS, dialect.name: dialect}
        reader = OptionReader(table, Nothing())
        for name in sorted(_names(dialect)):
            letter = parse(f"{name.title()}: x\r\nFrom: a@shop.test\r\nTo: b@x.test\r\n\r\n".encode())
            for own in table.values():
                sending = Sending(own, "acc", "shop.test", DEFAULTS, 1.0)
                try:
                    asked = reader.read(letter, [Recipient("ann@good.test", "good.test")], sending)
                except Refused:
                    continue
                kept = dialect.read([header(name, " x")], CONTEXT).keep
                assert (name in asked.options.drop_fields) != (name in kept)

    # -- containers ------------------------------------------------------------

    def test_an_ordinary_letter_is_no_container(self, dialect: Dialect) -> None:
        letter = parse(b"From: a@shop.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n")
        assert dialect.unwrap is None or dialect.unwrap(letter) is None

    @any_input
    @given(head=st.binary(max_size=60), body=st.binary(max_size=100))
    def test_unwrapping_any_octets(self, dialect: Dialect, head: bytes, body: bytes) -> None:
        if dialect.unwrap is None:
            return
        kind = f"Content-Type: multipart/{dialect.name}-variables; boundary=x\r\n".encode()
        try:
            dialect.unwrap(parse(kind + head + b"\r\n\r\n--x\r\n" + body + b"\r\n--x--\r\n"))
        except Refused as refused:
            assert 500 <= refused.code < 600


def _names(dialect: Dialect) -> set[str]:
    """Header names to try: the prefixes with made-up ends, and every name of these in the dialect's own
    modules."""
    found = {prefix + ("nonsense" if prefix.endswith("-") else "") for prefix in dialect.prefixes}
    folder = SOURCE / "dialects" / dialect.name
    text = " ".join([path.read_text().lower() for path in folder.glob("*.py")])
    for prefix in dialect.prefixes:
        found |= set(re.findall(rf'"({re.escape(prefix)}[a-z0-9-]*)"', text))
    return {name for name in found if not name.endswith("-")}


class Nothing:
    """An account that has nothing."""

    def account_settings(self, _: str) -> AccountSettings:
        return ACCOUNT_DEFAULTS

    def groups_of(self, _: str) -> frozenset[int]:
        return frozenset()

    def owns_ip(self, *_: str) -> bool:
        return False

    def pool_sources(self, *_: str) -> None:
        return None

    def key_of(self, *_: str) -> None:
        return None
