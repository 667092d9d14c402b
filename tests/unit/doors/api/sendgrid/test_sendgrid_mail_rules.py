"""Every sentence of sendgrid.md 3.3, by the real call: text, field and help."""

from __future__ import annotations

import json
from typing import Any

import pytest

from unit.doors.api.calling import DOMAIN, HOST, Api

SEND = "/v3/mail/send"
EXAMPLE = (
    'e.g. {"email": "example@example.com"} or {"email": "example@example.com", "name": "Example Recipient"}'
)
ANN = {"email": "ann@there.test"}
TO = {"to": [ANN]}
SEND_AT = (
    "The send_at parameter is expecting a Unix timestamp as an integer. We will send immediately if you "
    "include a send_at timestamp that is in the past."
)
ORDER = (
    "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent in your email: "
    "text/plain needs to be first, followed by text/html, followed by any other content."
)
P = "personalizations"
_TEXT, _HTML = {"type": "text/plain", "value": "a"}, {"type": "text/html", "value": "b"}
_FILE = {"content": "aGk=", "filename": "a.txt"}


def body(own: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A good call with these keys of its personalization and its own put over it; ABSENT takes one away."""
    usual: dict[str, Any] = {
        "personalizations": [_with(TO, own or {})],
        "from": {"email": f"shop@{DOMAIN}"},
        "subject": "Hello",
        "content": [_TEXT],
    }
    return _with(usual, {("from" if key == "from_" else key): value for key, value in more.items()})


ABSENT = object()


def _with(usual: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**usual, **more}.items() if value is not ABSENT}


def file(**more: Any) -> dict[str, Any]:
    return body(attachments=[_with(_FILE, more)])


def mail_setting(name: str, **values: Any) -> dict[str, Any]:
    return body(mail_settings={name: values})


def tracking(name: str, **values: Any) -> dict[str, Any]:
    return body(tracking_settings={name: values})


def copies(name: str) -> str:
    return (
        f"The {name} array, when used, must at least have an email parameter with a valid email address and "
        f"it may also contain a name parameter. {EXAMPLE}"
    )


LONG = "a" * 310 + "@there.test"
FAR = 4_000_000_000

CASES: list[tuple[dict[str, Any], str, str]] = [
    # personalizations
    (
        body(personalizations=ABSENT),
        P,
        "The personalizations field is required and must have at least one personalization.",
    ),
    (
        body(personalizations=[]),
        P,
        "The personalizations field is required and must have at least one personalization.",
    ),
    (
        body(personalizations=[TO] * 1001),
        P,
        "The personalization block is limited to 1000 personalizations per API request. You have provided "
        "1001 personalizations. Please consider splitting this into multiple requests and resending your "
        "request.",
    ),
    (
        body({"to": [{"email": f"a{n}@there.test"} for n in range(1001)]}),
        P,
        "There is a limit of 1000 total recipients (to + cc + bcc) per request.",
    ),
    (body(personalizations={"to": []}), P, "Invalid type. Expected: array, given: object."),
    (body(personalizations=["x"]), f"{P}.0", "Invalid type. Expected: object, given: string."),
    (
        body({"to": []}),
        f"{P}.0.to",
        "The to array is required for all personalization objects, and must have at least one email object "
        "with a valid email address.",
    ),
    (body({"to": [{"name": "x"}]}), f"{P}.0.to.0.email", "The to email parameter is required."),
    (body({"to": [ANN, {"email": "bad"}]}), f"{P}.0.to.1.email", "Does not contain a valid address."),
    (body({"to": [{"email": "a@b.test\r\nX: y"}]}), f"{P}.0.to.0.email", "Does not contain a valid address."),
    (body({"cc": [{"email": "a b@c.test"}]}), f"{P}.0.cc.0.email", "Does not contain a valid address."),
    (body(from_={"email": "nobody"}), "from.email", "Does not contain a valid address."),
    (body(reply_to={"email": "nobody"}), "reply_to.email", "Does not contain a valid address."),
    (
        body({"to": [{"email": LONG}]}),
        f"{P}.0.to",
        "The To email exceeds the maximum total length of 320 characters",
    ),
    (
        body({"cc": [{"email": LONG}]}),
        f"{P}.0.cc",
        "The CC email exceeds the maximum total length of 320 characters",
    ),
    (
        body({"bcc": [{"email": LONG}]}),
        f"{P}.0.bcc",
        "The BCC email exceeds the maximum total length of 320 characters",
    ),
    (
        body(from_={"email": LONG}),
        "from",
        "The From email exceeds the maximum total length of 320 characters",
    ),
    (
        body(reply_to={"email": LONG}),
        "reply_to",
        "The Reply-To email exceeds the maximum total length of 320 characters",
    ),
    (
        body({"to": [ANN], "cc": [{"email": "Ann@There.test"}]}),
        P,
        "Each unique email address in the personalizations array should only be included once. You have "
        "included Ann@There.test more than once.",
    ),
    (body({"cc": [{"name": "x"}]}), f"{P}.0.cc", copies("cc")),
    (body({"bcc": []}), f"{P}.0.bcc", copies("bcc")),
    (
        body({"to": [{**ANN, "name": 5}]}),
        f"{P}.0.to.0.name",
        "Invalid type. Expected: string, given: integer.",
    ),
    # own data
    (
        body({"custom_args": {"a": 1}}),
        f"{P}.0.custom_args",
        "All values of custom arguments object must be strings",
    ),
    (body({"custom_args": {}}), f"{P}.0.custom_args", "custom_args cannot be empty."),
    (
        body({"custom_args": {"a": "x" * 6000}}, custom_args={"b": "y" * 6000}),
        f"{P}.0.custom_args",
        "The combined size of both global and personalization custom arguments may not exceed 10,000 bytes "
        "per personalization.",
    ),
    # headers
    (
        body({"headers": {"X-A": 1}}),
        f"{P}.0.headers",
        "All values of the headers object must be strings.",
    ),
    (
        body({"headers": {"X-A": "1", "x-a": "2"}}),
        f"{P}.0.headers",
        "The headers cannot contain duplicate keys.",
    ),
    (
        body({"headers": {"X A": "1"}}),
        f"{P}.0.headers",
        "Header keys cannot contain non-ASCII characters or empty spaces.",
    ),
    (
        body({"headers": {"rEply-To": "a@b.test"}}),
        f"{P}.0.headers",
        "Header cannot be one of the reserved keys.",
    ),
    (body(headers={"X-A": None}), "headers", "The header values must be strings."),
    (body(headers={"X-A": "1", "x-a": "2"}), "headers", "The headers cannot contain duplicate keys."),
    (
        body(headers={"Ü": "1"}),
        "headers",
        "Header keys cannot contain non-ASCII characters and empty spaces.",
    ),
    (body(headers={"DKIM-Signature": "1"}), "headers", "Header can not be one of the reserved keys."),
    (body(headers={"X-A": "1\r\nBcc: x"}), "headers", "The header values cannot contain CRLF characters."),
    # time
    (body({"send_at": "soon"}), f"{P}.0.send_at", SEND_AT),
    (body(send_at=1.5), "send_at", SEND_AT),
    (body(send_at=True), "send_at", SEND_AT),
    (body(send_at=FAR), "send_at", "Scheduling more than 168 hours in advance is forbidden."),
    # subject
    (
        body({"subject": ""}),
        f"{P}.0.subject",
        "The subject of your email must be a string at least one character in length.",
    ),
    (
        body(subject=7),
        "subject",
        "The subject of your email must be a string at least one character in length.",
    ),
    (
        body(subject=ABSENT),
        "subject",
        "The subject is required. You can get around this requirement if you use a template with a subject "
        "defined or if every personalization has a subject defined.",
    ),
    # substitutions
    (
        body({"substitutions": {"-a-": 1}}),
        f"{P}.0.substitutions",
        "The substitution values must be an object of key/value pairs, where the values are all strings.",
    ),
    (
        body({"substitutions": {"-a-": "x" * 10_001}}),
        f"{P}.0.substitutions",
        "You are limited to 10,000 substitutions.",
    ),
    (
        body({"substitutions": {"-a-": "x"}}, template_id="d-1"),
        f"{P}.0.substitutions",
        "Substitutions may not be used with dynamic templating",
    ),
    # groups
    (body(asm={"group_id": "x"}), "asm.group_id", "The ASM group ID must be an integer."),
    (
        body(asm={"group_id": 99}),
        "asm.group_id",
        "The ASM group ID must be a valid Group ID on your account. You provided 99.",
    ),
    (
        body(asm={"group_id": 99, "groups_to_display": ["a"]}),
        "asm.groups_to_display",
        "The ASM Group IDs to display must be an array of integers.",
    ),
    (
        body(asm={"group_id": 99, "groups_to_display": [98]}),
        "asm.groups_to_display",
        "All ASM groups to display must be valid ASM groups IDs on your account. You provided 98.",
    ),
    (
        body(asm={"group_id": 99, "groups_to_display": list(range(26))}),
        "asm.groups_to_display",
        "There is a limit of 25 unsubscribe groups that can be displayed to a user at a time.",
    ),
    # attachments
    (file(content="%%%"), "attachments.0.content", "The attachment content must be base64 encoded."),
    (file(content="aGk"), "attachments.0.content", "The attachment content must be base64 encoded."),
    (
        file(content=""),
        "attachments.0.content",
        "The attachment content must be a string at least one character in length.",
    ),
    (
        file(content_id=5),
        "attachments.0.content_id",
        "The content ID of your attachment must be a string. You provided 5.",
    ),
    (
        file(content_id="a\r\nb"),
        "attachments.0.content_id",
        "The content ID of your attachment cannot contain CRLF characters.",
    ),
    (
        file(disposition="both"),
        "attachments.0.disposition",
        'The disposition of your attachment can be either "inline" or "attachment". You provided both.',
    ),
    (file(filename=5), "attachments.0.filename", "The filename of your attachment must be a string."),
    (
        file(filename="a\nb"),
        "attachments.0.filename",
        "The filename of your attachment cannot contain CRLF characters.",
    ),
    (file(filename=ABSENT), "attachments.0.filename", "filename is required."),
    (
        file(type=""),
        "attachments.0.type",
        "The attachment type must be a string and at least one character in length.",
    ),
    (
        file(type="text/plain; nothing\r\nX: y"),
        "attachments.0.type",
        "The type cannot contain ';', or CRLF characters.",
    ),
    # names
    (body(batch_id=5), "batch_id", "The batch_id must be a string."),
    (
        body(categories=list("abcdefghijk")),
        "categories",
        "There is a limit of 10 categories for each email that is sent. You provided 11 categories.",
    ),
    (body(categories="a"), "categories", "Categories must be an array of strings."),
    (
        body(categories=["c" * 256]),
        "categories",
        f"Each category must not be longer than 255 characters. {'c' * 200} exceeds this limit",
    ),
    (
        body(categories=["a", "a"]),
        "categories",
        "The categories must be a unique list, and you have included a more than once.",
    ),
    (body(categories=["ä"]), "categories", "Categories can not contain non-ASCII characters."),
    (body(ip_pool_name=5), "ip_pool_name", "The name of your IP pool must be a string."),
    (
        body(ip_pool_name="none"),
        "ip_pool_name",
        "The IP Pool name must be a valid pool name for your account. You provided none.",
    ),
    (body(sections={"a": 1}), "sections", "The section values must be strings."),
    (body(template_id=5), "template_id", "The template ID must be a string, you provided 5."),
    # content
    (
        body(content=ABSENT),
        "content",
        "The content param is required unless you are using a transactional template and have defined a "
        "template_ID.",
    ),
    (
        body(content=[]),
        "content",
        "There must be at least one defined content block. We typically suggest both text/plain and "
        "text/html blocks are included, but only one block is required.",
    ),
    (body(content=_TEXT), "content", "Invalid type. Expected: array, given: object."),
    (
        body(content=[{"value": "a"}]),
        "content.0.type",
        "A content type is required, this tells email clients how to display the email.",
    ),
    (
        body(content=[{"type": "", "value": "a"}]),
        "content.0.type",
        "Your content type must be a string with length of at least one character.",
    ),
    (
        body(content=[{"type": "text/plain; x=y", "value": "a"}]),
        "content.0.type",
        "Cannot contain ';', or CRLF characters.",
    ),
    (
        body(content=[{"type": "text", "value": "a"}]),
        "content.0.type",
        "Invalid type. Expected: type/subtype, given: text.",
    ),
    (
        body(content=[{"type": "text/plain"}]),
        "content.0.value",
        "A content value is required, this is the content of the email you are sending.",
    ),
    (
        body(content=[{"type": "text/plain", "value": ""}]),
        "content.0.value",
        "The content value must be a string at least one character in length.",
    ),
    (body(content=[_HTML, _TEXT]), "content.1.value", ORDER),
    # people who write
    (
        body(from_=ABSENT),
        "from",
        "The from object must be provided for every email send. It is an object that requires the email "
        f"parameter, but may also contain a name parameter. {EXAMPLE}.",
    ),
    (
        body(from_={"name": "x"}),
        "from.email",
        "The from object must at least have an email parameter with a valid email address and may also "
        f"contain a name parameter. {EXAMPLE}.",
    ),
    (body(from_="a@b.test"), "from", "Invalid type. Expected: object, given: string."),
    (
        body(reply_to={"name": "x"}),
        "reply_to",
        "The reply_to object, when used, must at least have an email parameter with a valid email address "
        f"and it may also contain a name parameter. {EXAMPLE}",
    ),
    (
        body({"from": {"email": "x@elsewhere.test"}}),
        f"{P}.0.from.email",
        "The from email of a personalization must be of the same domain as the from email.",
    ),
    (
        body(reply_to=ANN, reply_to_list=[ANN]),
        "reply_to_list",
        "You can use either the reply_to property or reply_to_list property but not both.",
    ),
    # settings of mail
    (
        mail_setting("bcc", enable=True, email="bad"),
        "mail_settings.bcc.email",
        f"The bcc email recipient object must at least have an email address and may also contain a name. "
        f"{EXAMPLE}.",
    ),
    (
        mail_setting("bcc", enable=True),
        "mail_settings.bcc.email",
        "You must include a recipient object when using the bcc mail setting.",
    ),
    (
        mail_setting("bcc", enable=1, email="a@b.test"),
        "mail_settings.bcc.enable",
        "The bcc enable param should be a boolean value.",
    ),
    *(
        (
            mail_setting(name, enable="yes"),
            f"mail_settings.{name}.enable",
            f"The {title} enable param should be a boolean value.",
        )
        for name, title in (
            ("bypass_list_management", "bypass list management"),
            ("footer", "footer"),
            ("sandbox_mode", "sandbox mode"),
            ("spam_check", "spam check"),
        )
    ),
    (
        mail_setting("footer", enable=True, html=1),
        "mail_settings.footer.html",
        "The text/html version of your footer should be a string.",
    ),
    (
        mail_setting("footer", enable=True, text=1),
        "mail_settings.footer.text",
        "The text/plain version of your footer should be a string.",
    ),
    (
        mail_setting("spam_check", enable=True, threshold=5, post_to_url=5),
        "mail_settings.spam_check.post_to_url",
        "The spam check url must be a string.",
    ),
    (
        mail_setting("spam_check", enable=True, threshold=5),
        "mail_settings.spam_check.post_to_url",
        "You must include the url to post to when using the spam check mail setting.",
    ),
    (
        mail_setting("spam_check", enable=True, threshold=5, post_to_url="ftp://x"),
        "mail_settings.spam_check.post_to_url",
        "The `post_to_url` parameter must start with `http://` or `https://`.",
    ),
    (
        mail_setting("spam_check", enable=True, threshold=11, post_to_url="http://x"),
        "mail_settings.spam_check.threshold",
        "The spam check threshold is between 1 and 10, with the lower numbers being the most strict "
        "filtering.",
    ),
    (
        mail_setting("spam_check", enable=True, post_to_url="http://x"),
        "mail_settings.spam_check.threshold",
        "You must include the spam check threshold  when using the spam check mail setting.",
    ),
    # settings of tracking
    (
        tracking("click_tracking", enable="x"),
        "tracking_settings.click_tracking.enable",
        "The click tracking enable param should be a boolean value.",
    ),
    (
        tracking("click_tracking", enable=True, enable_text="x"),
        "tracking_settings.click_tracking.enable_text",
        "The click tracking enable text must be a boolean value.",
    ),
    (
        tracking("ganalytics", enable=1),
        "tracking_settings.ganalytics.enable",
        "The Google Analytics enable param must be a boolean value.",
    ),
    *(
        (
            tracking("ganalytics", enable=True, **{name: 5}),
            f"tracking_settings.ganalytics.{name}",
            f"The Google Analytics {name} must be a string value.",
        )
        for name in ("utm_source", "utm_medium", "utm_term", "utm_content", "utm_campaign")
    ),
    (
        tracking("open_tracking", enable="x"),
        "tracking_settings.open_tracking.enable",
        "The open tracking enable param should be a boolean value.",
    ),
    (
        tracking("open_tracking", enable=True, substitution_tag=5),
        "tracking_settings.open_tracking.substitution_tag",
        "The open tracking substitution tag must be a string.",
    ),
    (
        tracking("subscription_tracking", enable="x"),
        "tracking_settings.subscription_tracking.enable",
        "The subscription tracking enable param should be a boolean value.",
    ),
    (
        tracking("subscription_tracking", enable=True, html=5),
        "tracking_settings.subscription_tracking.html",
        "The subscription tracking unsubscribe content for text/html messages must be a string.",
    ),
    (
        tracking("subscription_tracking", enable=True, text=5),
        "tracking_settings.subscription_tracking.text",
        "The subscription tracking unsubscribe content for text/plain messages must be a string.",
    ),
    (
        tracking("subscription_tracking", enable=True, substitution_tag=5),
        "tracking_settings.subscription_tracking.substitution_tag",
        "The subscription tracking substitution tag must be a string value.",
    ),
]


async def test_each_mistake_is_told_in_the_services_words_with_its_field(api: Api) -> None:
    for call, field, message in CASES:
        reply = await api.call("POST", SEND, key=api.full, json=call)
        assert reply.status == 400, (field, message)
        errors = reply.json()["errors"]
        fragment = ".".join(["message", *(word for word in field.split(".") if not word.isdigit())])
        help_url = f"http://{HOST}/v3/mail/errors.html#{fragment}"
        assert {"message": message, "field": field, "help": help_url} in errors, errors
    assert api.accepted() == []


async def test_one_answer_names_all_mistakes(api: Api) -> None:
    call = body({"to": [{}], "send_at": "x"}, from_=ABSENT, subject="", content=[], asm={"group_id": "a"})
    errors = (await api.call("POST", SEND, key=api.full, json=call)).json()["errors"]
    assert [error["field"] for error in errors] == [
        "from",
        f"{P}.0.to.0.email",
        f"{P}.0.send_at",
        "subject",
        "content",
        "asm.group_id",
    ]


@pytest.mark.parametrize(
    ("octets", "status", "message"),
    [
        (b"{", 400, "Bad Request"),
        (b"", 400, "Bad Request"),
        (b"[]", 400, "Bad Request"),
        (b'"x"', 400, "Bad Request"),
        (b'{"a": NaN}', 400, "Bad Request"),
        (b'{"subject": "\\ud800"}', 400, "Bad Request"),
        (b"[" * 100_000, 400, "Bad Request"),
        (b'{"subject": "\xff"}', 415, "Invalid UTF8 in request"),
    ],
    ids=["broken", "empty", "array", "text", "nan", "surrogate", "deep", "latin-1"],
)
async def test_what_is_no_json_object_is_a_bad_request(
    api: Api, octets: bytes, status: int, message: str
) -> None:
    headers = {"Content-Type": "application/json"}
    reply = await api.call("POST", SEND, key=api.full, body=octets, headers=headers)
    assert (reply.status, reply.json()) == (
        status,
        {"errors": [{"message": message, "field": None, "help": None}]},
    )


async def test_a_header_that_stands_twice_is_told(api: Api) -> None:
    text = json.dumps(body(headers={"X-A": "1"})).replace('"X-A": "1"', '"X-A": "1", "X-A": "2"')
    headers = {"Content-Type": "application/json"}
    reply = await api.call("POST", SEND, key=api.full, body=text.encode(), headers=headers)
    assert reply.json()["errors"][0]["message"] == "The headers cannot contain duplicate keys."


@pytest.mark.parametrize(
    "call",
    [
        body({"to": [ANN], "cc": [], "bcc": None} | {"cc": None}),
        body({"to": [{"email": f"a{n}@there.test"} for n in range(1000)]}),
        body(subject=ABSENT, personalizations=[{**TO, "subject": "x"}]),
        body(send_at=1),
        body(from_={"email": f"x@{DOMAIN}", "name": 'Ünï; "Quote", Inc'}),
        body(content=[_TEXT, _HTML, {"type": "text/x-amp-html", "value": "c"}]),
        body(content=[{"type": "text/calendar", "value": "BEGIN:VCALENDAR"}]),
        file(type="text/csv; charset=utf-8; name=a.csv"),
        file(filename="", content="aGk=\r\n"),
        body(mail_settings={"bcc": {"enable": False}}),
        body(reply_to_list=[ANN, {"email": "b@there.test"}]),
        body(unknown_key=1),
    ],
)
async def test_what_is_allowed_is_accepted(api: Api, call: dict[str, Any]) -> None:
    reply = await api.call("POST", SEND, key=api.full, json=call)
    assert reply.status == 202, reply.text
