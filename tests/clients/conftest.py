"""Shared by the client tests: one running Posthouse, the inbox behind it, a way to run a real program."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dkim
import pytest
from bench.posthouse import House

from clients.inbox import Arrival, Inbox
from clients.mailgun_js import Client as MailgunClient
from clients.programs import NODE, Run, run_program


@pytest.fixture(scope="session")
def inbox() -> Iterator[Inbox]:
    box = Inbox()
    yield box
    box.close()


@pytest.fixture(scope="session")
def house(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A Posthouse whose mail goes to the inbox, with the user postmaster@lab.test."""
    running = House(tmp_path_factory.mktemp("clients") / "house", inbox.port).set_up()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def records(house: House) -> dict[bytes, bytes]:
    return house.dkim_records()


@pytest.fixture
def run() -> Run:
    """run(words, stdin=…, env=…) -> everything the program printed; a failure shows its words."""
    return run_program


@pytest.fixture
def signed(records: dict[bytes, bytes]) -> Callable[[Arrival], bool]:
    """Whether dkimpy accepts the signature of a letter."""
    return lambda arrival: bool(
        dkim.verify(arrival.content, dnsfunc=lambda name, timeout=5: records.get(name))
    )


@pytest.fixture(scope="module")
def mailgun_house(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own: these tests change the domain."""
    extra = '[delivery]\nprivate_networks = "allow"\n'  # addresses of this machine alone
    house = House(tmp_path_factory.mktemp("mailgun") / "house", inbox.port, extra=extra).set_up()
    house.start()
    yield house
    house.stop()


@pytest.fixture(scope="module")
def mailgun(mailgun_house: House) -> MailgunClient:
    """Mailgun's client, unmodified: only the URL is another."""
    assert (NODE / "node_modules" / "mailgun.js").is_dir(), "run sh tests/clients/install.sh"
    return MailgunClient(mailgun_house, run_program)
