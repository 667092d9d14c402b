"""The recipients of the demonstration: they open, click, complain; some of their hosts give mail back late.

Public: Audience.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from random import Random
from urllib.parse import urlsplit

import aiohttp

from posthouse.demo.cast import AGENTS, KINDS, NEWSLETTER
from posthouse.demo.letters import complaint, late_bounce
from posthouse.internet.recorder import Arrival

_OPEN = re.compile(r"https?://[^\s\"'<>]+/o/[^\s\"'<>]+")
_CLICK = re.compile(r"https?://[^\s\"'<>]+/c/[^\s\"'<>]+")
_COMPLAINTS, _LATE = 0.0015, 0.004
_LIKES = {kind.sender: kind for kind in (*KINDS, NEWSLETTER)}


class Audience:
    """`now`: the pretended time; `arrived`: where copies are put. What arrives in an hour is read after it,
    so nobody is quicker than a person."""

    def __init__(
        self, http: aiohttp.ClientSession, random: Random, now: Callable[[], float], arrived: list[Arrival]
    ) -> None:
        self._http = http
        self._random = random
        self._now = now
        self._arrived = arrived

    async def react(self, base: str, smtp_port: int) -> None:
        """What people do with what came."""
        arrived = self._arrived[:]
        self._arrived.clear()
        await asyncio.gather(*(self._read(arrival, base) for arrival in arrived))
        for arrival in arrived:
            chance = self._random.random()
            if arrival.sender and chance < _COMPLAINTS + _LATE:
                await self._give_back(arrival, smtp_port, complains=chance < _COMPLAINTS)

    async def _read(self, arrival: Arrival, base: str) -> None:
        html = _html_of(arrival.content)
        opens, clicks = _OPEN.findall(html), _CLICK.findall(html)
        kind = next(
            (each for sender, each in _LIKES.items() if sender.encode() in arrival.content), NEWSLETTER
        )
        agent = self._random.choice(AGENTS)
        if not opens or self._random.random() > kind.opens:
            return
        await self._get(opens[0], base, agent)
        if clicks and self._random.random() < kind.clicks / kind.opens:
            await self._get(clicks[0], base, agent)

    async def _get(self, url: str, base: str, agent: str) -> None:
        parts = urlsplit(url)
        headers = {"User-Agent": agent, "Host": parts.netloc}
        address = f"{base}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        async with self._http.get(address, headers=headers, allow_redirects=False) as answer:
            await answer.read()

    async def _give_back(self, arrival: Arrival, port: int, *, complains: bool) -> None:
        now = datetime.fromtimestamp(self._now(), UTC)
        if complains:
            raw = complaint(arrival.sender, arrival.content, now)
        else:
            raw = late_bounce(arrival.sender, arrival.recipients[0], arrival.content, now)
        await asyncio.to_thread(_send, port, arrival.sender, raw)


def _send(port: int, to: str, raw: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="mx1.northpost.example", timeout=30) as smtp:
        smtp.sendmail("", [to], raw)


def _html_of(content: bytes) -> str:
    for part in message_from_bytes(content).walk():
        if part.get_content_type() == "text/html":
            found = part.get_payload(decode=True)
            return found.decode("utf-8", "replace") if isinstance(found, bytes) else ""
    return ""
