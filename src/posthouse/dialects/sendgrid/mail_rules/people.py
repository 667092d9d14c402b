"""Rules for addresses: the author, answers, and who gets each personalization.

Public: judge_author, judge_replies, judge_recipients, domain_of.
"""

from __future__ import annotations

from typing import Any

from posthouse.dialects.sendgrid.mail_rules.faults import Faults, shown
from posthouse.model.address import BadAddress, parse_address
from posthouse.model.errors import Refused
from posthouse.rules.policy import judge_recipient

MOST = 1000
LONGEST = 320
TWICE = "Each unique email address in the personalizations array should only be included once."
INVALID = "Does not contain a valid address."
_EXAMPLE = (
    'e.g. {"email": "example@example.com"} or {"email": "example@example.com", "name": "Example Recipient"}'
)
NO_FROM = (
    "The from object must be provided for every email send. It is an object that requires the email "
    f"parameter, but may also contain a name parameter. {_EXAMPLE}."
)
BAD_FROM = (
    "The from object must at least have an email parameter with a valid email address and may also contain a "
    f"name parameter. {_EXAMPLE}."
)
NO_TO = (
    "The to array is required for all personalization objects, and must have at least one email object with "
    "a valid email address."
)
NO_TO_EMAIL = "The to email parameter is required."
OTHER_DOMAIN = "The from email of a personalization must be of the same domain as the from email."
BOTH_REPLIES = "You can use either the reply_to property or reply_to_list property but not both."


def bad_copies(name: str) -> str:
    """About `cc` and `bcc`."""
    return (
        f"The {name} array, when used, must at least have an email parameter with a valid email address and "
        f"it may also contain a name parameter. {_EXAMPLE}"
    )


def bad_reply(name: str) -> str:
    return (
        f"The {name} object, when used, must at least have an email parameter with a valid email address and "
        f"it may also contain a name parameter. {_EXAMPLE}"
    )


def judge_author(faults: Faults, path: str, value: Any) -> str:
    """A `from` that is there: its domain, "" where it has none."""
    if not faults.is_a(path, value, dict):
        return ""
    address = _email(faults, path, value, BAD_FROM, "From", path)
    return domain_of(address)


def judge_replies(faults: Faults, call: dict[str, Any]) -> None:
    one, many = call.get("reply_to"), call.get("reply_to_list")
    if one is not None and faults.is_a("reply_to", one, dict):
        _email(faults, "reply_to", one, bad_reply("reply_to"), "Reply-To", "reply_to", at_whole=True)
    if many is None:
        return
    entries = faults.array("reply_to_list", many)
    if one is not None:
        faults.add("reply_to_list", BOTH_REPLIES)
    if len(entries) > MOST:
        faults.add("reply_to_list", f"There is a limit of {MOST} addresses in reply_to_list.")
    seen: set[str] = set()
    for number, entry in enumerate(entries[:MOST]):
        path = f"reply_to_list.{number}"
        if faults.is_a(path, entry, dict):
            address = _email(faults, path, entry, bad_reply("reply_to_list"), "Reply-To", path)
            if address and address.lower() in seen:
                faults.add("reply_to_list", _twice(address))
            seen.add(address.lower())


def judge_recipients(faults: Faults, path: str, own: dict[str, Any]) -> int:
    """to, cc and bcc of one personalization: how many they are."""
    seen: set[str] = set()
    count = _to(faults, f"{path}.to", own.get("to"), seen)
    for name, title in (("cc", "CC"), ("bcc", "BCC")):
        given = own.get(name)
        if given is None:
            continue
        entries = faults.array(f"{path}.{name}", given)
        if given == []:
            faults.add(f"{path}.{name}", bad_copies(name))
        count += _entries(faults, f"{path}.{name}", entries, bad_copies(name), title, seen)
    return count


def _to(faults: Faults, path: str, given: Any, seen: set[str]) -> int:
    if given is None or given == []:
        faults.add(path, NO_TO)
        return 0
    return _entries(faults, path, faults.array(path, given), "", "To", seen)


def _entries(faults: Faults, path: str, entries: list[Any], absent: str, title: str, seen: set[str]) -> int:
    """`absent`: what is said about the whole list where an entry has no address; "" for To, which says it
    about the entry."""
    for number, entry in enumerate(entries[: MOST + 1]):
        place = f"{path}.{number}"
        if not faults.is_a(place, entry, dict):
            continue
        address = _email(faults, place, entry, absent or NO_TO_EMAIL, title, path, at_whole=bool(absent))
        if address and address.lower() in seen:
            faults.add("personalizations", _twice(address))
        seen.add(address.lower())
    return len(entries)


def _twice(address: str) -> str:
    return f"{TWICE} You have included {shown(address)} more than once."


def _email(
    faults: Faults,
    path: str,
    entry: dict[str, Any],
    absent: str,
    title: str,
    whole: str,
    *,
    at_whole: bool = False,
) -> str:
    """The address of `{email, name}`, "" for a bad one. `absent` is said where there is none, about `whole`
    or the address alone."""
    name = entry.get("name")
    if name is not None:
        faults.is_a(f"{path}.name", name, str)
    email = entry.get("email")
    if email is None or email == "":
        faults.add(whole if at_whole else f"{path}.email", absent)
        return ""
    if not faults.is_a(f"{path}.email", email, str):
        return ""
    if len(email) > LONGEST:
        text = f"The {title} email exceeds the maximum total length of {LONGEST} characters"
        faults.add(whole, text)
        return ""
    if not is_address(email):
        faults.add(f"{path}.email", INVALID)
        return ""
    return str(email.strip())


def is_address(text: str) -> bool:
    try:
        judge_recipient(parse_address(text.strip()))
    except (BadAddress, Refused):
        return False
    return True


def domain_of(address: str) -> str:
    """Of an address that was judged, "" for ""."""
    return parse_address(address).domain if address else ""
