"""What is timed: one line of JSON, processor seconds of each case, of whatever gpusim is on the path.

Public names only, so that older trees can be timed too. A case runs once before the clock starts: kernels are loaded.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

CASES: dict[str, Callable[[float], object]] = {}


def case(run: Callable[[float], object]) -> Callable[[float], object]:
    CASES[run.__name__] = run
    return run


def of(seed: str, days: float, **changes: object) -> object:
    import gpusim

    scenario = gpusim.Scenario.from_toml(seed).with_({"run.days": days, **changes})
    return gpusim.run(scenario).metrics()


@case
def fleet(days: float) -> object:
    """Nine sites, jobs and services, all tables."""
    return of("us_eu_fleet", 4.0 * days)


@case
def easy(days: float) -> object:
    """A small fleet with a long queue under EASY."""
    return of("small", 20.0 * days)


@case
def preempted(days: float) -> object:
    """The same where running jobs make way."""
    return of("small", 10.0 * days, **{"scheduler.order": "srtf"})


@case
def requests(days: float) -> object:
    """Every request of a service."""
    return of("chat_and_training", 0.25 * days)


def timed(run: Callable[[float], object], days: float) -> float:
    """[s] of processor time."""
    run(0.1 * days)
    began_s = time.process_time()
    run(days)
    return time.process_time() - began_s


def main(days: float = 1.0) -> None:
    """Time the cases, and what loading gpusim takes."""
    began_s = time.process_time()
    import gpusim

    _ = gpusim.Scenario, gpusim.run  # names that load what is behind them

    print(
        json.dumps({"import": time.process_time() - began_s, **{name: timed(run, days) for name, run in CASES.items()}})
    )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
