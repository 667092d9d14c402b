"""Unsubscribe groups of `X-SMTPAPI`: who is left out, the links and where they lead."""

from __future__ import annotations

import re
from typing import Any

import pytest

from house.copies import Copy
from house.house import House, unique
from house.smtpapi import BASE, HTML, Shop, Visit, our_links

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(scope="module")
def shop(house: House) -> Shop:
    return Shop.at(house)


def reader() -> str:
    return f"{unique('reader')}@good.test"


def one_click_link(copy: Copy) -> str:
    """The https link of List-Unsubscribe; asserts RFC 8058's other field."""
    assert copy.field("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    (link,) = re.findall(r"<(https://[^<>]+)>", copy.field("List-Unsubscribe"))
    return str(link)


def gets(shop: Shop, recipient: str, options: Any, **content: str) -> bool:
    """Does a letter with these options reach that recipient?"""
    before = len(shop.house.internet.to(recipient))
    message_id = shop.send(recipient, options, **content)
    dropped = [each for each in shop.house.events(recipient, "dropped") if each["message_id"] == message_id]
    if dropped:
        assert [(each["reason"], each["code"]) for each in dropped] == [("suppress-unsubscribe", 606)]
        return False
    shop.house.internet.copies(recipient, before + 1)
    return True


def form_scopes(page: Visit) -> list[str]:
    assert page.status == 200 and '<form method="post">' in page.text
    return re.findall(r'name="(?:scope|wanted|nothing)" value="([^"]*)"', page.text)


# -- who is left out -------------------------------------------------------------------------------------


def test_SG_04_members_who_left_the_group_get_nothing_and_the_others_do(shop: Shop) -> None:
    group, other = shop.group(), shop.group()
    left, left_other, left_all, stays = reader(), reader(), reader(), reader()
    shop.house.cli("suppression", "add", left, "--group", str(group))
    shop.house.cli("suppression", "add", left_other, "--group", str(other))
    shop.house.cli("suppression", "add", left_all)
    names = [left, left_other, left_all, stays]
    shop.send("placeholder@good.test", {"to": names, "asm_group_id": group})
    for recipient in (left_other, stays):
        shop.house.event(recipient, "delivered")
    for recipient in (left, left_all):
        assert shop.drop_reason(recipient) == "suppress-unsubscribe"
        assert shop.house.event(recipient, "dropped")["code"] == 606
    assert gets(shop, left, {}) and gets(shop, left, {"asm_group_id": other})
    assert not gets(shop, left_all, {})


def test_SG_04_D_06_the_story_of_dropped_mail_begins_with_its_acceptance(shop: Shop) -> None:
    recipient = reader()
    shop.house.cli("suppression", "add", recipient)
    for _ in range(8):
        shop.send(recipient)
    assert [event["kind"] for event in shop.house.events(recipient)] == ["accepted", "dropped"] * 8


def test_SG_04_a_new_group_works_at_once(shop: Shop) -> None:
    group = shop.house.cli("group", "add", unique("group"))["number"]
    assert gets(shop, reader(), {"asm_group_id": group})


def test_SG_04_addresses_are_compared_without_case(shop: Shop) -> None:
    group = shop.group()
    recipient = f"{unique('Reader')}.MIXED@good.test"
    shop.house.cli("suppression", "add", recipient.lower(), "--group", str(group))
    assert not gets(shop, recipient, {"asm_group_id": group})


@pytest.mark.parametrize("written", ["{}", '"{}"', "{}.0"])
def test_SG_04_the_number_may_be_written_as_text(shop: Shop, written: str) -> None:
    group, recipient = shop.group(), reader()
    shop.house.cli("suppression", "add", recipient, "--group", str(group))
    assert not gets(shop, recipient, '{"asm_group_id": ' + written.format(group) + "}")


@pytest.mark.parametrize("absent", [{}, [], "", None, 0], ids=repr)
def test_SG_04_no_group_is_no_group(shop: Shop, absent: Any) -> None:
    copy = shop.sent(reader(), {"asm_group_id": absent}, html=HTML)
    assert our_links(copy.html) == [] and copy.fields("List-Unsubscribe") == []


# -- what is in the mail ---------------------------------------------------------------------------------

KINDS = ("group_unsubscribe", "global_unsubscribe", "preferences")
WORDS = ("Unsubscribe From This List", "Unsubscribe From All Emails", "Manage Email Preferences")


@pytest.mark.parametrize("blank", ["", " "], ids=["tight", "wide"])
def test_SG_04_tags_become_links_in_both_parts(shop: Shop, blank: str) -> None:
    def tag(name: str) -> str:
        return f"<%{blank}asm_{name}{blank}%>"

    group = shop.group()
    text = "".join(f"{tag(f'{kind}_url')}\n{tag(f'{kind}_raw_url')}\n" for kind in KINDS)
    inside = "".join(f'<p>{tag(f"{kind}_url")}</p><a href="{tag(f"{kind}_raw_url")}">x</a>' for kind in KINDS)
    html = f"<html><body>{inside}</body></html>\n"
    copy = shop.sent(reader(), {"asm_group_id": group}, text=text, html=html)
    assert "<%" not in copy.text + copy.html
    in_text, in_html = our_links(copy.text), our_links(copy.html)
    assert copy.text.split() == in_text and in_text[::2] == in_text[1::2] and len(set(in_text)) == 3
    for number, words in enumerate(WORDS):
        url, raw = in_html[2 * number : 2 * number + 2]
        assert f'<p><a href="{url}">{words}</a></p><a href="{raw}">x</a>' in copy.html
    assert in_html == in_text


def test_SG_04_without_tags_two_links_stand_at_the_end_of_both_parts(shop: Shop) -> None:
    copy = shop.sent(reader(), {"asm_group_id": shop.group()}, html=HTML)
    group_link, preferences = our_links(copy.html)
    assert our_links(copy.text) == [group_link, preferences]
    assert copy.text.startswith("Dear customer,\n\nyour order is on its way.\n")
    assert re.search(
        f'<a href="{group_link}">Unsubscribe</a>.*<a href="{preferences}">.*</a>.*</body>',
        copy.html,
        re.DOTALL,
    )


def test_SG_04_a_part_with_a_tag_gets_no_more_links(shop: Shop) -> None:
    html = "<html><body><%asm_group_unsubscribe_url%></body></html>"
    copy = shop.sent(reader(), {"asm_group_id": shop.group()}, html=html)
    assert len(our_links(copy.html)) == 1


def test_SG_04_without_a_group_the_tags_are_text(shop: Shop) -> None:
    copy = shop.sent(reader(), {"category": "x"}, text="<%asm_group_unsubscribe_raw_url%>\n")
    assert copy.text == "<%asm_group_unsubscribe_raw_url%>\n"


def test_SG_04_SG_01_tags_work_inside_of_values_sections_and_footers(shop: Shop) -> None:
    options = {
        "asm_group_id": shop.group(),
        "sub": {"-u-": ["<%asm_group_unsubscribe_raw_url%>"], "-s-": ["-section-"]},
        "section": {"-section-": "[<%asm_preferences_raw_url%>]"},
        "filters": {
            "footer": {"settings": {"enable": 1, "text/plain": "Leave: <%asm_global_unsubscribe_raw_url%>"}}
        },
    }
    copy = shop.sent(reader(), options, text="-u- -s-\n")
    links = our_links(copy.text)
    assert len(set(links)) == 3
    assert copy.text.split() == [links[0], f"[{links[1]}]", "Leave:", links[2]]


def test_SG_04_each_copy_has_links_of_its_own_which_are_never_tracked(shop: Shop) -> None:
    names = [reader(), reader()]
    options = {
        "to": names,
        "asm_group_id": shop.group(),
        "filters": {
            "clicktrack": {"settings": {"enable": 1, "enable_text": True}},
            "ganalytics": {"settings": {"enable": 1, "utm_source": "x"}},
        },
    }
    html = '<html><body><a href="https://shop.test/">shop</a> <%asm_group_unsubscribe_url%></body></html>'
    shop.send("placeholder@good.test", options, html=html)
    found = []
    for recipient in names:
        click, unsubscribe = our_links(shop.copy(recipient).html)
        assert click.startswith(f"{BASE}/c/") and unsubscribe.startswith(f"{BASE}/u/")
        found.append(unsubscribe)
    assert found[0] != found[1]


def test_SG_04_list_unsubscribe_leads_to_the_group_and_is_signed(shop: Shop) -> None:
    group, recipient = shop.group(), reader()
    copy = shop.sent(recipient, {"asm_group_id": group})
    link = one_click_link(copy)
    (signed,) = re.findall(r"\bh=([^;]*)", copy.field("DKIM-Signature"))
    names = {name.strip().lower() for name in signed.split(":")}
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= names
    assert shop.visit(link, "POST", ONE_CLICK).status == 200
    assert not gets(shop, recipient, {"asm_group_id": group})
    assert gets(shop, recipient, {}) and gets(shop, recipient, {"asm_group_id": shop.group()})


def test_SG_04_the_authors_own_list_unsubscribe_stays(shop: Shop) -> None:
    own = "<mailto:leave@shop.test>"
    copy = shop.sent(reader(), {"asm_group_id": shop.group()}, fields=[f"List-Unsubscribe: {own}"])
    assert copy.fields("List-Unsubscribe") == [own]


def test_SG_04_SG_09_subscription_texts_give_way_to_the_group(shop: Shop) -> None:
    settings = {"enable": 1, "text/plain": "Bye: <% %>", "text/html": "<% Bye %>"}
    options = {"asm_group_id": shop.group(), "filters": {"subscriptiontrack": {"settings": settings}}}
    recipient = reader()
    message_id = shop.send(recipient, options, html=HTML)
    copy = shop.copy(recipient)
    assert "Bye" not in copy.text + copy.html and len(our_links(copy.html)) == 2
    assert any("group" in words for words in shop.told(message_id, "filters.subscriptiontrack"))


# -- where the links lead --------------------------------------------------------------------------------


def links_of(shop: Shop, recipient: str, **options: Any) -> list[str]:
    """The group's link, the one out of everything, the preferences: as delivered."""
    text = "".join(f"<%asm_{kind}_raw_url%>\n" for kind in KINDS)
    return our_links(shop.sent(recipient, options, text=text).text)


@pytest.mark.parametrize("place", [0, 1, 2], ids=KINDS)
def test_SG_04_looking_at_a_page_changes_nothing(shop: Shop, place: int) -> None:
    group, recipient = shop.group(), reader()
    link = links_of(shop, recipient, asm_group_id=group)[place]
    for method in ("GET", "HEAD", "GET"):
        assert shop.visit(link, method).status == 200
    assert recipient in shop.visit(link).text
    assert shop.house.cli_rows("suppression", "list", "--address", recipient) == []
    assert gets(shop, recipient, {"asm_group_id": group})
    assert shop.house.events(recipient, "unsubscribed") == []


def test_SG_04_the_form_of_the_groups_link_leaves_the_group_alone(shop: Shop) -> None:
    name = unique("Weekly <news> & ")
    group, recipient = shop.group(name=name), reader()
    link = links_of(shop, recipient, asm_group_id=group, category="news", unique_args={"n": "1"})[0]
    page = shop.visit(link)
    assert form_scopes(page) == [f"group:{group}"]
    assert name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in page.text
    assert shop.visit(link, "POST", {"scope": f"group:{group}"}).status == 200
    event = shop.house.event(recipient, "unsubscribed")
    assert event["scopes"] == [f"group:{group}"]
    assert (event["client_ip"], event["user_agent"]) == ("127.0.0.1", "Reader/1.0")
    assert (event["tags"], event["metadata"]) == (["news"], {"n": "1"})
    (row,) = shop.house.cli_rows("suppression", "list", "--address", recipient)
    assert (row["kind"], row["scope"]) == ("unsubscribe", f"group:{group}")
    assert not gets(shop, recipient, {"asm_group_id": group}) and gets(shop, recipient, {})
    shop.house.cli("suppression", "remove", recipient)
    assert gets(shop, recipient, {"asm_group_id": group})


def test_SG_04_the_global_link_ends_all_mail_of_the_account(shop: Shop) -> None:
    group, recipient = shop.group(), reader()
    link = links_of(shop, recipient, asm_group_id=group)[1]
    assert form_scopes(shop.visit(link)) == ["global"]
    assert shop.visit(link, "POST", ONE_CLICK).status == 200
    assert not gets(shop, recipient, {"asm_group_id": group}) and not gets(shop, recipient, {})
    assert not gets(shop, recipient, {}, sender=f"orders@{shop.domain()}")


def test_SG_04_the_page_of_preferences_shows_the_groups_that_the_mail_names(shop: Shop) -> None:
    first, second, third = (shop.group() for _ in range(3))
    recipient = reader()
    link = links_of(shop, recipient, asm_group_id=first, asm_groups_to_display=[second, first])[2]
    assert form_scopes(shop.visit(link)) == [f"group:{second}", f"group:{first}", "global"]
    refused = shop.visit(link, "POST", {"scope": [f"group:{third}"]})
    assert refused.status == 400 and shop.house.events(recipient, "unsubscribed") == []
    assert shop.visit(link, "POST", {"scope": [f"group:{second}", f"group:{first}"]}).status == 200
    assert not gets(shop, recipient, {"asm_group_id": first})
    assert not gets(shop, recipient, {"asm_group_id": second})
    assert gets(shop, recipient, {"asm_group_id": third})


def test_SG_04_without_groups_to_display_the_page_shows_the_default_ones(shop: Shop) -> None:
    default = shop.group("--default")
    group, recipient = shop.group(), reader()
    link = links_of(shop, recipient, asm_group_id=group)[2]
    scopes = form_scopes(shop.visit(link))
    shop.house.cli("group", "remove", str(default))
    assert set(scopes) == {f"group:{group}", f"group:{default}", "global"}


SHOWN: dict[str, tuple[Any, int, bool]] = {
    "a number alone": ("{first}", 1, False),
    "as text": ('["{first}"]', 1, False),
    "unknown ones": ("[{first}, 999999]", 1, True),
    "twice": ("[{first}, {first}]", 1, True),
    "no numbers": ('[{first}, "x", null]', 1, True),
    "more than 25": ("{all}", 25, True),
}


@pytest.fixture(scope="module")
def many(shop: Shop) -> list[int]:
    return [
        *[int(shop.house.cli("group", "add", unique("group "))["number"]) for _ in range(25)],
        shop.group(),
    ]


@pytest.mark.parametrize(("written", "count", "warns"), SHOWN.values(), ids=SHOWN.keys())
def test_SG_04_odd_lists_of_groups_to_display_show_what_can_be_shown(
    shop: Shop, many: list[int], written: str, count: int, warns: bool
) -> None:
    recipient = reader()
    shown = written.replace("{first}", str(many[0])).replace("{all}", str(many))
    header = f'{{"asm_group_id": {many[1]}, "asm_groups_to_display": {shown}}}'
    message_id = shop.send(recipient, header, text="<%asm_preferences_raw_url%>\n")
    (link,) = our_links(shop.copy(recipient).text)
    scopes = form_scopes(shop.visit(link))
    assert scopes == [*[f"group:{number}" for number in many[:count]], "global"]
    assert bool(shop.warnings(message_id)) == warns


def test_SG_04_the_link_of_a_group_that_was_removed_leads_out_of_everything(shop: Shop) -> None:
    group, recipient = shop.group(), reader()
    link = links_of(shop, recipient, asm_group_id=group)[0]
    shop.house.cli("group", "remove", str(group))
    shop.catch_up()
    assert form_scopes(shop.visit(link)) == ["global"]
    assert shop.visit(link, "POST", ONE_CLICK).status == 200
    assert not gets(shop, recipient, {})


@pytest.mark.parametrize("change", ["cut", "one sign", "other use", "nonsense"])
def test_SG_04_a_link_that_was_changed_leads_nowhere(shop: Shop, change: str) -> None:
    group, recipient = shop.group(), reader()
    link = links_of(shop, recipient, asm_group_id=group)[0]
    middle = len(f"{BASE}/u/") + 12
    changed = {
        "cut": link[:-4],
        "one sign": link[:middle] + ("A" if link[middle] != "A" else "B") + link[middle + 1 :],
        "other use": link.replace("/u/", "/c/"),
        "nonsense": f"{BASE}/u/nonsense",
    }[change]
    for method, form in (("GET", None), ("POST", ONE_CLICK)):
        answer = shop.visit(changed, method, form)
        assert answer.status == (405 if change == "other use" and form else 404), answer
    assert shop.house.events(recipient, "unsubscribed") == []
