"""Rules for the texts of the body and for attachments.

Public: judge_content, judge_attachments, octets_of.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

from posthouse.dialects.sendgrid.mail_rules.faults import Faults, shown

NO_CONTENT = (
    "The content param is required unless you are using a transactional template and have defined a "
    "template_ID."
)
EMPTY_CONTENT = (
    "There must be at least one defined content block. We typically suggest both text/plain and text/html "
    "blocks are included, but only one block is required."
)
NO_TYPE = "A content type is required, this tells email clients how to display the email."
BAD_TYPE = "Your content type must be a string with length of at least one character."
TYPE_SIGNS = "Cannot contain ';', or CRLF characters."
NO_VALUE = "A content value is required, this is the content of the email you are sending."
BAD_VALUE = "The content value must be a string at least one character in length."
ORDER = (
    "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent in your email: "
    "text/plain needs to be first, followed by text/html, followed by any other content."
)
NOT_BASE64 = "The attachment content must be base64 encoded."
NO_OCTETS = "The attachment content must be a string at least one character in length."
NO_FILENAME = "filename is required."
BAD_FILENAME = "The filename of your attachment must be a string."
FILENAME_BREAKS = "The filename of your attachment cannot contain CRLF characters."
BAD_FILE_TYPE = "The attachment type must be a string and at least one character in length."
FILE_TYPE_SIGNS = "The type cannot contain ';', or CRLF characters."
ID_SIGNS = "The content ID of your attachment cannot contain CRLF characters."
MOST_FILES = 400  # our decision
MANY_FILES = f"There is a limit of {MOST_FILES} attachments per request."
BAD_DISPOSITION = 'The disposition of your attachment can be either "inline" or "attachment".'
BAD_ID = "The content ID of your attachment must be a string."
_RANKS = {"text/plain": 0, "text/html": 1}
_breaks = re.compile("[\0\r\n\x0b\x0c\x85\u2028\u2029]").search
_WORD = r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+"
_is_type = re.compile(rf"{_WORD}/{_WORD}\Z").match
# Parameters stand behind a type in the programs of many, and the service lets them pass (observed).
_has_good_parameters = re.compile(
    rf'{_WORD}/{_WORD}(?:[ \t]*;[ \t]*{_WORD}=(?:{_WORD}|"[^"\\\x00-\x1f\x7f]*"))*[ \t]*;?[ \t]*\Z'
).match


def judge_content(faults: Faults, call: dict[str, Any]) -> None:
    given = call.get("content")
    if given is None:
        if not call.get("template_id"):
            faults.add("content", NO_CONTENT)
        return
    if given == []:
        faults.add("content", EMPTY_CONTENT)
    rank = 0
    for number, entry in enumerate(faults.array("content", given)):
        path = f"content.{number}"
        if not faults.is_a(path, entry, dict):
            continue
        kind = _judge_type(faults, f"{path}.type", entry.get("type"))
        _judge_value(faults, f"{path}.value", entry.get("value"))
        own = _RANKS.get(kind, 2)
        if kind and own < rank:
            faults.add(f"{path}.value", ORDER)
        rank = max(rank, own if kind else 0)


def _judge_type(faults: Faults, path: str, value: Any) -> str:
    """The type in lower case, "" for a bad one."""
    if value is None:
        faults.add(path, NO_TYPE)
    elif not isinstance(value, str) or not value.strip():
        faults.add(path, BAD_TYPE)
    elif ";" in value or _breaks(value):
        faults.add(path, TYPE_SIGNS)
    elif not _is_type(value.strip()):
        faults.add(path, f"Invalid type. Expected: type/subtype, given: {shown(value)}.")
    else:
        return value.strip().lower()
    return ""


def _judge_value(faults: Faults, path: str, value: Any) -> None:
    if value is None:
        faults.add(path, NO_VALUE)
    elif not isinstance(value, str) or not value:
        faults.add(path, BAD_VALUE)


def judge_attachments(faults: Faults, value: Any) -> None:
    files = faults.array("attachments", value)
    if len(files) > MOST_FILES:
        faults.add("attachments", MANY_FILES)
        return
    for number, entry in enumerate(files):
        path = f"attachments.{number}"
        if faults.is_a(path, entry, dict):
            _judge_octets(faults, f"{path}.content", entry.get("content"))
            _judge_filename(faults, f"{path}.filename", entry.get("filename"))
            _judge_file_type(faults, f"{path}.type", entry.get("type"))
            _judge_disposition(faults, f"{path}.disposition", entry.get("disposition"))
            _judge_id(faults, f"{path}.content_id", entry.get("content_id"))


def octets_of(content: str) -> bytes:
    """base64 on one line or folded. Raises ValueError."""
    if "\n" in content or "\r" in content:
        content = content.replace("\r", "").replace("\n", "")
    return b64decode(content, validate=True)


def _judge_octets(faults: Faults, path: str, value: Any) -> None:
    if not isinstance(value, str) or not value:
        faults.add(path, NO_OCTETS)
        return
    try:
        octets_of(value)
    except ValueError:
        faults.add(path, NOT_BASE64)


def _judge_filename(faults: Faults, path: str, value: Any) -> None:
    if value is None:
        faults.add(path, NO_FILENAME)
    elif not isinstance(value, str):
        faults.add(path, BAD_FILENAME)
    elif _breaks(value):
        faults.add(path, FILENAME_BREAKS)


def _judge_file_type(faults: Faults, path: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str) or not value.strip():
        faults.add(path, BAD_FILE_TYPE)
    elif not _has_good_parameters(value.strip()):
        faults.add(path, FILE_TYPE_SIGNS)


def _judge_disposition(faults: Faults, path: str, value: Any) -> None:
    if value is not None and value not in ("inline", "attachment"):
        faults.add(path, f"{BAD_DISPOSITION} You provided {shown(value)}.")


def _judge_id(faults: Faults, path: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        faults.add(path, f"{BAD_ID} You provided {shown(value)}.")
    elif ";" in value or "," in value or _breaks(value):
        faults.add(path, ID_SIGNS)
