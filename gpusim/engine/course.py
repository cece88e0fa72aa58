"""Where running jobs are in the course of their runs (``kernels/course.py``)."""

from __future__ import annotations

from gpusim.engine.environment import FleetEnvironment


def place_and_rate(env: FleetEnvironment, job: int) -> tuple[float, float]:
    """[s] How far along its course a running job is now, and the rate at which it goes."""
    row, pace = env.fleet.jobs[job], env.fleet.paces[job]
    if row.paced == 0:
        return float(env.now - row.start_s), 1.0
    return float(pace.place_s + pace.rate * (env.now - pace.since_s)), float(pace.rate)
