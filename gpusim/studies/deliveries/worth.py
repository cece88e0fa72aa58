"""What live GPUs are worth at list price, whoever has them."""

from __future__ import annotations

import pandas as pd

from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S


def listed(scenario: Scenario, live: pd.DataFrame) -> tuple[float, float]:
    """(GPU-hours that are live within the run, their USD at list price) of a table ``live`` of all sites."""
    until_s = live.groupby(["site", "gpu_type"], sort=False)["time_s"].shift(-1).fillna(scenario.run.days * DAY_S)
    hours = live["live_gpus"] * (until_s - live["time_s"]) / HOUR_S
    list_usd = live["gpu_type"].map({name: gpu.usd_per_gpu_hour for name, gpu in scenario.gpus.items()})
    return float(hours.sum()), float((hours * list_usd).sum())
