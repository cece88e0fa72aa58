"""The outcome of a run: its figures as one long table, all that a study keeps of a run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.analysis.bottlenecks import books, losses
from gpusim.analysis.delays import QUANTILES, delays, queue_delay_s, size_class
from gpusim.analysis.economics import economics, pools
from gpusim.analysis.metrics import metrics
from gpusim.analysis.serving import serving
from gpusim.analysis.useful import useful_gpu_s
from gpusim.analysis.window import after
from gpusim.record.result import Result
from gpusim.units import HOUR_S

COLUMNS = ["kind", "name", "cause", "measure", "value"]
GROUPS = ("job_class", "tenant", "size")
CAUSE_MEASURES = ["gpu_hours_lost", "gpu_hours_held_back", "job_hours_waited", "gpu_hours_asked", "usd"]


def outcome(result: Result, warm_up_s: float = 0.0) -> pd.DataFrame:
    """Figures of a run after ``warm_up_s`` [s] as a long table; see ``gpusim.analysis.window.after``.

    Returns
    -------
    DataFrame
        kind, name, cause, measure (text) and value (float), one row per figure:

        - fleet, name "": every metric of ``gpusim.analysis.metrics.METRICS``;
        - job_class, tenant, size: jobs, started, jobs_done, waiting, job_hours_waited, wait_mean_s and wait_p50_s to
          wait_p99_s (as in ``delays``, of jobs that started); waited_mean_s and waited_p50_s to waited_p99_s (from
          submission to the first start; of jobs that never started, to the end of the run; rejected jobs count as
          infinite in the percentiles and are left out of the mean); useful_gpu_hours;
        - service: demand_tokens, served_tokens, served_share, replicas and wanted_replicas (of all its deployments);
        - site: energy_facility_mwh, energy_usd, carbon_t, pue, peak_mw, useful_gpu_hours, gpu_list_usd;
        - pool, name "SITE/TYPE": planned_gpu_hours, useful_gpu_hours; and by cause ``CAUSE_MEASURES``, as
          ``bottlenecks`` defines them. A cause without rows cost nothing.

        It depends on scenario and seed only. Ratios and percentiles of nothing are NaN.
    """
    result = after(result, warm_up_s)
    waited_s, useful_s = _waited_s(result), useful_gpu_s(result)
    parts = [
        _long("fleet", [""], metrics(result).to_frame().T),
        *(_long(by, *_job_groups(result, by, waited_s, useful_s)) for by in GROUPS),
        _long("service", *_services(result)),
        _long("site", *_sites(result)),
        *_pools(result),
    ]
    return pd.concat(parts, ignore_index=True)


def _long(kind: str, names: list[str], table: pd.DataFrame, causes: list[str] | str = "") -> pd.DataFrame:
    """Rows of ``table`` one behind the other, each with all of its columns as measures."""
    n = table.shape[1]
    return pd.DataFrame(
        {
            "kind": pd.array([kind] * table.size, dtype="str"),
            "name": pd.array(np.repeat(np.array(names, dtype=object), n), dtype="str"),
            "cause": pd.array(
                np.repeat(np.array([causes] * len(names) if causes == "" else causes, dtype=object), n), dtype="str"
            ),
            "measure": pd.array(list(table.columns) * len(table), dtype="str"),
            "value": table.to_numpy(float).ravel(),
        }
    )


def _waited_s(result: Result) -> np.ndarray:
    """[s] from submission to first start; to the end of the run if there was none; inf if the job was rejected."""
    jobs = result.jobs
    waited_s = queue_delay_s(jobs).to_numpy()
    waited_s = np.where(np.isnan(waited_s), result.manifest["duration_s"] - jobs["submit_s"].to_numpy(), waited_s)
    return np.where((jobs["status"] == "rejected").to_numpy(), np.inf, waited_s)


def _job_groups(result: Result, by: str, waited_s: np.ndarray, useful_s: np.ndarray) -> tuple[list[str], pd.DataFrame]:
    jobs = result.jobs
    keys = (size_class(jobs["gpus"]) if by == "size" else jobs[by]).to_numpy()
    table = delays(result, by).set_index(by)
    done = jobs["status"].isin(["done", "timed_out"]).to_numpy()
    more = {"jobs_done": [], "waited_mean_s": [], **{f"waited_p{q}_s": [] for q in QUANTILES}, "useful_gpu_hours": []}
    for name in table.index:
        mine = keys == name
        more["jobs_done"].append(float(done[mine].sum()))
        finite = waited_s[mine][np.isfinite(waited_s[mine])]
        more["waited_mean_s"].append(finite.mean() if len(finite) else np.nan)
        for q in QUANTILES:
            more[f"waited_p{q}_s"].append(_quantile(np.sort(waited_s[mine]), q / 100))
        more["useful_gpu_hours"].append(useful_s[mine].sum() / HOUR_S)
    table = table[[name for name in table if not name.startswith("slowdown")]].assign(**more)
    names = [str(name) for name in table.index]
    order = ["jobs", "started", "jobs_done", "waiting", "job_hours_waited"]
    return names, table[[*order, *(name for name in table if name not in order)]]


def _quantile(ordered: np.ndarray, share: float) -> float:
    """Linear between neighbours; between a finite and an infinite one infinite."""
    at = share * (len(ordered) - 1)
    low, part = int(at), at % 1.0
    return float(
        ordered[low]
        if part == 0.0
        else ordered[low] + (ordered[low + 1] - ordered[low]) * part
        if np.isfinite(ordered[low])
        else np.inf
    )


def _services(result: Result) -> tuple[list[str], pd.DataFrame]:
    tokens = result.services.groupby("service", observed=True, sort=False)[["demand_tokens", "served_tokens"]].sum()
    replicas = serving(result).groupby("service", observed=True, sort=False)[["replicas", "wanted_replicas"]].sum()
    share = tokens["served_tokens"] / tokens["demand_tokens"].where(tokens["demand_tokens"] > 0.0)
    table = pd.concat([tokens.assign(served_share=share), replicas.reindex(tokens.index)], axis=1)
    return [str(name) for name in table.index], table


def _sites(result: Result) -> tuple[list[str], pd.DataFrame]:
    table = economics(result).set_index("site").rename(columns={"energy_mwh": "energy_facility_mwh"})
    names = ["energy_facility_mwh", "energy_usd", "carbon_t", "pue", "peak_mw", "useful_gpu_hours", "gpu_list_usd"]
    return [str(name) for name in table.index], table[names]


def _pools(result: Result) -> list[pd.DataFrame]:
    table = pools(result)
    names = [f"{site}/{kind}" for site, kind in zip(table["site"], table["gpu_type"], strict=True)]
    hours = table.assign(useful_gpu_hours=table["useful_share"] * table["planned_gpu_hours"])
    lost = losses(result, books(result))
    causes = _long(
        "pool",
        [f"{site}/{kind}" for site, kind in zip(lost["site"], lost["gpu_type"], strict=True)],
        lost[CAUSE_MEASURES],
        lost["cause"].tolist(),
    )
    return [_long("pool", names, hours[["planned_gpu_hours", "useful_gpu_hours"]]), causes]
