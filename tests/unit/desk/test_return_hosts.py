"""When a domain's mail leaves with return paths of its own: DNS says so, and workers know within a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blank_store import make_store
from posthouse.config import settings_from
from posthouse.desk import domains
from posthouse.desk.identity_view import IdentityView
from posthouse.desk.installation import Installation
from posthouse.desk.verification import has_returns, settle
from posthouse.model.clock import FakeClock, Ids
from posthouse.rules.checks import Check, State
from posthouse.rules.records import Sender, Use, needed
from posthouse.store import domain_keys, identity
from posthouse.store.engine import Connection, connect
from posthouse.wiring.going_out import return_paths

CLOCK = FakeClock()
IDS = Ids(CLOCK)
INSTALLATION = Installation(b"k" * 32)
OK, MISSING, WRONG, UNKNOWN = State.OK, State.MISSING, State.WRONG, State.UNKNOWN


def checks_of(mx: State, spf: State) -> list[Check]:
    domain = domains.draft(
        INSTALLATION, IDS, 0.0, name="a.test", region="us", algorithms=("ed25519-sha256",)
    ).domain
    states = {Use.RETURN_MX: mx, Use.RETURN_SPF: spf}
    records = needed(domain, [], Sender("mail.house.test"))
    return [Check(record, states.get(record.use, State.OK), "", "") for record in records]


@pytest.mark.parametrize(
    ("mx", "spf", "before", "expected"),
    [
        (OK, OK, False, True),
        (OK, OK, True, True),
        (OK, MISSING, True, False),
        (MISSING, OK, True, False),
        (WRONG, OK, True, False),
        (UNKNOWN, OK, True, True),
        (OK, UNKNOWN, True, True),
        (UNKNOWN, UNKNOWN, True, True),
        (UNKNOWN, OK, False, False),
        (UNKNOWN, WRONG, True, False),
    ],
)
def test_both_records_are_needed_and_silence_changes_nothing(
    mx: State, spf: State, before: bool, expected: bool
) -> None:
    assert has_returns(checks_of(mx, spf), before=before) is expected


def test_a_look_without_these_records_gives_nothing() -> None:
    assert not has_returns([], before=True)


class OneConnection:
    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return fn(self.conn, *args)


async def test_the_view_follows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    make_store(url)
    settings = settings_from({"smtp": {"listen": ["127.0.0.1:25"]}}, base=tmp_path)
    view = IdentityView(INSTALLATION, "us")
    with connect(url) as conn:
        new = domains.draft(
            INSTALLATION, IDS, CLOCK.now(), name="a.test", region="us", algorithms=("ed25519-sha256",)
        )
        with conn.transaction():
            identity.ensure_account(conn, "one", id=IDS.new(), now=CLOCK.now())
            domain = domains.create(conn, IDS, new, "one")
        assert domain_keys.keys_of(conn, domain.id)
        store = OneConnection(conn)
        await view.refresh(store)
        assert view.return_host("a.test") == ""
        assert view.is_return_host("return.a.test"), "who knows the name may write, whatever DNS says"
        assert not view.is_return_host("return.b.test") and not view.is_return_host("a.test")

        for state, host in ((OK, "return.a.test"), (UNKNOWN, "return.a.test"), (MISSING, "")):
            with conn.transaction():
                settle(conn, domain, checks_of(state, state), CLOCK.now(), settings)
            await view.refresh(store)
            assert view.return_host("a.test") == host, state


@pytest.mark.parametrize(
    ("returns", "host"),
    [
        ({"domain": "back.house.test"}, "back.house.test"),
        ({"domain": "back.house.test", "port": 2525}, ""),
        ({"domain": "back.house.test", "port": 0}, ""),
        ({}, ""),
    ],
    ids=["a domain of the installation", "no such port", "switched off", "as installed"],
)
def test_a_domain_without_records_uses_that_of_the_installation(
    tmp_path: Path, returns: dict[str, Any], host: str
) -> None:
    raw = {"smtp": {"listen": ["127.0.0.1:25"]}, "returns": returns}
    paths = return_paths(settings_from(raw, base=tmp_path), IdentityView(INSTALLATION, "us"))
    address = paths.unsubscribe_address("a.test", f"{IDS.new()}.0001")
    assert address.rpartition("@")[2] == host
