"""The names of lanes, and between which names an account's stand."""

from __future__ import annotations

import pytest

from posthouse.model.lane import lane_of, lane_parts, lanes_between


def test_a_lane_is_read_as_it_is_written() -> None:
    assert lane_parts(lane_of("[192.0.2.1]", "acc", True)) == ("acc", "[192.0.2.1]", "batch")
    with pytest.raises(ValueError, match="unpack"):
        lane_parts("not a lane")


@pytest.mark.parametrize("domain", ["", "b.test"])
def test_an_accounts_lanes_lie_side_by_side(domain: str) -> None:
    start, end = lanes_between("acc", domain)
    names = [
        lane_of(name, account, is_batch, is_scanned)
        for name in ("a.test", "b.test", "b.test.more", "z.b.test", "[IPv6:2001:db8::1]", "~")
        for account in ("ac", "acc", "acc0", "acc~", "ACC", "b")
        for is_batch in (True, False)
        for is_scanned in (True, False)
    ]
    inside = [name for name in names if start < name < end]
    assert inside == [
        name for name in names if lane_parts(name)[0] == "acc" and domain in ("", lane_parts(name)[1])
    ]
