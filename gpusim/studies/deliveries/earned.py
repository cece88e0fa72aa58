"""What live GPUs earn, whoever has them."""

from __future__ import annotations

import pandas as pd

from gpusim.scenario.earnings import Earnings
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S


def earned(scenario: Scenario, live: pd.DataFrame, earnings: Earnings) -> tuple[float, float]:
    """(GPU-hours that are live within the run, their USD) of a table ``live`` of all sites."""
    until_s = live.groupby(["site", "gpu_type"], sort=False)["time_s"].shift(-1).fillna(scenario.run.days * DAY_S)
    spans = live.assign(until_s=until_s.to_numpy())
    usd = 0.0
    for pool, rows in spans.groupby(["site", "gpu_type"], sort=False):
        of_one = earnings.usd(*pool, rows["time_s"].to_numpy(), rows["until_s"].to_numpy())
        usd += float((rows["live_gpus"].to_numpy() * of_one).sum())
    return float((spans["live_gpus"] * (spans["until_s"] - spans["time_s"])).sum()) / HOUR_S, usd
