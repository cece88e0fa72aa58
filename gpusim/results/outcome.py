"""The outcome of a run: its figures as one long table, all that a study keeps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gpusim.causes import USEFUL, WORDS
from gpusim.results.bottlenecks import both_sides, losses
from gpusim.results.deadlines import Deadlines
from gpusim.results.delays import Waits, job_groups, queue_delay_s
from gpusim.results.economics import economics
from gpusim.results.lateness import AHEAD
from gpusim.results.measure import BY_CAUSE, FRAGMENTS, MEASURES, MONEY, QUANTILES, holders
from gpusim.results.metrics import metrics
from gpusim.results.rejections import turned_away
from gpusim.results.requests import figures as figures_of_requests
from gpusim.results.serving import totals
from gpusim.results.tables.record import Record
from gpusim.results.window import after
from gpusim.scenario.rules import Rules
from gpusim.units import DAY_S, HOUR_S


def outcome(result: Record, warm_up_s: float = 0.0) -> pd.DataFrame:
    """Figures of a run after ``warm_up_s`` [s] as a long table; see ``gpusim.results.window.after``.

    Returns
    -------
    DataFrame
        kind, name, cause, measure (text) and value (float), one row per figure of ``gpusim.results.measure.MEASURES``:

        - fleet, name "": as ``metrics``;
        - job_class, tenant, size: jobs, started, waiting, job_hours_waited, wait_mean_s and wait_p50_s to wait_p99_s as
          ``delays``; waited_mean_s and waited_p50_s to waited_p99_s from submission to the first start (of jobs that
          never started, to the end of the run; rejected jobs count as infinite in the percentiles and are left out of
          the mean); useful_gpu_hours are GPU-hours of work that was kept; deadlines_met as
          ``gpusim.results.deadlines``. Only groups that have jobs;
        - service: all its deployments together; replicas and wanted_replicas are means over time; the figures of
          ``OF_REQUESTS`` are NaN of services without a model, their percentiles, of services by requests, those of the
          whole run, also after a warm-up;
        - site: as ``economics``;
        - pool, name "SITE/TYPE": planned and useful GPU-hours of the ledger; and by cause the figures of ``BY_CAUSE``
          as ``bottlenecks``. Causes that held nothing back, lost nothing and kept nobody waiting have no rows;
        - rejection: by cause the figures of ``gpusim.results.rejections.turned_away``, name what the jobs asked for;
        - ``FRAGMENTS`` of the fleet, where the placement scores nodes: mean over time;
        - contract, project, and ``MONEY`` of the fleet, where the scenario has them, of the whole run: delivered_share
          of the GPU-hours committed and in force; late_days of the latest milestone due (to the run's end if it was
          not met); delivered_day since the run's start, of a contract that of the last of its milestones to be met
          (infinite: never);
        - task_kind and held_by, where there are projects: GPU-hours planned but not live in the whole run, and the USD
          that they would have earned, by the kind of task that made them late and by the supply, shock or rule that
          held it up.

        It depends on scenario and seed only. Ratios and percentiles of nothing are NaN.
    """
    result = after(result, warm_up_s).as_stored()
    table = _Table()
    table.add("fleet", [""], metrics(result))
    _add_jobs(table, result)
    _add_services(table, result)
    sites = economics(result).rename(columns={"energy_mwh": "energy_facility_mwh"})
    table.add("site", sites["site"], sites)
    _add_pools(table, result)
    away = turned_away(result)
    figures = tuple(away.columns.drop(["cause", "name"]))
    table.add("rejection", away["name"].tolist(), away, away["cause"].tolist(), figures)
    if FRAGMENTS in result.pools:
        table.add("fleet", [""], {FRAGMENTS: _fragment_gpus(result.pools)}, measures=(FRAGMENTS,))
    if "contract_accounts" in result.tables:
        _add_contracts(table, result)
    if "build_projects" in result.tables:
        projects = result.build_projects[result.build_projects["component"] != ""]  # what adds nothing has no date
        days = {"delivered_day": projects["delivered_s"] / DAY_S, "late_days": projects["late_s"] / DAY_S}
        table.add("project", projects["project"], {name: column.fillna(np.inf) for name, column in days.items()})
        _add_lateness(table, result)
    if "money_figures" in result.tables:
        table.add("fleet", [""], result.money_figures.set_index("name")["value"], measures=MONEY)
    return table.frame()


class _Table:
    """Rows so far, as columns."""

    def __init__(self):
        self._texts: list[tuple[str, str, str, str]] = []
        self._values: list[np.ndarray] = []

    def add(
        self,
        kind: str,
        names: list[str],
        figures: Mapping[str, Any],
        causes: list[str] | None = None,
        measures: tuple[str, ...] | None = None,
    ) -> None:
        """Rows of things of a kind: all measures of the first, then of the second, ...

        Parameters
        ----------
        figures : mapping of str to numbers, or to arrays, shape (n_names,)
            By measure; others than the kind has are passed over.
        causes : list of str, optional
            Cause of each; the measures are then those by cause.
        measures : tuple of str, optional
            Others than the kind's own.
        """
        measures = measures or (MEASURES[kind] if causes is None else BY_CAUSE)
        causes = [""] * len(names) if causes is None else causes
        for name, cause in zip(names, causes, strict=True):
            self._texts.extend((kind, name, cause, measure) for measure in measures)
        columns = [np.broadcast_to(np.asarray(figures[measure], dtype=float), len(names)) for measure in measures]
        self._values.append(np.stack(columns, axis=1).ravel())

    def frame(self) -> pd.DataFrame:
        texts = zip(*self._texts, strict=True)
        columns = {
            name: pd.array(column, dtype="str")
            for name, column in zip(("kind", "name", "cause", "measure"), texts, strict=True)
        }
        return pd.DataFrame({**columns, "value": np.concatenate(self._values)})


def _add_jobs(table: _Table, result: Record) -> None:
    jobs = result.jobs
    waited_s, useful_s, waits = _waited_s(result), jobs["useful_gpu_s"].to_numpy(), Waits.of(jobs)
    done = jobs["status"].isin(["done", "timed_out"]).to_numpy()
    finite = np.isfinite(waited_s)
    finite_s = np.where(finite, waited_s, np.nan)
    deadlines = Deadlines.of(result)
    for by in ("job_class", "tenant", "size"):
        groups = job_groups(jobs, by)
        sums = waits.summed(groups, useful_s=useful_s, waited_s=finite_s)
        quantiles = groups.quantiles(waited_s, [q / 100 for q in QUANTILES])
        with np.errstate(invalid="ignore"):  # 0 / 0: all were rejected
            mean_s = sums["waited_s"] / groups.counts(finite)
        figures = {
            **waits.figures(groups, sums),
            "jobs_done": groups.counts(done),
            "waited_mean_s": mean_s,
            **{f"waited_p{q}_s": quantiles[:, i] for i, q in enumerate(QUANTILES)},
            "useful_gpu_hours": sums["useful_s"] / HOUR_S,
            "deadlines_met": deadlines.met_shares(groups),
        }
        table.add(by, [str(label) for label in groups.labels], figures)


def _waited_s(result: Record) -> np.ndarray:
    """[s] from submission to first start; to the end of the run if there was none; inf if the job was rejected."""
    jobs = result.jobs
    waited_s = queue_delay_s(jobs).to_numpy()
    waited_s = np.where(np.isnan(waited_s), result.manifest["duration_s"] - jobs["submit_s"].to_numpy(), waited_s)
    return np.where((jobs["status"] == "rejected").to_numpy(), np.inf, waited_s)


def _add_services(table: _Table, result: Record) -> None:
    rows = totals(result)
    service, names = pd.factorize(rows.index.get_level_values("service"))

    def of_all(values: pd.Series) -> np.ndarray:
        return np.bincount(service, values, minlength=len(names))

    asked, served = of_all(rows["demand_tokens"]), of_all(rows["served_tokens"])
    figures = {
        "demand_tokens": asked,
        "served_tokens": served,
        "served_share": np.divide(served, asked, out=np.full(len(names), np.nan), where=asked > 0.0),
        **figures_of_requests(result).reindex(names),
        "replicas": of_all(rows["replica_s"] / rows["span_s"]),
        "wanted_replicas": of_all(rows["wanted_s"] / rows["span_s"]),
    }
    table.add("service", list(names), figures)


def _add_pools(table: _Table, result: Record) -> None:
    ledger, costs = result.ledger, result.costs
    # Of the costs, which have all pools: in the ledger one without GPUs has no row.
    sites, kinds = (pd.Index(costs[name].unique()) for name in ("site", "gpu_type"))
    site, kind = sites.get_indexer(ledger["site"]), kinds.get_indexer(ledger["gpu_type"])
    useful = ledger["cause"].isin(USEFUL).to_numpy()
    key, gpu_s = site * len(kinds) + kind, ledger["gpu_s"].to_numpy()
    at = sites.get_indexer(costs["site"]) * len(kinds) + kinds.get_indexer(costs["gpu_type"])
    planned_h, useful_h = (
        np.bincount(key[rows], weights=gpu_s[rows], minlength=len(sites) * len(kinds))[at] / HOUR_S
        for rows in (slice(None), useful)
    )
    pools = [f"{site}/{kind}" for site, kind in zip(costs["site"], costs["gpu_type"], strict=True)]
    table.add("pool", pools, {"planned_gpu_hours": planned_h, "useful_gpu_hours": useful_h})
    lost = losses(result, both_sides(result))
    names = [f"{site}/{kind}" for site, kind in zip(lost["site"], lost["gpu_type"], strict=True)]
    place, rank = ({name: i for i, name in enumerate(known)} for known in (pools, WORDS))
    order = sorted(range(len(lost)), key=[(place[n], rank[c]) for n, c in zip(names, lost["cause"])].__getitem__)
    lost = lost.iloc[order]
    table.add("pool", [names[i] for i in order], lost, lost["cause"].tolist())


def _fragment_gpus(pools: pd.DataFrame) -> float:
    """Mean over time of GPUs of all pools that usual jobs could not use."""
    span_s = pools["end_s"] - pools["start_s"]
    return float((pools[FRAGMENTS] * span_s).sum() / (pools["end_s"].max() - pools["start_s"].min()))


def _add_contracts(table: _Table, result: Record) -> None:
    accounts, milestones = result.contract_accounts, result.contract_milestones
    hours, usd = ("committed", "delivered"), ("billed", "credit", "service_credit", "terminated")
    columns = [*(f"{name}_gpu_hours" for name in hours), *(f"{name}_usd" for name in usd)]
    sums = accounts.groupby("contract", sort=False)[columns].sum()
    committed = sums["committed_gpu_hours"]
    start = pd.Timestamp(result.manifest["start"])
    end = start + pd.Timedelta(seconds=result.manifest["duration_s"])
    met_day = (milestones["met_utc"] - start) / pd.Timedelta(days=1.0)
    delivered_day = met_day.fillna(np.inf).groupby(milestones["contract"]).max()
    due = milestones[milestones["due_utc"] < end]
    late_days = due["late_days"].fillna((end - due["due_utc"]) / pd.Timedelta(days=1.0)).groupby(due["contract"]).max()
    figures = {
        "delivered_share": sums["delivered_gpu_hours"] / committed.where(committed > 0.0),
        "delivered_day": delivered_day.reindex(sums.index),
        "late_days": late_days.reindex(sums.index),
        "billed_usd": sums["billed_usd"],
        "credits_usd": sums["credit_usd"] + sums["service_credit_usd"],
        "terminated_usd": sums["terminated_usd"],
    }
    table.add("contract", list(sums.index), figures)


def _add_lateness(table: _Table, result: Record) -> None:
    """What made projects late, also where it did not in this run: the same names for every seed."""
    ledger = result.build_ledger[result.build_ledger["cause"] != AHEAD]
    scenario = result.manifest["scenario"]
    rules = Rules.model_validate(scenario.get("rules", {}))
    named = {
        "task_kind": ("cause", result.build_tasks["kind"]),
        "held_by": ("held_by", holders(scenario.get("supplies", {}), scenario.get("shocks", {}), rules)),
    }
    for kind, (column, known) in named.items():
        sums = ledger[ledger[column] != ""].groupby(column)[["gpu_hours", "usd"]].sum()
        sums = sums.reindex(list(dict.fromkeys([*known, *sums.index])), fill_value=0.0)
        table.add(kind, list(sums.index), {"gpu_hours_lost": sums["gpu_hours"], "usd": sums["usd"]})
