"""MG-14 to MG-17: when a letter goes, and until when it is tried."""

from __future__ import annotations

import datetime as dt
import email.utils
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from house import books
from house.copies import read
from house.house import DOMAIN, House, Houses, letter, unique, until
from house.mailgun import alternative, change, option_fields, refusal, submit, visit, warnings
from unit.net.test_zones import database

SHORT = "short.test"  # its mail may be scheduled for three days
LONG = "long.test"  # for thirty
HOUR, DAY = 3600.0, 86400.0
CLICK_ZONE = "Asia/Tokyo"  # where the house's database says that all clicks come from
HTML = '<p><a href="https://shop.test/one">One</a></p>'


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    zones: Path = database(shared_houses.folder / "zones.mmdb", CLICK_ZONE)
    made = shared_houses.new(starts=False, settings={"tracking": {"zones": str(zones)}})
    for domain, days in ((SHORT, 3), (LONG, 30)):
        made.cli("domain", "add", domain, "--assume-verified")
        made.add_user(f"app@{domain}")
        made.cli("domain", "set", domain, f"schedule_days={days}")
    return made.start()


def _row(house: House, recipient: str) -> dict[str, Any]:
    """The only delivery to this recipient."""
    (row,) = books.rows(house.store, f"select * from delivery where recipient = '{recipient}'")
    return row


# -- MG-14 -----------------------------------------------------------------------------------------------

Write = Callable[[float], str]


def _in_zone(offset_h: float) -> Write:
    zone = dt.timezone(dt.timedelta(hours=offset_h))
    return lambda at: email.utils.format_datetime(dt.datetime.fromtimestamp(at, zone))


def _utc(form: str) -> Write:
    return lambda at: dt.datetime.fromtimestamp(at, dt.UTC).strftime(form)


DATES: dict[str, Write] = {
    "RFC 2822": _in_zone(0),
    "east": _in_zone(5.5),
    "west": _in_zone(-7),
    "GMT": _utc("%a, %d %b %Y %H:%M:%S GMT"),
    "UTC": _utc("%a, %d %b %Y %H:%M:%S UTC"),
    "EST": lambda at: _in_zone(-5)(at).replace("-0500", "EST"),
    "no weekday": _utc("%d %b %Y %H:%M:%S +0000"),
    "no sign, as in the manual": _utc("%a, %d %b %Y %H:%M:%S 0000"),
    "a comment": _utc("%a, %d %b %Y %H:%M:%S +0000 (UTC)"),
    "small letters": lambda at: _utc("%a, %d %b %Y %H:%M:%S GMT")(at).lower(),
    "seconds since 1970": lambda at: str(int(at)),
    "folded": lambda at: _in_zone(2)(at).replace(" ", "\r\n ", 1),
}


@pytest.mark.parametrize("write", DATES.values(), ids=DATES.keys())
def test_MG_14_the_letter_waits_for_its_time(house: House, write: Write) -> None:
    recipient = f"{unique()}@good.test"
    at = float(int(time.time()) + 6 * DAY)
    message_id = submit(house, recipient, f"Deliver-By: {write(at)}")
    row = _row(house, recipient)
    assert (row["state"], row["due_at"]) == ("waiting", at)
    assert house.event(recipient, "accepted")["scheduled_for"] == at
    assert "scheduled for 20" in house.seen(message_id, "X-Mailgun-Deliver-By")["effect"]
    assert house.internet.to(recipient) == []


def test_MG_14_and_goes_when_it_has_come(house: House) -> None:
    tag = unique()
    at = float(int(time.time()) + 2)
    early = [f"{n}+{tag}@good.test" for n in range(3)]
    dropped = f"later+{tag}@good.test"
    submit(house, early, f"Deliver-By: {_in_zone(-3)(at)}")
    submit(house, dropped, f"Deliver-By: {int(at)}")
    house.cli("suppression", "add", dropped, "--kind", "complaint")  # asked again when the time has come
    for recipient in early:
        arrival = house.internet.copy(recipient)
        assert arrival.at >= at
        assert option_fields(read(arrival)) == []
    event = house.event(dropped, "dropped")
    assert event["code"] == 607 and event["at"] >= at and house.internet.to(dropped) == []


@pytest.mark.parametrize(
    "value",
    ["Fri, 14 Nov 2025 12:00:00 +0100", "Thu, 1 Jan 1970 00:00:00 GMT", "0", "14 Nov 25 12:00:00 GMT"],
)
def test_MG_14_a_time_that_has_passed_means_at_once(house: House, value: str) -> None:
    recipient = f"{unique()}@good.test"
    message_id = submit(house, recipient, f"Deliver-By: {value}")
    house.event(recipient, "delivered", seconds=5)
    assert "scheduled_for" not in house.event(recipient, "accepted")
    assert house.seen(message_id, "X-Mailgun-Deliver-By")["effect"] == "sent at once: the time has passed"


@pytest.mark.parametrize(
    ("domain", "days", "allowed"),
    [
        (DOMAIN, 6.9, ""),
        (DOMAIN, 7.1, "7"),
        (SHORT, 2.9, ""),
        (SHORT, 3.1, "3"),
        (LONG, 29, ""),
        (LONG, 31, "30"),
    ],
)
def test_MG_14_the_domain_says_how_far_ahead(house: House, domain: str, days: float, allowed: str) -> None:
    value = f"Deliver-By: {_in_zone(0)(time.time() + days * DAY)}"
    if allowed:
        text = refusal(house, value, domain=domain)
        assert text == f"o:deliverytime can't be more than {allowed} days in the future"
        return
    recipient = f"{unique()}@good.test"
    submit(house, recipient, value, domain=domain)
    assert _row(house, recipient)["state"] == "waiting"


NO_DATES = [
    "tomorrow",
    "2026-11-14T12:00:00Z",
    "Fri, 14 Nov 2036 12:00:00",
    "Fri, 32 Nov 2036 12:00:00 +0000",
    "Fri, 14 Nov 2036 25:00:00 +0000",
    "Fri, 14 Brumaire 2036 12:00:00 +0000",
    "Fri, 14 Nov 2036 12:00:00 CEST",
    "Fri, 14 Nov 2036 12:00:00 +99000",
    "-1",
    "1e9",
    "nan",
    "1 Jan 0000 00:00:00 +2359",
    "9" * 400,
    "Fri, " * 100,
]


@pytest.mark.parametrize("value", NO_DATES, ids=[value[:40] for value in NO_DATES])
def test_MG_14_what_is_no_date_is_refused(house: House, value: str) -> None:
    assert refusal(house, f"Deliver-By: {value}").endswith("is not an RFC-2822 compliant date")


def test_MG_14_an_empty_header_counts_as_absent_and_of_several_the_last_counts(house: House) -> None:
    recipient, later = f"{unique()}@good.test", f"{unique()}@good.test"
    submit(house, recipient, "Deliver-By:")
    house.event(recipient, "delivered", seconds=5)
    assert warnings(house, recipient) == ["X-Mailgun-Deliver-By: ignored: it has no value"]
    at = int(time.time() + DAY)
    submit(house, later, "Deliver-By: nonsense", f"Deliver-By: {at}")
    assert _row(house, later)["due_at"] == at
    assert "days in the future" in refusal(house, "Deliver-By: 999999999999999")


def test_MG_14_a_scheduled_letter_can_be_sent_now_or_not_at_all(house: House) -> None:
    value = f"Deliver-By: {int(time.time() + DAY)}"
    now, never = f"{unique()}@good.test", f"{unique()}@good.test"
    flushed, dropped = submit(house, now, value), submit(house, never, value)
    assert house.cli("queue", "drop", "--message", dropped) == {"dropped": 1}
    assert house.cli("queue", "flush", "--message", flushed) == {"flushed": 1}
    house.event(now, "delivered", seconds=5)
    assert [event["kind"] for event in house.events(never)] == ["accepted", "cancelled"]


# -- MG-15 -----------------------------------------------------------------------------------------------

SPANS = {
    "5m": 300,
    "30m": 1800,
    "90m": 5400,
    "1h": 3600,
    "1h30m": 5400,
    "24h": 86400,
    "0h5m": 300,
    "1H30M": 5400,
}


@pytest.mark.parametrize(("value", "seconds"), SPANS.items(), ids=SPANS.keys())
def test_MG_15_the_time_to_deliver_begins_when_the_letter_is_due(
    house: House, value: str, seconds: int
) -> None:
    recipient, later = f"full+{unique()}@good.test", f"{unique()}@good.test"
    message_id = submit(house, recipient, f"Deliver-Within: {value}")
    row = _row(house, recipient)
    (message,) = books.rows(house.store, f"select accepted_at from message where id = '{message_id}'")
    assert row["expires_at"] == pytest.approx(message["accepted_at"] + seconds, abs=0.001)
    at = int(time.time() + DAY)
    submit(house, later, f"Deliver-Within: {value}", f"Deliver-By: {at}")
    row = _row(house, later)
    assert (row["due_at"], row["expires_at"]) == (at, at + seconds)


NO_SPANS = ["4m", "0m", "25h", "24h1m", "30", "h", "m", "1d", "30m1h", "-30m", "1.5h"]
NO_SPANS += ["1h 30m", "9" * 30 + "h"]


@pytest.mark.parametrize("value", NO_SPANS)
def test_MG_15_other_spans_are_refused(house: House, value: str) -> None:
    wanted = "invalid o:deliver-within value: must be between 5m and 24h"
    assert refusal(house, f"Deliver-Within: {value}") == wanted


def test_MG_15_then_it_fails(house: House) -> None:
    recipient = f"full+{unique()}@good.test"
    submit(house, recipient, "Deliver-Within: 5m")
    house.event(recipient, "deferred")
    until(lambda: house.state(recipient) == "waiting", 5, "the row to be back")
    change(house, "update delivery set expires_at = ? where recipient = ?", time.time() + 0.2, recipient)
    failed = house.event(recipient, "failed")
    assert (failed["code"], failed["enhanced"], failed["reason"]) == (554, "5.4.7", "expired")
    assert "Mailbox full" in failed["text"]  # the last real answer stays readable


# -- MG-16 -----------------------------------------------------------------------------------------------


def _engaged(house: House, recipient: str, clicks: int, opens: int = 0) -> Counter[int]:
    """A recipient who opens and clicks; in which hours of the day (UTC)."""
    sent = alternative(recipient, ["X-Mailgun-Track: yes"], html=HTML)
    house.submit(recipient, sent)
    copy = read(house.internet.copy(recipient))
    house.event(recipient, "delivered")
    change(  # nobody reads within two seconds
        house, "update event set at = at - 60 where recipient = ? and kind = 'delivered'", recipient
    )
    for link in [copy.links[0]] * clicks + [copy.images[0]] * opens:
        visit(house, link)
    for kind, count in (("clicked", clicks), ("opened", opens)):
        if count:
            house.event(recipient, kind, count=count)
    found = house.events(recipient, "clicked", "opened")
    return Counter(int(event["at"] // HOUR) % 24 for event in found)


def _next(hour: int, earliest: float) -> float:
    """The beginning of the next such hour, or `earliest` within it."""
    start = earliest // HOUR
    ahead = (hour - int(start)) % 24
    return (start + ahead) * HOUR if ahead else earliest


@pytest.mark.parametrize("period", ["24h", "48H", "72h"])
@pytest.mark.parametrize(("clicks", "opens"), [(3, 0), (1, 2)], ids=["clicks", "opens too"])
def test_MG_16_the_letter_waits_for_the_recipients_best_hour(
    house: House, period: str, clicks: int, opens: int
) -> None:
    recipient = f"{unique()}@good.test"
    ((hour, _),) = _engaged(house, recipient, clicks, opens).most_common(1)
    other = f"{unique()}@good.test"
    for away_h in (5, 20):
        earliest = float(int(time.time() + away_h * HOUR))
        tag = f"X-Mailgun-Tag: {unique()}"
        fields = [f"Delivery-Time-Optimize-Period: {period}", f"Deliver-By: {int(earliest)}"]
        sent = letter(recipient, fields=[tag, *[f"X-Mailgun-{field}" for field in fields]])
        message_id = house.submit([recipient, other], sent)
        rows = books.rows(house.store, f"select * from delivery where message_id = '{message_id}'")
        due = {row["recipient"]: row["due_at"] for row in rows}
        assert due == {recipient: _next(hour, earliest), other: earliest}


def test_MG_16_in_that_hour_and_without_a_history_it_goes_at_once(house: House) -> None:
    engaged, fresh, little = [f"{n}+{unique()}@good.test" for n in range(3)]
    _engaged(house, engaged, 3)
    _engaged(house, little, 2)
    message_id = submit(house, [engaged, fresh, little], "Delivery-Time-Optimize-Period: 24h")
    rows = books.rows(house.store, f"select * from delivery where message_id = '{message_id}'")
    hour = int(rows[0]["due_at"] // HOUR)
    for row in rows:
        if row["recipient"] != engaged or int(time.time() // HOUR) == hour:
            _await_delivered(house, row["id"])


def _await_delivered(house: House, delivery_id: str) -> None:
    question = f"select id from delivery where id = '{delivery_id}' and state = 'delivered'"
    until(lambda: books.rows(house.store, question), 5, "the delivery")


@pytest.mark.parametrize("value", ["23h", "73h", "24", "1d", "24h30m", "0h", "soon", "-24h", "24.0h"])
def test_MG_16_other_periods_are_refused(house: House, value: str) -> None:
    wanted = "invalid o:deliverytime-optimize-period value: must be between 24h and 72h"
    assert refusal(house, f"Delivery-Time-Optimize-Period: {value}") == wanted


# -- MG-17 -----------------------------------------------------------------------------------------------

ZONES = ["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati", "UTC"]
CLOCKS = ["%H:%M", "%I:%M%p", "%I:%M %p"]


def _local(zone: str, hours: float) -> dt.datetime:
    """The full minute so many hours from now, as clocks of the zone show it."""
    at = dt.datetime.fromtimestamp(time.time() + hours * HOUR, ZoneInfo(zone))
    return at.replace(second=0, microsecond=0)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("clock", CLOCKS, ids=["24 hours", "am and pm", "with a blank"])
def test_MG_17_the_letter_waits_for_that_time_of_the_recipients_day(
    house: House, zone: str, clock: str
) -> None:
    recipient = f"{unique()}@good.test"
    assert house.cli("contact", "set", recipient, "--time-zone", zone)["time_zone"] == zone
    wanted = _local(zone, 3)
    submit(house, recipient, f"Time-Zone-Localize: {wanted.strftime(clock)}")
    row = _row(house, recipient)
    assert (row["state"], row["due_at"]) == ("waiting", wanted.timestamp())
    assert house.event(recipient, "accepted")["scheduled_for"] == wanted.timestamp()


def test_MG_17_a_time_that_is_over_comes_tomorrow(house: House) -> None:
    recipient, zone = f"{unique()}@good.test", "America/New_York"
    house.cli("contact", "set", recipient, "--time-zone", zone)
    wanted = _local(zone, -2)
    submit(house, recipient, f"Time-Zone-Localize: {wanted.strftime('%H:%M')}")
    tomorrow = dt.datetime.combine(wanted.date() + dt.timedelta(1), wanted.time(), ZoneInfo(zone))
    assert _row(house, recipient)["due_at"] == tomorrow.timestamp()


def test_MG_17_each_recipient_by_their_own_clock(house: House) -> None:
    tag = unique()
    zones = {f"{n}+{tag}@good.test": zone for n, zone in enumerate(ZONES[:3])}
    for recipient, zone in zones.items():
        house.cli("contact", "set", recipient, "--time-zone", zone)
    stranger = f"stranger+{tag}@good.test"
    wanted = _local(ZONES[0], 2)
    submit(house, [*zones, stranger], f"Time-Zone-Localize: {wanted.strftime('%H:%M')}")
    for recipient, zone in zones.items():
        row = _row(house, recipient)
        shown = dt.datetime.fromtimestamp(row["due_at"], ZoneInfo(zone))
        assert (shown.hour, shown.minute, shown.second) == (wanted.hour, wanted.minute, 0)
        assert 0 < row["due_at"] - time.time() <= 25 * HOUR and row["state"] == "waiting"
    house.event(stranger, "delivered", seconds=5)  # nobody knows where they are: at once


def test_MG_17_the_zone_is_that_of_the_last_click_unless_one_was_set(house: House) -> None:
    recipient = f"{unique()}@good.test"
    _engaged(house, recipient, 1)
    assert house.events(recipient, "clicked")[0]["time_zone"] == CLICK_ZONE
    shown = house.cli("contact", "show", recipient)
    assert (shown["time_zone"], shown["source"], shown["engagements"]) == (CLICK_ZONE, "click", 1)
    assert _due_in(house, recipient, CLICK_ZONE)
    house.cli("contact", "set", recipient, "--time-zone", "Pacific/Auckland")
    assert _due_in(house, recipient, "Pacific/Auckland")
    house.cli("contact", "set", recipient, "--time-zone", "")
    assert _due_in(house, recipient, CLICK_ZONE)


def _due_in(house: House, recipient: str, zone: str) -> bool:
    wanted = _local(zone, 4)
    message_id = submit(house, recipient, f"Time-Zone-Localize: {wanted.strftime('%H:%M')}")
    (row,) = books.rows(house.store, f"select due_at from delivery where message_id = '{message_id}'")
    return bool(row["due_at"] == wanted.timestamp())


def test_MG_17_it_counts_from_the_time_that_the_letter_was_scheduled_for(house: House) -> None:
    recipient, zone = f"{unique()}@good.test", "Europe/Berlin"
    house.cli("contact", "set", recipient, "--time-zone", zone)
    at, wanted = int(time.time() + 50 * HOUR), _local(zone, 53)
    submit(house, recipient, f"Deliver-By: {at}", f"Time-Zone-Localize: {wanted.strftime('%H:%M')}")
    assert _row(house, recipient)["due_at"] == wanted.timestamp()


NO_CLOCKS = {
    "25:00": "25:00 invalid 24 hour time(value of 'o:time-zone-localize')",
    "16:60": "16:60 invalid 24 hour time(value of 'o:time-zone-localize')",
    "13:00PM": "13:00PM is not a valid time to send (value of 'o:time-zone-localize')",
    "00:10AM": "00:10AM is not a valid time to send (value of 'o:time-zone-localize')",
    "16": "16 is not a valid time to send (value of 'o:time-zone-localize')",
    "noon": "noon is not a valid time to send (value of 'o:time-zone-localize')",
    "16:00:00": "16:00:00 is not a valid time to send (value of 'o:time-zone-localize')",
    "-1:00": "-1:00 is not a valid time to send (value of 'o:time-zone-localize')",
}


@pytest.mark.parametrize(("value", "text"), NO_CLOCKS.items(), ids=NO_CLOCKS.keys())
def test_MG_17_other_times_are_refused(house: House, value: str, text: str) -> None:
    assert refusal(house, f"Time-Zone-Localize: {value}") == text
