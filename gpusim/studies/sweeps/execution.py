"""Runs executed into a store: only what is missing, and whatever becomes of single runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from gpusim.errors import GpusimError
from gpusim.inputs.traces.shared import share
from gpusim.studies.store import Store
from gpusim.studies.sweeps.backend import Backend
from gpusim.studies.sweeps.run import Run
from gpusim.studies.sweeps.worker import Failure, work

TRACES = "traces"  # folder of a store with its shared traces
Traces = dict[tuple, Path | GpusimError]  # by file and map of its columns


class Progress(NamedTuple):
    """Where an execution stands, in runs."""

    total: int  # asked for
    kept: int  # finished before
    done: int  # finished now
    failed: int
    damaged: tuple[str, ...] = ()  # files that were damaged, whose runs are made anew


def execute(
    runs: Sequence[Run], store: Store, backend: Backend, progress: Callable[[Progress], None] = lambda _progress: None
) -> Progress:
    """Execute those of some runs that a store does not hold yet.

    A run that fails is recorded with its error and the others go on. A killed execution loses the runs in flight only.

    Parameters
    ----------
    runs : sequence of Run
        The same run may be there twice; it is executed once.
    progress : callable, optional
        Called at the start and after every run.

    Raises
    ------
    GpusimError
        If the executor, as a whole, ends before the runs do.
    """
    wanted = {run.key: run for run in runs}
    damaged = tuple(str(file) for file in store.discard_damaged(wanted))
    finished = store.finished()
    missing = [run for key, run in wanted.items() if key not in finished]
    state = Progress(len(wanted), len(wanted) - len(missing), 0, 0, damaged)
    progress(state)
    for run, found in _outcomes(missing, shared_traces(missing, store), backend):
        if isinstance(found, Failure):
            store.fail(run.key, {**found._asdict(), "seed": run.seed, "scenario": run.scenario.to_toml_dict()})
            state = state._replace(failed=state.failed + 1)
        else:
            store.put(run.key, found)
            state = state._replace(done=state.done + 1)
        progress(state)
    return state


def shared_traces(runs: Sequence[Run], store: Store) -> Traces:
    """Traces of scenarios, each read once and written where all processes can map it; or why it cannot be read."""
    files: Traces = {}
    for run in runs:
        workload, key = run.scenario.workload, _trace_of(run)
        if workload.trace and key not in files:
            try:
                files[key] = share(workload.trace, store.folder / TRACES, workload.trace_columns).absolute()
            except GpusimError as error:
                files[key] = error
    return files


def _trace_of(run: Run) -> tuple:
    workload = run.scenario.workload
    return workload.trace, *sorted(workload.trace_columns.items())


def submit(fn: Callable, run: Run, traces: Traces, backend: Backend) -> Future:
    """The future of ``fn(run, shared trace)``; it has failed already if the trace cannot be read."""
    trace = traces.get(_trace_of(run))
    if isinstance(trace, GpusimError):
        future: Future = Future()
        future.set_exception(trace)
        return future
    return backend.executor.submit(fn, run, trace)


def answer(future: Future) -> object | Failure:
    """What a finished call found, or why it found nothing."""
    try:
        return future.result()
    except GpusimError as error:
        return Failure(type(error).__name__, str(error))
    except (BrokenExecutor, CancelledError) as error:
        raise GpusimError(
            f"the executor ended before its runs did ({type(error).__name__}: {error}); what has finished is stored:"
            " run the study again with a new one"
        ) from None
    except Exception as error:
        kind = {"KilledWorker": "WorkerDied"}.get(type(error).__name__, type(error).__name__)  # Dask's name for it
        return Failure(kind, str(error))


def _outcomes(runs: list[Run], traces: Traces, backend: Backend) -> Iterator[tuple[Run, bytes | Failure]]:
    """Every run with the content of its file or its failure, in the order in which they finish."""
    waiting, flying, landed = deque(runs), {}, SimpleQueue()
    try:
        while waiting or flying:
            while waiting and len(flying) < backend.window:
                run = waiting.popleft()
                future = submit(work, run, traces, backend)
                flying[future] = run
                future.add_done_callback(landed.put)
            future = landed.get()
            yield flying.pop(future), answer(future)
    finally:  # an executor that is left open has nothing more to do
        for future in flying:
            future.cancel()
