"""The page that the `help` of an error of `mail/send` leads to: its fields and the sentences said about each.

It is made once, of the sentences of `dialects.sendgrid.mail_rules`, and open to all. Public: ENDPOINTS, PATH.
"""

from __future__ import annotations

from functools import cache
from html import escape

from posthouse.dialects.sendgrid.mail_rules.sentences import SENTENCES
from posthouse.doors.api.answers import Answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.endpoints import Endpoint
from posthouse.doors.api.sendgrid.phrases import fragment

PATH = "/v3/mail/errors.html"
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "public, max-age=3600",
    "Content-Security-Policy": "default-src 'none'",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Errors of mail/send</title></head><body>
<h1>Errors of mail/send</h1>
<p>An error names the field that it is about.
These are the fields of a call and what may be said about each.</p>
{}
</body></html>
"""


async def show(call: Call) -> Answer:
    return Answer(200, _page(), dict(_HEADERS))


@cache
def _page() -> bytes:
    sections = [_section(field, sentences) for field, sentences in SENTENCES.items()]
    return _PAGE.format("\n".join(sections)).encode()


def _section(field: str, sentences: tuple[str, ...]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<h2 id="{escape(fragment(field))}">{escape(field)}</h2>\n<ul>{items}</ul>'


ENDPOINTS = (Endpoint("GET", PATH, "", show, is_open=True),)
