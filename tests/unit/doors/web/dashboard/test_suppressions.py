"""The pages of suppressed addresses, the allow list and unsubscribe groups."""

from __future__ import annotations

import pytest

from posthouse.desk import suppressions
from posthouse.desk.suppressions import Place
from posthouse.model.account import Role
from posthouse.model.suppression import SuppressionKind
from unit.doors.api.calling import OTHER
from unit.doors.web.dashboard.desk import Desk

LISTS = "/accounts/default/suppressions"
GROUPS = "/accounts/default/groups"
HOSTILE = "<script>alert(1)</script>"


async def _put(
    desk: Desk, *addresses: str, detail: str = "", kind: str = "bounce", account: str = ""
) -> None:
    where = Place(SuppressionKind(kind))
    now = desk.api.clock.now()
    await desk.api.write(suppressions.add, account or desk.api.account_id, addresses, where, now, detail)


def _listed(desk: Desk) -> list[tuple[str, ...]]:
    return desk.api.rows("select address, kind, domain, scope from suppression order by address, kind")


async def test_W_01_addresses_are_added_found_and_removed(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(
        await browser.open(LISTS),
        "Add addresses",
        addresses="Ann@good.test\nbob@good.test",
        detail="asked us",
    )
    assert "2 addresses are on the list now." in page.text
    page = await browser.open(f"{LISTS}?text=ann&kind=unsubscribe")
    assert "ann@good.test" in page.text and "asked us" in page.text and "bob@good.test" not in page.text
    page = await browser.press(page, "Remove")
    assert "1 row is off the lists" in page.text
    assert _listed(desk) == [("bob@good.test", "unsubscribe", "", "")]


async def test_W_01_several_ticked_rows_are_removed_and_no_other_row_of_their_addresses(desk: Desk) -> None:
    await _put(desk, "ann@good.test", "bob@good.test", "eve@good.test")
    await _put(desk, "ann@good.test", kind="complaint")
    browser = await desk.browser()
    page = await browser.open(f"{LISTS}?kind=bounce")
    rows = [form.fields["row"] for form in page.forms if form.button == "Remove"]
    token = page.form("Remove the ticked").fields["token"]
    page = await browser.post(LISTS, {"token": token, "do": "remove", "row": rows[:2]})
    assert "2 rows are off the lists" in page.text
    assert [row[:2] for row in _listed(desk)] == [("ann@good.test", "complaint"), ("eve@good.test", "bounce")]


async def test_nothing_ticked_is_told(desk: Desk) -> None:
    await _put(desk, "ann@good.test")
    browser = await desk.browser()
    page = await browser.press(await browser.open(LISTS), "Remove the ticked")
    assert page.status == 400 and "Tick the rows to take off." in page.text


async def test_W_01_long_lists_come_page_by_page(desk: Desk) -> None:
    await _put(desk, *[f"person{number:03}@good.test" for number in range(150)])
    browser = await desk.browser()
    page = await browser.open(LISTS)
    assert "person099@" in page.text and "person100@" not in page.text
    page = await browser.open(LISTS + page.link("next"))
    assert "person100@" in page.text and "person149@" in page.text and "Next page" not in page.text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("kind=nonsense", "There is no list of that kind"),
        ("group=77", "There is no group 77 here."),
        ("group=x", "A group is named by its number."),
        ("since=yesterday", "Not a time"),
        ("after=!!", "This is not a cursor"),
        ("tag=a&group=1", "Choose a tag or a group"),
    ],
)
async def test_a_search_that_makes_no_sense_says_why(desk: Desk, query: str, sentence: str) -> None:
    page = await (await desk.browser()).open(f"{LISTS}?{query}")
    assert page.status == 400 and sentence in page.text


async def test_S13_what_a_receiving_host_said_is_shown_as_text(desk: Desk) -> None:
    await _put(desk, "ann@good.test", detail=f"550 {HOSTILE}")
    page = await (await desk.browser()).open(LISTS)
    assert HOSTILE in page.text and HOSTILE not in page.html


async def test_S20_another_accounts_rows_are_neither_seen_nor_removed(desk: Desk) -> None:
    await _put(desk, "ann@good.test", account=desk.api.other_id)
    theirs = await desk.browser(account=OTHER)
    row = (await theirs.open(f"/accounts/{OTHER}/suppressions")).form("Remove").fields["row"]
    browser = await desk.browser()
    page = await browser.open(LISTS)
    assert "ann@good.test" not in page.text
    token = page.form("Add addresses").fields["token"]
    page = await browser.post(LISTS, {"token": token, "do": "remove", "row": row})
    assert "0 rows are off the lists" in page.text and _listed(desk)


@pytest.mark.parametrize("path", ["", "/import", "/allowed"])
async def test_a_viewer_looks_and_has_no_buttons(desk: Desk, path: str) -> None:
    await _put(desk, "ann@good.test")
    browser = await desk.browser(Role.VIEWER)
    page = await browser.open(f"{LISTS}{path}")
    assert page.status == 200 and [form.action for form in page.forms] == ["/sign-out"]
    token = page.form("Sign out").fields["token"]
    do = {"": "add", "/import": "import", "/allowed": "add"}[path]
    page = await browser.post(f"{LISTS}{path}", {"token": token, "do": do, "addresses": "x@good.test"})
    assert page.status == 403 and len(_listed(desk)) == 1


# Files


async def test_W_01_a_file_is_imported_with_a_report_of_what_was_left_out(desk: Desk) -> None:
    content = (
        b"address,kind,domain\nann@good.test,bounce,shop.test\nnobody,bounce,\nbob@good.test,complaint,\n"
    )
    browser = await desk.browser()
    page = await browser.attach(await browser.open(f"{LISTS}/import"), "Import", "file", content)
    assert page.status == 200 and "Rows read 3 On lists now 2 Left out 1" in page.text
    assert "3 left out not an address" in page.text
    assert [row[0] for row in _listed(desk)] == ["ann@good.test", "bob@good.test"]


async def test_a_trial_import_changes_nothing(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{LISTS}/import")
    page = await browser.attach(page, "Import", "file", b"ann@good.test\n", kind="bounce", dry="yes")
    assert "Could be taken 1" in page.text and not _listed(desk)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "Choose a CSV file"), (b"reason,created\nfull,2026\n", "This file has no addresses")],
)
async def test_a_file_that_makes_no_sense_is_told(desk: Desk, content: bytes, sentence: str) -> None:
    browser = await desk.browser()
    page = await browser.attach(await browser.open(f"{LISTS}/import"), "Import", "file", content)
    assert page.status == 400 and sentence in page.text


async def test_S12_a_file_that_is_too_large_is_refused_and_its_memory_given_back(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{LISTS}/import")
    page = await browser.attach(page, "Import", "file", b"a" * (26 * 1024 * 1024))
    assert page.status == 413 and "at most 25 MB" in page.text
    assert desk.api.parts.budget.held_bytes == 0


async def test_S12_files_wait_while_the_memory_for_bodies_is_taken(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{LISTS}/import")
    desk.api.parts.budget.held_bytes = desk.api.parts.budget.limit_bytes
    page = await browser.attach(page, "Import", "file", b"ann@good.test\n", kind="bounce")
    assert page.status == 503 and "try again" in page.text and not _listed(desk)


async def test_W_01_an_export_has_every_row_and_comes_back_by_an_import(desk: Desk) -> None:
    await _put(desk, "+ann@good.test", "bob@good.test", detail="=HYPERLINK(1)")
    browser = await desk.browser()
    page = await browser.open(f"{LISTS}/export")
    assert page.header("content-type").startswith("text/csv") and "attachment" in page.header(
        "content-disposition"
    )
    assert "'+ann@good.test," in page.html and ",'=HYPERLINK(1)" in page.html
    before = desk.api.rows("select * from suppression order by address")
    await desk.api.write(
        suppressions.remove, desk.api.account_id, ["+ann@good.test", "bob@good.test"], Place()
    )
    await browser.attach(await browser.open(f"{LISTS}/import"), "Import", "file", page.html.encode())
    assert desk.api.rows("select * from suppression order by address") == before


async def test_an_export_of_what_was_searched_for_has_only_that(desk: Desk) -> None:
    await _put(desk, "ann@good.test")
    await _put(desk, "bob@good.test", kind="complaint")
    page = await (await desk.browser()).open(f"{LISTS}/export?kind=complaint")
    assert "bob@" in page.html and "ann@" not in page.html


# Allowed


async def test_W_01_what_is_allowed_is_added_and_removed(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(f"{LISTS}/allowed")
    page = await browser.fill(page, "Allow", values="ann@good.test good.test", detail="our own")
    assert "Allowed: ann@good.test, @good.test." in page.text
    await browser.press(page, "Remove", value="@good.test")
    assert desk.api.rows("select value from allowed") == [("ann@good.test",)]


# Groups


async def test_W_01_a_group_is_added_changed_and_removed(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.fill(await browser.open(GROUPS), "Add group", name="Offers", description="Weekly")
    assert "The group Offers has the number 1." in page.text
    await desk.api.write(
        suppressions.add, desk.api.account_id, ["ann@good.test"], Place(scope="group:1"), 0.0
    )
    page = await browser.open(GROUPS)
    assert "1 Offers Weekly where a message asks for it 1" in page.text
    page = await browser.fill(page, "Change group", name="Deals", default="yes")
    assert "Deals" in page.text and "on every page of preferences" in page.text
    page = await browser.press(page, "Remove", number="1")
    assert "There are no groups yet." in page.text and not _listed(desk)


async def test_a_viewer_sees_groups_without_buttons(desk: Desk) -> None:
    await desk.api.write(suppressions.add_group, desk.api.account_id, HOSTILE)
    browser = await desk.browser(Role.VIEWER)
    page = await browser.open(GROUPS)
    assert HOSTILE in page.text and HOSTILE not in page.html
    assert [form.action for form in page.forms] == ["/sign-out"]
    token = page.form("Sign out").fields["token"]
    assert (await browser.post(GROUPS, {"token": token, "do": "remove", "number": "1"})).status == 403
