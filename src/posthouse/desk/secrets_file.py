"""Private files: written whole or not at all, readable by their owner alone.

A reader never sees half a file: the content goes to a temporary file beside it, is synced, and gets its
name by `link` (only one of several makers wins) or `rename` (the new content replaces the old).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from posthouse.model.errors import SettingsError

_MAX_BYTES = 1024 * 1024


def read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """The file's content; when there is no file, `make()` becomes its content first.

    When several processes make it at once, all return the winner's content. Raises SettingsError.
    """
    try:
        if not path.exists():
            _place(path, make(), replaces=False)
        return read_private(path)
    except OSError as error:
        raise _unusable(path, error) from error


def read_private(path: Path) -> bytes:
    """The content of a file that must not be open to everybody. Raises SettingsError or OSError."""
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_mode & 0o007:
            raise SettingsError(
                f"{path}: everybody may read this secret; allowed: mode 600 (chmod 600 {path})"
            )
        return stream.read(_MAX_BYTES)


def write_private(path: Path, content: bytes) -> None:
    """Replace the file's content. Raises SettingsError."""
    try:
        _place(path, content, replaces=True)
    except OSError as error:
        raise _unusable(path, error) from error


def _place(path: Path, content: bytes, *, replaces: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if replaces:
            draft.replace(path)
        else:
            _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _link(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return  # somebody else was first: theirs counts


def _sync_directory(directory: Path) -> None:
    """Without this a power cut may take the name away again."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{path}: cannot be read or made: {error.strerror}")
