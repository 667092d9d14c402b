"""Fixtures of the whole-house tests: one fake internet and one PostgreSQL a session, houses as wanted.

After every test the three questions of `books` are asked of every house that is open.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from blank_store import make_database
from crash.postgres import Postgres
from house.house import House, Houses
from house.internet import Internet

_passed = pytest.StashKey[bool]()
_open: list[Houses] = []


@pytest.fixture(scope="session")
def internet() -> Iterator[Internet]:
    """The fake internet of this session."""
    with Internet() as running:
        yield running


class Stores:
    """Fresh stores by the name of their engine; PostgreSQL is started when it is first wanted."""

    def __init__(self) -> None:
        self._postgres: Postgres | None = None

    def fresh(self, engine: str) -> str:
        """The address of an empty store; "" means SQLite in the house's folder."""
        print(f"store engine: {engine}")
        if engine == "sqlite":
            return ""
        if self._postgres is None:
            self._postgres = Postgres().start()
        return make_database(self._postgres.url, self._postgres.query)

    def close(self) -> None:
        if self._postgres is not None:
            self._postgres.__exit__()


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    all_stores = Stores()
    yield all_stores
    all_stores.close()


def _houses(tmp_path_factory: pytest.TempPathFactory, internet: Internet) -> Iterator[Houses]:
    houses = Houses(tmp_path_factory.mktemp("house"), internet)
    _open.append(houses)
    yield houses
    _open.remove(houses)
    houses.close()


@pytest.fixture(scope="module")
def shared_houses(tmp_path_factory: pytest.TempPathFactory, internet: Internet) -> Iterator[Houses]:
    """Houses that all tests of a module use."""
    yield from _houses(tmp_path_factory, internet)


@pytest.fixture
def houses(tmp_path_factory: pytest.TempPathFactory, internet: Internet) -> Iterator[Houses]:
    """Houses of one test."""
    yield from _houses(tmp_path_factory, internet)


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    """The module's house on SQLite, as installed but for short pauses between attempts."""
    return shared_houses.new()


@pytest.fixture(autouse=True)
def three_questions(request: pytest.FixtureRequest, houses: Houses) -> Iterator[None]:
    """Asked when the test has passed; then every queue is emptied."""
    yield
    if not request.node.stash.get(_passed, False):
        return
    for opened in [house for houses in _open for house in houses.open]:
        found = opened.contradictions()
        assert not found, "\n".join([*found[:20], opened.story()])
        opened.give_up_the_rest()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test tells the log, events and transcripts of its houses."""
    report = yield
    if report.when == "call":
        item.stash[_passed] = report.passed
        if report.failed:
            stories = [house.story() for houses in _open for house in houses.open]
            stories += [houses.internet.story() for houses in _open[:1]]
            report.sections.append(("the house", "\n".join(stories)))
    return report
