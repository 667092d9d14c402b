"""May a second signature go under another name? Only if DNS publishes our public key there.

The sender names a domain and a selector that are to show in the signature; a signature that nobody can verify
would do harm, so the published key is compared first (service behaviour, documented).

Public: AliasCheck.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from posthouse.mail.dkim import SigningKey, public_of, published_key
from posthouse.net.cache import Entry, TimedCache
from posthouse.net.lookup import DnsTrouble

FRESH_S = 300.0
_TROUBLE_S = 5.0
_CAPACITY = 1000

Texts = Callable[[str], Awaitable[list[str]]]


class AliasCheck:
    """Call it with (key, domain, selector). `texts`: the TXT records of a name, as `Resolver.texts`."""

    def __init__(self, texts: Texts, monotonic: Callable[[], float]) -> None:
        self._texts = texts
        self._monotonic = monotonic
        self._known: TimedCache[tuple[str, str, str], bool] = TimedCache(monotonic, _CAPACITY)

    async def __call__(self, key: SigningKey, domain: str, selector: str) -> bool:
        """False also when DNS cannot tell now. Never raises."""
        public = public_of(key.private)
        find = partial(self._find, f"{selector}._domainkey.{domain}", public)
        return await self._known.get((domain, selector, public), find)

    async def _find(self, name: str, public: str) -> Entry[bool]:
        try:
            texts = await self._texts(name)
        except DnsTrouble:
            return Entry(False, self._monotonic() + _TROUBLE_S)
        is_ours = (
            len(texts) == 1 and published_key(texts[0]) == public
        )  # RFC 6376 3.6.2.2: more are undefined
        return Entry(is_ours, self._monotonic() + FRESH_S)
