"""The tracking door: S17 (no forged, no open redirect), S28 (looking changes nothing), no store needed."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette

from posthouse.doors.track import PIXEL, Tracking, routes
from posthouse.doors.track_words import WORDS
from posthouse.mail.tokens import click_data, domain_tag, old_tag, write_token
from posthouse.model.account import Domain, DomainSettings
from posthouse.model.message import Delivery, DeliveryState, Message
from posthouse.model.options import SendOptions
from posthouse.pipeline.engage import Found, Visitor
from posthouse.store.groups import Group

KEY = b"k" * 32
DOMAIN, OTHER = "shop.test", "other.test"
TAG = domain_tag(DOMAIN)
MESSAGE_ID = "01HZX3V9Q4N7B8C2D5E6F7G8H9"
DELIVERY_ID = f"{MESSAGE_ID}.0007"
URL = "https://shop.test/a?b=1&c=ü"
OPTIONS = SendOptions(tags=("News", "summer"), unsubscribe_group=3, groups_shown=(3, 4))
GROUPS = {3: Group(3, "a", "Offers & <b>", "What is <new>", False), 4: Group(4, "a", "News", "", False)}


@dataclass
class FakeEngagement:
    """Remembers what was asked of it."""

    is_away: bool = False
    left: frozenset[str] = frozenset()
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
        return Found(message, delivery, self.left)

    async def unsubscribed(self, found: Found, scopes: list[str], visitor: Visitor) -> None:
        if scopes:
            self.noted.append(("unsubscribed", found.delivery.id, list(scopes)))

    async def resubscribed(self, found: Found, scopes: list[str], visitor: Visitor) -> None:
        if scopes:
            self.noted.append(("resubscribed", found.delivery.id, list(scopes)))

    # what `Visits` does

    def opened(self, delivery_id: str, visitor: Visitor) -> None:
        self.noted.append(("opened", delivery_id, visitor))

    def clicked(self, delivery_id: str, visitor: Visitor, url: str, index: int, part: str) -> None:
        self.noted.append(("clicked", delivery_id, url, index, part))


@dataclass
class FakeEstate:
    """Two domains with keys of their own; `email.other.test` is another account's."""

    settings: DomainSettings = field(default_factory=DomainSettings)

    def domain_by_tag(self, tag: bytes) -> Domain | None:
        names = {tag: name for name in (DOMAIN, OTHER) for tag in (domain_tag(name), old_tag(name))}
        name = names.get(tag)
        return Domain(name, "a", name, "us", 1.0, 1.0, self.settings) if name else None

    def link_key(self, domain: str) -> bytes:
        return KEY if domain == DOMAIN else b"o" * 32

    def may_use_host(self, domain: Domain, host: str) -> bool:
        return host != "email.other.test" or domain.name == OTHER

    def group(self, account_id: str, number: int) -> Group | None:
        return GROUPS.get(number)

    def default_groups(self, account_id: str) -> tuple[int, ...]:
        return ()


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


async def ask(
    engagement: FakeEngagement,
    path: str,
    method: str = "GET",
    form: dict[str, str] | None = None,
    *,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    settings: DomainSettings | None = None,
) -> Answer:
    """One request to the routes, without a socket."""
    answer = Answer()
    estate = FakeEstate(settings or DomainSettings())
    tracking = Tracking(engagement, engagement, estate, lambda address: "")  # type: ignore[arg-type]
    content = urlencode(form or {}).encode() if body is None else body

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    given = {"user-agent": "Test", **(headers or {})}
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": b"", "http_version": "1.1", "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "server": ("127.0.0.1", 80), "client": ("203.0.113.9", 1),
    }  # fmt: skip
    await Starlette(routes=list(routes(tracking)))(scope, receive, send)
    return answer


def click_path(url: str = URL, tag: bytes = TAG) -> str:
    return f"/c/{write_token(KEY, tag, 'c', DELIVERY_ID, click_data(url, 5, 'html'))}"


def open_path() -> str:
    return f"/o/{write_token(KEY, TAG, 'o', DELIVERY_ID)}.gif"


def unsubscribe_path(scope: str = "", delivery_id: str = DELIVERY_ID) -> str:
    return f"/u/{write_token(KEY, TAG, 'u', delivery_id, scope.encode())}"


@pytest.mark.parametrize("is_away", [False, True], ids=["store there", "store away"])
@pytest.mark.parametrize("tag", [TAG, old_tag(DOMAIN)], ids=["new form", "old form"])
async def test_a_click_is_redirected_and_noted(is_away: bool, tag: bytes) -> None:
    engagement = FakeEngagement(is_away)
    answer = await ask(engagement, click_path(tag=tag))
    assert (answer.status, answer.headers["location"]) == (302, "https://shop.test/a?b=1&c=%C3%BC")
    assert engagement.noted == [("clicked", DELIVERY_ID, URL, 5, "html")]


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
    [(kind, delivery_id, visitor)] = engagement.noted
    assert (kind, delivery_id, visitor.address) == ("opened", DELIVERY_ID, "203.0.113.9")


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.mark.parametrize(
    ("privacy", "address", "agent", "name"),
    [
        ("full", "203.0.113.9", FIREFOX, "Firefox"),
        ("masked", "203.0.113.0", "", "Firefox"),
        ("none", "", "", None),
    ],
)
async def test_the_domain_says_what_is_kept_of_a_visitor(
    privacy: str, address: str, agent: str, name: str | None
) -> None:
    engagement = FakeEngagement()
    settings = DomainSettings(track_privacy=privacy)
    await ask(engagement, open_path(), headers={"user-agent": FIREFOX}, settings=settings)
    [(_, _, visitor)] = engagement.noted
    assert (visitor.address, visitor.agent, visitor.client.get("client-name")) == (address, agent, name)


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
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.test/", "ftp://a.test/", ""]
)
async def test_S17_only_the_web_is_followed_even_where_it_is_signed(url: str) -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, click_path(url))
    assert answer.status == 404 and "location" not in answer.headers and engagement.noted == []


async def test_S17_links_are_not_followed_at_another_customers_host() -> None:
    for path in (click_path(), open_path(), unsubscribe_path()):
        answer = await ask(FakeEngagement(), path, headers={"host": "email.other.test"})
        assert answer.status == 404 and "location" not in answer.headers


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
            f"/c/{write_token(KEY, domain_tag('none.test'), 'c', DELIVERY_ID, click_data(URL, 0, 'html'))}",
            id="of an unknown domain",
        ),
        pytest.param(
            f"/c/{write_token(KEY, domain_tag(OTHER), 'c', DELIVERY_ID, click_data(URL, 0, 'html'))}",
            id="of another domain, signed with this one's key",
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


@pytest.mark.parametrize("scope", ["", "group:3", "tags", "global", "preferences"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
async def test_S28_looking_and_an_empty_post_change_nothing(method: str, scope: str) -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, unsubscribe_path(scope), method, body=b"")
    assert answer.status == {"POST": 400, "OPTIONS": 405}.get(method, 200)
    assert engagement.noted == []


async def test_the_page_escapes_and_asks_nothing_of_others() -> None:
    page = await ask(FakeEngagement(), unsubscribe_path("group:3"))
    html = page.body.decode()
    assert "&lt;Ann&gt;@good.test" in html
    assert "Offers &amp; &lt;b&gt;" in html
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in html and "<script" not in html


def multipart(name: str, value: str, boundary: str) -> bytes:
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n--{boundary}--\r\n'
    ).encode()


@pytest.mark.parametrize("scope", ["", "group:3"])
@pytest.mark.parametrize("boundary", ["x", "----WebKitFormBoundary7MA4YWxkTrZu0gW"])
async def test_D_08_one_click_comes_in_both_encodings(scope: str, boundary: str) -> None:
    for content, kind in (
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (multipart("List-Unsubscribe", "One-Click", boundary), f"multipart/form-data; boundary={boundary}"),
        (multipart("List-Unsubscribe", "One-Click", boundary), f'multipart/form-data; boundary="{boundary}"'),
    ):
        engagement = FakeEngagement()
        answer = await ask(
            engagement, unsubscribe_path(scope), "POST", body=content, headers={"content-type": kind}
        )
        assert answer.status == 200 and "location" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert engagement.noted == [("unsubscribed", DELIVERY_ID, [scope])]


@pytest.mark.parametrize(
    ("scope", "form", "scopes"),
    [
        ("", {"List-Unsubscribe": "One-Click"}, [""]),
        ("group:3", {"List-Unsubscribe": "One-Click"}, ["group:3"]),
        ("tags", {"List-Unsubscribe": "One-Click"}, ["tag:news", "tag:summer"]),
        ("tags", {"scope": "tags"}, ["tag:news", "tag:summer"]),
        ("", {"scope": ""}, [""]),
        ("global", {"scope": "global"}, ["global"]),
        ("preferences", {"scope": "group:4"}, ["group:4"]),
        ("preferences", {"scope": "global"}, ["global"]),
        ("preferences", {"List-Unsubscribe": "One-Click"}, ["group:3"]),
        ("group:9", {"List-Unsubscribe": "One-Click"}, ["global"]),
    ],
)
async def test_D_08_a_post_unsubscribes(scope: str, form: dict[str, str], scopes: list[str]) -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, unsubscribe_path(scope), "POST", form)
    assert answer.status == 200
    assert engagement.noted == [("unsubscribed", DELIVERY_ID, scopes)]
    assert all(f'name="again" value="{each}"' in answer.body.decode() for each in scopes)


@pytest.mark.parametrize(
    ("scope", "again", "scopes"),
    [
        ("", "", [""]),
        ("group:3", "group:3", ["group:3"]),
        ("tags", "tag:news", ["tag:news"]),
        ("group:3", "global", ["global"]),
    ],
)
async def test_D_08_who_left_by_mistake_comes_back(scope: str, again: str, scopes: list[str]) -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, unsubscribe_path(scope), "POST", {"again": again})
    assert answer.status == 200
    assert engagement.noted == [("resubscribed", DELIVERY_ID, scopes)]


@pytest.mark.parametrize(
    ("left", "body", "noted"),
    [
        (set(), b"wanted=group:3&wanted=group:4", ["resubscribed group:3 group:4 global "]),
        (set(), b"wanted=group:4", ["unsubscribed group:3", "resubscribed group:4 global "]),
        ({"global"}, b"wanted=group:4", ["unsubscribed group:3", "resubscribed group:4 global "]),
        (set(), b"wanted=group:4&nothing=global", ["unsubscribed global"]),
        (set(), b"", ["unsubscribed group:3 group:4", "resubscribed global "]),
        (set(), b"wanted=group:77&wanted=group:3", ["unsubscribed group:4", "resubscribed group:3 global "]),
    ],
)
async def test_D_08_the_page_of_preferences_takes_and_gives(
    left: set[str], body: bytes, noted: list[str]
) -> None:
    engagement = FakeEngagement(left=frozenset(left))
    answer = await ask(engagement, unsubscribe_path("preferences"), "POST", body=b"form=choices&" + body)
    assert answer.status == 200
    assert [f"{kind} {' '.join(scopes)}" for kind, _, scopes in engagement.noted] == noted


async def test_D_08_the_page_of_preferences_shows_what_is_subscribed() -> None:
    html = (
        await ask(FakeEngagement(left=frozenset({"group:4"})), unsubscribe_path("preferences"))
    ).body.decode()
    assert 'value="group:3" checked' in html and 'value="group:4">' in html
    assert 'value="global">' in html and "What is &lt;new&gt;" in html
    html = (
        await ask(FakeEngagement(left=frozenset({"global"})), unsubscribe_path("preferences"))
    ).body.decode()
    assert 'value="global" checked' in html and 'value="group:3">' in html


@pytest.mark.parametrize(
    ("scope", "form"),
    [
        ("group:3", {"scope": "group:77"}),
        ("group:3", {"scope": ""}),
        ("group:3", {"again": "group:77"}),
        ("group:3", {"again": ""}),
        ("group:3", {"List-Unsubscribe": "one-click"}),
        ("group:3", {"form": "choices"}),
    ],
)
async def test_S28_a_post_without_an_answer_changes_nothing(scope: str, form: dict[str, str]) -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, unsubscribe_path(scope), "POST", form)
    assert answer.status == 400
    assert engagement.noted == []


async def test_the_store_is_away() -> None:
    answer = await ask(FakeEngagement(is_away=True), unsubscribe_path())
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (urlencode({f"field{number}": "x" for number in range(200)} | {"scope": ""}).encode(), "x"),
        (b"scope=&x=" + b"x" * 20_000, "x"),
        (b"--x\r\n" * 500, "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data; name=scope", "multipart/form-data; boundary=x"),
        (b"scope=", "multipart/form-data"),
        (b"\xff\x00&&&=%", "application/x-www-form-urlencoded"),
    ],
    ids=["many fields", "long", "many parts", "cut off", "no boundary", "no form"],
)
async def test_a_body_that_is_no_form_of_ours_changes_nothing(body: bytes, kind: str) -> None:
    engagement = FakeEngagement()
    answer = await ask(engagement, unsubscribe_path(), "POST", body=body, headers={"content-type": kind})
    assert answer.status == 400
    assert engagement.noted == []


@pytest.mark.parametrize("language", WORDS)
async def test_pages_speak_the_visitors_language(language: str) -> None:
    answer = await ask(
        FakeEngagement(),
        unsubscribe_path(),
        headers={"accept-language": f"xx, {language}-XX;q=0.8, en;q=0.1"},
    )
    html = answer.body.decode()
    assert f'<html lang="{language}">' in html and f"<h1>{WORDS[language]['unsubscribe']}</h1>" in html
    assert "{" not in html.partition("</style>")[2]


def test_every_language_has_every_sentence() -> None:
    english = WORDS["en"]
    for language, words in WORDS.items():
        assert words.keys() == english.keys(), language
        for key, text in words.items():
            for name in ("{sender}", "{address}", "{kind}", "{name}", "{names}"):
                assert (name in text) == (name in english[key]), (language, key, name)


async def test_pages_wear_the_senders_name_and_colour() -> None:
    settings = DomainSettings(page_name="Shop & Co", page_colour="#ffcc00", page_text="Ask <help@shop.test>")
    answer = await ask(FakeEngagement(), unsubscribe_path(), settings=settings)
    html = answer.body.decode()
    assert "Shop &amp; Co" in html and "Ask &lt;help@shop.test&gt;" in html
    assert "--act:#ffcc00;--on:#000" in html, "black reads better on yellow"
    dark = await ask(FakeEngagement(), unsubscribe_path(), settings=DomainSettings(page_colour="#1a2b3c"))
    assert "--act:#1a2b3c;--on:#fff" in dark.body.decode()
    assert dark.headers["content-security-policy"] != answer.headers["content-security-policy"]
