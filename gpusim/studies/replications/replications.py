"""What runs of one scenario under many seeds say, and how they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from gpusim.analysis.measure import FLEET, MONEY
from gpusim.errors import one_line
from gpusim.scenario.earnings import basis
from gpusim.studies.replications import paired, ranks
from gpusim.studies.replications.verdict import verdict
from gpusim.studies.run_file import to_bytes
from gpusim.studies.statistics.intervals import CONFIDENCE, summary
from gpusim.studies.store import Store
from gpusim.units import number_of


@dataclass(frozen=True)
class Replications:
    """Runs that differ in their seed only.

    Attributes
    ----------
    about : dict
        scenario (its tables) and gpusim_version.
    outcomes : DataFrame
        run (key), seed, and kind, name, cause, measure, value as in ``gpusim.Result.outcome``; in the order of seeds.
    failed : int
        Runs that were asked for and failed.
    """

    about: dict
    outcomes: pd.DataFrame
    failed: int = 0

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs that finished."""
        return self.outcomes["seed"].unique().tolist()

    def __len__(self) -> int:
        return len(self.seeds)

    def __repr__(self) -> str:
        return one_line(f"<Replications of {self.about['scenario']['name']!r}: {number_of(len(self), 'run')}>")

    @cached_property
    def headline(self) -> str:
        """Whether supply or demand binds, and how often each cause ranks first, in a few sentences."""
        return verdict(self.causes(), *ranks.balance(self.outcomes), self.basis)

    @property
    def basis(self) -> str:
        """Prices of GPU-hours, in words."""
        return basis(self.about["scenario"])

    def causes(self) -> pd.DataFrame:
        """Causes by how often they rank first, with intervals (``gpusim.studies.replications.ranks.causes``)."""
        return ranks.causes(self._runs)

    def bottlenecks(self) -> pd.DataFrame:
        """Causes by place, means over runs (``gpusim.studies.replications.ranks.places``)."""
        return ranks.places(self._runs)

    def by_cause(self) -> pd.DataFrame:
        """GPU-hours held back, a row per cause and a column per seed."""
        return self._runs.pivot_table(index="cause", columns="seed", values=ranks.HELD, aggfunc="sum")

    def frequencies(self) -> pd.DataFrame:
        """Runs in which each cause has each rank."""
        return ranks.frequencies(self._runs)

    def metrics(self, confidence: float = CONFIDENCE) -> pd.DataFrame:
        """Means of the figures of the fleet over runs, with their intervals: by measure mean, low, high, sd, n."""
        rows = self.outcomes[(self.outcomes["kind"] == "fleet") & self.outcomes["measure"].isin((*FLEET, *MONEY))]
        wide = rows.pivot(index="seed", columns="measure", values="value").reset_index(names="replication")
        measures = [name for name in (*FLEET, *MONEY) if name in wide]
        table = summary(wide.assign(point=0), ["point"], measures, confidence)
        return table.drop(columns="point").set_index("measure")

    def attainment(self) -> pd.DataFrame:
        """Shares of their requests for which services with a model met their objectives: by service mean, least and
        most of the runs in which it had any."""
        kept = (self.outcomes["kind"] == "service") & (self.outcomes["measure"] == "attainment")
        known = self.outcomes[kept].dropna(subset="value")
        table = known.groupby("name", sort=False)["value"].agg(mean="mean", least="min", most="max")
        return table.rename_axis("service").reset_index()

    def paired(self, other: Replications, confidence: float = CONFIDENCE) -> pd.DataFrame:
        """Figures of another scenario less those of this one, paired by seed, with intervals
        (``gpusim.studies.replications.paired.figures``)."""
        return paired.figures(self.outcomes, other.outcomes, confidence)

    @cached_property
    def _runs(self) -> pd.DataFrame:
        return ranks.by_run(self.outcomes)

    def save(self, folder: str | Path) -> Path:
        """Write the runs into the store of a study; ``StoreError`` if the folder holds something else."""
        store = Store.create(folder, {"study": STUDY, **self.about})
        runs = self.outcomes.drop_duplicates("run")
        for key, rows in self.outcomes.groupby("run", sort=False):
            store.put(key, to_bytes(key, rows))
        store.set_design(design(dict(zip(runs["seed"], runs["run"], strict=True))))
        return Path(folder)

    @classmethod
    def load(cls, folder: str | Path) -> Replications:
        """The runs that a store holds; ``StoreError`` if it holds none, or damaged ones."""
        return cls.of(Store.open(folder))

    @classmethod
    def of(cls, store: Store) -> Replications:
        """Finished runs of a store, in the order of seeds."""
        runs = store.status()
        outcomes = runs[["run", "seed"]].merge(store.outcomes(runs["run"]), on="run", how="inner", sort=False)
        about = {name: value for name, value in store.about.items() if name != "study"}
        return cls(about, outcomes, int((runs["status"] == "failed").sum()))


STUDY = "replications"


def design(keys: dict[int, str]) -> pd.DataFrame:
    """Which run is which, by seed: what a store keeps of its runs."""
    first = min(keys)
    rows = [(key, 0, seed - first, seed) for seed, key in sorted(keys.items())]
    return pd.DataFrame(rows, columns=["run", "point", "replication", "seed"])
