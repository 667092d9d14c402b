"""An installation with people for the tests of signing in: a real SQLite file, a fake clock, quick hashes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from posthouse.desk import accounts, people
from posthouse.desk.entrance import Entrance
from posthouse.desk.installation import Installation
from posthouse.desk.passwords import Given, Passwords
from posthouse.desk.self_service import SelfService
from posthouse.desk.wrong_codes import WrongCodes
from posthouse.model.account import Person, Role
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.errors import TryLater
from posthouse.net.board import Board
from posthouse.store import people as store_people
from posthouse.store.engine import Connection

EMAIL, PASSWORD = "ann@shop.test", "a long password of Ann"
AWAY = TryLater(451, "4.3.0", "The mail store is not available, please try again later")


def quick_hash(password: str) -> str:
    return f"hash of {password}"


def quick_match(hash: str, password: str) -> bool:
    return hash == quick_hash(password)


class OneStore:
    """A worker's store on one connection, at once. `is_away`: it refuses."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.is_away = False

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        if self.is_away:
            raise AWAY
        return fn(self.conn, *args)

    async def write(self, fn: Callable[..., Any], item: Any) -> Any:
        if self.is_away:
            raise AWAY
        with self.conn.transaction():
            return fn(self.conn, [item])[0]


@dataclass
class Entry:
    """Two accounts, `one` and `two`; Ann owns the first with a password of her own. `neighbour` is the
    entrance of another worker."""

    conn: Connection
    clock: FakeClock = field(default_factory=FakeClock)
    installation: Installation = field(default_factory=lambda: Installation(b"k" * 32))

    def __post_init__(self) -> None:
        self.ids = Ids(self.clock)
        self.store = OneStore(self.conn)
        self.passwords = Passwords(quick_hash, quick_match)
        self.board = Board(2)
        common = {
            "store": self.store,
            "clock": self.clock,
            "installation": self.installation,
            "passwords": self.passwords,
        }
        self.entrance, self.neighbour = [
            Entrance(**common, wrong_codes=WrongCodes(self.clock, self.board.row(number)))  # type: ignore[arg-type]
            for number in range(2)
        ]
        self.own = SelfService(**common, ids=self.ids, entrance=self.entrance)  # type: ignore[arg-type]
        with self.conn.transaction():
            self.one = accounts.add(self.conn, self.ids, self.clock.now(), "one").id
            self.two = accounts.add(self.conn, self.ids, self.clock.now(), "two").id
        self.add(EMAIL, Role.OWNER, password=PASSWORD)

    def add(self, email: str, role: Role, account_id: str = "", *, password: str = "") -> Person:
        """A member of an account (the first), with the one-time password `given-word` or one of their own."""
        account_id = account_id or self.one
        given = Given("given-word", quick_hash("given-word"))
        with self.conn.transaction():
            added = people.add(
                self.conn, self.ids, self.clock.now(), account_id, email, role=role, given=given
            )
            if password:
                store_people.set_password(
                    self.conn,
                    added.person.id,
                    quick_hash(password),
                    must_change=False,
                    at=self.clock.now(),
                )
        return self.person(email)

    def person(self, email: str = EMAIL) -> Person:
        found = store_people.find_person(self.conn, email)
        assert found is not None
        return found

    def change(self, fn: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """`fn(conn, …)` in a transaction, as the command line does."""
        with self.conn.transaction():
            return fn(self.conn, *args, **more)
