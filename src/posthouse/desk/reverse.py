"""Does DNS vouch for an address that we send from?

Receivers ask: large ones refuse mail from an address whose name does not lead back to it (forward-confirmed
reverse DNS; Gmail and Yahoo since 2024).

Public: Facts, Verdict, OK, WARNING, WRONG, hellos_of, look_up, look_all_up, judge, judge_pair,
check_addresses.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dns.reversename

from posthouse.desk import egress
from posthouse.net.lookup import DnsTrouble, Lookup
from posthouse.store.connection import Connection

OK, WARNING, WRONG = "ok", "warning", "wrong"
_MOST_POINTERS = 5  # of one address; more say nothing that the first ones do not


@dataclass(frozen=True, slots=True)
class Facts:
    """What DNS has. `pointers`: the names of the address, each with the addresses that it leads back to.
    `forward`: addresses of the name that we greet with, `texts` its TXT records. `trouble`: nobody could
    say, and why; then the rest counts for nothing."""

    pointers: Mapping[str, Sequence[str]]
    forward: Sequence[str]
    texts: Sequence[str]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence about an address; `state` is ok, warning (mail flows, but…) or wrong."""

    address: str
    state: str
    text: str


def hellos_of(
    conn: Connection, account_id: str, address: str, hello: str, usual: Sequence[str]
) -> dict[str, str]:
    """The names that we greet with, by address: of one, or with "" of all that the account may know of and of
    the `usual` ones, those for mail without addresses of its own. `hello`: the installation's name. Raises
    Refused."""
    if address:
        found = egress.load_ip(conn, account_id, address)
        return {found.address: found.hello or hello}
    known = egress.usable_ips(conn, account_id).values()
    return dict.fromkeys(usual, hello) | {item.address: item.hello or hello for item in known}


async def look_up(lookup: Lookup, address: str, hello: str) -> Facts:
    """Ask for everything that `judge` wants to know. Never raises for what DNS says."""
    if not ipaddress.ip_address(address).is_global:
        return Facts({}, (), ())
    kind = "AAAA" if ":" in address else "A"
    try:
        pointed = await _rows(lookup, dns.reversename.from_address(address).to_text(), "PTR")
        names = pointed[:_MOST_POINTERS]
        found = await asyncio.gather(*[_rows(lookup, name, kind) for name in names if name])
        forward = await _rows(lookup, hello, kind)
        texts = await _rows(lookup, hello, "TXT")
    except DnsTrouble as trouble:
        return Facts({}, (), (), trouble.text)
    return Facts(dict(zip([name for name in names if name], found, strict=True)), forward, texts)


async def _rows(lookup: Lookup, name: str, kind: str) -> list[str]:
    return [text for _, text in (await lookup.ask(name.rstrip("."), kind)).rows]


def judge(address: str, hello: str, facts: Facts) -> list[Verdict]:
    """What is wrong with the address's names and what to do about it; never empty."""
    if unknown := _unknown(address, facts):
        return [unknown]
    return [*judge_pair(address, hello, facts), Verdict(address, *_spf(hello, facts.texts))]


def judge_pair(address: str, hello: str, facts: Facts) -> tuple[Verdict, Verdict]:
    """On the address's PTR record, and on the address record of the name that we greet with."""
    if unknown := _unknown(address, facts):
        return unknown, unknown
    own = ipaddress.ip_address(address)
    back, forward = _reverse(own, hello, facts.pointers), _forward(own, hello, facts.forward)
    return Verdict(address, *back), Verdict(address, *forward)


def _unknown(address: str, facts: Facts) -> Verdict | None:
    """Why nothing can be said about the address; None where something can."""
    if not ipaddress.ip_address(address).is_global:
        text = f"{address} is not a public address: what receiving hosts see is another one, look at that"
        return Verdict(address, WARNING, text)
    if facts.trouble:
        return Verdict(address, WARNING, f"{address} could not be looked up: {facts.trouble}")
    return None


_IP = ipaddress.IPv4Address | ipaddress.IPv6Address


def _reverse(own: _IP, hello: str, pointers: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    if not pointers:
        text = f"{own} has no PTR record: have whoever gave you the address set it to {hello}"
        return WRONG, text
    if hello in pointers:
        return OK, f"{own} has the name {hello}"
    shown = ", ".join(sorted(pointers))
    if any(_leads_to(own, addresses) for addresses in pointers.values()):
        text = f"{own} has the name {shown}, but we greet as {hello}: some receivers want both to be the same"
        return WARNING, text
    text = f"{own} has the name {shown}, which does not lead back to it: have its PTR record set to {hello}"
    return WRONG, text


def _forward(own: _IP, hello: str, addresses: Sequence[str]) -> tuple[str, str]:
    if _leads_to(own, addresses):
        return OK, f"{hello} leads to {own}"
    kind = "A" if own.version == 4 else "AAAA"
    found = f"leads to {', '.join(addresses[:5])}" if addresses else "has no such record"
    return WRONG, f"{hello} {found}: publish {hello}. {kind} {own}"


def _spf(hello: str, texts: Sequence[str]) -> tuple[str, str]:
    """RFC 7208 2.3: bounces have no sender, so receivers look at the name that we greet with."""
    found = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    if len(found) == 1:
        return OK, f"{hello} has an SPF record"
    if found:  # 4.5: more than one is an error for whoever checks
        return WRONG, f"{hello} has {len(found)} SPF records, which count as none: leave one"
    return WARNING, f'{hello} has no SPF record for mail without a sender: publish TXT "v=spf1 a -all"'


def _leads_to(own: _IP, addresses: Sequence[str]) -> bool:
    return any(ipaddress.ip_address(address) == own for address in addresses)


async def look_all_up(lookup: Lookup, hellos: Mapping[str, str]) -> dict[str, Facts]:
    """Facts by address, of addresses given with the names that we greet with; closes `lookup`."""
    try:
        facts = await asyncio.gather(*[look_up(lookup, address, hello) for address, hello in hellos.items()])
    finally:
        await lookup.close()
    return dict(zip(hellos, facts, strict=True))


async def check_addresses(lookup: Lookup, hellos: Mapping[str, str]) -> list[Verdict]:
    """Everything about addresses, given with the names that we greet with; closes `lookup`."""
    facts = await look_all_up(lookup, hellos)
    return [verdict for address, hello in hellos.items() for verdict in judge(address, hello, facts[address])]
