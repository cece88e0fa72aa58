"""What the GPUs cost that the provider owns, whether they have power or not."""

from __future__ import annotations

import pandas as pd

from gpusim.causes import NOT_DELIVERED
from gpusim.scenario import costs
from gpusim.scenario.money import Money
from gpusim.tables.record import Record
from gpusim.units import HOUR_S


def hourly_usd(manifest: dict) -> dict[str, float]:
    """[USD/h] What it costs to own a GPU of each type of a result."""
    money = Money.model_validate(manifest["scenario"].get("money", {}))
    return {
        kind: costs.owning_usd_per_hour(money, gpu["usd_per_gpu_hour"], gpu["rated_it_w_per_gpu"])
        for kind, gpu in manifest["gpus"].items()
    }


def owning_usd(result: Record) -> pd.Series:
    """[USD] Capital recovery of GPUs and halls, staff and networks, of each row of the ledger.

    A GPU costs this from its delivery on, in whatever state; before, nothing. The more of a year it stands dark, the
    dearer is each hour of useful work.
    """
    ledger, usd = result.ledger, hourly_usd(result.manifest)
    hours = (ledger["gpu_s"] / HOUR_S).where(ledger["cause"] != NOT_DELIVERED, 0.0)
    return hours * ledger["gpu_type"].astype(str).map(usd).astype(float)
