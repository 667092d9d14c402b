"""Which letter a report to postmaster or abuse is about: shown by a signature of ours, or by the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.mail.return_path import return_address
from posthouse.mail.tokens import Links, domain_tag, packed
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.event import Event, EventKind
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.returned import Returned, ReturnedKind, ReturnedRecipient
from posthouse.pipeline.report_names import ReportNames
from posthouse.store import messages
from posthouse.store.engine import Connection, connect
from posthouse.store.messages import Accepted

IDS = Ids(FakeClock())
KEY, LINK_KEY = b"k" * 32, b"l" * 32
MESSAGE_ID = IDS.new()
DELIVERY = f"{MESSAGE_ID}.0001"
HEADER_ID = "<order-7@shop.test>"
LINKS = Links(LINK_KEY, "https://email.shop.test", "shop.test")


class OneConnection:
    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return fn(self.conn, *args)


@pytest.fixture
def names(tmp_path: Path) -> Any:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    message = Message(MESSAGE_ID, "a", "shop.test", "c", "o@shop.test", "", HEADER_ID, 1, 0.0, 9.0)
    delivery = Delivery(
        DELIVERY, MESSAGE_ID, "a", "ann@far.test", "far.test", "", DeliveryState.DELIVERED, 0.0, 9.0
    )
    event = Event(IDS.new(), EventKind.DELIVERED, 0.0, "a", "shop.test", MESSAGE_ID, DELIVERY, "ann@far.test")
    with connect(url) as conn:
        with conn.transaction():
            messages.add_accepted(conn, [Accepted(message, b"x", [delivery], [event])])
        keys = {domain_tag("shop.test"): LINK_KEY}
        yield ReportNames(OneConnection(conn), KEY, keys.get)  # type: ignore[arg-type]


PATH = return_address(KEY, "b", DELIVERY, "return.shop.test").encode()
LINK = LINKS.unsubscribe(packed(DELIVERY), "").encode()
FOREIGN_PATH = return_address(b"o" * 32, "b", DELIVERY, "return.shop.test").encode()
FOREIGN_LINK = Links(b"o" * 32, "https://email.shop.test", "shop.test").unsubscribe(packed(DELIVERY), "")
NOTHING = Returned(ReturnedKind.COMPLAINT)
SHOWN = {
    "a return path": b"Return-Path: <%b>\r\n" % PATH,
    "one in capitals": b"Return-Path: <%b>\r\n" % PATH.upper(),
    "a link": b"List-Unsubscribe: <%b>, <mailto:x@y.test>\r\n" % LINK,
    "a link cut by quoted-printable": LINK[:60] + b"=\r\n" + LINK[60:],
    "behind many that are not ours": b"<%b> " % FOREIGN_PATH * 50 + PATH,
}


@pytest.mark.parametrize("raw", SHOWN.values(), ids=SHOWN.keys())
async def test_a_signature_of_ours_names_the_delivery(names: ReportNames, raw: bytes) -> None:
    assert await names.find(raw, NOTHING) == (DELIVERY,)


async def test_also_one_that_the_report_had_encoded(names: ReportNames) -> None:
    fields = (("return-path", f"<{PATH.decode()}>"),)
    assert await names.find(b"", Returned(ReturnedKind.COMPLAINT, about_fields=fields)) == (DELIVERY,)


NOT_SHOWN = {
    "nothing": b"",
    "another installation's": b"Return-Path: <%b>\r\n" % FOREIGN_PATH,
    "a link of another key": FOREIGN_LINK.encode(),
    "a return path inside a word": b"x" + PATH,
    "an id without its signature": DELIVERY.encode(),
    "noise": b"/u/" + b"A" * 100_000 + b"b" * 100_000,
}


@pytest.mark.parametrize("raw", NOT_SHOWN.values(), ids=NOT_SHOWN.keys())
async def test_S16_anything_else_names_nothing(names: ReportNames, raw: bytes) -> None:
    assert await names.find(raw, NOTHING) == ()


ANN = (ReturnedRecipient("ann@far.test"),)


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        (Returned(ReturnedKind.COMPLAINT, ANN, HEADER_ID), True),
        (Returned(ReturnedKind.COMPLAINT, (), HEADER_ID, ("ann@far.test",)), True),
        (
            Returned(ReturnedKind.COMPLAINT, (ReturnedRecipient("x@y.test", "ann@far.test"),), HEADER_ID),
            True,
        ),
        (Returned(ReturnedKind.COMPLAINT, (ReturnedRecipient("bob@far.test"),), HEADER_ID), False),
        (Returned(ReturnedKind.COMPLAINT, ANN, "<other@shop.test>"), False),
        (Returned(ReturnedKind.COMPLAINT, ANN), False),
        (Returned(ReturnedKind.COMPLAINT, (), HEADER_ID), False),
        (Returned(ReturnedKind.OPT_OUT, ANN, HEADER_ID), True),
        (Returned(ReturnedKind.BOUNCE, ANN, HEADER_ID), False),
    ],
)
async def test_the_log_knows_pairs(names: ReportNames, returned: Returned, found: bool) -> None:
    assert await names.find(b"", returned) == ((DELIVERY,) if found else ())
