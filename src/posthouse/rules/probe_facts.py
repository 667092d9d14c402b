"""What is known of a test that has ended, for the rules that say what it means.

Public: Facts, Service, domain_of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from posthouse.model.probe import ProbeEnd, ProbeStep, ProbeTls, ProbeWish

TLS_PORTS = frozenset({465})


@dataclass(frozen=True, slots=True)
class Service:
    """How a sending service wants programs to sign in. `hosts`: its SMTP hosts, each with its region ("" for
    none). `user`: what must stand there: "address" (a user of a sending domain), a fixed word, or "password"
    for the same as the password. `key_form`: what its API keys look like, where those are no SMTP passwords.
    `password_form`: what its passwords look like, where they have one form only. `fresh`: where one gets a
    new password."""

    name: str
    hosts: Mapping[str, str]
    user: str
    key_form: re.Pattern[str] | None = None
    password_form: re.Pattern[str] | None = None
    fresh: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """`service`: whose host was tried, None for a stranger's. `key_of`: the service whose API keys look like
    the password, "" for none. `is_password_form` False: its passwords never look like this.
    `is_user_password`: user and password are the same. `own_ports`: of this very server, those that begin in
    clear and those that begin with TLS."""

    wish: ProbeWish
    end: ProbeEnd
    now: float
    service: Service | None = None
    key_of: str = ""
    is_password_form: bool = True
    is_user_password: bool = False
    is_own: bool = False
    own_ports: tuple[tuple[int, ...], tuple[int, ...]] = field(default=((), ()))

    @property
    def said(self) -> str:
        """The server's last word in lower case."""
        return self.end.text.lower()

    @property
    def tls(self) -> ProbeTls:
        return self.end.tls or ProbeTls()

    @property
    def begins_with_tls(self) -> bool:
        """Is this a port that expects TLS from the first byte?"""
        return self.wish.port in self.own_ports[1] or (
            self.wish.port in TLS_PORTS and self.wish.port not in self.own_ports[0]
        )

    def ended(self, step: ProbeStep, fault: str) -> bool:
        return self.end.step is step and self.end.fault == fault

    @property
    def is_bad_sign_in(self) -> bool:
        """RFC 4954 6: 535; some say 530 or 550 about it."""
        return self.ended(ProbeStep.AUTH, "refused") and self.end.code in (535, 530, 550, 501, 334)

    @property
    def is_refused_letter(self) -> bool:
        steps = (ProbeStep.MAIL, ProbeStep.RCPT, ProbeStep.DATA, ProbeStep.CONTENT)
        return self.end.step in steps and self.end.fault == "refused"


def domain_of(address: str) -> str:
    """In lower case, "" for what is no address."""
    return address.rpartition("@")[2].lower() if "@" in address else ""
