"""The query language of the activity calls: what it reads, what passes, what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.dialects.sendgrid.activity_query import LOGS, MESSAGES, BadQuery, holds, must, read_query

RECORD: dict[str, Any] = {
    **dict.fromkeys(MESSAGES),
    "msg_id": "abc.1",
    "from_email": "shop@shop.test",
    "subject": "Spring Sale 100%",
    "to_email": "Ann@there.test",
    "status": "delivered",
    "events": ["processed", "delivered", "opened"],
    "categories": ["News", "spring"],
    "unique_args": {"order": "17", "who": "o'hara"},
    "clicks": 3,
    "last_event_time": 1_769_860_800.0,  # 2026-01-31T12:00:00Z
}


@pytest.mark.parametrize(
    "query",
    [
        "",
        'to_email="ann@there.test"',
        "to_email = 'ANN@THERE.TEST'",
        'status!="processed"',
        'status <> "processed"',
        'status IN ("x", "delivered")',
        'status not in ("x", "y")',
        'NOT status="x"',
        'subject LIKE "spring%"',
        'subject LIKE "%sale%"',
        'subject LIKE "%100%%"',
        'subject NOT LIKE "sale%"',
        "clicks > 2 AND clicks < 4 and clicks >= 3 and clicks <= 3",
        "clicks BETWEEN 1 AND 3",
        'clicks = "3"',
        'last_event_time BETWEEN TIMESTAMP "2026-01-31T00:00:00Z" AND TIMESTAMP "2026-02-01T00:00:00Z"',
        'last_event_time > TIMESTAMP "2026-01-31 11:59:59"',
        'last_event_time <= "2026-01-31T13:00:00+01:00"',
        "teammate IS NULL AND subject IS NOT NULL",
        'Contains(events,"opened") AND contains(categories, "news")',
        'categories="spring"',
        'unique_args["order"]="17"',
        "unique_args['who']='o\\'hara'",
        'Contains(unique_args, "17")',
        'status="x" OR status="delivered" AND clicks=3',
        '(status="delivered" OR status="x") AND NOT (clicks=1 OR clicks=2)',
        'template_id != "t"',
    ],
)
def test_what_passes(query: str) -> None:
    assert holds(read_query(query, MESSAGES), RECORD)


@pytest.mark.parametrize(
    "query",
    [
        'to_email="bob@there.test"',
        'status IN ("x")',
        'subject LIKE "sale"',
        'subject LIKE "spring_sale%"',
        'to_email LIKE "%there.test%there.test"',
        "clicks NOT BETWEEN 1 AND 3",
        "subject IS NULL",
        'Contains(events,"open")',
        'template_id = "t"',
        'template_id LIKE "%"',
        'unique_args["other"]="17"',
        'last_event_time < TIMESTAMP "2026-01-31T12:00:00Z"',
        '(status="delivered" OR status="x") AND clicks=1',
    ],
)
def test_what_does_not_pass(query: str) -> None:
    assert not holds(read_query(query, MESSAGES), RECORD)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ('bad_field="x"', "'bad_field' is not a known field"),
        ('Contains(nothing, "x")', "'nothing' is not a known field"),
        ('sg_message_id="x"', "'sg_message_id' is not a known field"),
        ("status", "the end where an operator is needed"),
        ('status="x', "cannot read"),
        ('status="x" status="y"', "unexpected 'status'"),
        ('status="x" AND', "the end where a field is needed"),
        ('(status="x"', "the end where ')' is needed"),
        ("status = = 3", "'=' where a value is needed"),
        ('status = TIMESTAMP "2026-01-01"', "'2026-01-01' where a value is needed"),
        ("status IN ()", "')' where a value is needed"),
        ("clicks = many", "'many' where a value is needed"),
        ('clicks = "nan"', "'nan' is no number"),
        ('clicks = "1e400"', "'1e400' is no number"),
        ('last_event_time > "soon"', "'soon' is no timestamp"),
        ("last_event_time > INTERVAL 3 DAY", "'INTERVAL' where a value is needed"),
        ("1=1", "'1' where a field is needed"),
        ('status="x"; drop table event', "cannot read"),
        ("(" * 30 + 'status="x"' + ")" * 30, "nested at most 20"),
        ("NOT " * 900, "at most 800 words"),
        ("NOT " * 30 + 'status="x"', "nested at most 20"),
        (" AND ".join(["clicks=1"] * 101), "at most 100 conditions"),
        ('subject="' + "x" * 4000 + '"', "at most 4000 characters"),
        (" " * 3999 + "?", "cannot read"),
        ('"' + "\\" * 3990, "cannot read"),
        ("subject LIKE " + "%" * 3000, "cannot read"),
        ("1" * 3999, "cannot read"),
    ],
)
def test_what_is_no_query_is_said(query: str, says: str) -> None:
    with pytest.raises(BadQuery, match=r"^invalid syntax: ") as refused:
        read_query(query, MESSAGES)
    assert says in str(refused.value)


def test_what_must_hold_is_what_all_alternatives_share() -> None:
    query = 'sg_message_id="aB" AND (status="x" OR status="y") AND NOT to_email="b"'
    found = list(must(read_query(query, LOGS)))
    assert [(test.field, test.values, test.written) for test in found] == [("sg_message_id", ("ab",), "aB")]
