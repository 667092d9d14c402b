"""Lists page by page: links to the pages before and behind, and a search that they keep."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
from starlette.datastructures import QueryParams

from browsing import Page
from posthouse.desk import accounts
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.paging import ROWS
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.model.account import Credential, CredentialKind, Domain, DomainSettings, Person, Role
from posthouse.store import groups, identity, people, templates
from posthouse.store.connection import Connection
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

HOME = "/accounts/default"
COUNT = 2 * ROWS + 3


def asked(query: str) -> Visit:
    """Only what paging asks of a visit."""
    params = QueryParams(query)
    visit = SimpleNamespace(
        request=SimpleNamespace(query_params=params), query=lambda name: params.get(name, "").strip()
    )
    return cast(Visit, visit)


@pytest.mark.parametrize(
    ("query", "first", "previous", "next"),
    [
        ("", "", "", "?q=x&after=n"),
        ("after=a", "", "?q=x", "?q=x&after=a&after=n"),
        ("after=a&after=b", "?q=x", "?q=x&after=a", "?q=x&after=a&after=b&after=n"),
        ("after=&after=%00", "", "", "?q=x&after=n"),
    ],
)
def test_W_01_a_page_knows_the_ways_on_and_back(query: str, first: str, previous: str, next: str) -> None:
    found = paging.pages(asked(query), {"q": "x", "tag": ""}, "n")
    assert (found.first, found.previous, found.next) == (first, previous, next)
    assert paging.pages(asked(query), {}).next == ""
    assert found.is_first == (not previous)


def test_addresses_stay_short_however_many_pages_were_seen() -> None:
    query = ""
    for number in range(200):
        query = paging.pages(asked(query), {}, f"{number}-{'x' * 60}").next.removeprefix("?")
        assert len(query) < 2200
    assert paging.place(asked(query)).startswith("199-")


@pytest.mark.parametrize("rows", [0, 1, ROWS, ROWS + 1])
def test_W_01_a_list_says_that_more_follows_only_where_it_does(rows: int) -> None:
    values = paging.shown(asked("q=x"), range(rows), str)
    assert len(values["rows"]) == min(rows, ROWS)
    assert values["pages"].next == (f"?q=x&after={ROWS - 1}" if rows > ROWS else "")


# -- the pages


def _domain(conn: Connection, account_id: str, number: int) -> None:
    name = f"site{number:04}.test"
    identity.add_domain(conn, Domain(f"d{number}", account_id, name, "us", None, 0.0), [])


def _credential(kind: CredentialKind) -> Callable[[Connection, str, int], None]:
    def add(conn: Connection, account_id: str, number: int) -> None:
        new = Credential(f"c{number}", account_id, "", kind, f"site{number:04}", b"x", 0.0, dialect="native")
        identity.add_credential(conn, new)

    return add


def _person(conn: Connection, account_id: str, number: int) -> None:
    email, roles = f"site{number:04}@x.test", {account_id: Role.VIEWER}
    people.add_person(conn, Person(f"p{number}", email, "", "", b"", False, 0.0, 0.0, None, roles))


def _template(conn: Connection, account_id: str, number: int) -> None:
    about = templates.Template(f"t{number}", account_id, "", f"site{number:04}", "", 0.0)
    templates.add_template(conn, about)


def _group(conn: Connection, account_id: str, number: int) -> None:
    groups.add_group(conn, account_id, f"site{number:04}")


def _account(conn: Connection, account_id: str, number: int) -> None:
    identity.ensure_account(conn, f"site{number:04}", id=f"a{number}", now=0.0)


ADD: dict[str, Callable[[Connection, str, int], None]] = {
    "users": _credential(CredentialKind.SMTP_USER),
    "keys": _credential(CredentialKind.API_KEY),
    "domains": _domain,
    "people": _person,
    "templates": _template,
    "groups": _group,
    "accounts-here": _account,
}


def _filled(conn: Connection, path: str) -> None:
    account_id = accounts.own_account(conn, "")
    for number in range(COUNT):
        ADD[path](conn, account_id, number)


def names(page: Page) -> list[str]:
    """The rows of the list that the test made; those of the desk come and go."""
    rows = re.findall(r'<th scope="row".*?</th>', page.html, re.DOTALL)
    return [found[0] for row in rows if (found := re.search(r"site\d{4}", row))]


@pytest.mark.parametrize("path", ADD)
async def test_W_01_a_long_list_is_walked_to_its_end_and_back(desk: Desk, path: str) -> None:
    await desk.api.write(_filled, path)
    browser = await desk.browser()
    at = f"{HOME}/{path}"
    pages = [await browser.open(at)]
    while following := pages[-1].link("next"):
        pages.append(await browser.open(at + following))
    assert len(pages) == 3
    found = [name for page in pages for name in names(page)]
    assert found == [f"site{number:04}" for number in range(COUNT)]
    assert all(page.html.count('<th scope="row"') <= ROWS for page in pages)
    back = await browser.open(at + pages[2].link("prev"))
    assert names(back) == names(pages[1]) and back.link("next") == pages[1].link("next")
    first = await browser.open(at + back.link("prev"))
    assert names(first) == names(pages[0]) and not first.link("prev")


@pytest.mark.parametrize("path", ADD)
async def test_W_01_a_search_by_name_stays_over_the_pages(desk: Desk, path: str) -> None:
    await desk.api.write(_filled, path)
    browser = await desk.browser()
    assert 'type="search"' in (await browser.open(f"{HOME}/{path}")).html
    one = await browser.open(f"{HOME}/{path}?q=SITE0077")
    assert names(one) == ["site0077"] and not one.link("next")
    many = await browser.open(f"{HOME}/{path}?q=site00")
    assert len(names(many)) == ROWS and "q=site00" in many.link("next")
    nothing = await browser.open(f"{HOME}/{path}?q=nobody-is-called-so")
    assert nothing.status == 200 and "Nothing here is called so." in nothing.text


@pytest.mark.parametrize("path", [path for path in ADD if path != "accounts-here"])
async def test_S20_no_page_of_a_list_shows_what_is_anothers(desk: Desk, path: str) -> None:
    await desk.api.write(_filled, path)
    browser = await desk.browser(account=OTHER)
    for query in ("", "?q=site", "?after=site0010", "?after=5", "?after=%2Fsite0010"):
        page = await browser.open(f"/accounts/{OTHER}/{path}{query}")
        assert page.status == 200 and names(page) == []


CHOOSING = [
    "",
    "/keys",
    "/suppressions",
    "/suppressions/allowed",
    "/suppressions/import",
    "/templates/new",
    "/webhooks/new",
    "/addresses",
]


@pytest.mark.parametrize("path", CHOOSING)
async def test_W_01_what_is_too_long_to_choose_from_is_typed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fill(conn: Connection) -> None:
        account_id = accounts.own_account(conn, "")
        for number in range(3):
            _domain(conn, account_id, number)
            _group(conn, account_id, number)
            _account(conn, account_id, number)

    await desk.api.write(fill)
    browser = await desk.browser()
    few = (await browser.open(HOME + path)).html
    assert re.search("<option[^>]*>[^<]*site0001", few)
    monkeypatch.setattr("posthouse.doors.web.dashboard.choices.MOST", 2)
    page = await browser.open(HOME + path)
    assert page.status == 200 and not re.search("<option[^>]*>[^<]*site0001", page.html)
    assert re.search('<input[^>]* name="(domain|account)"', page.html)


async def test_W_01_figures_of_a_domain_are_asked_for_by_its_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posthouse.doors.web.dashboard.choices.MOST", 0)
    browser = await desk.browser()
    own = await browser.open(f"{HOME}?domain=Shop.test")
    assert 'name="domain" value="shop.test"' in own.html
    other = await browser.open(f"{HOME}?domain=other.test")
    assert 'name="domain" value=""' in other.html


async def test_W_01_signing_keys_of_many_domains_come_page_by_page(desk: Desk) -> None:
    await desk.api.write(_filled, "domains")
    browser = await desk.browser()
    page = await browser.open(f"{HOME}/webhooks/keys")
    assert "site0000.test" in page.text and "site0060.test" not in page.text
    assert "the whole account" in page.text
    page = await browser.open(f"{HOME}/webhooks/keys{page.link('next')}")
    assert "site0060.test" in page.text and "the whole account" not in page.text


@pytest.mark.parametrize("path", ["/limits", "/accounts-here/default"])
async def test_W_04_limits_of_many_domains_come_page_by_page(desk: Desk, path: str) -> None:
    def fill(conn: Connection) -> None:
        account_id = accounts.own_account(conn, "")
        for number in range(COUNT):
            _domain(conn, account_id, number)
            identity.set_settings(conn, f"site{number:04}.test", DomainSettings(hourly_messages=number + 1))

    await desk.api.write(fill)
    browser = await desk.browser()
    pages = [await browser.open(HOME + path)]
    while following := pages[-1].link("next"):
        pages.append(await browser.open(HOME + path + following))
    assert len(pages) == 3
    assert [name for page in pages for name in names(page)] == [f"site{number:04}" for number in range(COUNT)]
