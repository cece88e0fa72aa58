"""Compiles kernels, so that they come from disk afterwards: ``python -m tests.compile KIND ...``."""

from __future__ import annotations

import sys

import gpusim


def event(**changes: object) -> None:
    """A tenth of an hour of the smallest seed."""
    gpusim.run(gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 0.004, **changes}))


def conservative() -> None:
    """By plan."""
    event(**{"scheduler.backfill": "conservative"})


def greedy() -> None:
    """By a rank that changes while jobs run."""
    event(**{"scheduler.order": "srtf"})


def serving() -> None:
    """A few requests, by the clock, in a closed loop, and with prefill and decode apart."""
    import numpy as np

    from gpusim.serving.replay import replay
    from tests.serving import cases, test_apart

    random = np.random.default_rng(0)
    requests = cases.requests(random, 3)
    replay(requests, cases.deployment(random))
    replay(requests, cases.deployment(random), clients=1)
    replay(requests, test_apart.deployment(random))


def fleet_requests() -> None:
    """A service by requests in a fleet."""
    from tests.results.requests_kit import simulated

    simulated()


def fleet_apart() -> None:
    """The same with prefill and decode apart."""
    from tests.engine.test_apart_fleet import apart

    gpusim.run(apart())


def cases() -> None:
    """Some random cases of the kinds that others do not meet: rounds, rates, sizes, nodes that fail."""
    from hypothesis import HealthCheck, given, settings

    from tests.engine.case_kinds import KINDS
    from tests.engine.kit import play_case

    for kind in ("rounds", "rates", "sizes", "spares"):

        @settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=KINDS[kind])
        def play(case):
            play_case(case, 12.0)

        play()


# Side by side within a stage, where they compile different kernels; in turn within an entry, where they share some.
STAGES = (("event", "serving"), ("conservative greedy cases", "fleet_requests fleet_apart"))


def main(kinds: list[str]) -> None:
    """Of all kinds, in turn."""
    for kind in kinds:
        globals()[kind]()


if __name__ == "__main__":
    main(sys.argv[1:])
