"""Where events lead: the API base of the region that their domain belongs to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from posthouse.config import settings_from
from posthouse.model.errors import SettingsError
from posthouse.wiring.follow_up import _home_of

HTTP = {"url": "https://api.us.test", "region_urls": ["eu=https://api.eu.test/", "ap=http://ap.test"]}


@pytest.mark.parametrize(
    ("region", "home"),
    [
        ("us", ("us", "https://api.us.test")),
        ("eu", ("eu", "https://api.eu.test")),
        ("ap", ("ap", "http://ap.test")),
        ("sa", ("sa", "")),
        (None, ("us", "https://api.us.test")),
    ],
)
def test_C_14_each_region_has_its_api_base(tmp_path: Path, region: str | None, home: tuple[str, str]) -> None:
    settings = settings_from({"http": HTTP}, base=tmp_path)
    domain = None if region is None else SimpleNamespace(region=region)
    ground: Any = SimpleNamespace(settings=settings, identity=SimpleNamespace(home_of=lambda name: domain))
    assert _home_of(ground, "shop.test") == home


@pytest.mark.parametrize("value", ["eu", "eu=", "EU=https://x.test", "eu=ftp://x.test", "=https://x.test"])
def test_C_14_a_base_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="region_urls"):
        settings_from({"http": {"region_urls": [value]}}, base=tmp_path)
