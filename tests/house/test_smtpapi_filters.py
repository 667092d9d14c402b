"""The filters of `X-SMTPAPI`, and the pool to send from: what each does to the mail that arrives."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from dkim_oracle import verified_signatures
from house.copies import Copy
from house.house import DOMAIN, House, unique
from house.smtpapi import BASE, HTML, TEXT, Shop, dns_records, filtered, mail, our_links

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
NO_TAGS = "<html><p>No body tags here</p></html>"


@pytest.fixture(scope="module")
def shop(house: House) -> Shop:
    return Shop.at(house)


def reader() -> str:
    return f"{unique('reader')}@good.test"


def squeezed(text: str) -> str:
    """Without the white space that parts may be joined with."""
    return re.sub(r"\s+", " ", text).strip()


# -- SG-07: ip_pool --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pool(shop: Shop) -> str:
    shop.house.cli("ip", "add", "127.0.77.7")
    shop.house.cli("pool", "add", "newsletters", "--ip", "127.0.77.7")
    shop.catch_up()
    return "newsletters"


def source(shop: Shop, recipient: str) -> str:
    return shop.house.internet.copy(recipient).peer.rpartition(":")[0]


def test_SG_07_mail_leaves_from_an_address_of_its_pool(shop: Shop, pool: str) -> None:
    recipient = reader()
    message_id = shop.send(recipient, {"ip_pool": pool})
    assert source(shop, recipient) == "127.0.77.7"
    assert shop.warnings(message_id) == []


@pytest.mark.parametrize("name", ["nobody knows it", 7, {}, [], "", None], ids=repr)
def test_SG_07_without_such_a_pool_it_leaves_as_usual(shop: Shop, pool: str, name: Any) -> None:
    recipient = reader()
    message_id = shop.send(recipient, {"ip_pool": name})
    assert source(shop, recipient) == "127.0.0.1"
    assert bool(shop.warnings(message_id)) == bool(name)


# -- footer ----------------------------------------------------------------------------------------------


def test_SG_09_footer_stands_at_the_end_of_both_parts_with_its_tags_replaced(shop: Shop) -> None:
    html = "<html><body><p>In a <code>&lt;/body></code></p></BODY></html>\n"
    footer = {"enable": 1, "text/html": "<p>Bye, -name- ©</p>", "text/plain": "Bye, -name- ©"}
    options = filtered(footer=footer) | {"sub": {"-name-": ["Ann"]}}
    copy = shop.sent(reader(), options, html=html)
    assert re.search(r"</p>\s*<p>Bye, Ann ©</p>\s*</BODY></html>", copy.html)
    assert re.fullmatch(r"Dear customer,\n\nyour order is on its way.\n+Bye, Ann ©\n*", copy.text)


def test_SG_09_footer_without_a_body_tag_stands_at_the_end(shop: Shop) -> None:
    copy = shop.sent(reader(), filtered(footer={"text/html": "<i>bye</i>"}), text="", html="<p>Hello</p>")
    assert squeezed(copy.html).replace(" ", "") == "<p>Hello</p><i>bye</i>"


@pytest.mark.parametrize("part", ["text/html", "text/plain"])
def test_SG_09_footer_changes_only_the_part_that_it_has_a_text_for(shop: Shop, part: str) -> None:
    copy = shop.sent(reader(), filtered(footer={"enable": True, part: "FOOT"}), html=HTML)
    assert ("FOOT" in copy.html, "FOOT" in copy.text) == (part == "text/html", part == "text/plain")


ENCODED = [("base64", "utf-8"), ("quoted-printable", "iso-8859-1"), ("8bit", "utf-8"), ("7bit", "us-ascii")]


@pytest.mark.parametrize(("cte", "charset"), ENCODED, ids=str)
def test_SG_09_footer_speaks_any_script_in_any_encoding(shop: Shop, cte: str, charset: str) -> None:
    hello = "Hello" if charset == "us-ascii" else "Grüße"
    footer = {"enable": 1, "text/html": "<p>再见</p>", "text/plain": "再见"}
    copy = shop.sent(
        reader(),
        filtered(footer=footer),
        text=f"{hello}\n",
        html=f"<html><body>{hello}</body></html>",
        cte=cte,
        charset=charset,
    )
    assert copy.text.split() == [hello, "再见"]
    assert squeezed(copy.html).replace(" ", "") == f"<html><body>{hello}<p>再见</p></body></html>"


# -- template, templates ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["<% body %>", "<%body%>"])
def test_SG_09_template_frames_the_html_part_with_its_tags_replaced(shop: Shop, tag: str) -> None:
    frame = f"<html><body><h1>Shop for -name-</h1>{tag}<footer/></body></html>"
    options = filtered(template={"enable": 1, "text/html": frame}) | {"sub": {"-name-": ["Ann"]}}
    copy = shop.sent(reader(), options, html="<p>Hi -name-</p>")
    assert squeezed(copy.html).replace("> <", "><") == (
        "<html><body><h1>Shop for Ann</h1><p>Hi Ann</p><footer/></body></html>"
    )
    assert copy.text.startswith("Dear customer")


def test_SG_09_template_with_a_footer_frames_first(shop: Shop) -> None:
    frame = "<html><body><% body %><hr></body></html>"
    options = filtered(
        footer={"enable": 1, "text/html": "<i>bye</i>"}, template={"enable": 1, "text/html": frame}
    )
    copy = shop.sent(reader(), options, html="<p>Hi</p>")
    assert re.sub(r"\s", "", copy.html) == "<html><body><p>Hi</p><hr><i>bye</i></body></html>"


def stored(shop: Shop, folder: Path, engine: str, html: str, text: str = "", subject: str = "") -> str:
    """The id of a new template."""
    words = ["template", "add", unique("t"), "--engine", engine, "--subject", subject]
    for option, content in (("--file", html), ("--text-file", text)):
        if content:
            path = folder / unique("source")
            path.write_text(content)
            words += [option, str(path)]
    return str(shop.house.cli(*words)["id"])


FRAME = "<html><body><h1><% subject %> for -name-</h1><%body%></body></html>"


def test_SG_09_templates_puts_the_mail_into_the_stored_frame(shop: Shop, tmp_path: Path) -> None:
    id = stored(shop, tmp_path, "wrapper", FRAME, "== <%body%> ==\n", "[Shop] <%subject%>")
    options = filtered(templates={"enable": 1, "template_id": id}) | {"sub": {"-name-": ["Ann"]}}
    recipient = reader()
    message_id = shop.send(
        recipient, options, subject="Hi -name-", text="Text -name-\n", html="<p>-name-</p>"
    )
    copy = shop.copy(recipient)
    assert copy.field("Subject") == "[Shop] Hi Ann"
    assert "for Ann</h1><p>Ann</p></body>" in re.sub(r"\s*\n\s*", "", copy.html)
    assert squeezed(copy.text) == "== Text Ann =="
    assert shop.house.event(recipient, "accepted")["template"]
    assert shop.house.cli("message", message_id)["message"]["template"]


def test_SG_09_templates_takes_the_active_version_and_a_frame_without_a_place_is_the_mail(
    shop: Shop, tmp_path: Path
) -> None:
    id = stored(shop, tmp_path, "wrapper", "<p>first</p>")
    newer = tmp_path / "newer"
    newer.write_text("<p>second</p>")
    options = filtered(templates={"template_id": id})
    for words, wanted in (((), "first"), (("--active",), "second")):
        name = shop.house.cli("template", "show", id)["name"]
        shop.house.cli(
            "template",
            "add",
            name,
            "--engine",
            "wrapper",
            "--file",
            str(newer),
            "--version",
            unique("v"),
            *words,
        )
        assert squeezed(shop.sent(reader(), options, html=HTML).html) == f"<p>{wanted}</p>"


def test_SG_09_templates_leaves_a_plain_letter_plain(shop: Shop, tmp_path: Path) -> None:
    id = stored(shop, tmp_path, "wrapper", FRAME, "== <%body%> ==\n")
    copy = shop.sent(reader(), filtered(templates={"template_id": id}), text="Only text\n")
    assert copy.html == "" and squeezed(copy.text) == "== Only text =="


def test_SG_09_templates_of_the_new_kind_get_their_data(shop: Shop, tmp_path: Path) -> None:
    name = f"d-{unique()}"
    source = tmp_path / "t.html"
    source.write_text(
        "<html><body>Hi {{name}}{{#if vip}}!{{/if}} {{#each items}}[{{n}}]{{/each}} "
        '<a href="{{{unsubscribe}}}">off</a></body></html>'
    )
    shop.house.cli("template", "add", name, "--file", str(source), "--subject", "For {{name}}")
    group = shop.group()
    use = filtered(templates={"enable": 1, "template_id": name}) | {"asm_group_id": group}
    given = {"dynamic_template_data": {"name": "Ann & Co", "vip": True, "items": [{"n": 1}, {"n": 2}]}}
    copy = shop.sent(reader(), use | given, html="<p>own</p>", subject="")
    assert "Hi Ann &amp; Co! [1][2] " in copy.html and "own" not in copy.html
    assert f'<a href="{BASE}/u/' in copy.html
    assert copy.field("Subject") == "For Ann & Co"
    names = [reader(), reader()]
    shop.send("placeholder@good.test", use | {"to": names, "sub": {"-name-": ["Bob", "Cem"]}}, subject="")
    for recipient, person in zip(names, ("Bob", "Cem"), strict=True):
        copy = shop.copy(recipient)
        assert f"Hi {person} " in copy.html and copy.field("Subject") == f"For {person}"


# -- subscriptiontrack -----------------------------------------------------------------------------------

SUBSCRIPTION = {
    "enable": 1,
    "text/html": "<p>Tired? <% Leave now %> or <% %></p>",
    "text/plain": "Leave: <% %>",
}


def test_SG_09_subscriptiontrack_adds_its_texts_with_links_and_the_field(shop: Shop) -> None:
    recipient = reader()
    copy = shop.sent(recipient, filtered(subscriptiontrack=SUBSCRIPTION), html=HTML)
    (link,) = set(our_links(copy.html + copy.text))
    assert f'<p>Tired? <a href="{link}">Leave now</a> or {link}</p>' in copy.html
    assert re.search(rf"its way.\n+Leave: {re.escape(link)}\n*$", copy.text)
    assert link in copy.field("List-Unsubscribe")
    assert copy.field("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    assert shop.visit(link).status == 200
    assert shop.visit(link, "POST", ONE_CLICK).status == 200
    shop.send(recipient, {}, html=HTML)
    assert shop.house.event(recipient, "dropped")["reason"] == "suppress-unsubscribe"


def test_SG_09_subscriptiontrack_has_texts_of_its_own(shop: Shop) -> None:
    copy = shop.sent(reader(), filtered(subscriptiontrack={"enable": "1"}), html=HTML)
    assert len(our_links(copy.html)) == len(our_links(copy.text)) == 1
    assert re.search(r'<a href="[^"]+">Unsubscribe</a></p>\s*</body>', copy.html)


def test_SG_09_subscriptiontrack_replace_puts_the_bare_link_everywhere_and_adds_nothing(shop: Shop) -> None:
    options = filtered(subscriptiontrack=SUBSCRIPTION | {"replace": "[leave]"})
    copy = shop.sent(reader(), options, text="[leave] [leave]\n", html='<a href="[leave]">x</a>')
    link, *others = our_links(copy.html)
    assert others == [] and copy.text == f"{link} {link}\n"
    assert squeezed(copy.html) == f'<a href="{link}">x</a>'
    assert link in copy.field("List-Unsubscribe")
    without = shop.sent(reader(), options, html=HTML)
    assert our_links(without.text + without.html) == [] and without.field("List-Unsubscribe")


def test_SG_09_subscriptiontrack_tag_works_inside_of_a_value(shop: Shop) -> None:
    options = filtered(subscriptiontrack={"enable": 1, "replace": "[leave]"}) | {
        "sub": {"-u-": ["<[leave]>"]}
    }
    copy = shop.sent(reader(), options, text="-u-\n")
    assert copy.text == f"<{our_links(copy.text)[0]}>\n"


def test_SG_09_subscriptiontrack_keeps_the_authors_own_field(shop: Shop) -> None:
    own = "List-Unsubscribe: <https://shop.test/leave>"
    copy = shop.sent(reader(), filtered(subscriptiontrack=SUBSCRIPTION), fields=[own])
    assert copy.fields("List-Unsubscribe") == ["<https://shop.test/leave>"]


def test_SG_09_subscriptiontrack_warns_of_texts_without_a_link(shop: Shop) -> None:
    recipient = reader()
    message_id = shop.send(recipient, filtered(subscriptiontrack={"enable": 1, "text/plain": "Bye"}))
    assert "Bye" in shop.copy(recipient).text
    assert len(shop.warnings(message_id)) == 1


# -- ganalytics ------------------------------------------------------------------------------------------

LINKS = {
    "plain": ("https://shop.test/a", "https://shop.test/a?{utm}"),
    "query": ("https://shop.test/a?b=1&amp;c=2", "https://shop.test/a?b=1&c=2&{utm}"),
    "fragment": ("https://shop.test/a#there", "https://shop.test/a?{utm}#there"),
    "http": ("http://shop.test", "http://shop.test?{utm}"),
    "mail": ("mailto:a@shop.test", "mailto:a@shop.test"),
    "phone": ("tel:+49123", "tel:+49123"),
    "anchor": ("#top", "#top"),
    "relative": ("/a/b", "/a/b"),
    "own scheme": ("shop://open", "shop://open"),
}
UTM = {
    "utm_campaign": "sum mer&",
    "utm_source": "news",
    "utm_medium": "e/mail",
    "utm_term": "ü",
    "utm_content": "c",
}
ADDED = "utm_source=news&utm_medium=e%2Fmail&utm_term=%C3%BC&utm_content=c&utm_campaign=sum%20mer%26"


def page(*links: str) -> str:
    return "<html><body>" + "".join(f'<p><a href="{link}">x</a></p>' for link in links) + "</body></html>"


def test_SG_09_ganalytics_adds_parameters_to_web_links_in_the_documented_order(shop: Shop) -> None:
    copy = shop.sent(
        reader(), filtered(ganalytics={"enable": 1} | UTM), html=page(*[link for link, _ in LINKS.values()])
    )
    wanted = [after.replace("{utm}", ADDED) for _, after in LINKS.values()]
    assert [link.replace("+", "%20") if "utm_" in link else link for link in copy.links] == wanted


def test_SG_09_ganalytics_leaves_what_the_author_wrote_and_unsubscribe_links(shop: Shop) -> None:
    options = filtered(
        ganalytics={"enable": 1, "utm_source": "new", "utm_medium": "m"}, subscriptiontrack={"enable": 1}
    )
    copy = shop.sent(reader(), options, html=page("https://shop.test/?utm_source=old"))
    link, leave = copy.links
    assert link == "https://shop.test/?utm_source=old&utm_medium=m"
    assert our_links(leave) == [leave]


# -- clicktrack ------------------------------------------------------------------------------------------


def followed(shop: Shop, links: list[str]) -> list[str]:
    """Where links lead in the end; ours by way of the house."""
    ends = []
    for link in links:
        if link.startswith(BASE):
            answer = shop.visit(link)
            assert answer.status == 302, answer
            link = answer.location
        ends.append(link)
    return ends


def test_SG_09_clicktrack_leads_web_links_through_us_and_tells_where_to(shop: Shop) -> None:
    recipient = reader()
    copy = shop.sent(
        recipient,
        filtered(clicktrack={"enable": 1}),
        text="See https://shop.test/text\n",
        html=page(*[link for link, _ in LINKS.values()]),
    )
    wanted = [link.replace("&amp;", "&") for link, _ in LINKS.values()]
    tracked = [link for link in wanted if link.startswith("http")]
    assert [link for link in copy.links if not link.startswith(f"{BASE}/c/")] == wanted[4:]
    assert followed(shop, copy.links) == wanted
    assert copy.text == "See https://shop.test/text\n"
    shop.house.event(recipient, "clicked", count=len(tracked))
    events = sorted(shop.house.events(recipient, "clicked"), key=lambda event: event["url_offset"]["index"])
    assert [event["url"] for event in events] == tracked
    assert [event["url_offset"] for event in events] == [
        {"index": number, "type": "html"} for number in range(len(tracked))
    ]
    assert events[0]["user_agent"] == "Reader/1.0"


ODD_LINKS = {
    "single quotes": "<a href='https://shop.test/x'>x</a>",
    "blanks": '<a href = "https://shop.test/x" >x</a>',
    "no quotes": "<a href=https://shop.test/x>x</a>",
    "capitals": '<A HREF="https://shop.test/x">x</A>',
    "other attributes": '<a class="b" data-href="y" href="https://shop.test/x" title=">">x</a>',
    "a line break": '<a\n href="https://shop.test/x">x</a>',
    "area": '<map><area href="https://shop.test/x"></map>',
}


@pytest.mark.parametrize("html", ODD_LINKS.values(), ids=ODD_LINKS.keys())
def test_SG_09_clicktrack_finds_links_however_they_are_written(shop: Shop, html: str) -> None:
    copy = shop.sent(reader(), filtered(clicktrack={"enable": 1}), text="", html=html, cte="base64")
    (link,) = our_links(copy.html)
    assert followed(shop, [link]) == ["https://shop.test/x"]


NO_LINKS = {
    "opted out": '<a clicktracking=off href="https://shop.test/x">x</a>',
    "opted out behind": '<a href="https://shop.test/x" clicktracking="off">x</a>',
    "a comment": '<!-- <a href="https://shop.test/x">x</a> -->',
    "a script": "<script>\"<a href='https://shop.test/x'>\"</script>",
    "a stylesheet": '<link href="https://shop.test/x">',
    "a picture": '<img src="https://shop.test/x">',
}


@pytest.mark.parametrize("html", NO_LINKS.values(), ids=NO_LINKS.keys())
def test_SG_09_clicktrack_leaves_what_is_no_link_and_what_opted_out(shop: Shop, html: str) -> None:
    copy = shop.sent(reader(), filtered(clicktrack={"enable": 1}), text="", html=html)
    assert our_links(copy.html) == [] and "https://shop.test/x" in copy.html
    assert "clicktracking" not in copy.html


@pytest.mark.parametrize("given", [True, "true", 1, "1"], ids=repr)
def test_SG_09_clicktrack_enable_text_tracks_plain_text_too(shop: Shop, given: Any) -> None:
    recipient = reader()
    text = "See https://shop.test/text?a=1, (http://shop.test/b) or shop.test.\n"
    copy = shop.sent(recipient, filtered(clicktrack={"enable": 1, "enable_text": given}), text=text)
    first, second = our_links(copy.text)
    assert copy.text == f"See {first}, ({second}) or shop.test.\n"
    assert followed(shop, [first, second]) == ["https://shop.test/text?a=1", "http://shop.test/b"]
    assert shop.house.event(recipient, "clicked")["url_offset"]["type"] == "text"


@pytest.mark.parametrize("given", [False, "false", 0, "0", "", None, "maybe", []], ids=repr)
def test_SG_09_clicktrack_leaves_plain_text_alone_unless_told(shop: Shop, given: Any) -> None:
    recipient = reader()
    message_id = shop.send(
        recipient,
        filtered(clicktrack={"enable": 1, "enable_text": given}),
        text="See https://shop.test/text\n",
    )
    assert shop.copy(recipient).text == "See https://shop.test/text\n"
    assert bool(shop.warnings(message_id)) == (given in ("maybe", []))


def test_SG_09_SG_01_clicktrack_follows_links_that_values_bring(shop: Shop) -> None:
    names = [reader(), reader()]
    options = filtered(clicktrack={"enable": 1}, ganalytics={"enable": 1, "utm_source": "s"}) | {
        "to": names,
        "sub": {
            "-link-": ['<a href="https://shop.test/1">x</a>', '<a href="https://shop.test/2">x</a>'],
            "-part-": ["a b", "c"],
        },
    }
    html = '<html><body>-link-<a href="https://shop.test/?q=-part-">y</a></body></html>'
    shop.send("placeholder@good.test", options, html=html)
    for recipient, number, part in zip(names, "12", ("a b", "c"), strict=True):
        links = shop.copy(recipient).links
        assert all(link.startswith(f"{BASE}/c/") for link in links)
        ends = followed(shop, links)
        assert ends[0] == f"https://shop.test/{number}?utm_source=s"
        assert ends[1].replace("%20", " ").replace("+", " ") == f"https://shop.test/?q={part}&utm_source=s"


def test_SG_09_clicktrack_follows_a_thousand_links(shop: Shop) -> None:
    links = [f"https://shop.test/{number}" for number in range(1003)]
    copy = shop.sent(reader(), filtered(clicktrack={"enable": 1}), html=page(*links))
    assert len(our_links(copy.html)) == 1000
    assert copy.links[1000:] == links[1000:]
    assert followed(shop, [copy.links[999]]) == links[999:1000]


def test_SG_09_clicktrack_tells_no_other_mails_recipient(shop: Shop) -> None:
    names = [reader(), reader()]
    shop.send(names, filtered(clicktrack={"enable": 1}), html=page("https://shop.test/x"))
    (first,), (second,) = (shop.copy(recipient).links for recipient in names)
    assert first != second
    followed(shop, [second])
    shop.house.event(names[1], "clicked")
    assert shop.house.events(names[0], "clicked") == []


# -- opentrack -------------------------------------------------------------------------------------------


def test_SG_09_opentrack_puts_a_pixel_at_the_end_and_tells_each_opening(shop: Shop) -> None:
    recipient = reader()
    copy = shop.sent(recipient, filtered(opentrack={"enable": 1}), html=HTML)
    (pixel,) = copy.images
    assert pixel.startswith(f"{BASE}/o/")
    assert re.search(r"<p>Dear customer.*<img [^>]*>\s*</body>", copy.html, re.DOTALL)
    for count in (1, 2):
        answer = shop.visit(pixel)
        assert (answer.status, answer.kind) == (200, "image/gif")
        shop.house.event(recipient, "opened", count=count)


def test_SG_09_opentrack_replace_says_where_the_pixel_stands(shop: Shop) -> None:
    options = filtered(opentrack={"enable": 1, "replace": "%pixel%"})
    copy = shop.sent(reader(), options, html="<html><body><p>%pixel%</p><p>[%pixel%]</p></body></html>")
    (pixel,) = copy.images
    assert re.search(r"<p><img [^>]*></p><p>\[\]</p></body>", copy.html) and "%pixel%" not in copy.html
    assert shop.visit(pixel).status == 200
    without = shop.sent(reader(), options, html=HTML)
    assert without.images == []


def test_SG_09_opentrack_without_a_body_tag_stands_last(shop: Shop) -> None:
    copy = shop.sent(reader(), filtered(opentrack={"enable": 1}), text="", html="<p>Hi</p>\n")
    assert re.fullmatch(r"<p>Hi</p>\s*<img [^>]*>\s*", copy.html)


def test_SG_09_opentrack_leaves_plain_mail_plain(shop: Shop) -> None:
    copy = shop.sent(reader(), filtered(opentrack={"enable": 1}))
    assert copy.html == "" and copy.message.get_content_type() == "text/plain"


@pytest.mark.parametrize("wish", ["", "on", "off"])
def test_SG_09_tracking_filters_beat_the_domains_setting(shop: Shop, wish: str) -> None:
    domain = shop.domain("track_clicks=all", "track_opens=yes")
    flag = {"enable": int(wish == "on")}
    options = filtered(clicktrack=flag, opentrack=flag) if wish else {}
    recipient = reader()
    shop.send(
        recipient,
        options,
        text="https://shop.test/t\n",
        html=page("https://shop.test/x"),
        sender=f"me@{domain}",
    )
    copy = shop.copy(recipient)
    ours = f"https://email.{domain}/"
    assert (ours in copy.html) == (wish != "off")
    assert (ours in copy.text) == (wish == "")
    assert len(copy.images) == (wish != "off")


# -- bypass ----------------------------------------------------------------------------------------------

LISTS = ("bounce", "complaint", "unsubscribe", "group")
BYPASSES = {
    "bypass_list_management": {"bounce", "complaint", "unsubscribe", "group"},
    "bypass_bounce_management": {"bounce"},
    "bypass_spam_management": {"complaint"},
    "bypass_unsubscribe_management": {"unsubscribe"},
}


@pytest.mark.parametrize("enable", [1, 0], ids=["on", "off"])
@pytest.mark.parametrize("name", BYPASSES)
def test_SG_09_bypass_filters_pass_over_their_lists_only(shop: Shop, name: str, enable: int) -> None:
    group = str(shop.group())
    names = {kind: reader() for kind in LISTS}
    for kind, recipient in names.items():
        where = ["--group", group] if kind == "group" else ["--kind", kind]
        shop.house.cli("suppression", "add", recipient, *where)
    shop.send(list(names.values()), filtered(**{name: {"enable": enable}}) | {"asm_group_id": int(group)})
    for kind, recipient in names.items():
        if enable and kind in BYPASSES[name]:
            shop.house.event(recipient, "delivered")
        else:
            word = "unsubscribe" if kind == "group" else kind
            assert shop.drop_reason(recipient) == f"suppress-{word}"


def test_SG_09_bypass_filters_add_up(shop: Shop) -> None:
    recipient = reader()
    for kind in ("bounce", "complaint"):
        shop.house.cli("suppression", "add", recipient, "--kind", kind)
    one = {"enable": 1}
    shop.send(recipient, filtered(bypass_bounce_management=one))
    assert shop.drop_reason(recipient) == "suppress-complaint"
    shop.send(recipient, filtered(bypass_bounce_management=one, bypass_spam_management=one))
    shop.house.event(recipient, "delivered")


def test_SG_09_D_07_the_lists_are_asked_in_their_order(shop: Shop) -> None:
    recipient = reader()
    kinds = ["invalid", "bounce", "complaint", "unsubscribe"]
    for kind in reversed(kinds):
        shop.house.cli("suppression", "add", recipient, "--kind", kind)
    for number, kind in enumerate(kinds, start=1):
        shop.send(recipient)
        assert shop.house.event(recipient, "dropped", count=number)["reason"] == f"suppress-{kind}"
        shop.house.cli("suppression", "remove", recipient, "--kind", kind)
    shop.send(recipient)
    shop.house.event(recipient, "delivered")


# -- bcc, drop, dkim -------------------------------------------------------------------------------------


def test_SG_09_bcc_sends_one_hidden_copy_whose_reading_says_nothing(shop: Shop) -> None:
    recipient, boss, other = reader(), reader(), reader()
    options = filtered(
        bcc={"enable": 1, "email": [boss, other, "no address"]},
        opentrack={"enable": 1},
        clicktrack={"enable": 1},
        subscriptiontrack={"enable": 1},
    ) | {"to": [f"Ann <{recipient}>"], "sub": {"-name-": ["Ann"]}}
    message_id = shop.send(
        "placeholder@good.test", options, text="Hi -name-\n", html=page("https://shop.test/-name-")
    )
    copies = [shop.copy(each) for each in (recipient, boss, other)]
    for copy in copies:
        assert copy.text.startswith("Hi Ann\n") and copy.field("To") == f"Ann <{recipient}>"
        assert boss.encode() not in copy.raw and other.encode() not in copy.raw
    assert any("no address" in words for words in shop.warnings(message_id))
    hidden = copies[1]
    assert shop.visit(hidden.images[0]).status == 200
    assert followed(shop, hidden.links[:1]) == ["https://shop.test/Ann"]
    followed(shop, copies[0].links[:1])
    assert shop.house.event(recipient, "clicked")
    assert shop.house.events(recipient, "opened") == []
    assert shop.house.events(boss, "opened", "clicked") == []


def test_SG_09_bcc_makes_no_copy_of_mail_that_is_dropped(shop: Shop) -> None:
    recipient, boss = reader(), reader()
    shop.house.cli("suppression", "add", recipient)
    shop.send(recipient, filtered(bcc={"enable": 1, "email": boss}))
    assert shop.drop_reason(recipient) == shop.drop_reason(boss) == "suppress-unsubscribe"


@pytest.mark.parametrize("bad", ["no address", "", None, [], {}, 7], ids=repr)
def test_SG_09_bcc_without_an_address_is_ignored(shop: Shop, bad: Any) -> None:
    recipient = reader()
    message_id = shop.send(recipient, filtered(bcc={"enable": 1, "email": bad}))
    shop.house.event(recipient, "delivered")
    assert shop.warnings(message_id)
    assert len(shop.house.cli("message", message_id)["deliveries"]) == 1


def test_SG_09_drop_answers_with_success_and_sends_nothing(shop: Shop) -> None:
    recipient, after = reader(), reader()
    letter = mail(filtered(drop={"enable": 1}))
    with shop.house.smtp(auth=shop.auth) as client:
        assert client.sendmail(f"orders@{DOMAIN}", [recipient], letter.raw) == {}
    shop.send(after, filtered(drop={"enable": 0}))
    shop.house.event(after, "delivered")
    assert shop.house.events(recipient) == [] and shop.house.internet.to(recipient) == []


def test_SG_09_gravatar_puts_the_authors_picture_at_the_end_of_the_HTML_part(shop: Shop) -> None:
    digest = sha256(f"orders@{DOMAIN}".encode()).hexdigest()
    picture = (
        rf'<p><img src="https://gravatar.com/avatar/{digest}\?s=80&amp;d=blank" alt="orders@{DOMAIN}" '
        r'width="80" height="80" border="0"></p>'
    )
    recipient = reader()
    message_id = shop.send(recipient, filtered(gravatar={"enable": 1}, opentrack={"enable": 1}), html=HTML)
    copy = shop.copy(recipient)
    assert re.search(picture + r"\s*<img [^>]+></body></html>\s*\Z", copy.html)
    assert "gravatar" not in copy.text
    assert shop.told(message_id, "filters.gravatar") == [
        "the author's Gravatar picture is put at the end of the HTML part"
    ]
    plain = shop.sent(reader(), filtered(gravatar={"enable": 1}))
    assert plain.text.strip() == TEXT.strip()


def signers(copy: Copy) -> list[str]:
    return re.findall(r"\bd=([^;\s]+)", "\n".join(copy.fields("DKIM-Signature")))


def test_SG_09_dkim_lets_another_domain_of_the_account_sign(shop: Shop) -> None:
    domain = shop.domain()
    copy = shop.sent(reader(), filtered(dkim={"domain": domain}))
    assert signers(copy) == [domain]
    assert verified_signatures(copy.raw, dns_records(shop.house, domain)) == ["ph1"]
    both = {"domain": domain, "use_from": True}
    assert signers(shop.sent(reader(), filtered(dkim=both))) == [DOMAIN]


@pytest.mark.parametrize("domain", ["stranger.test", "no domain", "a\r\nb.test", 7, ["x"]], ids=repr)
def test_SG_09_dkim_of_a_domain_that_is_not_ours_signs_as_usual(shop: Shop, domain: Any) -> None:
    recipient = reader()
    message_id = shop.send(recipient, filtered(dkim={"enable": 1, "domain": domain}))
    assert signers(shop.copy(recipient)) == [DOMAIN]
    assert len(shop.warnings(message_id)) == 1


# -- what has no effect, and what is wrong ---------------------------------------------------------------

WITHOUT_EFFECT: dict[str, dict[str, Any]] = {
    "spamcheck": {"maxscore": 5, "url": "https://shop.test/spam"},
    "domainkeys": {"domain": "shop.test", "sender": 1},
    "forwardbounce": {"email": "boss@good.test"},
    "addresswhitelist": {"list": "a@b.test"},
    "eventnotify": {"url": "https://shop.test/events"},
    "newrelic": {},
    "sendwithus": {},
}


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_SG_09_filters_without_an_effect_here_are_taken_with_a_word(shop: Shop, name: str) -> None:
    recipient = reader()
    message_id = shop.send(recipient, filtered(**{name: {"enable": 1} | WITHOUT_EFFECT[name]}), html=HTML)
    copy = shop.copy(recipient)
    assert copy.html == HTML
    (words,) = shop.told(message_id, f"filters.{name}")
    assert words.startswith("warning: ")


def test_SG_09_forwardspam_is_noted_with_the_message(shop: Shop) -> None:
    recipient = reader()
    message_id = shop.send(recipient, filtered(forwardspam={"enable": 1, "email": "abuse@shop.test"}))
    shop.house.event(recipient, "delivered")
    (words,) = shop.told(message_id, "filters.forwardspam")
    assert "complaints" in words and not words.startswith("warning: ")
    other = reader()
    message_id = shop.send(other, filtered(forwardspam={"enable": 1, "email": "no address"}))
    shop.house.event(other, "delivered")
    assert shop.warnings(message_id)


ALL_ON: dict[str, dict[str, Any]] = {
    "template": {"text/html": "<b>FRAME</b><% body %>"},
    "templates": {"template_id": "there is none"},
    "footer": {"text/html": "FOOT", "text/plain": "FOOT"},
    "subscriptiontrack": {"text/html": "<% x %>", "text/plain": "<% %>"},
    "ganalytics": {"utm_source": "x"},
    "clicktrack": {"enable_text": True},
    "opentrack": {"replace": "customer"},
    "bcc": {"email": "boss@good.test"},
    "dkim": {"domain": "elsewhere.test"},
    "drop": {},
    "spamcheck": {"maxscore": 1},
}


@pytest.mark.parametrize("enable", [0, "0", False, "false", ""], ids=repr)
def test_SG_09_every_filter_can_be_switched_off(shop: Shop, enable: Any) -> None:
    recipient = reader()
    options = filtered(**{name: settings | {"enable": enable} for name, settings in ALL_ON.items()})
    html = page("https://shop.test/x")
    message_id = shop.send(recipient, options, html=html)
    copy = shop.copy(recipient)
    assert copy.html.rstrip() == html and "customer" in copy.text and "FOOT" not in copy.text
    assert signers(copy) == [DOMAIN] and copy.fields("List-Unsubscribe") == []
    assert shop.warnings(message_id) == []


FOOT = {"text/plain": "FOOT"}
ODD: dict[str, tuple[Any, bool]] = {
    "enable left out": ({"footer": {"settings": FOOT}}, True),
    "settings left out": ({"footer": {"enable": 1} | FOOT}, True),
    "an unknown setting": ({"footer": {"settings": {"enable": 1, "colour": "red"} | FOOT}}, True),
    "enable is no flag": ({"footer": {"settings": {"enable": "perhaps"} | FOOT}}, False),
    "enable is a number": ({"footer": {"settings": {"enable": 2} | FOOT}}, False),
    "no settings": ({"footer": {"settings": {}}}, False),
    "settings are no object": ({"footer": {"settings": "x"}}, False),
    "the filter is no object": ({"footer": "x"}, False),
    "the text is no text": ({"footer": {"settings": {"enable": 1, "text/plain": ["FOOT"]}}}, False),
    "an unknown filter": ({"footers": {"settings": {"enable": 1} | FOOT}}, False),
    "a name in capitals": ({"FOOTER": {"settings": {"enable": 1} | FOOT}}, False),
    "a frame without a body": ({"template": {"settings": {"enable": 1, "text/html": NO_TAGS}}}, False),
    "no parameters": ({"ganalytics": {"settings": {"enable": 1}}}, False),
}


@pytest.mark.parametrize(("filters", "works"), ODD.values(), ids=ODD.keys())
def test_SG_09_odd_filters_do_what_can_be_meant_and_the_mail_goes_out(
    shop: Shop, filters: Any, works: bool
) -> None:
    recipient = reader()
    message_id = shop.send(recipient, {"filters": filters}, html=HTML)
    copy = shop.copy(recipient)
    assert ("FOOT" in copy.text) == works
    assert copy.html == HTML
    left_out = "left out" in str(filters) or works
    assert left_out or shop.warnings(message_id)


def test_SG_09_filters_are_applied_in_their_own_order(shop: Shop) -> None:
    """Frame, footer, unsubscribe text, values, parameters, clicks, pixel: however the header lists them."""
    options = filtered(
        opentrack={"enable": 1},
        clicktrack={"enable": 1},
        ganalytics={"enable": 1, "utm_source": "s"},
        subscriptiontrack={"enable": 1, "text/html": "<i><% leave %></i>"},
        footer={"enable": 1, "text/html": '<a href="https://shop.test/-n-">-n-</a>'},
        template={"enable": 1, "text/html": "<html><body><b>-n-</b><% body %></body></html>"},
    ) | {"sub": {"-n-": ["7"]}}
    copy = shop.sent(reader(), options, text="", html="<p>-n-</p>")
    shape = (
        r'<html><body><b>7</b><p>7</p><a href="([^"]+)">7</a>'
        r'<i><a href="([^"]+)">leave</a></i><img [^>]+></body></html>'
    )
    found = re.fullmatch(shape, re.sub(r"\s*\n\s*", "", copy.html))
    assert found, copy.html
    assert followed(shop, [found[1]]) == ["https://shop.test/7?utm_source=s"]
    assert found[2].startswith(f"{BASE}/u/")
