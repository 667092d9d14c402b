"""SendGrid's HTTP API: a Bearer key, errors as `{"errors": [{"message", "field", "help"}]}`.

Public: SENDGRID.
"""

from __future__ import annotations

from starlette.requests import Request

from posthouse.doors.api.answers import Answer, Problem
from posthouse.doors.api.endpoints import Endpoints
from posthouse.doors.api.rates import Rate, rate_headers
from posthouse.doors.api.sendgrid import (
    activity,
    activity_csv,
    domain_authentication,
    errors_page,
    event_webhooks,
    ip_warmup,
    ips,
    link_branding,
    mail_send,
    management,
    not_here,
    old_send,
    reverse_dns,
    scheduled_sends,
    send_ips,
    send_pools,
    sender_identities,
    stats,
    subusers,
    verified_senders,
)
from posthouse.doors.api.sendgrid.phrases import OLD_PATH, phrase
from posthouse.doors.api.shown import basic_pair, bearer_key, field_of, scheme_and_key


class _SendGrid:
    name = "sendgrid"
    endpoints = Endpoints(
        (
            *mail_send.ENDPOINTS,
            *old_send.ENDPOINTS,
            *scheduled_sends.ENDPOINTS,
            *errors_page.ENDPOINTS,
            *event_webhooks.ENDPOINTS,
            *domain_authentication.ENDPOINTS,
            *ips.ENDPOINTS,
            *ip_warmup.ENDPOINTS,
            *send_ips.ENDPOINTS,
            *send_pools.ENDPOINTS,
            *reverse_dns.ENDPOINTS,
            *link_branding.ENDPOINTS,
            *management.ENDPOINTS,
            *verified_senders.ENDPOINTS,
            *sender_identities.ENDPOINTS,
            *not_here.ENDPOINTS,
            *subusers.ENDPOINTS,
            *stats.ENDPOINTS,
            *activity.ENDPOINTS,
            *activity_csv.ENDPOINTS,
        )
    )

    def secret(self, request: Request) -> str | None:
        if field_of(request, b"on-behalf-of").strip():
            return None  # there are no subusers; the caller's own account must not stand in for one
        scheme, shown = scheme_and_key(request)
        is_old = scheme == "basic" and request.url.path.startswith(OLD_PATH)
        return _basic_key(shown) if is_old else bearer_key(request)

    def phrase(self, problem: Problem, request: Request) -> Answer:
        return phrase(problem, request)

    def rate_headers(self, rate: Rate) -> dict[str, str]:
        return rate_headers(rate)


def _basic_key(shown: str) -> str:
    """The password of the user `apikey`: only the second version of the API knows that (documented)."""
    user, key = basic_pair(shown)
    return key.rstrip("\r\n") if user.strip().lower() == "apikey" else ""


SENDGRID = _SendGrid()
