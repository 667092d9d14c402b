"""How receiving hosts behave: scripts for a whole host, and scripts that a mailbox name asks for.

A script is data: a list of `Act`s, each saying what happens at one `Step` of the conversation in place of
the usual reply, and for a host what its EHLO offers. `defer-3+anything@slow.test` asks for the mailbox script
`defer` with the number 3; what follows a plus makes addresses unique. A mailbox script beats the host's own
acts from RCPT on, so that `ok@defer.test` is accepted.

Public: `Step`, `Deed`, `Act`, `HostScript`, `HOST_SCRIPTS`, `MAILBOX_SCRIPTS`, `acts_of_mailbox`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class Step(StrEnum):
    """Where in a conversation an act takes place."""

    GREETING = "greeting"
    EHLO = "ehlo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # or the first BDAT, when its octets are here
    BODY = "body"  # as soon as content arrives
    DOT = "dot"  # the content is complete


class Deed(StrEnum):
    """What happens there instead of the usual reply."""

    SAY = "say"  # another reply: the step did not succeed
    CLOSE = "close"  # another reply, then the connection ends
    RAW = "raw"  # these very bytes
    DROP = "drop"  # the connection ends without a word
    STALL = "stall"  # silence for ever
    DELAY = "delay"  # the usual reply, later
    GREYLIST = "greylist"  # `say` until `seconds` after the triplet was first seen


@dataclass(frozen=True, slots=True)
class Act:
    """`first`: only the first n times for the same recipient (0: always). `keeps`: at DOT, the copy has
    been stored before the deed (the other side cannot know)."""

    step: Step
    deed: Deed
    text: str = ""
    seconds: float = 0.0
    first: int = 0
    keeps: bool = False


class Tls(StrEnum):
    """What STARTTLS leads to. `good` has a certificate of the fake internet's own authority."""

    GOOD = "good"
    EXPIRED = "expired"
    WRONG_NAME = "wrong-name"
    SELF_SIGNED = "self-signed"
    OLD = "old"  # nothing newer than TLS 1.1
    REFUSED = "refused"  # 454
    GARBAGE = "garbage"  # 220, then bytes that are not TLS
    HANG = "hang"  # 220, then silence
    DROP = "drop"  # 220, then the end
    INJECT = "inject"  # another reply in clear behind the 220 (TLS-4, S7)


EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "DSN", "STARTTLS")


@dataclass(frozen=True, slots=True)
class HostScript:
    """`size` 0: SIZE is not offered. `messages_max`: 421 to the MAIL after that many (0: no limit).
    `knows_bdat` False: BDAT is answered 502, whatever is offered. `listens` False: connections are refused;
    `swallows`: connections are neither taken nor refused."""

    help: str
    acts: tuple[Act, ...] = ()
    extensions: tuple[str, ...] = EXTENSIONS
    size: int = 52_428_800
    tls: Tls = Tls.GOOD
    messages_max: int = 0
    recipients_max: int = 100
    knows_bdat: bool = True
    listens: bool = True
    swallows: bool = False


def _without(*names: str) -> tuple[str, ...]:
    return tuple(name for name in EXTENSIONS if name not in names)


def _all_late(seconds: float) -> tuple[Act, ...]:
    steps = (Step.GREETING, Step.EHLO, Step.MAIL, Step.RCPT, Step.DATA, Step.DOT)
    return tuple(Act(step, Deed.DELAY, seconds=seconds) for step in steps)


# Replies as broken servers give them (MX-8, F40).
MALFORMED = {
    "no-code": "hello there\r\n",
    "letters": "2x0 fine\r\n",
    "short": "25\r\n",
    "spaces": "25 0 fine\r\n",
    "codes": "250-fine\r\n550 5.0.0 not fine\r\n",
    "nul": "250 fi\x00ne\r\n",
    "latin": "250 gr\xfc\xdfe\r\n",
    "bare-lf": "250 fine\n",
    "long": "250 " + "a" * 1_000_000 + "\r\n",
    "endless": "250-more\r\n" * 20_000,
}

GREYLISTED = "450 4.7.1 Greylisted, please try again later"
TSS04 = "421 4.7.0 [TSS04] Messages from 127.0.0.1 temporarily deferred due to user complaints"
BLOCKLISTED = "554 5.7.1 Client host [127.0.0.1] blocked using zen.spamhaus.org"

HOST_SCRIPTS: dict[str, HostScript] = {
    "accept": HostScript("takes everything"),
    "slow": HostScript("answers every command 200 ms late", _all_late(0.2)),
    "late": HostScript("answers the final dot 200 ms late", (Act(Step.DOT, Deed.DELAY, seconds=0.2),)),
    "defer": HostScript(
        "defers each recipient twice, then accepts",
        (Act(Step.RCPT, Deed.SAY, "451 4.3.0 Not now, try again later", first=2),),
    ),
    "bounce": HostScript("knows no mailbox", (Act(Step.RCPT, Deed.SAY, "550 5.1.1 No such mailbox here"),)),
    "greylist": HostScript(
        "greylists each triplet for 30 seconds", (Act(Step.RCPT, Deed.GREYLIST, GREYLISTED, 30.0),)
    ),
    "spam": HostScript(
        "refuses every content", (Act(Step.DOT, Deed.SAY, "554 5.7.1 Message looks like spam"),)
    ),
    "tls-bad": HostScript("certificate expired and self-made", tls=Tls.EXPIRED),
    "tls-wrong-name": HostScript("certificate of another host", tls=Tls.WRONG_NAME),
    "tls-self-signed": HostScript("certificate signed by itself", tls=Tls.SELF_SIGNED),
    "tls-old": HostScript("speaks TLS 1.1 at most", tls=Tls.OLD),
    "tls-refused": HostScript("offers STARTTLS and answers it 454", tls=Tls.REFUSED),
    "tls-garbage": HostScript("answers STARTTLS 220 and then no TLS", tls=Tls.GARBAGE),
    "tls-hang": HostScript("answers STARTTLS 220 and falls silent", tls=Tls.HANG),
    "tls-drop": HostScript("answers STARTTLS 220 and is gone", tls=Tls.DROP),
    "tls-inject": HostScript("a forged reply in clear behind the 220 to STARTTLS", tls=Tls.INJECT),
    "no-tls": HostScript("offers no STARTTLS", extensions=_without("STARTTLS")),
    "no-pipelining": HostScript(
        "offers no PIPELINING, loses what is sent ahead", extensions=_without("PIPELINING", "CHUNKING")
    ),
    "no-8bitmime": HostScript("offers no 8BITMIME", extensions=_without("8BITMIME", "SMTPUTF8", "CHUNKING")),
    "no-utf8": HostScript("offers no SMTPUTF8", extensions=_without("SMTPUTF8")),
    "no-chunking": HostScript("offers no CHUNKING", extensions=_without("CHUNKING")),
    "no-bdat": HostScript("offers CHUNKING and answers BDAT with 502", knows_bdat=False),
    "old": HostScript(
        "knows HELO only, no extension at all",
        (Act(Step.EHLO, Deed.SAY, "502 5.5.1 Command not implemented"),),
        extensions=(),
        size=0,
    ),
    "tiny": HostScript("takes 2,000 octets at most (SIZE)", size=2_000),
    "few": HostScript("closes with 421 after 3 messages", messages_max=3),
    "single": HostScript("takes one recipient at a time (452)", recipients_max=1),
    "busy": HostScript("greets with 421", (Act(Step.GREETING, Deed.CLOSE, "421 4.3.2 Too busy"),)),
    "closed": HostScript("greets with 554", (Act(Step.GREETING, Deed.CLOSE, "554 5.3.2 No service"),)),
    "no-mail": HostScript("greets with 521", (Act(Step.GREETING, Deed.CLOSE, "521 5.3.2 No mail here"),)),
    "silent": HostScript("accepts connections and says nothing", (Act(Step.GREETING, Deed.STALL),)),
    "stall": HostScript("falls silent after the final dot", (Act(Step.DOT, Deed.STALL),)),
    "drop": HostScript("drops the connection at the greeting", (Act(Step.GREETING, Deed.DROP),)),
    "drop-dot": HostScript(
        "keeps the copy and drops the connection before the 250, once per recipient",
        (Act(Step.DOT, Deed.DROP, first=1, keeps=True),),
    ),
    "midway": HostScript(
        "421 in the middle of the content, once per recipient",
        (Act(Step.BODY, Deed.CLOSE, "421 4.3.2 Going down", first=1),),
    ),
    "malformed": HostScript("answers EHLO without a code", (Act(Step.EHLO, Deed.RAW, MALFORMED["no-code"]),)),
    "dead": HostScript("refuses connections", listens=False),
    "black-hole": HostScript("connections are never answered", swallows=True),
}


@dataclass(frozen=True, slots=True)
class MailboxScript:
    """`number` is what `name-N` means when N is left out."""

    help: str
    number: int
    make: Callable[[int], tuple[Act, ...]]


def _say(step: Step, text: str) -> Callable[[int], tuple[Act, ...]]:
    return lambda first: (Act(step, Deed.SAY, text, first=first),)


def _close(step: Step) -> Callable[[int], tuple[Act, ...]]:
    return lambda first: (Act(step, Deed.CLOSE, "421 4.3.2 Service shutting down", first=first),)


def _goodbye(step: Step, text: str) -> Callable[[int], tuple[Act, ...]]:
    return lambda first: (Act(step, Deed.CLOSE, text, first=first),)


def _drop(step: Step, *, keeps: bool = False) -> Callable[[int], tuple[Act, ...]]:
    return lambda first: (Act(step, Deed.DROP, first=first, keeps=keeps),)


def _stall(step: Step) -> Callable[[int], tuple[Act, ...]]:
    return lambda first: (Act(step, Deed.STALL, first=first),)


def _slow(*steps: Step) -> Callable[[int], tuple[Act, ...]]:
    return lambda ms: tuple(Act(step, Deed.DELAY, seconds=ms / 1000) for step in steps)


def _greylist(seconds: int) -> tuple[Act, ...]:
    return (Act(Step.RCPT, Deed.GREYLIST, GREYLISTED, float(seconds)),)


def _malformed(text: str) -> Callable[[int], tuple[Act, ...]]:
    return lambda first: (Act(Step.RCPT, Deed.RAW, text, first=first),)


MAILBOX_SCRIPTS: dict[str, MailboxScript] = {
    "ok": MailboxScript("is accepted, whatever the host does", 0, lambda _: ()),
    "refuse": MailboxScript("550 5.1.1 at RCPT", 0, _say(Step.RCPT, "550 5.1.1 No such mailbox here")),
    "full": MailboxScript("452 4.2.2 at RCPT", 0, _say(Step.RCPT, "452 4.2.2 Mailbox full")),
    "gone": MailboxScript("551 5.1.6 at RCPT", 0, _say(Step.RCPT, "551 5.1.6 Mailbox has moved")),
    "too-many": MailboxScript("452 4.5.3 at RCPT", 0, _say(Step.RCPT, "452 4.5.3 Too many recipients")),
    "blocked": MailboxScript(
        "550 5.7.1 at RCPT (policy)", 0, _say(Step.RCPT, "550 5.7.1 Sender blocked by policy")
    ),
    "defer": MailboxScript(
        "451 4.3.0 at RCPT, defer-N the first N times", 0, _say(Step.RCPT, "451 4.3.0 Try again later")
    ),
    "greylist": MailboxScript("450 4.7.1 until N seconds after the first try (60)", 60, _greylist),
    "refuse-data": MailboxScript("554 at DATA", 0, _say(Step.DATA, "554 5.5.0 No data from you")),
    "defer-data": MailboxScript("451 at DATA, the first N times", 0, _say(Step.DATA, "451 4.3.0 Not now")),
    "refuse-dot": MailboxScript("554 5.7.1 after the dot", 0, _say(Step.DOT, "554 5.7.1 Content refused")),
    "defer-dot": MailboxScript(
        "451 4.3.0 after the dot, the first N times", 0, _say(Step.DOT, "451 4.3.0 Try again later")
    ),
    "tss04": MailboxScript(
        "421 4.7.0 [TSS04] at RCPT, then the end, the first N times", 0, _goodbye(Step.RCPT, TSS04)
    ),
    "throttled": MailboxScript(
        "451 4.7.500 at RCPT, the first N times", 0, _say(Step.RCPT, "451 4.7.500 Server busy. RP-001")
    ),
    "blocklisted": MailboxScript(
        "554 5.7.1 at RCPT, the address is on a block list", 0, _say(Step.RCPT, BLOCKLISTED)
    ),
    "421-rcpt": MailboxScript("421 at RCPT, then the end, the first N times", 0, _close(Step.RCPT)),
    "421-data": MailboxScript("421 at DATA", 0, _close(Step.DATA)),
    "421-body": MailboxScript("421 in the middle of the content", 0, _close(Step.BODY)),
    "421-dot": MailboxScript("421 after the dot, nothing kept", 0, _close(Step.DOT)),
    "drop": MailboxScript("connection dropped after DATA, the first N times", 0, _drop(Step.DATA)),
    "drop-rcpt": MailboxScript("connection dropped at RCPT", 0, _drop(Step.RCPT)),
    "drop-body": MailboxScript("connection dropped in the middle of the content", 0, _drop(Step.BODY)),
    "drop-dot": MailboxScript("connection dropped after the dot, nothing kept", 0, _drop(Step.DOT)),
    "keep-drop": MailboxScript(
        "copy kept, connection dropped before the 250, the first N times", 0, _drop(Step.DOT, keeps=True)
    ),
    "stall": MailboxScript("silence after the dot", 0, _stall(Step.DOT)),
    "stall-rcpt": MailboxScript("silence after RCPT", 0, _stall(Step.RCPT)),
    "stall-data": MailboxScript("silence after DATA", 0, _stall(Step.DATA)),
    "stall-body": MailboxScript("stops reading in the middle of the content", 0, _stall(Step.BODY)),
    "slow": MailboxScript(
        "replies to RCPT, DATA and dot N ms late (200)", 200, _slow(Step.RCPT, Step.DATA, Step.DOT)
    ),
    "late": MailboxScript("the 250 after the dot comes N ms late (200)", 200, _slow(Step.DOT)),
    **{
        f"malformed-{name}": MailboxScript("a broken reply to RCPT, the first N times", 0, _malformed(text))
        for name, text in MALFORMED.items()
    },
}

_NUMBERED = re.compile(r"(.+?)(?:-([0-9]{1,7}))?\Z")


@lru_cache(maxsize=10_000)
def acts_of_mailbox(local: str) -> tuple[Act, ...] | None:
    """The acts that a local part asks for; None when it is no script's name."""
    match = _NUMBERED.match(local.lower().partition("+")[0])
    script = MAILBOX_SCRIPTS.get(match[1]) if match else None
    if match is None or script is None:
        return None
    return script.make(int(match[2]) if match[2] else script.number)
