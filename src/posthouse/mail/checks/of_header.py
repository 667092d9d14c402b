"""Checks of a letter's header: who writes, what about, and how to get off the list.

Public: judge_header, is_bulk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from posthouse.mail.addresses import Mailbox, parse_mailboxes
from posthouse.mail.checks.finding import Finding, bad, examples, good, warn
from posthouse.mail.checks.of_html import placeholders
from posthouse.mail.letter import Letter
from posthouse.mail.words import decode_words
from posthouse.model.address import BadAddress

LONG_SUBJECT = 78  # characters; a phone shows about 40, a desktop about 70
_PHONE = 40
_WORD = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@([\w-]{1,63}(?:\.[\w-]{1,63}){1,5})")
_SHOUTS = re.compile(r"!{2,}|\${2,}|\?{3,}")
_ONE_CLICK = "list-unsubscribe=one-click"


def is_bulk(letter: Letter) -> bool:
    """Does it say itself that it goes to many (RFC 2919, RFC 3834 5.1)?"""
    precedence = (letter.first(b"precedence") or b"").strip().lower()
    return bool(letter.count(b"list-id")) or precedence in (b"bulk", b"list")


def judge_header(letter: Letter, *, goes_to_many: bool) -> list[Finding]:
    """`goes_to_many`: it is known to be one of many of its kind."""
    subject = decode_words(letter.first(b"subject") or b"").strip()
    return [
        *_subject(subject),
        *placeholders("subject", subject[:1000]),
        *_author(letter),
        *_standard(letter),
        *_unsubscribe(letter, goes_to_many=goes_to_many or is_bulk(letter)),
    ]


def _subject(subject: str) -> Iterable[Finding]:
    if not subject:
        yield bad("subject", "There is no subject; mail without one looks like spam. Write one.")
        return
    words = _WORD.findall(subject[:1000])
    letters = "".join(words)
    if len(letters) > 7 and len(words) > 1 and letters.upper() == letters != letters.lower():
        yield warn("subject", "The subject is all capitals, as spam often is; write it as a sentence.")
    if _SHOUTS.search(subject[:1000]):
        yield warn("subject", "The subject shouts (!!, $$, ???), as spam often does; one mark is enough.")
    if len(subject) > LONG_SUBJECT:
        yield warn(
            "subject",
            f"The subject has {len(subject)} characters and is cut in lists; a phone shows about "
            f"{_PHONE}. Put the point first.",
        )
    else:
        yield good("subject", f"The subject has {len(subject)} characters; a phone shows about {_PHONE}.")


def _mailboxes(value: bytes) -> list[Mailbox] | None:
    """None: it cannot be read."""
    try:
        return list(parse_mailboxes(value))
    except BadAddress:
        return None


def _author(letter: Letter) -> Iterable[Finding]:
    authors = [_mailboxes(value) for value in letter.all(b"from")]
    if len(authors) != 1 or not authors[0] or len(authors[0]) != 1:
        yield bad(
            "from", "The From field must hold exactly one readable address; receivers refuse anything else."
        )
        return
    name, domain = authors[0][0].name, authors[0][0].address.domain
    named = [each[1].lower() for each in _ADDRESS.finditer(name[:500])]
    if [each for each in named if each != domain]:
        yield bad(
            "from",
            "The name in From shows another address than the mail is from, which looks like fraud; write "
            f"a name: {examples([name])}.",
        )
    else:
        yield good(
            "from",
            f"It is from {authors[0][0].address}."
            if name
            else f"It is from {authors[0][0].address}, without a name; readers see a name first.",
        )
    yield from _replies(letter, domain)


def _replies(letter: Letter, domain: str) -> Iterable[Finding]:
    value = letter.first(b"reply-to")
    if value is None:
        return
    people = _mailboxes(value)
    if not people:
        yield bad(
            "from",
            "Nobody can answer: the Reply-To field holds no readable address. Correct it or leave it out.",
        )
        return
    others = [str(each.address) for each in people if _top(each.address.domain) != _top(domain)]
    if others:
        yield warn(
            "from",
            "Answers go to another domain than the mail is from, which filters mistrust; use an address "
            f"of {domain}: {examples(others)}.",
        )


def _top(domain: str) -> str:
    return ".".join(domain.split(".")[-2:])


def _standard(letter: Letter) -> Iterable[Finding]:
    """RFC 5322 3.6: Date is a must, Message-ID a should that filters take for a must."""
    missing = [title for name, title in _NEEDED if not letter.count(name)]
    if missing:
        fields = " and no ".join(missing)
        yield bad("standard", f"There is no {fields} field, which filters count against a mail; add it.")
    else:
        yield good("standard", "Date and Message-ID are there.")
    if twice := [title for name, title in _ONCE if letter.count(name) > 1]:
        yield bad(
            "standard",
            "A field that may stand once stands there twice, and receivers differ about which counts: "
            f"{', '.join(twice)}.",
        )


_NEEDED = ((b"date", "Date"), (b"message-id", "Message-ID"))
_ONCE = (*_NEEDED, (b"subject", "Subject"), (b"to", "To"), (b"reply-to", "Reply-To"))


def _unsubscribe(letter: Letter, *, goes_to_many: bool) -> Iterable[Finding]:
    value = (letter.first(b"list-unsubscribe") or b"").decode("utf-8", "replace")
    if not value.strip():
        if goes_to_many:
            yield bad(
                "unsubscribe",
                "There is no List-Unsubscribe field, and this mail goes to many: Gmail and Yahoo ask for "
                "it. Let Posthouse add it, or write one.",
            )
        else:
            yield good(
                "unsubscribe",
                "There is no List-Unsubscribe field: right for mail to one person, such as a receipt; "
                "newsletters need it.",
            )
        return
    targets = re.findall(r"<([^<>]{1,2000})>", value[:20_000])
    web = [each for each in targets if each.strip().lower().startswith("https://")]
    post = (letter.first(b"list-unsubscribe-post") or b"").decode("utf-8", "replace")
    if not targets:
        yield bad(
            "unsubscribe",
            "The List-Unsubscribe field holds no address in <>, so no mail program shows a button; write "
            "<https://…>.",
        )
    elif not web or "".join(post.split()).lower() != _ONE_CLICK:
        # RFC 8058 3.1: an https address, and the second field
        yield warn(
            "unsubscribe",
            "One click does not unsubscribe: that takes an https address in List-Unsubscribe, and "
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click. Gmail and Yahoo ask for it of mail to "
            "many.",
        )
    else:
        yield good("unsubscribe", "One click unsubscribes (RFC 8058).")
