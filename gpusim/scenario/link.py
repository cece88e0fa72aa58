"""WAN links: what carries data from the region where they are to the region where a job runs."""

from __future__ import annotations

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.steps import Steps


class Link(Model):
    """A link between two regions, used in both directions by the data of jobs, which share it equally. Without any
    link, data are available everywhere at once. With one, a job with a ``home`` and data runs in another region only
    after its data have arrived there, and only where a link joins the two."""

    between: list[str]
    """The two regions that it joins."""
    gbps: Steps
    """[Gb/s] Total bandwidth, above 0 at some time; while it is 0 the link is down."""
    efficiency: float = Field(0.8, gt=0, le=1)
    """Share of the bandwidth that carries data; the rest is protocol and other traffic."""

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
