"""From `X-Posthouse-Options` to wishes. Whatever is wrong in it refuses the letter: it was written by a
program for us, and mail that is not what its author meant is worse than mail that did not go.

Public: PREFIX, read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from posthouse.dialects.depth import is_too_deep
from posthouse.dialects.dialect import Context, Header, TemplateUse, Wishes
from posthouse.dialects.native.wishes import HEADER, Options
from posthouse.mail.letter import unfolded
from posthouse.mail.words import decode_words
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.model.options import Block, LinkTag, Seen

PREFIX = "x-posthouse-"
MOST_METADATA_BYTES = 16_384
MOST_DEPTH = 20

_decode = msgspec.json.Decoder(Options).decode
_encode = msgspec.json.Encoder().encode


def read(headers: Sequence[Header], context: Context) -> Wishes:
    """The wishes of the header. Raises Refused (554). Of other headers each is told that it is unknown."""
    wishes = Wishes()
    given = [header for header in headers if header.name == HEADER.lower()]
    for header in headers:
        if header not in given:
            told = Seen(header.title, decode_words(header.raw), "unknown, not delivered", True)
            wishes.seen.append(told)
    if len(given) > 1:
        raise _refused(f"The message has {len(given)} {HEADER} fields; one is allowed")
    for header in given:
        _read(_parsed(header.raw), context, wishes)
    return wishes


def _parsed(raw: bytes) -> Options:
    try:
        return _decode(unfolded(raw).strip())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refused(f"{HEADER} cannot be read: {error}") from error


def _read(options: Options, context: Context, wishes: Wishes) -> None:
    _judge(options, context)
    for name in Options.__struct_fields__:
        value = getattr(options, name)
        if value is None or value in ("", [], {}) or (name in _PLAIN_VALUES and value is _PLAIN_VALUES[name]):
            continue
        if name == "template":
            use = TemplateUse(value.name, _trouble, value.version.lower(), value.makes_text)
            wishes.template, shown = use, value.name
        else:
            wanted, shown = _wanted(name, value, context)
            wishes.values |= wanted
            wishes.sources |= dict.fromkeys(wanted, name)
        wishes.seen.append(Seen(name, shown, _EFFECTS[name]))


_PLAIN_VALUES: dict[str, Any] = {"is_template": False, "to_each": False, "one_click": True}


def _wanted(name: str, value: Any, context: Context) -> tuple[dict[str, Any], str]:
    """Values of SendOptions, and the value as people read it."""
    shown = value if isinstance(value, str) else _encode(value).decode()
    if name in _MADE:
        return _MADE[name](value, context), shown
    field = _RENAMED.get(name, name)
    return {field: tuple(value) if isinstance(value, list) else value}, shown


_RENAMED = {
    "batch": "batch_id",
    "variables": "template_vars",
    "best_hour_within_s": "optimise_period_s",
    "one_click": "is_one_click",
    "pool": "ip_pool",
}
_MADE: dict[str, Callable[[Any, Context], dict[str, Any]]] = {
    "tags": lambda value, context: {"tags": tuple(dict.fromkeys(value))},
    "send_at": lambda value, context: {"deliver_at": max(value.timestamp(), 0.0)},
    "utm": lambda value, context: {"utm": tuple(value.items())},
    "links": lambda value, context: {
        "links": tuple(LinkTag(each.literal, each.kind, each.html, each.text) for each in value)
    },
    "footer": lambda value, context: {"blocks": (Block(value.html, value.text),)},
}
_EFFECTS = {
    "tags": "tags of the message",
    "metadata": "data of the message",
    "batch": "one of this batch",
    "template": "the body is made from this template",
    "is_template": "subject and texts are templates",
    "variables": "values of the template",
    "to_each": "a copy for each recipient",
    "send_at": "not sent before then",
    "deliver_within_s": "tried for so many seconds",
    "best_hour_within_s": "held for the recipient's best hour, at most so many seconds",
    "local_time": "sent at this time of the recipient's day",
    "track_opens": "whether opens are tracked",
    "track_clicks": "which links are tracked",
    "utm": "parameters of links",
    "unsubscribe_group": "mail of this group",
    "groups_shown": "groups on the page of preferences",
    "auto_unsubscribe": "what the List-Unsubscribe field is for",
    "one_click": "whether one click unsubscribes",
    "list_unsubscribe": "the delivered List-Unsubscribe",
    "links": "texts that links of ours take the place of",
    "footer": "text at the end",
    "bypass": "lists that do not count",
    "ip": "sent from this address",
    "pool": "sent from this pool",
    "require_tls": "whether it may leave in clear",
    "skip_verification": "whether certificates count",
    "dkim": "whether it is signed",
    "forward_complaints_to": "gets complaints",
    "test_mode": "a test",
}


def _judge(options: Options, context: Context) -> None:
    """What types cannot say. Raises Refused, whose text begins with the option's name."""
    for name in ("metadata", "variables"):
        if is_too_deep(getattr(options, name), MOST_DEPTH):
            raise _refused(f"{name}: it is nested more than {MOST_DEPTH} levels deep")
    if len(_encode(options.metadata)) > MOST_METADATA_BYTES:
        raise _refused(f"metadata: it is larger than {MOST_METADATA_BYTES} bytes of JSON")
    if options.send_at and options.send_at.timestamp() > context.now + context.schedule_days * 86400:
        raise _refused(f"send_at: it is more than {context.schedule_days:g} days ahead")
    if options.batch and not (options.batch.strip() and options.batch.isprintable()):
        raise _refused("batch: a batch's id has visible characters only")
    if options.ip and not context.owns_ip(options.ip):
        raise _refused(f"ip: there is no address {options.ip} to send from")
    if options.pool and not context.owns_pool(options.pool):
        raise _refused(f"pool: there is no pool {options.pool}")
    groups = {*options.groups_shown, *([options.unsubscribe_group] if options.unsubscribe_group else [])}
    if strange := groups - context.groups:
        raise _refused(f"unsubscribe_group: there is no group {min(strange)}")
    if options.forward_complaints_to:
        try:
            parse_address(options.forward_complaints_to)
        except BadAddress as error:
            raise _refused(f"forward_complaints_to: {error}") from error
    if any(not char.isprintable() for char in options.list_unsubscribe):
        raise _refused("list_unsubscribe: it holds a control character")
    if options.auto_unsubscribe == "unsubscribe_email":
        raise _refused("auto_unsubscribe: the field has an address anyway; name what the link is for")


def _trouble(sentence: str) -> Refused:
    return _refused(f"template: {sentence}")


def _refused(text: str) -> Refused:
    shown = "".join([char if char.isprintable() else "\ufffd" for char in text[:300]])
    return Refused(554, "5.6.0", shown, reason="bad-option")
