"""Money that rules cost by site and month: transmission, capacity, fines and purchases, as a run says."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.commerce.cents import cents
from gpusim.tables.rules import charges


def of_rules(rules: pd.DataFrame, places: list[str], months_s: np.ndarray) -> np.ndarray:
    """Cents by place and month, shape (places, months): each charge even over the time that it is for.

    Parameters
    ----------
    rules : DataFrame
        Table ``rules`` of a result.
    places : list of str
        Sites, and what belongs to none.
    months_s : ndarray, shape (months + 1,)
        [s] Edges. What a charge is for before and after the run counts in it.
    """
    paid = charges(rules)
    first_s = np.clip(paid["start_s"].to_numpy(dtype=float), 0.0, months_s[-1] - 1.0)
    last_s = np.clip(paid["end_s"].to_numpy(dtype=float), first_s + 1.0, months_s[-1])
    gone = np.clip((months_s[:, None] - first_s) / (last_s - first_s), 0.0, 1.0)
    parts = np.diff(cents(gone * paid["usd"].to_numpy(dtype=float)), axis=0)
    found = np.zeros((len(places), len(months_s) - 1), np.int64)
    np.add.at(found, [places.index(site) for site in paid["site"]], parts.T)
    return found
