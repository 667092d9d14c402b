"""Who sends a request to the tracking door, cut down to what the sending domain lets us keep.

Public: visitor_of.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from posthouse.pipeline.engage import Visitor
from posthouse.rules.machines import judge_visit
from posthouse.rules.privacy import keeps_agent, keeps_client, kept_address
from posthouse.rules.user_agents import LONGEST, read_agent


def visitor_of(request: Request, privacy: str, zone_of: Callable[[str], str]) -> Visitor:
    """`privacy`: a word of `rules.privacy`. `zone_of`: the time zone of a client address, "" for unknown."""
    address = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")[:LONGEST]
    is_coarse = keeps_client(privacy)
    return Visitor(
        address=kept_address(address, privacy),
        agent=agent if keeps_agent(privacy) else "",
        machine=judge_visit(agent, address),
        client=read_agent(agent).as_data() if is_coarse else {},
        time_zone=zone_of(address) if is_coarse else "",
    )
