"""Tracked links, campaign parameters, pixel, appended texts (MG-04..07, SG-09, MG 4.4, S17)."""

from __future__ import annotations

import re

import pytest

from posthouse.mail.decorate import destination, with_parameters
from posthouse.mail.tokens import Links
from posthouse.model.options import Block, LinkTag, RecipientOptions, SendOptions
from unit.mail.copies import BASE, Made, letter, made, token_in

ALL = SendOptions(track_clicks="all", track_opens=False)
UTM = (("utm_source", "News letter"), ("utm_medium", "email"))


def targets(copy: Made, kind: str = "html") -> list[tuple[str, int, str]]:
    """(destination, number, part) of each tracked link."""
    tokens = [token_in(url) for url in re.findall(rf"{BASE}/c/[\w-]+", copy.text(kind))]
    return [(token.url, token.index, token.part) for token in tokens]


# (html, destinations of the tracked links)
TRACKED = {
    "SG-09 double quotes": ('<a href="https://a.test/x">t</a>', ["https://a.test/x"]),
    "SG-09 single quotes": ("<a href='http://a.test'>t</a>", ["http://a.test"]),
    "SG-09 no quotes": ("<a href=https://a.test/x>t</a>", ["https://a.test/x"]),
    "SG-09 blanks around the sign": ('<A HREF = "https://a.test/x" >t</A>', ["https://a.test/x"]),
    "SG-09 area": ('<area href="https://a.test/x">', ["https://a.test/x"]),
    "references are read": (
        '<a href="https://a.test/?a=1&amp;b=2&copy=3">t</a>',
        ["https://a.test/?a=1&b=2&copy=3"],
    ),
    "blanks outside": ('<a href=" https://a.test/\n">t</a>', ["https://a.test/"]),
    "blanks inside": ('<a href="https://a.test/a b">t</a>', ["https://a.test/a%20b"]),
    "beyond ASCII": ('<a href="https://ä.test/日">t</a>', ["https://ä.test/日"]),
    "two": (
        '<a href="https://a.test">t</a><a href="https://b.test">t</a>',
        ["https://a.test", "https://b.test"],
    ),
}
UNTRACKED = {
    "MG 4.4 mailto": '<a href="mailto:a@b.test">t</a>',
    "MG 4.4 tel": '<a href="tel:123">t</a>',
    "MG 4.4 anchor": '<a href="#top">t</a>',
    "relative": '<a href="/x">t</a>',
    "other scheme": '<a href="javascript:alert(1)">t</a>',
    "no host": '<a href="https://">t</a>',
    "image": '<img src="https://a.test/x.png">',
    "style sheet": '<link href="https://a.test/x.css">',
    "comment": '<!-- <a href="https://a.test">t</a> -->',
    "script": "<script>x = '<a href=\"https://a.test\">'</script>",
    "already ours": f'<a href="{BASE}/u/abc">t</a>',
    "as text": "https://a.test/",
    "too long": f'<a href="https://a.test/{"x" * 9000}">t</a>',
}


@pytest.mark.parametrize(("page", "wanted"), TRACKED.values(), ids=TRACKED)
def test_tracked_links(page: str, wanted: list[str]) -> None:
    copy = made(letter(html=page), SendOptions(track_clicks="html"))
    assert targets(copy) == [(url, number, "html") for number, url in enumerate(wanted)]
    # nothing but the addresses changed
    assert len(re.split(r"https?://[^\"'>]*[^\"'>\s]", copy.html)) == len(wanted) + 1


@pytest.mark.parametrize("page", UNTRACKED.values(), ids=UNTRACKED)
def test_untracked_links(page: str) -> None:
    raw = letter(html=page, transfer="7bit" if len(page) < 900 else "8bit")
    copy = made(raw, SendOptions(track_clicks="html"))
    assert copy.html == page
    assert copy.prepared.body == raw.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("word", ["clicktracking=off", 'clicktracking="off"', "disable-tracking=true"])
@pytest.mark.parametrize("form", ['<a {} href="https://a.test">t</a>', '<a href="https://a.test" {}>t</a>'])
def test_an_opt_out_is_obeyed_and_removed(word: str, form: str) -> None:
    """SG-09, MG 4.4"""
    copy = made(letter(html=form.format(word)), ALL)
    assert copy.html == '<a href="https://a.test">t</a>'


def test_plain_links_only_when_asked_for() -> None:
    """MG-05 htmlonly, SG-09 enable_text"""
    raw = letter(html='<a href="https://a.test">t</a>', plain="see (https://a.test/x), or http://b.test.")
    assert targets(made(raw, SendOptions(track_clicks="html")), "plain") == []
    copy = made(raw, ALL)
    assert targets(copy, "plain") == [("https://a.test/x", 0, "text"), ("http://b.test", 1, "text")]
    assert re.fullmatch(rf"see \({BASE}/c/[\w-]+\), or {BASE}/c/[\w-]+\.", copy.plain)
    assert targets(copy) == [("https://a.test", 2, "html")]


def test_clicks_off_changes_nothing() -> None:
    raw = letter(html='<a href="https://a.test">t</a>')
    assert made(raw, SendOptions(track_clicks="off", to_each=True)).html == '<a href="https://a.test">t</a>'


def test_links_of_each_recipient_are_their_own() -> None:
    raw = letter(html='<a href="https://a.test">t</a>')
    one, two = (made(raw, ALL, number=number) for number in (0, 1))
    assert one.html != two.html
    assert token_in(re.findall('"(.*?)"', two.html)[0]).delivery_id.endswith(".0001")


# (href or text, values of -a-, destinations)
VARIABLE = {
    "SG: parameter": ('<a href="https://a.test/?id=-a-">t</a>', "7&x", ["https://a.test/?id=7&x"]),
    "SG: whole link": ('<a href="-a-">t</a>', "https://b.test/", ["https://b.test/"]),
    "SG: no link after all": ('<a href="-a-">t</a>', "mailto:x@y.test", []),
    "SG: a value with a link": ("<p>-a-</p>", '<a href="https://c.test/">c</a>', ["https://c.test/"]),
    "SG: two in a value": (
        "<p>-a-</p>",
        "<a href=\"https://c.test/\">c</a> <a href='https://d.test/'>",
        ["https://c.test/", "https://d.test/"],
    ),
    "SG: an opted-out link in a value": ("-a-", '<a clicktracking=off href="https://c.test/">c</a>', []),
    "SG: a bare URL in a value is no link": ("<p>-a-</p>", "https://c.test/", []),
    "in a comment": ("<!-- -a- -->", '<a href="https://c.test/">c</a>', []),
}


@pytest.mark.parametrize(("page", "value", "wanted"), VARIABLE.values(), ids=VARIABLE)
def test_links_with_values(page: str, value: str, wanted: list[str]) -> None:
    options = SendOptions(track_clicks="all", verbatim=("-a-",))
    copy = made(letter(html=page), options, RecipientOptions(values=(value,)))
    assert [url for url, _, _ in targets(copy)] == wanted
    if not wanted:
        assert copy.html == page.replace(
            "-a-", value.replace(" clicktracking=off", "").replace("<a  ", "<a ")
        )


def test_a_plain_value_with_a_link_is_tracked_in_text() -> None:
    options = SendOptions(track_clicks="all", verbatim=("-a-",))
    copy = made(letter(plain="x -a- y"), options, RecipientOptions(values=("(https://c.test/)",)))
    assert [url for url, _, _ in targets(copy, "plain")] == ["https://c.test/"]


def test_at_most_a_thousand_links() -> None:
    """SG-09"""
    page = "\n".join(f'<a href="https://a.test/{number}">t</a>' for number in range(1005))
    copy = made(letter(html=page), ALL)
    assert len(targets(copy)) == 1000
    assert copy.html.endswith('<a href="https://a.test/1004">t</a>')


PARAMETERS = {
    "SG-09 appended in order": (
        "https://a.test/x",
        "https://a.test/x?utm_source=News%20letter&utm_medium=email",
    ),
    "SG-09 before the fragment": (
        "https://a.test/x#f",
        "https://a.test/x?utm_source=News%20letter&utm_medium=email#f",
    ),
    "SG-09 behind a query": (
        "https://a.test/?q=1",
        "https://a.test/?q=1&utm_source=News%20letter&utm_medium=email",
    ),
    "SG-09 an open query": ("https://a.test/?", "https://a.test/?utm_source=News%20letter&utm_medium=email"),
    "SG-09 the link's own wins": (
        "https://a.test/?UTM_source=x",
        "https://a.test/?UTM_source=x&utm_medium=email",
    ),
    "SG-09 both there": (
        "https://a.test/?utm_source=&utm_medium=y",
        "https://a.test/?utm_source=&utm_medium=y",
    ),
}


@pytest.mark.parametrize(("url", "wanted"), PARAMETERS.values(), ids=PARAMETERS)
def test_campaign_parameters(url: str, wanted: str) -> None:
    assert with_parameters(url, UTM) == wanted


def test_parameters_are_part_of_the_destination() -> None:
    """SG-09: applied before click tracking."""
    page = '<a href="https://a.test/">t</a> <a clicktracking=off href="https://b.test/?a=1&amp;b=2">t</a>'
    copy = made(letter(html=page), SendOptions(track_clicks="html", utm=UTM))
    assert targets(copy) == [("https://a.test/?utm_source=News%20letter&utm_medium=email", 0, "html")]
    assert (
        '<a href="https://b.test/?a=1&amp;b=2&amp;utm_source=News%20letter&amp;utm_medium=email">'
        in copy.html
    )


def test_parameters_without_tracking_and_not_on_our_links() -> None:
    tag = LinkTag("[bye]", "unsubscribe")
    page = '<a href="https://a.test/">t</a><a href="[bye]">u</a><a href="mailto:x@y.test">m</a>'
    copy = made(letter(html=page, plain="https://a.test/"), SendOptions(utm=UTM, links=(tag,)))
    wanted = "https://a.test/?utm_source=News%20letter&amp;utm_medium=email"
    assert copy.html.startswith(f'<a href="{wanted}">t</a><a href="{BASE}/u/')
    assert "utm" not in copy.html.partition("/u/")[2]
    assert copy.plain == wanted.replace("&amp;", "&")


# (html, options, where the pixel stands)
PIXEL = {
    "MG: before the body's end": ("<body><p>x</p></body></html>", {}, "<body><p>x</p>@</body></html>"),
    "MG: the last body's end": ("</body>x</BODY>y", {}, "</body>x@</BODY>y"),
    "MG: no body": ("<p>x</p>", {}, "<p>x</p>@"),
    "MG-07 top": (
        "<html><body class=x>\n<p>x</p></body>",
        {"pixel": "top"},
        "<html><body class=x>@\n<p>x</p></body>",
    ),
    "MG-07 top of a fragment": ("<p>x</p>", {"pixel": "top"}, "@<p>x</p>"),
    "MG-07 top of a page without body": (
        "<!doctype html><p>x</p>",
        {"pixel": "top"},
        "<!doctype html><p>x</p>@",
    ),
    "SG-09 replace": (
        "<p>[px]</p>x[px]</body>",
        {"pixel": "placeholder", "pixel_placeholder": "[px]"},
        "<p>@</p>x</body>",
    ),
    "SG-09 replace, absent": (
        "<p></body>",
        {"pixel": "placeholder", "pixel_placeholder": "[px]"},
        "<p></body>",
    ),
}


@pytest.mark.parametrize(("page", "more", "wanted"), PIXEL.values(), ids=PIXEL)
@pytest.mark.parametrize("transfer", ["8bit", "7bit"])
def test_pixel(page: str, more: dict[str, str], wanted: str, transfer: str) -> None:
    raw = letter(html=page, plain="text", transfer=transfer)
    copy = made(raw, SendOptions(track_opens=True, **more))  # type: ignore[arg-type]
    image = re.search(rf'<img src="({BASE}/o/[\w-]+\.gif)" alt="" width="1" height="1"[^>]*>', copy.html)
    shown = copy.html.replace(image[0], "@") if image else copy.html
    assert shown.replace("\n", "").rstrip() == wanted.replace("\n", "")
    if image:
        assert token_in(image[1]).kind == "o"
    assert copy.plain == "text"


def test_no_pixel_in_a_plain_letter() -> None:
    raw = letter(plain="text")
    assert made(raw, SendOptions(track_opens=True)).prepared.body == raw.partition(b"\r\n\r\n")[2]


def test_one_pixel_a_letter() -> None:
    part = b"--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n"
    raw = (
        b"From: a@shop.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + part * 2
        + b"--b--\r\n"
    )
    assert made(raw, SendOptions(track_opens=True)).prepared.body.count(b"/o/") == 1


FOOTER = Block(html="<p>foot -a-</p>", text="foot -a-\nend")
APPENDED = {
    "SG-09 before the body's end": ("<body>x</body>", "<body>x<p>foot é</p></body>"),
    "SG-09 at the end": ("x", "x<p>foot é</p>"),
}


@pytest.mark.parametrize(("page", "wanted"), APPENDED.values(), ids=APPENDED)
def test_footer(page: str, wanted: str) -> None:
    raw = letter(html=page, plain="text")
    options = SendOptions(blocks=(FOOTER,), verbatim=("-a-",))
    copy = made(raw, options, RecipientOptions(values=("é",)))
    assert copy.html.replace("\n", "") == wanted
    assert copy.plain == "text\nfoot é\nend"


def test_a_footer_with_one_part_leaves_the_other_alone() -> None:
    copy = made(letter(html="<p>x</p>", plain="text"), SendOptions(blocks=(Block(html="<p>f</p>"),)))
    assert (copy.html, copy.plain) == ("<p>x</p><p>f</p>", "text")
    assert copy.whole.count(b"\n") == copy.whole.count(b"\r\n")


def test_a_link_in_a_footer_is_tracked() -> None:
    options = SendOptions(blocks=(Block(html='<a href="https://a.test">x</a>'),), track_clicks="html")
    assert [url for url, _, _ in targets(made(letter(html="<p>x</p>"), options))] == ["https://a.test"]


def test_unsubscribe_text_only_where_the_part_has_no_link() -> None:
    """MG 3.5, SG-04: not appended when the part already has one."""
    block = Block(html="<p>[bye]</p>", text="bye: [bye]")
    options = SendOptions(blocks=(FOOTER, block, block), links=(LinkTag("[bye]", "unsubscribe"),))
    copy = made(letter(html="<p>[bye]</p>", plain="text"), options)
    assert copy.html.count(f"{BASE}/u/") == 1
    assert copy.plain.count(f"{BASE}/u/") == 1
    assert copy.plain.startswith("text\nfoot -a-\nend\nbye: https://")


def test_wrapper() -> None:
    """SG-09 template: encloses the HTML; footers come after it."""
    options = SendOptions(
        wrapper_html="<html><body><h1>Shop</h1>\n<% Body %></body></html>", blocks=(Block(html="<i>f</i>"),)
    )
    copy = made(letter(html="<p>\\1 x</p>", plain="text"), options)
    assert copy.html.replace("\n", "") == "<html><body><h1>Shop</h1><p>\\1 x</p><i>f</i></body></html>"
    assert copy.plain == "text"


def test_other_text_parts_are_personalised_but_not_decorated() -> None:
    """MG 4.4: not the AMP part."""
    amp = '<html amp><body><a href="https://a.test/-a-">x</a></body></html>'
    raw = letter(html=amp).replace(b"text/html", b"text/x-amp-html")
    options = SendOptions(verbatim=("-a-",), track_clicks="all", track_opens=True, blocks=(FOOTER,))
    copy = made(raw, options, RecipientOptions(values=("7",)))
    assert copy.text("x-amp-html").replace("\n", "") == amp.replace("-a-", "7")


DESTINATIONS = {
    "plain": ("https://a.test", "https://a.test"),
    "upper case": ("HTTPS://A.test/x", "HTTPS://A.test/x"),
    "line break": ("https://a.te\r\nst/\tx", "https://a.test/x"),
    "control": ("https://a.test/\x01", ""),
    "surrogate": ("https://a.test/\udc80", ""),
    "no host": ("https:///x", ""),
    "ftp": ("ftp://a.test", ""),
    "empty": ("", ""),
}


@pytest.mark.parametrize(("written", "wanted"), DESTINATIONS.values(), ids=DESTINATIONS)
def test_destination(written: str, wanted: str) -> None:
    assert destination(written) == wanted


def test_own_links_are_known() -> None:
    links = Links(b"k", BASE, "shop.test")
    assert links.is_own(f"{BASE}/u/x")
    assert not links.is_own(f"{BASE}.evil.test/u/x")
    assert not links.is_own(f"{BASE}/shop")
