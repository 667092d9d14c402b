"""`/messages/{id}`: all that is known of one message, and what can still be done with it.

Public: PAGES.
"""

from __future__ import annotations

from typing import Any

import structlog
from starlette.responses import Response

from posthouse.desk import reports
from posthouse.desk.copies import Copy, copy_of
from posthouse.desk.queue_choice import chosen
from posthouse.desk.queue_words import step
from posthouse.doors.api.resending import resend
from posthouse.doors.web.dashboard.mail_view import letter_pages, letter_view
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.model.account import MAIL_SEND
from posthouse.model.errors import CommitInDoubt, TryLater
from posthouse.model.message import DeliveryState
from posthouse.pipeline.nudges import FLUSH
from posthouse.rules.plain_words import tell_event, tell_state
from posthouse.store import workers
from posthouse.store.connection import Connection

log = structlog.get_logger()

PATH = "/messages/{message_id}"
RECIPIENTS_SHOWN = 100
EVENTS_SHOWN = 200


async def _look(visit: Visit) -> Response:
    message_id = visit.param("message_id")
    story, copy = await visit.read(_read, visit.account_id, message_id, visit.query("copy"))
    if story is None:
        raise _nothing(message_id)
    at = visit.at("/messages/{}", message_id)
    keep = {"copy": story["chosen"]["id"]} if story["chosen"] else {}
    letter = await letter_view(visit, copy.content, at, keep) if copy else None
    about = story["message"]
    deliveries, row = story["deliveries"], story["chosen"]
    states = {each["state"] for each in deliveries}
    events = story["events"]
    return visit.page(
        "message.html",
        about["subject"][:120] or "(no subject)",
        about=about,
        deliveries=[_delivery(each) for each in deliveries[:RECIPIENTS_SHOWN]],
        more_deliveries=max(0, len(deliveries) - RECIPIENTS_SHOWN),
        row=_delivery(row) if row else None,
        events=[(each, tell_event(each)) for each in events[:EVENTS_SHOWN]],
        more_events=max(0, len(events) - EVENTS_SHOWN),
        copy=copy,
        letter=letter,
        can_release=DeliveryState.HELD in states,
        can_retry=DeliveryState.WAITING in states,
        can_drop=bool(states & {DeliveryState.WAITING, DeliveryState.HELD}),
    )


def _read(
    conn: Connection, account_id: str, message_id: str, delivery_id: str
) -> tuple[dict[str, Any] | None, Copy | None]:
    """The story with the events of one recipient, `chosen`, and its copy."""
    story = reports.story_for(conn, account_id, message_id, delivery_id)
    if story is None:
        return None, None
    row = story["chosen"]
    return story, copy_of(conn, account_id, message_id, row["id"]) if row else None


def _delivery(row: dict[str, Any]) -> dict[str, Any]:
    told = tell_state(DeliveryState(row["state"]), row["code"], row["text"], row["attempt"])
    return row | {"told": told}


async def _find(visit: Visit) -> bytes:
    """The octets of the copy that the address names."""
    message_id = visit.param("message_id")
    story, copy = await visit.read(_read, visit.account_id, message_id, visit.query("copy"))
    if story is None:
        raise _nothing(message_id)
    if copy is None:
        raise FormTrouble(404, "The text of this message is not kept any more.")
    return copy.content


def _nothing(message_id: str) -> FormTrouble:
    return FormTrouble(404, f"There is no message {message_id[:60]} here.")


# What can be done


async def _resend(visit: Visit) -> Response:
    to = [visit.field("to")] if visit.field("to") else []
    made = await resend(
        visit.parts, visit.account_id, visit.param("message_id"), to, visit.signed.person.email
    )
    try:  # letters come by a way of their own; the audit log is to know who did it
        await visit.note_done()
    except (TryLater, CommitInDoubt) as error:  # the letter is on its way all the same: that must be said
        log.warning("who sent a message again is not in the audit log", message=made, cause=str(error))
    return visit.go(visit.at("/messages/{}", made), "It is sent again, as this new message.")


async def _release(visit: Visit) -> str:
    count = await _in_steps(visit, "release")
    return f"Released: {_copies(count)}."


async def _retry(visit: Visit) -> str:
    count = await _in_steps(visit, "flush")
    await visit.write(workers.nudge, FLUSH)
    return f"Tried again now: {_copies(count)}."


async def _drop(visit: Visit) -> str:
    count = await _in_steps(visit, "drop")
    return f"Given up: {_copies(count)}."


async def _in_steps(visit: Visit, verb: str) -> int:
    selector = chosen(visit.account_id, message=visit.param("message_id"))
    return await visit.in_steps(step, verb, selector, visit.now, visit.parts.ids)


def _copies(count: int) -> str:
    return "one recipient" if count == 1 else f"{count} recipients"


PAGES = (
    Page(
        PATH,
        "events.read",
        _look,
        {
            "resend": Work(MAIL_SEND, _resend),
            "release": Work("queue.write", _release),
            "retry": Work("queue.write", _retry),
            "drop": Work("queue.write", _drop),
        },
    ),
    *letter_pages(PATH, "events.read", _find),
)
