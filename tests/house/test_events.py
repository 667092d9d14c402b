"""The event log from outside: what is written, found and paged through with the command line (D-06)."""

from __future__ import annotations

from typing import Any

import pytest

from house.house import DOMAIN, House, letter, unique, until


@pytest.fixture
def sent(house: House) -> dict[str, str]:
    """Two letters, delivered; what can be asked for of the first one."""
    word = unique()
    recipient = f"{word}@good.test"
    fields = [f"X-Mailgun-Tag: Tag-{word}", f'X-Mailgun-Variables: {{"order": "{word}"}}']
    message_id = house.submit(recipient, letter(recipient, fields=fields))
    house.submit(f"other-{word}@good.test")
    house.event(recipient, "delivered")
    house.event(f"other-{word}@good.test", "delivered")
    return {"word": word, "recipient": recipient, "message": message_id}


def test_D_06_events_are_found_by_every_filter_and_by_all_of_them_together(
    house: House, sent: dict[str, str]
) -> None:
    ways = (
        ("--message", sent["message"]),
        ("--recipient", sent["recipient"]),
        ("--tag", f"TAG-{sent['word']}"),
        ("--meta", f"order={sent['word']}"),
        ("--domain", DOMAIN),
        ("--recipient-domain", "Good.Test"),
        ("--kind", "delivered"),
        ("--since", "1h"),
    )
    for way in ways:
        found = house.cli_rows("events", *way)
        assert sent["message"] in [row["message_id"] for row in found], way
    (both,) = house.cli_rows("events", *[word for way in ways for word in way])
    assert both["message_id"] == sent["message"]
    for none in (
        ("--since", "2001-01-01", "--until", "2001-02-01"),
        ("--tag", "nobody"),
        ("--domain", "x.test"),
    ):
        assert house.cli_rows("events", "--recipient", sent["recipient"], *none) == []


def _walk(house: House, *words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: list[str] = []
    while True:
        *page, end = house.cli_rows("events", *words, *cursor, "--limit", "1")
        rows += page
        if end["complete"]:
            return rows
        cursor = ["--cursor", end["cursor"]]


def test_D_06_pages_with_cursors_show_each_event_once_in_both_orders(
    house: House, sent: dict[str, str]
) -> None:
    query = ("--tag", f"tag-{sent['word']}")

    def settled() -> list[str]:
        kinds = [row["kind"] for row in _walk(house, *query, "--oldest")]
        return kinds if len(kinds) == 2 else []

    assert until(settled, 15, "pages up to the settled instant") == ["accepted", "delivered"]
    assert [row["kind"] for row in _walk(house, *query, "--newest")] == ["delivered", "accepted"]


def test_D_06_a_delivery_tells_its_site_its_credential_its_size_and_how_long_it_took(
    house: House, sent: dict[str, str]
) -> None:
    accepted, delivered = (house.event(sent["recipient"], kind) for kind in ("accepted", "delivered"))
    assert delivered["credential"] == accepted["credential"] != ""
    assert delivered["size_bytes"] == accepted["size_bytes"] > 100
    assert "good.test" in delivered["site"]
    assert 0 <= delivered["took_s"] < 20


def test_D_06_a_refused_letter_becomes_a_rejected_event_that_says_why(house: House) -> None:
    recipient = f"{unique()}@good.test"
    code, text = house.refusal(recipient, letter(recipient, sender="me@bank.test"))
    assert (code, "bank.test" in text) == (550, True)

    def rejected() -> list[dict[str, Any]]:
        found = house.cli_rows("events", "--kind", "rejected")
        return [row for row in found if row.get("recipients") == [recipient]]

    (row,) = until(rejected, 10, "the rejected event")
    assert (row["code"], row["subject"], row["sender"]) == (550, "Your order", f"orders@{DOMAIN}")
    assert "bank.test" in row["text"] and row["reason"] and row["credential"]
    assert (row["recipient"], row["delivery_id"]) == ("", ""), "no recipient has a story"
    assert house.events(recipient) == []
