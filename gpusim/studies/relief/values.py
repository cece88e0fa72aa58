"""What the runs of a relief study say, by counterfactual, multiple of its step, and replication."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from gpusim.causes import SLACK
from gpusim.studies.statistics.intervals import changes
from gpusim.studies.store import Store

BASE = "as it is"
HELD, ASKED = "gpu_hours_held_back", "gpu_hours_asked"
Trial = tuple[str, float, int]  # counterfactual (BASE for none), multiple, replication


class Values:
    """Figures of the fleet and GPU-hours held back, of the runs of a study.

    Attributes
    ----------
    figures : DataFrame
        Figures of the fleet (columns) by (relief, multiple, replication).
    held : DataFrame
        GPU-hours held back: a column per (pool, or what rejected jobs asked for; cause) but slack, 0 where a run has
        none.
    """

    def __init__(self, store: Store, keys: dict[Trial, str]):
        index = pd.MultiIndex.from_tuples(keys, names=["relief", "multiple", "replication"])
        run = pd.Series(list(keys.values()), index=index, dtype=object)
        run = run[run.isin(store.finished())]
        long = store.outcomes(run.unique())
        fleet = long[long["kind"] == "fleet"].pivot(index="run", columns="measure", values="value")
        places = long[long["kind"].isin(["pool", "rejection"]) & ~long["cause"].isin(SLACK)]
        places = places.astype({"name": str, "cause": str, "measure": str})
        held = places[places["measure"] == HELD].pivot(index="run", columns=["name", "cause"], values="value")
        sizes = places[places["cause"] == "rejected_size"]
        base = [key for place, key in keys.items() if place[0] == BASE]
        asked = places[(places["measure"] == ASKED) & places["run"].isin(base)]
        self._asked = asked.groupby(["name", "cause"])["value"].sum() / max(len(base), 1)
        self.figures = fleet.reindex(run.to_numpy()).set_axis(run.index).sort_index()
        self.held = held.reindex(run.to_numpy()).fillna(0.0).set_axis(run.index).sort_index()
        self._too_large = sizes[sizes["measure"] == "most_gpus"][["run", "name", "value"]]
        self._base = base

    def base_held(self) -> dict[tuple[str, str], float]:
        """Mean GPU-hours held back in the base, by (pool, cause); of unmet demand if no GPU was free."""
        held = self.held.loc[BASE].mean()
        return (held if held.sum() > 0.0 else self._asked).to_dict()

    def too_large(self) -> dict[str, int]:
        """Whole GPUs for the largest job of the base that was too large for every pool, by what it asked for."""
        rows = self._too_large[self._too_large["run"].isin(self._base)]
        return rows.groupby("name")["value"].max().map(math.ceil).to_dict()

    def held_by(self, relief: str, multiple: float) -> tuple[pd.Series, pd.Series]:
        """Means of what is held back in the base and under a counterfactual, over the replications of both."""
        changed = self.held.loc[(relief, multiple)]
        base = self.held.loc[(BASE, 0.0)].reindex(changed.index)
        return base.mean(), changed.mean()

    def gains(self, measure: str, sign: float, reliefs: Iterable[str], multiple: float = 1.0) -> pd.DataFrame:
        """``sign`` x (counterfactual - base) of a measure, shape (replications, counterfactuals), NaN if not run."""
        base = self.figures.loc[(BASE, 0.0), measure]
        columns = {}
        for name in reliefs:
            changed = self.of(name, multiple, measure).reindex(base.index)
            columns[name] = sign * changes(base.to_numpy(float), changed.to_numpy(float)) + 0.0  # no -0
        return pd.DataFrame(columns, index=base.index, dtype=float)

    def of(self, relief: str, multiple: float, measure: str) -> pd.Series:
        """A measure by replication."""
        if (relief, multiple) not in self.figures.index.droplevel("replication"):
            return pd.Series(np.nan, index=[], dtype=float)
        return self.figures.loc[(relief, multiple), measure]
