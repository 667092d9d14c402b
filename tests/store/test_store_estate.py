"""What an account has: counted by kind, and removed without touching another account's."""

from __future__ import annotations

from posthouse.model.account import Credential, CredentialKind, Domain
from posthouse.model.clock import FakeClock, Ids
from posthouse.model.message import DeliveryState
from posthouse.store import batches, estate, identity, queue
from posthouse.store.connection import Connection
from posthouse.store.messages import add_accepted
from posthouse.store.tables import metadata
from store.letters import NOW, keep_room, letter

IDS = Ids(FakeClock())


def test_everything_is_counted_and_goes_with_its_account(conn: Connection) -> None:
    with conn.transaction():
        for own in ("a1", "a2"):
            identity.ensure_account(conn, f"name-{own}", id=own, now=NOW)
            identity.add_domain(conn, Domain(f"d-{own}", own, f"{own}.test", "us", None, NOW), [])
            for number, revoked in enumerate((None, NOW)):
                login = f"app{number}@{own}.test"
                identity.add_credential(
                    conn,
                    Credential(
                        f"c{number}-{own}",
                        own,
                        f"d-{own}",
                        CredentialKind.SMTP_USER,
                        login,
                        b"",
                        NOW,
                        revoked,
                    ),
                )
            batches.set_status(conn, own, "b", batches.PAUSED, NOW)
        before = identity.identity_version(conn)
    mine = {kind: number for kind, number in estate.counts(conn, "a1").items() if number}
    assert mine == {"domains": 1, "credentials": 1, "batches": 1}
    with conn.transaction():
        estate.remove_assets(conn, "a1")
        assert identity.remove_account(conn, "a1")
    assert not any(estate.counts(conn, "a1").values())
    assert estate.counts(conn, "a2")["batches"] == 1
    assert identity.identity_version(conn) > before


def test_open_deliveries_are_those_that_may_still_go_out(conn: Connection) -> None:
    states = ("waiting", "held", "delivered", "cancelled")
    with conn.transaction():
        add_accepted(conn, [letter(account="a1", state=DeliveryState(state)) for state in states])
        add_accepted(conn, [letter(account="a1", state=DeliveryState.TAKEN, owner="w"), letter(account="a2")])
    assert estate.open_deliveries(conn, "a1") == 3
    assert estate.open_deliveries(conn, "none") == 0
    chosen = queue.Selector(everything=True, account_id="a1")
    assert queue.in_steps(conn, queue.drop, chosen, NOW, IDS, keep_room) == 2
    assert estate.open_deliveries(conn, "a1") == 1, "what is out with a worker is left alone"
    assert estate.open_deliveries(conn, "a2") == 1


HISTORY = {
    "message",
    "delivery",
    "event",
    "event_label",
    "tally",
    "tally_name",
    "job",
    "audit",
}  # stay until their time is over


def test_no_table_keeps_what_belonged_to_a_removed_account() -> None:
    """A new table that names accounts must go with them, by its foreign key or in `estate`."""
    naming = {name for name, table in metadata.tables.items() if "account_id" in table.c}
    hanging = {name for name in naming if metadata.tables[name].c.account_id.foreign_keys}
    removed = {table.name for table in estate.KEPT.values()}
    assert naming - hanging - removed == HISTORY
