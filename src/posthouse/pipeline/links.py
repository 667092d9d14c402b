"""Who makes the links of which message.

Public: LinkMaker, throwaway_links.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial

from posthouse.mail.tokens import Links
from posthouse.model.message import Message

_MOST = 10_000


class LinkMaker:
    """`link_key` gives the key of a sending domain, `base_url_of` the base of its links, without a final
    slash; asked anew each time, so that a changed setting holds for the next message. `mail_to` takes a
    sending domain and a delivery's id (`return_paths.ReturnPaths.unsubscribe_address`)."""

    def __init__(
        self,
        link_key: Callable[[str], bytes],
        base_url_of: Callable[[str], str],
        mail_to: Callable[[str, str], str] | None = None,
    ) -> None:
        self._link_key = link_key
        self._mail_to = mail_to
        self._base_url_of = base_url_of
        self._made: dict[str, Links] = {}

    def __call__(self, message: Message) -> Links:
        domain = message.domain
        base_url = self._base_url_of(domain).rstrip("/")
        links = self._made.get(domain)
        if links is None or links.base_url != base_url:
            if len(self._made) >= _MOST:
                self._made.clear()
            links = self._made[domain] = self._links(domain, base_url)
        return links

    def _links(self, domain: str, base_url: str) -> Links:
        if self._mail_to is None:
            return Links(self._link_key(domain), base_url, domain)
        return Links(self._link_key(domain), base_url, domain, partial(self._mail_to, domain))


def throwaway_links() -> LinkMaker:
    """Links that nobody can check: for a house without a tracking door."""
    key = secrets.token_bytes(32)
    return LinkMaker(lambda domain: key, lambda domain: f"https://email.{domain}")
