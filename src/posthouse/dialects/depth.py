"""How deep a customer's JSON may be nested: what walks it later is recursive.

Public: is_too_deep.
"""

from __future__ import annotations

from typing import Any


def is_too_deep(value: dict[str, Any] | list[Any], most: int) -> bool:
    """More than `most` levels of objects and lists? Looks level by level, without recursion."""
    level: list[Any] = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
