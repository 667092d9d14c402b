"""What a sender asked for stays with the letter, and costs nothing when nothing was asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posthouse.model.options import (
    NOBODY_SPECIAL,
    PLAIN,
    LinkTag,
    RecipientOptions,
    Seen,
    SendOptions,
    options_text,
    read_recipient_options,
)
from posthouse.store import messages, queue
from posthouse.store.connection import Connection
from store.letters import letter

FULL = SendOptions(
    tags=("a", "ü\0"),
    metadata={"k": {"n": [1, None, "x"]}},
    batch_id="b-1",
    track_opens=False,
    utm=(("utm_source", "s"),),
    links=(LinkTag("[u]", "unsubscribe"),),
    dkim_second=("other.test", "s1"),
    deliver_at=1_700_000_000.5,
    seen=(Seen("X-Tag", "a", "tag a", is_warning=True),),
)


@pytest.mark.parametrize("options", [PLAIN, FULL], ids=["nothing", "much"])
def test_options_come_back(conn: Connection, options: SendOptions) -> None:
    made = letter("ann@one.test")
    made.message.options, made.message.batch_id = options, options.batch_id
    with conn.transaction():
        messages.add_accepted(conn, [made])
    found = messages.load_message(conn, made.message.id)
    assert found == made.message
    many = messages.load_many(conn, [made.message.id])
    assert many[made.message.id] == (made.message, made.content)


@pytest.mark.parametrize(
    "options",
    [NOBODY_SPECIAL, RecipientOptions(name="Änn\0", values=("1", ""), variables={"a": [1]}, metadata={})],
    ids=["nothing", "much"],
)
def test_what_one_recipient_has_comes_back(conn: Connection, options: RecipientOptions) -> None:
    made = letter("ann@one.test", "bob@two.test")
    made.deliveries[1] = replace(made.deliveries[1], personal=options_text(options))
    with conn.transaction():
        messages.add_accepted(conn, [made])
    found = queue.deliveries_of(conn, made.message.id)
    assert [read_recipient_options(each.personal) for each in found] == [NOBODY_SPECIAL, options]


def test_ordinary_mail_stores_nothing_and_stays_out_of_the_batch_index(conn: Connection) -> None:
    made = letter("ann@one.test")
    with conn.transaction():
        messages.add_accepted(conn, [made])
    assert conn.script("select options, batch_id from message") == [("", "")]
    if conn.engine.name == "sqlite":
        plan = conn.script(
            "explain query plan select id from message where batch_id = 'b' and batch_id != ''"
        )
        assert "message_batch" in str(plan)
