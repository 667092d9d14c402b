"""Kinds of settings: each reads one raw value, from TOML or from an environment variable, strictly.

A kind has a phrase that says what is allowed and a function that returns the typed value or raises
`WrongValue`. Nothing here knows a setting's name; `table` binds names to kinds.

Public: Kind, WrongValue, Endpoint, Route and the kinds `text`, `flag`, `whole`, `seconds`, `choice`,
`hostname`, `region_name`, `path`, `store_url`, `base_url`, `endpoints`, `resolvers`, `addresses`, `pauses`,
`routes`, `scanner`, `urls_by_region`, `numbers_by_dialect`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from posthouse.model.address import BadAddress, ascii_domain

MAX_SECONDS = 366 * 86400
SPAMD_PORT = 783
_LIST_LIMIT = 1000
_REGION = re.compile(r"[a-z][a-z0-9-]{0,19}\Z")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,29}\Z")
_BASE_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._~/-]*)?\Z")
_WHOLE = re.compile(r"\d{1,15}\Z")
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,6})?\Z")


class WrongValue(ValueError):
    """The raw value does not fit its kind; the text, if any, says more than the allowed phrase does."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host name or IP literal (without brackets) and a port; port 0 lets the kernel choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """A static route. `domain` is a name, `.suffix` or `*`; `port` 0 means delivery.port."""

    domain: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` takes a TOML value, or the text of an environment variable, and returns the typed value.

    `is_list` kinds get a list (from the environment: the parts between commas). `is_private` values are
    never quoted in an error. `bounds` are the least and the greatest number, for tests of the table.
    """

    name: str
    allowed: str
    read: Callable[[Any], Any]
    is_list: bool = False
    is_private: bool = False
    bounds: tuple[float, float] | None = None


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise WrongValue
    if any(ord(char) < 32 or ord(char) == 127 for char in raw):
        raise WrongValue("control characters are not allowed")
    return raw.strip()


def _flag(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    match raw.lower() if isinstance(raw, str) else None:
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
    raise WrongValue


def whole(least: int, most: int, unit: str = "", zero: str = "") -> Kind:
    """A whole number from `least` to `most`; `zero` says what 0 means."""

    def read(raw: Any) -> int:
        # bool is an int in Python: `idle = true` must not become 1
        if isinstance(raw, str) and _WHOLE.match(raw):
            raw = int(raw)
        if not isinstance(raw, int) or isinstance(raw, bool) or not least <= raw <= most:
            raise WrongValue
        return raw

    words = f"a whole number{f' of {unit}' if unit else ''} from {least} to {most}"
    return Kind("number", words + (f" (0: {zero})" if zero else ""), read, bounds=(least, most))


def _number(raw: Any, least: float, most: float) -> float:
    if isinstance(raw, str) and _DECIMAL.match(raw):
        raw = float(raw)
    if not isinstance(raw, (int, float)) or isinstance(raw, bool) or not least <= raw <= most:
        raise WrongValue
    return float(raw)


def seconds(least: float, most: float = MAX_SECONDS) -> Kind:
    """A span of time in seconds; fractions are allowed."""
    words = f"a number of seconds from {least:g} to {most:g}"
    return Kind("seconds", words, lambda raw: _number(raw, least, most), bounds=(least, most))


def days(least: float, most: float) -> Kind:
    """A span of time in days; fractions are allowed."""
    words = f"a number of days from {least:g} to {most:g}"
    return Kind("days", words, lambda raw: _number(raw, least, most), bounds=(least, most))


def choice(*words: str) -> Kind:
    """One of a few words."""

    def read(raw: Any) -> str:
        if not isinstance(raw, str) or raw not in words:
            raise WrongValue
        return raw

    return Kind("word", " or ".join(f'"{word}"' for word in words), read)


def _hostname(raw: Any) -> str:
    name = _text(raw)
    if not name:
        return ""
    try:
        return ascii_domain(name)
    except BadAddress as error:
        raise WrongValue(str(error)) from error


def _region(raw: Any) -> str:
    if not isinstance(raw, str) or not _REGION.match(raw):
        raise WrongValue
    return raw


def _store_url(raw: Any) -> str:
    url = _text(raw)
    scheme, found, rest = url.partition("://")
    if not found or scheme not in ("sqlite", "postgresql", "postgres"):
        raise WrongValue
    if scheme == "sqlite" and (not rest.startswith("/") or rest in ("/", "//")):
        raise WrongValue("a SQLite URL has three slashes and a file (four for an absolute path)")
    return url


def _base_url(raw: Any) -> str:
    """http or https with a host, without query and fragment; no slash at the end."""
    url = _text(raw).rstrip("/")
    if url and not _BASE_URL.match(url):
        raise WrongValue
    return url


def _number_by_word(raw: Any) -> tuple[str, int]:
    """`word=number`."""
    word, _, number = _text(raw).partition("=")
    if not _WORD.match(word.strip()) or not _WHOLE.match(number.strip()):
        raise WrongValue(f'"{raw}" is not name=number')
    return word.strip(), int(number)


def _url_by_region(raw: Any) -> tuple[str, str]:
    """`region=url`."""
    region, _, url = _text(raw).partition("=")
    if not url.strip():
        raise WrongValue(f'"{raw}" is not region=url')
    return _region(region.strip()), _base_url(url.strip())


def _endpoint(raw: Any, default_port: int | None = None) -> Endpoint:
    """`host:port`, `[v6]:port`; with a default port also the bare host."""
    text = _text(raw)
    host, colon, port = text.rpartition(":")
    if text.endswith("]") or (default_port is not None and _is_address(text)):
        host, colon = text, ""
    if not colon:
        if default_port is None:
            raise WrongValue(f'"{text}" has no port')
        return Endpoint(_host(host or text), default_port)
    if not _WHOLE.match(port) or int(port) > 65535:
        raise WrongValue(f'"{text}" has no port between 0 and 65535')
    return Endpoint(_host(host), int(port))


def _scanner(raw: Any) -> Endpoint | str | None:
    """Host with or without a port, or the path of a socket; None for none."""
    text = _text(raw)
    if text.startswith("/"):
        return text
    place = _endpoint(text, SPAMD_PORT) if text else None
    if place is not None and not place.port:
        raise WrongValue(f'"{text}" has no port')
    return place


def _host(text: str) -> str:
    """An IP literal, with or without brackets, or a host name; `*` is every IPv4 address."""
    if text == "*":
        return "0.0.0.0"  # noqa: S104 - the operator's own word for it
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if _is_address(inside):
        return inside
    try:
        return ascii_domain(text)
    except BadAddress as error:
        raise WrongValue(f'"{text}" is neither a host name nor an IP address') from error


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _resolver(raw: Any) -> Endpoint:
    server = _endpoint(raw, 53)
    if not _is_address(server.host):
        raise WrongValue(f'"{server.host}" is a name; a name server is given by its IP address')
    return server


def _address(raw: Any) -> str:
    text = _text(raw)
    if not _is_address(text):
        raise WrongValue(f'"{text}" is not an IP address')
    return text


def _list(read_one: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read(raw: Any) -> tuple[Any, ...]:
        if not isinstance(raw, list) or len(raw) > _LIST_LIMIT:
            raise WrongValue
        return tuple(read_one(item) for item in raw)

    return read


def _route(raw: Any) -> Route:
    """A table with domain, host and perhaps port, or the text `domain=host:port` of an environment list."""
    if isinstance(raw, str):
        domain, _, target = raw.partition("=")
        at = _endpoint(target.strip(), 0)
        return Route(_pattern(domain.strip()), at.host, at.port)
    if not isinstance(raw, dict):
        raise WrongValue
    unknown = sorted(set(raw) - {"domain", "host", "port"})
    if unknown:
        raise WrongValue(f'"{unknown[0]}" is not part of a route')
    for needed in ("domain", "host"):
        if needed not in raw:
            raise WrongValue(f"a route needs {needed}")
    return Route(_pattern(raw["domain"]), _host(_text(raw["host"])), _port(raw.get("port", 0)))


def _port(raw: Any) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or not 0 <= raw <= 65535:
        raise WrongValue("the port is not a whole number from 1 to 65535")
    return raw


def _pattern(raw: Any) -> str:
    """A domain name, `.suffix` (every name below it) or `*`."""
    text = _text(raw)
    if text == "*":
        return text
    try:
        return "." + ascii_domain(text[1:]) if text.startswith(".") else ascii_domain(text)
    except BadAddress as error:
        raise WrongValue(f'"{text}" is neither a domain name nor .suffix nor *') from error


text = Kind("text", "a text", _text)
flag = Kind("flag", "true or false", _flag)
hostname = Kind("name", "a host name such as mail.example.com", _hostname)
region_name = Kind("name", "a short lower-case name such as us or eu", _region)
path = Kind("path", "a path; a relative one starts at the settings file's directory", _text)
store_url = Kind("url", "sqlite:///path or postgresql://…", _store_url, is_private=True)
base_url = Kind("url", "http://host or https://host, with a path if need be", _base_url)
endpoints = Kind("list", 'a list of "address:port", IPv6 in brackets', _list(_endpoint), is_list=True)
resolvers = Kind(
    "list", 'a list of IP addresses, each with or without ":port"', _list(_resolver), is_list=True
)
addresses = Kind("list", "a list of IP addresses", _list(_address), is_list=True)
ports = Kind("list", "a list of port numbers from 1 to 65535", _list(whole(1, 65535).read), is_list=True)
pauses = Kind(
    "list",
    f"a list of seconds, each from 1 to {MAX_SECONDS}",
    _list(lambda raw: _number(raw, 1, MAX_SECONDS)),
    is_list=True,
)
scanner = Kind("address", 'an address with or without ":port", or the absolute path of a socket', _scanner)
routes = Kind("list", "tables with domain (name, .suffix or *), host and port", _list(_route), is_list=True)
urls_by_region = Kind(
    "list",
    'a list of "region=url", such as "eu=https://api.eu.example.com"',
    _list(_url_by_region),
    is_list=True,
)
numbers_by_dialect = Kind(
    "list", 'a list of "name=number", such as "sendgrid=5000"', _list(_number_by_word), is_list=True
)
