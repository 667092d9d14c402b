"""Options of users, keys and tokens alike: from where, until when, how much, and a secret that exists.

Public: Ranges, Messages, Connections, Expires, read_secret, terms, terms_text, use_cells.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posthouse.cli.output import when

if TYPE_CHECKING:
    from posthouse.desk.terms import Terms
    from posthouse.model.account import Credential

_MOST_OCTETS = 4096

Ranges = Annotated[
    list[str] | None,
    typer.Option(
        "--from", metavar="RANGE", help="Only from these addresses; may be repeated; `any` for all."
    ),
]
Messages = Annotated[
    str | None,
    typer.Option(
        "--connection-messages", metavar="N", help="Most messages in a connection; 0: no limit; or `default`."
    ),
]
Connections = Annotated[
    str | None,
    typer.Option(
        "--address-connections",
        metavar="N",
        help="Most connections of a client address; 0: no limit; or `default`.",
    ),
]
Expires = Annotated[
    str | None,
    typer.Option(
        "--expires", metavar="TIME", help="Until 90d or 12h from now, or 2027-01-31 (UTC); or `never`."
    ),
]


def terms(
    ranges: Sequence[str] | None,
    messages: str | None,
    connections: str | None,
    expires: str | None,
    now: float,
) -> Terms:
    """The four options as the desk takes them; what was not given stays as it is. Raises Refused."""
    from posthouse.desk.expiry import parse_expiry
    from posthouse.desk.terms import Terms

    expires_at = None if expires is None else parse_expiry(expires, now)
    return Terms(tuple(ranges) if ranges else None, messages, connections, expires_at)


def terms_text(credential: Credential) -> str:
    """A line for people: what holds now; and a line for each thing that they may not have meant."""
    from posthouse.desk.terms import warnings

    said = [f"from      {' '.join(credential.ranges) or 'any address'}"]
    if credential.expires_at is not None:
        said.append(f"expires   {when(credential.expires_at)}")
    numbers = {
        "messages": credential.limits.messages_per_connection,
        "sessions": credential.limits.connections_per_address,
    }
    said += [f"{name:<9} {number or 'no limit'}" for name, number in numbers.items() if number is not None]
    return "\n".join([*said, *(f"warning: {text}" for text in warnings(credential))])


def use_cells(row: Mapping[str, Any], now: float) -> list[str]:
    """The cells EXPIRES, FROM, USED and USED FROM of a list."""
    from posthouse.desk.expiry import has_expired

    at = row["expires_at"]
    expires = f"{when(at)} (expired)" if has_expired(at, now) else when(at)
    return [expires, " ".join(row["ranges"]) or "any", when(row["used_at"]), row["used_from"] or "-"]


def read_secret(name: str) -> str:
    """The one line of a file, or of input (`-`), without its line end. Raises Refused."""
    from posthouse.model.errors import Refused

    try:
        if name == "-":
            raw = sys.stdin.buffer.read(_MOST_OCTETS + 1)
        else:
            with Path(name).open("rb") as opened:
                raw = opened.read(_MOST_OCTETS + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise Refused(501, "5.5.4", f"{name}: {error.strerror}", reason="bad-file") from error
    except UnicodeDecodeError as error:
        raise Refused(501, "5.5.4", f"{name} is not UTF-8 text", reason="bad-file") from error
    if len(raw) > _MOST_OCTETS:
        raise Refused(
            501, "5.5.4", f"{name} is no secret: it has over {_MOST_OCTETS} octets", reason="bad-file"
        )
    return text.removesuffix("\n").removesuffix("\r")
