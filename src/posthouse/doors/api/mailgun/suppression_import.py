"""Lists that come as a CSV file: written a few thousand rows at a time, answered when all are there.

Mailgun answers at once and works on the file later; here nothing is left to do when the client hears of it.
Lines that cannot be used are counted in a header field of the answer.

Public: import_file, file_of, imported.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

from posthouse.desk.suppression_files import Summary, Wanted, steps_of
from posthouse.desk.suppressions import Place
from posthouse.doors.api.answers import Answer, json_answer
from posthouse.doors.api.call import Call
from posthouse.doors.api.mailgun.phrases import said
from posthouse.model.several import several
from posthouse.model.suppression import Suppression, SuppressionKind
from posthouse.store import suppressions

MOST_BYTES = 25 * 1024 * 1024


async def import_file(call: Call, kind: SuppressionKind) -> Answer:
    """Put everybody in the uploaded file on the domain's list of that kind. Raises Refused, Problem, Said."""
    content = await file_of(call)
    name = call.domain.name
    # a file may name a domain in each row: only this one is the call's
    wanted = Wanted(call.account_id, Place(kind, name), call.now, frozenset({name}))
    summary = Summary()
    stream: Any = io.BufferedReader(io.BytesIO(content))
    steps = steps_of(stream, wanted, summary)
    while rows := await asyncio.to_thread(_next, steps):
        call.about = f"a file: {several([row.address for row in rows])}"
        await call.write(suppressions.add, rows)
    return imported(summary.bad)


def _next(steps: Iterator[list[Suppression]]) -> list[Suppression]:
    return next(steps, [])


async def file_of(call: Call) -> bytes:
    """The only file of the form, whatever its field is called: programs name it as they like. Raises Problem,
    Said."""
    form = await call.form()
    if not form.files:
        raise said("file is missing: send it as multipart/form-data")
    content: bytes = form.files[0].content
    if len(content) > MOST_BYTES:
        raise said(f"the file is larger than {MOST_BYTES // 1024 // 1024} MB", 413)
    if not content.strip():
        raise said("the file is empty")
    return content


def imported(left_out: int) -> Answer:
    headers = {"X-Posthouse-Lines-Left-Out": str(left_out)} if left_out else {}
    return json_answer({"message": "file uploaded successfully for processing. standby..."}, 202, headers)
