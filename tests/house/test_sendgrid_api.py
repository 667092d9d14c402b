"""SG-11: SendGrid's official Python client, unmodified and pointed here, sends what its README shows."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from python_http_client.exceptions import BadRequestsError, ForbiddenError, UnauthorizedError
from sendgrid import SendGridAPIClient
from sendgrid.helpers import mail as sg_mail

from house.copies import Copy, read
from house.hook_receivers import Receivers
from house.house import DOMAIN, House, Houses, unique, until, with_settings
from house.mailgun import people, visit
from posthouse.rules.permissions import FULL

SENDER = f"orders@{DOMAIN}"
SETTINGS = with_settings(
    {"delivery": {"post_private_networks": "allow"}, "hooks": {"plain_http": "allow"}},
)


@pytest.fixture(scope="module")
def house(shared_houses: Houses) -> House:
    return shared_houses.new(settings=SETTINGS)


@pytest.fixture(scope="module")
def sg(house: House) -> SendGridAPIClient:
    words = [word for permission in FULL for word in ("--permission", permission)]
    key = house.cli("key", "add", *words)["key"]
    return SendGridAPIClient(key, host=f"http://127.0.0.1:{house.port_http}")


@pytest.fixture(scope="module")
def receivers() -> Iterator[Receivers]:
    with Receivers() as running:
        yield running


def sent(sg: SendGridAPIClient, mail: sg_mail.Mail) -> str:
    """The id of an accepted call."""
    response = sg.send(mail)
    assert (response.status_code, response.body) == (202, b"")
    return str(response.headers["X-Message-Id"])


def copy_for(house: House, recipient: str) -> Copy:
    return read(house.internet.copy(recipient))


def simple(to: Any, **more: Any) -> sg_mail.Mail:
    usual = {"subject": "Grüße", "plain_text_content": "and easy", "html_content": "<b>and easy</b>"}
    return sg_mail.Mail(from_email=SENDER, to_emails=to, **{**usual, **more})


def template_of(sg: SendGridAPIClient, generation: str, subject: str, html: str) -> str:
    made = json.loads(
        sg.client.templates.post(request_body={"name": unique(), "generation": generation}).body
    )
    version = {"name": "first", "active": 1, "subject": subject, "html_content": html}
    assert sg.client.templates._(made["id"]).versions.post(request_body=version).status_code == 201
    return str(made["id"])


def test_SG_11_the_official_client_sends_the_mail_of_its_readme(house: House, sg: SendGridAPIClient) -> None:
    [to] = people("simple")
    id = sent(sg, simple(to))
    copy = copy_for(house, to)
    assert copy.field("Message-ID") == f"<{id}@{DOMAIN}>"
    assert (copy.field("From"), copy.field("To"), copy.field("Subject")) == (SENDER, to, "Grüße")
    assert (copy.text.strip(), copy.html.strip()) == ("and easy", "<b>and easy</b>")


def test_SG_11_the_official_client_sends_a_mail_without_its_helper(
    house: House, sg: SendGridAPIClient
) -> None:
    [to] = people("plain")
    data = {
        "personalizations": [{"to": [{"email": to}], "subject": "Hello World"}],
        "from": {"email": SENDER},
        "content": [{"type": "text/plain", "value": "Hello, Email!"}],
    }
    assert sg.client.mail.send.post(request_body=data).status_code == 202
    copy = copy_for(house, to)
    assert (copy.field("Subject"), copy.text.strip()) == ("Hello World", "Hello, Email!")


def test_SG_11_the_official_client_sends_to_many_one_by_one(house: House, sg: SendGridAPIClient) -> None:
    ann, bob = people("ann", "bob")
    to = [
        sg_mail.To(ann, "Ann", substitutions={"-name-": "Ann", "-github-": "a"}),
        sg_mail.To(bob, "Bob", substitutions={"-name-": "Bob", "-github-": "b"}, subject="Only for -name-"),
    ]
    texts = {"plain_text_content": "I am -name- of -github-", "html_content": "<b>-name-, -time-</b>"}
    mail = simple(to, subject="Hi -name-", is_multiple=True, **texts)
    mail.add_substitution(sg_mail.Substitution("-time-", "now"))
    sent(sg, mail)
    for recipient, name, subject in ((ann, "Ann", "Hi Ann"), (bob, "Bob", "Only for Bob")):
        copy = copy_for(house, recipient)
        assert (copy.field("To"), copy.field("Subject")) == (f"{name} <{recipient}>", subject)
        assert copy.text.strip() == f"I am {name} of {name[0].lower()}"
        assert copy.html.strip() == f"<b>{name}, now</b>"


def kitchen_sink(to: list[str], other: str, group: int) -> sg_mail.Mail:
    """What the example of that name holds."""
    mail = simple(sg_mail.To(to[0], "Example, User0"), subject="common")
    mail.add_cc(sg_mail.Cc(to[1], "Copy"))
    mail.add_bcc(sg_mail.Bcc(to[2]))
    mail.header = sg_mail.Header("X-Test1", "Test1", p=0)
    mail.custom_arg = sg_mail.CustomArg("marketing", "false", p=0)
    mail.add_personalization(own := sg_mail.Personalization(), 1)
    own.add_to(sg_mail.To(other, "Other"))
    own.subject = "own"
    own.add_header(sg_mail.Header("X-Test1", "Test2"))
    own.add_custom_arg(sg_mail.CustomArg("marketing", "true"))
    mail.reply_to = sg_mail.ReplyTo("help@shop.test", "Help")
    mail.header = sg_mail.Header("X-All", "all")
    mail.custom_arg = sg_mail.CustomArg("campaign", "welcome")
    mail.category = [sg_mail.Category("Category 1"), sg_mail.Category("Category 2")]
    mail.section = sg_mail.Section("%section1%", "nothing")
    mail.send_at = sg_mail.SendAt(int(time.time()) - 60)
    mail.asm = sg_mail.Asm(sg_mail.GroupId(group), sg_mail.GroupsToDisplay([group]))
    mail.attachment = sg_mail.Attachment(
        sg_mail.FileContent(base64.b64encode(b"%PDF").decode()),
        sg_mail.FileName("balance_001.pdf"),
        sg_mail.FileType("application/pdf"),
        sg_mail.Disposition("attachment"),
    )
    mail.add_attachment(
        sg_mail.Attachment(
            sg_mail.FileContent(base64.b64encode(b"\x89PNG").decode()),
            sg_mail.FileName("banner.png"),
            sg_mail.FileType("image/png"),
            sg_mail.Disposition("inline"),
            sg_mail.ContentId("Banner"),
        )
    )
    mail.mail_settings = settings = sg_mail.MailSettings()
    settings.bypass_list_management = sg_mail.BypassListManagement(False)
    settings.footer_settings = sg_mail.FooterSettings(
        True, sg_mail.FooterText("the footer"), sg_mail.FooterHtml("<i>the footer</i>")
    )
    settings.sandbox_mode = sg_mail.SandBoxMode(False)
    mail.tracking_settings = tracking = sg_mail.TrackingSettings()
    tracking.click_tracking = sg_mail.ClickTracking(True, False)
    tracking.open_tracking = sg_mail.OpenTracking(True, sg_mail.OpenTrackingSubstitutionTag("open_tracking"))
    tracking.subscription_tracking = sg_mail.SubscriptionTracking(False)
    tracking.ganalytics = sg_mail.Ganalytics(True, sg_mail.UtmSource("here"))
    return mail


def test_SG_11_the_official_client_sends_the_kitchen_sink(house: House, sg: SendGridAPIClient) -> None:
    *to, other = people("to", "cc", "bcc", "other")
    wanted = {"name": unique("group"), "description": "news"}
    group = json.loads(sg.client.asm.groups.post(request_body=wanted).body)["id"]
    mail = kitchen_sink(to, other, group)
    id = sent(sg, mail)
    for recipient, subject, own in (*((each, "common", "Test1") for each in to), (other, "own", "Test2")):
        copy = copy_for(house, recipient)
        assert copy.field("Subject") == subject
        assert (copy.field("X-Test1"), copy.field("X-All")) == (own, "all")
        assert copy.field("Reply-To") == "Help <help@shop.test>"
        assert "the footer" in copy.text and "<i>the footer</i>" in copy.html
        parts = {part.get_content_type(): part for part in copy.message.walk()}
        pdf, png = parts["application/pdf"], parts["image/png"]
        assert (pdf.get_filename(), pdf.get_content()) == ("balance_001.pdf", b"%PDF")
        assert pdf.get_content_disposition() == "attachment"
        assert (png["Content-ID"], png.get_content_disposition()) == ("<Banner>", "inline")
        assert copy.fields("Bcc") == copy.fields("X-SMTPAPI") == []
    first, second = copy_for(house, to[2]), copy_for(house, other)
    assert first.field("To") == f'"Example, User0" <{to[0]}>'
    assert first.field("Cc") == f"Copy <{to[1]}>"
    assert first.field("Message-ID") == f"<{id}@{DOMAIN}>" != second.field("Message-ID")
    for recipient, value in ((to[0], "false"), (other, "true")):
        event = house.event(recipient, "delivered")
        assert event["metadata"] == {"campaign": "welcome", "marketing": value}
        assert event["tags"] == mail.get()["categories"]  # in the order that the client makes


def test_SG_11_the_official_client_sends_a_dynamic_template(house: House, sg: SendGridAPIClient) -> None:
    ann, bob = people("ann", "bob")
    template = template_of(sg, "dynamic", "For {{name}}", "<p>{{name}}:{{#each items}} {{this}}{{/each}}</p>")
    to = [sg_mail.To(ann, dynamic_template_data={"name": "Ann", "items": ["a", "b"]}), sg_mail.To(bob)]
    to[1].dynamic_template_data = {"name": "<Bob>", "items": []}
    mail = sg_mail.Mail(from_email=SENDER, to_emails=to, is_multiple=True)
    mail.template_id = template
    sent(sg, mail)
    for recipient, subject, html in ((ann, "Ann", "Ann: a b"), (bob, "<Bob>", "&lt;Bob&gt;:")):
        copy = copy_for(house, recipient)
        assert copy.field("Subject") == f"For {subject}"
        assert copy.html.strip() == f"<p>{html}</p>"


def test_SG_11_the_official_client_sends_a_legacy_template(house: House, sg: SendGridAPIClient) -> None:
    [to] = people("legacy")
    mail = simple(sg_mail.To(to, substitutions={"-name-": "Ann"}), subject="Hello")
    mail.template_id = template_of(sg, "legacy", "Shop: <%subject%>", "<p>-name-</p><%body%>")
    sent(sg, mail)
    copy = copy_for(house, to)
    assert copy.field("Subject") == "Shop: Hello"
    assert copy.html.strip() == "<p>Ann</p><b>and easy</b>"


def test_SG_11_the_official_client_schedules_and_tries_in_the_sandbox(
    house: House, sg: SendGridAPIClient
) -> None:
    [later], [tried] = people("later"), people("tried")
    mail = simple(later)
    mail.send_at = sg_mail.SendAt(int(time.time()) + 3600)
    sent(sg, mail)
    assert house.state(later) == "waiting"
    house.cli("queue", "drop", "--recipient", later)
    mail = simple(tried)
    mail.mail_settings = sg_mail.MailSettings(sandbox_mode=sg_mail.SandBoxMode(True))
    assert sg.send(mail).status_code == 200
    assert house.events(tried, "accepted") == []


def test_SG_11_the_id_of_a_call_begins_the_id_in_its_events(
    house: House, sg: SendGridAPIClient, receivers: Receivers
) -> None:
    first, second = people("first", "second")
    path = f"/{unique()}"
    wanted = {"enabled": True, "url": receivers.url(path), "delivered": True, "processed": True}
    settings = sg.client.user.webhooks.event.settings
    hook = json.loads(settings.post(request_body=wanted).body)["id"]
    mail = simple([sg_mail.To(first), sg_mail.To(second)], is_multiple=True)
    mail.custom_arg = sg_mail.CustomArg("order", "7")
    mail.category = sg_mail.Category("told")
    id = sent(sg, mail)

    def told() -> Any:
        posts = [list(post.body) for post in receivers.to(path)]
        events = [event for events in posts for event in events if event["email"] in (first, second)]
        return events if len({(event["email"], event["event"]) for event in events}) == 4 else None

    for event in until(told, 20, "posts about both"):
        assert event["sg_message_id"].startswith(f"{id}.")
        assert (event["order"], event["category"]) == ("7", ["told"])
    assert settings._(hook).delete().status_code == 204


def errors(raised: pytest.ExceptionInfo[Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = raised.value.to_dict["errors"]
    return found


def test_SG_11_the_official_client_reads_every_mistake_and_where_it_is_explained(
    house: House, sg: SendGridAPIClient
) -> None:
    data = {
        "personalizations": [{"to": [{"email": "x"}]}],
        "from": {"email": SENDER},
        "content": [{"type": "text/plain", "value": ""}],
    }
    with pytest.raises(BadRequestsError) as raised:
        sg.client.mail.send.post(request_body=data)
    found = errors(raised)
    assert [each["field"] for each in found] == [
        "personalizations.0.to.0.email",
        "subject",
        "content.0.value",
    ]
    for each in found:
        page = visit(house, each["help"].partition("#")[0])
        assert (page.status, page.kind) == (200, "text/html; charset=utf-8")
        assert f'id="{each["help"].partition("#")[2]}"' in page.body.decode()


def test_SG_11_the_official_client_tells_strangers_from_the_forbidden(
    house: House, sg: SendGridAPIClient
) -> None:
    with pytest.raises(ForbiddenError) as raised:
        sg.send(sg_mail.Mail("x@strange.test", "a@good.test", "s", "p"))
    assert [(each["field"], each["help"]) for each in errors(raised)] == [("from", None)]
    stranger = SendGridAPIClient("SG.no.key", host=f"http://127.0.0.1:{house.port_http}")
    with pytest.raises(UnauthorizedError) as refused:
        stranger.send(simple("a@good.test"))
    assert errors(refused)[0]["message"] == "The provided authorization grant is invalid, expired, or revoked"
