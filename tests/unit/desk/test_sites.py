"""What would happen next at a site, in words; sites by their names alone (D-05)."""

from __future__ import annotations

from typing import Any

import pytest

from posthouse.desk.sites import next_step, site_of
from posthouse.model.site import AVOID, SUSPEND, Rest
from posthouse.rules.shaping import rule_for
from posthouse.rules.site_limits import Limits

NOW = 1_000_000.0


def worker(**more: Any) -> dict[str, Any]:
    return {"active": 0, "waiting": 0, "width": 5, "share": 10, **more}


def stop(seconds: float, kind: str = SUSPEND) -> Rest:
    return Rest("s", kind, "", NOW + seconds, NOW, "")


NEXT = {
    "suspended": ([stop(90)], [worker()], "nothing is sent for 90 s: the site is suspended"),
    "suspended for long": ([stop(3 * 3600)], [], "nothing is sent for 3.0 h: the site is suspended"),
    "avoiding an address stops nothing": ([stop(90, AVOID)], [worker()], "the next letter goes at once; 5"),
    "nobody knows it": ([], [], "no worker has had mail for it lately: up to 5 conversations at once"),
    "resting": ([], [worker(rests_until=NOW + 12)], "next attempt in 12 s: one probing conversation"),
    "the first of two rests ends": (
        [],
        [worker(rests_until=NOW + 600), worker(rests_until=NOW + 12)],
        "next attempt in 12 s: one probing conversation",
    ),
    "one rests, one goes on": (
        [],
        [worker(rests_until=NOW + 12), worker(active=4)],
        "the next letter goes at once; 1 conversation more may begin",
    ),
    "a rest that is over": (
        [],
        [worker(rests_until=NOW - 1, width=1, is_probing=True)],
        "the next letter probes",
    ),
    "a probe is under way": (
        [],
        [worker(width=1, is_probing=True, active=1)],
        "one conversation probes whether the site is back",
    ),
    "full": ([], [worker(active=5)], "the next letter waits for one of the conversations to end"),
    "a share smaller than the window": ([], [worker(share=2, active=1)], "the next letter goes at once; 1 "),
    "a rate": ([], [worker(wait_s=0.4)], "the next letter goes in 0.4 s; 5 conversations more may begin"),
}


@pytest.mark.parametrize(("rests", "seen", "said"), NEXT.values(), ids=NEXT.keys())
def test_next_step(rests: list[Rest], seen: list[dict[str, Any]], said: str) -> None:
    assert next_step(Limits(), rests, seen, NOW).startswith(said)


def test_a_rate_is_told() -> None:
    assert next_step(Limits(messages_per_second=0.5), [], [], NOW).endswith("at once, 0.5 letters a second")


NAMES = {
    "hosts": ("alt1.gmail-smtp-in.l.google.com,gmail-smtp-in.l.google.com", "built in: [[site]] gmail"),
    "a name cut short": ("mta5.am0.yahoodns.net,+11#0123456789abcdef", "built in: [[site]] yahoo"),
    "a static route": ("relay.example.com:2525", "built in: [route]"),
    "anything": ("mx.example.com", "built in: [default]"),
}


@pytest.mark.parametrize(("name", "origin"), NAMES.values(), ids=NAMES.keys())
def test_a_name_alone_leads_to_the_rules(name: str, origin: str) -> None:
    site = site_of(name)
    assert site.name == name and rule_for(site).origin == origin
