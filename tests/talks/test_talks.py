"""Every talk against the engine, whole and octet by octet, and those without TLS over a socket pair."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from talks.runner.engine import EngineConnection
from talks.runner.house import NAMES, FakeSession, engine_for
from talks.runner.play import TalkFailed, play
from talks.runner.script import Talk, TalkError, find_talks, load
from talks.runner.sockets import SocketConnection

TALKS = [load(path) for path in find_talks()]
NAMES_OF_TALKS = [talk.name for talk in TALKS]

# The rows of protocols.md that the engine can prove alone. Time, shutdown, storage and trace rows
# (SRV-26, 37, 50-52, 54) belong to the door, the session and the letter.
ROWS = (
    [f"SRV-{n}" for n in (*range(1, 14), *range(20, 26), 27, *range(30, 37), 38, 39, 40, 53, 55)]
    + [f"AUT-{n}" for n in range(1, 11)]
    + ["TLS-1", "TLS-2", "TLS-3", "TLS-5", "TLS-8"]
    + ["EXT-1", "EXT-3", "EXT-4", "EXT-6", "EXT-7", "EXT-8", "EXT-14", "DSN-1", "C-16", "S1", "S6", "S9"]
)


@pytest.mark.parametrize("talk", TALKS, ids=NAMES_OF_TALKS)
def test_against_the_engine(talk: Talk) -> None:
    play(talk, EngineConnection)


# In pieces the octets behind STARTTLS come after the 220 was given: another talk.
IN_PIECES = [talk for talk in TALKS if talk.name != "starttls-injection"]


@pytest.mark.parametrize("talk", IN_PIECES, ids=[talk.name for talk in IN_PIECES])
def test_against_the_engine_octet_by_octet(talk: Talk) -> None:
    play(talk, lambda talk: EngineConnection(talk, cut=1))


def _serve(talk: Talk, sock: socket.socket, session: FakeSession) -> None:
    engine = engine_for(talk)
    engine.start()
    sock.sendall(engine.to_send())
    while not engine.is_closing and (data := sock.recv(65536)):
        engine.receive(data)
        while (event := engine.next_event()) is not None:
            reply = session.answer(event)
            if reply is not None:
                engine.reply(reply)
        try:
            sock.sendall(engine.to_send())
        except OSError:
            break
    sock.close()


IN_CLEAR = [talk for talk in TALKS if not talk.uses_tls]


@pytest.mark.parametrize("talk", IN_CLEAR, ids=[talk.name for talk in IN_CLEAR])
def test_over_a_socket(talk: Talk) -> None:
    ours, theirs = socket.socketpair()
    session = FakeSession()
    server = threading.Thread(target=_serve, args=(talk, theirs, session))
    server.start()
    try:
        play(talk, lambda _: SocketConnection(ours, NAMES, accepted=lambda: session.letters))
    finally:
        ours.close()
        server.join()


def test_each_row_has_a_talk() -> None:
    proved = frozenset().union(*(talk.ids for talk in TALKS))
    assert [row for row in ROWS if row not in proved] == []


@pytest.mark.parametrize(
    "lines",
    [
        "C: NOOP",
        "S: 220 wrong words",
        "S: 220\nS: 250",
        "S: 220\n--close--",
        "S: 220\n--accepted 1--",
        "--tls--",
    ],
)
def test_a_talk_that_went_otherwise_fails(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "x.talk"
    path.write_text(lines + "\nS: 500\n")
    with pytest.raises(TalkFailed, match="so far"):
        play(load(path), EngineConnection)


@pytest.mark.parametrize("line", ["X: y", "S*3: 250", "--later--", "[unheard-of]", "S: 220\n[hello]"])
def test_a_line_that_is_no_step_is_told(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.talk"
    path.write_text(line + "\n")
    with pytest.raises(TalkError, match="x:"):
        load(path)
