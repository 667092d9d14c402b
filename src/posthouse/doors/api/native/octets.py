"""Octets in JSON: base64, and a pattern that says so to programs that read the description.

Public: Octets.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Octets = Annotated[
    bytes,
    Meta(
        description="In base64.",
        extra_json_schema={"pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"},
    ),
]
