"""What each command does to the conversation (RFC 5321 4.1.1, 3030, 3207, 4954).

A command either answers at once or asks the session by an event; the answer to that is handled in
`server`. `VERBS` is the whole list: a verb that is not in it is not recognised.

Public: obey, VERBS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from posthouse.smtp import answers
from posthouse.smtp.chunks import ChunkReader, parse_chunk_argument
from posthouse.smtp.conversation import Conversation, Mode, State
from posthouse.smtp.events import AuthTry, BodyStart, MailFrom, Quit, RcptTo, StartTls
from posthouse.smtp.grammar import Command, SyntaxRefused, parse_mail, parse_rcpt
from posthouse.smtp.replies import Reply
from posthouse.smtp.sasl import AUTH_FAILED, EXCHANGES, Login

_HTTP_VERBS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_NAME_UNSAFE = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_MAX_HELLO_NAME = 255


class Verb(NamedTuple):
    """`act` does it. Without `takes_argument` one is an error. `is_idle`: brings no mail forward, so that
    only so many are served between two messages."""

    act: Callable[[Conversation, str], None]
    takes_argument: bool = True
    is_idle: bool = False


def obey(talk: Conversation, command: Command) -> None:
    """Carry out one command. Raises SyntaxRefused."""
    verb = VERBS.get(command.verb)
    if verb is None:
        _unknown(talk, command.verb)
        return
    if talk.requires_auth and not talk.is_authenticated:
        talk._early_commands += 1
        if talk._early_commands > talk.limits.commands_before_auth:
            talk.close(answers.TOO_MANY_BEFORE_AUTH, "too many commands before signing in")
            return
    if verb.is_idle and not talk.may_idle():
        return
    if command.argument and not verb.takes_argument:
        talk.refuse(answers.NO_ARGUMENT)
    else:
        verb.act(talk, command.argument)


def _unknown(talk: Conversation, verb: str) -> None:
    if verb in _HTTP_VERBS:  # TLS-8: a browser was sent here; nothing of what follows is run
        talk.close(None, "HTTP on an SMTP port")
    else:
        talk.refuse(answers.UNKNOWN_COMMAND)


# Hello


def _ehlo(talk: Conversation, argument: str) -> None:
    _hello(talk, argument, is_extended=True)


def _helo(talk: Conversation, argument: str) -> None:
    _hello(talk, argument, is_extended=False)


def _hello(talk: Conversation, name: str, *, is_extended: bool) -> None:
    if not name or len(name) > _MAX_HELLO_NAME:
        talk.refuse(answers.HELLO_NEEDS_NAME)
        return
    talk._state = State.READY
    talk.clear_transaction()  # RFC 5321 4.1.4
    talk.is_extended = is_extended
    talk.hello_name = _NAME_UNSAFE.sub("?", name)
    talk.say(answers.hello(talk.hostname, talk.hello_name, _extensions(talk) if is_extended else ()))


def _extensions(talk: Conversation) -> tuple[str, ...]:
    """What EHLO offers now: the same for all clients in the same state (EXT-14)."""
    offers = ["PIPELINING", f"SIZE {talk.limits.message_bytes}", "8BITMIME", "SMTPUTF8", "CHUNKING"]
    offers += ["ENHANCEDSTATUSCODES", "DSN"]
    if talk.is_tls:  # RFC 8689 2: only there
        offers.append("REQUIRETLS")
    if talk.offers_tls and not talk.is_tls:
        offers.append("STARTTLS")
    if talk.auth_usable and not talk.is_authenticated:
        offers.append("AUTH PLAIN LOGIN")
    return tuple(offers)


def _starttls(talk: Conversation, _: str) -> None:
    if talk.is_tls:
        talk.refuse(answers.ALREADY_TLS)
    elif not talk.offers_tls:
        talk.refuse(answers.NOT_IMPLEMENTED)
    elif talk.transaction_open:
        talk.refuse(answers.IN_TRANSACTION)
    elif talk._buffer:  # S6: what stands behind the line in the clear is never run
        talk.close(answers.BYTES_BEHIND_STARTTLS, "clear bytes behind STARTTLS")
    else:
        talk.say(answers.READY_FOR_TLS)
        talk.ask(StartTls())


# Signing in


def _auth(talk: Conversation, argument: str) -> None:
    mechanism, _, initial = argument.partition(" ")
    mechanism = mechanism.upper()
    trouble = _auth_trouble(talk, mechanism)
    if trouble:
        talk.refuse(trouble)
        return
    talk._mechanism = mechanism
    talk._exchange = EXCHANGES[mechanism]()
    talk._mode = Mode.AUTH_LINE
    auth_step(talk, initial.strip(" ").encode() or None, is_initial=True)


def _auth_trouble(talk: Conversation, mechanism: str) -> Reply | None:
    if talk.auth_policy == "never":
        return answers.NOT_IMPLEMENTED
    if talk.is_authenticated:
        return answers.ALREADY_SIGNED_IN
    if talk.transaction_open:
        return answers.IN_TRANSACTION
    if not talk.auth_usable:  # AUT-2: nothing of the credentials is even decoded
        return answers.STARTTLS_FIRST
    if not mechanism:
        return answers.AUTH_NEEDS_MECHANISM
    if mechanism not in EXCHANGES:
        return answers.UNKNOWN_MECHANISM
    # RFC 4954 4 wants EHLO before AUTH. LOGIN has no RFC, and the hand-typing lesson that people follow
    # begins with AUTH LOGIN at once (C-16): that one is let through.
    if talk._state is State.START and mechanism != "LOGIN":
        return answers.HELLO_FIRST
    return None


def auth_step(talk: Conversation, line: bytes | None, *, is_initial: bool = False) -> None:
    """One line of the exchange: the next prompt, an AuthTry, or a refusal that ends it."""
    exchange = talk._exchange
    if exchange is None:
        return
    try:
        result = exchange.begin(line) if is_initial else exchange.step(line or b"")
    except SyntaxRefused as refusal:
        talk.leave_auth()
        if refusal.reply is AUTH_FAILED:
            talk.refuse_login(AUTH_FAILED)
        else:
            talk.refuse(refusal.reply)
        return
    if isinstance(result, Login):
        mechanism = talk._mechanism
        talk.leave_auth()
        talk.ask(AuthTry(mechanism, result.user, result.password))
    else:
        talk.say(result)


# The transaction


def _mail(talk: Conversation, argument: str) -> None:
    if talk._state is State.START:
        talk.refuse(answers.HELLO_FIRST)
    elif talk._state is not State.READY:
        talk.refuse(answers.CHUNKS_BEGUN if talk._state is State.CHUNKS else answers.NESTED_MAIL)
    elif talk.requires_auth and not talk.is_authenticated:
        talk.say(answers.AUTH_REQUIRED)
    else:
        sender, params = parse_mail(argument)
        if params.size > talk.limits.message_bytes:  # RFC 1870 6.1: told before the data comes
            talk.say(answers.too_big(talk.limits.message_bytes))
        elif params.promises_tls and not talk.is_tls:
            talk.refuse(answers.REQUIRETLS_NEEDS_TLS)
        else:
            talk.ask(MailFrom(sender, params))


def _rcpt(talk: Conversation, argument: str) -> None:
    if talk._state is State.CHUNKS:
        talk.refuse(answers.CHUNKS_BEGUN)
    elif talk._state < State.SENDER:
        talk.refuse(answers.HELLO_FIRST if talk._state is State.START else answers.MAIL_FIRST)
    elif talk._recipients >= talk.limits.recipients:  # SRV-7: those already taken stay valid
        talk.say(answers.TOO_MANY_RECIPIENTS)
    else:
        address, params = parse_rcpt(argument, talk.hostname, is_utf8=talk._is_utf8)
        talk.ask(RcptTo(address, params))


def _no_body_because(talk: Conversation) -> Reply | None:
    """Why no body may begin now (SRV-22)."""
    match talk._state:
        case State.START:
            return answers.HELLO_FIRST
        case State.READY:
            return answers.MAIL_FIRST
        case State.SENDER:
            return answers.RCPT_FIRST
        case _:
            return None


def _data(talk: Conversation, _: str) -> None:
    trouble = answers.CHUNKS_BEGUN if talk._state is State.CHUNKS else _no_body_because(talk)
    if trouble:
        talk.refuse(trouble)
    else:
        talk.ask(BodyStart())


def _bdat(talk: Conversation, argument: str) -> None:
    parsed = parse_chunk_argument(argument)
    limits = talk.limits
    if parsed is None:  # how many octets follow is unknown: they must not be read as commands
        talk.close(answers.BAD_CHUNK_SIZE, "BDAT without a size")
        return
    size, tail = parsed
    if size > limits.message_bytes + limits.discard_bytes:
        talk.close(answers.CHUNK_FAR_TOO_BIG, "a BDAT far past the limit")
        return
    if not size and tail != "LAST" and not talk.may_idle():
        return
    if talk._chunks is None:
        talk._chunks = ChunkReader(limits.message_bytes)
    chunks = talk._chunks
    chunks.open_chunk(size, is_last=tail == "LAST")
    talk._mode = Mode.CHUNK
    trouble = answers.BAD_CHUNK_SIZE if tail not in ("", "LAST") else _no_body_because(talk)
    if trouble:
        chunks.fail(trouble)
        return
    if chunks.would_be_too_big:
        chunks.fail(answers.too_big(limits.message_bytes))
    if talk._state is not State.CHUNKS:
        talk._state = State.CHUNKS
        if chunks.failure is None:
            talk.ask(BodyStart())


# Everything else


def _rset(talk: Conversation, _: str) -> None:
    talk.clear_transaction()
    talk.say(answers.OK)


def _noop(talk: Conversation, _: str) -> None:
    talk.say(answers.OK)


def _help(talk: Conversation, _: str) -> None:
    talk.say(answers.HELP)


def _vrfy(talk: Conversation, _: str) -> None:
    talk.say(answers.CANNOT_VERIFY)


def _quit(talk: Conversation, _: str) -> None:
    talk.say(answers.BYE)
    talk.end()
    talk._event = Quit()


def _not_implemented(talk: Conversation, _: str) -> None:
    talk.refuse(answers.NOT_IMPLEMENTED)


VERBS: dict[str, Verb] = {
    "MAIL": Verb(_mail),
    "RCPT": Verb(_rcpt),
    "DATA": Verb(_data, takes_argument=False),
    "BDAT": Verb(_bdat),
    "RSET": Verb(_rset, takes_argument=False, is_idle=True),
    "EHLO": Verb(_ehlo, is_idle=True),
    "HELO": Verb(_helo, is_idle=True),
    "AUTH": Verb(_auth),
    "STARTTLS": Verb(_starttls, takes_argument=False),
    "NOOP": Verb(_noop, is_idle=True),
    "HELP": Verb(_help, is_idle=True),
    "VRFY": Verb(_vrfy, is_idle=True),
    "QUIT": Verb(_quit, takes_argument=False),
    "EXPN": Verb(_not_implemented),  # SRV-8
    "ETRN": Verb(_not_implemented),
    "TURN": Verb(_not_implemented),
}
