"""What a run was made of: scenario, seed, versions, and the digests of the files that it read."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from pathlib import Path

from gpusim import plugins
from gpusim.engine.serving.engines import ServingEngine
from gpusim.engine.surroundings import FILES
from gpusim.inputs.files import sha256_of
from gpusim.inputs.jobtable import JobTable
from gpusim.policies.loading import source_of
from gpusim.scenario.notes import notes
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.scheduler import Scheduler
from gpusim.version import __version__

JOBS = "jobs given in Python"  # among the inputs
LIBRARIES = ("numpy", "numba", "simpy", "pandas")


def manifest_of(
    scenario: Scenario,
    seed: int,
    end_s: float,
    wall_s: float,
    *,
    engines: dict[tuple[str, str], ServingEngine] | None = None,
    jobs: JobTable | None = None,
    input_notes: tuple[str, ...] = (),
) -> dict:
    """Manifest of a result; all but ``wall_s`` is the same on every run.

    Parameters
    ----------
    engines : dict of (str, str) to ServingEngine, optional
        Replicas of services with a model, by service and GPU type.
    jobs : JobTable, optional
        Given in place of those that the scenario describes.
    input_notes : tuple of str
        What was odd in the files that the run read, and how often.
    """
    given = {JOBS: jobs.sha256()} if jobs is not None else {}
    files = {path: sha256_of(Path(path)) for path in input_files(scenario)}
    added = {"plugins": plugins.packages()} if plugins.packages() else {}
    return {
        "scenario": scenario.to_toml_dict(),
        "scenario_hash": scenario.content_hash(),
        "inputs_sha256": files | given | _policy(scenario.scheduler),
        "notes": [*notes(scenario), *input_notes],
        "gpus": {name: gpu.model_dump(mode="json") for name, gpu in scenario.gpus.items()},
        "entries": [_entry(*of, one) for of, one in (engines or {}).items()],
        "seed": seed,
        "gpusim_version": __version__,
        "versions": dict(_versions()),
        **added,
        "wall_s": wall_s,
        "start": scenario.run.start.isoformat(),
        "duration_s": end_s,
        "mode": scenario.scheduler.mode,
        "cycle_s": scenario.scheduler.cycle_s if scenario.scheduler.mode == "cycle" else None,
    }


def _entry(service: str, gpu_type: str, engine: ServingEngine) -> dict:
    """What is known of the step times of a replica: by what, and measured over predicted token time, middle 80%."""
    known = engine.entry
    return {
        "service": service,
        "gpu_type": gpu_type,
        "engine": known.engine,
        "basis": known.basis,
        "runs": known.runs,
        "source": known.source,
        "token_time_low": known.time.low,
        "token_time_high": known.time.high,
        **({"gpu": "announced"} if known.announced else {}),
        **({"like": known.like} if known.like else {}),
    }


def _policy(scheduler: Scheduler) -> dict[str, str]:
    """Digests of the modules of custom policies, by what names them."""
    sources = {getattr(scheduler, key): source_of(path) for key, path in scheduler.own_policies.items()}
    return {name: sha256_of(source) for name, source in sources.items() if source}


@cache
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def input_files(scenario: Scenario) -> list[str]:
    """Files that the scenario names; a folder of tables stands for the files in it."""
    named = [getattr(site, key) for site in scenario.sites.values() for key in FILES]
    services = scenario.services.values()
    named += [path for one in services if one.requests for path in (one.requests.trace, one.requests.like)]
    named += [one.model.entry for one in services if one.model]
    paths = {Path(path) for path in (*named, scenario.workload.trace) if path}
    files = {file for path in paths for file in (path.iterdir() if path.is_dir() else [path]) if file.is_file()}
    return sorted(str(file) for file in files)
