"""The frozen tree of everything an operator can say, as the rest of the house reads it.

    settings.region, settings.state_dir (Path), settings.workers
    settings.store.url                       absolute for SQLite: sqlite:////srv/posthouse/var/posthouse.db
    settings.smtp.hostname, .listen, .listen_tls, .tls_cert, .tls_key, .require_tls_for_auth,
        .message_bytes, .recipients, .idle_s, .connections, .connections_per_address, .bare_line_ends,
        .hide_client, .queue_id_in_reply, .memory_bytes
    settings.http.listen, .listen_tls, .url, .region_urls, .request_bytes, .calls_per_minute, .sendgrid_errors
                                             `listen` values are tuples of Endpoint(host, port)
    settings.returns.port, .domain
    settings.dns.servers, .validates         tuple of Endpoint, empty: the system's
    settings.delivery.port, .route (tuple of Route(domain, host, port)), .capture, .source_addresses,
        .private_networks, .post_private_networks, .mta_sts, .mta_sts_port, .dane, .tls_ca (Path or None),
        .chunking, .expire_s, .bounce_mail, .tls_reports, .retry_s, .connections, .messages_per_connection,
        .shaping (Path or None), .hand_over_messages, .hand_over_bytes
    settings.spam.scanner (Endpoint, the path of a socket, or None), .timeout_s, .wait_s
    settings.keep.content_days, .event_days, .hour_days, .hook_days, .audit_days
    settings.hooks.plain_http
    settings.policy.from_domain, .unverified, .over_limit
    settings.tracking.url, .zones (Path or None)
    settings.limits.connection_messages, .address_connections    tuples of (dialect, number)
    settings.tester.private_networks, .ports

Public: Settings, worker_count, public_url, is_sqlite.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from posthouse.config.areas.delivery import DeliverySettings, DnsSettings, DomainsSettings, SpamSettings
from posthouse.config.areas.installation import StoreSettings
from posthouse.config.areas.rules import (
    HookSettings,
    KeepSettings,
    LimitSettings,
    PolicySettings,
    TesterSettings,
)
from posthouse.config.areas.smtp import ReturnSettings, SmtpSettings
from posthouse.config.areas.web import HttpSettings, TrackingSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can say, resolved: no empty host name, no relative path."""

    region: str
    state_dir: Path
    workers: int
    pin_workers: bool
    store: StoreSettings
    smtp: SmtpSettings
    http: HttpSettings
    returns: ReturnSettings
    dns: DnsSettings
    domains: DomainsSettings
    delivery: DeliverySettings
    spam: SpamSettings
    keep: KeepSettings
    hooks: HookSettings
    policy: PolicySettings
    tracking: TrackingSettings
    limits: LimitSettings
    tester: TesterSettings


def worker_count(settings: Settings) -> int:
    """The number of worker processes: as set, or one on SQLite and one per core on PostgreSQL."""
    if settings.workers:
        return settings.workers
    return 1 if is_sqlite(settings.store.url) else len(os.sched_getaffinity(0))


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite:")


def public_url(url: str) -> str:
    """The store's URL without its password, for logs and pages."""
    scheme, found, rest = url.partition("://")
    before, at, host = rest.rpartition("@")
    user, colon, _ = before.partition(":")
    return f"{scheme}{found}{user}:…@{host}" if at and colon else url
