"""Runs executed into a store: only what is missing, and whatever becomes of single runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from pathlib import Path
from typing import NamedTuple

from gpusim.errors import GpusimError
from gpusim.inputs.traces.shared import share
from gpusim.record.store import Store
from gpusim.sweeps.crew import Crew
from gpusim.sweeps.run import Run
from gpusim.sweeps.worker import Failure, work

TRACES = "traces"  # folder of a store with its shared traces
DIED = Failure(
    "WorkerDied",
    "its worker process died twice while it ran, perhaps for want of memory; try fewer workers. A script that starts"
    ' worker processes must do so below `if __name__ == "__main__":`',
)


class Progress(NamedTuple):
    """Where an execution stands, in runs."""

    total: int  # asked for
    kept: int  # finished before
    done: int  # finished now
    failed: int
    damaged: tuple[str, ...] = ()  # files that were damaged, whose runs are made anew


def execute(
    runs: Sequence[Run], store: Store, crew: Crew, progress: Callable[[Progress], None] = lambda _progress: None
) -> Progress:
    """Execute those of some runs that a store does not hold yet.

    A run that fails is recorded with its error and the others go on. A killed execution loses the runs in flight only.

    Parameters
    ----------
    runs : sequence of Run
        The same run may be there twice; it is executed once.
    progress : callable, optional
        Called at the start and after every run.
    """
    wanted = {run.key: run for run in runs}
    damaged = tuple(str(file) for file in store.discard_damaged())
    finished = store.finished()
    missing = [run for key, run in wanted.items() if key not in finished]
    state = Progress(len(wanted), len(wanted) - len(missing), 0, 0, damaged)
    progress(state)
    for run, found in _outcomes(missing, _shared_traces(missing, store), crew):
        if isinstance(found, Failure):
            store.fail(run.key, {**found._asdict(), "seed": run.seed, "scenario": run.scenario.to_toml_dict()})
            state = state._replace(failed=state.failed + 1)
        else:
            store.put(run.key, found)
            state = state._replace(done=state.done + 1)
        progress(state)
    return state


def _shared_traces(runs: list[Run], store: Store) -> dict[str, Path | GpusimError]:
    """Traces of scenarios, each read once and written where all processes can map it; or why it cannot be read."""
    files: dict[str, Path | GpusimError] = {}
    for run in runs:
        trace = run.scenario.workload.trace
        if trace and trace not in files:
            try:
                files[trace] = share(Path(trace), store.folder / TRACES).absolute()
            except GpusimError as error:
                files[trace] = error
    return files


def _outcomes(
    runs: list[Run], traces: dict[str, Path | GpusimError], crew: Crew
) -> Iterator[tuple[Run, bytes | Failure]]:
    """Every run with the content of its file or its failure, in the order in which they finish."""
    waiting, flying = deque(runs), {}
    while waiting or flying:
        suspects = []
        while waiting and len(flying) < crew.window and not suspects:
            run = waiting.popleft()
            trace = traces.get(run.scenario.workload.trace)
            if isinstance(trace, GpusimError):
                yield run, Failure(type(trace).__name__, str(trace))
                continue
            try:
                flying[crew.executor.submit(work, run, trace)] = run
            except BrokenExecutor:
                suspects = [run]
        landed, _flying = wait(flying, return_when=FIRST_COMPLETED)
        for future in landed:
            if not isinstance(future.exception(), BrokenExecutor):
                yield flying.pop(future), _found(future)
        if suspects or landed & flying.keys():
            suspects += flying.values()
            flying.clear()
            yield from _one_by_one(suspects, traces, crew)


def _one_by_one(
    runs: list[Run], traces: dict[str, Path | GpusimError], crew: Crew
) -> Iterator[tuple[Run, bytes | Failure]]:
    """Runs that were in flight when a worker died, each alone, so that it is clear whose doing it was."""
    if not crew.renewable:
        raise GpusimError("the executor broke; what has finished is stored: run the study again with a new one")
    workers = crew.workers
    crew.renew(1)
    for run in runs:
        future = crew.executor.submit(work, run, traces.get(run.scenario.workload.trace))
        if isinstance(future.exception(), BrokenExecutor):
            crew.renew(1)
            yield run, DIED
        else:
            yield run, _found(future)
    crew.renew(workers)


def _found(future: Future) -> bytes | Failure:
    error = future.exception()
    return Failure(type(error).__name__, str(error)) if error else future.result()
