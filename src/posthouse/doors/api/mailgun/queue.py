"""What waits of a domain: shown, and given up, all of it or one message (mailgun.md 5.5).

The service can only empty the whole queue; the list and the call for one message are our additions.

Public: ENDPOINTS.
"""

from __future__ import annotations

from posthouse.desk.room import give_room_back
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.mailgun.asked import ZERO, date_text, page_url, whole
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.short_id import long_id, short_id
from posthouse.store import envelopes, messages, queue
from posthouse.store.connection import Connection
from posthouse.store.queue import Selector

_STEP_ROWS = 500  # short: mail is accepted through the same writer
_USUAL, _MOST = 100, 1_000


async def _queues(call: Call) -> Answer:
    """A domain that may call has working queues: a suspended account gets no answer here."""
    return json_answer({"regular": {"is_disabled": False}, "scheduled": {"is_disabled": False}})


async def _list(call: Call) -> Answer:
    limit = min(whole(call.query.get("limit", ""), "limit", _USUAL) or _USUAL, _MOST)
    after = call.query.get("after", "")
    found = await call.read(envelopes.list_open, call.account_id, call.domain.name, after, limit)
    items = [
        {
            "id": each.id,
            "message-id": each.header_id.strip("<> "),
            "key": short_id(each.message_id),
            "recipient": each.recipient,
            "subject": each.subject,
            "state": each.state,
            "scheduled-for": date_text(each.due_at, ZERO),
        }
        for each in found
    ]
    here = {"limit": str(limit)}
    following = page_url(call, here | {"after": found[-1].id if found else after})
    return json_answer({"items": items, "paging": {"first": page_url(call, here), "next": following}})


async def _drop_all(call: Call) -> Answer:
    await _drop(call, Selector(sending_domain=call.domain.name, account_id=call.account_id))
    return json_answer({"message": "done"})


async def _drop_one(call: Call) -> Answer:
    """By its Message-ID, with or without brackets, or its storage key."""
    ids = await call.read(_letters, call)
    if not ids:
        raise said("Message not found", 404)
    while ids:
        for id in ids:
            await _drop(call, Selector(message_id=id, account_id=call.account_id))
        ids = await call.read(_named, call, ids[-1])
    return json_answer({"message": "done"})


async def _drop(call: Call, chosen: Selector) -> None:
    while await call.write(queue.drop, chosen, call.now, call.parts.ids, give_room_back, limit=_STEP_ROWS):
        pass


def _named(conn: Connection, call: Call, after: str) -> list[str]:
    """Ids of letters with the Message-ID of the path that are not delivered to everybody: the next ones."""
    header_id = f"<{call.params['id'].strip('<> ')}>"
    return envelopes.find_open(conn, call.account_id, call.domain.name, header_id, after)


def _letters(conn: Connection, call: Call) -> list[str]:
    """The first of them, or the letter whose storage key the path names."""
    name, domain = call.params["id"], call.domain.name
    ids = _named(conn, call, "")
    if ids:
        return ids
    try:
        id = long_id(name)
    except ValueError:
        return ids
    found = messages.load_message(conn, id)
    if found is not None and (found.account_id, found.domain) == (call.account_id, domain):
        ids.append(id)
    return ids


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v3/domains/{domain}/sending_queues", "queue.read", _queues),
    Endpoint("GET", "/v3/{domain}/envelopes", "queue.read", _list),
    Endpoint("DELETE", "/v3/{domain}/envelopes", "queue.write", _drop_all),
    Endpoint("DELETE", "/v3/{domain}/envelopes/{id}", "queue.write", _drop_one),
)
