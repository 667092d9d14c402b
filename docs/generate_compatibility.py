"""Write docs/compatibility.md: the promises of docs/contract.md beside the tests that prove them.

    python docs/generate_compatibility.py

A test proves a row by carrying its id in its name: `test_C_03_several_users_…` proves C-03. Only tests that
talk to a running Posthouse over real sockets count, those in tests/house and tests/clients.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "compatibility.md"
ROOMS = ("tests/house", "tests/clients")

_ROW = re.compile(r"\| (?P<id>[A-Z]{1,2}-\d\d) \| (?P<promise>.+?) \|(?P<missing>.*)\|")
_ID = re.compile(r"(?<![A-Za-z0-9])(C|MG|SG|MP|D|W)_(\d\d)(?=_|\Z)")

HEAD = """\
# Compatibility

Made by `docs/generate_compatibility.py` from `docs/contract.md` and the names of the tests in `tests/house`
and `tests/clients`; do not edit it by hand.
*Proven*: tests with a running Posthouse and real clients show it.
*In part*: they show it but for what is named. *Not yet*: nothing shows it.
"""


@dataclass(frozen=True, slots=True)
class Promise:
    """One row of the contract. `missing` is what of it is not there yet, "" for nothing."""

    id: str
    promise: str
    missing: str


def contract(text: str) -> Iterator[str | Promise]:
    """Headings (as they stand) and rows of the contract, in its order."""
    for line in text.splitlines():
        if line.startswith("## "):
            yield line
        elif match := _ROW.fullmatch(line):
            yield Promise(match["id"], match["promise"], match["missing"].strip())


def ids_in(name: str) -> list[str]:
    """`test_D_05_F45_greylisting` -> ["D-05"]."""
    return [f"{family}-{number}" for family, number in _ID.findall(name)]


def proofs(root: Path = ROOT) -> dict[str, list[str]]:
    """Row id -> what its tests say, in the order of files and lines."""
    found: dict[str, list[str]] = defaultdict(list)
    for room in ROOMS:
        for path in sorted((root / room).glob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                    for id in ids_in(node.name):
                        found[id].append(sentence(node.name))
    return found


def sentence(name: str) -> str:
    """What a test's name says, without the ids in front."""
    words = re.sub(r"(?<![A-Za-z0-9])(?:[A-Z]{1,3}_?\d+)(?=_|\Z)", "", name.removeprefix("test_"))
    return " ".join(word for word in words.split("_") if word)


def page(text: str, proven: Mapping[str, Sequence[str]]) -> str:
    """The whole page. Raises ValueError when a test names a row that the contract does not have."""
    parts = list(contract(text))
    unknown = sorted(set(proven) - {part.id for part in parts if isinstance(part, Promise)})
    if unknown:
        raise ValueError(f"tests name rows that are not in the contract: {', '.join(unknown)}")
    lines = [HEAD, _summary(parts, proven)]
    for part in parts:
        if isinstance(part, str):
            lines += [
                "",
                part,
                "",
                "| id | promise | state | what the tests show |",
                "| --- | --- | --- | --- |",
            ]
        else:
            shown = "; ".join(dict.fromkeys(proven.get(part.id, ())))
            lines.append(f"| {part.id} | {part.promise} | {_state(part, proven)} | {shown} |")
    return "\n".join(lines) + "\n"


def _state(row: Promise, proven: Mapping[str, Sequence[str]]) -> str:
    if not proven.get(row.id):
        return "not yet"
    return f"in part; missing: {row.missing}" if row.missing else "proven"


def _summary(parts: Sequence[str | Promise], proven: Mapping[str, Sequence[str]]) -> str:
    states = [_state(part, proven).partition(";")[0] for part in parts if isinstance(part, Promise)]
    counts = [f"{states.count(state)} {state}" for state in ("proven", "in part", "not yet")]
    return f"{len(states)} promises: {', '.join(counts)}."


def main() -> None:
    PAGE.write_text(page((ROOT / "docs" / "contract.md").read_text(), proofs()))


if __name__ == "__main__":
    main()
