"""A scenario run under many seeds: in processes, into a store beside the tables of its run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from gpusim.results.outcome import outcome
from gpusim.results.tables.record import Record
from gpusim.scenario.scenario import Scenario
from gpusim.studies.replications.replications import STUDY, Replications, design
from gpusim.studies.run_file import to_bytes
from gpusim.studies.store import Store
from gpusim.studies.sweeps.backend import open_backend
from gpusim.studies.sweeps.execution import Progress, execute
from gpusim.studies.sweeps.run import Run
from gpusim.version import __version__

# Where the replications of a saved run are: a store in a folder beside its tables.

FOLDER = "replications"


def replications_in(folder: Path) -> Replications | None:
    """Those that stand beside a saved run; None where there are none but the run itself."""
    if not (folder / FOLDER / "sweep.json").is_file():
        return None
    found = Replications.load(folder / FOLDER)
    return found if len(found) > 1 else None


# A scenario run under many seeds: in processes, into a store, from which it goes on where it was stopped.


def replicate(
    scenario: Scenario,
    first: Record,
    seeds: int,
    store: Path,
    *,
    executor: str | Executor = "processes",
    workers: int | None = None,
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Replications:
    """Runs of a scenario with the seed of its first run and those that follow, all with their own random streams.

    Another scenario with the same seeds meets the same streams: the two differ by what was changed. The first run is
    given; if the store holds another outcome of it, whatever made that (other code, say) made the others too, and all
    are made anew.

    Parameters
    ----------
    first : Record
        The run with the first seed.
    seeds : int
        Runs in all.
    store : Path
        Folder of the runs.
    executor, workers
        As of ``gpusim.sweep``.
    progress : callable, optional
        Called with a ``Progress`` at the start and after every run beyond the first.
    """
    seed = int(first.manifest["seed"])
    runs = [Run(scenario, seed + r) for r in range(seeds)]
    about = {"study": STUDY, "scenario": scenario.to_toml_dict(), "gpusim_version": __version__}
    kept = _opened(store, about, runs[0], to_bytes(runs[0].key, outcome(first)))
    kept.set_design(design({run.seed: run.key for run in runs}))
    if seeds > 1:
        with open_backend(executor, workers) as backend:
            execute(runs[1:], kept, backend, progress)
    return Replications.of(kept)


def _opened(store: Path, about: dict, first: Run, content: bytes) -> Store:
    """The store, with the first run and without anything that was made by another code or of another scenario."""
    kept = Store.create(store, about)
    if not kept.holds(first.key, content):
        kept.discard()
        kept.put(first.key, content)
    return kept
