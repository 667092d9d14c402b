"""Sample values for a template, as people write them: a JSON object.

Public: parse_sample, MOST_BYTES.
"""

from __future__ import annotations

import json
from typing import Any

from posthouse.dialects.depth import is_too_deep
from posthouse.dialects.native.options import MOST_DEPTH
from posthouse.model.errors import Refused

MOST_BYTES = 64 * 1024


def parse_sample(text: str) -> dict[str, Any]:
    """The values, none for an empty text. Raises Refused with the line of what is wrong."""
    if not text.strip():
        return {}
    if len(text) > MOST_BYTES:
        raise _refused(f"they are longer than {MOST_BYTES // 1024} KB")
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise _refused(f"{error.msg[:1].lower()}{error.msg[1:]} in line {error.lineno}") from error
    except (RecursionError, ValueError) as error:  # a number of thousands of digits
        raise _refused("they are nested too deep, or a number in them is too long") from error
    if not isinstance(found, dict):
        raise _refused('they should be an object, such as {"name": "Ann"}')
    if is_too_deep(found, MOST_DEPTH):
        raise _refused(f"they are nested more than {MOST_DEPTH} levels deep")
    return found


def _refused(why: str) -> Refused:
    return Refused(501, "5.5.4", f"The sample values cannot be read: {why}", reason="bad-sample")
