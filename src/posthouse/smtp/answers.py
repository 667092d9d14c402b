"""The replies that the server engine gives by itself, each rendered once.

Codes per command: RFC 5321 4.3.2; enhanced codes: RFC 3463 and the registry of RFC 5248.
"""

from __future__ import annotations

from posthouse.smtp.replies import Reply

BYE = Reply(221, "2.0.0", "Bye")
READY_FOR_TLS = Reply(220, "2.0.0", "Ready to start TLS")
OK = Reply(250, "2.0.0", "Ok")
HELP = Reply(214, "2.0.0", "Commands: EHLO HELO AUTH STARTTLS MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT")
CANNOT_VERIFY = Reply(252, "2.5.2", "Cannot verify, but send it and we will try")  # never tells who exists

LINE_TOO_LONG = Reply(500, "5.5.2", "Line too long")
AUTH_LINE_TOO_LONG = Reply(500, "5.5.6", "Authentication exchange line is too long")
UNKNOWN_COMMAND = Reply(500, "5.5.1", "Command not recognised")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
NO_ARGUMENT = Reply(501, "5.5.4", "This command takes no argument")
HELLO_NEEDS_NAME = Reply(501, "5.5.4", "Syntax: EHLO hostname")
AUTH_NEEDS_MECHANISM = Reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
UNKNOWN_MECHANISM = Reply(504, "5.5.4", "Authentication mechanism not supported")
AUTH_CANCELLED = Reply(501, "5.5.2", "Authentication cancelled")
BAD_CHUNK_SIZE = Reply(501, "5.5.4", "Syntax: BDAT size [LAST]")

HELLO_FIRST = Reply(503, "5.5.1", "EHLO command expected")
MAIL_FIRST = Reply(503, "5.5.1", "MAIL command expected")
RCPT_FIRST = Reply(503, "5.5.1", "RCPT command expected")
NESTED_MAIL = Reply(503, "5.5.1", "Sender already given")
CHUNKS_BEGUN = Reply(503, "5.5.1", "BDAT begun, RSET or BDAT LAST expected")
CHUNKS_FAILED = Reply(503, "5.5.1", "An earlier BDAT failed, RSET expected")
IN_TRANSACTION = Reply(503, "5.5.1", "Not during a mail transaction")
ALREADY_SIGNED_IN = Reply(503, "5.5.1", "Already authenticated")
ALREADY_TLS = Reply(503, "5.5.1", "TLS is already active")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")

STARTTLS_FIRST = Reply(530, "5.7.0", "Must issue a STARTTLS command first")
REQUIRETLS_NEEDS_TLS = Reply(530, "5.7.10", "REQUIRETLS needs TLS: issue a STARTTLS command first")
AUTH_REQUIRED = Reply(530, "5.7.0", "Authentication required")

BARE_LINE_END = Reply(550, "5.5.2", "Message refused: it holds a bare CR or LF, lines must end with CRLF")
NUL_IN_BODY = Reply(554, "5.6.0", "Message refused: it holds a NUL")

LINE_NEVER_ENDS = Reply(421, "4.7.0", "Line too long, closing connection")
BODY_NEVER_ENDS = Reply(421, "4.3.0", "Message is far too big, closing connection")
CHUNK_FAR_TOO_BIG = Reply(552, "5.3.4", "Chunk is far too big, closing connection")
BYTES_BEHIND_STARTTLS = Reply(421, "4.7.0", "Input behind STARTTLS, closing connection")
TOO_MANY_BAD_COMMANDS = Reply(421, "4.7.0", "Too many bad commands, closing connection")
TOO_MANY_IDLE_COMMANDS = Reply(421, "4.7.0", "Too many commands without a message, closing connection")
TOO_MANY_BEFORE_AUTH = Reply(421, "4.7.0", "Too many commands without authentication, closing connection")
TOO_MANY_AUTH_FAILURES = Reply(421, "4.7.0", "Too many failed authentications, closing connection")
TOO_MANY_REFUSED = Reply(421, "4.7.0", "Too many refused recipients, closing connection")


def greeting(hostname: str) -> Reply:
    """The 220 of a new connection."""
    return Reply(220, "", f"{hostname} ESMTP Posthouse ready")


def hello(hostname: str, client: str, extensions: tuple[str, ...]) -> Reply:
    """The answer to EHLO, or to HELO when `extensions` is empty (C-08)."""
    return Reply(250, "", (f"{hostname} Nice to meet you, {client}", *extensions))


def too_big(limit: int) -> Reply:
    """The answer to a message over `limit` octets, at MAIL by its SIZE or after the data."""
    return Reply(552, "5.3.4", f"Message is too big. Max message size is {limit} bytes")


def chunk_taken(size: int) -> Reply:
    """The answer to a BDAT that was not the last."""
    return Reply(250, "2.0.0", f"{size} octets received")
