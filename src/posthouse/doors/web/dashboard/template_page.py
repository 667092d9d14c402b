"""`/templates/{name}`: one template with its versions, the editor for the next one, and test letters;
`/templates/{name}/compare`: what differs between two versions.

Public: PAGES.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from posthouse.desk import templates
from posthouse.desk.template_samples import compare, next_tag, senders
from posthouse.doors.api.template_tests import Sender, Trial, send_test
from posthouse.doors.submission import Arrival
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.templates import MOST_BYTES, PATH, draft_of, editor
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.doors.web.forms import FormTrouble
from posthouse.doors.web.rim import address_of
from posthouse.model.account import MAIL_SEND
from posthouse.model.errors import Refused
from posthouse.store import templates as stored
from posthouse.store.connection import Connection
from posthouse.store.templates import HANDLEBARS, Found, Template, Version

ONE = f"{PATH}/{{name}}"


async def _look(visit: Visit) -> Response:
    about, held = await visit.read(_about, visit)
    wanted = visit.query("version").lower()
    shown = next((each for each in held if each.tag == wanted), None)
    shown = shown or next((each for each in held if each.is_active), None) or (held[-1] if held else None)
    domains = await visit.read(senders, visit.account_id, about)
    return visit.page(
        "template.html",
        about.name,
        about=about,
        held=held[::-1],
        shown=shown,
        senders=[(domain.name, domain.name) for domain in domains],
        engine_words={HANDLEBARS: "Handlebars"},
        **editor(_start(shown, [each.tag for each in held])),
    )


def _start(shown: Version | None, tags: list[str]) -> dict[str, Any]:
    """The editor begins with the version that is shown."""
    if shown is None:
        return {"tag": "initial", "engine": HANDLEBARS, "html": "", "text": "", "fields": {}}
    return {
        "tag": next_tag(tags),
        "engine": shown.engine,
        "html": shown.html,
        "text": shown.text,
        "fields": shown.fields,
    }


def _about(conn: Connection, visit: Visit) -> tuple[Template, list[Version]]:
    """Raises FormTrouble."""
    about = stored.find_by_id(conn, visit.account_id, visit.param("name"))
    if about is None:
        try:
            about = templates.load(conn, visit.account_id, "", visit.param("name"))
        except Refused as refused:
            raise FormTrouble(404, "There is no such template here.") from refused
    return about, stored.versions_of(conn, about.id)


async def _store(visit: Visit) -> Response:
    def store(conn: Connection) -> Found:
        about, _ = _about(conn, visit)
        draft = draft_of(visit, about.name, about.domain)
        return templates.store_version(conn, visit.parts.ids, visit.now, draft)

    made: Found = await visit.write(store)
    tag = made.version.tag
    words = f"Version {tag} is stored{' and active' if made.version.is_active else ''}."
    return visit.go(f"{visit.at(f'{PATH}/{{}}', made.template.id)}?version={tag}", words)


async def _activate(visit: Visit) -> str:
    tag = visit.field("version")
    await visit.write(lambda conn: templates.activate(conn, _about(conn, visit)[0], tag))
    return f"Version {tag} is used from now on."


async def _remove_version(visit: Visit) -> str:
    tag = visit.field("version")
    await visit.write(lambda conn: templates.remove_version(conn, _about(conn, visit)[0], tag))
    return f"Version {tag} is removed."


async def _remove(visit: Visit) -> Response:
    def remove(conn: Connection) -> str:
        about, _ = _about(conn, visit)
        stored.remove_template(conn, about.id)
        return about.name

    name = await visit.write(remove)
    return visit.go(visit.at(PATH), f"The template {name} is removed.")


async def _test(visit: Visit) -> str:
    """A letter made of a stored version, on the way that all mail goes; then the log of changes."""
    about, _ = await visit.read(_about, visit)
    protocol = "HTTPS" if visit.request.url.scheme == "https" else "HTTP"
    by = Sender(
        f"person {visit.signed.person.id}",
        visit.signed.person.email,
        Arrival("", address_of(visit.request), protocol),
    )
    to = visit.field("to")
    asked = Trial(about, to, visit.field("version"), visit.field("from_domain"), visit.raw("sample"))
    made = await send_test(visit.parts, visit.account_id, asked, by, visit.now)
    await visit.note_done()
    return f"The test letter to {to} is accepted; message {made}."


async def _compare(visit: Visit) -> Response:
    about, held = await visit.read(_about, visit)
    tags = [each.tag for each in held]
    by_tag = {each.tag: each for each in held}
    one = by_tag.get(visit.query("one").lower()) or (
        held[-2] if len(held) > 1 else held[-1] if held else None
    )
    two = by_tag.get(visit.query("two").lower()) or (held[-1] if held else None)
    differing = await asyncio.to_thread(compare, one, two) if one and two else []
    return visit.page(
        "template_compare.html",
        f"Compare versions of {about.name}",
        about=about,
        tags=[(tag, tag) for tag in tags],
        one=one,
        two=two,
        differing=differing,
    )


PAGES = (
    Page(
        ONE,
        "templates.read",
        _look,
        {
            "store": Work("templates.write", _store),
            "activate": Work("templates.write", _activate, ("version",)),
            "remove-version": Work("templates.write", _remove_version, ("version",)),
            "remove": Work("templates.write", _remove),
            "test": Work(MAIL_SEND, _test, ("version", "to")),
        },
        most_bytes=MOST_BYTES,
    ),
    Page(f"{ONE}/compare", "templates.read", _compare),
)
