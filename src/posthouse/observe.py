"""What a running Posthouse says about itself: log lines and counters.

Modules use the standard library's `logging.getLogger(__name__)`; `set_up_log` sends that through structlog.
Log lines go to stderr: one JSON object a line, or coloured words on a terminal. No secret passes: values
under telling names are struck out whatever called the logger, and so are passwords inside URLs and SMTP
AUTH lines.

Counters live in the worker; `Counters.prometheus()` is the text of /metrics.

Public: set_up_log, struck_out, Counters.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO

STRUCK_OUT = "[redacted]"
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|authorization|cookie|api_?key|private_?key", re.I
)
_IN_TEXT = re.compile(
    r"(?i)(?P<url>\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@]{0,256}:)[^\s/?#]{1,256}(?=@)"
    r"|(?P<web>\bhttps?://)[^\s:/?#]{1,256}(?=@)"  # there a name without a password is a key
    r"|(?P<auth>\bAUTH\s+(?:PLAIN|LOGIN|XOAUTH2)\s+)\S+"
    r"|(?P<key>\bkey-)[0-9a-f]{16,}"
    r"|(?P<own>)\b[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}\b"
)
_DEPTH = 6


def set_up_log(stream: TextIO | None = None, *, level: int = logging.INFO) -> None:
    """Configure this process: structlog, and the standard library's loggers through it. JSON unless the
    stream is a terminal."""
    import structlog  # 0.2 s, which the command line need not pay

    out = stream or sys.stderr
    lines = _Lines(out)
    renderer: Any = structlog.processors.JSONRenderer()
    if out.isatty():
        # plain, because the trace is text already when it gets here
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # before redaction, which sees text only
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
    )
    root = logging.getLogger()
    root.handlers[:] = [_ThroughStructlog()]
    root.setLevel(max(level, logging.WARNING))  # other people's loggers: trouble only
    logging.getLogger("posthouse").setLevel(level)


class _Lines:
    """Where finished lines go. One that cannot be written is lost and does no more harm: the log most often
    shares its disk with the store, and when that is full, mail must still be answered (F23)."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        with self._lock, suppress(OSError, ValueError):  # no room; nobody reads; closed
            self._stream.write(line + "\n")
            self._stream.flush()

    log = debug = info = warn = warning = error = critical = fatal = failure = exception = msg


class _ThroughStructlog(logging.Handler):
    """What asyncio, uvicorn and others tell the standard library's loggers, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        import structlog

        structlog.get_logger().log(
            record.levelno, record.getMessage(), source=record.name, exc_info=record.exc_info
        )


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the event with every secret struck out."""
    return {name: _clean(name, value, _DEPTH) for name, value in event.items()}


def _clean(name: str, value: Any, depth: int) -> Any:
    if _SECRET_NAME.search(name) and not isinstance(value, (bool, int, float, type(None))):
        return STRUCK_OUT
    if isinstance(value, str):
        return struck_out(value)
    if isinstance(value, bytes):
        return struck_out(value.decode("latin-1"))
    if depth == 0:
        return STRUCK_OUT if isinstance(value, (Mapping, list, tuple)) else value
    if isinstance(value, Mapping):
        return {str(inner): _clean(str(inner), item, depth - 1) for inner, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean("", item, depth - 1) for item in value]
    return value if isinstance(value, (bool, int, float, type(None))) else struck_out(str(value))


def struck_out(text: str) -> str:
    """The text without passwords in URLs, AUTH arguments, API keys and passwords of our own form."""
    return _IN_TEXT.sub(_keep_label, text)


def _keep_label(match: re.Match[str]) -> str:
    return next((label for label in match.groups() if label is not None), "") + STRUCK_OUT


Labels = tuple[tuple[str, str], ...]


class Counters:
    """Numbers of one worker, kept on its loop: no locks. Names are Prometheus names without the prefix.

    `add` counts up, `put` sets a gauge, `total` reads a sum over all labels. About 0.3 us each.
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, Labels], float] = {}
        self._gauges: dict[tuple[str, Labels], float] = {}

    def add(self, name: str, amount: float = 1, labels: Labels = ()) -> None:
        key = (name, labels)
        self._sums[key] = self._sums.get(key, 0) + amount

    def put(self, name: str, value: float, labels: Labels = ()) -> None:
        self._gauges[name, labels] = value

    def total(self, name: str) -> float:
        """The counter's sum over all its labels, or the gauge's."""
        both = (self._sums, self._gauges)
        return sum(value for table in both for (known, _), value in table.items() if known == name)

    def prometheus(self, prefix: str = "posthouse_") -> str:
        """The text exposition format, version 0.0.4."""
        lines = _exposed(self._sums.items(), prefix, "counter", "_total")
        return "\n".join([*lines, *_exposed(self._gauges.items(), prefix, "gauge", ""), ""])


def _exposed(
    items: Iterable[tuple[tuple[str, Labels], float]], prefix: str, kind: str, suffix: str
) -> list[str]:
    lines: list[str] = []
    last = ""
    for (name, labels), value in sorted(items):
        full = f"{prefix}{name}{suffix}"
        if full != last:
            lines.append(f"# TYPE {full} {kind}")
            last = full
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        number = int(value) if float(value).is_integer() else value
        lines.append(f"{full}{{{inside}}} {number}" if inside else f"{full} {number}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
