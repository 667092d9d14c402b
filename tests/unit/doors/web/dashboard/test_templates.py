"""The pages of templates: editor, versions, preview, comparison, test letters."""

from __future__ import annotations

import json

import pytest

from posthouse.desk import templates
from posthouse.desk.templates import Draft
from posthouse.model.account import Role
from posthouse.store.templates import Found
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

LIST = "/accounts/default/templates"
PREVIEW = f"{LIST}/preview"
HOSTILE = "<script>alert(1)</script>"


async def _store(
    desk: Desk, tag: str = "initial", html: str = "<p>Hello {{name}}</p>", account: str = ""
) -> str:
    """The template's id."""
    draft = Draft(account or desk.api.account_id, "", "welcome", tag, html, fields={"Subject": "Hi {{name}}"})
    made: Found = await desk.api.write(templates.store_version, desk.api.ids, desk.api.clock.now(), draft)
    return made.template.id


def _versions(desk: Desk) -> list[tuple[str, int]]:
    return desk.api.rows("select tag, is_active from template_version order by created_at, tag")


async def test_W_01_a_template_is_stored_and_shown(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{LIST}/new")
    page = await browser.fill(page, "Store template", do="add", name="welcome", html="<p>Hi {{name}}</p>")
    assert "The template welcome is stored." in page.text and "active" in page.text
    assert "welcome" in (await browser.open(LIST)).text and _versions(desk) == [("initial", 1)]


async def test_W_01_versions_are_stored_used_and_removed(desk: Desk) -> None:
    one = f"{LIST}/{await _store(desk)}"
    browser = await desk.browser()
    page = await browser.fill(await browser.open(one), "Store version", do="store", html="<p>New</p>")
    assert "Version v2 is stored." in page.text and _versions(desk) == [("initial", 1), ("v2", 0)]
    page = await browser.press(page, "Use it", version="v2")
    assert "Version v2 is used from now on." in page.text
    page = await browser.press(page, "Remove", version="initial")
    assert "Version initial is removed." in page.text and _versions(desk) == [("v2", 1)]
    page = await browser.press(page, "Remove template")
    assert page.path == LIST and _versions(desk) == []


async def test_a_mistake_in_a_template_is_told_with_its_line_and_what_was_typed_stays(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{LIST}/new")
    wrong = "<p>\n{{#if name}}\n</p>"
    page = await browser.fill(page, "Store template", do="add", name="welcome", html=wrong)
    assert page.status == 400 and "in the HTML text" in page.text and "line 2" in page.text
    assert page.form("Store template").fields["html"].replace("\r\n", "\n").strip() == wrong


async def test_a_second_template_of_a_name_is_refused(desk: Desk) -> None:
    await _store(desk)
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(f"{LIST}/new"), "Store template", do="add", name="welcome", tag="v9"
    )
    assert page.status == 400 and "There is a template welcome already." in page.text


async def test_W_01_the_preview_fills_in_the_sample_values(desk: Desk) -> None:
    browser = await desk.browser()
    form = (await browser.open(f"{LIST}/new")).form("Store template").fields
    typed = form | {"html": "<p>Hi {{name}}</p>", "text": "Hi {{name}}", "subject": "For {{name}}"}
    typed["sample"] = json.dumps({"name": HOSTILE})
    page = await browser.post(PREVIEW, typed | {"do": "words"})
    assert page.status == 200 and f"For {HOSTILE}" in page.text and HOSTILE not in page.html
    page = await browser.post(PREVIEW, typed | {"do": "frame"})
    assert "Hi" in page.text and HOSTILE not in page.html
    assert page.header("content-security-policy").startswith("sandbox;")


async def test_S13_scripts_of_a_template_never_run_in_its_preview(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{LIST}/new")
    assert 'sandbox=""' in page.html.partition('<iframe name="preview"')[2].partition(">")[0]
    html = f'{HOSTILE}<img src="https://evil.test/x.png" onerror="alert(1)"><p>Fine</p>'
    page = await browser.post(PREVIEW, page.form("Store template").fields | {"html": html, "do": "frame"})
    policy = page.header("content-security-policy")
    assert "Fine" in page.text and policy.startswith("sandbox; default-src 'none';")
    assert "script" not in policy and "img-src data:;" in policy


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"html": "{{#each x}}"}, "line 1"),
        ({"sample": "{"}, "The sample values cannot be read:"),
        ({"sample": "[1]"}, "should be an object"),
        ({"sample": "[" * 5000}, "nested too deep"),
        ({"sample": '{"a":' * 30 + "1" + "}" * 30}, "more than 20 levels"),
    ],
)
@pytest.mark.parametrize("do", ["words", "frame"])
async def test_the_preview_says_what_is_wrong(
    desk: Desk, do: str, typed: dict[str, str], sentence: str
) -> None:
    browser = await desk.browser()
    form = (await browser.open(f"{LIST}/new")).form("Store template").fields
    page = await browser.post(PREVIEW, form | typed | {"do": do})
    assert page.status == 200 and sentence in page.text


async def test_W_01_two_versions_are_compared_line_by_line(desk: Desk) -> None:
    id = await _store(desk, html="<p>same</p>\n<p>old</p>\n")
    await _store(desk, "v2", html=f"<p>same</p>\n{HOSTILE}\n")
    page = await (await desk.browser()).open(f"{LIST}/{id}/compare?one=initial&two=v2")
    assert "-<p>old</p>" in page.text and f"+{HOSTILE}" in page.text and HOSTILE not in page.html


async def test_W_01_a_test_letter_goes_through_the_pipeline(desk: Desk) -> None:
    id = await _store(desk)
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(f"{LIST}/{id}"), "Send test letter", to="ann@good.test", sample='{"name": "Ann"}'
    )
    assert "The test letter to ann@good.test is accepted" in page.text
    shown = desk.api.accepted_one()
    assert shown.recipients == ["ann@good.test"] and shown.message.domain == "shop.test"
    assert shown.message.sender == "test@shop.test" and shown.mail["From"] == "test@shop.test"
    assert shown.options.tags == ("template-test",) and shown.message.subject == "Hi Ann"
    (entry,) = desk.api.rows("select what, about from audit where what = 'templates.test'")
    assert tuple(entry) == ("templates.test", f"{id} initial ann@good.test")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"to": "nobody"}, "to[0]"),
        ({"from_domain": "other.test"}, "verified domain"),
        ({"sample": "{"}, "sample"),
    ],
)
async def test_a_test_letter_that_cannot_go_is_refused(
    desk: Desk, typed: dict[str, str], sentence: str
) -> None:
    id = await _store(desk)
    browser = await desk.browser()
    values = {"to": "ann@good.test"} | typed
    page = await browser.fill(await browser.open(f"{LIST}/{id}"), "Send test letter", **values)
    assert page.status == 400 and sentence in page.text and not desk.api.accepted()


async def test_S20_another_accounts_template_is_answered_like_none(desk: Desk) -> None:
    id = await _store(desk, account=desk.api.other_id)
    browser = await desk.browser()
    texts = [(await browser.open(f"{LIST}/{name}")).text for name in (id, "nobodys", "welcome")]
    assert texts[0] == texts[1] == texts[2] and "There is no such template here." in texts[0]
    assert (await (await desk.browser(account=OTHER)).open(f"/accounts/{OTHER}/templates/{id}")).status == 200


async def test_a_viewer_reads_and_previews_but_changes_nothing(desk: Desk) -> None:
    one = f"{LIST}/{await _store(desk)}"
    await _store(desk, "v2")
    browser = await desk.browser(Role.VIEWER)
    page = await browser.open(one)
    assert [form.button for form in page.forms] == ["Sign out", "Show preview"]
    token = page.form("Sign out").fields["token"]
    for do in ("store", "activate", "remove-version", "remove", "test"):
        page = await browser.post(one, {"token": token, "do": do, "version": "v2", "to": "ann@good.test"})
        assert page.status == 403, do
    assert _versions(desk) == [("initial", 1), ("v2", 0)] and not desk.api.accepted()
