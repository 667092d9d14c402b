"""What a template makes of sample values, and what differs between two of its versions.

Public: Filled, fill, load_version, senders, load_sender, compare, next_tag, MOST_LINES.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posthouse.mail.handlebars import TemplateError, compile_template
from posthouse.model.account import Domain
from posthouse.model.errors import Refused
from posthouse.store import identity, templates
from posthouse.store.connection import Connection
from posthouse.store.templates import HANDLEBARS, Found, Template, Version

MOST_LINES = 5_000
"""So much of each text is compared: a longer one would take seconds."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The texts of a letter. `fields` as in `Version`."""

    fields: dict[str, str]
    html: str
    text: str

    @property
    def subject(self) -> str:
        return self.fields.get("Subject", "")


def fill(version: Version, values: Mapping[str, Any], name: str = "") -> Filled:
    """What a letter with these values gets; a wrapper stays as it is. Takes its time: not for the loop.
    Raises Refused with where it is wrong; `name`: the template's."""

    def filled(source: str, what: str, *, escapes: bool = False) -> str:
        if version.engine != HANDLEBARS:
            return source
        try:
            return compile_template(source).render(values, escapes=escapes)
        except TemplateError as error:
            which = f'template "{name}"' if name else "The template"
            text = f"{which} cannot be rendered: {error} (in {what})"
            raise Refused(554, "5.6.0", text, reason="template") from error

    return Filled(
        {field: filled(source, field) for field, source in version.fields.items()},
        filled(version.html, "the HTML text", escapes=True),
        filled(version.text, "the plain text"),
    )


def load_version(conn: Connection, account_id: str, about: Template, tag: str = "") -> Found:
    """A version of a template, the active one where `tag` is "". Raises Refused."""
    found = templates.find(conn, account_id, about.domain, about.id, tag)
    if found is None:
        text = (
            f"There is no version {tag[:100]} of {about.name}" if tag else f"{about.name} has no version yet"
        )
        raise Refused(554, "5.6.0", text, reason="no-version")
    return found


def senders(conn: Connection, account_id: str, about: Template) -> list[Domain]:
    """The domains that a test letter of a template may come from."""
    found = [each for each in identity.list_domains(conn, account_id) if each.verified_at is not None]
    return [each for each in found if not about.domain or each.name == about.domain]


def load_sender(conn: Connection, account_id: str, about: Template, name: str = "") -> Domain:
    """The one of that name, the first where it is "". Raises Refused."""
    found = senders(conn, account_id, about)
    domain = next((each for each in found if name in ("", each.name)), None)
    if domain is None:
        text = "A test letter comes from a verified domain of yours"
        if about.domain:
            text = f"A test letter of {about.name} comes from {about.domain}, which must be verified"
        raise Refused(501, "5.5.4", text, reason="no-domain")
    return domain


def compare(one: Version, two: Version) -> list[tuple[str, list[str]]]:
    """(what, lines of a unified diff) of each text that differs; a line begins with `+`, `-`, ` ` or `@@`."""
    names = dict.fromkeys([*one.fields, *two.fields])
    pairs = [(name, one.fields.get(name, ""), two.fields.get(name, "")) for name in names]
    pairs += [("HTML", one.html, two.html), ("Plain text", one.text, two.text)]
    if one.engine != two.engine:
        pairs.insert(0, ("Engine", one.engine, two.engine))
    return [(what, _diff(old, new)) for what, old, new in pairs if old != new]


def _diff(old: str, new: str) -> list[str]:
    lines = difflib.unified_diff(
        old.splitlines()[:MOST_LINES], new.splitlines()[:MOST_LINES], lineterm="", n=3
    )
    return list(itertools.islice(lines, 2, None))  # without the names of two files


def next_tag(tags: Sequence[str]) -> str:
    """A free tag for the next version: `v2`, `v3`, …"""
    return next(tag for number in itertools.count(len(tags) + 1) if (tag := f"v{number}") not in tags)
