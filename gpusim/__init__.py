"""gpusim: discrete-event simulation of GPU datacenter fleets."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # for editors, which take it as true; at run time each is imported when first used
    from gpusim.analysis.comparison import compare
    from gpusim.analysis.statistics import mean_interval, paired_interval
    from gpusim.commerce.book import contracts
    from gpusim.engine.run import run
    from gpusim.forecast.competition import competition
    from gpusim.forecast.deliveries import deliveries
    from gpusim.inputs.traces.frames import jobs_from
    from gpusim.model.scenario import Scenario
    from gpusim.planning.plan import Plan, plan
    from gpusim.programme.play import Programme, play
    from gpusim.record.competition import Competition
    from gpusim.record.deliveries import Deliveries
    from gpusim.record.relief import Relief
    from gpusim.record.result import Result
    from gpusim.relief.study import relieve
    from gpusim.sweeps.sweep import Sweep, sweep

__version__ = "0.1.0"
__all__ = [
    "Competition", "Deliveries", "Plan", "Programme", "Relief", "Result", "Scenario", "Sweep",
    "compare", "competition", "contracts", "deliveries", "jobs_from", "mean_interval", "paired_interval", "plan",
    "play", "relieve", "run", "sweep",
]  # fmt: skip

_HOMES = {
    "Scenario": "gpusim.model.scenario",
    "run": "gpusim.engine.run",
    "Result": "gpusim.record.result",
    "compare": "gpusim.analysis.comparison",
    "mean_interval": "gpusim.analysis.statistics",
    "paired_interval": "gpusim.analysis.statistics",
    "play": "gpusim.programme.play",
    "Programme": "gpusim.programme.play",
    "deliveries": "gpusim.forecast.deliveries",
    "Deliveries": "gpusim.record.deliveries",
    "competition": "gpusim.forecast.competition",
    "Competition": "gpusim.record.competition",
    "jobs_from": "gpusim.inputs.traces.frames",
    "contracts": "gpusim.commerce.book",
    "plan": "gpusim.planning.plan",
    "Plan": "gpusim.planning.plan",
    "relieve": "gpusim.relief.study",
    "Relief": "gpusim.record.relief",
    "sweep": "gpusim.sweeps.sweep",
    "Sweep": "gpusim.sweeps.sweep",
}


def __getattr__(name: str) -> object:
    """Public names, imported when first used: ``import gpusim`` itself stays quick."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gpusim' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What Tab completes: the public names."""
    return [*__all__, "__version__"]
