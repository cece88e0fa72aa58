"""Compiles the kernels of one kind of run, so that they come from disk afterwards: ``python -m tests.compile KIND``."""

from __future__ import annotations

import sys

import gpusim

KINDS = {
    "event": {},
    "conservative": {"scheduler.backfill": "conservative"},
}


def main(kind: str) -> None:
    """A tenth of an hour of the smallest seed."""
    scenario = gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 0.004, **KINDS[kind]})
    gpusim.run(scenario)


if __name__ == "__main__":
    main(sys.argv[1])
