"""``gpusim.run``: a run of a scenario, and others with the seeds that follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from gpusim.engine.run import Process
from gpusim.engine.run import run as simulate
from gpusim.errors import GpusimError
from gpusim.inputs.jobtable import JobTable
from gpusim.result import Result
from gpusim.results.tables.record import Record
from gpusim.scenario.scenario import Scenario
from gpusim.studies.replications.replicate import replicate
from gpusim.studies.replications.replications import Replications


def run(
    scenario: Scenario,
    seed: int = 0,
    *,
    seeds: int = 1,
    store: str | Path | None = None,
    workers: int | None = None,
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
    seeds : int
        Number of runs, with consecutive seeds from ``seed`` on. The tables of the result are those of the first run;
        ``Result.replications`` summarises all. Needed for any statement that should hold beyond one draw.
    store : path, optional
        Folder in which the other runs are kept: a second call resumes there. By default they are kept in memory.
    workers : int, optional
        Processes for the other runs; by default all cores.
    jobs : JobTable, optional
        Jobs to run in place of the scenario's trace and streams, see ``gpusim.jobs_from``; the manifest holds their
        digest.
    trace : JobTable, optional
        The scenario's trace, already read, which many runs may share. It is not changed.
    processes : list of callables
        Your own control processes: generators of the environment, started at time 0 after the built-in ones.
    progress : callable, optional
        Called with the finished share of the (first) run, at every record interval.

    Returns
    -------
    Result

    Raises
    ------
    GpusimError
        If there are several seeds, and arguments that cannot be sent to other processes.
    """
    own = {"jobs": jobs is not None, "trace": trace is not None, "processes": bool(processes)}
    if seeds < 1:
        raise GpusimError(f"seeds: found {seeds}; give 1 or more")
    if seeds > 1 and any(own.values()):
        given = " and ".join(name for name, there in own.items() if there)
        raise GpusimError(f"seeds: found {seeds} beside {given} of your own; call run for each seed instead")
    record = simulate(scenario, seed, jobs=jobs, trace=trace, processes=processes, progress=progress)
    return Result(record.manifest, record.tables, _replications(scenario, record, seeds, store, workers))


def _replications(
    scenario: Scenario, first: Record, seeds: int, store: str | Path | None, workers: int | None
) -> Replications | None:
    if seeds == 1:
        return None
    if store is not None:
        return replicate(scenario, first, seeds, Path(store), workers=workers)
    with TemporaryDirectory() as folder:
        return replicate(scenario, first, seeds, Path(folder), workers=workers)
