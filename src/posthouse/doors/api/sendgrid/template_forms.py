"""Templates and versions as the service shows them, and what of them is kept beside our own nouns.

Names there are not unique and ids have forms of their own: a template made here is stored under its id, a
version under its id as tag, and the name that people gave is in `more`. Those that somebody else made (the
command line, another service's API) show under the names that they have.

Public: LEGACY, DYNAMIC, generation_of, template_shown, version_shown, version_brief, kept, with_kept, new_id,
engine_of, template_error, told.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from posthouse.doors.api.answers import Said, json_answer, problem_of
from posthouse.model.errors import Refused
from posthouse.store.templates import HANDLEBARS, WRAPPER, Template, Version

LEGACY, DYNAMIC = "legacy", "dynamic"
_OURS = "sendgrid"


def kept(more: dict[str, Any]) -> dict[str, Any]:
    """What this API keeps of a template or version."""
    found = more.get(_OURS)
    return found if isinstance(found, dict) else {}


def with_kept(more: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**more, _OURS: {**kept(more), **values}}


def new_id(generation: str) -> str:
    return f"d-{uuid.uuid4().hex}" if generation == DYNAMIC else str(uuid.uuid4())


def generation_of(about: Template, versions: Sequence[Version]) -> str:
    """Made elsewhere, it is what its texts are written for."""
    if said := kept(about.more).get("generation"):
        return str(said)
    return LEGACY if any(version.engine == WRAPPER for version in versions) else DYNAMIC


def engine_of(generation: str) -> str:
    return HANDLEBARS if generation == DYNAMIC else WRAPPER


def _updated(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def template_shown(about: Template, versions: Sequence[Version], *, is_brief: bool = False) -> dict[str, Any]:
    """`is_brief`: versions without their texts, as in lists."""
    show = version_brief if is_brief else version_shown
    found = kept(about.more)
    return {
        "id": about.id,
        "name": found.get("name", about.name),
        "generation": generation_of(about, versions),
        "updated_at": _updated(found.get("updated_at", about.created_at)),
        "versions": [show(version) for version in versions],
    }


def version_brief(version: Version) -> dict[str, Any]:
    found = kept(version.more)
    return {
        "id": version.tag,
        "template_id": version.template_id,
        "active": int(version.is_active),
        "name": found.get("name", version.tag),
        "subject": version.fields.get("Subject", ""),
        "updated_at": _updated(found.get("updated_at", version.created_at)),
        "generate_plain_content": found.get("generate_plain_content", False),
        "editor": found.get("editor", "code"),
        "thumbnail_url": "",  # no pictures are made of templates
    }


def version_shown(version: Version) -> dict[str, Any]:
    return {
        **version_brief(version),
        "html_content": version.html,
        "plain_content": version.text,
        "test_data": kept(version.more).get("test_data", ""),
    }


def template_error(message: str, field: str | None = None, status: int = 400, id: str = "") -> Said:
    """These calls have a key more in their errors than others (sendgrid.md 3.9); to be raised."""
    error = {"field": field, "message": message, "error_id": id or _ERROR_IDS.get(status, "bad_request")}
    return Said(json_answer({"errors": [error]}, status))


_ERROR_IDS = {404: "not_found", 403: "forbidden"}
_FIELDS = {"bad-template": "html_content", "bad-name": "name", "limit": None}


def told(refused: Refused) -> Said:
    """What our desk refuses, in this form."""
    problem = problem_of(refused)
    if problem.status == 404:
        return template_error("resource not found", status=404)
    field = _FIELDS.get(refused.reason)
    return template_error(problem.text, field, 400, problem.reason.replace("-", "_"))
