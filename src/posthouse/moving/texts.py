"""Templates in their versions: put where they are not yet, found by what programs call them.

Where that is an id and no name, the template is stored under it, as the service's own API here does.

Public: Texts.
"""

from __future__ import annotations

from posthouse.desk import templates
from posthouse.desk.templates import Bounds, Draft
from posthouse.moving.here import Here
from posthouse.moving.report import Report
from posthouse.moving.things import NewVersion
from posthouse.store import templates as stored
from posthouse.store.templates import Template

_WIDE = Bounds(templates=300, versions=300, bytes=3 * 1024 * 1024)  # of a service that knows them by ids


class Texts:
    """Of one move."""

    def __init__(self, here: Here, report: Report) -> None:
        self._here, self._report = here, report

    def take(self, thing: NewVersion) -> bool:
        """Did it come? False: it was there. Raises Refused."""
        here = self._here
        about = self._find(thing)
        if about is not None and any(
            version.tag == thing.tag.lower() for version in stored.versions_of(here.conn, about.id)
        ):
            return False
        name = about.name if about else thing.id or thing.name.strip()
        with here.writing():
            if about is None:
                self._add_template(name, thing)
            templates.store_version(here.conn, here.ids, here.clock.now(), self._draft(name, thing))
        return True

    def _draft(self, name: str, thing: NewVersion) -> Draft:
        return Draft(
            account_id=self._here.account_id,
            domain=thing.domain,
            name=name,
            tag=thing.tag,
            html=thing.html,
            text=thing.text,
            engine=thing.engine,
            fields={name: value for name, value in thing.fields.items() if value},
            description=thing.description,
            is_active=thing.is_active,
            more=dict(thing.more),
            bounds=_bounds(thing),
        )

    def _add_template(self, name: str, thing: NewVersion) -> None:
        """Under the id that programs know, if they know one. Raises Refused."""
        here = self._here
        new = Template(
            thing.id or here.ids.new(),
            here.account_id,
            thing.domain,
            name,
            thing.description,
            here.clock.now(),
            dict(thing.about_template),
        )
        templates.add_template(here.conn, new, _bounds(thing))

    def _find(self, thing: NewVersion) -> Template | None:
        here = self._here
        if thing.id:
            return stored.find_by_id(here.conn, here.account_id, thing.id)
        return stored.find_named(here.conn, here.account_id, thing.domain, thing.name)


def _bounds(thing: NewVersion) -> Bounds:
    return _WIDE if thing.id else templates.USUAL
