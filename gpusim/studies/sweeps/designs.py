"""The design of a study: which points of its axes are run, and how many they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from gpusim.scenario.base import Model
from gpusim.studies.sweeps.axis import Axis

MORRIS_LEVELS = 4


class Design(Model):
    """Which points are run; docs/sweeps.md says when to use which."""

    kind: Literal["grid", "list", "one_at_a_time", "latin_hypercube", "sobol", "morris"] = "grid"
    """``grid`` every combination; ``list`` the axes side by side; ``one_at_a_time`` the base and each axis off it;
    ``latin_hypercube``, ``sobol`` and ``morris`` samples."""
    samples: int = Field(64, ge=2, le=1_000_000)
    """Points of ``latin_hypercube``; N of ``sobol`` (a power of two), which runs N (axes + 2) points; trajectories of
    ``morris``, of axes + 1 points each."""
    seed: int = Field(0, ge=0, le=2**31 - 1)
    """Seed of the samples, and of resampling in their analysis; it has nothing to do with the seeds of the runs."""


def points_of(design: Design, axes: dict[str, Axis]) -> int:
    """How many points a design has, duplicates counted."""
    if design.kind == "grid":
        return math.prod(len(axis.levels()) for axis in axes.values())
    if design.kind == "list":
        return len(next(iter(axes.values())).levels()) if axes else 1
    if design.kind == "one_at_a_time":
        return 1 + sum(len(axis.others()) for axis in axes.values())
    return {
        "latin_hypercube": design.samples,
        "sobol": design.samples * (len(axes) + 2),
        "morris": design.samples * (len(axes) + 1),
    }[design.kind]


def faults_of_design(design: Design, axes: dict[str, Axis]) -> Iterator[tuple[str, str]]:
    """(key, fault) for what a design cannot do with its axes; the axes are valid by themselves."""
    if not axes and design.kind not in ("grid", "list"):
        yield "axes", f"found none; {design.kind} needs at least one"
    if design.kind == "list" and len({len(axis.levels()) for axis in axes.values()}) > 1:
        lengths = ", ".join(f"{name} {len(axis.levels())}" for name, axis in axes.items())
        yield "design.kind", f'a "list" takes the axes side by side, but their lengths differ: {lengths}'
    if design.kind == "one_at_a_time":
        for name, axis in axes.items():
            if axis.base_level() is None:
                yield f"axes.{name}.base", "missing; give the value that the unchanged scenario has"
            elif not axis.others():
                yield f"axes.{name}", "has no value other than its base; add one"
    if design.kind == "sobol" and design.samples & (design.samples - 1):
        near = 2 ** round(math.log2(design.samples))
        yield "design.samples", f"found {design.samples}; give a power of two for sobol, say {near}"
    if design.kind == "morris":
        for name, axis in axes.items():
            if not axis.range and len(axis.levels()) > MORRIS_LEVELS:
                yield (
                    f"axes.{name}",
                    f"found {len(axis.levels())} values; morris visits {MORRIS_LEVELS} levels, give as many or fewer",
                )
