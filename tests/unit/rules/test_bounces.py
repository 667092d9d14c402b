"""Whose fault a failure was."""

from __future__ import annotations

import pytest

from posthouse.model.returned import BounceClass
from posthouse.rules.bounces import class_of


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("bad-mailbox", BounceClass.HARD),
        ("null-mx", BounceClass.HARD),
        ("no-such-domain", BounceClass.HARD),
        ("no-host", BounceClass.HARD),
        ("mailbox-full", BounceClass.SOFT),
        ("expired", BounceClass.SOFT),
        ("spam-content", BounceClass.BLOCK),
        ("rejected", BounceClass.BLOCK),
    ],
)
def test_class_of_a_reason(reason: str, expected: BounceClass) -> None:
    assert class_of(reason) is expected
