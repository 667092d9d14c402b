"""Fetches MTA-STS policies: one HTTPS GET with a certificate that must be right, and with limits.

No redirects, no proxy, no cookies, text/plain only, so many bytes in so much time (RFC 8461 3.3); and the
guard of `httpout` on each address, because the name is chosen by strangers (S15). Names are asked of our own
resolver, for the answer must not depend on another's.

Public: PolicyHosts, FetchTrouble.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from posthouse.net.httpout import checked_socket
from posthouse.net.lookup import DnsTrouble, Lookup
from posthouse.net.unanswered import why_unanswered

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver

FETCH_ERROR, WEBPKI_INVALID = "sts-policy-fetch-error", "sts-webpki-invalid"  # RFC 8460 4.3.2.2
LONGEST_POLICY = 65_536  # RFC 8461 3.3 proposes 64 kilobytes
_CONNECT_S, _TOTAL_S = 10.0, 30.0
_MOST_AT_ONCE = 100  # strangers who let us wait must not hold up the others


class FetchTrouble(Exception):
    """There is no policy to be had now. `result` is a result type of RFC 8460 4.3."""

    def __init__(self, result: str, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason


class PolicyHosts:
    """One per worker; nothing is opened before the first fetch."""

    def __init__(
        self,
        lookup: Lookup,
        context: ssl.SSLContext,
        *,
        allows_private: bool,
        wants_ipv6: bool = True,
        port: int = 443,
    ) -> None:
        self._lookup = lookup
        self._context = context
        self._allows_private = allows_private
        self._wants_ipv6 = wants_ipv6
        self._port = port
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, domain: str) -> bytes:
        """The body of the domain's policy. Raises FetchTrouble, nothing else."""
        # half a second of work: beside the loop, and only for those who meet a policy
        await asyncio.to_thread(import_module, "aiohttp")
        import aiohttp

        url = f"https://mta-sts.{domain}:{self._port}/.well-known/mta-sts.txt"
        try:
            async with self._open().get(url, allow_redirects=False) as answer:
                return await _read(answer)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
            raise FetchTrouble(WEBPKI_INVALID, _reason(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise FetchTrouble(FETCH_ERROR, _reason(error)) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(
                resolver=cast("AbstractResolver", _Names(self._lookup, self._wants_ipv6)),
                socket_factory=lambda place: checked_socket(place, allows_private=self._allows_private),
                ssl=self._context,
                limit=_MOST_AT_ONCE,
                force_close=True,
                use_dns_cache=False,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=_TOTAL_S, sock_connect=_CONNECT_S),
                headers={"User-Agent": "Posthouse", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    if answer.status != 200:  # RFC 8461 3.3: also a redirect is a failure
        raise FetchTrouble(FETCH_ERROR, f"the policy host answered {answer.status}")
    if answer.content_type != "text/plain":
        raise FetchTrouble(FETCH_ERROR, "the policy is not text/plain")
    body = bytearray()
    async for part in answer.content.iter_chunked(8192):
        body += part
        if len(body) > LONGEST_POLICY:
            raise FetchTrouble(FETCH_ERROR, f"the policy is longer than {LONGEST_POLICY} bytes")
    return bytes(body)


class _Names:
    """aiohttp's resolver, asking ours."""

    def __init__(self, lookup: Lookup, wants_ipv6: bool) -> None:
        self._lookup = lookup
        self._kinds = ("A", "AAAA") if wants_ipv6 else ("A",)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[dict[str, Any]]:
        """Raises OSError when there is no address."""
        answers = await asyncio.gather(
            *[self._lookup.ask(host, kind) for kind in self._kinds], return_exceptions=True
        )
        troubles = [answer for answer in answers if isinstance(answer, BaseException)]
        addresses = [text for a in answers if not isinstance(a, BaseException) for _, text in a.rows]
        for trouble in troubles:
            if not addresses or not isinstance(trouble, DnsTrouble):
                raise OSError(trouble.text if isinstance(trouble, DnsTrouble) else str(trouble))
        if not addresses:
            raise OSError(f"{host} has no address")
        return [_entry(host, address, port) for address in addresses[:4]]

    async def close(self) -> None:
        return None


def _entry(host: str, address: str, port: int) -> dict[str, Any]:
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST,
    }


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "the policy host does not answer in time"
    certificate = getattr(error, "certificate_error", None)
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return f"the policy host's certificate is not valid: {certificate.verify_message}"
    return why_unanswered(error)
