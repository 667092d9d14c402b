"""What unit tests share: keys of domains that are not made again for every test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import cycle

import pytest

from posthouse.desk import domain_keys
from posthouse.mail.dkim import RSA_SHA256, new_key

_KEPT = 16  # a domain does not take the same key twice


@pytest.fixture(autouse=True, scope="session")
def keys_at_hand() -> Iterator[None]:
    """A new RSA key of a domain is one of sixteen: making 2048 bits takes longer than most tests."""
    kept = cache(lambda _place: new_key(RSA_SHA256))
    places = cycle(range(_KEPT))

    def one_of_them(algorithm: str) -> tuple[bytes, str]:
        return kept(next(places)) if algorithm == RSA_SHA256 else new_key(algorithm)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain_keys, "new_key", one_of_them)
        yield
