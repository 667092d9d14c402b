"""`/sites/where`: to which site a domain's mail goes by DNS, what it says of TLS, and how the site does.

Public: PAGE.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from posthouse.desk import sites
from posthouse.doors.web.dashboard.page import Page
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.model.address import BadAddress, ascii_domain
from posthouse.model.errors import PosthouseError
from posthouse.model.trust import StsPolicy
from posthouse.net.lookup import DnsTrouble
from posthouse.pipeline.site_rules import site_rules
from posthouse.pipeline.trust import StoreShelf
from posthouse.pipeline.trust_report import dane_words, policy_words, sts_words, trust_report

PATH = "/sites/where"
_PATIENCE_S = 25.0


class _Shelf(StoreShelf):
    """What the workers keep, to look at only."""

    async def save(self, policy: StsPolicy) -> None:
        return None


async def _look(visit: Visit) -> Response:
    domain = visit.query("domain")[:255]
    found: dict[str, Any] = {}
    trouble = ""
    if domain:
        try:
            found = await _found(visit, domain)
        except BadAddress as error:
            trouble = f"This is not a domain: {error}."
        except DnsTrouble as error:
            trouble = f"{error.text[:1].upper()}{error.text[1:]}."
        except PosthouseError as error:
            trouble = f"{error.text}."
        except TimeoutError:
            trouble = "DNS or the domain's policy host does not answer in time; try again."
    return visit.page("site_lookup.html", "Where mail goes", domain=domain, wrong=trouble, found=found)


async def _found(visit: Visit, domain: str) -> dict[str, Any]:
    """Raises BadAddress, DnsTrouble, TimeoutError, TryLater."""
    name = ascii_domain(domain.rpartition("@")[2].removesuffix("."))
    settings, shelf = visit.parts.settings, _Shelf(visit.parts.store)
    rules = await asyncio.to_thread(site_rules, settings)
    async with asyncio.timeout(_PATIENCE_S):
        report = await trust_report(settings, rules, visit.parts.clock, shelf, name)
    story = await visit.read(sites.told, sites.site_of(report.site), settings, visit.now)
    return {
        "report": report,
        "story": story,
        "sts": sts_words(report),
        "kept": policy_words(report.kept) if report.kept else "",
        "dane": dane_words(report),
        "is_known": bool(story["workers"] or story["rests"]),
    }


PAGE = Page(PATH, "queue.read", _look, is_operators=True)
