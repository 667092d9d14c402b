"""`/tester`: try an SMTP server and watch the conversation (W-02).

The answer to the form is the conversation itself, written line by line while it goes on, so nothing is kept,
no worker must be found again, and it works without scripts (docs/decisions/058).

Public: PAGES.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from posthouse.desk import probes
from posthouse.desk.probes import Tested
from posthouse.doors.web.dashboard import views
from posthouse.doors.web.dashboard.page import Page, Work
from posthouse.doors.web.dashboard.visit import Visit
from posthouse.model.errors import PosthouseError
from posthouse.model.probe import Mechanism, ProbeEnd, ProbeLine, ProbeWish, Security

PATH = "/tester"
_MARK = "<!-- the conversation -->"
_FIELDS = ("host", "port", "security", "user", "mechanism", "from", "to")
_WORDS = {
    Security.STARTTLS: "STARTTLS (usual on 587, 2525 and 25)",
    Security.TLS: "TLS from the first byte (usual on 465)",
    Security.NONE: "None: everything in clear",
}


async def _look(visit: Visit) -> Response:
    return _page(visit, is_running=False)


def _page(visit: Visit, *, is_running: bool) -> Response:
    smtp = visit.parts.settings.smtp
    here = [(each.port, Security.STARTTLS.value) for each in smtp.listen]
    here += [(each.port, Security.TLS.value) for each in smtp.listen_tls]
    return visit.page(
        "tester.html",
        "SMTP tester",
        host=smtp.hostname,
        here=here,
        given=_given(visit),
        securities=[(each.value, _WORDS[each]) for each in Security],
        mechanisms=[
            (each.value, "Automatic" if each is Mechanism.AUTO else each.value.upper()) for each in Mechanism
        ],
        is_running=is_running,
    )


def _given(visit: Visit) -> dict[str, str]:
    """What stands in the form: what was typed, else what the address says. Never a password, nor a user that
    is one."""
    typed = {name: visit.field(name) or visit.query(name)[:300] for name in _FIELDS}
    if visit.field("password") and typed["user"] in probes.secrets_of(typed["user"], visit.field("password")):
        typed["user"] = ""
    for name in ("only_sign_in", "any_certificate"):
        typed[name] = "yes" if visit.ticked(name) or visit.query(name) == "yes" else ""
    return typed


async def _run(visit: Visit) -> Response:
    parts = visit.parts
    given = {name: visit.raw(name) for name in (*_FIELDS, "password", "only_sign_in", "any_certificate")}
    wish = probes.read_wish(given, parts.probes.reach)
    with ExitStack() as held:
        held.enter_context(parts.probes.place(visit.account_id, visit.signed.person.id))
        page = _page(visit, is_running=True)
        head, _, tail = bytes(page.body).decode().partition(_MARK)
        answer = _Conversation(_told(visit, wish, head, tail), held.pop_all())
    answer.raw_headers += [pair for pair in page.raw_headers if pair[0] == b"set-cookie"]
    return answer


class _Conversation(StreamingResponse):
    """Gives its place back however it ends."""

    def __init__(self, pieces: AsyncIterator[str], held: ExitStack) -> None:
        # a proxy that gathers answers would show all lines at the end
        super().__init__(pieces, media_type="text/html", headers={"X-Accel-Buffering": "no"})
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)


async def _told(visit: Visit, wish: ProbeWish, head: str, tail: str) -> AsyncIterator[str]:
    """The page, with the conversation in its place as it goes on."""
    lines: asyncio.Queue[ProbeLine | None] = asyncio.Queue()  # bounded by the length of a transcript
    said: list[ProbeLine] = []
    test = asyncio.create_task(visit.parts.probes.run(wish, lines.put_nowait))
    test.add_done_callback(lambda _: lines.put_nowait(None))
    try:
        yield head
        while (line := await lines.get()) is not None:
            said.append(line)
            yield views.rendered("_tester_line.html", line=line)
        end = await test
    finally:  # whoever asked may have gone away
        test.cancel()
        await asyncio.gather(test, return_exceptions=True)
    yield views.rendered("_tester_end.html", tested=await _tested(visit, wish, said, end))
    yield tail


async def _tested(visit: Visit, wish: ProbeWish, said: list[ProbeLine], end: ProbeEnd) -> Tested:
    parts = visit.parts
    about = parts.settings, parts.probes.reach, visit.now
    try:
        advice = await visit.read(probes.explained, parts.installation, *about, visit.account_id, wish, end)
    except PosthouseError:  # the store is away: what the replies tell is told all the same
        advice = probes.advice_for(wish, end, parts.probes.reach, parts.settings, visit.now)
    return Tested(said, end, advice)


PAGES = (Page(PATH, "events.read", _look, {"run": Work("mail.send", _run)}),)
