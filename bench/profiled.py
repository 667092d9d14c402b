"""Posthouse with a stop-watch around its steps: `python -m bench.profiled serve …` is `posthouse serve …`.

Functions named in STEPS are wrapped before the command runs; each counts the CPU time of its own thread
without that of wrapped functions it calls. When a worker ends it writes what it counted to
POSTHOUSE_PROFILE_FILE. A name that is no longer in the code is listed there as missing. What the
stop-watch itself costs is measured and taken off.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "POSTHOUSE_PROFILE_FILE"

# step -> functions as module:name below `posthouse`
STEPS: dict[str, tuple[str, ...]] = {
    "accept: protocol, envelope checks, limits": (
        "doors.smtp:SmtpDoor.data_received",
        "smtp.server:ServerEngine.receive",
        "smtp.server:ServerEngine.next_event",
        "smtp.server:ServerEngine.reply",
        "smtp.server:ServerEngine.to_send",
        "doors.sessions:SubmissionSession.on_event",
    ),
    "header scan, options, ids, Received": (
        "doors.submission:Reader.submission",
        "pipeline.submit:Intake.accept",
    ),
    "store: statements of acceptance": ("store.messages:add_accepted",),
    "store: begin and commit, both groups": (
        "store.connection:Connection.begin",
        "store.connection:Connection.commit",
        "store.writer:Writer._gather",
        "store.writer:Writer._group",
        "store.writer:Writer._transact",
    ),
    "queue hand-over": (
        "pipeline.dispatch:Dispatcher.begin",
        "pipeline.dispatch:Dispatcher.admits",
        "pipeline.dispatch:Dispatcher._pump",
        "pipeline.dispatch:Dispatcher._place",
        "pipeline.signing:Signer.sign",
        "pipeline.signing:Signer._flush",
        "pipeline.signing:Signer._done",
        "store.engine:Store.submit",
        "store.engine:Store._tell",
    ),
    "sign: canonicalise and hash": ("mail.render:prepare", "mail.render:finish"),
    "sign: RSA-2048": ("mail.dkim:SigningKey.signature",),
    "deliver on a reused connection": (
        "net.connection:Connection.data_received",
        "net.connection:Connection.send",
        "smtp.client:ClientEngine.start",
        "smtp.client:ClientEngine.receive",
        "smtp.client:ClientEngine.next_event",
        "smtp.client:ClientEngine.allow_content",
        "smtp.client:ClientEngine.to_send",
    ),
    "completion and events": (
        "pipeline.outcome:Recorder.judge",
        "pipeline.outcome:Recorder.record",
        "store.queue:settle",
    ),
}


class Watch:
    """Counts per function: calls and own nanoseconds, for all threads."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.own_ns: dict[str, int] = {}
        self.missing: list[str] = []
        self._local = threading.local()
        self._lock = threading.Lock()

    def wrapped(self, name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
        """The function with the stop-watch around it."""
        local, now, lock = self._local, time.thread_time_ns, self._lock
        self.calls[name] = self.own_ns[name] = 0

        def timed(*args: Any, **named: Any) -> Any:
            below = getattr(local, "below", 0)
            local.below = 0
            began = now()
            try:
                return fn(*args, **named)
            finally:
                took = now() - began
                with lock:
                    self.calls[name] += 1
                    self.own_ns[name] += took - local.below
                local.below = below + took

        return timed

    def reset(self) -> None:
        for name in self.calls:
            self.calls[name] = self.own_ns[name] = 0


def install(watch: Watch) -> None:
    """Wraps every function of STEPS, also where other modules have imported it by name."""
    _import_all()
    for names in STEPS.values():
        for name in names:
            module_name, _, path = name.partition(":")
            try:
                owner: Any = importlib.import_module(f"posthouse.{module_name}")
                *classes, attribute = path.split(".")
                for part in classes:
                    owner = getattr(owner, part)
                original = getattr(owner, attribute)
            except (ImportError, AttributeError):
                watch.missing.append(name)
                continue
            timed = watch.wrapped(name, original)
            setattr(owner, attribute, timed)
            if not classes:
                _replace_everywhere(original, timed)


def _import_all() -> None:
    import posthouse

    for found in pkgutil.walk_packages(posthouse.__path__, "posthouse."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)


def _replace_everywhere(original: object, timed: object) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("posthouse"):
            for key, value in list(vars(module).items()):
                if value is original:
                    setattr(module, key, timed)


def cost_ns() -> float:
    """Nanoseconds of own time that one wrapped call adds to its caller and itself."""
    watch = Watch()
    inner = watch.wrapped("inner", lambda: None)
    outer = watch.wrapped("outer", lambda: [inner() for _ in range(1000)])
    outer()
    watch.reset()
    outer()
    return (watch.own_ns["inner"] + watch.own_ns["outer"]) / 1000


def dump(watch: Watch, cpu_s: float) -> None:
    """Writes the counts; `cpu_s` is the CPU time of the worker while it ran."""
    result = {
        "pid": os.getpid(),
        "cpu_s": cpu_s,
        "cost_ns": cost_ns(),
        "calls": watch.calls,
        "own_ns": watch.own_ns,
        "missing": watch.missing,
    }
    Path(os.environ[VARIABLE]).write_text(json.dumps(result))


def main() -> None:
    watch = Watch()
    install(watch)
    from posthouse import supervisor

    run_worker: Callable[..., Any] = vars(supervisor)["run_worker"]

    def measured(*args: Any) -> Any:
        watch.reset()
        began = time.process_time()
        try:
            return run_worker(*args)
        finally:
            dump(watch, time.process_time() - began)

    setattr(supervisor, "run_worker", measured)  # noqa: B010
    from posthouse.cli.main import main as posthouse

    posthouse()


if __name__ == "__main__":
    main()
