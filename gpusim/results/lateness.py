"""What held a build-out back, summed over projects, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.results.tables.record import Record
from gpusim.results.tables.studies import Deliveries
from gpusim.results.wording import gpu_hours, quantity, share
from gpusim.scenario.earnings import Earnings
from gpusim.scenario.rules import NAMES
from gpusim.units import number_of

AHEAD = "ahead of plan"  # what came early: no loss


def is_built(result: Record) -> bool:
    """Whether projects add anything in a result."""
    return "build_projects" in result.tables and bool((result.build_projects["component"] != "").any())


def held_back(losses: pd.DataFrame) -> pd.DataFrame:
    """Losses by kind of task and by what held it up, the costliest first.

    Parameters
    ----------
    losses : DataFrame
        cause, held_by, gpu_hours, usd: ``build_ledger`` of a result, or ``losses`` of deliveries.

    Returns
    -------
    DataFrame
        what (in words), cause, held_by, gpu_hours, usd. What came ahead of plan is left out.
    """
    late = losses[losses["cause"] != AHEAD]
    sums = late.groupby(["cause", "held_by"], as_index=False)[["gpu_hours", "usd"]].sum()
    sums = sums.sort_values("usd", ascending=False, ignore_index=True, kind="stable")
    what = [said(*row) for row in zip(sums["cause"], sums["held_by"], strict=True)]
    sums.insert(0, "what", pd.array(what, dtype="str"))
    return sums


def by_site(losses: pd.DataFrame) -> pd.DataFrame:
    """Losses by site, the costliest first, and what made each late most.

    Parameters
    ----------
    losses : DataFrame
        ``build_ledger`` of a result.

    Returns
    -------
    DataFrame
        site, gpu_hours, usd, what (in words), its share of the site's USD. What came ahead of plan is left out.
    """
    rows = []
    for site, mine in losses.groupby("site", sort=False):
        held = held_back(mine)
        held = held[held["usd"] > 0.0]
        if len(held):
            total = held[["gpu_hours", "usd"]].sum()
            first = held.iloc[0]
            rows.append((site, total["gpu_hours"], total["usd"], first["what"], first["usd"] / total["usd"]))
    table = pd.DataFrame(rows, columns=["site", "gpu_hours", "usd", "what", "share"])
    return table.sort_values("usd", ascending=False, ignore_index=True, kind="stable")


def lateness(result: Record, deliveries: Deliveries | None = None) -> str:
    """What the planned GPUs of a result with projects, or of replications of it, were missing for, in two sentences."""
    if deliveries is None:
        return _late(result, result.build_ledger, "in this run")
    where = f"on average over {number_of(deliveries.about['replications'], 'build-out')}"
    return _late(result, deliveries.losses, where)


def _late(result: Record, losses: pd.DataFrame, where: str) -> str:
    held = held_back(losses)
    total = held[["gpu_hours", "usd"]].clip(lower=0.0).sum()
    if total["gpu_hours"] <= 0.0:
        return "Everything arrived on or ahead of plan."
    most = held[held["usd"] > 0.0].groupby("what", sort=False)["gpu_hours"].sum().sort_values(ascending=False).head(3)
    listed = ", ".join(f"{what} ({share(hours / total['gpu_hours'])})" for what, hours in most.items())
    return (
        f"Planned but not live {where}: {gpu_hours(total['gpu_hours'])}, {quantity(total['usd'])} USD"
        f" {Earnings.of_manifest(result.manifest).basis}. Main causes of delay: {listed}."
    )


def said(cause: str, held_by: str) -> str:
    """A cause in words: ``"GPU delivery, held up by vendor"``."""
    by = f"the rule {held_by}" if _rule_in(held_by) else spelled(held_by)
    return spelled(cause) + (f", held up by {by}" if held_by else "")


def by_rules(losses: pd.DataFrame) -> pd.DataFrame:
    """Of losses, those that rules caused: by what held work up, or by a task that a rule asks for."""
    rows = zip(losses["cause"], losses["held_by"], strict=True)
    ruled = [_rule_in(held_by) or _rule_in(cause.rpartition("(")[2]) for cause, held_by in rows]
    return losses[np.array(ruled, dtype=bool)]  # also of no losses at all


def _rule_in(text: str) -> bool:
    return text.partition(" ")[0].removesuffix(")") in NAMES


def spelled(name: str) -> str:
    """A name of the scenario as words: ``"GPU delivery"``."""
    return " ".join({"gpu": "GPU", "gpus": "GPUs"}.get(word, word) for word in name.split("_"))
