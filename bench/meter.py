"""CPU seconds and memory of a process and everything below it, from /proc.

CPU counts each process's own time and that of children it has reaped, so a worker that died in between is
still in the sum. Memory is the proportional set size (PSS): pages shared by forked workers count once.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()


def tree(roots: list[int]) -> list[int]:
    """The roots and all their descendants, as process ids."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and (fields := _stat_fields(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    todo = list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def cpu_of(pids: list[int]) -> float:
    """User and system seconds, reaped children included."""
    return sum(sum(map(int, fields[11:15])) for pid in pids if (fields := _stat_fields(pid))) / _TICKS


def pss_of(pids: list[int]) -> int:
    """Proportional memory in KiB."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total


def machine_cpu() -> tuple[float, float]:
    """Busy seconds of all cores since boot, and seconds stolen by the host."""
    with Path("/proc/stat").open() as file:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq) / _TICKS, steal / _TICKS


def machine() -> dict[str, object]:
    """What the figures were measured on, for people; nothing that names the machine."""
    cpu = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "")
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cores": os.cpu_count(),
        "cpu": cpu.partition(":")[2].strip(),
        "memory_gib": round(memory_kib / 1024 / 1024, 1),
        "kernel": os.uname().release.split("-")[0],
        "fsync_ms": _fsync_ms(),
    }


def _fsync_ms() -> float:
    """Median milliseconds of an 8 KiB append and fdatasync in the folder for temporary files."""
    import tempfile  # only here: the rest of the module is read in loops

    took = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(b"x" * 8192)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return round(sorted(took)[25] * 1000, 3)


class Meter:
    """Measures process trees between `with` and its end: `cpu_s`, `wall_s`, `peak_mb`, `processes`."""

    def __init__(self, roots: list[int]) -> None:
        self.roots = roots
        self.cpu_s = 0.0
        self.wall_s = 0.0
        self.other_cpu_s = 0.0
        self.steal_s = 0.0
        self.peak_kib = 0
        self.processes = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def peak_mb(self) -> float:
        return round(self.peak_kib / 1024, 1)

    def _look(self) -> None:
        pids = tree(self.roots)
        self.processes = max(self.processes, len(pids))
        self.peak_kib = max(self.peak_kib, pss_of(pids))

    def _watch(self) -> None:
        while not self._end.wait(0.5):
            self._look()

    def __enter__(self) -> Meter:
        self._began = time.perf_counter()
        self._cpu = cpu_of(tree(self.roots))
        self._machine = machine_cpu()
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._end.set()
        self._thread.join()
        self._look()
        self.cpu_s = cpu_of(tree(self.roots)) - self._cpu
        self.wall_s = time.perf_counter() - self._began
        busy, steal = machine_cpu()
        self.other_cpu_s = busy - self._machine[0] - self.cpu_s
        self.steal_s = steal - self._machine[1]
