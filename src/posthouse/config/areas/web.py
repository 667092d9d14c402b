"""Settings of the HTTP doors: APIs, pages, tracked links and unsubscribe pages.

Public: WEB (rows of the table), HttpSettings, TrackingSettings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posthouse.config import kinds
from posthouse.config.kinds import Endpoint
from posthouse.config.setting import Setting

MIB = 1024 * 1024

WEB: tuple[Setting, ...] = (
    Setting(
        "http.listen",
        kinds.endpoints,
        ["127.0.0.1:8025"],
        "Ports of tracked links, unsubscribe pages, signing in, the status page and /metrics.",
    ),
    Setting(
        "http.listen_tls",
        kinds.endpoints,
        [],
        "Ports of the same over TLS; each tracking host may show a certificate of its own.",
    ),
    Setting(
        "http.url",
        kinds.base_url,
        "",
        "Where programs reach the HTTP APIs; empty: events sent to webhooks name no address of stored mail.",
    ),
    Setting(
        "http.region_urls",
        kinds.urls_by_region,
        [],
        "Where programs reach the HTTP APIs of the installation's other regions.",
    ),
    Setting(
        "http.request_bytes",
        kinds.whole(1024, 1024 * MIB, "bytes"),
        50 * MIB,
        "Largest request to the HTTP APIs, after decompression.",
    ),
    Setting(
        "http.calls_per_minute",
        kinds.whole(0, 1_000_000, zero="no limit"),
        600,
        "Most calls of one key to the HTTP APIs in a minute, mail not counted; 0 for no limit.",
    ),
    Setting(
        "http.sendgrid_errors",
        kinds.base_url,
        "",
        "Page about errors of SendGrid's mail/send that its answers point to; empty: this server's own.",
    ),
    Setting(
        "tracking.url",
        kinds.base_url,
        "",
        "Where tracked links and unsubscribe pages live; empty: https://email.<sending domain>.",
    ),
    Setting(
        "tracking.zones",
        kinds.path,
        "",
        "GeoIP database (MMDB) that tells the time zone of a click's address.",
    ),
)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    listen: tuple[Endpoint, ...]
    listen_tls: tuple[Endpoint, ...]
    url: str
    region_urls: tuple[tuple[str, str], ...]
    request_bytes: int
    calls_per_minute: int
    sendgrid_errors: str


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """`zones` is None or the path of a GeoIP database."""

    url: str
    zones: Path | None
