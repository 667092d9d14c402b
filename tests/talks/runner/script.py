r"""The form of a `.talk` file: what we send and what must come back, one step a line.

    # SRV-10: a comment; the ids that a talk proves stand in its comments
    [signed-in]                  settings, before the first step (see SETTINGS)
    C: MAIL FROM:<$SENDER>       we send this line and CRLF; neighbouring C lines go out in one write
    C64: AUTH PLAIN |\0me\0secret    what stands behind the bar is sent as base64
    CX: a\rb\x00\n               we send exactly these octets: \r \n \t \0 \\ \xNN, no CRLF is added
    CX*1000: xyz                 and so a thousand times over
    S: 250 2.1.0                 a whole reply with this code and, if given, this enhanced code
    S: 250 2.1.0 Ok              this very line (`$HOST` and the other names are filled in)
    S: ~250-SIZE \d+             a line that this pattern matches from end to end
    S: ...                       the rest of the reply's lines, whatever they say
    --tls--                      the TLS handshake
    --wait 0.1--                 let time pass
    --close--                    the server has closed the connection
    --drop--                     we close it
    --silence--                  nothing has come
    --accepted 1--               so many letters were taken (where the connection can tell)
    --body Subject: x\r\n\r\n--  the last letter's octets (likewise)

Public: Talk, Step, TalkError, load, find_talks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

TALKS = Path(__file__).parents[1] / "smtp"

SETTINGS = {
    "hello": "play greeting and EHLO first",
    "signed-in": "play greeting, EHLO and AUTH PLAIN first",
    "open": "a port that takes mail without signing in",
    "implicit-tls": "TLS from the first octet",
    "no-tls": "STARTTLS is not offered",
    "auth": "always, after-tls or never; default always",
    "bare": "reject or normalize; default reject",
    "fake-session": "recipients and logins that only the runner's own session knows",
    "limit": "name=value of Limits; may stand several times",
}
PRELUDE_ONLY = {"hello", "signed-in"}

_ID = re.compile(r"\b(?:SRV|SUB|AUT|TLS|EXT|DSN|C|S)-?\d+\b")
_STEP = re.compile(r"(?P<kind>C|C64|CX|S)(?:\*(?P<times>\d+))?:(?: (?P<text>.*))?\Z")
_MARK = re.compile(r"--(?P<kind>tls|wait|close|drop|silence|accepted|body)(?: (?P<text>.*))?--\Z")
_SETTING = re.compile(r"\[(?P<name>[a-z-]+)(?: (?P<value>.+))?\]\Z")


class TalkError(Exception):
    """The file is not a talk; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Step:
    """`kind` is C, C64, CX, S or the word of a mark; `times` only counts for CX."""

    kind: str
    text: str
    line: int
    times: int = 1


@dataclass(slots=True)
class Talk:
    """One conversation. `settings` maps a name to its values ("" where it takes none)."""

    name: str
    ids: frozenset[str]
    settings: dict[str, list[str]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    @property
    def needs_nothing_special(self) -> bool:
        """True when any submission port as installed can be asked to play it."""
        return set(self.settings) <= PRELUDE_ONLY

    @property
    def uses_tls(self) -> bool:
        return "implicit-tls" in self.settings or any(step.kind == "tls" for step in self.steps)


def find_talks() -> list[Path]:
    """All talk files, in the order of their names."""
    return sorted(TALKS.glob("*.talk"))


def load(path: Path) -> Talk:
    """One file -> Talk. Raises TalkError."""
    text = path.read_text(encoding="utf-8")
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    talk = Talk(path.stem, frozenset(_ID.findall(comments)))
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            _add_line(talk, line, number)
    return talk


def _add_line(talk: Talk, line: str, number: int) -> None:
    if match := _SETTING.match(line):
        if match["name"] not in SETTINGS or talk.steps:
            raise TalkError(f"{talk.name}:{number}: unknown or late setting {line}")
        talk.settings.setdefault(match["name"], []).append(match["value"] or "")
    elif (match := _STEP.match(line)) and (match["times"] is None or match["kind"] == "CX"):
        talk.steps.append(Step(match["kind"], match["text"] or "", number, int(match["times"] or 1)))
    elif match := _MARK.match(line):
        talk.steps.append(Step(match["kind"], match["text"] or "", number))
    else:
        raise TalkError(f"{talk.name}:{number}: not a step: {line!r}")
