"""mail.html and mail.text_links: where links and tags are, to the character."""

from __future__ import annotations

import pytest

from posthouse.mail.html import escaped, scan, unescaped
from posthouse.mail.text_links import links


def hrefs(text: str) -> list[str]:
    return [text[href.start : href.end] for href in scan(text).hrefs]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param('<a href="u">', ["u"], id="double-quotes"),
        pytest.param("<a href='u\"v'>", ['u"v'], id="single-quotes"),
        pytest.param("<a href=u/v/>", ["u/v/"], id="no-quotes"),
        pytest.param("<A\nHREF\t=\f'u'\r>", ["u"], id="blanks-and-capitals"),
        pytest.param('<a/href="u"/>', ["u"], id="slashes"),
        pytest.param('<a class="x"href="u"title=y>', ["u"], id="no-blank-between"),
        pytest.param('<a href="u" href="v">', ["u"], id="the-first-counts"),
        pytest.param(
            '<area href="u"><link href="v"><b href="w"><abbr href="x">', ["u"], id="only-a-and-area"
        ),
        pytest.param('<a title="<a href=x>" href="u">', ["u"], id="tag-in-a-value"),
        pytest.param('<a title=it\'s href="u">', ["u"], id="quote-in-an-unquoted-value"),
        pytest.param('<a "odd" =x href="u">', ["u"], id="odd-names"),
        pytest.param('<a data-href="v" href=u>', ["u"], id="longer-name"),
        pytest.param('<a href="a>b">', ["a>b"], id="greater-than-in-a-value"),
        pytest.param('<a href="">', [""], id="empty-value"),
        pytest.param("<a href><a href=>", [], id="no-value"),
        pytest.param("</a href=u>", [], id="end-tag"),
        pytest.param("< a href=u><%a href=u%>", [], id="just-text"),
        pytest.param("<<a href=u>", ["u"], id="text-then-tag"),
        pytest.param("<!-- <a href=u> --><a href=v>", ["v"], id="comment"),
        pytest.param("<!--><a href=u><!---><a href=v>", ["u", "v"], id="empty-comments"),
        pytest.param("<!-- <a href=u> --!><a href=v>", ["v"], id="comment-with-bang"),
        pytest.param("<!--[if mso]><a href=u><![endif]--><a href=v>", ["v"], id="conditional-comment"),
        pytest.param(
            "<!--[if !mso]><!--><a href=u><!--<![endif]-->", ["u"], id="conditional-comment-shown-by-others"
        ),
        pytest.param("<![if !mso]><a href=u><![endif]>", ["u"], id="revealed-conditional-comment"),
        pytest.param("<![CDATA[ > <a href=u> ]]><a href=v>", ["v"], id="cdata"),
        pytest.param("<![CDATA[ > <a href=u>", ["u"], id="cdata-without-end"),
        pytest.param("<!DOCTYPE html><?xml a?></ x><a href=u>", ["u"], id="declarations"),
        pytest.param("<script>'<a href=u>'</script ><a href=v>", ["v"], id="script"),
        pytest.param("<STYLE><a href=u></styles></Style><a href=v>", ["v"], id="style"),
        pytest.param("<title><a href=u></title><a href=v>", ["v"], id="title"),
        pytest.param("<textarea><a href=u></textarea><a href=v>", ["v"], id="textarea"),
        pytest.param("<noscript><a href=u></noscript>", ["u"], id="mail-programs-run-no-scripts"),
        pytest.param("<a href=u><script><a href=v>", ["u"], id="script-without-end"),
        pytest.param("<a href=u><plaintext><a href=v>", ["u"], id="plaintext"),
        pytest.param('<a href=u><a href="v', ["u"], id="tag-without-end"),
        pytest.param("<a href=u><!-- <a href=v>", ["u"], id="comment-without-end"),
        pytest.param("<a href=u></", ["u"], id="cut-off"),
    ],
)
def test_links(text: str, found: list[str]) -> None:
    assert hrefs(text) == found


@pytest.mark.parametrize(
    ("text", "quote"), [('<a href="u">', '"'), ("<a href='u'>", "'"), ("<a href=u>", "")]
)
def test_quotes(text: str, quote: str) -> None:
    assert scan(text).hrefs[0].quote == quote


@pytest.mark.parametrize(
    ("text", "without"),
    [
        pytest.param("<a clicktracking=off href=u>", "<a href=u>", id="before-the-link"),
        pytest.param('<a href="u" ClickTracking="OFF">', '<a href="u">', id="behind-it-in-capitals"),
        pytest.param("<a href='u'\ndisable-tracking = 'true' x>", "<a href='u' x>", id="the-other-name"),
        pytest.param("<a href='u'clicktracking=off>", "<a href='u'>", id="no-blank"),
        pytest.param("<a disable-tracking=true clicktracking=off href=u>", "<a href=u>", id="both"),
    ],
)
def test_opted_out_links(text: str, without: str) -> None:
    (href,) = scan(text).hrefs
    assert href.is_opted_out
    for start, end in reversed(href.opt_out_spans):
        text = text[:start] + text[end:]
    assert text == without


@pytest.mark.parametrize(
    "text",
    ["<a clicktracking=on href=u>", "<a disable-tracking href=u>", "<a title='clicktracking=off' href=u>"],
)
def test_not_opted_out(text: str) -> None:
    (href,) = scan(text).hrefs
    assert not href.is_opted_out
    assert href.opt_out_spans == []


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        pytest.param("<BODY a='>'>[x]</BODY >", "[x]", id="plain"),
        pytest.param(
            "<!-- <body></body> --><body>[</body>]</body>", "[</body>]", id="the-last-end-outside-comments"
        ),
        pytest.param("<body>[<body>]</body>", "[<body>]", id="the-first-beginning"),
    ],
)
def test_the_body(text: str, inside: str) -> None:
    html = scan(text)
    assert text[html.body_open_end : html.body_close_start] == inside


def test_no_body() -> None:
    html = scan("<p>Hello</p><script></body></script>")
    assert (html.body_open_end, html.body_close_start) == (-1, -1)


def test_what_is_running_text() -> None:
    text = "ab<b c='d'>e<!--f--><title>g</title>h < i <% j %><![if k]>l</b>"
    html = scan(text)
    shown = "".join([char for at, char in enumerate(text) if not html.is_in_tag(at)])
    assert shown == "abeh < i <% j %>l"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a&amp;b&AMP;c", "a&b&c"),
        ("?a=1&copy=2&reg_id", "?a=1&copy=2&reg_id".replace("&reg_", "®_")),
        ("?x&ampy&lt1", "?x&ampy&lt1"),
        ("&copy &amp", "© &"),
        ("&notit; &unknown; &", "&notit; &unknown; &"),
        ("&#65;&#x42&#67x;", "ABCx;"),
        ("&#0;&#x110000;", "\ufffd\ufffd"),
        ("&colon;&NewLine;", ":\n"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_unescaped(value: str, text: str) -> None:
    assert unescaped(value) == text


def test_unescaped_numbers_without_end() -> None:
    assert unescaped("&#" + "9" * 10_000).endswith("9")


@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_escaped_and_back(quote: str) -> None:
    url = "https://x/?a=1&b=<2> \"3\" '4' `5`\t&copy=6"
    tag = f"<a href={quote}{escaped(url, quote)}{quote}>"
    assert [unescaped(value) for value in hrefs(tag)] == [url]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://a.example/b?c=d#e.", ["https://a.example/b?c=d#e"]),
        ("(http://a/b_(c)), [HTTP://D/] <https://e>", ["http://a/b_(c)", "HTTP://D/", "https://e"]),
        ("“http://a/”, ‘http://b/’; http://c/…", ["http://a/", "http://b/", "http://c/"]),
        ("\"http://a/\" 'http://b/'", ["http://a/", "http://b/"]),
        ("http://a/{{id}} http://b/%recipient.id%.", ["http://a/{{id}}", "http://b/%recipient.id%"]),
        ("xhttp://a ftp://b http:// https://. mailto:c@d", []),
        ("http://a/\r\nnext\x00http://b/", ["http://a/", "http://b/"]),
        ("http://a/" + ")" * 1000, ["http://a/"]),
        ("http://ä.example/ö", ["http://ä.example/ö"]),
    ],
)
def test_links_in_plain_text(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in links(text)] == found
