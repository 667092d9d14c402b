"""Writes docs/openapi.json, the description of our own HTTP API: python -m docs.generate_openapi."""

from __future__ import annotations

from pathlib import Path

from posthouse.doors.api.native.about import document

PAGE = Path(__file__).parent / "openapi.json"

if __name__ == "__main__":
    PAGE.write_bytes(document() + b"\n")
