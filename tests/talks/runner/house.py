"""A small fake session: what a talk's server accepts and refuses, without store or policy.

One login with one password. Some local parts say what shall happen: `refused` 550, `later` 451 at RCPT,
`full` 452 at the end of data, `dataless` 451 at DATA; a login `broken` finds the credential store away.

Public: FakeSession, engine_for, NAMES.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from posthouse.smtp.events import AuthTry, BodyEnd, BodyStart, Event, Limits, MailFrom, RcptTo
from posthouse.smtp.replies import Reply
from posthouse.smtp.server import ServerEngine
from talks.runner.script import Talk

NAMES = {
    "HOST": "mail.example.test",
    "LOGIN": "postmaster@shop.example.test",
    "PASSWORD": "correct horse",
    "SENDER": "orders@shop.example.test",
    "RECIPIENT": "ann@example.org",
}

_AT_RCPT = {
    "refused": Reply(550, "5.1.1", "No such mailbox"),
    "later": Reply(451, "4.3.0", "Try later"),
}
_FULL = Reply(452, "4.3.1", "Insufficient storage")


@dataclass(slots=True)
class FakeSession:
    """Answers events. `letters` are the bodies taken."""

    letters: list[bytes] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    _locals: set[str] = field(default_factory=set)

    def answer(self, event: Event) -> Reply | None:
        """The reply to an event; None for those that want none."""
        self.events.append(event)
        match event:
            case AuthTry(_, "broken", _):
                return Reply(454, "4.7.0", "Temporary authentication failure")
            case AuthTry(_, user, password):
                good = (user, password) == (NAMES["LOGIN"], NAMES["PASSWORD"])
                if good:
                    return Reply(235, "2.7.0", "Authentication successful")
                return Reply(535, "5.7.8", "Authentication credentials invalid")
            case MailFrom():
                self._locals.clear()
                return Reply(250, "2.1.0", "Sender address accepted")
            case RcptTo(address, _):
                self._locals.add(address.local)
                return _AT_RCPT.get(address.local) or Reply(250, "2.1.5", "Recipient address accepted")
            case BodyStart():
                if "dataless" in self._locals:
                    return Reply(451, "4.3.0", "Not now")
                return Reply(354, "", "Continue")
            case BodyEnd(body):
                if "full" in self._locals:
                    return _FULL
                self.letters.append(body)
                return Reply(250, "2.0.0", "Great success")
            case _:
                return None


def engine_for(talk: Talk) -> ServerEngine:
    """An engine as the settings of `talk` want it."""
    settings = talk.settings
    limits = dict(value.split("=") for value in settings.get("limit", []))
    is_tls = "implicit-tls" in settings
    auth = settings.get("auth", ["always"])[0]
    bare = settings.get("bare", ["reject"])[0]
    assert auth in ("always", "after-tls", "never")
    assert bare in ("reject", "normalize")
    return ServerEngine(
        NAMES["HOST"],
        Limits(**{name: int(value) for name, value in limits.items()}),
        offers_tls="no-tls" not in settings,
        is_tls=is_tls,
        auth=auth,
        requires_auth="open" not in settings,
        bare_line_ends=bare,
    )
