"""How a pass divides its room among what is due: accounts in turn, lanes in turn, sites within their room."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.model.lane import lane_of, lane_parts
from posthouse.pipeline.fetch import Share, shares
from posthouse.pipeline.sites import Place
from posthouse.store.queue import LaneDue


def lanes(*names: str) -> list[LaneDue]:
    """Due one after another, the first since the longest time."""
    return [LaneDue(lane(name), float(number)) for number, name in enumerate(names)]


def lane(name: str, kind: str = "single") -> str:
    """`name`: domain|account, in which a domain `x@site` stands at that site."""
    domain, account = name.split("|")
    return lane_of(domain, account, kind == "batch")


def divide(
    due: list[LaneDue], rooms: dict[str, int], most: int = 100, unproven: int | None = None
) -> dict[str, int]:
    """By domain|account. `rooms` by domain; names in capitals are not proven."""

    def place_of(lane: str) -> Place:
        where = lane_parts(lane)[1].rpartition("@")[2]
        return Place(where, rooms.get(where, 50), not where.isupper())

    found = shares(due, place_of, most, most if unproven is None else unproven)
    return {"|".join(reversed(lane_parts(share.lane)[:2])): share.count for share in found}


CASES: dict[str, tuple[list[LaneDue], dict[str, int], int, dict[str, int]]] = {
    "nothing is due": ([], {}, 10, {}),
    "no room at all": (lanes("a|x"), {}, 0, {}),
    "one lane gets all": (lanes("a|x"), {}, 7, {"a|x": 7}),
    "a lane gets no more than its site may hold": (lanes("a|x"), {"a": 3}, 7, {"a|x": 3}),
    "two lanes get the same": (lanes("a|x", "b|x"), {}, 10, {"a|x": 5, "b|x": 5}),
    "what one cannot use the other gets": (lanes("a|x", "b|x"), {"a": 1}, 10, {"a|x": 1, "b|x": 9}),
    "a lane without room is not named": (lanes("dead|x", "b|x"), {"dead": 0}, 4, {"b|x": 4}),
    "more lanes than room: who waits longest": (lanes("a|x", "b|x", "c|x"), {}, 2, {"a|x": 1, "b|x": 1}),
    "more lanes than room: accounts come first": (
        lanes("a|x", "b|x", "c|x", "d|y"),
        {},
        2,
        {"a|x": 1, "d|y": 1},
    ),
    "an account's many lanes are not many votes in the first turn": (
        lanes("a|x", "b|x", "c|x", "d|x", "e|y"),
        {},
        3,
        {"a|x": 1, "e|y": 1, "b|x": 1},
    ),
    "lanes of one site share its room": (lanes("a@s|x", "b@s|y"), {"s": 5}, 100, {"a@s|x": 3, "b@s|y": 2}),
    "one odd place goes to the older lane": (lanes("a|x", "b|x"), {}, 3, {"a|x": 2, "b|x": 1}),
    "a lane gets at most 500": (lanes("a|x"), {"a": 5000}, 1000, {"a|x": 500}),
}


@pytest.mark.parametrize(("due", "rooms", "most", "expected"), CASES.values(), ids=CASES.keys())
def test_shares(due: list[LaneDue], rooms: dict[str, int], most: int, expected: dict[str, int]) -> None:
    assert divide(due, rooms, most) == expected


def test_the_age_of_a_lane_counts_not_its_place_in_the_list() -> None:
    due = [LaneDue(lane("new|x"), 9.0), LaneDue(lane("old|x"), 1.0)]
    assert divide(due, {}, 1) == {"old|x": 1}


@pytest.mark.parametrize(("unproven", "expected"), [(0, {"quick|x": 10}), (2, {"quick|x": 8, "DEAD|x": 2})])
def test_sites_that_are_not_proven_have_a_room_of_their_own(unproven: int, expected: dict[str, int]) -> None:
    assert divide(lanes("DEAD|x", "quick|x"), {}, 10, unproven) == expected


def test_many_unproven_sites_share_one_room() -> None:
    """However many dead domains there are, the quick site gets its half."""
    dead = [f"D{chr(65 + n // 26)}{chr(65 + n % 26)}|x" for n in range(300)]
    found = divide(lanes(*dead, "quick|y"), {}, 100, 50)
    assert sum(count for lane, count in found.items() if lane != "quick|y") == 50
    assert found["quick|y"] == 50


def test_a_class_is_a_lane_of_its_own() -> None:
    due = [LaneDue(lane("a|x", "batch"), 0.0), LaneDue(lane("a|x"), 1.0)]
    found = shares(due, lambda _: Place("a", 4, True), 10, 10)
    assert found == [Share(lane("a|x", "batch"), 2), Share(lane("a|x"), 2)]


def test_no_more_is_looked_at_than_gets_a_place() -> None:
    asked: list[str] = []

    def place_of(lane: str) -> Place:
        asked.append(lane)
        return Place(lane, 5, True)

    found = shares([LaneDue(lane(f"d{n}|a{n % 7}"), float(n)) for n in range(50_000)], place_of, 10, 10)
    assert len(found) == 10 == len(asked)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz"), st.sampled_from(["single", "batch"])),
        unique=True,
    ),
    st.dictionaries(st.sampled_from("ABcd"), st.integers(0, 9)),
    st.integers(0, 40),
    st.integers(0, 20),
)
def test_every_bound_is_kept_and_no_place_is_wasted(
    names: list[tuple[str, str, str]], rooms: dict[str, int], most: int, unproven: int
) -> None:
    """Sites A and B are not proven. Two domains share each of the first two sites."""
    sites = dict(zip("abcdef", "AABBcd", strict=True))

    def place_of(lane: str) -> Place:
        where = sites[lane_parts(lane)[1]]
        return Place(where, rooms.get(where, 3), where.islower())

    due = [
        LaneDue(lane_of(domain, account, kind == "batch"), float(number))
        for number, (domain, account, kind) in enumerate(names)
    ]
    used: Counter[str] = Counter()
    for share in shares(due, place_of, most, unproven):
        assert share.count > 0
        used[sites[lane_parts(share.lane)[1]]] += share.count
    room = {sites[name[0]]: rooms.get(sites[name[0]], 3) for name in names}
    assert all(used[where] <= room[where] for where in used)
    assert used["A"] + used["B"] <= unproven
    could = min(unproven, room.get("A", 0) + room.get("B", 0)) + room.get("c", 0) + room.get("d", 0)
    assert sum(used.values()) == min(most, could)
