"""The few kinds of columns that all tables are made of; `tables` says why there are no others.

Public: text, integer, instant, part_of.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Float, ForeignKey, Integer, Text
from sqlalchemy.types import TypeEngine

TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")


def text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, TEXT, primary_key=key, nullable=False)


def integer(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=False, autoincrement=False)


def instant(name: str, *, nullable: bool = False) -> Column[Any]:
    """Seconds since the epoch."""
    return Column(name, Float, nullable=nullable)


def part_of(name: str, parent: str, *, key: bool = False, nullable: bool = False) -> Column[str]:
    """The id of a row of `parent`; the row goes when that one goes."""
    owner = ForeignKey(f"{parent}.id", ondelete="CASCADE")
    return Column(name, TEXT, owner, primary_key=key, nullable=nullable)
