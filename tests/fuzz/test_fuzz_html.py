"""Any text: what mail.html finds is in order, changes there touch nothing else, the time is linear."""

from __future__ import annotations

from html import unescape
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from posthouse.mail.html import Html, escaped, scan, unescaped

PIECES = st.sampled_from(
    [
        "<a href=",
        '"u"',
        "'v'",
        "w",
        ">",
        "<",
        "/",
        "=",
        '"',
        "'",
        " ",
        "\n",
        "<!--",
        "-->",
        "--!>",
        "-",
        "!",
        "<![CDATA[",
        "]]>",
        "<body>",
        "</body>",
        "<script>",
        "</script>",
        "<title>",
        "</title",
        "<%",
        "&amp;",
        "&",
        " clicktracking=off",
        "ä",
        "\0",
        "<area ",
        "href",
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=60))


def slices(html: Html, text: str) -> list[str]:
    """The text cut at everything that was found."""
    at = sorted({0, len(text), *html.tag_starts, *html.tag_ends, *[href.start for href in html.hrefs]})
    return [text[start:end] for start, end in pairwise(at)]


@given(TEXTS)
@example("<a href='u'><a href=\"")
def test_places_are_in_order_and_within_tags(text: str) -> None:
    html = scan(text)
    assert "".join(slices(html, text)) == text
    assert html.tag_starts == sorted(html.tag_starts)
    assert all(start < end for start, end in zip(html.tag_starts, html.tag_ends, strict=True))
    assert all(end <= start for end, start in zip(html.tag_ends, html.tag_starts[1:], strict=False))
    at = 0
    for href in html.hrefs:
        assert at <= href.start <= href.end <= len(text)
        at = href.end
        assert html.is_in_tag(href.start - 1)
        if href.quote:
            assert text[href.start - 1] == text[href.end] == href.quote
            assert href.quote not in text[href.start : href.end]
        else:
            assert not set(text[href.start : href.end]) & set(" \t\r\n\f>")
        assert href.is_opted_out == bool(href.opt_out_spans)
        for start, end in href.opt_out_spans:
            assert end <= href.start or href.end <= start
    assert html.body_close_start < 0 or text[html.body_close_start :].lower().startswith("</body")
    assert html.body_open_end < 0 or text[html.body_open_end - 1] == ">"


@given(TEXTS, st.text(max_size=20).filter(lambda url: "\0" not in url and url != ""))
def test_a_replaced_link_is_found_again_with_its_new_address(text: str, url: str) -> None:
    html = scan(text)
    for number, href in enumerate(html.hrefs):
        changed = text[: href.start] + escaped(url, href.quote) + text[href.end :]
        again = scan(changed)
        assert len(again.hrefs) == len(html.hrefs)
        new = again.hrefs[number]
        assert unescaped(changed[new.start : new.end]) == url


@given(TEXTS)
def test_taking_the_opt_outs_out_keeps_the_links(text: str) -> None:
    html = scan(text)
    spans = sorted([span for href in html.hrefs for span in href.opt_out_spans], reverse=True)
    changed = text
    for start, end in spans:
        changed = changed[:start] + changed[end:]
    again = scan(changed)
    assert [changed[new.start : new.end] for new in again.hrefs] == [
        text[old.start : old.end] for old in html.hrefs
    ]
    assert not any(href.is_opted_out for href in again.hrefs)


@given(
    st.lists(
        st.sampled_from(["&", "amp", ";", "#", "x", "41", "=", "copy", "not", "it", " ", "a", "lt"])
    ).map("".join)
)
def test_unescaped_differs_from_text_rules_only_for_names_without_semicolon(value: str) -> None:
    result = unescaped(value)
    assert len(result) <= len(value)
    if "&" not in value.replace("&amp;", "").replace("&lt;", ""):
        assert result == unescape(value)


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a ",
        "<a href='",
        '<a b="',
        "<!--",
        "<![CDATA[",
        "<a =",
        "<a b= ",
        "</",
        "<title>",
        "&#",
        "<script></scrip",
        "&amp",
    ],
)
def test_S11_no_piece_repeated_takes_more_than_linear_time(piece: str) -> None:
    """A quadratic pass over a megabyte would run into the test's time limit."""
    text = piece * (1_000_000 // len(piece))
    assert "".join(slices(scan(text), text)) == text
    assert unescaped(text)
