"""The time zone of a client address, from a GeoIP database that the operator supplies.

Any file in MaxMind's format with `location.time_zone` will do. Without a file every zone is unknown.

Public: ZoneDatabase.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from posthouse.model.errors import SettingsError

if TYPE_CHECKING:
    import maxminddb


class ZoneDatabase:
    """Opened at start, held in memory. Raises SettingsError for a file that cannot be used."""

    def __init__(self, path: Path | None) -> None:
        self._reader: maxminddb.Reader | None = None
        if path is None:
            return
        import maxminddb

        try:
            self._reader = maxminddb.open_database(path)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise SettingsError(f"tracking.zones: {path} is not a GeoIP database (MMDB): {error}") from error

    def zone_of(self, address: str) -> str:
        """An IANA name such as Europe/Berlin, "" for unknown."""
        if self._reader is None:
            return ""
        try:
            found: Any = self._reader.get(address)
        except ValueError:  # not an address, or a family that the file does not hold
            return ""
        location = found.get("location") if isinstance(found, dict) else None
        zone = location.get("time_zone") if isinstance(location, dict) else None
        return zone if isinstance(zone, str) else ""
