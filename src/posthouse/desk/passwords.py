"""Passwords of people: argon2id, and one-time passwords that are given to them.

A hash takes a sixth of a second of CPU and 64 MiB by intent. So in a worker one thread does it, behind mail
in priority; the number of those who wait is bounded, and who comes then is asked to come back.

Public: Passwords, Given, give, hash_password, matches, ONE_TIME_S.
"""

from __future__ import annotations

import asyncio
import functools
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from posthouse.model.errors import TryLater
from posthouse.rules.person_passwords import normal

if TYPE_CHECKING:
    from argon2 import PasswordHasher

Value = TypeVar("Value")

ONE_TIME_S = 7 * 86400.0
"""How long a one-time password opens."""

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read for another
_GROUPS, _GROUP = 5, 4  # 99 random bits
_MOST_WAITING = 16
_NICENESS = 10
_BUSY = "Too many people sign in at this moment; try again in a few seconds"


@dataclass(frozen=True, slots=True)
class Given:
    """A one-time password and its hash; made before a transaction, because it takes long."""

    password: str = field(repr=False)
    hash: str = field(repr=False)


def give() -> Given:
    """A fresh one-time password."""
    groups = ["".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS)]
    password = "-".join(groups)
    return Given(password, hash_password(password))


def hash_password(password: str) -> str:
    """argon2's own text, parameters and salt in it; a sixth of a second."""
    return _hasher().hash(_octets(password))


def matches(hash: str, password: str) -> bool:
    """Is it the password of this hash? "" is nobody's: False after the same time."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        _hasher().verify(hash or _nobody(), _octets(password))
    except (VerificationError, InvalidHashError):
        return False
    return bool(hash)


def _octets(password: str) -> bytes:
    return normal(password).encode("utf-8", "surrogatepass")


@functools.cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # 20 ms that other commands need not pay

    return PasswordHasher()


@functools.cache
def _nobody() -> str:
    return _hasher().hash(secrets.token_hex())


class Passwords:
    """The one thread of a worker that hashes. Its thread is made with the first sign-in."""

    def __init__(
        self,
        hash: Callable[[str], str] = hash_password,
        matches: Callable[[str, str], bool] = matches,
        most_waiting: int = _MOST_WAITING,
    ) -> None:
        self._hash = hash
        self._matches = matches
        self._most = most_waiting
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, "passwords", initializer=_let_mail_go_first)

    async def hash(self, password: str) -> str:
        """See `hash_password`. Raises TryLater."""
        return await self._in_turn(self._hash, password)

    async def match(self, hash: str, password: str) -> bool:
        """See `matches`. Raises TryLater."""
        return await self._in_turn(self._matches, hash, password)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_turn(self, work: Callable[..., Value], *values: str) -> Value:
        if self._waiting >= self._most:
            raise TryLater(454, "4.7.0", _BUSY, reason="busy")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)
        finally:
            self._waiting -= 1


def _let_mail_go_first() -> None:
    """On Linux a niceness is a thread's own, and those that argon2 starts inherit it."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
