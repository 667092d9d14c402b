"""A newsletter of 50 KB with links and variables, as the batch benches send it.

Public: newsletter, batch_letter.
"""

from __future__ import annotations

import json

LINKS = 20
_ROW = (
    '      <tr><td style="padding: 12px 24px; font-family: Arial, sans-serif; color: #333333;">\n'
    "        <p>Item {n}: our summer collection is here, and you are among the first to see it.</p>\n"
    "{link}"
    "      </td></tr>\n"
)
_LINK = '        <a href="https://shop.example/items/{n}?ref=newsletter&amp;id={n}">Have a look</a>\n'


def newsletter(size: int = 50_000, links: int = LINKS) -> str:
    """An HTML page of about `size` characters; `%recipient.…%` variables at five places."""
    top = (
        "<!DOCTYPE html>\n<html>\n  <head><title>News</title></head>\n  <body>\n"
        "    <p>Dear %recipient.first% %recipient.last%,</p>\n    <table>\n"
    )
    end = (
        "    </table>\n    <p>Your code: <b>%recipient.code%</b>, %recipient.first%.</p>\n"
        '    <p><a href="https://shop.example/me/%recipient.id%">Your account</a></p>\n  </body>\n</html>\n'
    )
    rows: list[str] = []
    length = len(top) + len(end)
    while length < size:
        number = len(rows)
        rows.append(_ROW.format(n=number, link=_LINK.format(n=number) if number < links - 1 else ""))
        length += len(rows[-1])
    return top + "".join(rows) + end


def batch_letter(sender: str, recipients: list[str], fields: list[str]) -> bytes:
    """The newsletter to `recipients`, each with five values, tracked."""
    values = {
        address: {"first": f"Ann{n}", "last": "Example", "code": f"C-{n:05d}", "id": n}
        for n, address in enumerate(recipients)
    }
    written = json.dumps(values)
    folded = written.replace('}, "', '},\r\n "')
    head = [
        f"From: News <{sender}>",
        "To: %recipient%",
        "Subject: News for %recipient.first%",
        "MIME-Version: 1.0",
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "X-Mailgun-Track: yes",
        f"X-Mailgun-Recipient-Variables: {folded}",
        *fields,
    ]
    body = newsletter().replace("\n", "\r\n")
    return ("\r\n".join([*head, "", ""]) + body).encode()
