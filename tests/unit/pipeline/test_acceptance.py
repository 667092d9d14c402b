"""What acceptance decides: lists, batches, limits, times, tests, letters dropped as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posthouse.mail.letter import parse
from posthouse.model.account import DomainSettings
from posthouse.model.errors import PosthouseError
from posthouse.model.message import Recipient
from posthouse.model.options import RecipientOptions, Seen, SendOptions
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import batches, captures, messages, suppressions
from posthouse.store.engine import connect, each
from unit.pipeline.small_world import World, open_world, unreachable, until

BATCH = SendOptions(batch_id="spring")


async def on_list(world: World, address: str, kind: SuppressionKind, **more: Any) -> None:
    row = Suppression("acc", address, kind, more.get("domain", "shop.test"), more.get("scope", ""), 1.0)
    await world.store.write(each(suppressions.add), ([row],))


async def mark_batch(world: World, status: str) -> None:
    await world.store.write(each(batches.set_status), ("acc", "spring", status, 1.0))


# -- lists ------------------------------------------------------------------------------------------------


async def test_who_is_on_a_list_is_dropped_and_the_others_get_it(world: World) -> None:
    """MG suppressions, SG-04: accepted with success, then an event; nothing is sent to them."""
    await on_list(world, "ann@good.test", SuppressionKind.BOUNCE)
    await world.accept("Ann@good.test", "bob@good.test", options=SendOptions(tags=("a",)))
    await world.at_rest()
    assert world.courier.sent == ["bob@good.test"]
    assert world.states() == {"dropped": 1, "delivered": 1}
    (fact,) = world.facts("dropped")
    assert (fact["to"], fact["reason"], fact["code"]) == ("Ann@good.test", "suppress-bounce", 605)
    ends = {fact["to"]: fact.get("dropped") for fact in world.facts("accepted")}
    assert ends == {"Ann@good.test": "suppress-bounce", "bob@good.test": None}
    assert fact["text"] == "Not delivering to previously bounced address"
    assert fact["tags"] == ["a"]
    assert len(world.facts("accepted")) == 2


async def test_neighbours_in_one_commit_are_judged_each_for_itself(world: World) -> None:
    await on_list(world, "ann@good.test", SuppressionKind.COMPLAINT)
    for number in range(8):
        world.intake_soon("ann@good.test" if number % 2 else f"u{number}@good.test")
    await until(lambda: len(world.receipts) == 8)
    await world.fetch_all()
    await world.at_rest()
    assert world.states() == {"dropped": 4, "delivered": 4}


async def test_a_bypass_goes_through(world: World) -> None:
    await on_list(world, "ann@good.test", SuppressionKind.UNSUBSCRIBE)
    await world.accept(options=SendOptions(bypass=("all",)))
    await world.at_rest()
    assert world.states() == {"delivered": 1}


async def test_a_blind_copy_shares_the_fate_of_its_original(world: World) -> None:
    await on_list(world, "ann@good.test", SuppressionKind.BOUNCE)
    copy = Recipient("log@good.test", "good.test", options=RecipientOptions(copy_of="ann@good.test"))
    await world.accept(people=[Recipient("ann@good.test", "good.test"), copy])
    assert world.states() == {"dropped": 2}


async def test_lists_are_looked_at_again_when_mail_is_taken_from_the_store(tmp_path: Path) -> None:
    """F66: suppression added while queued."""
    async with open_world(tmp_path, hands_over=False) as world:
        await world.accept("ann@good.test", "bob@good.test")
        await on_list(world, "ann@good.test", SuppressionKind.UNSUBSCRIBE)
        await world.fetch_all()
        await world.at_rest()
        assert world.courier.sent == ["bob@good.test"]
        assert world.states() == {"dropped": 1, "delivered": 1}
        (fact,) = world.facts("dropped")
        assert (fact["reason"], fact["code"]) == ("suppress-unsubscribe", 606)


async def test_reports_of_our_own_ignore_lists(world: World) -> None:
    await on_list(world, "bounce@shop.test", SuppressionKind.BOUNCE)
    await world.accept(drop_reason="Invalid header", drop_text="No.")
    await world.fetch_all()
    await world.at_rest()
    assert world.courier.sent == ["bounce@shop.test"]


async def test_an_invalid_recipient_is_dropped_alone(world: World) -> None:
    """SG-01: an entry that is no address concerns that entry only."""
    bad = Recipient("who?", "invalid", drop_reason="invalid-address")
    await world.accept(people=[bad, Recipient("ann@good.test", "good.test")])
    await world.at_rest()
    assert world.states() == {"dropped": 1, "delivered": 1}
    (fact,) = world.facts("dropped")
    assert (fact["to"], fact["reason"]) == ("who?", "invalid-address")


# -- batches ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state", "kind"),
    [(batches.PAUSED, "held", "held"), (batches.CANCELLED, "cancelled", "cancelled")],
    ids=["pause", "cancel"],
)
async def test_later_mail_of_a_stopped_batch_follows(
    world: World, status: str, state: str, kind: str
) -> None:
    """SG-08."""
    await mark_batch(world, status)
    await world.accept(options=BATCH)
    assert world.states() == {state: 1}
    (fact,) = world.facts(kind)
    assert (fact["reason"], fact["batch_id"]) == ("batch", "spring")
    assert world.is_empty()


async def test_mail_of_a_batch_that_came_back_to_the_queue_follows_too(world: World) -> None:
    world.courier.answers["good.test"] = unreachable
    await world.accept(options=BATCH)
    await world.at_rest()
    assert world.states() == {"waiting": 1}
    await mark_batch(world, batches.CANCELLED)
    world.clock.advance(3600)
    await world.fetch_all()
    await world.at_rest()
    assert world.states() == {"cancelled": 1}


async def test_a_batch_is_made_with_its_first_mail(world: World) -> None:
    await world.accept(options=BATCH)
    await world.at_rest()
    found = await world.store.read(batches.find, "acc", "spring")
    assert found is not None and found.status == batches.GOING
    assert world.states() == {"delivered": 1}


# -- limits (the fake clock begins at 22:13:20) -----------------------------------------------------------


async def refusal(world: World, *recipients: str) -> PosthouseError:
    with pytest.raises(PosthouseError) as caught:
        await world.accept(*recipients)
    return caught.value


async def test_over_the_hourly_limit_is_refused_until_the_next_hour(tmp_path: Path) -> None:
    """D-10; mailgun.md 1.4."""
    async with open_world(tmp_path, domain_settings=DomainSettings(hourly_messages=3)) as world:
        await world.accept("a@good.test", "b@good.test")
        error = await refusal(world, "c@good.test", "d@good.test")
        assert (error.code, error.enhanced, error.reason) == (452, "4.5.3", "rate-limit")
        assert "recipient limit exceeded, try again after Tue, 14 Nov 2023 23:00:00 +0000" in error.text
        await world.accept("c@good.test")
        world.clock.advance(3600)
        await world.accept("d@good.test", "e@good.test")


async def test_the_daily_limit_gives_back_what_the_hour_reserved(tmp_path: Path) -> None:
    limits = DomainSettings(hourly_messages=3, daily_messages=4)
    async with open_world(tmp_path, domain_settings=limits) as world:
        await world.accept("a@good.test", "b@good.test", "c@good.test")
        world.clock.advance(3600)
        assert "15 Nov 2023 00:00:00" in (await refusal(world, "d@good.test", "e@good.test")).text
        await world.accept("d@good.test")  # the hour has room for three: nothing of the refused is counted


async def test_what_never_fits_is_refused_for_good(tmp_path: Path) -> None:
    async with open_world(tmp_path, domain_settings=DomainSettings(hourly_messages=1)) as world:
        error = await refusal(world, "a@good.test", "b@good.test")
        assert (error.code, error.reason) == (550, "over-limit")


async def test_who_is_dropped_does_not_count(tmp_path: Path) -> None:
    async with open_world(tmp_path, domain_settings=DomainSettings(hourly_messages=1)) as world:
        await on_list(world, "ann@good.test", SuppressionKind.BOUNCE)
        await world.accept("ann@good.test", "bob@good.test")
        await refusal(world, "bob@good.test")


async def test_a_refused_letter_does_not_hurt_its_neighbours(tmp_path: Path) -> None:
    async with open_world(tmp_path, domain_settings=DomainSettings(hourly_messages=5)) as world:
        for number in range(8):
            world.intake_soon(f"u{number}@good.test")
        await until(lambda: len(world.receipts) == 8)
        assert sum(each is None for each in world.receipts) == 3
        assert len(world.rows()) == 5


async def test_where_the_operator_wants_it_mail_over_the_limit_waits(tmp_path: Path) -> None:
    limits = DomainSettings(hourly_messages=2)
    async with open_world(tmp_path, domain_settings=limits, over_limit="queue") as world:
        await world.accept(*[f"u{number}@good.test" for number in range(5)])
        now = world.clock.now()
        hour = now // 3600 * 3600
        due = [row["due_at"] for row in world.rows()]
        assert due == [now, now, hour + 3600, hour + 3600, hour + 7200]
        life = {round(row["expires_at"] - row["due_at"]) for row in world.rows()}
        assert life == {432_000}
        # hours to come did not make it forget this one
        await world.accept("v@good.test", "w@good.test")
        assert [row["due_at"] for row in world.rows()][5:] == [hour + 7200, hour + 10800]


# -- times ------------------------------------------------------------------------------------------------


async def test_scheduled_mail_waits_and_says_so(world: World) -> None:
    """MG-14."""
    later = world.clock.now() + 7200
    await world.accept(options=SendOptions(deliver_at=later, deliver_within_s=600))
    (fact,) = world.facts("accepted")
    assert fact["scheduled_for"] == later
    assert (world.states(), world.courier.begun) == ({"waiting": 1}, [])
    assert not await world.fetcher.fetch()
    world.clock.advance(7200)
    await world.fetch_all()
    await world.at_rest()
    assert world.states() == {"delivered": 1}
    assert world.rows()[0]["expires_at"] == later + 600


async def test_recipients_with_times_of_their_own(world: World) -> None:
    """SG-03: send_each_at."""
    now = world.clock.now()
    people = [
        Recipient("ann@good.test", "good.test"),
        Recipient("bob@good.test", "good.test", deliver_at=now + 60),
    ]
    await world.accept(people=people)
    await world.at_rest()
    assert world.courier.sent == ["ann@good.test"]
    world.clock.advance(60)
    await world.fetch_all()
    await world.at_rest()
    assert world.courier.sent == ["ann@good.test", "bob@good.test"]


# -- tests, and letters dropped as a whole ----------------------------------------------------------------


async def test_test_mode_does_everything_but_send(world: World) -> None:
    """MG-03."""
    options = SendOptions(test_mode="drop", tags=("a",), archive_url="https://x.test/")
    await world.accept(options=options)
    await world.at_rest()
    assert (world.courier.sent, world.states()) == ([], {"delivered": 1})
    (fact,) = world.facts("delivered")
    assert (fact["code"], fact["text"]) == (650, "Test mode: message was not sent")
    assert (fact["is_test"], fact["tags"]) == (True, ["a"])
    kept = await world.store.read(captures.load_capture, world.rows()[0]["id"])
    assert kept.content.endswith(b"\r\nhello\r\n")


async def test_a_sandbox_letter_is_answered_and_forgotten(world: World) -> None:
    """SG-09, drop."""
    assert await world.accept(options=SendOptions(test_mode="sandbox"))
    await world.written()
    assert (world.rows(), world.events()) == ([], {})


async def test_a_letter_dropped_as_a_whole_comes_with_a_notice(world: World) -> None:
    """SG-10: 250, a `dropped` event each, a report with the reason to the envelope sender."""
    text = "Invalid SMTPAPI header: line 3, column 5: expected a comma\nNothing was sent."
    message_id = await world.accept(
        "ann@good.test", "bob@good.test", drop_reason="invalid-options", drop_text=text
    )
    facts = world.facts("dropped")
    assert [(fact["to"], fact["reason"]) for fact in facts] == [
        ("ann@good.test", "invalid-options"),
        ("bob@good.test", "invalid-options"),
    ]
    assert facts[0]["text"] == text
    await world.fetch_all()
    await world.at_rest()
    assert world.courier.sent == ["bounce@shop.test"]
    notice = parse(world.courier.contents[0])
    body = notice.body.decode()
    assert (notice.first(b"content-type") or b"").startswith(b"multipart/report")
    for expected in (
        "Nothing was sent.",
        "Final-Recipient: rfc822; ann@good.test",
        "Final-Recipient: rfc822; bob@good.test",
        "Diagnostic-Code: x-posthouse; 554 5.6.0 Invalid SMTPAPI header: line 3,\r\n column 5:",
        "Subject: x",
    ):
        assert expected in body
    assert world.facts("accepted")[-1]["notice_about"] == message_id


@pytest.mark.parametrize(
    ("sender", "notify", "mode", "count"),
    [
        ("bounce@shop.test", "", "asked", 1),
        ("", "", "asked", 0),
        ("bounce@shop.test", "NEVER", "asked", 0),
        ("bounce@shop.test", "", "never", 0),
        ("root@[bad", "", "asked", 0),
    ],
    ids=["told", "null sender", "NOTIFY=NEVER", "operator", "no address"],
)
async def test_who_is_told(tmp_path: Path, sender: str, notify: str, mode: str, count: int) -> None:
    async with open_world(tmp_path, mode=mode) as world:
        await world.accept(sender=sender, notify=notify, drop_reason="bad", drop_text="bad")
        assert world.states()["waiting"] == count


# -- what events say --------------------------------------------------------------------------------------


async def test_events_carry_the_senders_labels(world: World) -> None:
    """MG-01, MG-22, SG-05, SG-06, D-06."""
    options = SendOptions(
        tags=("a", "b"),
        metadata={"order": 7},
        batch_id="spring",
        template_name="welcome",
        seen=(Seen("X-A", "?", "ignored", True), Seen("X-B", "1", "done"), Seen("", "", "odd", True)),
    )
    own = RecipientOptions(metadata={"order": 8})
    people = [Recipient("ann@good.test", "good.test"), Recipient("bob@good.test", "good.test", options=own)]
    await world.accept(people=people, options=options)
    await world.at_rest()
    accepted = world.facts("accepted")
    assert [fact["metadata"] for fact in accepted] == [{"order": 7}, {"order": 8}]
    assert accepted[1]["template"] == "welcome"
    assert accepted[1]["batch_id"] == "spring"
    assert accepted[0]["warnings"] == ["X-A: ignored", "odd"]
    delivered = {fact["to"]: (fact["tags"], fact["metadata"]) for fact in world.facts("delivered")}
    assert delivered == {
        "ann@good.test": (["a", "b"], {"order": 7}),
        "bob@good.test": (["a", "b"], {"order": 8}),
    }


async def test_own_data_may_be_none_at_all(world: World) -> None:
    own = RecipientOptions(metadata={})
    people = [Recipient("bob@good.test", "good.test", options=own)]
    await world.accept(people=people, options=SendOptions(metadata={"order": 7}))
    await world.at_rest()
    assert all("metadata" not in fact for fact in world.facts("accepted", "delivered"))


async def test_plain_mail_stores_no_options(world: World) -> None:
    message_id = await world.accept()
    await world.at_rest()
    with connect(f"sqlite:///{world.path}") as conn:
        message = messages.load_message(conn, message_id)
    assert message is not None and message.options == SendOptions()
    assert world.rows()[0]["personal"] == ""
    assert set(world.facts("accepted")[0]) == {
        "sender", "subject", "header_id", "size_bytes", "login", "credential", "kind", "to"
    }  # fmt: skip


# -- where it leaves from ---------------------------------------------------------------------------------


async def test_mail_leaves_from_the_addresses_that_it_asks_for(tmp_path: Path) -> None:
    """MG-08, MG-09, SG-07."""
    async with open_world(tmp_path, sources=("192.0.2.1",)) as world:
        await world.accept()
        await world.accept(options=SendOptions(sources=("192.0.2.7",)))
        await world.at_rest()
        assert world.courier.sources == ["192.0.2.1", "192.0.2.7"]
