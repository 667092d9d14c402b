"""`/domains`: sending domains and how it stands with each; a new one with its keys and records.

Public: PAGES, PATH.
"""

from __future__ import annotations

from starlette.responses import Response

from posthouse.desk import domains
from posthouse.desk.domain_names import doubts, new_name
from posthouse.desk.domain_view import domain_rows
from posthouse.doors.api import sending_domains
from posthouse.doors.web.dashboard import paging
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.mail.dkim import ED25519_SHA256, RSA_SHA256
from posthouse.model.account import DomainSettings

PATH = "/domains"


async def _look(visit: Visit) -> Response:
    rows = await visit.read(domain_rows, visit.account_id, paging.part_of(visit))
    return visit.page("domains.html", "Domains", **paging.shown(visit, rows, lambda row: str(row["name"])))


async def _add(visit: Visit) -> Response:
    name = new_name(visit.field("name"))
    is_sandbox = visit.ticked("is_sandbox")
    # before keys are made for nothing
    is_proven = await sending_domains.may_add(visit, name, claims_it=visit.ticked("claims"))
    new = await sending_domains.draft(
        visit,
        name,
        is_verified=is_sandbox,
        settings=DomainSettings(is_sandbox=is_sandbox),
        algorithms=(RSA_SHA256, ED25519_SHA256) if visit.ticked("has_ed25519") else (RSA_SHA256,),
    )
    await visit.write(domains.create_for, visit.account_id, new, is_proven=is_proven)
    said = f"{name} is added."
    if doubt := doubts(name):
        said += f" {doubt}"
    elif not is_sandbox:
        said += " Publish its records; this page notices when they are there."
    return visit.go(visit.at(f"{PATH}/{{}}", name), said)


PAGES = (Page(PATH, "domains.read", _look, {"add": Work("domains.write", _add)}),)
