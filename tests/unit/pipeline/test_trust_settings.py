"""Which TLS policies are kept to, as the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthouse.config import settings_from
from posthouse.model.clock import FakeClock
from posthouse.model.errors import SettingsError
from posthouse.model.trust import StsPolicy
from posthouse.net.lookup import Lookup
from posthouse.pipeline.trust import trust_from


class NoShelf:
    async def load(self, domain: str) -> StsPolicy | None:
        return None

    async def save(self, policy: StsPolicy) -> None:
        return None


@pytest.mark.parametrize(
    ("mta_sts", "dane", "validates", "has_sts", "has_dane"),
    [
        pytest.param(True, True, False, True, False, id="as installed: no resolver is trusted"),
        pytest.param(True, True, True, True, True, id="a trusted resolver"),
        pytest.param(True, False, True, True, False, id="without DANE"),
        pytest.param(False, True, True, False, True, id="without MTA-STS"),
        pytest.param(False, True, False, False, False, id="neither"),
    ],
)
def test_what_is_kept_to(mta_sts: bool, dane: bool, validates: bool, has_sts: bool, has_dane: bool) -> None:
    settings = settings_from(
        {"dns": {"validates": validates}, "delivery": {"mta_sts": mta_sts, "dane": dane}}, base=Path("/")
    )
    clock = FakeClock()
    trust = trust_from(settings, Lookup([], clock, validates=validates), clock, NoShelf())
    assert (trust is not None) == (has_sts or has_dane)
    if trust is not None:
        assert (trust.sts is not None, trust.uses_dane) == (has_sts, has_dane)


def test_authorities_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    settings = settings_from({"delivery": {"tls_ca": "gone.pem"}}, base=tmp_path)
    clock = FakeClock()
    with pytest.raises(SettingsError, match=r"delivery\.tls_ca: .*gone\.pem cannot be used: No such file"):
        trust_from(settings, Lookup([], clock), clock, NoShelf())
