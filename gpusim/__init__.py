"""gpusim: discrete-event simulation of GPU datacenter fleets."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # for editors, which take it as true; at run time each is imported when first used
    from gpusim.buildout.play import BuildOut, play
    from gpusim.commerce.book import contracts
    from gpusim.inputs.requests.formats import read_requests
    from gpusim.inputs.traces.frames import jobs_from
    from gpusim.plans import Plan, plan
    from gpusim.result import Result
    from gpusim.results.comparison import compare
    from gpusim.results.tables.studies import Assumptions, Competition, Deliveries, Relief
    from gpusim.runs import run
    from gpusim.scenario.scenario import Scenario
    from gpusim.serving.entry import entry
    from gpusim.serving.prediction import predict
    from gpusim.serving.replay import replay
    from gpusim.studies.deliveries.assumptions import assumptions
    from gpusim.studies.deliveries.competition import competition
    from gpusim.studies.deliveries.deliveries import deliveries
    from gpusim.studies.relief.study import relieve
    from gpusim.studies.statistics.intervals import mean_interval, paired_interval
    from gpusim.sweeps import Sweep, sweep
    from gpusim.version import __version__ as __version__

__all__ = [
    "Assumptions", "Competition", "Deliveries", "Plan", "BuildOut", "Relief", "Result", "Scenario", "Sweep",
    "assumptions", "compare", "competition", "contracts", "deliveries", "entry", "jobs_from",
    "mean_interval", "paired_interval", "plan", "play", "predict", "read_requests", "relieve", "replay", "run", "sweep",
]  # fmt: skip

_HOMES = {
    "__version__": "gpusim.version",
    "Scenario": "gpusim.scenario.scenario",
    "run": "gpusim.runs",
    "Result": "gpusim.result",
    "compare": "gpusim.results.comparison",
    "mean_interval": "gpusim.studies.statistics.intervals",
    "paired_interval": "gpusim.studies.statistics.intervals",
    "play": "gpusim.buildout.play",
    "BuildOut": "gpusim.buildout.play",
    "deliveries": "gpusim.studies.deliveries.deliveries",
    "Deliveries": "gpusim.results.tables.studies",
    "assumptions": "gpusim.studies.deliveries.assumptions",
    "Assumptions": "gpusim.results.tables.studies",
    "competition": "gpusim.studies.deliveries.competition",
    "Competition": "gpusim.results.tables.studies",
    "jobs_from": "gpusim.inputs.traces.frames",
    "read_requests": "gpusim.inputs.requests.formats",
    "entry": "gpusim.serving.entry",
    "predict": "gpusim.serving.prediction",
    "replay": "gpusim.serving.replay",
    "contracts": "gpusim.commerce.book",
    "plan": "gpusim.plans",
    "Plan": "gpusim.plans",
    "relieve": "gpusim.studies.relief.study",
    "Relief": "gpusim.results.tables.studies",
    "sweep": "gpusim.sweeps",
    "Sweep": "gpusim.sweeps",
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
