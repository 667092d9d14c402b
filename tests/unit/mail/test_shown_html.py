"""The HTML of a letter as a page for people: what it loses, what it keeps (S13)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.html import scan
from posthouse.mail.shown_html import PICTURES_MAX, shown_html

PICTURE = {"logo@shop": ("image/png", b"\0\1\2")}
DATA = "data:image/png;base64,AAEC"
_is_harm = re.compile(
    r"</?(?:script|link|meta|base|iframe|frame|object|embed|form|svg|math|template)", re.I
).match


def inside(html: str) -> str:
    return shown_html(html, PICTURE).page.partition("</style>")[2]


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>Hello <b>you</b></p>", "<p>Hello <b>you</b></p>"),
        ("a < b and <3", "a &lt; b and &lt;3"),
        ("<script>alert(1)</script>x", "x"),
        ("<SCRIPT src=//evil.test/x.js></SCRIPT >x", "x"),
        ("<meta http-equiv=refresh content='0;url=https://evil.test/'>x", "x"),
        ("<base href=https://evil.test/><p>x", "<p>x"),
        ("<link rel=preconnect href=https://evil.test>x", "x"),
        ("<iframe src=https://evil.test><p>inner</iframe>x", "x"),
        ("<form action=https://evil.test><input name=q></form>", "<input name=q>"),
        ("<svg><style><link rel=x></style></svg>", "<style>\\3c link rel=x></style>"),
        ("<!-- a --><p>x<!--[if mso]>y<![endif]-->", "<p>x"),
        ("<![CDATA[ > <link rel=preconnect href=//e.test> ]]>x", "x"),
        ("<<!-- -->script>alert(1)</script>", "&lt;script>alert(1)"),
        ("<p>x<img src='never ends", "<p>x"),
        ("<html><body bgcolor=red>x</body></html>", "<html><body bgcolor=red>x"),
        ("<title>Hidden</title><textarea>x</textarea>", ""),
    ],
)  # fmt: skip
def test_S13_what_could_do_something_is_not_there(html: str, shown: str) -> None:
    assert inside(html) == shown


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ('<a href="https://evil.test/">x</a>', '<a href="#">x</a>'),
        ("<a class=b href=javascript:alert(1) id=c>x</a>", '<a class=b href="#" id=c>x</a>'),
        ("<a name=top>x</a><area href='//e.test'>", '<a name=top>x</a><area href="#">'),
        ("<title><a href=x></title><a href=y>z", '<a href="#">z'),
    ],
)
def test_S13_links_lead_nowhere(html: str, shown: str) -> None:
    assert inside(html) == shown


def test_its_own_pictures_are_put_in_by_their_content_id() -> None:
    data = "data:image/png;base64,AAEC"
    assert inside('<img src="cid:logo@shop">') == f'<img src="{data}">'
    assert inside("<td background=cid:logo%40shop>") == f"<td background={data}>"
    assert inside("<style>p{background:url(cid:logo@shop)}</style>") == (
        f"<style>p{{background:url({data})}}</style>"
    )
    assert inside("cid:logo@shop <img src=cid:other>") == "cid:logo@shop <img>"


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<img src=cid:other>", "<img>"),
        ("<p style='a:url(cid:other)'>", "<p style='a:none'>"),
        ("<img srcset='cid:logo@shop 1x, cid:other 2x'>", f"<img srcset='{DATA} 1x, data:, 2x'>"),
        ("<img srcset='//e.test/p, cid:other 2x'>", "<img srcset='//e.test/p, data:, 2x'>"),
    ],
)  # fmt: skip
def test_S13_a_picture_that_is_not_in_the_mail_is_not_asked_for(html: str, shown: str) -> None:
    assert shown_html(html, PICTURE, has_images=True).page.partition("</style>")[2] == shown


def test_a_picture_shown_a_thousand_times_does_not_make_the_page_huge() -> None:
    octets = b"\xff" * 100_000
    shown = shown_html("<img src=cid:a>" * 1000, {"a": ("image/png", octets)})
    assert len(shown.page) < PICTURES_MAX + 100_000
    assert shown.left_out > 900


@pytest.mark.parametrize(
    "html",
    [
        "<img src=https://e.test/p.gif>",
        "<img SRC = '//e.test/p.gif'>",
        "<img srcset='http://e.test/p.gif 2x'>",
        "<td style=\"background: url('https://e.test/p.gif')\">",
        "<style>p{background:url( http://e.test/p.gif )}</style>",
        "<table background=https://e.test/p.gif>",
    ],
)
def test_pictures_from_elsewhere_are_seen_to_be_there(html: str) -> None:
    assert shown_html(html, {}).is_remote
    assert not shown_html("src=https://e.test/ as text, <a href=https://e.test/>x</a>", {}).is_remote


@pytest.mark.parametrize(
    ("html", "without", "with_images"),
    [
        ("<img src=https://e.test/p alt=x>", "<img alt=x>", "<img src=https://e.test/p alt=x>"),
        ("<img src=p.gif>", "<img>", "<img>"),
        ("<p style='a:url(//e.test/p)'>", "<p style='a:none'>", "<p style='a:url(//e.test/p)'>"),
        ("<style>@import 'https://e.test/';p{a:b}</style>", "<style>p{a:b}</style>", "<style>p{a:b}</style>"),
        ("<img src=x onerror=alert(1)>", "<img>", "<img>"),
        ("<a target=_top ping=//e.test/>", "<a>", "<a>"),
    ],
)  # fmt: skip
def test_S13_nothing_asks_outside_unless_pictures_are_wanted(
    html: str, without: str, with_images: str
) -> None:
    assert inside(html) == without
    assert shown_html(html, {}, has_images=True).page.partition("</style>")[2] == with_images


def test_the_dark_is_where_the_letter_says_what_it_is() -> None:
    html = "<style><!-- @media (prefers-color-scheme: dark){p{color:red}} --></style>"
    assert "@media (min-width: 0){p{" in shown_html(html, {}, is_dark=True).page
    assert "@media (max-width: 0){p{" in shown_html(html, {}).page
    assert "<!--" not in shown_html(html, {}).page


@given(
    st.lists(
        st.sampled_from(
            "< > <!-- --> <style> </style> <link_x> <script> </script> <svg> <a_href=' ' \" <![CDATA[ ]]> "
            "<title> </title> x _ / <img_src=cid:a".replace("_", "\t").split(" ")
        )
    )
)
def test_S13_no_way_of_cutting_leaves_a_tag_that_does_something(pieces: list[str]) -> None:
    html = "".join(pieces)
    page = shown_html(html, {"a": ("image/gif", b"GIF89a")}).page
    body = page.partition("</style>")[2]
    places = scan(body)
    tags = [body[a:b] for a, b in zip(places.tag_starts, places.tag_ends, strict=True)]
    assert not [tag for tag in tags if _is_harm(tag)], page
    styles = [tag for tag in tags if tag.startswith("<style")]
    assert not [tag for tag in styles if re.search("<[A-Za-z/!?]", tag[1:])], page


@given(st.text())
def test_any_text_is_shown(text: str) -> None:
    assert shown_html(text, {}).page.startswith("<!doctype html>")
