"""Lists as files on both engines: what goes out comes in again, and any bytes are read or told."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posthouse.desk.suppression_files import (
    STEP_ROWS,
    BadLine,
    Summary,
    Wanted,
    export_rows,
    import_rows,
    purge_rows,
)
from posthouse.desk.suppressions import Place
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import suppressions
from posthouse.store.connection import Connection
from posthouse.store.suppressions import SuppressionQuery
from store.letters import NOW

BOUNCE, UNSUBSCRIBE = SuppressionKind.BOUNCE, SuppressionKind.UNSUBSCRIBE
WANTED = Wanted("acc", Place(), NOW, frozenset({"shop.test"}), frozenset({"group:7"}))


def bring_in(
    conn: Connection, content: bytes, wanted: Wanted = WANTED, *, is_dry: bool = False
) -> tuple[Summary, list[BadLine]]:
    told: list[BadLine] = []
    stream = io.BufferedReader(io.BytesIO(content))  # type: ignore[type-var]
    summary = import_rows(
        conn, stream, wanted, is_dry=is_dry, told=told.append, advanced=lambda summary: None
    )
    return summary, told


def take_out(conn: Connection, account_id: str = "acc") -> bytes:
    out = io.StringIO(newline="")
    export_rows(conn, SuppressionQuery(account_id), out, lambda rows: None)
    return out.getvalue().encode()


def rows_of(conn: Connection, account_id: str = "acc") -> list[Suppression]:
    return suppressions.listing(conn, SuppressionQuery(account_id, limit=100_000))


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda text: text.encode(),
    "with a byte order mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16, the other way round": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-16 without a mark": lambda text: text.encode("utf-16-le"),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_every_usual_encoding_is_read(conn: Connection, encode: Callable[[str], bytes]) -> None:
    content = encode("email;reason\r\nann@x.test;Gibt's nicht: größer\r\n")
    summary, told = bring_in(conn, content, replace(WANTED, where=Place(BOUNCE, "shop.test")))
    assert (summary.written, told) == (1, [])
    (row,) = rows_of(conn)
    assert row == Suppression("acc", "ann@x.test", BOUNCE, "shop.test", "", NOW, "Gibt's nicht: größer")


def test_more_rows_than_a_transaction_and_again(conn: Connection) -> None:
    lines = "".join(f"u{number}@x.test,550,gone,2026-03-26\n" for number in range(STEP_ROWS + 10))
    content = f"address,code,error,created_at\n{lines}".encode()
    assert bring_in(conn, content, is_dry=True)[0].written == STEP_ROWS + 10
    assert rows_of(conn) == []
    for _ in range(2):
        summary, told = bring_in(conn, content)
        assert (summary.rows, summary.written, told) == (STEP_ROWS + 10, STEP_ROWS + 10, [])
        assert len(rows_of(conn)) == STEP_ROWS + 10


def test_tags_become_rows_and_groups_belong_to_the_account(conn: Connection) -> None:
    bring_in(conn, b'address,tags\nann@x.test,"news,offers"\nbob@x.test,*\n')
    bring_in(conn, b"email,group_id\ncid@x.test,7\n", replace(WANTED, where=Place(UNSUBSCRIBE, "shop.test")))
    assert [(row.address, row.domain, row.scope) for row in rows_of(conn)] == [
        ("ann@x.test", "", "tag:news"),
        ("ann@x.test", "", "tag:offers"),
        ("bob@x.test", "", ""),
        ("cid@x.test", "", "group:7"),
    ]


BAD = {
    "address": (b"nobody,bounce,,\n", "not an address"),
    "sending domain": (b"a@x.test,bounce,other.test,\n", "there is no domain other.test here"),
    "group": (b"a@x.test,unsubscribe,,group:8\n", "there is no group 8 here"),
    "scope of a bounce": (b"a@x.test,bounce,,tag:x\n", "only unsubscribes"),
    "no kind": (b"a@x.test,,,\n", "which list"),
    "not UTF-8": (b"\xff\xe4@x.test,bounce,,\n", "not in UTF-8"),
}


@pytest.mark.parametrize(("line", "sentence"), BAD.values(), ids=BAD.keys())
def test_a_bad_line_is_told_and_the_next_one_is_taken(conn: Connection, line: bytes, sentence: str) -> None:
    content = b"address,kind,domain,scope\n" + line + b"ok@x.test,bounce,,\n"
    summary, (told,) = bring_in(conn, content)
    assert (summary.bad, summary.written, told.line) == (1, 1, 2)
    assert sentence in told.text
    assert [row.address for row in rows_of(conn)] == ["ok@x.test"]


_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=30)
_ROWS = st.builds(
    Suppression,
    account_id=st.just("acc"),
    address=st.from_regex(r"[a-z0-9]{1,10}@[a-z]{1,8}\.test", fullmatch=True),
    kind=st.just(UNSUBSCRIBE),
    domain=st.sampled_from(["", "shop.test"]),
    scope=st.sampled_from(["", "tag:news", "tag:a;b", 'tag:"x",']),
    at=st.integers(0, 1_700_000_000).map(float),
    detail=st.lists(_WORDS.filter(bool), max_size=4).map(" ".join),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(_ROWS, max_size=8))
def test_what_goes_out_comes_in_again(conn: Connection, rows: list[Suppression]) -> None:
    suppressions.drop(conn, rows_of(conn))
    suppressions.add(conn, rows)
    before, content = rows_of(conn), take_out(conn)
    suppressions.drop(conn, before)
    assert rows_of(conn) == []
    summary, told = bring_in(conn, content)
    assert (summary.written, told) == (len(before), [])
    assert rows_of(conn) == before


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=300) | st.text(alphabet='a@x.,;"\t\r\n\0é').map(str.encode))
def test_any_bytes_are_read_or_told(conn: Connection, content: bytes) -> None:
    bring_in(conn, b"email,created\n" + content, replace(WANTED, where=Place(SuppressionKind.INVALID)))


def test_purging_spares_what_was_renewed_meanwhile(conn: Connection) -> None:
    old = [Suppression("acc", f"u{n}@x.test", BOUNCE, "", "", NOW - 100, "550") for n in range(3)]
    suppressions.add(conn, old)
    suppressions.add(conn, [replace(old[1], at=NOW)])
    suppressions.drop(conn, old)
    assert rows_of(conn) == [replace(old[1], at=NOW)]
    assert purge_rows(conn, SuppressionQuery("acc", until=NOW)) == 0
    assert purge_rows(conn, SuppressionQuery("acc", until=NOW + 1)) == 1
