"""MG-17: a client address tells a time zone if the operator has a database for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posthouse.model.errors import SettingsError
from posthouse.net.zones import ZoneDatabase


class Wide(int):
    """32 bits."""


class Long(int):
    """64 bits."""


def encoded(value: Any) -> bytes:
    """A value of MaxMind's data section: texts, maps, lists and whole numbers."""
    if isinstance(value, dict):
        return bytes([7 << 5 | len(value)]) + b"".join(encoded(k) + encoded(v) for k, v in value.items())
    if isinstance(value, str):
        return bytes([2 << 5 | len(value)]) + value.encode()
    if isinstance(value, list):
        return bytes([len(value), 4]) + b"".join(map(encoded, value))
    if isinstance(value, Long):
        return bytes([8, 2]) + int(value).to_bytes(8, "big")
    size = 4 if isinstance(value, Wide) else 2
    return bytes([(6 if size == 4 else 5) << 5 | size]) + int(value).to_bytes(size, "big")


def database(path: Path, zone: str) -> Path:
    """One node whose both sides lead to one record: every address lives in that zone."""
    record = (1 + 16).to_bytes(3, "big")
    meta = {
        "node_count": Wide(1),
        "record_size": 24,
        "ip_version": 6,
        "database_type": "Test",
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": Long(1),
        "description": {},
    }
    data = encoded({"location": {"time_zone": zone}})
    path.write_bytes(record * 2 + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encoded(meta))
    return path


def test_MG_17_the_zone_of_an_address(tmp_path: Path) -> None:
    zones = ZoneDatabase(database(tmp_path / "zones.mmdb", "Asia/Tokyo"))
    assert zones.zone_of("203.0.113.7") == "Asia/Tokyo"
    assert zones.zone_of("2001:db8::1") == "Asia/Tokyo"
    assert zones.zone_of("nonsense") == ""


def test_without_a_file_every_zone_is_unknown() -> None:
    assert ZoneDatabase(None).zone_of("203.0.113.7") == ""


def test_a_wrong_file_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "zones.mmdb"
    wrong.write_bytes(b"nothing of the kind")
    with pytest.raises(SettingsError, match=r"zones\.mmdb is not a GeoIP database"):
        ZoneDatabase(wrong)
    with pytest.raises(SettingsError, match="not a GeoIP database"):
        ZoneDatabase(tmp_path / "missing.mmdb")
