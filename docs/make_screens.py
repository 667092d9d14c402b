"""The pictures of docs/screens, made by `make screens`: a demonstration of two weeks in Debian's Chromium.

Needs what `make browser` needs. Each picture is a page at the size and in the colours that its row says.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from playwright.sync_api import sync_playwright  # noqa: E402

from browser.demo import OWNER, SIZES, Demo, running_demo  # noqa: E402
from browser.photographs import photograph  # noqa: E402

SCREENS = ROOT / "docs" / "screens"


CLICKED = "tr:has-text('clicked') a[href*='/messages/0']"


class Picture(NamedTuple):
    """`path`: below the account; a link's CSS selector on that page may lead further (`follows`)."""

    name: str
    path: str
    size: str = "desktop"
    scheme: str = "light"
    follows: str = ""


PICTURES = (
    Picture("overview", ""),
    Picture("overview-dark", "", scheme="dark"),
    Picture("overview-phone", "", size="phone"),
    Picture("start", "/start"),
    Picture("messages", "/messages"),
    Picture("message", "/messages", follows=CLICKED),
    Picture("message-phone", "/messages", size="phone", follows=CLICKED),
    Picture("captured", "/captured"),
    Picture("captured-mail", "/captured", follows="main a[href*='/captured/0']"),
    Picture("queue", "/queue"),
    Picture("domains", "/domains"),
    Picture("domain", "/domains/shop.example"),
    Picture("users", "/users"),
    Picture("keys", "/keys"),
    Picture("templates", "/templates"),
    Picture("template", "/templates", follows="main table a[href*='/templates/']"),
    Picture("suppressions", "/suppressions"),
    Picture("groups", "/groups"),
    Picture("webhooks", "/webhooks"),
    Picture("webhook", "/webhooks", follows="main a[href*='/webhooks/0']"),
    Picture("sites", "/sites"),
    Picture("addresses", "/addresses"),
    Picture("tester", "/tester"),
    Picture("settings", "/settings"),
    Picture("limits", "/limits"),
    Picture("people", "/people"),
    Picture("audit", "/audit"),
)


def main() -> None:
    SCREENS.mkdir(exist_ok=True)
    chosen = [each for each in PICTURES if not sys.argv[1:] or each.name in sys.argv[1:]]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_demo(Path(folder)) as demo,
        sync_playwright() as running,
    ):
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for picture in chosen:
            _take(browser, demo, picture)
            print(picture.name)
        browser.close()


def _take(browser: Any, demo: Demo, picture: Picture) -> None:
    window = browser.new_context(viewport=SIZES[picture.size], color_scheme=picture.scheme)
    page = window.new_page()
    demo.sign_in(page, OWNER)
    page.goto(f"{demo.url}/accounts/default{picture.path}")
    if picture.follows:
        page.locator(picture.follows).first.click()
        page.wait_for_load_state("load")
    page.wait_for_timeout(800)  # charts and pieces of the page
    photograph(page, SCREENS / f"{picture.name}.png")
    window.close()


if __name__ == "__main__":
    main()
