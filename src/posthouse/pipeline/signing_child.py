"""The process that signs. It holds keys and nothing else: no store, no socket but the pipe to its worker.

RSA is a third of all CPU. Threads of the worker can do it beside the interpreter's lock, but each signature
takes and gives back that lock several times, and the worker's loop and writer wait for it each time; a
process of its own costs nobody's turn (docs/decisions/008).

A frame on the pipe is four octets of length and a msgpack value: a `Batch` down, a list of answers up.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from posthouse.mail.dkim import SigningKey, load_key, signature_fields
from posthouse.mail.letter import FIELDS_MAX, parse

MOST_FRAME = 512 * 1024 * 1024


class KeyText(msgspec.Struct, array_like=True):
    """A key in a form that travels: `private` is PKCS#8 DER. Sent with the first batch that needs it."""

    number: int
    domain: str
    selector: str
    algorithm: str
    private: bytes


class Task(msgspec.Struct, array_like=True):
    """One letter to sign: its header without signatures, its body, the numbers of the keys. With a
    `body_hash` (the bh= value) the body stays at home and is b"" here."""

    head: bytes
    body: bytes
    keys: list[int]
    now: int
    body_hash: bytes = b""


class Batch(msgspec.Struct, array_like=True):
    new_keys: list[KeyText]
    tasks: list[Task]


class Answer(msgspec.Struct, array_like=True):
    """The signature fields, or in `trouble` why there are none."""

    signatures: bytes
    trouble: str = ""


Answers = list[Answer]


def frame(value: Any) -> bytes:
    """A value as it travels."""
    content = msgspec.msgpack.encode(value)
    return len(content).to_bytes(4, "big") + content


def start_child(others: Sequence[socket.socket], cores: set[int]) -> socket.socket:
    """Fork a signing process for `cores`; the worker's end of its pipe. Only while the worker has one thread.

    `others` are the worker's ends of earlier children: this child must not keep them open.
    """
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        for end in (ours, *others):
            end.close()
        os.sched_setaffinity(0, cores)
        os._exit(_guarded(theirs))
    theirs.close()
    return ours


def _guarded(pipe: socket.socket) -> int:
    """Nothing of the worker but the pipe stays open: not its lock, not its listening sockets."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    kept = pipe.fileno()
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    try:
        _serve(pipe)
    except OSError:
        return 1  # the worker is gone
    return 0


def _serve(pipe: socket.socket) -> None:
    """Answer batches until the pipe ends."""
    keys: dict[int, SigningKey] = {}
    decode = msgspec.msgpack.Decoder(Batch).decode
    while length := _exactly(pipe, 4):
        batch = decode(_exactly(pipe, int.from_bytes(length, "big")))
        for key in batch.new_keys:
            keys[key.number] = SigningKey(key.domain, key.selector, key.algorithm, load_key(key.private))
        pipe.sendall(frame([_answer(task, keys.__getitem__) for task in batch.tasks]))


def _answer(task: Task, key_of: Callable[[int], SigningKey]) -> Answer:
    try:
        keys = [key_of(number) for number in task.keys]
        fields = parse(task.head, most_bytes=len(task.head), most_fields=3 * FIELDS_MAX).fields
        return Answer(signature_fields(keys, task.head, fields, task.body, task.now, task.body_hash))
    except Exception as error:  # the rim of this task: its letter alone fails
        return Answer(b"", f"{type(error).__name__}: {error}")


def _exactly(pipe: socket.socket, size: int) -> bytes:
    """`size` octets, or b"" at the end of the pipe."""
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        got = pipe.recv_into(view)
        if not got:
            return b""
        view = view[got:]
    return bytes(buffer)
