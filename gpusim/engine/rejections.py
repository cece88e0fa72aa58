"""Jobs that were turned away: why, how many, what they asked for, and the largest pool that they might have used."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.engine.build import Names
from gpusim.inputs.jobtable import JobTable
from gpusim.kernels.state.codes import NONE, Status
from gpusim.kernels.state.fleet import Fleet
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.scenario import Scenario
from gpusim.units import HOUR_S, number_of

COLUMNS = ["start_s", "end_s", "time_s", "cause", "site", "gpu_type", "residency", "home", "jobs", "least_gpus",
           "most_gpus", "largest_gpus", "gpu_s", "usd"]  # fmt: skip
KEYS = ["start_s", "end_s", "cause", "site", "gpu_type", "residency", "home", "largest_gpus"]


def rejections_table(
    scenario: Scenario, fleet: Fleet, table: JobTable, names: Names, edges_s: np.ndarray
) -> pd.DataFrame:
    """Rejected jobs by record interval, cause, and what they might have used.

    Returns
    -------
    DataFrame
        start_s, end_s, time_s (of the first of them), cause (``rejected_queue``: its pool's queue was full;
        ``rejected_type``: no site has a GPU type that it may use; ``rejected_residency``: none of those that have lies
        where its residency admits; ``rejected_link``: to none of these a link leads from its data; ``rejected_size``:
        no pool left can ever hold it), site and gpu_type (of the pool whose queue was full; else no site, and the types
        that it may use, "" for all), residency and home ("" for none), jobs, least_gpus and most_gpus asked for,
        largest_gpus (of the largest pool that they may use, when complete, or what is left of it if it was large
        enough once), gpu_s (GPUs x runtime) and usd (what these
        GPU-hours would have earned when the job was submitted): on the type of the full queue's pool; else of the types
        that they may use, on that with the lowest price of the work; on the reference type if the scenario knows none
        of them.
    """
    rows = np.flatnonzero(fleet.jobs["status"][: len(table)] == Status.REJECTED)
    if not len(rows):
        return pd.DataFrame({name: pd.Series(dtype=str if name in KEYS[2:7] else float) for name in COLUMNS})
    jobs = fleet.jobs[rows]
    routes, route = np.unique(jobs["route"], return_inverse=True)
    first = rows[np.unique(route, return_index=True)[1]]
    told = pd.DataFrame([_why(scenario, fleet, table, names, int(row)) for row in first]).iloc[route]
    told = told.reset_index(drop=True)
    gpus, left = table.asked()[rows], told.pop("left_gpus")
    told["largest_gpus"] = told["largest_gpus"].where(gpus > told["largest_gpus"], left)
    full = np.flatnonzero(jobs["pool"] != NONE)
    told.loc[full, "cause"] = "rejected_queue"
    for name, at in (("site", 0), ("gpu_type", 1)):
        told.loc[full, name] = [names.pools[p][at] for p in jobs["pool"][full]]
    told.loc[full, "largest_gpus"] = fleet.pools["planned"][jobs["pool"][full]]
    work = {kinds: _work(scenario, kinds) for kinds in told["gpu_type"].unique()}
    best, speed = zip(*(work[kinds] for kinds in told["gpu_type"]), strict=True)
    gpu_s = gpus * jobs["runtime_s"] / np.array(speed)
    earnings, usd_per_gpu_hour = Earnings.of(scenario), np.zeros(len(rows))
    pools = told["site"] + "/" + pd.Series(best)
    for pool in pools.unique():
        here = (pools == pool).to_numpy()
        usd_per_gpu_hour[here] = earnings.at(*pool.split("/"), jobs["submit_s"][here])
    interval = np.clip(np.searchsorted(edges_s, jobs["submit_s"], side="right") - 1, 0, len(edges_s) - 2)
    told = told.assign(
        start_s=edges_s[interval], end_s=edges_s[interval + 1], time_s=jobs["submit_s"], gpus=gpus,
        gpu_s=gpu_s, usd=gpu_s / HOUR_S * usd_per_gpu_hour,
    )  # fmt: skip
    found = told.groupby(KEYS, sort=False, as_index=False).agg(
        time_s=("time_s", "min"), jobs=("gpus", "size"), least_gpus=("gpus", "min"), most_gpus=("gpus", "max"),
        gpu_s=("gpu_s", "sum"), usd=("usd", "sum"),
    )  # fmt: skip
    return found[COLUMNS].sort_values("time_s", kind="stable", ignore_index=True)


def _work(scenario: Scenario, kinds: str) -> tuple[str, float]:
    """The type that does the work for the lowest list price, and its speed relative to the reference type.

    ``kinds`` are the types that may do it; where the scenario knows none of them, it is the reference type.
    """
    reference = scenario.gpus[scenario.workload.reference_gpu]
    types = [kind for kind in kinds.split("|") if kind in scenario.gpus] or [scenario.workload.reference_gpu]
    best = min(types, key=lambda kind: scenario.gpus[kind].usd_per_gpu_hour / scenario.gpus[kind].training_speed)
    return best, scenario.gpus[best].training_speed / reference.training_speed


def rejection_events(table: pd.DataFrame) -> pd.DataFrame:
    """A line of the run's log for each row of ``rejections_table``."""
    kind = [_SAID[row.cause](row) for row in table.itertuples()]
    count = [f"{number_of(row.jobs, 'job')} of {_sizes(row)} rejected" for row in table.itertuples()]
    return pd.DataFrame(
        {
            "time_s": table["time_s"].astype(float), "site": pd.array(table["site"], dtype="str"),
            "kind": pd.array(["rejection"] * len(table), dtype="str"),
            "detail": pd.array([f"{head}: {why}" for head, why in zip(count, kind, strict=True)], dtype="str"),
            "value": table["jobs"].astype(float), "unit": pd.array(["jobs"] * len(table), dtype="str"),
        }
    )  # fmt: skip


_SAID = {
    "rejected_size": lambda row: f"the largest pool they may use has {number_of(row.largest_gpus, 'GPU')}",
    "rejected_type": lambda row: f"no site has {row.gpu_type.replace('|', ' or ')}",
    "rejected_residency": lambda row: f"no site in {row.residency.replace('|', ' or ')} has GPUs that they may use",
    "rejected_link": lambda row: (
        f"no link leads from their data in {row.home.replace('|', ' or ')} to GPUs that they may use"
    ),
    "rejected_queue": lambda row: f"the queue for {row.gpu_type} was full",
}


def _sizes(row) -> str:
    if row.least_gpus == row.most_gpus:
        return number_of(row.most_gpus, "GPU")
    return f"{row.least_gpus:,.12g} to {row.most_gpus:,.12g} GPUs"


def _why(scenario: Scenario, fleet: Fleet, table: JobTable, names: Names, row: int) -> dict[str, object]:
    """Why no pool is a candidate for jobs that ask for the same as one of them, or else the largest that is."""
    kinds, residency, home = (table.names[part][table[part][row]] for part in ("gpu_types", "residency", "home"))
    job_class = scenario.workload.classes.get(table.names["job_class"][table["job_class"][row]])
    if scenario.links and job_class is not None and job_class.data_set is not None:
        home = "|".join(scenario.data_sets[job_class.data_set].regions)
    sites = job_class.sites if job_class is not None else None
    allowed = [scenario.sites[site].jurisdiction for site, kind in names.pools if not kinds or kind in kinds.split("|")]
    route = fleet.routes[fleet.jobs[row].route]
    pools = fleet.candidates[route.start : route.start + route.count]
    if not allowed:
        cause = "rejected_type"
    elif residency and not set(allowed) & set(residency.split("|")):
        cause = "rejected_residency"
    else:
        cause = "rejected_size" if len(pools) or sites else "rejected_link"
    largest, left = (int(fleet.pools[name][pools].max(initial=0)) for name in ("planned", "ordered"))
    return {
        "cause": cause, "site": "", "gpu_type": kinds, "residency": residency, "home": home, "largest_gpus": largest,
        "left_gpus": left,
    }  # fmt: skip
