"""`/templates` and `/templates/new`: stored texts of letters, and the first version of another one.

Public: PAGES, PATH, ENGINES, draft_of, editor.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from posthouse.desk import domains, templates
from posthouse.desk.templates import Draft
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.choices import domain_choices
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.store.connection import Connection
from posthouse.store.templates import HANDLEBARS, WRAPPER, Found

PATH = "/templates"
ENGINES = [
    (HANDLEBARS, "Handlebars: {{name}} is replaced by a letter's value"),
    (WRAPPER, "Wrapper: goes around the letter's own HTML, at <% body %>"),
]
MOST_BYTES = 512 * 1024
"""Of a form with a version, whose texts have 100 KB; a form's signs may take three octets each."""

_SAMPLE = '{\n  "name": "Ann",\n  "items": [{"title": "Tea", "price": "4.20"}]\n}'
_STARTER = """<!doctype html>
<html lang="en">
<body>
<h1>Hello {{name}}</h1>
<ul>
{{#each items}}<li>{{title}}: {{price}}</li>
{{/each}}</ul>
</body>
</html>"""


async def _look(visit: Visit) -> Response:
    rows = await visit.read(templates.template_rows, visit.account_id, part=paging.part_of(visit))
    return visit.page("templates.html", "Templates", **paging.shown(visit, rows, templates.place_of))


async def _look_new(visit: Visit) -> Response:
    names = await visit.read(domain_choices, visit.account_id)
    start = {"tag": "initial", "engine": HANDLEBARS, "html": _STARTER, "text": "", "fields": {}}
    start["fields"] = {"Subject": "Hello {{name}}"}
    return visit.page("template_new.html", "New template", domains=names, **editor(start))


def editor(start: dict[str, Any]) -> dict[str, Any]:
    """What the editor's fields hold at first: `tag`, `engine`, `html`, `text`, `fields`."""
    return {"start": start, "engines": ENGINES, "sample": _SAMPLE}


async def _add(visit: Visit) -> Response:
    made: Found = await visit.write(_store, visit)
    about = made.template
    return visit.go(visit.at(f"{PATH}/{{}}", about.id), f"The template {about.name} is stored.")


def _store(conn: Connection, visit: Visit) -> Found:
    domain = visit.field("domain")
    if domain:
        domain = domains.load(conn, visit.account_id, domain)[0].name
    draft = draft_of(visit, visit.field("name"), domain, visit.field("description"))
    return templates.store_first(conn, visit.parts.ids, visit.now, draft)


def draft_of(visit: Visit, name: str, domain: str, description: str = "") -> Draft:
    """The version that the editor holds."""
    fields = {"Subject": "subject", "From": "sender", "Reply-To": "reply_to"}
    return Draft(
        account_id=visit.account_id,
        domain=domain,
        name=name,
        tag=visit.field("tag"),
        html=visit.raw("html"),
        text=visit.raw("text"),
        engine=visit.field("engine"),
        fields={name: value for name, field in fields.items() if (value := visit.field(field))},
        description=description,
        is_active=visit.ticked("active"),
    )


PAGES = (
    Page(PATH, "templates.read", _look),
    Page(
        f"{PATH}/new", "templates.read", _look_new, {"add": Work("templates.write", _add)},
        most_bytes=MOST_BYTES,
    ),
)  # fmt: skip
