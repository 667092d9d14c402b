"""Options of users, keys and tokens alike: from where, how much, and a secret that exists already.

Public: Ranges, Messages, Connections, read_secret, terms, terms_text, use_cells.
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


def terms(ranges: Sequence[str] | None, messages: str | None, connections: str | None) -> Terms:
    """The three options as the desk takes them; what was not given stays as it is."""
    from posthouse.desk.terms import Terms

    return Terms(tuple(ranges) if ranges else None, messages, connections)


def terms_text(credential: Credential) -> str:
    """A line for people: what holds now; and a line for each thing that they may not have meant."""
    from posthouse.desk.terms import warnings

    said = [f"from      {' '.join(credential.ranges) or 'any address'}"]
    numbers = {
        "messages": credential.limits.messages_per_connection,
        "sessions": credential.limits.connections_per_address,
    }
    said += [f"{name:<9} {number or 'no limit'}" for name, number in numbers.items() if number is not None]
    return "\n".join([*said, *(f"warning: {text}" for text in warnings(credential))])


def use_cells(row: Mapping[str, Any]) -> list[str]:
    """The cells FROM, USED and USED FROM of a list."""
    return [" ".join(row["ranges"]) or "any", when(row["used_at"]), row["used_from"] or "-"]


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
