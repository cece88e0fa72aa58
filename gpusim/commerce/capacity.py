"""GPUs that are live over time, from a run of the fleet or from the programme of a build-out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.record.result import Result

LIVE = ("site", "gpu_type", "time_s", "gpus")


def of_run(result: Result) -> pd.DataFrame:
    """Live GPUs of a run, as ``allocate`` takes them: those energised, as means of the record intervals."""
    pools = result.pools.assign(gpus=np.floor(result.pools["energised"] + 1e-6).astype(np.int64))
    before = pools.groupby(["site", "gpu_type"], observed=True)["gpus"].shift(fill_value=0)
    changed = pools[pools["gpus"] != before]
    return changed.rename(columns={"start_s": "time_s"})[list(LIVE)].reset_index(drop=True)


def of_programme(live: pd.DataFrame) -> pd.DataFrame:
    """Live GPUs of a programme, as ``allocate`` takes them.

    Parameters
    ----------
    live : DataFrame
        site, gpu_type, time_s, live: GPUs from each change on. Sites that it leaves out have none.
    """
    return live.rename(columns={"live": "gpus"})[list(LIVE)]
