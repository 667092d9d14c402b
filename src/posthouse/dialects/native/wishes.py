"""What a sender may ask for in our own words: one JSON object, in the header field `X-Posthouse-Options` or,
by HTTP, beside the letter. Both are read by the same types.

Public: HEADER, Options, TemplateName, Link, Block, options_header.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from posthouse.dialects.dialect import Header

HEADER = "X-Posthouse-Options"

Instant = Annotated[dt.datetime, Meta(tz=True)]
Tag = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Span = Annotated[float, Meta(ge=60, le=30 * 86400.0)]
Word = Annotated[str, Meta(min_length=1, max_length=255)]
Group = Annotated[int, Meta(ge=1, le=2**31 - 1)]
LinkKind = Literal[
    "unsubscribe",
    "unsubscribe_tags",
    "unsubscribe_group",
    "unsubscribe_global",
    "preferences",
    "unsubscribe_email",
]


class TemplateName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A stored template that becomes the letter's body."""

    name: Annotated[Word, Meta(description="The template's name or id.")]
    version: Annotated[str, Meta(max_length=255, description="A version's tag; empty: the active one.")] = ""
    makes_text: Annotated[bool, Meta(description="Make a plain part of its HTML where it has none.")] = False


class Link(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A literal text of the letter that a link of ours takes the place of."""

    literal: Annotated[str, Meta(min_length=2, max_length=200, description="The text to replace.")]
    kind: LinkKind
    html: Annotated[
        str, Meta(max_length=2000, description="What stands there in HTML, with {url}; empty: the bare link.")
    ] = ""
    text: Annotated[str, Meta(max_length=2000, description="The same in a plain part.")] = ""


class Block(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Text for the end of the HTML part and of the plain part."""

    html: Annotated[str, Meta(max_length=20_000)] = ""
    text: Annotated[str, Meta(max_length=20_000)] = ""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a message asks for. What is not said is the domain's choice."""

    tags: Annotated[
        list[Tag], Meta(max_length=20, description="Words to find and count mail by.", examples=[["welcome"]])
    ] = []
    metadata: Annotated[
        dict[str, Any],
        Meta(
            description="Your own data, given back in events; at most 16 KB of JSON.", examples=[{"order": 7}]
        ),
    ] = {}
    batch: Annotated[
        str, Meta(max_length=200, description="A batch to pause, resume or cancel together with others.")
    ] = ""
    template: Annotated[TemplateName | None, Meta(description="A stored template as the body.")] = None
    is_template: Annotated[
        bool,
        Meta(description="The subject, text and html given here are Handlebars templates themselves."),
    ] = False
    variables: Annotated[
        dict[str, Any], Meta(description="Values of the template that are the same for all recipients.")
    ] = {}
    to_each: Annotated[
        bool, Meta(description="A copy for each recipient, whose To field shows nobody else.")
    ] = False
    send_at: Annotated[Instant | None, Meta(description="When to send; a time gone by means now.")] = None
    deliver_within_s: Annotated[
        Span | None, Meta(description="Give up after so many seconds instead of the usual time.")
    ] = None
    best_hour_within_s: Annotated[
        Span | None, Meta(description="Wait for each recipient's best hour, at most so many seconds.")
    ] = None
    local_time: Annotated[
        str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$", description="HH:MM in the recipient's zone.")
    ] = ""
    track_opens: bool | None = None
    track_clicks: Annotated[
        Literal["off", "html", "all"] | None, Meta(description="html: not the links of plain parts.")
    ] = None
    utm: Annotated[
        dict[Word, Word],
        Meta(max_length=10, description="Parameters to add to links.", examples=[{"utm_source": "shop"}]),
    ] = {}
    unsubscribe_group: Annotated[
        Group | None, Meta(description="The group's number: who left it gets no copy.")
    ] = None
    groups_shown: Annotated[
        list[Group], Meta(max_length=25, description="Groups that the page of preferences shows.")
    ] = []
    auto_unsubscribe: Annotated[
        LinkKind | None,
        Meta(description="What the List-Unsubscribe field is for, where the letter has none."),
    ] = None
    one_click: Annotated[bool, Meta(description="Unsubscribing with one click (RFC 8058).")] = True
    list_unsubscribe: Annotated[
        str, Meta(max_length=2000, description="Your own List-Unsubscribe field.")
    ] = ""
    links: Annotated[list[Link], Meta(max_length=20)] = []
    footer: Block | None = None
    bypass: Annotated[
        list[Literal["all", "bounces", "complaints", "unsubscribes", "invalid"]],
        Meta(max_length=5, description="Lists that do not count for this message."),
    ] = []
    ip: Annotated[str, Meta(max_length=45, description="A local address to send from.")] = ""
    pool: Annotated[str, Meta(max_length=255, description="A pool of addresses to send from.")] = ""
    require_tls: Annotated[bool | None, Meta(description="Never in clear.")] = None
    skip_verification: Annotated[bool | None, Meta(description="Any certificate will do.")] = None
    dkim: Annotated[bool | None, Meta(description="false: do not sign.")] = None
    forward_complaints_to: Annotated[
        str, Meta(max_length=320, description="An address that gets complaints about this message.")
    ] = ""
    test_mode: Annotated[
        Literal["drop", "sandbox"] | None,
        Meta(description="drop: all happens but the sending; sandbox: nothing is stored."),
    ] = None


_encode = msgspec.json.Encoder().encode
_NAMES = Options.__struct_fields__


def options_header(options: Options) -> Header | None:
    """The header field that says the same as `options` (maybe of a type with more fields); None: they say
    nothing."""
    own = Options(**{name: getattr(options, name) for name in _NAMES})
    written = _encode(own)
    return None if written == b"{}" else Header(HEADER.lower(), HEADER, b" " + written)
