"""A domain's name as people write it: in any form, read once, with a sentence for whatever is none.

`sending_name` reads a name to look something up by. `new_name` is stricter, for a domain that is to be added:
names that mean nothing outside of one machine or network, and public suffixes, where everybody registers
names, belong to nobody who could send mail as them.

Public: sending_name, new_name, doubts.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

import idna

from posthouse.model.errors import Refused

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_NAME_MOST, _LABEL_MOST = 253, 63  # RFC 1035 2.3.4
_TEXT_MOST = 1000
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what IDNA takes for a dot (UTS 46 4)
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LDH = re.compile(r"[a-z0-9-]+\Z")
# RFC 6761, 6762, 7686, 8375, 9476, and what ICANN keeps for private networks; not test and example, which
# people need for trying out
_LOCAL_ONLY = frozenset({"localhost", "local", "invalid", "onion", "arpa", "internal", "alt", "localdomain"})
# scripts that are written together (UTS 39 5.2)
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
# letters of other scripts that look like Latin ones (UTS 39 confusables, the frequent ones)
_LATIN_LOOKS = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb\u04cf\u0442\u043c\u043a\u0432\u043d"
    "\u03bf\u03b1\u03bd\u03c1\u03c5\u03b9\u03ba\u03c4\u03c7",
    "aeopcyxijsdqwhltmkbhoavpuiktx",
)


def sending_name(text: str) -> str:
    """A domain name in any form -> lower-case A-label form without the last dot. Raises Refused."""
    name = text.strip().strip("\u00a0\ufeff").strip()
    _refuse_other_things(name)
    labels = _DOTS.split(name)
    if len(labels) > 1 and not labels[-1]:
        labels.pop()  # RFC 1034 3.1: the root's dot
    ascii_labels = [_label(label) for label in labels]
    if len(labels) < 2:
        raise _wrong(
            f"{_shown(name)} has only one part; it needs at least one dot, such as {ascii_labels[0][:40]}.com"
        )
    if ascii_labels[-1].isdigit():
        raise _wrong(f"{_shown(name)} ends with a number, which no top-level domain does")
    name = ".".join(ascii_labels)
    if len(name) > _NAME_MOST:
        raise _wrong(f"it has {len(name)} octets; a domain name has at most {_NAME_MOST}")
    return name


def _refuse_other_things(name: str) -> None:
    """What people paste in place of a name: say what it is, and what was meant."""
    if not name:
        raise _wrong("there is no name")
    if len(name) > _TEXT_MOST:
        raise _wrong(f"it is {len(name)} characters long; a domain name has at most {_NAME_MOST}")
    if _HIDDEN.search(name):
        raise _wrong(f"{_shown(name)} has a character in it that nobody can see; type the name by hand")
    if "://" in name:
        host = re.split(r"[/?#]", name.partition("://")[2])[0].rpartition("@")[2].partition(":")[0]
        raise _wrong(f"{_shown(name)} is a URL{_meant(host)}")
    if "@" in name:
        raise _wrong(f"{_shown(name)} is an address{_meant(name.rpartition('@')[2])}")
    if _is_ip(name):
        raise _wrong(f"{_shown(name)} is an IP address, not a domain name")
    if any(character in name for character in "/?#:"):
        raise _wrong(f"{_shown(name)} is more than a name{_meant(re.split('[/?#:]', name)[0])}")
    if name.startswith("*."):
        raise _wrong(f"{_shown(name)} is a wildcard{_meant(name[2:])}")
    if len(name.split()) > 1:
        raise _wrong(f"{_shown(name)} has blanks in it")


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]").removeprefix("IPv6:").removeprefix("ipv6:"))
    except ValueError:
        return False
    return True


def _meant(host: str) -> str:
    return f"; the domain's name is {_shown(host)}" if host and len(host) <= _NAME_MOST else ""


def _label(label: str) -> str:
    """One label in A-label form."""
    if not label:
        raise _wrong("two dots stand side by side, or one at the beginning")
    if "_" in label:
        raise _wrong(f"{_shown(label)} has an underscore, which the name of a host or sender cannot have")
    plain = label.lower() if label.isascii() else _encoded(label)
    if len(plain) > _LABEL_MOST:
        raise _wrong(f"{_shown(label)} has {len(plain)} octets; a part has at most {_LABEL_MOST}")
    if plain.startswith("-") or plain.endswith("-"):
        raise _wrong(f"{_shown(label)} begins or ends with a hyphen")
    if not _LDH.match(plain):
        raise _wrong(f"{_shown(label)} has a character that is no letter, digit or hyphen")
    if plain.startswith("xn--"):
        _decoded(plain)
    return plain


def _encoded(label: str) -> str:
    try:
        return idna.encode(label, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        if "too long" in str(error):
            text = f"{_shown(label)} is too long: encoded it has more than {_LABEL_MOST} octets"
        else:
            text = f"{_shown(label)} is not allowed in an international name (IDNA 2008)"
        raise _wrong(text) from None


def _decoded(label: str) -> str:
    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        raise _wrong(f"{_shown(label)} is no encoded international name (IDNA 2008)") from None


def new_name(text: str) -> str:
    """The name of a domain that is to be added, in A-label form. Raises Refused."""
    name = sending_name(text)
    top = name.rpartition(".")[2]
    if top in _LOCAL_ONLY:
        raise _wrong(f"names below .{top} mean nothing to other hosts, which could not answer or verify")
    if _suffixes().is_public(name):
        text = f"{name} is a public suffix: everybody registers names below it, nobody sends as it"
        raise _wrong(text)
    return name


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # 90 ms that only `domain add` pays

    return PublicSuffixList()


def doubts(name: str) -> str:
    """A sentence where a reader may take the name for another one, else ""; `name` in A-label form."""
    for label in name.split("."):
        if not label.startswith("xn--"):
            continue
        plain = _decoded(label)
        scripts = {unicodedata.name(letter, "?").split()[0] for letter in plain if letter.isalpha()}
        if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
            found = ", ".join(sorted(script.capitalize() for script in scripts))
            return f"{plain} mixes scripts ({found}): receivers take such names for forgeries"
        looks = plain.translate(_LATIN_LOOKS)
        if looks != plain and looks.isascii():
            return f"{plain} looks like {looks} and is another name: receivers take such names for forgeries"
    return ""


def _shown(text: str) -> str:
    """The text in quotes, short, with what cannot be printed written out."""
    if text.isprintable():
        return repr(text[:60])
    return ascii(text[:25] + ("…" if len(text) > 25 else ""))  # up to ten characters each


def _wrong(text: str) -> Refused:
    return Refused(501, "5.1.2", f"Not a domain to send for: {text}", reason="bad-domain")
