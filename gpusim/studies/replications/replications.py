"""What runs of one scenario under many seeds say, alone and in pairs with another, and how they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from gpusim.errors import one_line
from gpusim.results.measure import FLEET, MONEY, OF_REQUESTS
from gpusim.scenario.earnings import basis
from gpusim.studies.replications import ranks
from gpusim.studies.replications.ranks import HELD, by_run
from gpusim.studies.replications.verdict import verdict
from gpusim.studies.run_file import to_bytes
from gpusim.studies.statistics.intervals import CONFIDENCE, paired_interval, summary
from gpusim.studies.store import Store
from gpusim.units import number_of

# Two scenarios under the same seeds: differences of their figures, paired by seed, with intervals.

PAIRED = ["first", "second", "difference", "low", "high", "n"]


def seeds_of_both(first: pd.DataFrame, second: pd.DataFrame) -> list[int]:
    """Seeds under which both have finished runs, in order."""
    return sorted(set(first["seed"]) & set(second["seed"]))


def figures(first: pd.DataFrame, second: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Figures of the fleet.

    Parameters
    ----------
    first, second : DataFrame
        Outcomes of replications: seed, kind, measure, value, ...

    Returns
    -------
    DataFrame
        By measure: first and second (means over the seeds that both have), difference (second - first, mean of the
        pairs), low and high (its interval: Law 2015, section 10.2.1), n (pairs in which both have the figure).
    """
    wide = [_figures(one).pivot(index="measure", columns="seed", values="value") for one in (first, second)]
    names = list(dict.fromkeys([*FLEET, *MONEY, *wide[0].index, *wide[1].index]))
    there = [name for name in names if any(name in one.index for one in wide)]
    return _paired(*wide, pd.Index(there, name="measure"), seeds_of_both(first, second), confidence)


def _figures(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Figures of the fleet, and of the requests of services under the names that studies give them."""
    of_fleet = (outcomes["kind"] == "fleet") & outcomes["measure"].isin((*FLEET, *MONEY))
    of_service = (outcomes["kind"] == "service") & outcomes["measure"].isin(OF_REQUESTS)
    rows = outcomes[of_fleet | (of_service & outcomes["value"].notna())]  # services without a model have none
    named = ("service " + rows["name"].astype(str) + " ").where(rows["kind"] == "service", "")
    return rows.assign(measure=named + rows["measure"].astype(str))


def held_back(first: pd.DataFrame, second: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """GPU-hours held back by cause and place, the largest difference first; columns as ``figures``."""
    keys, seeds = ["cause", "place"], seeds_of_both(first, second)
    wide = [
        by_run(one).pivot_table(index=keys, columns="seed", values=HELD, aggfunc="sum").reindex(columns=seeds)
        for one in (first, second)
    ]
    index = wide[0].index.union(wide[1].index)
    table = _paired(*(one.reindex(index, fill_value=0.0) for one in wide), index, seeds, confidence)
    return table.loc[table["difference"].abs().sort_values(ascending=False, kind="stable").index].reset_index()


def _paired(
    first: pd.DataFrame, second: pd.DataFrame, index: pd.Index, seeds: list[int], confidence: float
) -> pd.DataFrame:
    rows = []
    for a, b in zip(*(one.reindex(index)[seeds].to_numpy(float) for one in (first, second)), strict=True):
        found = paired_interval(a, b, confidence)
        rows.append((a.mean(), b.mean(), found.mean, found.low, found.high, found.n))
    return pd.DataFrame(rows, index, PAIRED)


# What runs of one scenario under many seeds say, and how they are kept.


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
        (``gpusim.studies.replications.replications.figures``)."""
        return figures(self.outcomes, other.outcomes, confidence)

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
