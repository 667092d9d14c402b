"""pipeline.deliver: one copy for all or one for each, TLS wishes, copies that cannot be made."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from posthouse.mail.render import Rendering
from posthouse.mail.tokens import Links, read_token, verify
from posthouse.model.clock import FakeClock
from posthouse.model.message import Delivery, DeliveryState, Message, Phase
from posthouse.model.options import RecipientOptions, SendOptions, options_text
from posthouse.pipeline.deliver import Deliverer
from posthouse.pipeline.letters import Job, Loaded
from posthouse.pipeline.links import LinkMaker, throwaway_links
from posthouse.rules.site_limits import Limits
from unit.pipeline.small_world import FakeCourier, FakeSigner, site

ID = "01HF000000ABCDEFGHJKMNPQRS"
RAW = (
    b"From: a@shop.test\r\nTo: %recipient%\r\nSubject: Hi %recipient.name%\r\nContent-Type: text/html\r\n\r\n"
    b'<a href="https://a.test">%recipient.name%</a>\r\n'
)
KEY = b"k" * 32


def loaded(options: SendOptions, raw: bytes = RAW) -> Loaded:
    return Loaded(
        Message(ID, "acc", "shop.test", "c", "a@shop.test", "", "", len(raw), 1.7e9, 1.8e9, options=options),
        raw,
    )


def job(letter: Loaded, number: int = 0, **personal: Any) -> Job:
    text = options_text(RecipientOptions(**personal))
    address = f"u{number}@far.test"
    delivery = Delivery(
        f"{ID}.{number:04d}",
        ID,
        "acc",
        address,
        "far.test",
        "",
        DeliveryState.TAKEN,
        0.0,
        1.8e9,
        personal=text,
    )
    return Job(delivery, letter)


class Kitchen:
    def __init__(self) -> None:
        self.signer = FakeSigner()
        self.courier = FakeCourier()
        self.deliverer = Deliverer(
            clock=FakeClock(),
            signer=self.signer,  # type: ignore[arg-type]
            courier=self.courier,  # type: ignore[arg-type]
            keys_of=lambda domain, account_id: [],
            may_finish=lambda: True,
            links_of=LinkMaker(lambda domain: KEY, lambda domain: f"https://email.{domain}/"),
        )


BATCH = SendOptions(percent=True, to_each=True, track_clicks="html")


async def test_each_recipient_gets_an_own_copy_and_signature() -> None:
    """MG-18, MG-05"""
    kitchen = Kitchen()
    letter = loaded(BATCH)
    jobs = [job(letter, number, variables={"name": f"N{number}"}) for number in range(3)]
    letters = [await kitchen.deliverer.outgoing(each) for each in jobs]
    assert [each.recipient for each in letters] == ["u0@far.test", "u1@far.test", "u2@far.test"]
    for number, each in enumerate(letters):
        assert f"Subject: Hi N{number}\r\n".encode() in each.head
        assert f"To: u{number}@far.test\r\n".encode() in each.head
        body = each.body.replace(b"=\r\n", b"").replace(b"=3D", b"=")
        link = body.partition(b'href="https://email.shop.test/c/')[2].partition(b'"')[0]
        token = read_token(link.decode())
        assert token and verify(token, KEY) and token.delivery_id == f"{ID}.{number:04d}"
    assert kitchen.signer.count == 3


async def test_one_jobs_copy_is_made_once() -> None:
    """MG-23: the archive gets the octets that were delivered"""
    kitchen = Kitchen()
    each = job(loaded(BATCH), variables={"name": "A"})
    one = await kitchen.deliverer.outgoing(each)
    two = await kitchen.deliverer.outgoing(each)
    assert (one.head, one.body) == (two.head, two.body)
    assert kitchen.signer.count == 1


@pytest.mark.parametrize(
    "options",
    [SendOptions(), SendOptions(only_fields=("from",)), SendOptions(percent=False, drop_fields=("to",))],
    ids=["ordinary", "MP-03 rebuilt", "option fields dropped"],
)
async def test_equal_copies_share_one_signature(options: SendOptions) -> None:
    kitchen = Kitchen()
    letter = loaded(options)
    one, two = [await kitchen.deliverer.outgoing(job(letter, number)) for number in (0, 1)]
    assert (one.head, one.body) == (two.head, two.body)
    assert kitchen.signer.count == 1


async def test_a_failed_signature_is_made_anew() -> None:
    kitchen = Kitchen()
    kitchen.signer.fails = 1
    each = job(loaded(BATCH))
    with pytest.raises(RuntimeError):
        await kitchen.deliverer.outgoing(each)
    assert (await kitchen.deliverer.outgoing(each)).head


async def test_many_at_once() -> None:
    kitchen = Kitchen()
    letter = loaded(SendOptions(only_fields=("from",), dkim_second=("x.test", "s")))
    await asyncio.gather(*[kitchen.deliverer.outgoing(job(letter, number)) for number in range(5)])
    assert kitchen.signer.count == 1


@pytest.mark.parametrize("is_large", [True, False])
async def test_a_large_letter_is_rendered_once_beside_the_loop(
    is_large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    class Watched(Rendering):
        def __init__(self, *args: Any) -> None:
            threads.append(threading.get_ident())
            super().__init__(*args)

    monkeypatch.setattr("posthouse.pipeline.deliver.Rendering", Watched)
    letter = loaded(BATCH, RAW + b"<p>much</p>\r\n" * (30_000 if is_large else 1))
    kitchen = Kitchen()
    made = await asyncio.gather(*[kitchen.deliverer.outgoing(job(letter, number)) for number in range(3)])
    assert len({outgoing.body for outgoing in made}) == 3 and letter.preparing is None
    (thread,) = threads
    assert (thread != threading.get_ident()) == is_large


async def test_a_large_letter_that_cannot_be_rendered_is_a_final_failure_for_each() -> None:
    kitchen = Kitchen()
    raw = RAW.replace(b"%recipient.name%", b"{{#if}}") + b"<p>much</p>\r\n" * 30_000
    letter = loaded(SendOptions(is_template=True), raw)
    limits = Limits(messages_per_connection=10)
    attempts = [
        kitchen.deliverer.attempt(job(letter, number), site("far.test"), "", limits) for number in range(2)
    ]
    assert {result.enhanced for result in await asyncio.gather(*attempts)} == {"5.6.0"}


async def test_a_copy_that_cannot_be_made_is_a_final_failure() -> None:
    kitchen = Kitchen()
    each = job(loaded(SendOptions(is_template=True), RAW.replace(b"%recipient.name%", b"{{#if}}")))
    result = await kitchen.deliverer.attempt(each, site("far.test"), "", Limits(messages_per_connection=10))
    assert (result.phase, result.code, result.enhanced) == (Phase.LOCAL, 554, "5.6.0")
    assert "template" in result.text
    assert kitchen.courier.begun == []


# (options, is TLS required, is the certificate checked)
TLS = {
    "MG-10 unset": (SendOptions(), False, False),
    "MG-10 required": (SendOptions(require_tls=True), True, True),
    "MG-11 any certificate": (SendOptions(require_tls=True, skip_verification=True), True, False),
    "MG-11 not required": (SendOptions(skip_verification=False), False, False),
    "MG-10 no": (SendOptions(require_tls=False), False, False),
}


@pytest.mark.parametrize(("options", "requires", "verifies"), TLS.values(), ids=TLS)
async def test_tls_wishes(options: SendOptions, requires: bool, verifies: bool) -> None:
    outgoing = await Kitchen().deliverer.outgoing(job(loaded(options)))
    assert (outgoing.require_tls, outgoing.verify_tls) == (requires, verifies)


async def test_8bit_and_utf8_are_asked_for_by_the_copy() -> None:
    kitchen = Kitchen()
    letter = loaded(
        BATCH, RAW.replace(b"text/html", b"text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit")
    )
    one, two = [await kitchen.deliverer.outgoing(job(letter, n, variables={"name": "xé"[n]})) for n in (0, 1)]
    assert (one.is_8bit, two.is_8bit) == (False, True)


def test_personal_options_are_read_once() -> None:
    each = job(loaded(BATCH), variables={"name": "A"})
    assert each.copy_options.variables == {"name": "A"}
    assert each.copy_options is each.copy_options


def test_links_are_made_once_for_a_domain_and_follow_its_settings() -> None:
    base = ["https://a.test"]
    maker = LinkMaker(lambda domain: domain.encode(), lambda domain: base[0])
    message = loaded(BATCH).message
    links = maker(message)
    assert links == Links(b"shop.test", "https://a.test", "shop.test")
    assert maker(message) is links
    base[0] = "https://b.test/"
    assert maker(message).base_url == "https://b.test"


def test_throwaway_links_differ() -> None:
    message = loaded(BATCH).message
    assert throwaway_links()(message).key != throwaway_links()(message).key
