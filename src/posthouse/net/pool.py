"""Idle connections, ready for the next letter to the same site.

Public: Pool, Key.
"""

from __future__ import annotations

from posthouse.net.connection import Connection

Key = tuple[str, str, str]  # site name, source address, what must hold of TLS (`tlspolicy.word_of`)


class Pool:
    """Lends the connection that was used last, so that those beyond the need grow old and are closed."""

    def __init__(self) -> None:
        self._idle: dict[Key, list[Connection]] = {}
        self._of_site: dict[str, int] = {}  # idle connections by site name

    def put(self, connection: Connection) -> None:
        """An idle connection, to be lent again."""
        key = connection.key
        stack = self._idle.get(key)
        if stack is None:
            self._idle[key] = [connection]
        else:
            stack.append(connection)
        self._of_site[key[0]] = self._of_site.get(key[0], 0) + 1

    def take(self, key: Key) -> Connection | None:
        """An idle connection for this key, or None."""
        stack = self._idle.get(key)
        while stack:
            connection = stack.pop()
            self._count_down(key[0])
            if connection.is_idle:
                return connection
        return None

    def drop(self, connection: Connection) -> None:
        """Forget a connection that is gone; it may not be here at all."""
        stack = self._idle.get(connection.key)
        if stack is None:
            return
        if connection in stack:
            stack.remove(connection)
            self._count_down(connection.key[0])
        if not stack:
            del self._idle[connection.key]

    def count(self, site_name: str) -> int:
        """How many are idle for this site."""
        return self._of_site.get(site_name, 0)

    def _count_down(self, site_name: str) -> None:
        left = self._of_site[site_name] - 1
        if left:
            self._of_site[site_name] = left
        else:
            del self._of_site[site_name]
