"""gpusim: discrete-event simulation of GPU datacenter fleets."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = [
    "Competition", "Deliveries", "Plan", "Result", "Scenario", "Sweep", "competition", "deliveries", "jobs_from",
    "plan", "relieve", "run", "sweep",
]  # fmt: skip

_HOMES = {
    "Scenario": "gpusim.model.scenario",
    "run": "gpusim.engine.run",
    "Result": "gpusim.record.result",
    "deliveries": "gpusim.forecast.deliveries",
    "Deliveries": "gpusim.record.deliveries",
    "competition": "gpusim.forecast.competition",
    "Competition": "gpusim.record.competition",
    "jobs_from": "gpusim.inputs.traces.frames",
    "plan": "gpusim.planning.plan",
    "Plan": "gpusim.planning.plan",
    "relieve": "gpusim.relief.study",
    "sweep": "gpusim.sweeps.sweep",
    "Sweep": "gpusim.sweeps.sweep",
}


def __getattr__(name: str) -> object:
    """Public names, imported when first used: ``import gpusim`` itself stays quick."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gpusim' has no attribute {name!r}")
