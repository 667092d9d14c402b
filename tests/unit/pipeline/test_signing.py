"""Signer: batches, failures of one letter, children that die, hang or speak nonsense; the real process."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from dkim_oracle import verified_signatures
from posthouse.mail.canon import body_hash
from posthouse.mail.dkim import SigningKey, load_key, new_key
from posthouse.mail.render import Prepared, finish, prepare
from posthouse.model.message import Message
from posthouse.pipeline import signing
from posthouse.pipeline.signing import BATCH, CannotSign, Signer
from posthouse.pipeline.signing_child import Answer, Batch, frame, start_child
from unit.pipeline.small_world import RAW, until

NOW = 1_700_000_000
_der, PUBLIC = new_key("ed25519-sha256")
KEY = SigningKey("shop.test", "s1", "ed25519-sha256", load_key(_der))
OTHER = SigningKey("other.test", "s2", "ed25519-sha256", load_key(new_key("ed25519-sha256")[0]))
_decode = msgspec.msgpack.Decoder(Batch).decode


def letter(number: int = 0, size: int = 20) -> Prepared:
    raw = RAW.replace(b"hello", b"%d " % number + b"x" * size)
    return prepare(
        raw, Message(f"m{number}", "acc", "shop.test", "c", "a@shop.test", "x", "", len(raw), NOW, NOW + 9)
    )


class MadeUp:
    """The other end of a child's pipe, answered by the test."""

    def __init__(self, pipe: socket.socket) -> None:
        self.pipe = pipe
        self.batches: list[Batch] = []
        self._input = b""

    async def follow(self) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self.pipe, 1 << 20):
            self._input += data
            while len(self._input) >= 4:
                end = 4 + int.from_bytes(self._input[:4], "big")
                if len(self._input) < end:
                    break
                self.batches.append(_decode(self._input[4:end]))
                self._input = self._input[end:]

    def answer(self, batch: Batch, trouble: Sequence[str] = ()) -> None:
        words = [*trouble, *[""] * (len(batch.tasks) - len(trouble))]
        self.say([Answer(b"" if word else b"DKIM-Signature: made up\r\n", word) for word in words])

    def say(self, value: Any) -> None:
        self.pipe.send(value if isinstance(value, bytes) else frame(value))

    @property
    def sizes(self) -> list[int]:
        return [len(batch.tasks) for batch in self.batches]


class Bench:
    """A signer with made-up children."""

    def __init__(self) -> None:
        self.children: list[MadeUp] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def open(self, count: int) -> Signer:
        pipes = []
        for _ in range(count):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.setblocking(False)
            pipes.append(ours)
            self.children.append(MadeUp(theirs))
        self.signer = await Signer.open(pipes)
        self.tasks = [asyncio.ensure_future(child.follow()) for child in self.children]
        return self.signer


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.signer.close()
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    for child in made.children:
        child.pipe.close()
    await asyncio.sleep(0.001)


async def test_one_letter(bench: Bench) -> None:
    signer = await bench.open(1)
    prepared = letter()
    future = signer.sign(prepared, [KEY], NOW + 0.7)
    [child] = bench.children
    await until(lambda: child.batches)
    [batch] = child.batches
    [task] = batch.tasks
    assert (task.head, task.body, task.now) == (prepared.head, prepared.body, NOW)
    child.answer(batch)
    head, body = await future
    assert head == b"DKIM-Signature: made up\r\n" + prepared.head + b"\r\n" and body == prepared.body


async def test_a_body_whose_hash_is_known_stays_at_home(bench: Bench) -> None:
    signer = await bench.open(1)
    prepared = replace(letter(), body_hash=body_hash(letter().body))
    future = signer.sign(prepared, [KEY], NOW)
    [child] = bench.children
    await until(lambda: child.batches)
    [task] = child.batches[0].tasks
    assert (task.head, task.body, task.body_hash) == (prepared.head, b"", prepared.body_hash)
    child.answer(child.batches[0])
    assert (await future)[1] == prepared.body


async def test_a_letter_without_a_key_needs_no_child(bench: Bench) -> None:
    signer = await bench.open(1)
    prepared = letter()
    assert signer.sign(prepared, [], NOW).result() == finish(prepared, [], NOW)
    assert bench.children[0].batches == []


# letters, children -> batches of each child before any answer
BATCHES = {
    "one": (1, 1, [[1]]),
    "a whole batch": (BATCH, 1, [[BATCH]]),
    "two are out, the rest waits": (40, 1, [[BATCH, BATCH]]),
    "few are shared": (4, 2, [[2], [2]]),
    "one more than two": (3, 2, [[2], [1]]),
    "many": (40, 2, [[BATCH, BATCH], [BATCH, BATCH]]),
}


@pytest.mark.parametrize(("letters", "children", "sizes"), BATCHES.values(), ids=BATCHES.keys())
async def test_batches(bench: Bench, letters: int, children: int, sizes: list[list[int]]) -> None:
    signer = await bench.open(children)
    futures = [signer.sign(letter(number), [KEY], NOW) for number in range(letters)]
    await until(lambda: sum(len(child.batches) for child in bench.children) == sum(map(len, sizes)))
    assert sorted((child.sizes for child in bench.children), reverse=True) == sizes
    answered = {id(child): 0 for child in bench.children}
    while not all(future.done() for future in futures):
        for child in bench.children:
            for batch in child.batches[answered[id(child)] :]:
                child.answer(batch)
                answered[id(child)] += 1
        await asyncio.sleep(0)
    for number, future in enumerate(futures):
        assert future.result()[1] == letter(number).body, "each got its own"


async def test_large_letters_travel_in_small_company(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_BATCH_BYTES", 1000)
    signer = await bench.open(1)
    for number in range(6):
        signer.sign(letter(number, 600), [KEY], NOW)
    [child] = bench.children
    await until(lambda: len(child.batches) == 2)
    assert child.sizes == [2, 2]


async def test_a_key_travels_once(bench: Bench) -> None:
    signer = await bench.open(1)
    [child] = bench.children
    numbers = []
    for keys in ([KEY], [KEY, OTHER], [OTHER]):
        signer.sign(letter(), keys, NOW)
        await until(lambda count=len(numbers): len(child.batches) > count)  # type: ignore[misc]
        batch = child.batches[-1]
        numbers.append(([key.number for key in batch.new_keys], batch.tasks[0].keys))
        child.answer(batch)
    assert numbers == [([0], [0]), ([1], [0, 1]), ([], [1])]


async def test_one_letter_that_cannot_be_signed_fails_alone(bench: Bench) -> None:
    signer = await bench.open(1)
    futures = [signer.sign(letter(number), [KEY], NOW) for number in range(3)]
    [child] = bench.children
    await until(lambda: child.batches)
    child.answer(child.batches[0], ["ValueError: odd"])
    with pytest.raises(CannotSign, match="ValueError: odd"):
        await futures[0]
    assert (await futures[1]) and (await futures[2])


async def test_a_key_that_cannot_travel_fails_its_letters_and_no_others(bench: Bench) -> None:
    """Nobody may wait for a letter that was never sent: its row would stay taken."""
    signer = await bench.open(1)
    broken = replace(KEY, selector="s3")
    object.__setattr__(broken, "private", None)
    with pytest.raises(AttributeError):
        await signer.sign(letter(), [broken], NOW)
    future = signer.sign(letter(1), [KEY], NOW)
    [child] = bench.children
    await until(lambda: child.batches)
    child.answer(child.batches[-1])
    assert await future


async def test_who_does_not_wait_any_more_disturbs_nobody(bench: Bench) -> None:
    signer = await bench.open(1)
    futures = [signer.sign(letter(number), [KEY], NOW) for number in range(2)]
    futures[0].cancel()
    [child] = bench.children
    await until(lambda: child.batches)
    child.answer(child.batches[0])
    assert await futures[1]


async def test_the_letters_of_a_dead_child_are_signed_by_the_others(bench: Bench) -> None:
    signer = await bench.open(2)
    futures = [signer.sign(letter(number), [KEY], NOW) for number in range(6)]
    first, second = bench.children
    await until(lambda: first.batches and second.batches)
    first.pipe.close()
    await until(lambda: sum(second.sizes) == 6)
    for batch in second.batches:
        second.answer(batch)
    assert [body for _, body in await asyncio.gather(*futures)] == [letter(n).body for n in range(6)]


async def test_without_children_the_mail_goes_on(bench: Bench) -> None:
    signer = await bench.open(1)
    futures = [signer.sign(letter(number), [KEY], NOW) for number in range(3)]
    [child] = bench.children
    await until(lambda: child.batches)
    child.pipe.close()
    for number, future in enumerate(futures):
        assert await asyncio.wait_for(future, 60) == finish(letter(number), [KEY], NOW)
    assert await asyncio.wait_for(signer.sign(letter(9), [KEY], NOW), 60)
    unsignable = Prepared(b"", [], b"", False, False)
    with pytest.raises(AttributeError):
        await asyncio.wait_for(signer.sign(unsignable, [None], NOW), 60)  # type: ignore[list-item]


@pytest.mark.parametrize("nonsense", [b"\0\0\0\3abc", frame([]), frame({"a": 1}), frame(["x"])])
async def test_a_child_that_speaks_nonsense_is_given_up(bench: Bench, nonsense: bytes) -> None:
    signer = await bench.open(1)
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    future = signer.sign(letter(), [KEY], NOW)
    [child] = bench.children
    await until(lambda: child.batches)
    child.say(nonsense)
    assert await asyncio.wait_for(future, 60) == finish(letter(), [KEY], NOW)
    assert complaints


async def test_a_child_that_hangs_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all mail would wait for it, and nothing would say so."""
    monkeypatch.setattr(signing, "STUCK_S", 0.05)
    signer = await bench.open(2)
    first, second = bench.children
    futures = [signer.sign(letter(number), [KEY], NOW) for number in range(4)]
    await until(lambda: first.batches and second.batches)
    done = 0
    while not all(future.done() for future in futures):
        for batch in second.batches[done:]:
            second.answer(batch)
            done += 1
        await asyncio.sleep(0.002)
    assert [body for _, body in await asyncio.gather(*futures)] == [letter(n).body for n in range(4)]
    assert sum(second.sizes) == 4


async def test_a_child_that_rests_is_not_stuck(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "STUCK_S", 0.03)
    signer = await bench.open(1)
    [child] = bench.children
    for number in range(4):
        future = signer.sign(letter(number), [KEY], NOW)
        await until(lambda number=number: len(child.batches) > number)  # type: ignore[misc]
        child.answer(child.batches[-1])
        await future
        await asyncio.sleep(0.02 * number)
    assert len(signer._children) == 1


async def test_close_ends_the_children(bench: Bench) -> None:
    signer = await bench.open(2)
    signer.close()
    await until(lambda: all(task.done() for task in bench.tasks))
    assert not signer._children


async def test_a_real_process_signs_what_others_can_verify() -> None:
    cores = os.sched_getaffinity(0)
    pipes: list[socket.socket] = []
    for _ in range(2):
        pipes.append(start_child(pipes, cores))
    signer = await Signer.open(pipes)
    prepared = [letter(number, 3000 * number) for number in range(30)]
    finished = await asyncio.gather(*[signer.sign(each, [KEY], NOW) for each in prepared])
    records = {"s1._domainkey.shop.test": f"v=DKIM1; k=ed25519; p={PUBLIC}"}
    for (head, body), each in zip(finished, prepared, strict=True):
        assert body == each.body and head.endswith(each.head + b"\r\n")
    assert verified_signatures(b"".join(finished[7]), records) == ["s1"]
    assert await signer.sign(prepared[0], [KEY], NOW) == finish(prepared[0], [KEY], NOW)
    hashed = replace(prepared[7], fields=[], body_hash=body_hash(prepared[7].body))
    assert (
        await signer.sign(hashed, [KEY], NOW) == finish(prepared[7], [KEY], NOW) == finish(hashed, [KEY], NOW)
    )
    signer.close()
    for _ in pipes:
        pid, status = await asyncio.to_thread(os.waitpid, -1, 0)
        assert pid and status == 0, "they leave by themselves"
