"""Conservation laws that every result must keep: GPU-seconds, waiting, jobs, requests, joules, dollars."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.causes import FRAGMENTED, FREE, JOBS, LOSS_OF_WAIT
from gpusim.results.ledger import both_sides
from gpusim.results.tables.record import Record
from gpusim.units import number_of

RELATIVE = 1e-9  # room for rounding in sums


def check(result: Record) -> list[str]:
    """Laws that the result breaks, as sentences; none if all is well."""
    return [fault for law in LAWS for fault in law(result)]


def _gpu_seconds(result: Record):
    keys = ["site", "gpu_type", "start_s", "end_s"]
    booked = result.ledger.groupby(keys, observed=True)["gpu_s"].sum()
    pools = result.pools.set_index(keys)
    planned = pools["planned_gpus"] * (pools.index.get_level_values("end_s") - pools.index.get_level_values("start_s"))
    wrong = (booked.reindex(planned.index).fillna(0.0) - planned).abs() > RELATIVE * planned.clip(lower=1.0)
    if wrong.any():
        what = f"{number_of(wrong.sum(), 'interval')} whose causes do not add up to planned GPUs x time"
        yield f"{what}, first {wrong.idxmax()}"
    if (result.ledger["gpu_s"] < -1e-6 * planned.max()).any():
        yield "negative GPU-seconds in the ledger"


def _waits(result: Record):
    by_cause = result.job_waits.groupby("job_id")["wait_s"].sum()
    jobs = result.jobs.set_index("job_id")["wait_s"]
    wrong = (by_cause.reindex(jobs.index).fillna(0.0) - jobs).abs() > RELATIVE * jobs.clip(lower=1.0)
    if wrong.any():
        yield f"{number_of(wrong.sum(), 'job')} whose causes of waiting do not add up to the wait"


def _queue(result: Record):
    """Little's law as an identity: the queue's integral is the sum of the waits."""
    queue, jobs = result.waits["job_s"].sum(), result.jobs["wait_s"].sum()
    if abs(queue - jobs) > 1e-8 * max(jobs, 1.0):
        yield f"queues hold {queue:.6f} job-seconds, jobs waited {jobs:.6f} s"


def _unmet(result: Record):
    """Idle GPUs are booked as far as they are asked for, and nothing holds back more than was asked for."""
    keys, unmet = ["site", "gpu_type", "start_s"], result.unmet
    idle = result.ledger[result.ledger["cause"].isin(FREE)].groupby(keys, observed=True)["gpu_s"].sum()
    free = unmet[unmet["cause"].map(LOSS_OF_WAIT) != FRAGMENTED].groupby(keys, observed=True)["free_gpu_s"].sum()
    both = pd.concat([idle, free], axis=1).fillna(0.0)
    wrong = (both["gpu_s"] - both["free_gpu_s"]).abs() > 1e-6 * both["gpu_s"].clip(lower=1.0)
    if wrong.any():
        what = f"{number_of(wrong.sum(), 'interval')} whose idle GPUs are not those asked for"
        yield f"{what}, first {wrong.idxmax()}"
    asked = result.waits.groupby([*keys, "cause"], observed=True)["gpu_s"].sum()
    told = unmet.groupby([*keys, "cause"], observed=True)["gpu_s"].sum().reindex(asked.index).fillna(0.0)
    if (asked > told + 1e-6 * asked.clip(lower=1.0)).any():
        yield "queues asked for more GPU-seconds than are booked as asked for"
    table = both_sides(result)
    if (table["held_s"] > table["asked_s"] * (1.0 + RELATIVE)).any():
        yield "more is held back than was asked for"
    if (table[["held_s", "asked_s"]] < 0.0).any().any():
        yield "negative GPU-seconds asked for or held back"


def _jobs(result: Record):
    jobs = result.jobs
    ended = jobs["status"].isin(["done", "timed_out"])
    if not np.array_equal(ended, jobs["end_s"].notna()):
        yield "jobs that have ended and jobs with an end are not the same"


def _work(result: Record):
    """Both sides of the ledger meet: what jobs had of GPUs is what pools gave them."""
    given = result.ledger.loc[result.ledger["cause"].isin(JOBS), "gpu_s"].sum()
    had = result.jobs["gpu_s"].sum()
    if abs(given - had) > 1e-8 * max(had, 1.0):
        yield f"pools gave jobs {given:.3f} GPU-seconds, jobs had {had:.3f}"


def _requests(result: Record):
    """Every request that has arrived has ended, was lost, or is late or under way at the end."""
    if "service_demand" not in result.tables:
        return
    keys = ["service", "region"]
    asked = result.service_demand.groupby(keys)["requests"].sum()
    told = result.service_outcomes.groupby(keys)["requests"].sum().reindex(asked.index, fill_value=0)
    if (wrong := asked != told).any():
        yield f"{asked[wrong].iloc[0]:,} requests arrived, but {told[wrong].iloc[0]:,} have an outcome"


def _dollars(result: Record):
    sites = result.sites["cost_usd"].sum()
    for name, usd in (("intervals", result.power["cost_usd"].sum()), ("pools", result.costs["energy_usd"].sum())):
        if abs(usd - sites) > RELATIVE * max(abs(sites), 1.0):
            yield f"energy costs {sites:.6f} USD at the sites, {usd:.6f} USD over {name}"


def _water(result: Record):
    sites, intervals = result.sites["water_l"].sum(), result.power["water_l"].sum()
    if abs(sites - intervals) > RELATIVE * max(sites, 1.0):
        yield f"sites took {sites:.6f} l of water, {intervals:.6f} l over intervals"


def _joules(result: Record):
    phases = result.power[[c for c in result.power if c.endswith("_j")]].sum().sum()
    it_j = result.sites["energy_it_j"].sum()
    if abs(phases - it_j) > RELATIVE * max(it_j, 1.0):
        yield f"phases hold {phases:.3f} J, sites {it_j:.3f} J"
    yield from _job_joules(result)


def _job_joules(result: Record):
    """Above the idle power of the GPUs that they hold, jobs have used what the sites' phases of work say."""
    jobs = result.jobs[result.jobs["run_s"] > 0.0]
    kinds = {name: gpu["idle_w"] for name, gpu in result.manifest["gpus"].items()}
    idle_j = jobs["held_gpu_s"] * jobs["gpu_type"].map(kinds).astype(float)
    used = (jobs["energy_j"] - jobs.get("idle_j", idle_j)).sum()
    drawn = result.power[["compute_j", "communication_j", "checkpoint_j"]].sum().sum()
    if abs(used - drawn) > 1e-8 * max(drawn, 1.0):
        yield f"jobs used {used:.3f} J above idle, sites drew {drawn:.3f} J for them"


def _sources(result: Record):
    """What grid, generators, sun and battery gave a site, less what the battery took and keeps, is what it drew."""
    if "on_site" not in result.tables:
        return
    sources, power = result.tables["on_site"], result.power
    for site, mine in sources.groupby("site"):
        here = power[power["site"] == site]
        drawn_j = float((here["facility_w"] * (here["end_s"] - here["start_s"])).sum())
        given_j = float((mine["given_j"] - mine["taken_j"]).sum())
        if abs(given_j - drawn_j) > RELATIVE * max(drawn_j, 1.0):
            yield f"{site} drew {drawn_j:.3f} J, its sources gave {given_j:.3f} J"
        usd, paid = float(mine["usd"].sum()), float(here["cost_usd"].sum())
        if abs(usd - paid) > RELATIVE * max(abs(paid), 1.0):
            yield f"energy of {site} cost {paid:.6f} USD, that of its sources {usd:.6f} USD"
        store = mine[mine["kind"] == "battery"]
        held_j = float((store["taken_j"] - store["given_j"] - store["lost_j"]).sum())
        left_j = float(store["stored_j"].iloc[-1]) if len(store) else 0.0
        if abs(held_j - left_j) > RELATIVE * max(float(store["taken_j"].sum()), 1.0):
            yield f"the battery of {site} holds {left_j:.3f} J, of what it took {held_j:.3f} J are left"


LAWS = (_gpu_seconds, _work, _waits, _queue, _unmet, _jobs, _requests, _joules, _water, _dollars, _sources)
