"""How fast is each scheduling policy?
====================================

A million jobs of two tenants on 1,000 nodes of 8 GPUs, work for 93% of their time, all preemptible and without loss of
work, under every policy with its default options. Policies that order the queue or preempt decide at every event, those
that decide in rounds every 5 minutes; five of these, whose rounds are long, get the first part of the jobs. Times
are processor time from scenario to tables on one core, kernels compiled. The results of every case are checked.

::

    python experiments/policy_speed.py            # all policies
    python experiments/policy_speed.py las sjf+easy
"""

from __future__ import annotations

import sys

from physical_speed import measured, million

import gpusim
from gpusim.results.conservation import check
from gpusim.scenario.orders import ORDERS, How
from gpusim.studies.comparison import AXIS, comparison

DAYS, ROUND_S = 9.0, 300.0
PARTS = {"reservations": 0.1, "mast": 0.02, "pollux": 0.02, "sia": 0.02, "gavel": 0.02}  # of the nine days
OTHER = ("fifo", "sjf")  # a comparison is of two or more
WAYS = {"fifo": ("none", "easy", "conservative", "preempt"), "sjf": ("none", "easy", "preempt")}


def names() -> list[str]:
    """Every policy; queue orders without backfill, two also with it and with preemption."""
    ways = {name: WAYS.get(name, ("none",)) for name in ORDERS}
    return [f"{name}+{way}" if way != "none" else name for name, found in ways.items() for way in found]


def scenario(name: str, part: float) -> gpusim.Scenario:
    """The first ``part`` of the jobs under a policy."""
    plain = million(DAYS * part, 0.5e6)
    stream = plain.workload.streams["research"].model_dump(exclude_unset=True) | {"preemptible": True}
    both = plain.with_(
        {
            "tenants.course": {}, "workload.classes.research.checkpoint_interval_s": 0.0, "scheduler.cycle_s": ROUND_S,
            "workload.streams.research": stream, "workload.streams.course": stream | {"tenant": "course"},
        }
    )  # fmt: skip
    return both.with_(comparison("small", [name, OTHER[name == OTHER[0]]]).axes[AXIS].cases[name])


def case(name: str, part: float | None = None) -> float:
    """Run, check and print one policy; jobs per second."""
    part = PARTS.get(name, 1.0) if part is None else part
    result, seconds = measured(scenario(name, part))
    assert not check(result)
    rounds = ORDERS[name.split("+")[0]].how is How.ROUNDS
    per_round = f"{1e3 * seconds / (DAYS * part * 86_400.0 / ROUND_S):8,.1f} ms a round" if rounds else ""
    figures = result.metrics().value
    print(
        f"{name:18} {len(result.jobs):9,} jobs  {seconds:7.1f} s  {len(result.jobs) / seconds:9,.0f} jobs/s"
        f"   mean wait {figures.wait_mean_s:8,.1f} s  {figures.evictions:9,.0f} evictions{per_round}",
        flush=True,
    )
    return len(result.jobs) / seconds


def main(wanted: list[str]) -> None:
    unknown = [name for name in wanted if name not in names()]
    if unknown:
        sys.exit(f"unknown policy: {', '.join(unknown)}; there are: {', '.join(names())}")
    for name in wanted or names():
        case(name)


if __name__ == "__main__":
    main(sys.argv[1:])
