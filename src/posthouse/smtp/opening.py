"""From the greeting to an idle connection: what the client does with each reply before any letter.

    GREETING -> EHLO (-> HELO) -> IDLE          with STARTTLS: EHLO -> STARTTLS -> HANDSHAKE -> EHLO -> IDLE

Public: on_greeting, on_hello, on_starttls, say_hello.
"""

from __future__ import annotations

from posthouse.model.message import Phase
from posthouse.smtp.dialogue import Dialogue
from posthouse.smtp.envelope import Offers, parse_offers
from posthouse.smtp.replies import ServerReply
from posthouse.smtp.steps import WANTS_TLS, Step, phase_of, said


def on_greeting(talk: Dialogue, reply: ServerReply) -> None:
    """The host's first word."""
    if 200 <= reply.code < 300:
        say_hello(talk, "EHLO", Step.EHLO)
    else:
        _no_service(talk, reply)


def say_hello(talk: Dialogue, verb: str, step: Step) -> None:
    """EHLO or HELO with our name."""
    talk.say(f"{verb} {talk._hello_name}")
    talk.step = step


def on_hello(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to EHLO or HELO."""
    if 200 <= reply.code < 300:
        talk.offers = parse_offers(reply.lines) if talk.step is Step.EHLO else Offers()
        _secure_or_ready(talk)
    elif talk.step is Step.EHLO and reply.code >= 500 and reply.code not in (521, 554):
        say_hello(talk, "HELO", Step.HELO)  # MX-6
    else:
        _no_service(talk, reply)


def _secure_or_ready(talk: Dialogue) -> None:
    if talk._wants_tls and not talk.is_tls and talk.offers.has_starttls:
        talk.say("STARTTLS")
        talk.step = Step.STARTTLS
    elif talk._requires_tls and not talk.is_tls:
        _no_tls(talk, "TLS is required and the host does not offer it")
    else:
        talk.ready()


def on_starttls(talk: Dialogue, reply: ServerReply) -> None:
    """The reply to STARTTLS."""
    if 200 <= reply.code < 300:
        talk.step = Step.HANDSHAKE
        talk._events.append(WANTS_TLS)
    elif talk._requires_tls:
        _no_tls(talk, f"TLS is required and the host answered STARTTLS with {reply}")
    else:
        talk.ready()  # RFC 3207 4.1: after a refusal the client may go on in clear


def _no_service(talk: Dialogue, reply: ServerReply) -> None:
    result = said(phase_of(talk.step), reply, failed=True)
    talk.say("QUIT")
    talk.close(result)


def _no_tls(talk: Dialogue, text: str) -> None:
    talk.say("QUIT")
    talk.give_up(Phase.STARTTLS, 0, "4.7.10", text, failed=True)
