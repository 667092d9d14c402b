"""Pictures of pages, for people to look at.

Public: photograph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Error

_TRIES = 5
_REFUSAL = "Unable to capture screenshot"
_PAUSE_MS = 250


def photograph(page: Any, path: Path) -> None:
    """Write what `page` shows to `path`.

    Chromium now and then refuses a picture for want of a drawn frame, and takes the same one a moment later
    (MarketSquare/robotframework-browser issue 5237): only that refusal is asked again.
    """
    for left in reversed(range(_TRIES)):
        try:
            page.screenshot(path=path)
            return
        except Error as error:
            if _REFUSAL not in error.message or not left:
                raise
        page.wait_for_timeout(_PAUSE_MS)
