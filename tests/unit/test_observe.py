"""Log lines and counters; no secret passes (S22)."""

from __future__ import annotations

import errno
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from posthouse.observe import STRUCK_OUT, Counters, redact, set_up_log, struck_out

MARK = "MARKER5ecret"
PASSWORD = "0123456789abcdef0123456789abcdef-01234567-89abcdef"


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("posthouse")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


SECRETS: list[dict[str, Any]] = [
    {"password": MARK},
    {"smtp_passwd": MARK},
    {"client_secret": MARK},
    {"api_key": MARK},
    {"headers": {"Authorization": f"Bearer {MARK}", "cookie": MARK}},
    {"list": [{"token": MARK}, ({"x-token": MARK},)]},
    {"url": f"postgresql://user:{MARK}@host/db"},
    {"event": f"connecting to https://u:{MARK}@h/ now"},
    {"event": f"connecting to https://{MARK}@h/ now"},
    {"event": f"connecting to https://u:p@{MARK}@h/ now"},
    {"line": f"AUTH PLAIN {MARK}"},
    {"line": f"auth login {MARK}".encode()},
    {"password": {"deep": MARK}},
    {"cause": ValueError(f"postgres://a:{MARK}@b")},
    {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"token": MARK}}}}}}}},
]


@pytest.mark.parametrize("event", SECRETS, ids=[str(event)[:40] for event in SECRETS])
def test_s22_no_secret_passes(event: dict[str, Any]) -> None:
    cleaned = redact(None, "info", dict(event))
    assert MARK not in repr(cleaned)
    assert STRUCK_OUT in repr(cleaned)


def test_our_own_passwords_and_keys_are_known_by_their_form() -> None:
    text = struck_out(f"tried {PASSWORD} and key-{'a1' * 16} for joe@example.com")
    assert text == f"tried {STRUCK_OUT} and key-{STRUCK_OUT} for joe@example.com"


def test_harmless_values_stay() -> None:
    event = {
        "pid": 5,
        "ok": True,
        "none": None,
        "rate": 1.5,
        "id": "01M7YA4AJ501D9TYYEKWH067G9",
        "n": [1, "x"],
    }
    assert redact(None, "info", dict(event)) == event


def test_lines_are_json_off_a_terminal() -> None:
    stream = io.StringIO()
    set_up_log(stream)
    structlog.get_logger().info("started", port=25, password=MARK)
    logging.getLogger("posthouse.net").info("from %s", "x")
    logging.getLogger("asyncio").info("not shown")
    logging.getLogger("asyncio").error("trouble with postgres://u:%s@h", MARK)
    try:
        raise OSError(f"https://u:{MARK}@h")
    except OSError:
        logging.getLogger("posthouse").exception("bad")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines[:2]] == ["started", "from x"]
    assert [line["level"] for line in lines] == ["info", "info", "error", "error"]
    assert "Traceback" in lines[3]["exception"]
    assert MARK not in stream.getvalue()


@pytest.mark.parametrize("trouble", [OSError(errno.ENOSPC, "no room"), OSError(errno.EFBIG, "too large")])
def test_F23_a_line_that_cannot_be_written_stops_nobody(trouble: OSError) -> None:
    """The store's own trouble is told by a log on the same disk."""

    class Full(io.StringIO):
        is_full = True

        def flush(self) -> None:
            if self.is_full:
                raise trouble

    stream = Full()
    set_up_log(stream)
    structlog.get_logger().error("the store cannot be used")
    logging.getLogger("asyncio").error("trouble")
    stream.is_full = False
    structlog.get_logger().info("the store is back")
    assert json.loads(stream.getvalue().splitlines()[-1])["event"] == "the store is back"
    stream.close()
    structlog.get_logger().info("nobody hears")


def test_a_terminal_gets_words() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    set_up_log(stream)
    try:
        raise OSError(f"https://u:{MARK}@h")
    except OSError:
        structlog.get_logger().exception("bad", token=MARK)
    assert MARK not in stream.getvalue()
    assert "bad" in stream.getvalue()
    assert "Traceback" in stream.getvalue()


def test_counters_become_prometheus_text() -> None:
    counters = Counters()
    counters.add("accepted")
    counters.add("accepted", 12_345_678_901)
    counters.add("refused", labels=(("code", "550"), ("why", 'a"b\\c\nd')))
    counters.put("waiting", 7)
    counters.put("load", 0.25)
    assert counters.total("accepted") == 12_345_678_902
    assert counters.total("refused") == 1
    assert counters.total("waiting") == 7
    assert counters.prometheus() == (
        "# TYPE posthouse_accepted_total counter\n"
        "posthouse_accepted_total 12345678902\n"
        "# TYPE posthouse_refused_total counter\n"
        'posthouse_refused_total{code="550",why="a\\"b\\\\c\\nd"} 1\n'
        "# TYPE posthouse_load gauge\n"
        "posthouse_load 0.25\n"
        "# TYPE posthouse_waiting gauge\n"
        "posthouse_waiting 7\n"
    )
