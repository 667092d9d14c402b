"""The single-valued option headers: a row each, in the order in which they are read.

A later row overwrites an earlier one, so the narrower headers stand below the wider one, wherever they stand
in the letter. Sources: the manual "Send via SMTP" (values and effects documented); what is not documented is
our decision: bad words are ignored with a warning, a bad time or a foreign address, pool or key refuses the
letter, because mail at the wrong time or from the wrong place cannot be taken back.

The headers with more to them are read in `tags`, `variables`, `templates` and `suppress`.

Public: Row, ROWS, NOT_OPTIONS, BAD_OPTION, FOREIGN_IP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from posthouse.dialects.dialect import Context
from posthouse.dialects.mailgun import times, values
from posthouse.model.options import (
    CLICKS_ALL,
    CLICKS_HTML,
    CLICKS_OFF,
    PIXEL_BOTTOM,
    PIXEL_TOP,
    TEST_DROP,
)

BAD_OPTION, FOREIGN_IP = "bad-option", "foreign-ip"


@dataclass(frozen=True, slots=True)
class Row:
    """`grammar(text, context)` -> value of the option `field`; with `field` "" it gives {option: value}.

    `parameter`: of the HTTP API, for the same. `effect`: sentences by value, or a function of the value.
    `refuses`: a bad value refuses the letter, else it is ignored (a parameter's always refuses). `unless`:
    not used when that option is set already. `needs`: nothing without that option; `needs_text` is the
    refusal. `reason`: the machine word of a refusal.
    """

    header: str
    parameter: str
    grammar: Callable[[str, Context], Any]
    field: str
    effect: Mapping[Any, str] | Callable[[Any], str]
    refuses: bool = False
    unless: str = ""
    needs: str = ""
    needs_text: str = ""
    reason: str = BAD_OPTION


flag = values.words_to(True, False)

ROWS: tuple[Row, ...] = (
    Row(
        "X-Mailgun-Dkim",
        "o:dkim",
        flag,
        "dkim",
        {True: "signed with DKIM", False: "sent without a DKIM signature"},
    ),
    Row(
        "X-Mailgun-Drop-Message",
        "o:testmode",
        values.words_to(TEST_DROP, ""),
        "test_mode",
        {TEST_DROP: "test mode: everything happens but the sending", "": "sent, not tested"},
    ),
    Row(
        "X-Mailgun-Track",
        "o:tracking",
        values.words_to(
            {"track_opens": True, "track_clicks": CLICKS_ALL},
            {"track_opens": False, "track_clicks": CLICKS_OFF},
            {"track_opens": True, "track_clicks": CLICKS_HTML},
        ),
        "",
        lambda pairs: (
            f"opens and clicks are {'' if pairs['track_opens'] else 'not '}tracked"
            " where no narrower header says otherwise"
        ),
    ),
    Row(
        "X-Mailgun-Track-Clicks",
        "o:tracking-clicks",
        values.words_to(CLICKS_ALL, CLICKS_OFF, CLICKS_HTML),
        "track_clicks",
        {
            CLICKS_ALL: "clicks are tracked",
            CLICKS_OFF: "clicks are not tracked",
            CLICKS_HTML: "clicks are tracked in the HTML part only",
        },
    ),
    Row(
        "X-Mailgun-Track-Opens",
        "o:tracking-opens",
        flag,
        "track_opens",
        {True: "opens are tracked", False: "opens are not tracked"},
    ),
    Row(
        "X-Mailgun-Track-Pixel-Location-Top",
        "o:tracking-pixel-location-top",
        values.words_to(PIXEL_TOP, PIXEL_BOTTOM, PIXEL_TOP),
        "pixel",
        {
            PIXEL_TOP: "the tracking pixel stands at the top",
            PIXEL_BOTTOM: "the tracking pixel stands at the end",
        },
    ),
    Row(
        "X-Mailgun-Require-TLS",
        "o:require-tls",
        flag,
        "require_tls",
        {True: "delivered over TLS or not at all", False: "delivered without TLS where there is none"},
    ),
    Row(
        "X-Mailgun-Skip-Verification",
        "o:skip-verification",
        flag,
        "skip_verification",
        {True: "any certificate of the receiving host is fine", False: "certificates are verified"},
    ),
    Row(
        "X-Mailgun-Native-Send",
        "o:native-send",
        flag,
        "keeps_return_path",
        {True: "bounces go to the sender's own address", False: "bounces come back to us"},
    ),
    Row(
        "X-Mailgun-Sending-Ip",
        "o:sending-ip",
        values.sending_ip,
        "ip",
        lambda ip: f"sent from {ip}",
        refuses=True,
        reason=FOREIGN_IP,
    ),
    Row(
        "X-Mailgun-Sending-Ip-Pool",
        "o:sending-ip-pool",
        values.sending_pool,
        "",
        lambda pair: f"sent from {pair.get('ip') or 'an address of the pool'}",
        refuses=True,
        unless="ip",
        reason=FOREIGN_IP,
    ),
    Row(
        "X-Mailgun-Secondary-DKIM",
        "o:secondary-dkim",
        values.own_key,
        "dkim_second",
        lambda key: f"a second signature with the key {key[1]} of {key[0]}",
        refuses=True,
    ),
    Row(
        "X-Mailgun-Secondary-DKIM-Public",
        "o:secondary-dkim-public",
        values.key_alias,
        "dkim_second_public",
        lambda key: f"the second signature shows {key[1]} of {key[0]} if DNS has the same key there",
        refuses=True,
        needs="dkim_second",
        needs_text="o:secondary-dkim-public needs o:secondary-dkim",
    ),
    Row(
        "X-Mailgun-Deliver-By",
        "o:deliverytime",
        times.deliver_at,
        "deliver_at",
        lambda at: f"scheduled for {times.utc_text(at)}" if at else "sent at once: the time has passed",
        refuses=True,
    ),
    Row(
        "X-Mailgun-Deliver-Within",
        "o:deliver-within",
        times.window,
        "deliver_within_s",
        lambda seconds: f"given up when not delivered within {times.span_text(seconds)}",
        refuses=True,
    ),
    Row(
        "X-Mailgun-Delivery-Time-Optimize-Period",
        "o:deliverytime-optimize-period",
        times.optimise_period,
        "optimise_period_s",
        lambda seconds: f"held for the recipient's best hour within {times.span_text(seconds)}",
        refuses=True,
    ),
    Row(
        "X-Mailgun-Time-Zone-Localize",
        "o:time-zone-localize",
        times.time_of_day,
        "local_time",
        lambda at: f"held until {at} in the recipient's time zone",
        refuses=True,
    ),
    Row(
        "X-Mailgun-Archive-To",
        "o:archive-to",
        values.archive_url,
        "archive_url",
        lambda url: "a copy of each delivered mail is posted there",
    ),
)

# Fields of the prefix that are no options: lower-case name -> what became of them.
NOT_OPTIONS: dict[str, str] = dict.fromkeys(
    (
        "x-mailgun-incoming",
        "x-mailgun-sflag",
        "x-mailgun-sscore",
        "x-mailgun-spf",
        "x-mailgun-dkim-check-result",
    ),
    "removed: it describes received mail",
) | dict.fromkeys(
    ("x-mailgun-sid", "x-mailgun-batch-id", "x-mailgun-sending-ip-pool-name"),
    "removed: only the service writes it",
)
