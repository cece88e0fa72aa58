"""``gpusim.run``: one run of a scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpusim.engine.run import Process
from gpusim.engine.run import run as simulate
from gpusim.inputs.jobtable import JobTable
from gpusim.results.result import Result
from gpusim.scenario.scenario import Scenario


def run(
    scenario: Scenario,
    seed: int = 0,
    *,
    jobs: JobTable | None = None,
    trace: JobTable | None = None,
    processes: Sequence[Process] = (),
    progress: Callable[[float], None] | None = None,
) -> Result:
    """Simulate a scenario.

    Parameters
    ----------
    scenario : Scenario
        What exists and what happens to it.
    seed : int
        Feeds all random streams. Same scenario and seed: the same result, to the byte.
    jobs : JobTable, optional
        Jobs to run in place of the scenario's trace and streams, see ``gpusim.jobs_from``; the manifest tells their
        digest.
    trace : JobTable, optional
        The scenario's trace, already read: many runs may share one. It is not changed.
    processes : list of callables
        Control processes of your own: generators of the environment, started at time 0 after the built-in ones.
    progress : callable, optional
        Called with the share of the run that is done, at every record interval.

    Returns
    -------
    Result
    """
    record = simulate(scenario, seed, jobs=jobs, trace=trace, processes=processes, progress=progress)
    return Result(record.manifest, record.tables)
