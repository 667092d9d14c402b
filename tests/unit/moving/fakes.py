"""The APIs of services as another house sees them: written from their documentation, not from our readers.

They answer from plain values over a real socket, refuse what the services refuse, and remember what they were
asked.

Public: FakeApi, serving, mailgun_api, sendgrid_api.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

Query = Mapping[str, str]
Route = Callable[[Query], Any]


@dataclass
class Raw:
    """An answer that is not 200 with JSON. `is_cut`: the connection ends before the promised length."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False


@dataclass
class FakeApi:
    """`routes` by path; a value, or what is called with the query. `before`: answers to be given first."""

    authorization: str
    routes: dict[str, Any] = field(default_factory=dict)
    before: list[Raw] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    base: str = ""

    def answer(self, target: str, authorization: str) -> Any:
        self.asked.append(target)
        if self.before:
            return self.before.pop(0)
        if authorization != self.authorization:
            return Raw(401, b"Forbidden")
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        route = self.routes.get(unquote(parts.path))
        if route is None:
            return Raw(404, b'{"message":"not found"}')
        return route(query) if callable(route) else route


@contextmanager
def serving(api: FakeApi) -> Iterator[FakeApi]:
    """The API on a port of its own; `base` is its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = api.answer(self.path, self.headers.get("Authorization", ""))
            raw = found if isinstance(found, Raw) else Raw(200, json.dumps(found).encode())
            self.send_response(raw.status)
            for name, value in raw.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw.body) + (1000 if raw.is_cut else 0)))
            self.end_headers()
            self.wfile.write(raw.body)
            self.close_connection = raw.is_cut

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api.base = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# Mailgun

AT = "Thu, 26 Mar 2026 12:59:15 UTC"


def _mailgun_pages(api: FakeApi, path: str, rows: list[dict[str, Any]], pivot: str) -> Route:
    """Alphabetical pages whose `next` is absolute and never missing: the last one is empty."""

    def page(query: Query) -> Any:
        limit, after = int(query.get("limit", 100)), query.get("address", "")
        assert limit <= 1000
        found = [row for row in rows if row[pivot] > after][:limit]
        last = found[-1][pivot] if found else after
        following = urlencode({"page": "next", "address": last, "limit": limit})
        ends = {name: f"{api.base}{path}?page={name}&limit={limit}" for name in ("first", "previous", "last")}
        return {"items": found, "paging": {"next": f"{api.base}{path}?{following}", **ends}}

    return page


def _counted(rows: list[Any]) -> Route:
    def page(query: Query) -> Any:
        skip, limit = int(query.get("skip", 0)), int(query.get("limit", 100))
        return {"total_count": len(rows), "items": rows[skip : skip + limit]}

    return page


def mailgun_api(key: str = "key-0123456789abcdef0123456789abcdef", *, bounces: int = 3) -> FakeApi:
    """An account with the domain mg.example.com and a sandbox."""
    from base64 import b64encode

    api = FakeApi("Basic " + b64encode(f"api:{key}".encode()).decode())
    domain, listed = "mg.example.com", "/v3/mg.example.com"
    about = {
        "created_at": "Mon, 24 Feb 2025 22:44:03 GMT",
        "id": "67bcf63306fcfd2fb4b7e056",
        "is_disabled": False,
        "name": domain,
        "require_tls": True,
        "skip_verification": False,
        "smtp_login": f"postmaster@{domain}",
        "spam_action": "disabled",
        "state": "active",
        "type": "custom",
        "web_prefix": "links",
        "web_scheme": "https",
        "wildcard": False,
        "message_ttl": 259200,
    }
    sandbox = about | {"name": "sandbox1.mailgun.org", "type": "sandbox"}
    lists: dict[str, tuple[list[dict[str, Any]], str]] = {
        "bounces": (
            [
                {"address": f"b{n:07}@good.test", "code": "550", "error": "No such user", "created_at": AT}
                for n in range(bounces)
            ],
            "address",
        ),
        "unsubscribes": (
            [
                {"address": "all@good.test", "tags": ["*"], "created_at": AT},
                {"address": "some@good.test", "tags": ["News", "offers"], "created_at": AT},
            ],
            "address",
        ),
        "complaints": ([{"address": "angry@good.test", "created_at": AT}], "address"),
        "whitelists": (
            [
                {"type": "address", "value": "boss@good.test", "reason": "the boss", "createdAt": AT},
                {"type": "domain", "value": "partner.test", "reason": "", "createdAt": AT},
            ],
            "value",
        ),
    }
    for name, (rows, pivot) in lists.items():
        api.routes[f"{listed}/{name}"] = _mailgun_pages(api, f"{listed}/{name}", rows, pivot)
    user = {"mailbox": f"app@{domain}", "login": f"app@{domain}", "created_at": AT, "size_bytes": None}
    hooks = {
        "delivered": {"urls": ["https://hooks.example.com/mail", "https://other.example.com/mail"]},
        "opened": {"urls": ["https://hooks.example.com/mail"]},
        "permanent_fail": {"urls": ["https://hooks.example.com/mail"]},
        "clicked": None,
    }
    version = {
        "tag": "v2",
        "engine": "handlebars",
        "mjml": "",
        "createdAt": AT,
        "comment": "",
        "active": True,
    }
    older = version | {"tag": "v1", "active": False, "comment": "first try"}
    template = {
        "name": "welcome",
        "description": "Hello",
        "createdAt": AT,
        "createdBy": "ann",
        "id": "46565d87",
    }

    def content(one: dict[str, Any], html: str) -> Any:
        fields = {"Subject": "Welcome {{name}}"} if one["tag"] == "v2" else None
        return {"template": template | {"version": one | {"template": html, "headers": fields}}}

    once: dict[str, Any] = {"items": [], "paging": {}}
    api.routes |= {
        "/v4/domains": _counted([about, sandbox]),
        f"/v3/domains/{domain}/tracking": {
            "tracking": {
                "open": {"active": True, "place_at_the_top": True},
                "click": {"active": "htmlonly"},
                "unsubscribe": {"active": False, "html_footer": "…", "text_footer": "…"},
                "web_scheme": "https",
            }
        },
        f"/v3/domains/{domain}/credentials": _counted([user]),
        f"/v3/domains/{domain}/webhooks": {"webhooks": hooks},
        f"/v4/domains/{domain}/keys": {"items": [{"signing_domain": domain, "selector": "pic"}]},
        f"{listed}/templates": lambda query: (
            once
            if query.get("p")
            else {"items": [template], "paging": {"next": f"{api.base}{listed}/templates?p=x"}}
        ),
        f"{listed}/templates/welcome/versions": {
            "template": template | {"versions": [version, older]},
            "paging": {},
        },
        f"{listed}/templates/welcome/versions/v1": content(older, "<p>Hi {{name}}</p>"),
        f"{listed}/templates/welcome/versions/v2": content(version, "<p>Hello {{name}}</p>"),
        "/v4/templates": once,
        "/v1/webhooks": {"webhooks": []},
        "/v5/accounts/http_signing_key": {"http_signing_key": "key-5159ning5159ning5159ning5159"},
        "/v1/keys": {
            "items": [
                {
                    "id": "1234abcd-0",
                    "description": "shop",
                    "kind": "user",
                    "role": "admin",
                    "domain_name": "",
                }
            ],
            "total_count": 1,
        },
        "/v3/routes": {"items": [{"id": "r1"}], "total_count": 2},
        "/v3/lists": {"items": []},
    }
    return api


# SendGrid

DYNAMIC = "d-0123456789abcdef0123456789abcdef"


def _offset(rows: list[Any], most: int) -> Route:
    def page(query: Query) -> Any:
        limit, offset = int(query.get("limit", 50)), int(query.get("offset", 0))
        assert limit <= most
        return rows[offset : offset + limit]

    return page


def sendgrid_api(key: str = f"SG.{'k' * 22}.{'s' * 43}", *, bounces: int = 3) -> FakeApi:
    """An account with the authenticated domain example.com."""
    api = FakeApi(f"Bearer {key}")
    event = {
        "id": "5a1e",
        "enabled": True,
        "url": "https://hooks.example.com/events",
        "delivered": True,
        "bounce": True,
        "spam_report": True,
        "group_resubscribe": True,
        "open": False,
        "account_status_change": True,
        "friendly_name": "Main",
        "public_key": "MFkw…",
    }
    about = {"id": DYNAMIC, "name": "Receipt", "generation": "dynamic", "updated_at": "2026-03-26 12:59:15"}
    old = {"id": "733ba07f-ead1-41fc-933a-3976baa23716", "name": "Receipt", "generation": "legacy"}
    version = {
        "id": "11111111-2222-4333-8444-555555555555",
        "template_id": DYNAMIC,
        "active": 1,
        "name": "First",
        "subject": "Your receipt {{number}}",
        "html_content": "<p>{{total}}</p>",
        "plain_content": "{{total}}",
        "generate_plain_content": True,
        "editor": "code",
        "updated_at": "2026-03-26 12:59:15",
    }
    legacy = {
        "id": "aaaaaaaa-2222-4333-8444-555555555555",
        "active": 1,
        "name": "Frame",
        "subject": "<%subject%>",
    }
    listed = {"created": 1774529955, "reason": "550 5.1.1 unknown user", "status": "5.1.1"}
    groups = [
        {"id": 4321, "name": "Offers", "description": "Now and then", "is_default": True, "unsubscribes": 1},
        {"id": 1234, "name": "News", "description": "Weekly", "is_default": False, "unsubscribes": 2},
    ]
    api.routes = {
        "/v3/whitelabel/domains": _offset(
            [{"id": 1, "domain": "example.com", "subdomain": "em123", "automatic_security": True, "dns": {}}],
            50,
        ),
        "/v3/mail_settings/footer": {"enabled": True, "html_content": "<p>Bye</p>", "plain_content": "Bye"},
        "/v3/mail_settings/address_whitelist": {"enabled": True, "list": ["boss@good.test", "partner.test"]},
        "/v3/mail_settings/bounce_purge": {"enabled": True, "soft_bounces": 5, "hard_bounces": 30},
        "/v3/mail_settings/spam_check": {"enabled": True, "max_score": 5},
        "/v3/tracking_settings/open": {"enabled": True},
        "/v3/tracking_settings/click": {"enabled": True, "enable_text": False},
        "/v3/user/settings/enforced_tls": {"require_tls": False, "require_valid_cert": False},
        "/v3/asm/groups": groups,
        "/v3/asm/groups/1234/suppressions": ["n1@good.test", "n2@good.test"],
        "/v3/asm/groups/4321/suppressions": ["o1@good.test"],
        "/v3/templates": {
            "result": [about | {"versions": []}, old | {"versions": []}],
            "_metadata": {"count": 2, "self": "x"},
        },
        f"/v3/templates/{DYNAMIC}": about | {"versions": [version]},
        f"/v3/templates/{old['id']}": old | {"versions": [legacy | {"html_content": "<div><%body%></div>"}]},
        "/v3/user/webhooks/event/settings/all": {"max_allowed": 5, "webhooks": [event]},
        "/v3/api_keys": {
            "result": [{"name": "shop", "api_key_id": "k" * 22}, {"name": "ci", "api_key_id": "c" * 22}]
        },
        f"/v3/api_keys/{'k' * 22}": {
            "name": "shop",
            "api_key_id": "k" * 22,
            "scopes": ["mail.send", "templates.read"],
        },
        "/v3/suppression/bounces": _offset(
            [listed | {"email": f"b{n:07}@good.test"} for n in range(bounces)], 500
        ),
        "/v3/suppression/blocks": _offset([listed | {"email": "blocked@good.test"}], 500),
        "/v3/suppression/invalid_emails": _offset(
            [{"created": 1774529955, "email": "not an address", "reason": "Mail domain is unknown"}], 500
        ),
        "/v3/suppression/spam_reports": _offset(
            [{"created": 1774529955, "email": "angry@good.test", "ip": "192.0.2.1"}], 500
        ),
        "/v3/suppression/unsubscribes": _offset([{"created": 1774529955, "email": "all@good.test"}], 500),
        "/v3/verified_senders": {"results": [{"id": 1}]},
    }
    return api
