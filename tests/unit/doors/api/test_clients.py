"""Requests as other people's programs write them, and what those programs need of the answers.

Each row is one that failed or could fail: it is named after the program whose request it is. Only the facts
of those programs are here: names of fields, encodings, and the types that they read answers into.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from posthouse.desk import domain_checks
from posthouse.model.account import Domain, DomainKey
from posthouse.rules import checks
from posthouse.rules.dns import NOTHING
from posthouse.rules.records import Sender, needed
from unit.doors.api.calling import DOMAIN, Api, Reply, Shown

SEND, MIME = f"/v3/{DOMAIN}/messages", f"/v3/{DOMAIN}/messages.mime"
LEAST = [("from", f"shop@{DOMAIN}"), ("to", "bob@example.net"), ("subject", "s")]
NEVER = "Mon, 01 Jan 0001 00:00:00 +0000"  # a time that a program in Go was not given
Check = Callable[[Any], bool]


def like(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


IS_RFC_1123 = like(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (UTC|GMT|[+-]\d{4})")
IS_INSTANT = like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
IS_LOCAL = like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def is_whole(value: Any) -> bool:
    """Fits Go's int32."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31


# Letters


@dataclass(frozen=True)
class Letter:
    """`sent`: what `Api.call` gets beside path and key; `fields`: of the letter's header; `text`, `html`: its
    bodies, None for none; `files`: names of its parts."""

    sent: dict[str, Any]
    path: str = SEND
    fields: dict[str, str | None] = field(default_factory=dict)
    text: str | None = "hi"
    html: str | None = None
    files: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ("bob@example.net",)
    tags: tuple[str, ...] = ()


def parts(*given: tuple[str, bytes], end: str = "\r\n") -> dict[str, Any]:
    """A multipart body of (header lines of a part, its octets), and its Content-Type."""
    octets = b"".join(b"--b0\r\n" + header.encode() + b"\r\n\r\n" + body + b"\r\n" for header, body in given)
    return {
        "body": octets + b"--b0--" + end.encode(),
        "headers": {"Content-Type": "multipart/form-data; charset=UTF-8; boundary=b0"},
    }


def plain(name: str, value: str) -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"', value.encode()


def symfony(name: str, value: str) -> tuple[str, bytes]:
    lines = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    return f'{lines}Content-Disposition: form-data; name="{name}"', value.encode()


def feign(name: str, value: str) -> tuple[str, bytes]:
    header, body = plain(name, value)
    return f"{header}\r\nContent-Type: text/plain; charset=UTF-8", body


LETTERS: dict[str, Letter] = {
    "mailgun-go: text is said and empty where there is only html": Letter(
        {"form": [*LEAST, ("text", ""), ("html", "<p>hi</p>")], "multipart": True},
        text=None,
        html="<p>hi</p>",
    ),
    "n8n: html is said and empty where there is only text": Letter(
        {"form": [*LEAST, ("text", "hi"), ("html", "")], "multipart": True}
    ),
    "n8n: both are said and empty": Letter(
        {"form": [*LEAST, ("text", ""), ("html", "")], "multipart": True}, text=None, html=""
    ),
    "Swoosh: lists are name[]": Letter(
        {"form": [*LEAST, ("text", "hi"), ("o:tag[]", "a"), ("o:tag[]", "b"), ("h:Reply-To", "r@x.test")]},
        tags=("a", "b"),
        fields={"Reply-To": "r@x.test"},
    ),
    "PHP: lists are name[0]": Letter(
        {
            "form": [
                ("from", f"shop@{DOMAIN}"),
                ("to[0]", "bob@example.net"),
                ("to[1]", "ann@example.net"),
                ("o:tag[0]", "a"),
                ("text", "hi"),
            ]
        },
        recipients=("bob@example.net", "ann@example.net"),
        tags=("a",),
    ),
    "Symfony: each part has a type and an encoding": Letter(
        parts(
            *(symfony(*each) for each in LEAST),
            symfony("html", '<img src="cid:i.png">'),
            symfony("text", "hi"),
            symfony("h:Sender", f'"The Shop" <shop@{DOMAIN}>'),
            symfony("o:tag", "a"),
            symfony("o:tag", "b"),
            (
                "Content-Type: image/png; name=i.png\r\nContent-Transfer-Encoding: 8bit\r\n"
                "Content-Disposition: form-data; name=inline; filename=i.png",
                b"\x89PNG\xff",
            ),
        ),
        fields={"Sender": f"The Shop <shop@{DOMAIN}>"},
        html='<img src="cid:i.png">',
        files=("i.png",),
        tags=("a", "b"),
    ),
    "Mailgun for WordPress: attachment[0] without a type, no end of the last line, MIME-Version": Letter(
        parts(
            *(plain(*each) for each in LEAST),
            plain("text", "hi"),
            plain("h:MIME-Version", "1.0"),
            plain("h:Content-Transfer-Encoding", "8bit"),
            plain("h:Reply-To", "R <r@x.test>"),
            ('Content-Disposition: form-data; name="attachment[0]"; filename="a b.txt"', b"x"),
            ('Content-Disposition: form-data; name="attachment[1]"; filename="c.pdf"', b"%PDF"),
            end="",
        ),
        fields={"MIME-Version": "1.0", "Reply-To": "R <r@x.test>"},
        files=("a b.txt", "c.pdf"),
    ),
    "Railgun (ActionMailer): each field of the mail's header, how it is built too": Letter(
        {
            "form": [
                *LEAST,
                ("text", "hi"),
                ("html", "<p>hi</p>"),
                ("h:date", "Mon, 01 Jan 2024 10:00:00 +0000"),
                ("h:message-id", "<1@x.test>"),
                ("h:content-type", 'multipart/alternative;\r\n boundary="--==_m"; charset=UTF-8'),
                ("h:content-transfer-encoding", "7bit"),
                ("h:reply-to", "r@x.test"),
            ]
        },
        fields={"Message-ID": "<1@x.test>", "Content-Transfer-Encoding": None},
        html="<p>hi</p>",
    ),
    "mailgun-java (Feign): types of fields, binary files": Letter(
        parts(
            *(feign(*each) for each in LEAST),
            feign("text", "hi"),
            (
                'Content-Disposition: form-data; name="attachment"; filename="f.txt"\r\n'
                "Content-Type: text/plain\r\nContent-Transfer-Encoding: binary",
                b"abc",
            ),
        ),
        files=("f.txt",),
    ),
    "mailgun-ruby: MIME as a file of the type multipart/form-data": Letter(
        parts(
            plain("to", "bob@example.net"),
            (
                'Content-Disposition: form-data; name="message"; filename="MG_TMP_MIME20261127"\r\n'
                "Content-Length: 66\r\nContent-Type: multipart/form-data\r\n"
                "Content-Transfer-Encoding: binary",
                f"From: shop@{DOMAIN}\nTo: bob@example.net\nSubject: s\n\nhi\n".encode(),
            ),
        ),
        path=MIME,
    ),
    "a base URL with a slash at its end": Letter(
        {"form": [*LEAST, ("text", "hi")]}, path=f"/v3//{DOMAIN}/messages"
    ),
    "a domain with a slash at its end": Letter(
        {"form": [*LEAST, ("text", "hi")]}, path=f"/v3/{DOMAIN}//messages/"
    ),
}


def looks_as(letter: Letter, shown: Shown) -> None:
    assert tuple(shown.recipients) == letter.recipients
    assert shown.options.tags == letter.tags
    for name, value in letter.fields.items():
        assert shown.mail[name] == value
        assert len(shown.mail.get_all(name, [])) == (value is not None)
    for kind, wanted in (("plain", letter.text), ("html", letter.html)):
        part = shown.mail.get_body((kind,))
        assert (part is not None) == (wanted is not None), shown.content.decode()
        if part is not None:
            assert part.get_content().strip() == wanted
    assert tuple(name for part in shown.mail.walk() if (name := part.get_filename())) == letter.files


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
async def test_mail_through_mailguns_call(api: Api, letter: Letter) -> None:
    reply = await api.call("POST", letter.path, basic=api.sending, **letter.sent)
    assert reply.status == 200, reply.text
    # Mailgun for WordPress falls back to PHP's mail() where the answer says anything else
    assert reply.json()["message"] == "Queued. Thank you."
    looks_as(letter, api.accepted_one())


PERSON = {"email": f"shop@{DOMAIN}"}
MAIL: dict[str, Any] = {
    "from": PERSON,
    "personalizations": [{"to": [{"email": "bob@example.net"}], "subject": "s"}],
    "content": [{"type": "text/plain", "value": "hi"}],
}
OF_CSHARP = (
    "attachments",
    "template_id",
    "headers",
    "sections",
    "categories",
    "custom_args",
    "send_at",
    "asm",
)
IMAGE = {"type": "image/png", "filename": "a.png", "disposition": "inline"}
SENDGRID: dict[str, Letter] = {
    "sendgrid-csharp: all that was not said is null": Letter(
        {"json": {**MAIL, **dict.fromkeys((*OF_CSHARP, "batch_id", "ip_pool_name", "mail_settings"))}}
    ),
    "Symfony: fields of the mail's header": Letter(
        {
            "json": {
                **MAIL,
                "headers": {
                    "MIME-Version": "1.0",
                    "Date": "Mon, 01 Jan 2024 00:00:00 +0000",
                    "Sender": f"shop@{DOMAIN}",
                    "X-Priority": "1 (Highest)",
                },
            }
        },
        fields={"MIME-Version": "1.0", "X-Priority": "1 (Highest)"},
    ),
    "django-sendgrid-v5: a blank as the text beside html": Letter(
        {
            "json": {
                **MAIL,
                "content": [
                    {"type": "text/plain", "value": " "},
                    {"type": "text/html", "value": "<p>hi</p>"},
                ],
                "mail_settings": {"sandbox_mode": {"enable": False}},
                "tracking_settings": {"open_tracking": {"enable": True}},
            }
        },
        text="",
        html="<p>hi</p>",
    ),
    "WP Mail SMTP: html only and its files": Letter(
        {
            "json": {
                **MAIL,
                "content": [{"type": "text/html", "value": "<p>hi</p>"}],
                "reply_to": {"email": "r@x.test", "name": "R"},
                "headers": {"X-Mailer": "WPMailSMTP/Mailer/sendgrid 4.0"},
                "attachments": [
                    {
                        "type": "text/plain",
                        "filename": "a.txt",
                        "disposition": "attachment",
                        "content": "eA==",
                    }
                ],
            }
        },
        fields={"Reply-To": "R <r@x.test>"},
        text=None,
        html="<p>hi</p>",
        files=("a.txt",),
    ),
    "a program that writes ids as in mail, in brackets, and base64 in lines": Letter(
        {
            "json": {
                **MAIL,
                "content": [*MAIL["content"], {"type": "text/html", "value": '<img src="cid:i">'}],
                "attachments": [{**IMAGE, "content_id": "<i>", "content": "aGVs\r\nbG8="}],
            }
        },
        html='<img src="cid:i">',
        files=("a.png",),
    ),
    "Swoosh: a compressed body": Letter(
        {
            "body": gzip.compress(json.dumps(MAIL).encode()),
            "headers": {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        }
    ),
    "a host with a slash at its end": Letter({"json": MAIL}, path="/v3//mail/send"),
    "a slash at the end": Letter({"json": MAIL}, path="/v3/mail/send/"),
}


@pytest.mark.parametrize("letter", SENDGRID.values(), ids=SENDGRID)
async def test_mail_through_sendgrids_call(api: Api, letter: Letter) -> None:
    path = "/v3/mail/send" if letter.path == SEND else letter.path
    reply = await api.call("POST", path, key=api.sending, **letter.sent)
    assert (reply.status, reply.body) == (202, b""), reply.text
    assert reply.headers["x-message-id"]  # Symfony and Swoosh take it as the message's id
    looks_as(letter, api.accepted_one())


LETTER = {"from": f"shop@{DOMAIN}", "to": "bob@example.net", "subject": "s"}
MAILPACE: dict[str, Letter] = {
    "Symfony: everything is said, empty or null; cid: before the id; Headers": Letter(
        {
            "json": {
                **LETTER,
                **dict.fromkeys(("cc", "bcc", "replyto"), ""),
                "textbody": None,
                "htmlbody": '<img src="cid:i.png">',
                "tags": [],
                "attachments": [
                    {
                        "name": "i.png",
                        "content": "aGVs\r\nbG8=",
                        "content_type": "image/png",
                        "cid": "cid:i.png",
                    }
                ],
                "Headers": [{"Name": "X-A", "Value": "1"}],
            }
        },
        text=None,
        html='<img src="cid:i.png">',
        files=("i.png",),
    ),
    "mailpace-rails: an id in brackets, base64 in lines": Letter(
        {
            "json": {
                **LETTER,
                "textbody": "hi",
                "htmlbody": '<img src="cid:i@h">',
                "inreplyto": "<a@x.test>",
                "references": "<a@x.test> <b@x.test>",
                "attachments": [
                    {"name": "i.png", "content": "aGVs\nbG8=\n", "content_type": "image/png", "cid": "<i@h>"}
                ],
            }
        },
        fields={"In-Reply-To": "<a@x.test>", "References": "<a@x.test> <b@x.test>"},
        html='<img src="cid:i@h">',
        files=("i.png",),
    ),
    "Symfony with a host of one's own": Letter(
        {"json": {**LETTER, "textbody": "hi", "tags": []}}, path="/send"
    ),
}


@pytest.mark.parametrize("letter", MAILPACE.values(), ids=MAILPACE)
async def test_mail_through_mailpaces_call(api: Api, letter: Letter) -> None:
    path = "/api/v1/send" if letter.path == SEND else letter.path
    reply = await api.call("POST", path, token=api.token, **letter.sent)
    assert reply.status == 200, reply.text
    assert reply.json()["id"]  # Symfony takes it as the message's id
    shown = api.accepted_one()
    looks_as(letter, shown)
    # the part that the HTML shows has exactly the id that it names
    if shown.mail.get_body(("html",)) is not None:
        ids = [part["Content-ID"] for part in shown.mail.walk() if part["Content-ID"]]
        assert [f'<img src="cid:{id.strip("<>")}">' for id in ids] == [letter.html]


# Management


@dataclass(frozen=True)
class Step:
    """One call, its status, and what must hold of the answer: `a.0.b` -> a value or a test of it. `{id}` in
    the path is what the step before it gave as `takes`."""

    method: str
    path: str
    sent: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    holds: dict[str, Any] = field(default_factory=dict)
    takes: str = ""


def post(path: str, form: Any, **more: Any) -> Step:
    return Step("POST", path, {"form": form}, **more)


def put(path: str, form: Any, **more: Any) -> Step:
    return Step("PUT", path, {"form": form}, **more)


TF = "/v4/domains/tf.test"
HOOK = f"/v3/domains/{DOMAIN}/webhooks"
BOUNCES, GONE = f"/v3/{DOMAIN}/bounces", f"/v3/{DOMAIN}/unsubscribes"
TAGS = f"/v3/{DOMAIN}/tags"
MAILGUN: dict[str, list[Step]] = {
    "Terraform: a domain reads back as it was written": [
        Step(
            "POST",
            "/v4/domains",
            {
                "multipart": True,
                "form": {
                    "name": "tf.test",
                    "spam_action": "tag",
                    "smtp_password": "supersecretpassword1234",
                    "wildcard": "true",
                    "force_dkim_authority": "true",
                    "dkim_key_size": "1024",
                    "web_scheme": "http",
                    "use_automatic_sender_security": "true",
                },
            },
        ),
        put("/v3/domains/tf.test/dkim_selector", {"dkim_selector": "foo"}),
        put("/v3/domains/tf.test/tracking/open", {"active": "yes"}),
        put("/v3/domains/tf.test/tracking/click", {"active": "yes"}),
        Step(
            "GET",
            TF,
            holds={
                "domain.spam_action": "tag",
                "domain.wildcard": True,
                "domain.use_automatic_sender_security": True,
                "use_automatic_sender_security": True,
                "domain.web_scheme": "http",
                "domain.smtp_login": "postmaster@tf.test",
                "domain.created_at": IS_RFC_1123,
                "receiving_dns_records.0.priority": "10",
            },
        ),
        Step(
            "GET",
            "/v3/domains/tf.test/tracking",
            holds={"tracking.open.active": True, "tracking.click.active": True},
        ),
        Step("PUT", TF, {"multipart": True, "form": {"web_scheme": "https"}}),
        Step("GET", TF, holds={"domain.web_scheme": "https", "domain.wildcard": True}),
        put(TF, {"wildcard": "false", "spam_action": "disabled"}),
        Step("GET", TF, holds={"domain.spam_action": "disabled", "domain.wildcard": False}),
        put("/v3/domains/tf.test/credentials/postmaster@tf.test", {"password": "another-long-password"}),
        Step("DELETE", "/v3/domains/tf.test"),
        Step("GET", TF, status=404),
    ],
    "Terraform: a user is found by its whole name, and gone with 404 or without it in the list": [
        post(
            f"/v3/domains/{DOMAIN}/credentials",
            {"login": f"app@{DOMAIN}", "password": "supersecretpassword1234"},
        ),
        Step(
            "GET",
            f"/v3/domains/{DOMAIN}/credentials?limit=100",
            holds={"items.0.login": f"app@{DOMAIN}", "items.0.created_at": IS_RFC_1123},
        ),
        Step("DELETE", f"/v3/domains/{DOMAIN}/credentials/app@{DOMAIN}"),
        Step("GET", f"/v3/domains/{DOMAIN}/credentials?limit=100", holds={"items": []}),
    ],
    "Terraform and mailgun-go: times of a key, and no null for none": [
        post(
            "/v1/keys",
            {"role": "sending", "kind": "domain", "domain_name": DOMAIN, "expiration": "3600"},
            holds={"key.created_at": IS_LOCAL, "key.expires_at": IS_LOCAL, "key.secret": like("ph_.+")},
        ),
        post("/v1/keys", {"role": "basic"}, holds={"key.expires_at": ""}),
        Step("GET", "/v1/keys", holds={"items.0.created_at": IS_LOCAL, "items.0.updated_at": IS_LOCAL}),
    ],
    "Terraform: a webhook of two addresses": [
        post(HOOK, [("id", "delivered"), ("url", "https://x.test/a"), ("url", "https://x.test/b")]),
        Step(
            "GET",
            f"{HOOK}/delivered",
            holds={"webhook.urls": lambda urls: set(urls) == {"https://x.test/a", "https://x.test/b"}},
        ),
        put(f"{HOOK}/delivered", [("url", "https://x.test/c")]),
        Step("GET", HOOK, holds={"webhooks.delivered.urls": ["https://x.test/c"]}),
        Step("DELETE", f"{HOOK}/delivered"),
        Step("GET", f"{HOOK}/delivered", status=404),
    ],
    "mailgun-go: lists of many say a time that nobody gave": [
        Step(
            "POST",
            BOUNCES,
            {"json": [{"created_at": NEVER, "code": "", "address": "a@example.net", "error": ""}]},
        ),
        Step("GET", f"{BOUNCES}/a%40example.net", holds={"code": "550", "created_at": IS_RFC_1123}),
        Step("POST", GONE, {"json": [{"created_at": NEVER, "address": "b+1@example.net"}]}),
        Step("GET", f"{GONE}/b%2B1%40example.net", holds={"tags": ["*"], "created_at": IS_RFC_1123}),
        Step("DELETE", f"{GONE}/b%2B1%40example.net?tag=*"),
        Step("GET", f"{GONE}/b%2B1%40example.net", status=404),
    ],
    "mailgun-go, mailgun-java and mailgun-php: settings of connections": [
        put(f"/v3/domains/{DOMAIN}/connection", {"require_tls": "true", "skip_verification": "false"}),
        Step(
            "GET",
            f"/v3/domains/{DOMAIN}/connection",
            holds={"connection": {"require_tls": True, "skip_verification": False}, "require_tls": True},
        ),
    ],
    "mailgun-go and mailgun-java: times of a tag; a space in a path is a plus": [
        post(SEND, [*LEAST, ("text", "hi"), ("o:tag", "my tag")]),
        Step("GET", f"{TAGS}?limit=10", holds={"items.0.first-seen": IS_INSTANT, "items.0.tag": "my tag"}),
        Step("GET", f"{TAGS}/my+tag", holds={"last-seen": IS_INSTANT}),
        Step("GET", f"{TAGS}/my%20tag", holds={"tag": "my tag"}),
        Step("GET", f"{TAGS}/my-tag", status=404),
        Step("GET", f"/v3/domains/{DOMAIN}/limits/tag", holds={"limit": is_whole, "count": is_whole}),
        Step("DELETE", f"{TAGS}/my+tag"),
        Step("GET", f"{TAGS}/my%20tag", status=404),
    ],
    "mailgun-java and mailgun-php: aggregates of a domain": [
        post(SEND, [*LEAST, ("text", "hi")]),
        Step(
            "GET",
            f"/v3/{DOMAIN}/aggregates/providers",
            holds={"providers": lambda found: found["example.net"]["accepted"] == 1},
        ),
        Step("GET", f"/v3/{DOMAIN}/aggregates/devices", holds={"devices": {}}),
        Step("GET", f"/v3/{DOMAIN}/aggregates/countries", holds={"countries": {}}),
    ],
    "mailgun-php: lists of a query are event[0], event[1]": [
        post(SEND, [*LEAST, ("text", "hi")]),
        Step(
            "GET",
            f"/v3/{DOMAIN}/stats/total?event%5B0%5D=accepted&event%5B1%5D=delivered&duration=1d",
            holds={"stats.0.accepted.total": is_whole, "stats.0.delivered.total": is_whole},
        ),
        Step("GET", f"/v3/{DOMAIN}/events?event%5B%5D=delivered", holds={"items": []}),
        Step("GET", f"/v3/{DOMAIN}/events?event%5B0%5D=accepted", holds={"items.0.event": "accepted"}),
    ],
    "PHP and Ruby: lists of a form are url[0] and tags[]": [
        post(HOOK, [("id", "opened"), ("url[0]", "https://x.test/a"), ("url[1]", "https://x.test/b")]),
        Step("GET", f"{HOOK}/opened", holds={"webhook.urls": lambda urls: len(urls) == 2}),
        post(GONE, [("address", "c@example.net"), ("tags[0]", "news"), ("tags[1]", "sale")]),
        Step("GET", f"{GONE}/c@example.net", holds={"tags": lambda tags: set(tags) == {"news", "sale"}}),
    ],
    "mailgun-ruby: a body of JSON whose type is not said": [
        post(SEND, [*LEAST, ("text", "hi"), ("o:tag", "news")]),
        Step("DELETE", "/v1/analytics/tags", {"body": b'{"tag":"news"}'}),
        Step("GET", f"{TAGS}/news", status=404),
    ],
    "Mailgun for WordPress: what its settings page asks, and the empty field that it adds": [
        Step("GET", "/v3/lists?sess=", holds={"items": []}),
        Step("GET", f"/v3/domains/{DOMAIN}/tracking?sess=", holds={"tracking.click.active": False}),
    ],
}
EVENT = "/v3/user/webhooks/event/settings"
KEYS, GROUPS = "/v3/api_keys", "/v3/asm/groups"
DOMAINS, LINKS = "/v3/whitelabel/domains", "/v3/whitelabel/links"
NO_DNS: dict[str, Any] = {name: {} for name in ("mail_cname", "dkim1", "dkim2", "mail_server", "dkim")}
TERRAFORM: dict[str, list[Step]] = {
    "an API key": [
        Step("POST", KEYS, {"json": {"name": "a", "scopes": ["mail.send"]}}, 201, takes="api_key_id"),
        Step("GET", f"{KEYS}/{{id}}", holds={"name": "a", "scopes": ["mail.send"]}, takes="api_key_id"),
        Step("PUT", f"{KEYS}/{{id}}", {"json": {"name": "b", "scopes": ["mail.send"]}}, takes="api_key_id"),
        Step("DELETE", f"{KEYS}/{{id}}", status=204),
    ],
    "a domain: ids are int32, the rest of the object comes along": [
        Step(
            "POST",
            DOMAINS,
            {
                "json": {
                    "domain": "tf.test",
                    "subdomain": "em",
                    "ips": None,
                    "custom_spf": False,
                    "default": True,
                    "automatic_security": False,
                    "custom_dkim_selector": "",
                    "dns": NO_DNS,
                }
            },
            201,
            {"id": is_whole, "user_id": is_whole, "dns.dkim.host": like(".+"), "ips": []},
            takes="id",
        ),
        Step("PATCH", f"{DOMAINS}/{{id}}", {"json": {"default": False, "dns": NO_DNS}}, takes="id"),
        Step("POST", f"{DOMAINS}/{{id}}/validate", holds={"valid": False}, takes="id"),
        Step("DELETE", f"{DOMAINS}/{{id}}", status=204),
        Step("GET", f"{DOMAINS}/1", status=404),
    ],
    "links of a domain": [
        Step("POST", LINKS, {"json": {"domain": DOMAIN, "default": True, "dns": {}}}, 201, {"id": is_whole}),
    ],
    "the webhook of events": [
        Step("PATCH", EVENT, {"json": {"enabled": True, "url": "https://x.test/", "bounce": True}}),
        Step("GET", EVENT, holds={"url": "https://x.test/", "bounce": True, "open": False}),
        Step("PATCH", f"{EVENT}/signed", {"json": {"enabled": True, "public_key": ""}}),
        Step("GET", f"{EVENT}/signed", holds={"public_key": like("MFkw.+")}),
    ],
    "a template and its version: active is a number, warnings a list": [
        Step("POST", "/v3/templates", {"json": {"name": "t", "generation": "dynamic"}}, 201, takes="id"),
        Step(
            "POST",
            "/v3/templates/{id}/versions",
            {
                "json": {
                    "active": 1,
                    "name": "v",
                    "subject": "{{s}}",
                    "html_content": "<p>{{x}}</p>",
                    "editor": "code",
                    "test_data": '{"x":1}',
                }
            },
            201,
            {"active": 1, "warnings": [], "updated_at": like(".+"), "test_data": '{"x":1}'},
        ),
        Step("GET", "/v3/templates?page_size=200&generations=dynamic", holds={"result.0.name": "t"}),
    ],
    "a group": [
        Step(
            "POST", GROUPS, {"json": {"name": "g", "description": "d", "is_default": False}}, 201, takes="id"
        ),
        Step("GET", f"{GROUPS}/{{id}}", holds={"id": is_whole, "unsubscribes": is_whole}, takes="id"),
        Step("PATCH", f"{GROUPS}/{{id}}", {"json": {"name": "h", "is_default": True}}, 201, takes="id"),
        Step("DELETE", f"{GROUPS}/{{id}}", status=204),
        Step("GET", f"{GROUPS}/1", status=404),
    ],
    "subusers, of which there are none": [Step("GET", "/v3/subusers?username=x", holds={"": []})],
}


def at(value: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


async def walk(api: Api, steps: list[Step], **shown: Any) -> None:
    taken: Any = None
    for step in steps:
        api.clock.advance(1.0)
        where = f"{step.method} {step.path}"
        reply: Reply = await api.call(step.method, step.path.format(id=taken), **shown, **step.sent)
        assert reply.status == step.status, f"{where}: {reply.text}"
        answer = reply.json() if reply.body else None
        for path, wanted in step.holds.items():
            found = at(answer, path)
            holds = wanted(found) if callable(wanted) else wanted == found
            assert holds, f"{where}: {path} is {found!r}"
        taken = at(answer, step.takes) if step.takes else taken
        await api.fold()


@pytest.mark.parametrize("steps", MAILGUN.values(), ids=MAILGUN)
async def test_management_through_mailguns_calls(api: Api, steps: list[Step]) -> None:
    await walk(api, steps, basic=api.full)


@pytest.mark.parametrize("steps", TERRAFORM.values(), ids=TERRAFORM)
async def test_terraform_through_sendgrids_calls(
    api: Api, monkeypatch: pytest.MonkeyPatch, steps: list[Step]
) -> None:
    async def ask(
        settings: object, clock: object, domain: Domain, keys: Sequence[DomainKey], sender: Sender
    ) -> list[checks.Check]:
        """DNS has nothing."""
        return [checks.missing(record, NOTHING, domain.name) for record in needed(domain, keys, sender)]

    monkeypatch.setattr(domain_checks, "ask_now", ask)
    await walk(api, steps, key=api.full)
