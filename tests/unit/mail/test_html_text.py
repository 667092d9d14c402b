"""HTML pages as texts."""

from __future__ import annotations

import pytest

from posthouse.mail.html_text import text_of_html

CASES = {
    "nothing": ("", ""),
    "text": ("hello", "hello\n"),
    "paragraphs": ("<p>a</p>\n<p>b</p>", "a\n\nb\n"),
    "breaks": ("a<br>b<br/>c", "a\nb\nc\n"),
    "blanks": ("a \n\t b", "a b\n"),
    "list": ("<ul><li>a</li><li>b</li></ul>", "- a\n- b\n"),
    "table": ("<table><tr><td>a</td><td>b</td></tr></table>", "a b\n"),
    "link": ('see <a href="https://x.test/?a=1&amp;b=2">this</a>!', "see this (https://x.test/?a=1&b=2)!\n"),
    "link that says it": ("<a href='https://x.test'>https://x.test</a>", "https://x.test\n"),
    "mail link": ("<a href=mailto:a@x.test>a@x.test</a>", "a@x.test\n"),
    "anchor": ("<a href='#top'>up</a>", "up\n"),
    "template's link": ("<a href='{{url}}'>go</a> {{name}}", "go ({{url}}) {{name}}\n"),
    "references": ("a &lt; b &amp; c&nbsp;d", "a < b & c\xa0d\n"),
    "hidden": ("<head><title>T</title><style>x{}</style></head><script>1</script>a<!-- c -->b", "ab\n"),
    "no tag": ("1 < 2 and <% body %>", "1 < 2 and <% body %>\n"),
    "link without href": ("<a name=x>a</a> <a href=https://y.test>b</a>", "a b (https://y.test)\n"),
}


@pytest.mark.parametrize(("html", "text"), CASES.values(), ids=CASES.keys())
def test_text_of(html: str, text: str) -> None:
    """MG-19 (template text)."""
    assert text_of_html(html) == text
