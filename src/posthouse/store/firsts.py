"""What may happen to a delivery only once: whoever writes it down first has it, whatever was sent again.

Public: note.
"""

from __future__ import annotations

from posthouse.store.connection import Connection
from posthouse.store.event_tables import engaged
from posthouse.store.statement import insert_once

_note = insert_once(engaged)


def note(conn: Connection, delivery_id: str, kind: str, event_id: str) -> bool:
    """True: it is the first of its kind. In the transaction of the fact."""
    return conn.change(_note, delivery_id, kind, event_id) > 0
