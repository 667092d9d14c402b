"""The schema's steps: killed half-way, run twice, run by two at once, newer than the code (F14)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.schema import CreateIndex

from posthouse.model.account import Credential, CredentialKind, Domain
from posthouse.model.options import PLAIN
from posthouse.store import (
    captures,
    events,
    hook_keys,
    identity,
    lane_summaries,
    messages,
    migrations,
    outbox,
    queue,
    tallies,
    tally_names,
)
from posthouse.store.connection import Connection
from posthouse.store.engine import Duplicate, StoreError, connect, migrate, open_store
from posthouse.store.migrations import STEPS, Step, check_schema, migrate_with
from posthouse.store.statement import ddl
from posthouse.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store that was never migrated."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/folder/posthouse.db"
    else:
        yield request.getfixturevalue("postgres_server").fresh_database()


def test_migrating_twice_changes_nothing(empty_url: str) -> None:
    migrate(empty_url)
    migrate(empty_url)
    with connect(empty_url) as conn:
        check_schema(conn)
        assert conn.script("select number from schema_step") == [
            (1,),
            (2,),
            (3,),
            (4,),
            (5,),
            (6,),
            (7,),
            (8,),
        ]


def test_all_tables_of_the_code_are_there(store_url: str, conn: Connection) -> None:
    for table in metadata.sorted_tables:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        assert conn.script(f'select {columns} from "{table.name}" where 1 = 0') == []
        for index in table.indexes:
            with pytest.raises(Exception, match="already exists"):
                conn.script(ddl(CreateIndex(index), conn.engine.name))


OLD_ROWS = (
    "insert into account values ('a1', 'default')",
    "insert into domain values ('d1', 'a1', 'example.test', 'us', 5.0, 4.0)",
    "insert into credential values ('c1', 'a1', 'd1', 'smtp_user', 'app@example.test', {blob}, 3.0, null)",
    "insert into credential values ('c0', 'a1', 'd1', 'smtp_user', 'app@example.test', {blob}, 1.0, 2.0)",
    "insert into message values ('m1', 'a1', 'example.test', 'c1', 's@example.test', 'x', '', 3, 5.0, 9.0, "
    "0, 1, '', '')",
    "insert into delivery values ('m1.0', 'm1', 'a1', 'r@r.test', 'r.test', 'r.test|a1|single', 'waiting', "
    "5.0, 9.0, 0, '', '', '', 0, '')",
)
BLOB = {"sqlite": "x'ff00'", "postgresql": "'\\xff00'::bytea"}


def test_a_store_of_the_first_release_is_taken_over_with_its_rows(empty_url: str) -> None:
    with connect(empty_url) as conn:
        migrate_with(conn, STEPS[:1])
        with conn.transaction():
            for text in OLD_ROWS:
                conn.script(text.format(blob=BLOB[conn.engine.name]))
    migrate(empty_url)
    with connect(empty_url) as conn:
        found = identity.find_domain(conn, "example.test")
        assert found == Domain("d1", "a1", "example.test", "us", 5.0, 4.0)
        user = Credential(
            "c1", "a1", "d1", CredentialKind.SMTP_USER, "app@example.test", b"\xff\0", 3.0, None, "mailgun"
        )
        assert identity.list_credentials(conn) == [
            replace(user, id="c0", created_at=1.0, revoked_at=2.0),
            user,
        ]
        letter = messages.load_message(conn, "m1")
        assert letter is not None
        assert (letter.is_8bit, letter.options, letter.batch_id) == (True, PLAIN, "")
        assert [each.personal for each in queue.deliveries_of(conn, "m1")] == [""]
        with pytest.raises(Duplicate), conn.transaction():
            identity.add_credential(conn, replace(user, id="c2"))
        with conn.transaction():
            identity.remove_domain(conn, "example.test")
        assert identity.list_credentials(conn) == []


def test_events_of_earlier_releases_are_found_by_their_labels(empty_url: str) -> None:
    with connect(empty_url) as conn:
        migrate_with(conn, STEPS[:3])
        with conn.transaction():
            conn.script(
                "insert into event values ('01E', 'delivered', 5.0, 'a1', 'example.test', 'm1', 'm1.0', "
                """'r@r.test', '{"tags":["News"]}')"""
            )
    migrate(empty_url)
    with connect(empty_url) as conn:
        query = events.EventQuery(account_id="a1", tags=("news",), recipient_domain="r.test")
        assert [found.id for found in events.search(conn, query)] == ["01E"]


def test_captured_copies_of_earlier_releases_are_found_in_their_inboxes(empty_url: str) -> None:
    with connect(empty_url) as conn:
        migrate_with(conn, STEPS[:1])
        with conn.transaction():
            for text in OLD_ROWS:
                conn.script(text.format(blob=BLOB[conn.engine.name]))
            blob = BLOB[conn.engine.name]
            for message in ("m1", "gone"):
                conn.script(
                    f"insert into capture values ('{message}.0', '{message}', 5.0, 's@x.test', 'r@r.test', "
                    f"{blob})"
                )
    migrate(empty_url)
    with connect(empty_url) as conn:
        assert captures.inboxes(conn, "a1") == [captures.Inbox("app@example.test", 1, ("c1",))]
        assert [line.delivery_id for line in captures.search(conn, captures.CaptureQuery(""))] == [
            "m1.0",
            "gone.0",
        ]


def test_hook_keys_of_earlier_releases_stay_and_can_be_followed_by_others(empty_url: str) -> None:
    with connect(empty_url) as conn:
        migrate_with(conn, STEPS[:6])
        blob = BLOB[conn.engine.name]
        with conn.transaction():
            conn.script("insert into account values ('a1', 'default', 4.0, '')")
            row = f"'k1', 'a1', '', 'native', 'standard-webhooks', {blob}, '', 5.0"
            conn.script(f"insert into hook_key values ({row})")
    migrate(empty_url)
    with connect(empty_url) as conn:
        key = hook_keys.find_hook_key(conn, "a1", "", "native")
        assert key is not None and (key.id, key.ends_at) == ("k1", 0.0)
        with pytest.raises(Duplicate), conn.transaction():
            hook_keys.add_hook_key(conn, replace(key, id="k2"))
        with conn.transaction():
            hook_keys.end_hook_keys(conn, "a1", "", "native", 9.0)
            hook_keys.add_hook_key(conn, replace(key, id="k2"))


def test_lanes_of_earlier_releases_are_named_after_their_accounts_first(empty_url: str) -> None:
    with connect(empty_url) as conn:
        migrate_with(conn, STEPS[:7])
        with conn.transaction():
            for state in ("waiting", "taken", "held", "delivered"):
                conn.script(
                    f"insert into delivery values ('{state}.0', '{state}', 'a1', 'r@r.test', 'r.test', "
                    f"'r.test|a1|batch-scanned', '{state}', 5.0, 9.0, 0, 'w1', '', '', 0, '', '')"
                )
    migrate(empty_url)
    with connect(empty_url) as conn:
        assert [lane.lane for lane in lane_summaries.outline(conn, 6.0, "a1")] == ["a1|r.test|batch-scanned"]
        assert [lane.lane for lane in queue.lanes_due(conn, 6.0, 9)] == ["a1|r.test|batch-scanned"]
        assert {
            each.lane for name in ("waiting", "taken", "held") for each in queue.deliveries_of(conn, name)
        } == {"a1|r.test|batch-scanned"}
        assert [each.lane for each in queue.deliveries_of(conn, "delivered")] == ["r.test|a1|batch-scanned"]


def test_what_was_counted_and_what_was_not_yet_go_on(empty_url: str) -> None:
    first = 20_000 * 24
    counted = ((first, "s.test", 7), (first + 1, "s.test", 2), (first + 24, "s.test", 1), (first, "", 3))
    ids = [f"E{number:03}" for number in range(150)]
    with connect(empty_url) as conn:
        migrate_with(conn, STEPS[:3])
        with conn.transaction():
            for hour, domain, count in counted:
                conn.script(f"insert into counter values ({hour}, 'a1', '{domain}', 'delivered', {count})")
            for event_id in ids:
                conn.script(f"insert into event_todo values ('counters', '{event_id}')")
    migrate(empty_url)
    with connect(empty_url) as conn:
        found = [tallies.of_spans(conn, span, 0, 10**6) for span in ("day", "hour")]
        with conn.transaction():
            assert sorted(outbox.take(conn, 9)) == ids
        assert [name.name for name in tally_names.list_names(conn, "a1", "domain")] == ["s.test"]
    account, domain = ("a1", "account", ""), ("a1", "domain", "s.test")
    assert found == [
        {
            (*account, "day", 20_000, "delivered"): 12,
            (*account, "day", 20_001, "delivered"): 1,
            (*domain, "day", 20_000, "delivered"): 9,
            (*domain, "day", 20_001, "delivered"): 1,
        },
        {
            (*account, "hour", first, "delivered"): 10,
            (*account, "hour", first + 1, "delivered"): 2,
            (*account, "hour", first + 24, "delivered"): 1,
            (*domain, "hour", first, "delivered"): 7,
            (*domain, "hour", first + 1, "delivered"): 2,
            (*domain, "hour", first + 24, "delivered"): 1,
        },
    ], "events of no domain are counted by account only"


def test_the_first_step_makes_what_the_first_release_made(empty_url: str) -> None:
    with connect(empty_url) as conn:
        migrate_with(conn, STEPS[:1])
        for name, last in (("domain", "created_at"), ("message", "envid"), ("delivery", "last_text")):
            assert conn.script(f"select {last} from {name}") == []
        for name in ("domain.settings", "message.batch_id", "delivery.personal", "credential.dialect"):
            table, _, column = name.partition(".")
            with pytest.raises(Exception, match=column):
                conn.script(f"select {table}.{column} from {table}")


def test_an_unmigrated_store_is_not_opened(empty_url: str) -> None:
    import asyncio

    with asyncio.Runner() as runner, pytest.raises(StoreError, match="not migrated"):
        open_store(empty_url, runner.get_loop())


def test_a_step_that_dies_leaves_nothing_and_the_next_start_goes_on(conn: Connection) -> None:
    def dies(connection: Connection) -> None:
        connection.script("create table half (x integer)")
        raise KeyError("killed")

    def works(connection: Connection) -> None:
        connection.script("create table half (x integer)")

    newest = STEPS[-1].number
    last = Step(newest + 2, "last", lambda connection: None)
    with pytest.raises(KeyError):
        migrate_with(conn, (*STEPS, Step(newest + 1, "next", dies), last))
    with pytest.raises(StoreError, match=f"schema {newest}, this Posthouse needs {newest + 2}"):
        check_schema(conn, (*STEPS, Step(newest + 1, "next", works), last))
    migrate_with(conn, (*STEPS, Step(newest + 1, "next", works), last))
    assert conn.script("select number, name from schema_step order by number")[-2:] == [
        (newest + 1, "next"),
        (newest + 2, "last"),
    ]


def test_a_newer_schema_is_refused_with_a_clear_sentence(store_url: str, conn: Connection) -> None:
    newest = STEPS[-1].number
    migrate_with(conn, (*STEPS, Step(newest + 1, "of tomorrow", lambda connection: None)))
    words = rf"newer Posthouse \(its schema is {newest + 1}, this one knows {newest}\)"
    with pytest.raises(StoreError, match=words):
        migrate(store_url)


def test_two_that_start_at_once_migrate_once(empty_url: str) -> None:
    problems: list[BaseException] = []

    def start() -> None:
        try:
            migrate(empty_url)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    with connect(empty_url) as conn:
        assert sum(queue.counts(conn).values()) == 0
    assert migrations.STEPS[-1].number == len(migrations.STEPS)
