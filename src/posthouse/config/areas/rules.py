"""Settings of the rules of the house: how much, kept how long, and what is refused.

Public: RULES (rows of the table), LimitSettings, KeepSettings, HookSettings, PolicySettings, TesterSettings.
"""

from __future__ import annotations

from dataclasses import dataclass

from posthouse.config import kinds
from posthouse.config.setting import Setting

RULES: tuple[Setting, ...] = (
    Setting(
        "limits.connection_messages",
        kinds.numbers_by_dialect,
        [],
        "Most messages of one connection by dialect, over the dialects' own: sendgrid=5000; 0 for no limit.",
    ),
    Setting(
        "limits.address_connections",
        kinds.numbers_by_dialect,
        [],
        "Most signed-in connections of one client address by dialect: sendgrid=10000; 0 for no limit.",
    ),
    Setting(
        "keep.content_days", kinds.days(0, 3650), 3, "Days a message's text stays after its last delivery."
    ),
    Setting("keep.event_days", kinds.days(0.01, 3650), 90, "Days events and message rows stay."),
    Setting("keep.hour_days", kinds.days(1, 3650), 92, "Days the counters of single hours stay."),
    Setting(
        "keep.hook_days", kinds.days(0, 3650), 7, "Days the log of posts to webhooks stays, 1,000 a webhook."
    ),
    Setting(
        "keep.audit_days",
        kinds.days(1, 3650),
        365,
        "Days the audit log stays: who changed what, when and from where.",
    ),
    Setting(
        "hooks.plain_http",
        kinds.choice("refuse", "allow"),
        "refuse",
        "Whether webhooks may have http URLs, which anybody on the way can read and change.",
    ),
    Setting(
        "policy.from_domain",
        kinds.choice("account", "any"),
        "account",
        "Domains a user may send from: the account's own, or any.",
    ),
    Setting(
        "policy.unverified",
        kinds.choice("refuse", "hold"),
        "refuse",
        "What happens to mail of a domain whose DNS records were not verified yet.",
    ),
    Setting(
        "policy.over_limit",
        kinds.choice("refuse", "queue"),
        "refuse",
        "What happens past a limit of a domain or account: 452, or the mail waits until the limit frees.",
    ),
    Setting(
        "tester.private_networks",
        kinds.choice("refuse", "allow"),
        "refuse",
        "Whether the SMTP tester may go to loopback and private addresses; this server it may always test.",
    ),
    Setting(
        "tester.ports",
        kinds.ports,
        [25, 465, 587, 2525],
        "Ports to which the SMTP tester may go, besides this server's own.",
    ),
)


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """(dialect, number) pairs."""

    connection_messages: tuple[tuple[str, int], ...]
    address_connections: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class KeepSettings:
    content_days: float
    event_days: float
    hour_days: float
    hook_days: float
    audit_days: float


@dataclass(frozen=True, slots=True)
class HookSettings:
    plain_http: str

    @property
    def allows_plain(self) -> bool:  # receivers without TLS
        return self.plain_http == "allow"


@dataclass(frozen=True, slots=True)
class PolicySettings:
    from_domain: str
    unverified: str
    over_limit: str


@dataclass(frozen=True, slots=True)
class TesterSettings:
    private_networks: str
    ports: tuple[int, ...]
