"""`X-Mailgun-Tag`: labels for statistics, one a header, a comma is part of the tag.

Documented: repeat the header for several; ASCII, 128 characters, letters compare without case. The number is
3 in the manual and 10 in the service's own programs; ten it is (our decision), and nothing about a tag ever
costs the mail.

Public: read_tags.
"""

from __future__ import annotations

import unicodedata

from posthouse.dialects.mailgun.headers import EMPTY, Found, Reading

MOST_TAGS = 10
TAG_CHARS = 128
HEADER = "x-mailgun-tag"


def read_tags(reading: Reading) -> None:
    """Tags in their first spelling, and the headers stay in the delivered mail."""
    tags: dict[str, str] = {}
    for found in reading.all(HEADER):
        _read_tag(found, tags, reading)
    if tags:
        reading.set("tags", tuple(tags.values()), "X-Mailgun-Tag")
    if reading.all(HEADER):
        reading.wishes.keep.add(HEADER)


def _read_tag(found: Found, tags: dict[str, str], reading: Reading) -> None:
    text = found.text
    tag = _ascii(text)[:TAG_CHARS].strip()
    if not tag:
        reading.tell(found, EMPTY, is_warning=True)
    elif tag.lower() in tags:
        reading.tell(found, "the same tag again")
    elif len(tags) == MOST_TAGS:
        reading.tell(found, f"ignored: a message has {MOST_TAGS} tags at most", is_warning=True)
    else:
        tags[tag.lower()] = tag
        is_same = tag == text
        reading.tell(found, "tag" if is_same else f"tag, shortened to ASCII: {tag}", is_warning=not is_same)


def _ascii(text: str) -> str:
    """Accents go; letters of other scripts become their code points, so that two tags stay two."""
    if text.isascii():
        return text
    return "".join(
        [
            char if char.isascii() else f"u{ord(char):x}"
            for char in unicodedata.normalize("NFKD", text[: 2 * TAG_CHARS])
            if not unicodedata.combining(char)
        ]
    )
