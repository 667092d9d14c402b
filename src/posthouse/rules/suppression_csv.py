"""What a row of an exported suppression list says, whoever exported it.

The header tells the columns by their usual names; a file without one is read by what its cells look like: an
address, a time, a reply code, and words. Read are our own export and those of the services (Mailgun:
address, code, error, created_at, or tags; SendGrid: email, created, reason, status; MailPace and Postmark:
an address with a reason and a time).

Public: Columns, Entry, BadRow, columns_of, entry_of, parse_time, guarded, unguarded, HEADS.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from posthouse.model.suppression import SuppressionKind

HEADS = ("address", "kind", "domain", "scope", "at", "detail")
"""The columns of our own export."""

_NAMES = {
    "address": "address email emailaddress recipient recipientemail mail mailaddress to",
    "at": "at createdat created createdtime date datetime time timestamp bouncedat since addedat updatedat",
    "code": "code smtpcode replycode",
    "status": "status enhancedcode enhanced",
    "detail": "detail details error reason description message response why diagnostic",
    "kind": "kind type list suppressionreason event",
    "domain": "domain sendingdomain",
    "scope": "scope",
    "tags": "tags tag",
    "group": "group groupid asmgroupid unsubscribegroup",
}
_COLUMNS = {word: name for name, words in _NAMES.items() for word in words.split()}
_KIND_WORDS = {
    SuppressionKind.BOUNCE: "bounce bounces bounced hard hardbounce hardbounced permanent suppressbounce",
    SuppressionKind.COMPLAINT: "complaint complaints complained spam spamcomplaint spamreport "
    "spamreports abuse",
    SuppressionKind.UNSUBSCRIBE: "unsubscribe unsubscribes unsubscribed optout manualsuppression manual "
    "manuallyadded globalunsubscribe globalunsubscribes groupunsubscribe subscriptionchange",
    SuppressionKind.INVALID: "invalid invalidemail invalidemails badaddress bademailaddress",
    SuppressionKind.BLOCK: "block blocks blocked soft softbounce",
}
_KINDS = {word: kind for kind, words in _KIND_WORDS.items() for word in words.split()}
_LONGEST = 2_000


class BadRow(ValueError):
    """The row cannot be used; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which cell says what: places by name of the column. Empty: there is no header."""

    places: dict[str, int]

    @property
    def kind(self) -> SuppressionKind | None:
        """Whose list it must be, going by the columns alone: only one service's bounces have an error, only
        unsubscribes have tags."""
        if "tags" in self.places:
            return SuppressionKind.UNSUBSCRIBE
        return SuppressionKind.BOUNCE if "code" in self.places else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row; "" and None for what it does not say. `scopes` as in `Suppression`; () for all mail. `note`:
    what could not be read and was left out."""

    address: str
    kind: SuppressionKind | None
    domain: str
    scopes: tuple[str, ...]
    at: float | None
    detail: str
    note: str = ""


NO_HEADER = Columns({})


def columns_of(cells: Sequence[str]) -> Columns:
    """The columns that the first row names; `NO_HEADER` when it is a row like any other. Raises BadRow for a
    header without an address."""
    names = [_COLUMNS.get(_plain(cell), "") for cell in cells]
    if any("@" in cell for cell in cells) or not any(names):
        return NO_HEADER
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        if name:
            places.setdefault(name, place)
    if "address" not in places:
        raise BadRow("no column is called address or email")
    return Columns(places)


def entry_of(cells: Sequence[str], columns: Columns) -> Entry:
    """What a row says. Raises BadRow."""
    if not cells:
        raise BadRow("it is empty")
    said = _by_header(cells, columns) if columns.places else _by_looks(cells)
    address = said.get("address", "")
    if not address:
        raise BadRow("there is no address in it")
    word = said.get("kind", "")
    kind = _KINDS.get(_plain(word)) if word else None
    if word and kind is None:
        raise BadRow(f"there is no list of the kind {word[:40]!r}")
    at, note = None, ""
    if text := said.get("at", ""):
        at = parse_time(text)
        note = "" if at is not None else f"the time {text[:40]!r} cannot be read and is left out"
    detail = " ".join(filter(None, (said.get("code"), said.get("status"), said.get("detail"))))
    return Entry(
        address,
        kind,
        said.get("domain", "").lower(),
        _scopes(said),
        at,
        " ".join(detail.split())[:_LONGEST],
        note,
    )


def _by_header(cells: Sequence[str], columns: Columns) -> dict[str, str]:
    return {
        name: unguarded(cells[place]).strip() for name, place in columns.places.items() if place < len(cells)
    }


def _by_looks(cells: Sequence[str]) -> dict[str, str]:
    """Without a header: the first cell with an @ (or the first at all) is the address."""
    stripped = [unguarded(cell).strip() for cell in cells]
    place = next((place for place, cell in enumerate(stripped) if "@" in cell), 0)
    said = {"address": stripped[place]}
    for cell in stripped[place + 1 :] + stripped[:place]:
        name = _looks_like(cell)
        if name in said and name != "at":
            said[name] = f"{said[name]} {cell}"
        elif name:
            said.setdefault(name, cell)
    return said


_CODE = re.compile(r"[245]\d\d\Z")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\Z")


def _looks_like(cell: str) -> str:
    if not cell:
        return ""
    if _CODE.match(cell):
        return "code"
    if _STATUS.match(cell):
        return "status"
    if _plain(cell) in _KINDS:
        return "kind"
    return "at" if parse_time(cell) is not None else "detail"


def _scopes(said: dict[str, str]) -> tuple[str, ...]:
    if not ("scope" in said or "group" in said or "tags" in said):
        return ()
    if scope := said.get("scope", ""):
        kind, _, name = scope.partition(":")
        if kind not in ("tag", "group") or not name:
            raise BadRow(f"the scope {scope[:40]!r} is neither tag:NAME nor group:NUMBER")
        return (f"{kind}:{name.lower()}",)
    if group := said.get("group", ""):
        if not (group.isascii() and group.isdigit() and len(group) < 10):
            raise BadRow(f"the group {group[:40]!r} is not a number")
        return (f"group:{int(group)}",) if int(group) else ()
    tags = _tags(said.get("tags", ""))
    return () if "*" in tags else tuple(f"tag:{tag.lower()}" for tag in tags)


def _tags(text: str) -> list[str]:
    """`*`, `news`, `news,offers`, `["news"]`."""
    if text.startswith("["):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = text.strip("[]").split(",")
        if isinstance(found, list):
            return [str(tag).strip(" '\"") for tag in found if str(tag).strip(" '\"")]
    return [tag.strip() for tag in re.split(r"[,;|]", text) if tag.strip()]


# What a spreadsheet would take for a formula

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def guarded(cell: str) -> str:
    """The cell behind a `'` where it begins like a formula (OWASP, "CSV Injection"), also behind blanks."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def unguarded(cell: str) -> str:
    """The reverse; any other `'` stays."""
    return cell[1:] if cell.startswith("'") and cell[1:].lstrip(" ").startswith(_FORMULA) else cell


# Times

_NUMBER = re.compile(r"\d{9,10}(\.\d{1,9})?\Z|\d{13}\Z")
_ZONE_WORD = re.compile(r"(?i)\s+(utc|gmt|z)\Z")
_OFFSET = re.compile(r"\s+([+-]\d\d):?(\d\d)\Z")
_SHORT_FRACTION = re.compile(r"\.(\d{1,9})")
_FORMS = (
    "%b %d, %Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y",
)


def parse_time(text: str) -> float | None:
    """Seconds since the epoch; without a zone it is UTC. Read are Unix times, ISO 8601, RFC 5322 and what the
    services write: `Thu, 26 Mar 2026 12:59:15 UTC`, `2026-03-26 12:59:15 +0000 UTC`. None: not a time."""
    text = text.strip()
    if len(text) > 60 or not any(char.isdigit() for char in text):
        return None
    if _NUMBER.match(text):
        number = float(text)
        return number / 1000 if number > 1e11 else number
    found = _parsed(text)
    if found is None:
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
    try:
        return aware.timestamp()
    except (OverflowError, ValueError):
        return None


_IN_MAIL = re.compile(
    r"[A-Z][a-z]{2}, (\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:UTC|GMT|[+-]0000)\Z"
)
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def _parsed(text: str) -> dt.datetime | None:
    if text[3:4] == ",":  # a day of the week
        return _parsed_quickly(text) or _parsed_as_in_mail(text)
    iso = _ZONE_WORD.sub("", text) if text[:1].isdigit() else text
    iso = _OFFSET.sub(r"\1:\2", iso)
    iso = _SHORT_FRACTION.sub(lambda match: "." + match[1][:6].ljust(6, "0"), iso, count=1)
    if "-" in iso[:5]:
        try:
            return dt.datetime.fromisoformat(iso)
        except ValueError:
            return None
    bare = _ZONE_WORD.sub("", text)
    for form in _FORMS:
        try:
            return dt.datetime.strptime(bare, form)
        except ValueError:
            continue
    return _parsed_as_in_mail(text)


def _parsed_quickly(text: str) -> dt.datetime | None:
    """The usual form of mail in UTC, read without asking the library."""
    match = _IN_MAIL.match(text)
    month, rest = divmod(_MONTHS.find(match[2]), 3) if match else (0, 1)
    if match is None or rest or month < 0:
        return None
    day, year, hour, minute, second = (int(match[place]) for place in (1, 3, 4, 5, 6))
    try:
        return dt.datetime(year, month + 1, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        return None


def _parsed_as_in_mail(text: str) -> dt.datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _plain(text: str) -> str:
    return re.sub(r"[\s_.\-]+", "", text.strip().lower())
