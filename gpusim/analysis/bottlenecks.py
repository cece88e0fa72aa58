"""Which resource held the fleet back, where, when, and what it cost."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.analysis.causes import ABSENT, BUSY, LOSS_OF_WAIT, SLACK, USEFUL, WORDS
from gpusim.analysis.wording import period, quantity, share
from gpusim.record.result import Result
from gpusim.units import HOUR_S

POOL = ["site", "gpu_type"]
COLUMNS = [
    "rank", "site", "gpu_type", "period_start_s", "period_end_s", "cause", "gpu_hours_lost", "share_of_planned",
    "job_hours_waited", "gpu_hours_asked", "gpu_hours_held_back", "usd", "sentence",
]  # fmt: skip


def bottlenecks(result: Result, entries: pd.DataFrame | None = None) -> pd.DataFrame:
    """What held the fleet back: by site, GPU type and cause, both sides of the ledger, the largest first.

    Supply: GPU-hours that were planned and not useful. Demand: time that jobs waited. They meet in one row where they
    have one cause; the waits of all rows add up to all waiting, the losses to all that was planned and not useful.

    Ranked by ``gpu_hours_held_back``, summed over record intervals: the loss; of absent GPUs (not delivered, not
    housed, not energised, down) only what waiting jobs and short services asked for at that time; of GPUs that were
    all at work (cause ``busy``), which lose nothing, what was asked for beyond them, at most the pool's planned GPUs.
    Slack, which no resource is to blame for, comes last.

    Parameters
    ----------
    entries : DataFrame, optional
        ``books(result)``, where it is at hand.

    Returns
    -------
    DataFrame
        rank, site, gpu_type, period_start_s and period_end_s [s] (the middle 90% of what was held back), cause,
        gpu_hours_lost, share_of_planned (of the pool), job_hours_waited, gpu_hours_asked (by waiting jobs and for
        missing replicas), gpu_hours_held_back, usd (gpu_hours_held_back at the type's list price), sentence.
    """
    entries = books(result) if entries is None else entries
    start = datetime.fromisoformat(result.manifest["start"])
    planned_s = result.ledger.groupby(POOL, observed=True)["gpu_s"].sum()
    rows = []
    for (site, kind, cause), part in entries.groupby([*POOL, "cause"], observed=True, sort=False):
        lost_s, waited_s, asked_s, held_s = part[["lost_s", "waited_s", "asked_s", "held_s"]].sum()
        weight = next((part[c] for c in ("held_s", "lost_s", "waited_s") if part[c].sum() > 0.0), None)
        if weight is None:
            continue
        start_s, end_s = _middle(part["start_s"].to_numpy(), part["end_s"].to_numpy(), weight.to_numpy())
        row = {
            "site": site, "gpu_type": kind, "period_start_s": start_s, "period_end_s": end_s, "cause": cause,
            "gpu_hours_lost": lost_s / HOUR_S, "share_of_planned": lost_s / planned_s[site, kind],
            "job_hours_waited": waited_s / HOUR_S, "gpu_hours_asked": asked_s / HOUR_S,
            "gpu_hours_held_back": held_s / HOUR_S,
            "usd": held_s / HOUR_S * result.manifest["gpus"][kind]["usd_per_gpu_hour"],
        }  # fmt: skip
        rows.append({**row, "sentence": _sentence(row, start)})
    table = pd.DataFrame(rows, columns=COLUMNS[1:])
    slack = table["cause"].isin(SLACK)
    by = [-table[column].to_numpy(float) for column in ("gpu_hours_lost", "gpu_hours_held_back")]
    order = np.lexsort((*by, slack.to_numpy()))
    table = table.iloc[order].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def headline(result: Result, table: pd.DataFrame | None = None) -> str:
    """One or two sentences: what cost most, and what jobs waited for longest if that is something else."""
    table = bottlenecks(result) if table is None else table
    real = table[~table["cause"].isin(SLACK) & (table["gpu_hours_held_back"] > 0.0)]
    if real.empty:
        return "Nothing held the fleet back: every GPU that anybody asked for was there and at work."
    first, longest = real.iloc[0], real.loc[real["job_hours_waited"].idxmax()]
    held, usd = quantity(first["gpu_hours_held_back"]), quantity(first["usd"])
    text = f"What held the fleet back most is {_name(first)}: {held} GPU-hours, worth {usd} USD at list price."
    total = float(table["job_hours_waited"].sum())
    if total < 1.0:
        return text + " Hardly any job waited."
    part = f"{share(longest['job_hours_waited'] / total)} of the {quantity(total)} hours that jobs waited"
    if longest["rank"] == first["rank"]:
        return text + f" It also caused {part}."
    return text + f" Jobs waited longest for {_name(longest)}: {part}."


def _name(row: pd.Series) -> str:
    return f"'{WORDS[row['cause']].short}' ({row['gpu_type']} at {row['site']})"


def books(result: Result) -> pd.DataFrame:
    """Both sides of the ledger without what was useful.

    Returns
    -------
    DataFrame
        site, gpu_type, start_s, end_s, cause, lost_s [GPU-s], waited_s [job-s], asked_s [GPU-s], held_s [GPU-s held
        back, see ``bottlenecks``]; one row per pool, record interval and cause.
    """
    keys = [*POOL, "start_s", "end_s"]
    ledger = result.ledger.astype({"site": str, "gpu_type": str, "cause": str})
    lost = ledger[~ledger["cause"].isin(USEFUL)].groupby([*keys, "cause"], sort=False)["gpu_s"].sum()
    lost = lost[lost > 0.0].rename("lost_s").reset_index()
    both = lost.merge(_asked(result, ledger, keys), on=[*keys, "cause"], how="outer", sort=True)
    both[["lost_s", "waited_s", "asked_s"]] = both[["lost_s", "waited_s", "asked_s"]].fillna(0.0)
    planned_s = ledger.groupby(keys, sort=False)["gpu_s"].sum().rename("planned_s").reset_index()
    planned_s = both[keys].merge(planned_s, on=keys, how="left")["planned_s"]
    held_s = both["lost_s"].copy()
    absent, busy = both["cause"].isin(ABSENT), both["cause"] == BUSY
    held_s[absent] = np.minimum(both["lost_s"], both["asked_s"])[absent]
    held_s[busy] = np.minimum(planned_s, both["asked_s"])[busy]
    return both.assign(held_s=held_s)


def _asked(result: Result, ledger: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """What jobs waited for and services lacked, by pool, interval and the loss that it belongs to."""
    jobs = result.waits.rename(columns={"job_s": "waited_s", "gpu_s": "asked_s"})
    services = result.services[result.services["cause"] != ""]
    short = (services["wanted_replicas"] - services["replicas"]).clip(lower=0.0)
    specs = result.manifest["scenario"].get("services", {})
    gpus = services["service"].map({name: spec["gpus_per_replica"] for name, spec in specs.items()})
    asked_s = short * gpus.astype(float) * (services["end_s"] - services["start_s"])
    waits = pd.concat([jobs, services.assign(waited_s=0.0, asked_s=asked_s)], ignore_index=True)
    names = dict.fromkeys((*POOL, "cause"), str)
    waits = waits.astype(names | dict.fromkeys(("start_s", "end_s", "waited_s", "asked_s"), float))  # may be empty
    waits = waits.assign(cause=waits["cause"].map(LOSS_OF_WAIT))
    waits = waits.groupby([*keys, "cause"], sort=False)[["waited_s", "asked_s"]].sum().reset_index()
    busy = waits[waits["cause"] == BUSY]
    if busy.empty:
        return waits
    at_work = (*USEFUL, "serving_idle", "loading", "checkpointing", "lost_work")
    idle, work = (
        ledger[ledger["cause"].isin(causes)].groupby(keys, sort=False)["gpu_s"].sum().rename(name).reset_index()
        for causes, name in ((("idle_reserved",), "idle_s"), (at_work, "work_s"))
    )
    gpus = busy[keys].merge(idle, on=keys, how="left").merge(work, on=keys, how="left").fillna(0.0)
    both_s = (gpus["idle_s"] + gpus["work_s"]).to_numpy()
    part = np.divide(gpus["idle_s"].to_numpy(), both_s, out=np.zeros(len(gpus)), where=both_s > 0.0)[:, None]
    values = busy[["waited_s", "asked_s"]].to_numpy()
    spans = busy[keys].reset_index(drop=True)
    split = [
        spans.assign(cause=cause, waited_s=value[:, 0], asked_s=value[:, 1])
        for cause, value in ((BUSY, values * (1.0 - part)), ("idle_reserved", values * part))
    ]
    return pd.concat([waits[waits["cause"] != BUSY], *split], ignore_index=True)


def _middle(start_s: np.ndarray, end_s: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Span [s] of the middle 90% of ``weight``, in whole record intervals."""
    order = np.argsort(start_s, kind="stable")
    done = np.cumsum(weight[order]) / weight.sum()
    first = int(np.searchsorted(done, 0.05))
    last = min(int(np.searchsorted(done, 0.95 - 1e-12)), len(order) - 1)
    return float(start_s[order[first]]), float(end_s[order[last]])


def _sentence(row: dict, start: datetime) -> str:
    cause, words = row["cause"], WORDS[row["cause"]]
    lost, held, usd = (quantity(row[key]) for key in ("gpu_hours_lost", "gpu_hours_held_back", "usd"))
    when = period(start, row["period_start_s"], row["period_end_s"])
    worth, of_planned = f"worth {usd} USD at list price", f"({share(row['share_of_planned'])} of those planned)"
    parts = [f"At {row['site']}, {row['gpu_type']} {words.clause}, mostly from {when}."]
    if cause == BUSY:
        parts.append(f"Waiting work asked for {held} GPU-hours more than there were, {worth}.")
    elif cause in ABSENT and row["gpu_hours_held_back"] > 0.0:
        parts.append(f"Of the {lost} GPU-hours missing {of_planned} waiting work asked for {held}, {worth}.")
    elif cause in ABSENT:
        parts.append(f"The missing {lost} GPU-hours {of_planned} held nothing back: no work asked for them.")
    elif row["gpu_hours_lost"] > 0.0:
        parts.append(f"This cost {lost} GPU-hours {of_planned}, {worth}.")
    if row["job_hours_waited"] >= 0.5:
        hours = quantity(row["job_hours_waited"])
        parts.append(f"Jobs waited {hours} hour{'s' * (hours != '1')} for it.")
    if row["gpu_hours_held_back"] > 0.0:
        parts.append(f"What would relieve it: {words.relief}.")
    return " ".join(parts)
