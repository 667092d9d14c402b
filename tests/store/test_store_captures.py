"""Captured copies: one inbox for each application, searched, paged both ways, dropped in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from posthouse.model.account import Credential, CredentialKind, Domain
from posthouse.model.event import Event, EventKind
from posthouse.store import captures, events, identity
from posthouse.store.captures import Capture, CaptureQuery, Inbox
from posthouse.store.connection import Connection
from posthouse.store.messages import add_accepted
from store.letters import NOW, letter


def keep(
    conn: Connection, *recipients: str, account: str = "a1", by: str = "c1", **changes: Any
) -> list[str]:
    """One captured letter to each; their delivery ids."""
    made = []
    tags = changes.pop("tags", ())
    for recipient in recipients:
        item = letter(recipient, account=account)
        item.message = replace(item.message, credential_id=by, **changes)
        (delivery,) = item.deliveries
        with conn.transaction():
            add_accepted(conn, [item])
            if tags:
                at = f"{item.message.id}E"
                told = Event(at, EventKind.STORED, NOW, account, "", item.message.id, "", recipient, {})
                told.data = {"tags": list(tags)}
                events.append(conn, [told])
            captures.add_captures(
                conn,
                [
                    Capture(
                        delivery.id,
                        item.message.id,
                        NOW,
                        "s@x.test",
                        delivery.recipient,
                        b"copy",
                        account,
                        by,
                    )
                ],
            )
        made.append(delivery.id)
    return made


def found(conn: Connection, **asked: Any) -> list[str]:
    return [line.recipient for line in captures.search(conn, CaptureQuery("a1", **asked))]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["c@one.test", "b@two.test", "a@one.test"]),
        ({"recipient": "A@one.test"}, ["a@one.test"]),
        ({"text": "TWO"}, ["b@two.test"]),
        ({"text": "s@x"}, ["c@one.test", "b@two.test", "a@one.test"]),
        ({"text": "100%"}, ["c@one.test"]),
        ({"text": "0%_o"}, []),
        ({"subject": "100%"}, ["c@one.test"]),
        ({"sender": "S@X"}, ["c@one.test", "b@two.test", "a@one.test"]),
        ({"tag": "Blue"}, ["b@two.test"]),
        ({"tag": "blu"}, []),
        ({"credentials": ("c2",)}, ["c@one.test"]),
        ({"credentials": ("c1", "c2"), "text": "one"}, ["c@one.test", "a@one.test"]),
        ({"since": NOW + 1}, []),
        ({"limit": 1}, ["c@one.test"]),
    ],
)
def test_W_03_captured_mail_is_searched(conn: Connection, asked: dict[str, Any], expected: list[str]) -> None:
    keep(conn, "a@one.test")
    keep(conn, "b@two.test", tags=("blue", "red"))
    keep(conn, "c@one.test", by="c2", subject="100% off")
    keep(conn, "d@one.test", account="a2")
    assert found(conn, **asked) == expected


def test_pages_go_both_ways(conn: Connection) -> None:
    ids = keep(conn, *[f"u{number}@x.test" for number in range(4)])
    assert found(conn, before_id=ids[2], limit=1) == ["u1@x.test"]
    assert found(conn, after_id=ids[1], limit=1) == ["u2@x.test"]
    assert found(conn, after_id=ids[3], limit=1) == []


def test_W_03_each_application_has_an_inbox(conn: Connection) -> None:
    with conn.transaction():
        identity.ensure_account(conn, "one", id="a1", now=NOW)
        identity.add_domain(conn, Domain("d1", "a1", "x.test", "us", None, NOW), [])
        for number, revoked in (("c1", NOW), ("c2", None)):
            user = Credential(number, "a1", "d1", CredentialKind.SMTP_USER, "app@x.test", b"", NOW, revoked)
            identity.add_credential(conn, user)
    keep(conn, "a@one.test", "b@one.test", by="c1")
    keep(conn, "c@one.test", by="c2")
    keep(conn, "d@one.test", by="gone")
    keep(conn, "e@one.test", by="")
    keep(conn, "f@one.test", account="a2")
    assert captures.inboxes(conn, "a1") == [
        Inbox("Posthouse", 1, ("",)),
        Inbox("app@x.test", 3, ("c1", "c2")),
        Inbox("key …gone", 1, ("gone",)),
    ]
    assert [line.application for line in captures.search(conn, CaptureQuery("a1", limit=3))] == [
        "Posthouse",
        "key …gone",
        "app@x.test",
    ]
    assert captures.inboxes(conn, "nobody") == []


def test_an_inbox_is_counted_so_far_and_no_further(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(conn, *[f"u{number}@x.test" for number in range(3)])
    monkeypatch.setattr(captures, "_count", captures._count_to(2))
    assert captures.inboxes(conn, "a1")[0].copies == 2


def test_old_copies_go(conn: Connection) -> None:
    ids = keep(conn, *[f"u{number}@x.test" for number in range(3)])
    with conn.transaction():
        assert captures.drop_before(conn, ids[2], 1) == 1
        assert captures.drop_before(conn, ids[2], 5) == 1
    assert found(conn) == ["u2@x.test"]
