"""Everything that a sender can ask for, in our own words: no service's name, no service's grammar.

`SendOptions` belongs to a message, `RecipientOptions` to one delivery; both are stored as JSON beside the
letter, without what is unset, so an ordinary letter costs two bytes. "Unset" (None, "") differs from "off":
an unset wish falls through to the domain's settings.
"""

from __future__ import annotations

from typing import Any

import msgspec

CLICKS_OFF, CLICKS_HTML, CLICKS_ALL = "off", "html", "all"
PIXEL_BOTTOM, PIXEL_TOP, PIXEL_PLACEHOLDER = "bottom", "top", "placeholder"
TEST_DROP, TEST_SANDBOX = "drop", "sandbox"
UTM = ("utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign")  # in the order to append


class Seen(msgspec.Struct, frozen=True, omit_defaults=True):
    """One option as it arrived and what became of it. `effect` is a sentence without a final stop;
    `is_warning`: the option did not do what it says, `effect` tells why not."""

    header: str
    value: str
    effect: str
    is_warning: bool = False


class LinkTag(msgspec.Struct, frozen=True, omit_defaults=True):
    """A literal text of the letter that stands for a link of ours.

    `kind` is one of `LINK_KINDS`. `html` and `text` are what takes the literal's place in an HTML part (also
    inside an attribute) and in a plain part, with `{url}` for the link; "" means the bare link.
    """

    literal: str
    kind: str
    html: str = ""
    text: str = ""


LINK_KINDS = (
    "unsubscribe",  # from everything of the sending domain
    "unsubscribe_tags",  # from the tags of this message
    "unsubscribe_group",  # from the message's unsubscribe group
    "unsubscribe_global",  # from everything of the account
    "preferences",  # a page to choose
    "unsubscribe_email",  # an address instead of a link: mail to it unsubscribes
)


class Block(msgspec.Struct, frozen=True, omit_defaults=True):
    """Text put at the end of the HTML part and of the plain part; "" leaves that part alone."""

    html: str = ""
    text: str = ""


class SendOptions(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one message asks for. Instants are seconds since the epoch, spans seconds."""

    # grouping, own data
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    batch_id: str = ""
    call_id: str = ""  # of several letters of one call: the first one's id, by which the caller knows all
    call_place: int = 0  # how many recipients the letters before this one have

    # tracking
    track_opens: bool | None = None
    track_clicks: str = ""  # "", CLICKS_OFF, CLICKS_HTML, CLICKS_ALL
    pixel: str = ""  # "", PIXEL_…
    pixel_placeholder: str = ""  # literal text of the HTML part that the pixel replaces
    utm: tuple[tuple[str, str], ...] = ()  # (parameter, value) in the order to append

    # content: what differs from recipient to recipient, and what is added
    to_each: bool = False  # a copy each, whose To field shows only its recipient
    percent: bool = False  # %recipient.key%, %recipient_email%, … are alive
    verbatim: tuple[str, ...] = ()  # literal tags; RecipientOptions.values has their values in this order
    sections: dict[str, str] = {}  # literal tag -> text, expanded in the second stage
    is_template: bool = False  # text parts and Subject, From, Reply-To are Handlebars sources
    template_name: str = ""  # for events and people
    template_vars: dict[str, Any] = {}
    wrapper_html: str = ""  # encloses the HTML part at `<% body %>`
    blocks: tuple[Block, ...] = ()  # appended in this order: footer, unsubscribe texts
    links: tuple[LinkTag, ...] = ()
    spam_limit: float = 0.0  # a copy that a spam scanner gives a higher score is not sent; 0: nobody asks one
    spam_url: str = ""  # who gets such a letter and the scanner's report by HTTP POST

    # the delivered header
    drop_fields: tuple[str, ...] = ()  # lower-case names
    only_fields: tuple[str, ...] = ()  # if not empty: all others are dropped (a rebuilt letter)
    add_fields: tuple[tuple[str, str], ...] = ()  # (name, unfolded text), below our own
    list_unsubscribe: str = ""  # the author's own value
    auto_unsubscribe: str = ""  # "" or the link kind of the List-Unsubscribe that we add if there is none
    is_one_click: bool = True  # with RFC 8058's second field

    # time
    deliver_at: float = 0.0
    deliver_within_s: float = 0.0
    optimise_period_s: float = 0.0  # hold for the recipient's best hour, at most so long
    local_time: str = ""  # HH:MM in the recipient's zone

    # route, transport, signing
    ip: str = ""
    ip_pool: str = ""
    sources: tuple[str, ...] = ()  # resolved at acceptance: local addresses to send from
    require_tls: bool | None = None
    skip_verification: bool | None = None
    promises_tls: bool = False  # REQUIRETLS: no host on the way may take it without promising TLS (RFC 8689)
    tls_optional: bool = False  # TLS-Required: No: what receivers demand of TLS does not count (RFC 8689 5)
    dkim: bool | None = None
    dkim_domain: str = ""
    dkim_second: tuple[str, str] | None = None  # (domain, selector) of a key of the account
    dkim_second_public: tuple[str, str] | None = None  # under which name it shows
    keeps_return_path: bool = False  # the envelope sender leaves as it came
    archive_url: str = ""

    # lists
    unsubscribe_group: int = 0
    groups_shown: tuple[int, ...] = ()
    bypass: tuple[str, ...] = ()  # of: all, bounces, complaints, unsubscribes, invalid
    blind_copies: tuple[str, ...] = ()  # one more copy of every created mail to each
    forward_complaints_to: str = ""
    account_lists: bool = False  # bounces and complaints count for the whole account, not the sending domain

    # tests
    test_mode: str = ""  # "", TEST_DROP, TEST_SANDBOX

    # bookkeeping
    is_notice: bool = False  # a letter of our own, to be told apart in all its events
    dialect: str = ""  # the credential's
    seen: tuple[Seen, ...] = ()


class RecipientOptions(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one recipient's copy differs in.

    `metadata` None: the message's. `copy_of` is set on a server-made blind copy: the recipient whose mail
    this is; links show that recipient's values, and opens of the copy do not count.
    """

    name: str = ""
    values: tuple[str, ...] = ()
    variables: dict[str, Any] = {}
    metadata: dict[str, Any] | None = None
    copy_of: str = ""


PLAIN = SendOptions()
NOBODY_SPECIAL = RecipientOptions()

_encode = msgspec.json.Encoder().encode
_decode_options = msgspec.json.Decoder(SendOptions).decode
_decode_recipient = msgspec.json.Decoder(RecipientOptions).decode


def options_text(options: SendOptions | RecipientOptions) -> str:
    """JSON, "" when nothing is set. Lone surrogates become question marks."""
    if options is PLAIN or options is NOBODY_SPECIAL:
        return ""
    try:
        written = _encode(options).decode()
    except UnicodeEncodeError:
        written = _encode(_clean(msgspec.to_builtins(options))).decode()
    return "" if written == "{}" else written


def read_options(text: str) -> SendOptions:
    """The reverse; unknown keys of another version are ignored."""
    return _decode_options(text) if text else PLAIN


def read_recipient_options(text: str) -> RecipientOptions:
    return _decode_recipient(text) if text else NOBODY_SPECIAL


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
