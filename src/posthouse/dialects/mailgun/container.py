"""`multipart/mailgun-variables`: recipient variables and the letter as two parts of one (documented).

The first part is the JSON of `X-Mailgun-Recipient-Variables`, the second the letter to be sent. Option
headers outside of the inner letter count too, and come before its own. Nothing else of the outer letter is
kept.

Public: unwrap.
"""

from __future__ import annotations

from posthouse.dialects.dialect import Header, Unwrapped
from posthouse.dialects.fields import header_of
from posthouse.dialects.mailgun.headers import refusal
from posthouse.mail.letter import Letter
from posthouse.mail.parts import Node, TooMuch, read_tree, top_type
from posthouse.mail.transfer import decode
from posthouse.model.errors import Refused

KIND = "multipart/mailgun-variables"
JSON_BYTES = 4 << 20
_PREFIX = b"x-mailgun-"


def unwrap(letter: Letter) -> Unwrapped | None:
    """The inner letter; None for a letter of any other type. Raises Refused for a broken container: as an
    ordinary letter it would show everybody the data of all."""
    declared = letter.first(b"content-type")
    if declared is None or KIND.encode() not in declared.lower() or top_type(letter)[0] != KIND:
        return None
    variables, inner = _parts(letter)
    headers = [
        header_of(letter, field)
        for field in letter.fields
        if field.name.startswith(_PREFIX) and field.name != b"x-mailgun-recipient-variables"
    ]
    headers.append(Header("x-mailgun-recipient-variables", KIND, variables))
    return Unwrapped(inner, tuple(headers))


def _parts(letter: Letter) -> tuple[bytes, bytes]:
    """The decoded JSON and the inner letter."""
    try:
        children = read_tree(letter).children
    except TooMuch as error:
        raise _broken(str(error)) from error
    if [child.type for child in children] != ["application/json", "message/rfc822"]:
        raise _broken("it must have two parts, application/json and message/rfc822")
    json, message = children
    variables = decode(letter.raw[json.start : json.end], json.transfer) if json.transfer else None
    if variables is None or len(variables) > JSON_BYTES:
        raise _broken("the JSON part cannot be decoded or is over 4 MiB")
    return variables, _letter_in(letter.raw, message)


def _letter_in(raw: bytes, message: Node) -> bytes:
    if message.transfer not in ("7bit", "8bit"):  # RFC 2046 5.2.1
        raise _broken("the message/rfc822 part must not be encoded")
    inner = raw[message.start : message.end]
    return inner if inner.endswith(b"\r\n") else inner + b"\r\n"


def _broken(why: str) -> Refused:
    return refusal(f"The {KIND} container is broken: {why}")
