"""Stored templates: judged before they are kept, so that a mistake is told to who makes it, not to who sends.

Limits are those that senders of a service know (`Bounds`); ours are 100 templates of a domain, 40 versions of
each, 100 KB.

Public: Draft, Bounds, store_version, store_first, activate, remove_version, change_version, add_template,
change_template, version_row, template_rows, place_of, load, MAX_TEMPLATES, MAX_VERSIONS, MAX_BYTES.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from posthouse.desk.reports import utc_text
from posthouse.model.clock import Ids
from posthouse.model.errors import Refused
from posthouse.store import templates
from posthouse.store.engine import Connection
from posthouse.store.parts import EVERYTHING, Part
from posthouse.store.templates import HANDLEBARS, WRAPPER, Found, Template, Version
from posthouse.store.trouble import Duplicate

MAX_TEMPLATES = 100
MAX_VERSIONS = 40
MAX_BYTES = 100 * 1024
MAX_NAME = 100
ENGINES = (HANDLEBARS, WRAPPER)
FIELDS = ("Subject", "From", "Reply-To")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many templates of a domain, versions of each, and bytes of a version there may be at most.
    `may_be_empty`: a version without any text is kept, to be written later."""

    templates: int = MAX_TEMPLATES
    versions: int = MAX_VERSIONS
    bytes: int = MAX_BYTES
    may_be_empty: bool = False


USUAL = Bounds()


@dataclass(frozen=True, slots=True)
class Draft:
    """A version as somebody wants it stored. `domain` "": a template of the whole account. `fields`: of
    FIELDS, those that letters without them get. The first version of a template is active anyway. `more`: of
    the version, as in `store.templates.Version`."""

    account_id: str
    domain: str
    name: str
    tag: str
    html: str
    text: str = ""
    engine: str = HANDLEBARS
    fields: dict[str, str] = field(default_factory=dict)
    description: str = ""
    is_active: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    bounds: Bounds = USUAL


def store_version(conn: Connection, ids: Ids, now: float, draft: Draft) -> Found:
    """Keep a version, and its template if that is new, inside the caller's transaction. Raises Refused."""
    _judge(draft)
    about = _template_for(conn, ids, now, draft)
    held = templates.versions_of(conn, about.id)
    if len(held) >= draft.bounds.versions:
        raise _refused(f"The template {about.name} has {draft.bounds.versions} versions already", "limit")
    version = Version(
        template_id=about.id,
        tag=draft.tag.lower(),
        is_active=draft.is_active or not held,
        engine=draft.engine,
        html=draft.html,
        text=draft.text,
        fields=draft.fields,
        created_at=now,
        more=draft.more,
    )
    try:
        templates.add_version(conn, version)
    except Duplicate as error:
        raise _refused(f"The template {about.name} has a version {version.tag} already", "exists") from error
    return Found(about, version)


def store_first(conn: Connection, ids: Ids, now: float, draft: Draft) -> Found:
    """`store_version` of a template that must be new. Raises Refused."""
    if templates.find_named(conn, draft.account_id, draft.domain, draft.name) is not None:
        raise _refused(f"There is a template {draft.name} already", "exists")
    return store_version(conn, ids, now, draft)


def activate(conn: Connection, about: Template, tag: str) -> None:
    """Use that version from now on, inside the caller's transaction. Raises Refused."""
    if not templates.activate(conn, about.id, tag):
        raise _refused(f"There is no version {tag[:100]} of {about.name}", "no-version")


def remove_version(conn: Connection, about: Template, tag: str) -> None:
    """Never the active one: letters would find nothing. Raises Refused."""
    if not templates.remove_version(conn, about.id, tag):
        text = f"There is no version {tag[:100]} of {about.name}, or it is the active one"
        raise _refused(text, "no-version")


def _template_for(conn: Connection, ids: Ids, now: float, draft: Draft) -> Template:
    found = templates.find_named(conn, draft.account_id, draft.domain, draft.name)
    if found is not None:
        return found
    about = Template(ids.new(), draft.account_id, draft.domain, draft.name.lower(), draft.description, now)
    add_template(conn, about, draft.bounds)
    return about


def add_template(conn: Connection, new: Template, bounds: Bounds = USUAL) -> None:
    """Keep a template that has no version yet, inside the caller's transaction. Raises Refused."""
    _judge_name("name", new.name)
    if templates.count_templates(conn, new.account_id, new.domain) >= bounds.templates:
        whose = new.domain or "the account"
        raise _refused(f"There are {bounds.templates} templates of {whose} already", "limit")
    try:
        templates.add_template(conn, new)
    except Duplicate as error:
        raise _refused(f"There is a template {new.name} already", "exists") from error


def change_template(conn: Connection, new: Template) -> None:
    """Another name, description or `more` for a template that is there. Raises Refused."""
    _judge_name("name", new.name)
    try:
        templates.change_template(conn, new)
    except Duplicate as error:
        raise _refused(f"There is a template {new.name} already", "exists") from error


def change_version(conn: Connection, draft: Draft) -> Found:
    """Other texts for a version that is there; letters that were accepted keep what they have. With
    `is_active` it is used from now on; which one is active else stays. Raises Refused."""
    _judge(draft)
    found = templates.find(conn, draft.account_id, draft.domain, draft.name, draft.tag)
    if found is None:
        raise _refused(f"There is no version {draft.tag} of the template {draft.name}", "no-template")
    new = replace(
        found.version,
        engine=draft.engine,
        html=draft.html,
        text=draft.text,
        fields=draft.fields,
        more=draft.more,
    )
    templates.change_version(conn, new)
    if draft.is_active and not new.is_active:
        templates.activate(conn, new.template_id, new.tag)
        new = replace(new, is_active=True)
    return Found(found.template, new)


def _judge_name(what: str, name: str) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > MAX_NAME:
        text = f"A template's {what} has 1 to {MAX_NAME} visible characters, no blank at its ends"
        raise _refused(text, "bad-name")


def _judge(draft: Draft) -> None:
    _judge_name("name", draft.name)
    _judge_name("version", draft.tag)
    if draft.engine not in ENGINES:
        raise _refused(f"There is no engine {draft.engine}; allowed: {', '.join(ENGINES)}", "bad-engine")
    if not draft.html and not draft.text and not draft.bounds.may_be_empty:
        raise _refused("A template needs an HTML text or a plain text", "empty")
    sources = {"the HTML text": draft.html, "the plain text": draft.text, **draft.fields}
    if any("\0" in source for source in sources.values()):
        raise _refused("A template cannot hold NUL characters", "bad-text")
    if any(set("\r\n") & set(value) for value in draft.fields.values()):
        raise _refused("A header field of a template is a single line", "bad-text")
    try:
        size = sum(len(source.encode()) for source in sources.values())
    except UnicodeEncodeError as error:
        raise _refused("A template is UTF-8 text", "bad-text") from error
    if size > draft.bounds.bytes:
        raise _refused(f"The version has {size} bytes; a version has at most {draft.bounds.bytes}", "limit")
    if draft.engine == HANDLEBARS:
        _judge_syntax(sources)


def _judge_syntax(sources: dict[str, str]) -> None:
    from posthouse.mail.handlebars import TemplateError, compile_template

    for what, source in sources.items():
        try:
            compile_template(source)
        except TemplateError as error:
            raise _refused(f"The template is wrong in {what}: {error}", "bad-template") from error


# Look


def load(conn: Connection, account_id: str, domain: str, name: str) -> Template:
    """By name or id; without a domain also the only one of that name in the account. Raises Refused."""
    found = templates.find_template(conn, account_id, domain, name)
    if found is None and not domain:
        named = templates.with_name(conn, account_id, name)
        if len(named) > 1:
            domains = ", ".join(one.domain for one in named)
            raise _refused(f"Several domains have a template {name}: {domains}; choose one", "ambiguous")
        found = next(iter(named), None)
    if found is None:
        raise _refused(f"There is no template {name} here", "no-template")
    return found


def template_rows(
    conn: Connection, account_id: str, domain: str | None = None, part: Part = EVERYTHING
) -> list[dict[str, Any]]:
    """The templates as rows: which versions each has, which one is active."""
    found = templates.list_templates(conn, account_id, domain, part)
    versions = templates.brief_versions(conn, [about.id for about in found])
    return [_template_row(about, versions.get(about.id, [])) for about in found]


def _template_row(about: Template, held: Sequence[Version]) -> dict[str, Any]:
    return {
        "id": about.id,
        "name": about.name,
        "domain": about.domain,
        "description": about.description,
        "created_at": about.created_at,
        "created_time": utc_text(about.created_at),
        "versions": [one.tag for one in held],
        "active": next((one.tag for one in held if one.is_active), ""),
    }


def place_of(row: Mapping[str, Any]) -> str:
    """Where a part (`store.parts`) goes on behind such a row."""
    return templates.place_of(row["domain"], row["name"])


def version_row(found: Found) -> dict[str, Any]:
    """One version with its texts."""
    about, version = found.template, found.version
    return {
        "id": about.id,
        "name": about.name,
        "domain": about.domain,
        "version": version.tag,
        "is_active": version.is_active,
        "engine": version.engine,
        "fields": version.fields,
        "html": version.html,
        "text": version.text,
        "created_at": version.created_at,
        "created_time": utc_text(version.created_at),
    }


def _refused(text: str, reason: str) -> Refused:
    return Refused(554, "5.6.0", text, reason=reason)
