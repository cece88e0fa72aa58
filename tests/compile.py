"""Compiles the kernels of one kind of run, so that they come from disk afterwards: ``python -m tests.compile KIND``."""

from __future__ import annotations

import sys

import gpusim

SERVING = "serving"
KINDS = {
    "event": {},
    "conservative": {"scheduler.backfill": "conservative"},
    "greedy": {"scheduler.order": "srtf"},
    SERVING: {},
}
STAGES = (("event", SERVING), ("conservative", "greedy"))  # side by side, as far as they compile different kernels


def main(kind: str) -> None:
    """A tenth of an hour of the smallest seed, or a few requests."""
    if kind == SERVING:
        serve()
        return
    scenario = gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 0.004, **KINDS[kind]})
    gpusim.run(scenario)


def serve() -> None:
    """A few requests, by the clock, in a closed loop, and with prefill and decode apart."""
    import numpy as np

    from gpusim.serving.replay import replay
    from tests.serving import cases, test_apart

    random = np.random.default_rng(0)
    requests = cases.requests(random, 3)
    replay(requests, cases.deployment(random))
    replay(requests, cases.deployment(random), clients=1)
    replay(requests, test_apart.deployment(random))


if __name__ == "__main__":
    main(sys.argv[1])
