"""doors.api.sendgrid.errors_page: each error of mail/send leads to a place of the page."""

from __future__ import annotations

import re

from posthouse.dialects.sendgrid.mail_rules.sentences import SENTENCES
from posthouse.doors.api.sendgrid.errors_page import PATH
from posthouse.doors.api.sendgrid.phrases import fragment
from unit.doors.api.calling import Api


async def test_the_page_is_open_and_has_a_place_for_each_field(api: Api) -> None:
    reply = await api.call("GET", PATH)
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    places = re.findall(r'id="([^"]+)"', reply.body.decode())
    assert places == [fragment(field) for field in SENTENCES]
    assert len(set(places)) == len(places)


async def test_the_fields_of_a_wrong_call_lead_to_places(api: Api) -> None:
    wrong = {
        "personalizations": [{"to": [{"email": "x", "name": 1}], "cc": [], "subject": "", "headers": 1}],
        "from": {},
        "reply_to": {"email": "x"},
        "attachments": [{"content": "!", "disposition": "x", "content_id": 1, "type": ""}],
        "categories": 1,
        "asm": {"group_id": "x", "groups_to_display": 1},
        "mail_settings": {"bcc": {"enable": True}, "spam_check": {"enable": True}, "footer": {"html": 1}},
        "tracking_settings": {"ganalytics": {"enable": 1, "utm_source": 1}},
    }
    reply = await api.call("POST", "/v3/mail/send", key=api.full, json=wrong)
    links = [error["help"].partition("#") for error in reply.json()["errors"]]
    assert len(links) > 20
    assert {page.endswith(PATH) for page, _, _ in links} == {True}
    assert {place for _, _, place in links} <= {fragment(field) for field in SENTENCES}
