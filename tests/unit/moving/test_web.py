"""Asking an API politely and without trust: waits, tries again, keeps to its host, has bounds (S15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from posthouse.model.errors import Refused
from posthouse.moving.web import Unanswered, Web, parse_base
from unit.moving.fakes import FakeApi, Raw, serving

SECRET = "the-secret-key"
WebFor = Callable[[FakeApi, list[float]], Web]


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def web_for() -> Iterator[WebFor]:
    made: list[Web] = []

    def make(api: FakeApi, pauses: list[float]) -> Web:
        headers = {"Authorization": SECRET}
        made.append(Web(api.base, headers, allows_private=True, pause=pauses.append, wall=lambda: 1000.0))
        return made[-1]

    yield make
    for web in made:
        web.close()


def test_an_answer_is_read(web_for: WebFor, pauses: list[float]) -> None:
    with serving(FakeApi(SECRET, {"/v3/x": {"a": [1]}})) as api:
        web = web_for(api, pauses)
        assert web.get("/v3/x", {"limit": 2}) == {"a": [1]}
        assert web.get("/v3/x") == {"a": [1]}
        web.close()
    assert api.asked == ["/v3/x?limit=2", "/v3/x"]
    assert pauses == []


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "999999"}, 900.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1.0),
        ({"X-RateLimit-Reset": "1030"}, 30.0),
        ({"X-RateLimit-Reset": "99999999999"}, 900.0),
        ({"X-RateLimit-Reset": "-5"}, 1.0),
        ({}, 1.0),
    ],
)
@pytest.mark.parametrize("status", [429, 420, 503])
def test_it_waits_as_long_as_it_is_told(
    web_for: WebFor, pauses: list[float], headers: dict[str, str], waited: float, status: int
) -> None:
    with serving(FakeApi(SECRET, {"/x": 1}, before=[Raw(status, b"slow down", headers)])) as api:
        assert web_for(api, pauses).get("/x") == 1
    assert pauses == [waited]


def test_it_gives_up_after_some_tries(web_for: WebFor, pauses: list[float]) -> None:
    with (
        serving(FakeApi(SECRET, {}, before=[Raw(500, b'{"message":"broken"}')] * 9)) as api,
        pytest.raises(Unanswered, match="it answers 500: broken"),
    ):
        web_for(api, pauses).get("/x")
    assert len(api.asked) == 6
    assert pauses == [1.0, 2.0, 5.0, 15.0, 30.0]


def test_an_answer_that_breaks_off_is_asked_for_again(web_for: WebFor, pauses: list[float]) -> None:
    with serving(FakeApi(SECRET, {"/x": 1}, before=[Raw(200, b'{"a":', is_cut=True)])) as api:
        assert web_for(api, pauses).get("/x") == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(web_for: WebFor, pauses: list[float], status: int) -> None:
    away = Raw(status, b"", {"Location": "http://169.254.169.254/latest/meta-data"})
    with serving(FakeApi(SECRET, {}, before=[away])) as api, pytest.raises(Unanswered, match="not followed"):
        web_for(api, pauses).get("/x")
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("following", "asked"),
    [
        ("http://169.254.169.254/secret?a=1", "/secret?a=1"),
        ("https://user:pass@evil.test:22/x", "/x"),
        ("/v3/next?p=2", "/v3/next?p=2"),
    ],
)
def test_the_next_page_is_asked_of_the_same_host(
    web_for: WebFor, pauses: list[float], following: str, asked: str
) -> None:
    with serving(FakeApi(SECRET)) as api, pytest.raises(Unanswered):
        web_for(api, pauses).get(following)
    assert api.asked == [asked]


@pytest.mark.parametrize("following", ["x", "/a b", "/a\r\nX: y", "/ä", "http://[::1/x", "http://h"])
def test_a_next_page_that_is_no_path_is_not_asked(
    web_for: WebFor, pauses: list[float], following: str
) -> None:
    with serving(FakeApi(SECRET)) as api, pytest.raises(Unanswered):
        web_for(api, pauses).get(following)
    assert api.asked == []


def test_S15_a_private_network_is_refused(web_for: WebFor, pauses: list[float]) -> None:
    web = Web("https://127.0.0.1:1", {}, pause=pauses.append)
    with pytest.raises(Unanswered, match="private network; --allow-private"):
        web.get("/x")
    assert pauses == []


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "ftp://api.example.com",
        "api.example.com",
        "https://",
        "https://key@api.example.com",
        "https://api.example.com/?key=1",
        "https://api.example.com/#x",
        "https://api.example.com:0/",
        "https://api.example.com:99999/",
        "https://äpi.example.com",
        "https://a b",
        "",
    ],
)
def test_a_base_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        parse_base(url, allows_private=False)


def test_an_answer_has_a_largest_size(web_for: WebFor, pauses: list[float]) -> None:
    long = Raw(200, b'"' + b"x" * (17 * 1024 * 1024) + b'"')
    with serving(FakeApi(SECRET, {}, before=[long])) as api, pytest.raises(Unanswered, match="longer than"):
        web_for(api, pauses).get("/x")


def test_a_long_array_is_read_as_it_arrives(web_for: WebFor, pauses: list[float]) -> None:
    rows = [f"a{n}@good.test" for n in range(50_000)]
    with serving(FakeApi(SECRET, {"/x": rows})) as api:
        assert list(web_for(api, pauses).stream("/x")) == rows


@pytest.mark.parametrize("body", [b"[1,2", b"[NaN]", b"\xff\xfe", b"[" * 100_000, b"[1e400,2"])
def test_a_list_that_makes_no_sense_ends_with_a_sentence(
    web_for: WebFor, pauses: list[float], body: bytes
) -> None:
    with (
        serving(FakeApi(SECRET, {}, before=[Raw(200, body)])) as api,
        pytest.raises(Unanswered, match="makes no sense"),
    ):
        list(web_for(api, pauses).stream("/x"))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"a":', b"\xff", b"[" * 100_000, b"9" * 10_000, b'{"a":Infinity}']
)
def test_an_answer_that_makes_no_sense_is_told(web_for: WebFor, pauses: list[float], body: bytes) -> None:
    with serving(FakeApi(SECRET, {}, before=[Raw(200, body)])) as api, pytest.raises(Unanswered):
        web_for(api, pauses).get("/x")


def test_S22_the_key_stands_in_no_error(web_for: WebFor, pauses: list[float]) -> None:
    echo = Raw(400, f'{{"errors":[{{"message":"bad key {SECRET}"}}]}}'.encode())
    with serving(FakeApi(SECRET, {}, before=[echo])) as api, pytest.raises(Unanswered) as caught:
        web_for(api, pauses).get("/x")
    assert SECRET not in caught.value.text
    assert "bad key …" in caught.value.text


def test_there_is_a_pause_between_calls_to_other_machines() -> None:
    pauses: list[float] = []
    web = Web("https://192.0.2.1", {}, pause=pauses.append, clock=lambda: 5.0)
    for _ in range(2):
        with pytest.raises(Unanswered):
            web.get("/x")
    assert pauses == pytest.approx([0.2])
