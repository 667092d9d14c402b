"""What people say about webhooks: URLs, names of events, and what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from blank_store import make_store
from posthouse.desk import hooks
from posthouse.desk.hook_samples import ALL_S, AT_ONCE, post_samples
from posthouse.desk.hooks import Wanted, parse_kinds, parse_url
from posthouse.dialects.table import HOOK_FORMS
from posthouse.model.account import Domain
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import Refused
from posthouse.model.event import Event, EventKind
from posthouse.model.hook import Hook
from posthouse.net.httpout import PostResult
from posthouse.store import events, hook_queue, identity
from posthouse.store.engine import Connection, connect

CLOCK = FakeClock()
IDS = Ids(CLOCK)
NOW = CLOCK.now()


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path}/posthouse.db"
    make_store(url)
    with connect(url) as opened:
        with opened.transaction():
            for account in ("a1", "a2"):
                identity.ensure_account(opened, account, id=account, now=NOW)
                domain = Domain(f"d-{account}", account, f"{account}.example.com", "us", NOW, NOW)
                identity.add_domain(opened, domain, [])
        yield opened


def add(conn: Connection, url: str = "https://x.test/in", dialect: str = "native", **wanted: object) -> Hook:
    with conn.transaction():
        return hooks.add(
            conn,
            IDS,
            NOW,
            HOOK_FORMS,
            account_id="a1",
            dialect=dialect,
            wanted=Wanted(url, **wanted),  # type: ignore[arg-type]
            allows_plain=False,
        )


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://x.test/", "https URLs only"),
        ("ftp://x.test/", "no URL of the form"),
        ("x.test/in", "no URL of the form"),
        ("https:///in", "no URL of the form"),
        ("https://x.test:0/", "no URL of the form"),
        ("https://x.test:99999/", "is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://x.test/#here", "no URL of the form"),
        ("https://x.test/a b", "printable ASCII"),
        ("https://x.test/\r\nHost: y", "printable ASCII"),
        ("https://müller.test/", "printable ASCII"),
        ("https://x.test/" + "a" * 2000, "up to 2000"),
        ("ftp://joe:marker-secret@x.test/", "[redacted]"),
    ],
)
def test_a_wrong_url_is_told_in_one_sentence(url: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_url(url, allows_plain=False)
    assert said in refused.value.text
    assert "marker-secret" not in refused.value.text and "\n" not in refused.value.text


@pytest.mark.parametrize(
    "url", ["https://x.test", "https://joe:pw@x.test:8443/in?a=b", "https://[2001:db8::1]/"]
)
def test_a_good_url_stays_as_it_is(url: str) -> None:
    assert parse_url(url, allows_plain=False) == url


def test_plain_http_where_the_operator_allows_it() -> None:
    assert parse_url("http://x.test/", allows_plain=True) == "http://x.test/"


@pytest.mark.parametrize(
    ("dialect", "words", "kinds", "only"),
    [
        ("mailgun", ["permanent_fail"], "failed dropped bounced", ()),
        ("mailgun", ["delivered,opened"], "delivered opened", ()),
        ("mailgun", ["failed"], "failed", ()),
        ("sendgrid", ["spam_report", "open"], "complained opened", ()),
        ("mailpace", ["email.spam"], "dropped", ("email.spam",)),
        ("mailpace", ["email.spam", "email.bounced"], "dropped failed bounced", ()),
        ("native", ["delivered", "held"], "delivered held", ()),
    ],
)
def test_events_have_the_services_names_or_ours(
    dialect: str, words: list[str], kinds: str, only: tuple[str, ...]
) -> None:
    found = parse_kinds(HOOK_FORMS[dialect], dialect, words)
    assert found == (frozenset(EventKind(word) for word in kinds.split()), only)


@pytest.mark.parametrize("words", [["nonsense"], [], [","], ["held"]])
def test_an_event_that_a_service_does_not_have_is_refused(words: list[str]) -> None:
    with pytest.raises(Refused):
        parse_kinds(HOOK_FORMS["sendgrid"], "sendgrid", words)


def test_all_of_a_service(conn: Connection) -> None:
    for dialect, form in HOOK_FORMS.items():
        made = add(conn, dialect=dialect)
        assert made.kinds == frozenset(kind for kinds in form.kinds.values() for kind in kinds)
        assert made.settings.only == ()


def test_a_hook_is_shown_without_its_password(conn: Connection) -> None:
    add(conn, "https://joe:marker-secret@x.test/", name="Shop")
    (row,) = hooks.overview(conn, "a1")
    assert (row["url"], row["name"]) == ("https://joe:[redacted]@x.test/", "Shop")
    assert hooks.overview(conn, "a2") == []


def test_what_is_said_changes_and_the_rest_stays(conn: Connection) -> None:
    made = add(conn, domain="a1.example.com", kinds=["opened"], stops_at_failure=True)
    with conn.transaction():
        changed = hooks.change(
            conn,
            NOW + 1,
            HOOK_FORMS,
            account_id="a1",
            hook_id=made.id,
            wanted=Wanted(name="new", signs=False, domain=""),
            allows_plain=False,
        )
    assert hooks.load(conn, "a1", made.id) == changed
    assert (changed.kinds, changed.domain, changed.name) == ({EventKind.OPENED}, "", "new")
    assert (changed.settings.signs, changed.settings.stops_at_failure) == (False, True)


def test_the_same_twice_and_too_many_are_refused(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    add(conn)
    with pytest.raises(Refused, match="already"):
        add(conn)
    monkeypatch.setattr(hooks, "MOST_HOOKS", 1)
    with pytest.raises(Refused, match="may have 1 webhooks"):
        add(conn, "https://y.test/")


def test_S20_anothers_hook_and_domain_do_not_exist(conn: Connection) -> None:
    made = add(conn)
    sentences = set()
    for hook_id in (made.id, IDS.new()):
        with pytest.raises(Refused) as refused:
            hooks.load(conn, "a2", hook_id)
        sentences.add(refused.value.text.replace(hook_id, "ID"))
    for name in ("a2.example.com", "nowhere.example.com"):
        with pytest.raises(Refused) as refused:
            add(conn, "https://y.test/", domain=name)
        sentences.add(refused.value.text.replace(name, "NAME"))
    assert len(sentences) == 2


# Once more


def tell(conn: Connection, count: int, **more: str) -> list[str]:
    made = []
    for number in range(count):
        CLOCK.advance(1)
        made.append(
            Event(
                IDS.new(),
                EventKind(more.get("kind", "delivered")),
                CLOCK.now(),
                more.get("account", "a1"),
                more.get("domain", "a1.example.com"),
                f"m{number}",
            )
        )
    with conn.transaction():
        events.append(conn, made)
    return [each.id for each in made]


def waiting(conn: Connection, hook: Hook) -> int:
    return hook_queue.counts(conn, "a1").get(hook.id, (0, ""))[0]


def test_events_by_id(conn: Connection) -> None:
    hook = add(conn)
    ids = tell(conn, 3)
    with conn.transaction():
        assert hooks.redeliver_ids(conn, NOW, hook, HOOK_FORMS, ids[:2]) == 2
    for wrong in (tell(conn, 1, account="a2"), ["nonsense"]):
        with pytest.raises(Refused, match="There is no event"), conn.transaction():
            hooks.redeliver_ids(conn, NOW, hook, HOOK_FORMS, [*ids, *wrong])
    assert waiting(conn, hook) == 2


def test_events_of_a_time(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_STEP", 4)
    hook = add(conn, domain="a1.example.com", kinds=["delivered"])
    tell(conn, 5)
    since = CLOCK.now() + 0.5
    tell(conn, 9)
    tell(conn, 3, kind="opened")
    tell(conn, 3, domain="else.example.com")
    tell(conn, 3, account="a2")
    until = CLOCK.now() + 0.5
    tell(conn, 2)
    found = hooks.redeliver_since(conn, NOW, hook, HOOK_FORMS, since, until)
    assert found == waiting(conn, hook) == 9


class Posts:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def post(self, url: str, content: bytes, *_: object, total_s: float = 15.0) -> PostResult:
        self.bodies.append(content)
        return PostResult(204, "")


@pytest.mark.parametrize("dialect", HOOK_FORMS)
async def test_a_sample_of_each_kind_is_posted_in_the_services_way(conn: Connection, dialect: str) -> None:
    hook, posts = add(conn, dialect=dialect), Posts()
    done = await post_samples(hook, HOOK_FORMS[dialect], None, posts, IDS, NOW)
    kinds = {EventKind(kind) for each in done for kind in each.kinds}
    assert all(each.result.is_taken for each in done)
    assert {EventKind.DELIVERED, EventKind.FAILED} <= kinds <= hook.kinds
    assert len(posts.bodies) == (1 if dialect == "sendgrid" else len(kinds))


class SlowPosts:
    """A receiver that takes all the time that it is given; `at_once`: the most posts side by side."""

    def __init__(self) -> None:
        self.now, self.running, self.at_once, self.given = 0.0, 0, 0, list[float]()

    async def post(self, *_: object, total_s: float) -> PostResult:
        self.given.append(total_s)
        self.running += 1
        self.at_once = max(self.at_once, self.running)
        began_at = self.now
        for _turn in range(AT_ONCE):  # as many as may begin meanwhile
            await asyncio.sleep(0)
        self.now = max(self.now, began_at + total_s)
        self.running -= 1
        return PostResult(0, "no answer in time")


async def test_samples_go_side_by_side_and_all_of_them_end_in_time(conn: Connection) -> None:
    hook, posts = add(conn), SlowPosts()
    done = await post_samples(hook, HOOK_FORMS["native"], None, posts, IDS, NOW, lambda: posts.now)  # type: ignore[arg-type]
    assert (posts.at_once, posts.now) == (AT_ONCE, ALL_S)
    assert posts.given == [15.0] * AT_ONCE + [5.0] * AT_ONCE
    texts = [each.result.text for each in done]
    assert texts[: 2 * AT_ONCE] == ["no answer in time"] * 2 * AT_ONCE
    assert set(texts[2 * AT_ONCE :]) == {"not posted: the others took too long"}
    assert [kind for each in done for kind in each.kinds] == sorted(kind.value for kind in hook.kinds)
