"""dialects.sendgrid.calls: a key of mail/send and its twin of X-SMTPAPI mean the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from posthouse.dialects.dialect import Context, Header
from posthouse.dialects.sendgrid import calls
from unit.doors.api.calling import DOMAIN, Api

CONTEXT = Context(
    now=1_000_000.0,
    recipients=["a@there.test", "b@there.test"],
    domain=DOMAIN,
    is_own=True,
    groups=frozenset({3, 4}),
    owns_pool=lambda name: name == "fast",
)


def setting(filter_name: str, **values: Any) -> dict[str, Any]:
    return {"filters": {filter_name: {"settings": values}}}


def mail(name: str, **values: Any) -> dict[str, Any]:
    return {"mail_settings": {name: values}}


def tracking(name: str, **values: Any) -> dict[str, Any]:
    return {"tracking_settings": {name: values}}


UTM = {"utm_source": "s", "utm_medium": "m", "utm_term": "t", "utm_content": "c", "utm_campaign": "x"}
TWINS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"categories": ["a", "b"]}, {"category": ["a", "b"]}),
    ({"custom_args": {"k": "v"}}, {"unique_args": {"k": "v"}}),
    ({"substitutions": {"-n-": "Ann"}}, {"sub": {"-n-": ["Ann", "Ann"]}}),
    ({"sections": {":s": "text"}}, {"section": {":s": "text"}}),
    ({"send_at": 1_000_500}, {"send_at": 1_000_500}),
    ({"send_at": 5}, {"send_at": 5}),
    ({"batch_id": "b1"}, {"batch_id": "b1"}),
    ({"asm": {"group_id": 3}}, {"asm_group_id": 3}),
    (
        {"asm": {"group_id": 3, "groups_to_display": [3, 4]}},
        {"asm_group_id": 3, "asm_groups_to_display": [3, 4]},
    ),
    ({"ip_pool_name": "fast"}, {"ip_pool": "fast"}),
    (
        {"template_id": "d-1", "dynamic_template_data": {"a": {"b": [1]}}},
        {**setting("templates", enable=1, template_id="d-1"), "dynamic_template_data": {"a": {"b": [1]}}},
    ),
    (
        mail("footer", enable=True, text="t", html="h"),
        setting("footer", **{"text/plain": "t", "text/html": "h"}),
    ),
    (mail("footer", enable=False, text="t"), setting("footer", **{"enable": 0, "text/plain": "t"})),
    (mail("bcc", enable=True, email="c@there.test"), setting("bcc", enable=1, email="c@there.test")),
    (
        mail("bcc", enable=True, email={"email": "c@there.test"}),
        setting("bcc", enable=1, email="c@there.test"),
    ),
    (mail("sandbox_mode", enable=True), setting("drop", enable=1)),
    (
        mail("spam_check", enable=True, threshold=3, post_to_url="http://x"),
        setting("spamcheck", enable=1, maxscore=3, url="http://x"),
    ),
    *(
        (mail(f"bypass_{name}_management", enable=True), setting(f"bypass_{name}_management", enable=1))
        for name in ("list", "spam", "bounce", "unsubscribe")
    ),
    (
        tracking("click_tracking", enable=True, enable_text=True),
        setting("clicktrack", enable=1, enable_text=True),
    ),
    (tracking("click_tracking", enable=False), setting("clicktrack", enable=0)),
    (
        tracking("open_tracking", enable=True, substitution_tag="%o%"),
        setting("opentrack", enable=1, replace="%o%"),
    ),
    (tracking("open_tracking", enable=False), setting("opentrack", enable=0)),
    (
        tracking("subscription_tracking", enable=True, text="x <% %>", html="<% y %>"),
        setting("subscriptiontrack", **{"enable": 1, "text/plain": "x <% %>", "text/html": "<% y %>"}),
    ),
    (
        tracking("subscription_tracking", enable=True, substitution_tag="[u]"),
        setting("subscriptiontrack", enable=1, replace="[u]"),
    ),
    (tracking("ganalytics", enable=True, **UTM), setting("ganalytics", enable=1, **UTM)),
]


@pytest.mark.parametrize(("call", "header"), TWINS, ids=[str(pair[0])[:70] for pair in TWINS])
def test_a_key_of_a_call_and_its_twin_are_read_the_same(call: dict[str, Any], header: dict[str, Any]) -> None:
    asked = calls.read([calls.header_of(calls.twin(call))], CONTEXT)
    told = calls.read([Header("x-smtpapi", "X-SMTPAPI", json.dumps(header).encode())], CONTEXT)
    assert asked.values == told.values
    assert asked.people_by_place == told.people_by_place
    assert asked.decided == told.decided
    assert (asked.template is None) == (told.template is None)
    assert asked.rejection is told.rejection is None


def test_own_data_of_a_call_is_taken_without_substitutions() -> None:
    call = {"custom_args": {"k": "-n-"}, "substitutions": {"-n-": "Ann"}}
    asked = calls.read([calls.header_of(calls.twin(call))], CONTEXT)
    assert asked.values["metadata"] == {"k": "-n-"}
    assert all(each.metadata is None for each in asked.people_by_place or ())


async def test_the_options_of_a_call_are_those_of_its_letter(api: Api) -> None:
    call = {
        "personalizations": [{"to": [{"email": "a@there.test"}], "custom_args": {"k": "v"}}],
        "from": {"email": f"shop@{DOMAIN}"},
        "subject": "x",
        "content": [{"type": "text/html", "value": "<p>x</p>"}],
        "categories": ["c"],
        **tracking("click_tracking", enable=True),
    }
    await api.call("POST", "/v3/mail/send", key=api.full, json=call)
    posted = api.accepted_one().options
    assert (posted.tags, posted.metadata) == (("c",), {"k": "v"})
    assert (posted.track_clicks, posted.dialect) == ("html", "sendgrid")
