"""`POST /v3/{domain}/messages` and `messages.mime` through the real rim on a real store (MG-25)."""

from __future__ import annotations

import asyncio
import json
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from posthouse.desk import domains, templates
from posthouse.dialects.mailgun.parameters import PARAMETERS
from unit.doors.api.calling import DOMAIN, OTHER_DOMAIN, Api, Reply

SEND = f"/v3/{DOMAIN}/messages"
MIME = f"/v3/{DOMAIN}/messages.mime"
LEAST = {"from": f"Shop <shop@{DOMAIN}>", "to": "bob@example.net", "subject": "Hello", "text": "Hi"}


async def send(api: Api, path: str = SEND, **more: Any) -> Reply:
    return await api.call("POST", path, basic=api.full, **more)


def with_fields(**fields: Any) -> dict[str, Any]:
    return {**LEAST, **fields}


async def test_the_least_call_is_accepted_and_its_id_is_the_letters(api: Api) -> None:
    reply = await send(api, form=LEAST)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    answer = reply.json()
    assert answer["message"] == "Queued. Thank you."
    shown = api.accepted_one()
    assert answer["id"] == shown.message.header_id
    assert answer["id"].startswith("<") and answer["id"].endswith(f"@{DOMAIN}>")
    assert shown.message.sender == f"shop@{DOMAIN}"
    assert shown.message.domain == DOMAIN
    assert shown.recipients == ["bob@example.net"]
    assert shown.mail["From"] == f"Shop <shop@{DOMAIN}>"
    assert shown.mail["To"] == "bob@example.net"
    assert shown.mail["Subject"] == "Hello"
    assert shown.mail.get_content().strip() == "Hi"


# id: (path, form, files, status, message)
REFUSED: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "nothing": (SEND, {}, 400, "from parameter is missing"),
    "no to": (SEND, {"from": "a@shop.test"}, 400, "to parameter is missing"),
    "empty to": (SEND, with_fields(to=" "), 400, "to parameter is missing"),
    "no text": (
        SEND,
        {"from": "a@shop.test", "to": "b@example.net"},
        400,
        "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified",
    ),
    "html and template": (
        SEND,
        with_fields(html="x", template="t"),
        400,
        "Only one parameters 'html' or 'template' is allowed",
    ),
    "bad from": (
        SEND,
        with_fields(**{"from": "shop"}),
        400,
        "from parameter is not a valid address. please check documentation",
    ),
    "one bad to of many": (
        SEND,
        with_fields(to="a@example.net, b@"),
        400,
        "to parameter is not a valid address. please check documentation",
    ),
    "bad cc": (
        SEND,
        with_fields(cc="x"),
        400,
        "cc parameter is not a valid address. please check documentation",
    ),
    "bad bcc": (
        SEND,
        with_fields(bcc="@"),
        400,
        "bcc parameter is not a valid address. please check documentation",
    ),
    "to without a full domain": (
        SEND,
        with_fields(to="root@localhost"),
        400,
        "to parameter is not a valid address. please check documentation",
    ),
    "too many": (
        SEND,
        with_fields(to=",".join(f"u{number}@example.net" for number in range(1001))),
        400,
        "Too many recipients, max is 1000",
    ),
    "options too large": (
        SEND,
        with_fields(**{"v:data": "x" * 16_400}),
        400,
        "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total",
    ),
    "header name": (
        SEND,
        with_fields(**{"h:X-Größe": "1"}),
        400,
        "Header name must be pure ASCII: X-Größe",
    ),
    "date": (
        SEND,
        with_fields(**{"o:deliverytime": "tomorrow"}),
        400,
        "tomorrow is not an RFC-2822 compliant date",
    ),
    "variables": (
        SEND,
        with_fields(**{"recipient-variables": "{"}),
        400,
        "'recipient-variables' parameter is not a valid JSON",
    ),
    "t:variables": (
        SEND,
        with_fields(**{"t:variables": "[]", "template": "x"}),
        400,
        "'t:variables' parameter is not a valid JSON",
    ),
    "h:X-Mailgun-Variables": (
        SEND,
        with_fields(**{"h:X-Mailgun-Variables": "{"}),
        400,
        "'h:X-Mailgun-Variables' parameter is not a valid JSON",
    ),
    "local time": (
        SEND,
        with_fields(**{"o:time-zone-localize": "25:00"}),
        400,
        "25:00 invalid 24 hour time(value of 'o:time-zone-localize')",
    ),
    "local time with words": (
        SEND,
        with_fields(**{"o:time-zone-localize": "noon"}),
        400,
        "noon is not a valid time to send (value of 'o:time-zone-localize')",
    ),
    "second key": (
        SEND,
        with_fields(**{"o:secondary-dkim": "a.test/s"}),
        400,
        "a.test/s is not a valid secondary dkim domain name",
    ),
    "second public name alone": (
        SEND,
        with_fields(**{"o:secondary-dkim-public": "a.test/s"}),
        400,
        "o:secondary-dkim-public needs o:secondary-dkim",
    ),
    "foreign address": (
        SEND,
        with_fields(**{"o:sending-ip": "192.0.2.99"}),
        403,
        "Rejected: IP 192.0.2.99 can't be used to send the message",
    ),
    "window": (
        SEND,
        with_fields(**{"o:deliver-within": "1m"}),
        400,
        "invalid o:deliver-within value: must be between 5m and 24h",
    ),
    "too far ahead": (
        SEND,
        with_fields(**{"o:deliverytime": "Fri, 14 Oct 2095 12:00:00 +0000"}),
        400,
        "o:deliverytime can't be more than 7 days in the future",
    ),
    "a word that means nothing": (
        SEND,
        with_fields(**{"o:tracking": "maybe"}),
        400,
        "o:tracking parameter is not valid: use yes, no, true, false or htmlonly",
    ),
    "unknown template": (
        SEND,
        {"from": "a@shop.test", "to": "b@example.net", "template": "welcome"},
        400,
        'template "welcome" not found',
    ),
    "unknown template without from": (
        SEND,
        {"to": "b@example.net", "template": "welcome", "t:version": "V2"},
        400,
        'template "welcome" or its version "v2" not found',
    ),
    "attachment is no file": (
        SEND,
        with_fields(attachment="text"),
        400,
        "'attachment' parameter is not a file",
    ),
    "unknown domain": ("/v3/none.test/messages", LEAST, 404, "Domain not found: none.test"),
    "another account's domain": (
        f"/v3/{OTHER_DOMAIN}/messages",
        LEAST,
        404,
        f"Domain not found: {OTHER_DOMAIN}",
    ),
    "another account's From": (
        SEND,
        with_fields(**{"from": f"a@{OTHER_DOMAIN}"}),
        403,
        f"Domain {DOMAIN} is not allowed to send: the From domain {OTHER_DOMAIN} is not one of this"
        " account's",
    ),
    "two authors": (
        SEND,
        with_fields(**{"from": ["a@shop.test", "b@shop.test"]}),
        400,
        "The From field holds several addresses; one is allowed",
    ),
    "copies without end": (
        SEND,
        with_fields(
            to=",".join(f"u{number}@example.net" for number in range(400)),
            cc=",".join(f"c{number}@example.net" for number in range(400)),
            **{"recipient-variables": "{}"},
        ),
        400,
        "Too many recipients: every cc and bcc gets a copy of each mail of the batch, and that makes"
        " more than 10000",
    ),
    "mime as a form": (
        MIME,
        {"to": "b@example.net"},
        400,
        "Invalid request content type. Expecting 'multipart/form-data' but got"
        " 'application/x-www-form-urlencoded'",
    ),
}


@pytest.mark.parametrize(("path", "form", "status", "message"), REFUSED.values(), ids=REFUSED)
async def test_what_is_wrong_is_said_in_the_services_words(
    api: Api, path: str, form: dict[str, Any], status: int, message: str
) -> None:
    reply = await send(api, path, form=form)
    assert (reply.status, reply.json()) == (status, {"message": message})
    assert api.accepted() == []


# who calls


async def test_without_a_valid_key_the_answer_is_plain_forbidden(api: Api) -> None:
    for basic in ("", "SG.wrong", f"{api.full.secret}x"):
        reply = await api.call("POST", SEND, basic=basic, form=LEAST)
        assert (reply.status, reply.body) == (401, b"Forbidden")
        assert reply.headers["content-type"].startswith("text/plain")
        assert reply.headers["www-authenticate"] == 'Basic realm="MG API"'


async def test_a_sending_key_of_a_domain_sends_for_it_alone(api: Api) -> None:
    key = await api.issue(["mail.send"], dialect="mailgun", domain=DOMAIN)
    assert (await api.call("POST", SEND, basic=key, form=LEAST)).status == 200
    assert (await api.call("GET", "/v3/lists", basic=key)).status == 403
    await api.add_domain("second.test")
    reply = await api.call("POST", "/v3/second.test/messages", basic=key, form=LEAST)
    assert (reply.status, reply.json()) == (404, {"message": "Domain not found: second.test"})


async def test_a_domain_that_is_not_verified_may_not_send(api: Api) -> None:
    await api.add_domain("new.test", is_verified=False)
    reply = await send(api, "/v3/new.test/messages", form=with_fields(**{"from": "a@new.test"}))
    assert reply.status == 403
    assert reply.json()["message"] == (
        "Domain new.test is not allowed to send: The domain is unverified and requires DNS configuration. "
        "Log in to your control panel to view required DNS records."
    )


# lists of people

NOTATIONS: dict[str, list[tuple[str, str]]] = {
    "a list with commas": [("to", "Bob <bob@example.net>, ann@example.net")],
    "repeated": [("to", "Bob <bob@example.net>"), ("to", "ann@example.net")],
    "brackets": [("to[]", "Bob <bob@example.net>"), ("to[]", "ann@example.net")],
    "numbers": [("to[0]", "Bob <bob@example.net>"), ("to[1]", "ann@example.net")],
    "doubles": [("to", "Bob <bob@example.net>, ann@example.net"), ("to", "BOB@example.net")],
}


@pytest.mark.parametrize("pairs", NOTATIONS.values(), ids=NOTATIONS)
async def test_every_way_to_write_a_list_means_the_same(api: Api, pairs: list[tuple[str, str]]) -> None:
    form = [*((name, value) for name, value in LEAST.items() if name != "to"), *pairs]
    assert (await send(api, form=form)).status == 200
    assert api.accepted_one().recipients == ["bob@example.net", "ann@example.net"]


NAMES: dict[str, tuple[str, str, str]] = {
    "plain": ("Bob B <bob@example.net>", "Bob B", "bob@example.net"),
    "a comma without quotes": ("Smith, John <j@example.net>", "Smith, John", "j@example.net"),
    "quoted": ('"Smith, John" <j@example.net>', "Smith, John", "j@example.net"),
    "letters beyond ASCII": ("Zoë Ñandú <z@example.net>", "Zoë Ñandú", "z@example.net"),
    "an encoded word": ("=?utf-8?q?Zo=C3=AB?= <z@example.net>", "Zoë", "z@example.net"),
    "a domain beyond ASCII": ("b@bücher.example", "", "b@xn--bcher-kva.example"),
    "plus": ("bob+x@example.net", "", "bob+x@example.net"),
}


@pytest.mark.parametrize(("written", "name", "address"), NAMES.values(), ids=NAMES)
async def test_names_arrive_as_they_were_meant(api: Api, written: str, name: str, address: str) -> None:
    assert (await send(api, form=with_fields(to=written))).status == 200
    shown = api.accepted_one()
    (mailbox,) = shown.mail["To"].addresses
    assert (mailbox.display_name, mailbox.addr_spec) == (name, address)
    assert shown.recipients == [address]


async def test_blind_copies_do_not_show(api: Api) -> None:
    reply = await send(api, form=with_fields(cc="Carl <c@example.net>", bcc="secret@example.net"))
    assert reply.status == 200
    shown = api.accepted_one()
    assert shown.recipients == ["bob@example.net", "c@example.net", "secret@example.net"]
    assert b"secret@" not in shown.content
    assert shown.mail["Cc"] == "Carl <c@example.net>"


async def test_with_recipient_variables_everybody_gets_a_copy_of_their_own(api: Api) -> None:
    variables = {"bob@example.net": {"first": "Bob"}, "ANN@example.net": {"first": "Ann"}}
    form = with_fields(
        to=["bob@example.net", "ann@example.net"],
        cc="chef@example.net",
        subject="Hey %recipient.first%",
        **{"recipient-variables": json.dumps(variables), "v:name": "%recipient.first%"},
    )
    assert (await send(api, form=form)).status == 200
    shown = api.accepted_one()
    assert shown.options.to_each and shown.options.percent
    assert shown.recipients == ["bob@example.net", "ann@example.net", "chef@example.net", "chef@example.net"]
    personal = [json.loads(each.personal) for each in shown.deliveries]
    assert [each["variables"]["first"] for each in personal] == ["Bob", "Ann", "Bob", "Ann"]
    assert [each.get("copy_of") for each in personal] == [None, None, "bob@example.net", "ann@example.net"]
    assert personal[0]["metadata"] == {"name": "Bob"}


async def test_empty_recipient_variables_make_a_batch_too(api: Api) -> None:
    assert (await send(api, form=with_fields(**{"recipient-variables": "{}"}))).status == 200
    assert api.accepted_one().options.to_each


# what the letter holds


async def test_headers_of_the_callers_own(api: Api) -> None:
    form = with_fields(
        **{
            "h:X-My-Header": "Grüße",
            "h:Reply-To": "Help <help@example.net>, two@example.net",
            "h:Message-Id": "<my.id@shop.test>",
            "h:MIME-Version": "1.0",
        }
    )
    reply = await send(api, form=form)
    assert reply.json()["id"] == "<my.id@shop.test>"
    shown = api.accepted_one()
    assert shown.mail["X-My-Header"] == "Grüße"
    assert shown.mail["Reply-To"] == "Help <help@example.net>, two@example.net"
    assert shown.mail.get_all("Message-ID") == ["<my.id@shop.test>"]
    assert shown.mail.get_all("MIME-Version") == ["1.0"]


async def test_header_fields_take_the_place_of_the_calls_own(api: Api) -> None:
    form = with_fields(
        **{"h:To": "Everybody <list@shop.test>", "h:Subject": "Other", "h:From": "Boss <boss@shop.test>"}
    )
    assert (await send(api, form=form)).status == 200
    shown = api.accepted_one()
    assert shown.recipients == ["bob@example.net"]
    assert [shown.mail[name] for name in ("To", "Subject", "From")] == [
        "Everybody <list@shop.test>",
        "Other",
        "Boss <boss@shop.test>",
    ]


async def test_a_placeholder_may_stand_for_the_reply_address(api: Api) -> None:
    form = with_fields(**{"h:Reply-To": "%recipient.h:Reply-To%", "recipient-variables": "{}"})
    assert (await send(api, form=form)).status == 200
    assert b"\r\nReply-To: %recipient.h:Reply-To%\r\n" in api.accepted_one().content


# id: field, value; S4: no call may make another field, recipient or part
INJECTIONS: dict[str, tuple[str, str]] = {
    "a header's value": ("h:X-A", "x\r\nBcc: evil@example.net"),
    "a header's name": ("h:X-A\r\nBcc", "evil@example.net"),
    "a name with a colon": ("h:X:Bcc", "evil@example.net"),
    "an empty name": ("h:", "x"),
    "a lone line feed": ("h:X-A", "x\nBcc: evil@example.net"),
    "a lone return": ("h:X-A", "x\rBcc: evil@example.net"),
    "NUL": ("h:X-A", "x\0Bcc: evil@example.net"),
    "next line": ("h:X-A", "x\x85Bcc: evil@example.net"),
    "line separator": ("h:X-A", "x\u2028Bcc: evil@example.net"),
    "Bcc itself": ("h:Bcc", "evil@example.net"),
    "subject": ("subject", "x\r\nBcc: evil@example.net"),
    "subject with NUL": ("subject", "x\0Bcc: evil@example.net"),
    "from": ("from", f"Shop\r\nBcc: evil@example.net <shop@{DOMAIN}>"),
    "to": ("to", "bob@example.net\r\nBcc: evil@example.net"),
    "to in an address": ("to", "bob\r\nRCPT TO:<evil@example.net>@example.net"),
    "cc": ("cc", "bob@example.net>\r\nBcc: evil@example.net"),
    "reply to": ("h:Reply-To", "a@b.example\r\nBcc: evil@example.net"),
    "reply to with a tag": ("h:Reply-To", "%recipient.a%\r\nBcc: evil@example.net"),
    "message id": ("h:Message-Id", "<a@b>\r\nBcc: evil@example.net"),
    "message id with blanks": ("h:Message-Id", "<a b@c>"),
    "tag": ("o:tag", "x\r\nBcc: evil@example.net"),
    "variable": ("v:x", "x\r\nBcc: evil@example.net"),
    "variable's name": ("v:x\r\nBcc: evil@example.net", "x"),
    "option": ("o:archive-to", "https://a.test/\r\nBcc: evil@example.net"),
    "option's name": ("o:x\r\nBcc: evil@example.net", "x"),
    "template": ("template", "x\r\nBcc: evil@example.net"),
    "template's version": ("t:version", "x\r\nBcc: evil@example.net"),
    "recipient variables": (
        "recipient-variables",
        '{"bob@example.net": {"a": "x\\r\\nBcc: evil@example.net"}}',
    ),
}


@pytest.mark.parametrize(("field", "value"), INJECTIONS.values(), ids=INJECTIONS)
async def test_S3_S4_no_parameter_can_make_a_header_or_a_recipient(api: Api, field: str, value: str) -> None:
    reply = await send(api, form={**LEAST, field: value})
    assert reply.status in (200, 400)
    if reply.status == 400:
        assert api.accepted() == []
        return
    shown = api.accepted_one()
    assert shown.recipients == ["bob@example.net"]
    assert shown.mail["Bcc"] is None
    assert not any(line.lower().startswith(b"bcc:") for line in shown.content.splitlines())


async def test_a_parameter_beats_the_header_of_the_same_meaning(api: Api) -> None:
    form = with_fields(**{"o:dkim": "no", "h:X-Mailgun-Dkim": "yes", "h:X-Mailgun-Native-Send": "yes"})
    assert (await send(api, form=form)).status == 200
    options = api.accepted_one().options
    assert options.dkim is False and options.keeps_return_path
    assert b"X-Mailgun-Dkim" not in api.accepted_one().content


# templates


async def test_a_template_brings_text_subject_and_from(api: Api) -> None:
    fields = {"From": "Stored <stored@shop.test>", "Subject": "Dear {{name}}"}
    draft = templates.Draft(
        account_id=api.account_id,
        domain=DOMAIN,
        name="welcome",
        tag="v1",
        html="<p>Hi {{name}}</p>",
        fields=fields,
    )
    await api.write(templates.store_version, api.ids, api.clock.now(), draft)
    form = {"to": "bob@example.net", "template": "Welcome", "t:variables": '{"name": "Bob"}', "t:text": "yes"}
    assert (await send(api, form=form)).status == 200
    shown = api.accepted_one()
    assert shown.mail["From"] == "Stored <stored@shop.test>"
    assert shown.message.subject == "Dear Bob"
    assert shown.message.sender == "stored@shop.test"
    assert shown.options.template_name == "welcome"
    kinds = [part.get_content_type() for part in shown.mail.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html"]


# the same call again


async def test_an_idempotency_key_makes_one_mail_of_two_calls(api: Api) -> None:
    headers = {"Idempotency-Key": "order-7"}
    first = await send(api, form=LEAST, headers=headers)
    second = await send(api, form=LEAST, headers=headers)
    assert first.json() == second.json()
    assert len(api.accepted()) == 1


async def test_S29_of_many_equal_calls_at_once_one_has_an_effect(any_api: Api) -> None:
    calls = [send(any_api, form=LEAST, headers={"Idempotency-Key": "order-8"}) for _ in range(64)]
    replies = await asyncio.gather(*calls)
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert replies[0].json()["id"] == any_api.accepted_one().message.header_id


# what a domain may send


async def settings(api: Api, **values: Any) -> None:
    await api.write(domains.change_settings, api.account_id, DOMAIN, lambda held: replace(held, **values))


async def test_over_a_limit_the_answer_says_when_to_try_again(api: Api) -> None:
    await settings(api, hourly_messages=1)
    assert (await send(api, form=LEAST)).status == 200
    reply = await send(api, form=LEAST)
    assert reply.status == 429
    wait_s = int(reply.headers["retry-after"])
    assert 0 < wait_s <= 3600
    again_at = int(reply.headers["x-ratelimit-reset"]) / 1000
    assert again_at == pytest.approx(api.clock.now() + wait_s, abs=1)
    assert (reply.headers["x-ratelimit-limit"], reply.headers["x-ratelimit-remaining"]) == ("1", "0")
    shown = formatdate(again_at, usegmt=True)
    message = f"Domain {DOMAIN} is not allowed to send: recipient limit exceeded, try again after {shown}"
    assert reply.json() == {"message": message}
    assert len(api.accepted()) == 1


async def test_more_at_once_than_a_limit_has_will_never_fit(api: Api) -> None:
    await settings(api, hourly_messages=2)
    reply = await send(api, form=with_fields(to="a@example.net, b@example.net, c@example.net"))
    assert reply.status == 403
    assert reply.json()["message"].startswith(f"Domain {DOMAIN} is not allowed to send large batches yet: ")


async def test_a_sandbox_sends_to_authorised_addresses_alone(api: Api) -> None:
    await settings(api, is_sandbox=True, authorised=("bob@example.net",))
    assert (await send(api, form=LEAST)).status == 200
    reply = await send(api, form=with_fields(cc="stranger@example.net"))
    assert reply.status == 403
    assert reply.json()["message"] == (
        f"Domain {DOMAIN} is not allowed to send: Sandbox subdomains are for test purposes only. Please add "
        "your own domain or add the address to authorized recipients in Account Settings."
    )
    assert len(api.accepted()) == 1


EVERY = [
    *("from", "to", "cc", "bcc", "subject", "text", "html", "amp-html"),
    *("h:X-Own", "h:Reply-To", "h:Sender", "h:To", "h:Cc", "h:From", "h:Subject", "h:Message-Id", "h:Date"),
    *("h:References", "h:List-Unsubscribe", "h:X-Mailgun-Tag", "h:X-Mailgun-Variables", "h:X-Mailgun-Track"),
    *("v:own", *PARAMETERS),
]
BREAKS = ["\r\n", "\n", "\r", "\0", "\x85", "\u2028", "\v", "\f", "=0D=0A", "%0d%0a", "=?utf-8?q?=0D=0A?="]
EVIL = "Bcc: evil@example.net"


@pytest.mark.parametrize("parameter", EVERY)
async def test_S3_S4_S19_no_value_of_any_parameter_breaks_out(api: Api, parameter: str) -> None:
    usual = {
        "to": "bob@example.net",
        "from": f"shop@{DOMAIN}",
        "h:From": f"shop@{DOMAIN}",
        "h:To": "a@b.example",
    }
    beginning = usual.get(parameter, "x")
    values = [f"{beginning}{sign}{EVIL}{sign}{sign}<p>" for sign in BREAKS]
    values += [
        "\ud800",
        "x" * 20_000,
        '{"a": NaN}',
        "[" * 5_000,
        '{"bob@example.net": {"a": 1e999}}',
        "'; --",
    ]
    for value in values:
        body = urlencode({**LEAST, parameter: value.encode("utf-8", "surrogatepass")}).encode()
        reply = await send(api, body=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert reply.status in (200, 400, 403), (value, reply)
    for shown in api.accepted():
        head = shown.content.partition(b"\r\n\r\n")[0]
        assert all(line.lower().startswith((b" ", b"\t")) or b":" in line for line in head.split(b"\r\n"))
        assert not any(line.lower().startswith(b"bcc") for line in head.splitlines())
        assert shown.mail["Bcc"] is None
        assert set(shown.recipients) <= {"bob@example.net"}


async def test_D_06_a_call_that_its_template_refuses_is_in_the_log_too(api: Api) -> None:
    """As behind SMTP: whoever looks for the letter finds out why there is none."""
    form = {"from": f"me@{DOMAIN}", "to": "ann@good.test", "subject": "Hello", "template": "nowhere"}
    reply = await api.call("POST", f"/v3/{DOMAIN}/messages", basic=api.full, form=form)
    assert reply.status == 400 and not api.accepted()
    await api.write(lambda conn: None)  # what was handed in before is on disk then
    (told,) = api.events("rejected")
    assert told.data["subject"] == "Hello" and "nowhere" in told.data["text"]


async def test_a_parameter_that_nobody_knows_is_told_in_the_accepted_event(api: Api) -> None:
    """`tags` is no parameter, and must not be taken for the option of a similar name."""
    assert (await send(api, form=with_fields(colour="red", tags="a", tag="b"))).status == 200
    options = api.accepted_one().options
    told = {seen.header: (seen.value, seen.is_warning) for seen in options.seen}
    assert told["colour"] == ("red", True) and told["tags"] == ("a", True) and told["tag"] == ("b", True)
    assert options.tags == ()


async def test_what_a_whole_letter_says_itself_is_told_where_parameters_say_it(api: Api) -> None:
    letter = f"From: shop@{DOMAIN}\r\nTo: bob@example.net\r\nSubject: Its own\r\n\r\nHi\r\n".encode()
    reply = await api.call(
        "POST",
        f"/v3/{DOMAIN}/messages.mime",
        basic=api.full,
        form={"to": "bob@example.net", "subject": "Another"},
        files=[("message", "m.eml", letter, "message/rfc822")],
    )
    assert reply.status == 200, reply
    shown = api.accepted_one()
    assert shown.mail["Subject"] == "Its own"
    assert [(seen.header, seen.is_warning) for seen in shown.options.seen] == [("subject", True)]
