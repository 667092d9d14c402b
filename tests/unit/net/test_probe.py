"""Tests of SMTP servers over real sockets: what each fault looks like, and where a test may not go (S15)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from posthouse.internet.dns import FakeDns
from posthouse.internet.scripts import Tls
from posthouse.model.clock import SystemClock
from posthouse.model.probe import ProbeEnd, ProbeLine, ProbeStep, ProbeWish, Security
from posthouse.net.lookup import Lookup
from posthouse.net.probe import Limits, Prober, Reach
from unit.net.probe_servers import HOST, Script, context, serving, trusted

QUICK = Limits(connect_s=5.0, greeting_s=0.3, reply_s=5.0, quit_s=0.3, total_s=20.0)
LETTER = b"Subject: test\r\n\r\nHello\r\n"
EVERYWHERE = Reach(allows_private=True, ports=None)
ZONE = """
two.test.     A 127.0.0.1
inside.test.  A 10.1.2.3
null.test.    MX 0 .
mail.test.    MX 20 b.mail.test.
mail.test.    MX 10 a.mail.test.
text.test.    TXT "nothing else"
"""


@asynccontextmanager
async def prober(
    reach: Reach = EVERYWHERE, authorities: Path | None = None, limits: Limits = QUICK
) -> AsyncIterator[Prober]:
    dns = FakeDns(ZONE)
    await dns.start()
    lookup = Lookup([dns.address], SystemClock(), timeout_s=1.0)
    try:
        yield Prober(reach, lookup, SystemClock(), "me.test", authorities, limits)
    finally:
        await lookup.close()
        await dns.close()


def wish(port: int, **more: object) -> ProbeWish:
    given: dict[str, object] = {
        "host": HOST,
        "port": port,
        "security": Security.NONE,
        "user": "app@shop.test",
        "password": "Sesame-77-Street",
        "sender": "app@shop.test",
        "recipient": "ann@good.test",
    }
    return ProbeWish(**(given | more))  # type: ignore[arg-type]


async def run(
    script: Script, *, authorities: Path | None = None, limits: Limits = QUICK, **more: object
) -> tuple[ProbeEnd, list[ProbeLine]]:
    """A test of that server, called `localhost`."""
    lines: list[ProbeLine] = []
    async with serving(script) as port:
        own = replace(EVERYWHERE, own={port: "127.0.0.1"})
        async with prober(own, authorities, limits) as made:
            return await made.run(wish(port, **more), LETTER, lines.append), lines


async def test_W_02_a_message_goes_through_under_starttls(tmp_path: Path) -> None:
    script = Script(replies={"STARTTLS": b"220 go\r\n"}, tls=context())
    end, lines = await run(script, authorities=trusted(tmp_path), security=Security.STARTTLS)
    assert (end.step, end.fault, end.is_signed_in) == (ProbeStep.DONE, "", True), lines
    assert end.tls is not None and end.tls.version.startswith("TLS") and not end.tls.fault
    assert end.tls.certificate is not None and end.tls.certificate.names == (HOST,)
    assert end.tls.certificate.issuer == "Fake Internet Authority"
    assert script.hears[-2:] == [LETTER + b".\r\n", b"QUIT\r\n"]
    assert [line.at_ms for line in lines] == sorted(line.at_ms for line in lines)


async def test_W_02_tls_from_the_first_byte(tmp_path: Path) -> None:
    script = Script(tls=context(), begins_with_tls=True)
    end, _ = await run(script, authorities=trusted(tmp_path), security=Security.TLS, only_sign_in=True)
    assert (end.step, end.fault) == (ProbeStep.AUTH, "")


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (Tls.SELF_SIGNED, "self-signed"),
        (Tls.WRONG_NAME, "name"),
        (Tls.EXPIRED, "self-signed"),
        (Tls.GOOD, "not-trusted"),
    ],
)
@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_W_02_a_certificate_that_does_not_hold_is_shown_and_no_password_sent(
    tmp_path: Path, kind: Tls, fault: str, security: Security
) -> None:
    script = Script(
        replies={"STARTTLS": b"220 go\r\n"}, tls=context(kind), begins_with_tls=security is Security.TLS
    )
    authorities = None if kind is Tls.GOOD else trusted(tmp_path)
    end, _ = await run(script, authorities=authorities, security=security)
    assert end.step is ProbeStep.TLS and end.tls is not None
    assert end.tls.fault in (fault, "not-trusted", "expired") and end.tls.certificate is not None
    assert not any(line.startswith(b"AUTH") for line in script.hears)


async def test_W_02_any_certificate_will_do_if_asked_for() -> None:
    script = Script(tls=context(Tls.SELF_SIGNED), begins_with_tls=True)
    end, _ = await run(script, security=Security.TLS, any_certificate=True)
    assert not end.fault and end.tls is not None and end.tls.fault == "not-checked"


async def test_W_02_tls_spoken_to_a_port_in_clear() -> None:
    end, lines = await run(Script(), security=Security.TLS)
    assert end.tls is not None and end.tls.fault == "in-clear"
    assert "220" not in " ".join(line.text for line in lines)


async def test_W_02_clear_spoken_to_a_tls_port() -> None:
    end, _ = await run(Script(tls=context(), begins_with_tls=True))
    assert end.step is ProbeStep.GREETING and end.fault in ("silent", "closed")


@pytest.mark.parametrize(
    ("script", "step", "fault"),
    [
        (Script(hangs_up=True), ProbeStep.GREETING, "closed"),
        (Script(greeting=b""), ProbeStep.GREETING, "silent"),
        (Script(greeting=b"HTTP/1.1 400 Bad Request\r\n"), ProbeStep.GREETING, "not-smtp"),
        (Script(replies={"AUTH": b"535 5.7.8 no\r\n"}), ProbeStep.AUTH, "refused"),
        (Script(replies={"MAIL": b"550 no\r\n"}), ProbeStep.MAIL, "refused"),
        (Script(replies={"CONTENT": b"554 no\r\n"}), ProbeStep.CONTENT, "refused"),
    ],
    ids=["hangs up", "silent", "another protocol", "wrong password", "sender", "content"],
)
async def test_W_02_faults_of_a_server(script: Script, step: ProbeStep, fault: str) -> None:
    end, _ = await run(script)
    assert (end.step, end.fault) == (step, fault)


async def test_a_test_ends_in_time() -> None:
    script = Script(replies={"MAIL": b""})
    limits = replace(QUICK, total_s=0.5)
    end, _ = await run(script, limits=limits)
    assert (end.step, end.fault) == (ProbeStep.MAIL, "too-long")


async def test_nothing_listens_on_the_port() -> None:
    async with serving(Script()) as port:
        pass
    async with prober() as made:
        end = await made.run(wish(port, host="two.test"), LETTER, lambda line: None)
    assert (end.step, end.fault) == (ProbeStep.CONNECT, "no-listener")


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("nowhere.test", "no-name"),
        ("text.test", "no-address"),
        ("null.test", "null-mx"),
        ("mail.test", "mail-domain"),
    ],
)
async def test_W_02_names_without_an_address(host: str, fault: str) -> None:
    async with prober() as made:
        end = await made.run(wish(25, host=host), LETTER, lambda line: None)
    assert (end.step, end.fault) == (ProbeStep.DNS, fault)
    assert end.mx == ("a.mail.test" if fault == "mail-domain" else "")


@pytest.mark.parametrize(
    "host", ["two.test", "inside.test", "127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"]
)
async def test_S15_private_addresses_are_not_tried(host: str) -> None:
    reach = Reach(allows_private=False, ports={25})
    tried = Script()
    async with serving(tried) as port, prober(reach) as made:
        lines: list[ProbeLine] = []
        end = await made.run(wish(port, host=host), LETTER, lines.append)
    assert end.fault == "private" and not tried.hears
    assert "10.1.2.3" not in " ".join(line.text for line in lines if "not allow" in line.text)


async def test_S15_this_very_server_may_be_tested_and_no_other_port_beside_it() -> None:
    async with serving(Script()) as port:
        reach = Reach(allows_private=False, ports={25}, own={port: "127.0.0.1"}, own_names={"mx.here.test"})
        assert reach.opens("mx.here.test", port) and not reach.opens("mx.here.test", port + 1)
        assert not reach.opens("else.test", port)
        async with prober(reach) as made:
            end = await made.run(wish(port, host="mx.here.test"), LETTER, lambda line: None)
    assert (end.step, end.fault, end.address) == (ProbeStep.DONE, "", "127.0.0.1")


async def test_a_test_that_is_given_up_closes_its_connection() -> None:
    script = Script(greeting=b"")
    async with serving(script) as port, prober(limits=replace(QUICK, greeting_s=30.0)) as made:
        connected = asyncio.Event()
        test = asyncio.create_task(
            made.run(wish(port, host="127.0.0.1"), LETTER, lambda line: connected.set())
        )
        await connected.wait()
        test.cancel()
        with pytest.raises(asyncio.CancelledError):
            await test
