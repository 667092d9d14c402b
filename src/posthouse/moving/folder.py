"""Files that somebody exported: found below a path, their kind told by what is in them, never by trust.

Links are not followed, so nothing outside of the path is read. A folder that is named as a domain says whose
its files are; words in a file's name (`bounces.csv`, `group-42.csv`) say what its content leaves open.

Public: Found, Form, Hints, found_files, MOST_FILES.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from posthouse.desk.domain_names import sending_name
from posthouse.model.errors import Refused
from posthouse.moving.things import Kind, LeftOut
from posthouse.moving.values import BadShape

MOST_FILES = 10_000
_DEEPEST = 8
_HEAD = 4096
_NO_DOMAIN = "it does not say whose domain it is of; put it into a folder of that name, or use --domain"
_GROUP = re.compile(r"group[ _-]?(\d{1,9})\b")
_KEY_FILE = re.compile(r"(?P<selector>.+)\._domainkey\.(?P<domain>.+?)(?:\.(?:pem|key|private))?\Z", re.I)


class Form(StrEnum):
    JSON = "JSON"
    CSV = "CSV"
    KEY = "private key"


@dataclass(frozen=True, slots=True)
class Hints:
    """What place and name of a file say. `domain`: "" for unknown; `words`: of its name, in lower case;
    `group`: 0 for unknown; `selector`: of a key file."""

    domain: str = ""
    words: frozenset[str] = frozenset()
    group: int = 0
    selector: str = ""

    def needed_domain(self) -> str:
        """Raises BadShape where nobody says whose the file is."""
        if not self.domain:
            raise BadShape(_NO_DOMAIN)
        return self.domain

    def has(self, *beginnings: str) -> bool:
        return any(word.startswith(beginnings) for word in self.words)


@dataclass(frozen=True, slots=True)
class Found:
    """`name`: below the path that was given, for people."""

    path: Path
    name: str
    form: Form
    hints: Hints


def found_files(roots: list[Path], domain: str) -> Iterator[Found | LeftOut]:
    """The files below each path (or the file itself) in the order of their names; `domain` holds where no
    folder names one. Raises OSError for a path that cannot be read."""
    count = 0
    for root in roots:
        for path in _below(root, 0):
            count += 1
            if count > MOST_FILES:
                why = f"there are more than {MOST_FILES:,} files; give fewer at a time"
                yield LeftOut(Kind.OTHER, str(root), why)
                return
            # with the folder that holds it, which may be named as its domain
            name = str(Path(*path.parts[-2:]) if path == root else path.relative_to(root.parent))
            yield _looked_at(path, name, domain)


def _below(path: Path, depth: int) -> Iterator[Path]:
    if not path.is_dir():
        path.stat()  # says so when there is nothing
        yield path
        return
    with os.scandir(path) as entries:
        inside = sorted(entries, key=lambda entry: entry.name)
    for entry in inside:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth < _DEEPEST:
                yield from _below(Path(entry.path), depth + 1)
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _looked_at(path: Path, name: str, domain: str) -> Found | LeftOut:
    with path.open("rb") as opened:
        head = opened.read(_HEAD)
    hints = _hints(path, name, domain)
    form = _form(head)
    if form is None:
        why = "there is nothing in it" if not head.strip() else "it is neither CSV nor JSON nor a key"
        return LeftOut(Kind.OTHER, name, why, "export it as CSV or JSON, or take it out of the folder")
    return Found(path, name, form, hints)


def _form(head: bytes) -> Form | None:
    if b"-----BEGIN" in head:
        return Form.KEY
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not bare:
        return None
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or (b"\0" in head[1::2] and b"\0" not in head[0::2]):
        return Form.CSV  # UTF-16, as spreadsheets write it
    if b"\0" in head:
        return None
    return Form.JSON if bare[:1] in b"{[" else Form.CSV


def _hints(path: Path, name: str, domain: str) -> Hints:
    stem = path.stem.lower()
    group = _GROUP.search(stem)
    key = _KEY_FILE.match(path.name)
    named = _domain_of(key["domain"]) if key else ""
    for part in reversed(Path(name).parts[:-1]):
        named = named or _domain_of(part)
    return Hints(
        domain=named or domain,
        words=frozenset(re.split(r"[^a-z0-9]+", stem)),
        group=int(group[1]) if group else 0,
        selector=key["selector"] if key else "",
    )


def _domain_of(text: str) -> str:
    try:
        return sending_name(text)
    except Refused:
        return ""
