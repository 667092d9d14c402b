"""The tracking door: S17 (no forged, no open redirect), S28 (looking changes nothing), no store needed."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette

from posthouse.doors.track import MOST_LATER, PIXEL, Tracking, routes
from posthouse.mail.tokens import click_data, domain_tag, write_token
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.options import SendOptions
from posthouse.pipeline.engage import Found, Visitor

KEY = b"k" * 32
DOMAIN = "shop.test"
TAG = domain_tag(DOMAIN)
MESSAGE_ID = "01HZX3V9Q4N7B8C2D5E6F7G8H9"
DELIVERY_ID = f"{MESSAGE_ID}.0007"
URL = "https://shop.test/a?b=1&c=ü"
OPTIONS = SendOptions(tags=("News", "summer"), unsubscribe_group=3, groups_shown=(3, 4))


@dataclass
class FakeEngagement:
    """Remembers what was asked of it."""

    is_away: bool = False
    noted: list[tuple[Any, ...]] = field(default_factory=list)

    async def find(self, delivery_id: str) -> Found | None:
        if self.is_away:
            raise ConnectionError("the store is away")
        if delivery_id != DELIVERY_ID:
            return None
        message = Message(
            MESSAGE_ID, "a", DOMAIN, "c", "s@shop.test", "Hi", "<x>", 10, 1.0, 2.0, options=OPTIONS
        )
        delivery = Delivery(
            DELIVERY_ID,
            MESSAGE_ID,
            "a",
            "<Ann>@good.test",
            "good.test",
            "l",
            DeliveryState.DELIVERED,
            1.0,
            2.0,
        )
        return Found(message, delivery)

    async def opened(self, delivery_id: str, visitor: Visitor) -> None:
        self.noted.append(("opened", delivery_id, visitor.address))

    async def clicked(self, delivery_id: str, visitor: Visitor, url: str, place: dict[str, Any]) -> None:
        self.noted.append(("clicked", delivery_id, url, place))

    async def unsubscribed(self, found: Found, scopes: list[str], visitor: Visitor) -> None:
        self.noted.append(("unsubscribed", found.delivery.id, scopes))


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def ask(
    engagement: FakeEngagement, path: str, method: str = "GET", form: dict[str, str] | None = None
) -> Answer:
    """One request to the routes, without a socket."""
    answer = Answer()
    tracking = Tracking(
        engagement,  # type: ignore[arg-type]
        lambda tag: KEY if tag == TAG else None,
        lambda account, number: {3: "Offers & <b>", 4: "News"}.get(number, ""),
    )
    body = urlencode(form or {}).encode()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": b"", "headers": [(b"user-agent", b"Test")], "http_version": "1.1", "scheme": "http",
        "server": ("127.0.0.1", 80), "client": ("203.0.113.9", 1),
    }  # fmt: skip
    await Starlette(routes=list(routes(tracking)))(scope, receive, send)
    await asyncio.sleep(0)  # what is written down later
    return answer


def click_path() -> str:
    return f"/c/{write_token(KEY, TAG, 'c', DELIVERY_ID, click_data(URL, 5, 'html'))}"


def open_path() -> str:
    return f"/o/{write_token(KEY, TAG, 'o', DELIVERY_ID)}.gif"


def unsubscribe_path(scope: str = "", delivery_id: str = DELIVERY_ID) -> str:
    return f"/u/{write_token(KEY, TAG, 'u', delivery_id, scope.encode())}"


@pytest.mark.parametrize("is_away", [False, True], ids=["store there", "store away"])
async def test_a_click_is_redirected_and_noted(is_away: bool) -> None:
    engagement = FakeEngagement(is_away)
    answer = await ask(engagement, click_path())
    assert (answer.status, answer.headers["location"]) == (302, "https://shop.test/a?b=1&c=%C3%BC")
    assert engagement.noted == [("clicked", DELIVERY_ID, URL, {"index": 5, "type": "html"})]


async def test_S28_head_is_redirected_and_not_noted() -> None:
    engagement = FakeEngagement()
    assert (await ask(engagement, click_path(), "HEAD")).status == 302
    assert (await ask(engagement, open_path(), "HEAD")).status == 200
    assert engagement.noted == []


async def test_an_open_gets_the_picture() -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, open_path())
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, PIXEL, "image/gif")
    assert answer.headers["cache-control"] == "no-store, private"
    assert engagement.noted == [("opened", DELIVERY_ID, "203.0.113.9")]


async def test_S17_a_changed_token_leads_nowhere() -> None:
    token = click_path().removeprefix("/c/")
    octets = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for at in range(len(octets)):
        forged = bytearray(octets)
        forged[at] ^= 1
        text = base64.urlsafe_b64encode(bytes(forged)).rstrip(b"=").decode()
        answer = await ask(FakeEngagement(), f"/c/{text}")
        assert answer.status == 404
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/c/" + open_path()[3:-4], id="a token of another kind"),
        pytest.param("/u/" + click_path()[3:], id="a click's token on the unsubscribe page"),
        pytest.param("/c/https://evil.test/", id="no token"),
        pytest.param(
            f"/c/{write_token(b'x' * 32, TAG, 'c', DELIVERY_ID, click_data('https://evil.test', 0, 'html'))}",
            id="signed with another key",
        ),
        pytest.param(
            f"/c/{write_token(KEY, domain_tag('other.test'), 'c', DELIVERY_ID, click_data(URL, 0, 'html'))}",
            id="of an unknown domain",
        ),
        pytest.param(unsubscribe_path("", f"{MESSAGE_ID}.0001"), id="of an unknown delivery"),
    ],
)
async def test_S17_foreign_tokens_lead_nowhere(path: str) -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, path)
    assert answer.status == 404
    assert "location" not in answer.headers
    assert engagement.noted == []


async def test_S28_the_page_changes_nothing_and_escapes() -> None:
    engagement = FakeEngagement()
    for method in ("GET", "HEAD"):
        answer = await ask(engagement, unsubscribe_path("group:3"), method)
        assert answer.status == 200
    page = (await ask(engagement, unsubscribe_path("group:3"))).body.decode()
    assert "&lt;Ann&gt;@good.test" in page
    assert "Offers &amp; &lt;b&gt;" in page
    assert engagement.noted == []


@pytest.mark.parametrize(
    ("scope", "form", "scopes"),
    [
        ("", {"List-Unsubscribe": "One-Click"}, [""]),
        ("group:3", {"List-Unsubscribe": "One-Click"}, ["group:3"]),
        ("tags", {"List-Unsubscribe": "One-Click"}, ["tag:news", "tag:summer"]),
        ("global", {"scope": "global"}, ["global"]),
        ("preferences", {"scope": "group:4"}, ["group:4"]),
        ("preferences", {"scope": "global"}, ["global"]),
        ("group:9", {"List-Unsubscribe": "One-Click"}, ["global"]),
    ],
)
async def test_D_08_a_post_unsubscribes(scope: str, form: dict[str, str], scopes: list[str]) -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, unsubscribe_path(scope), "POST", form)
    assert answer.status == 200
    assert engagement.noted == [("unsubscribed", DELIVERY_ID, scopes)]


@pytest.mark.parametrize(
    "form", [{}, {"scope": "group:77"}, {"scope": ""}], ids=["empty", "foreign", "wider"]
)
async def test_S28_a_post_without_an_answer_changes_nothing(form: dict[str, str]) -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, unsubscribe_path("group:3"), "POST", form)
    assert answer.status == 400
    assert engagement.noted == []


async def test_the_store_is_away() -> None:
    answer = await ask(FakeEngagement(is_away=True), unsubscribe_path())
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")


async def test_a_form_with_too_many_fields_changes_nothing() -> None:
    engagement = FakeEngagement()
    flood = {f"field{number}": "x" for number in range(60)}
    answer = await ask(engagement, unsubscribe_path(), "POST", flood)
    assert answer.status == 400
    assert engagement.noted == []


async def test_what_waits_to_be_noted_is_bounded() -> None:
    tracking = Tracking(FakeEngagement(), lambda tag: KEY, lambda account, number: "")  # type: ignore[arg-type]
    done = asyncio.Event()
    begun: list[int] = []

    async def note(number: int) -> None:
        begun.append(number)
        await done.wait()

    for number in range(MOST_LATER + 5):
        tracking.later(note(number))
    await asyncio.sleep(0)
    assert len(begun) == MOST_LATER
    done.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tracking.later(note(-1))
    await asyncio.sleep(0)
    assert begun[-1] == -1
