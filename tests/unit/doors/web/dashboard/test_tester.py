"""The SMTP tester's page (W-02, S15, S20, S22)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from browsing import Page
from posthouse.desk.probes import MOST_RUNS
from posthouse.model.account import Role
from unit.doors.web.dashboard.desk import Desk, open_desk
from unit.net.probe_servers import Script, serving

TESTER = "/accounts/default/tester"
SECRET = "Marker-7731-Sesame"


async def run(desk: Desk, port: int, role: Role = Role.OWNER, **more: str) -> Page:
    values = {
        "host": "127.0.0.1", "port": str(port), "security": "none", "user": "app@shop.test",
        "password": SECRET, "from": "app@shop.test", "to": "ann@good.test",
    }  # fmt: skip
    browser = await desk.browser(role)
    return await browser.fill(await browser.open(TESTER), "Run", **(values | more))


async def test_W_02_a_run_shows_the_conversation_and_what_it_means(tmp_path: Path) -> None:
    script = Script(replies={"AUTH": f"535 5.7.8 {SECRET} is wrong\r\n".encode()})
    async with serving(script) as port:
        opens = {"tester": {"private_networks": "allow", "ports": [port]}}
        async with open_desk(tmp_path, settings=opens) as desk:
            page = await run(desk, port)
    assert page.status == 200, page.html.partition('role="alert"')[2][:300]
    assert page.html.rstrip().endswith("</html>")
    assert "AUTH PLAIN (user and password, not shown)" in page.text
    assert "535 5.7.8 (not shown) is wrong" in page.text and "User and password do not fit." in page.text
    assert SECRET not in page.html
    form = page.form("Run")
    assert form.fields["user"] == "app@shop.test" and form.fields["port"] == str(port)
    assert page.html.count("<section") == page.html.count("</section>") == 3


async def test_W_02_a_message_that_is_taken_is_good_news(tmp_path: Path) -> None:
    async with serving(Script(replies={"CONTENT": b"250 Great success\r\n"})) as port:
        opens = {"tester": {"private_networks": "allow", "ports": [port]}}
        async with open_desk(tmp_path, settings=opens) as desk:
            page = await run(desk, port)
    assert "It works" in page.text and "The server took the message over: 250 Great success." in page.text


async def test_S22_a_token_that_is_also_the_user_is_not_shown(tmp_path: Path) -> None:
    async with serving(Script(replies={"AUTH": f"535 {SECRET}\r\n".encode()})) as port:
        opens = {"tester": {"private_networks": "allow", "ports": [port]}}
        async with open_desk(tmp_path, settings=opens) as desk:
            page = await run(desk, port, user=SECRET)
    assert SECRET not in page.html and page.form("Run").fields["user"] == ""


async def test_S13_what_a_server_says_is_text(tmp_path: Path) -> None:
    async with serving(Script(greeting=b"554 <script>alert(1)</script> </ol><b>\r\n")) as port:
        opens = {"tester": {"private_networks": "allow", "ports": [port]}}
        async with open_desk(tmp_path, settings=opens) as desk:
            page = await run(desk, port)
    assert "<script>alert" not in page.html and "<b>" not in page.html
    assert "<script>alert(1)</script>" in page.text


async def test_S15_a_test_goes_to_no_private_address_and_no_other_port(desk: Desk) -> None:
    tried = Script()
    async with serving(tried) as port:
        page = await run(desk, port)
        assert page.status == 400 and "tester.ports" in page.text
    page = await run(desk, 25, host="10.1.2.3")
    assert "leads to a private address" in page.text and not tried.hears


async def test_a_wrong_field_keeps_what_was_typed_but_never_the_password(desk: Desk) -> None:
    page = await run(desk, 587, to="nobody")
    assert page.status == 400 and page.form("Run").fields["host"] == "127.0.0.1"
    assert SECRET not in page.html


async def test_W_02_tests_have_a_limit(desk: Desk) -> None:
    browser = await desk.browser()
    page = await browser.open(TESTER)
    for _ in range(MOST_RUNS):
        page = await browser.fill(page, "Run", host="10.1.2.3", port="25", only_sign_in="yes")
        assert page.status == 200
    page = await browser.fill(page, "Run", host="10.1.2.3", port="25", only_sign_in="yes")
    assert page.status == 429 and "You have run 20 tests in ten minutes" in page.text


async def test_a_viewer_may_not_run_tests(desk: Desk) -> None:
    page = await (await desk.browser(Role.VIEWER)).open(TESTER)
    assert page.status == 200 and [form.button for form in page.forms] == ["Sign out"]


@pytest.mark.parametrize(
    "query", ["?user=app@shop.test&port=465&security=tls", "?host=a%00b&port=%ff", "?port=<b>"]
)
async def test_the_form_is_filled_from_the_address(desk: Desk, query: str) -> None:
    page = await (await desk.browser()).open(TESTER + query)
    assert page.status == 200 and "<b>" not in page.html
    if "465" in query:
        fields = page.form("Run").fields
        assert (fields["user"], fields["port"], fields["security"]) == ("app@shop.test", "465", "tls")


async def test_W_02_lines_are_shown_while_the_test_goes_on(tmp_path: Path) -> None:
    """The server greets only when its visitor has been told of the connection."""
    told = asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await told.wait()
        writer.write(b"554 not here\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    opens = {"tester": {"private_networks": "allow", "ports": [port]}}
    async with open_desk(tmp_path, settings=opens) as desk:
        plain = desk.app

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if b"Connected" in message.get("body", b""):
                    told.set()
                await send(message)

            await plain(scope, receive, sent)

        desk.app = watched  # type: ignore[assignment]
        page = await run(desk, port)
    server.close()
    await server.wait_closed()
    assert "554 not here" in page.text and "does not want to talk to this machine" in page.text
