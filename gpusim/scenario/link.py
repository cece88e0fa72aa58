"""WAN links: what carries data from the region where they are to the region where a job runs."""

from __future__ import annotations

from collections import deque

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.steps import Steps


class Link(Model):
    """A link between two regions, used in both directions by the data of jobs. Without any link, data are available
    everywhere at once. With one, a job with a ``home`` and data runs in another region only after its data have arrived
    there: over the fewest links that lead there, and only if any do. At every moment data share links max-min fairly.
    """

    between: list[str]
    """The two regions that it joins."""
    gbps: Steps
    """[Gb/s] Total bandwidth, above 0 at some time; while it is 0 the link is down."""
    efficiency: float = Field(0.8, gt=0, le=1)
    """Share of the bandwidth that carries data; the rest is protocol and other traffic."""

    latency_ms: float = Field(0.0, ge=0, le=10_000)
    """[ms] One-way latency."""
    usd_per_gb: float = Field(0.0, ge=0, le=10)
    """[USD/GB] Price of the data that cross it (egress). In the table ``links``, in no other cost."""
    outage_share: float = Field(0.0, ge=0, le=0.9)
    """Share of time that it is down and carries nothing, in exponential outages of ``outage_h`` on average. 0:
    never."""
    outage_h: float = Field(6.0, gt=0, le=8784)
    """[h] Mean duration of an outage."""

    @field_validator("between")
    @classmethod
    def _two_ends(cls, between: list[str]) -> list[str]:
        if len(between) != 2 or between[0] == between[1]:
            raise PydanticCustomError("ends", 'give two different regions, say ["US-TEX-ERCO", "DE-LU"]')
        return between

    @field_validator("gbps")
    @classmethod
    def _carries(cls, gbps: Steps) -> Steps:
        if gbps.peak() <= 0.0:
            raise PydanticCustomError(
                "bandwidth", "it never carries anything; give more than 0 Gb/s, or remove the link"
            )
        return gbps


def paths(links: dict[str, Link]) -> dict[frozenset[str], tuple[int, ...]]:
    """The links (rows) on the way between each two regions that any lead between.

    Pairs that one link joins come first, in the order of the links. All others take the fewest links; of ways with as
    many, the one whose links come first, seen from the region that the scenario's links name first.
    """
    ends = [tuple(link.between) for link in links.values()]
    found: dict[frozenset[str], tuple[int, ...]] = {frozenset(pair): (row,) for row, pair in enumerate(ends)}
    for origin in dict.fromkeys(region for pair in ends for region in pair):
        ways: dict[str, tuple[int, ...]] = {origin: ()}
        waiting = deque([origin])
        while waiting:
            here = waiting.popleft()
            for row, pair in enumerate(ends):
                if here in pair:
                    there = pair[1] if pair[0] == here else pair[0]
                    if there not in ways:
                        ways[there] = (*ways[here], row)
                        waiting.append(there)
        for region, way in ways.items():
            if len(way) > 1:
                found.setdefault(frozenset((origin, region)), way)
    return found
