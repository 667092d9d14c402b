"""What the end of a test means, in plain words, the most telling first.

Public: advise, Advice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from posthouse.model.probe import ProbeStep, Security
from posthouse.rules.probe_facts import Facts, domain_of
from posthouse.rules.probe_rules import NOTES, OTHER, TROUBLE


@dataclass(frozen=True, slots=True)
class Advice:
    """`word` for programs, `text` for people. `is_trouble` False: good to know, nothing failed."""

    word: str
    text: str
    is_trouble: bool = True


def advise(facts: Facts) -> list[Advice]:
    """What is to be said, the most telling first; never empty."""
    found = [Advice(word, _filled(text, facts)) for word, when, text in TROUBLE if when(facts)]
    if facts.end.fault and not found:
        found = [Advice("other", _filled(OTHER, facts))]
    notes = [
        Advice(word, _filled(text, facts), is_trouble=False) for word, when, text in NOTES if when(facts)
    ]
    return found + notes


def _filled(text: str, facts: Facts) -> str:
    """The text with its names; what stands in braces is a key of this."""
    wish, end, service = facts.wish, facts.end, facts.service
    shown = facts.tls.certificate
    names = {
        "{host}": wish.host,
        "{port}": str(wish.port),
        "{user}": wish.user,
        "{user_domain}": domain_of(wish.user),
        "{sender_domain}": domain_of(wish.sender),
        "{sender}": wish.sender,
        "{recipient}": wish.recipient,
        "{security}": _SECURITY[wish.security],
        "{mx}": end.mx,
        "{reply}": " ".join(part for part in (str(end.code or ""), end.enhanced, end.text) if part),
        "{reason}": facts.tls.reason or end.text,
        "{offered}": ", ".join(end.mechanisms),
        "{names}": ", ".join(shown.names[:5]) if shown else "another name",
        "{service}": service.name if service else "the service",
        "{fresh}": service.fresh if service else "",
        "{wanted_user}": service.user if service else "",
        "{key_of}": facts.key_of,
        "{other_hosts}": _other_hosts(facts),
        "{step}": _STEPS[end.step],
    }
    # one pass: a name that holds braces fills nothing
    return _BRACES.sub(lambda match: names.get(match[0], match[0]), text)


_BRACES = re.compile(r"\{[a-z_]+\}")
_SECURITY = {
    Security.NONE: "no encryption",
    Security.STARTTLS: "STARTTLS",
    Security.TLS: "TLS",
}
_STEPS = {
    ProbeStep.DNS: "the look-up in DNS",
    ProbeStep.CONNECT: "connecting",
    ProbeStep.GREETING: "waiting for the greeting",
    ProbeStep.EHLO: "EHLO",
    ProbeStep.STARTTLS: "STARTTLS",
    ProbeStep.TLS: "the TLS handshake",
    ProbeStep.AUTH: "signing in",
    ProbeStep.MAIL: "naming the sender",
    ProbeStep.RCPT: "naming the recipient",
    ProbeStep.DATA: "asking to send",
    ProbeStep.CONTENT: "sending the message",
    ProbeStep.DONE: "the end",
}


def _other_hosts(facts: Facts) -> str:
    hosts = facts.service.hosts if facts.service else {}
    return ", ".join(f"{host} ({region})" for host, region in hosts.items() if host != facts.wish.host)
