"""Any text has a text: no input raises, none is slow, no tag survives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from posthouse.mail.html_text import text_of_html

_PIECES = st.sampled_from(
    ["<a href='https://x.test'>", "</a>", "<p>", "<br>", "<", ">", "&amp;", "&#x;", "{{x}}", "<!--", "-->",
     "<area href=x>", "<title>", "</title>", "<li>", " ", "\n", "text", "\x00", "<a href=", "\ud800"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=60).map("".join) | st.text(max_size=200))
def test_any_text(html: str) -> None:
    text = text_of_html(html)
    assert text == "" or (text.endswith("\n") and not text.startswith("\n"))
    assert "\n\n\n" not in text
