"""What a comparison of runs is of: two or more of them, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpusim.causes import SLACK
from gpusim.report.findings import Findings
from gpusim.report.scenario_text import said
from gpusim.results.comparison import KEYS, compare, scenario_differences
from gpusim.results.labels import label_of, unit_of
from gpusim.studies.replications.replications import held_back, seeds_of_both


class Pair(NamedTuple):
    """A run against the first, over the seeds that both have.

    Attributes
    ----------
    measures, held : DataFrame
        Means and differences with intervals (``Replications.paired``, and ``held_back`` beside it: those that
        differ).
    """

    name: str
    seeds: list[int]
    measures: pd.DataFrame
    held: pd.DataFrame


@dataclass(frozen=True)
class ComparedRuns:
    """Runs by name, two or more; the others are held against the first."""

    runs: dict[str, Findings]

    @property
    def first(self) -> str:
        """Name of the first."""
        return next(iter(self.runs))

    def others(self) -> Iterator[tuple[str, Findings]]:
        """The other runs."""
        return islice(self.runs.items(), 1, None)

    def pairs(self) -> list[ComparedRuns]:
        """The first with each of the others, which the console shows one after the other."""
        return [ComparedRuns({self.first: self.runs[self.first], name: one}) for name, one in self.others()]

    def by_folder(self) -> ComparedRuns:
        """The same, but runs called as the paths of their folders have only the folder's name where no other has it."""
        names = [Path(path).name for path in self.runs]
        return ComparedRuns({
            name if name and names.count(name) == 1 else path: one
            for (path, one), name in zip(self.runs.items(), names)
        })  # fmt: skip

    @cached_property
    def paired(self) -> list[Pair]:
        """Those of the others that share two seeds or more with the first."""
        base, found = self.runs[self.first].replications, []
        for name, one in self.others():
            runs = one.replications
            if base and runs and len(seeds := seeds_of_both(base.outcomes, runs.outcomes)) > 1:
                held = held_back(base.outcomes, runs.outcomes)
                found.append(Pair(name, seeds, base.paired(runs), held[held["difference"] != 0.0]))
        return found

    @cached_property
    def figures(self) -> pd.DataFrame:
        """Headline figures that at least one run has: a row each, a column per run."""
        base = self.runs[self.first].result
        pairs = {name: compare(base, one.result) for name, one in self.others()}
        names = list(dict.fromkeys(figure for pair in pairs.values() for figure in pair.index))
        first = pd.concat([pair["first"] for pair in pairs.values()])
        columns = {
            self.first: first[~first.index.duplicated()],
            **{name: pair["second"] for name, pair in pairs.items()},
        }
        return pd.DataFrame(columns).reindex(names).dropna(how="all")

    @cached_property
    def labelled(self) -> pd.DataFrame:
        """The same in words and in units that suit them."""
        figures = self.figures
        largest = figures.abs().where(np.isfinite(figures)).max(axis=1).fillna(0.0)
        units = [unit_of(name, float(value)) for name, value in largest.items()]
        scaled = figures.mul([unit.factor for unit in units], axis=0)
        return scaled.set_axis([label_of(name, unit) for name, unit in zip(figures.index, units)])

    @cached_property
    def keys(self) -> pd.DataFrame:
        """What differs in the scenarios, and the seed: key, and its value in each run as text."""
        pairs = {name: scenario_differences(self.runs[self.first].result, one.result) for name, one in self.others()}
        keys = list(dict.fromkeys(key for pair in pairs.values() for key in pair["key"]))
        firsts = {row.key: row.first for pair in pairs.values() for row in pair.itertuples()}
        columns = {self.first: [firsts[key] for key in keys]}
        for name, pair in pairs.items():
            own = dict(zip(pair["key"], pair["second"]))
            columns[name] = [own.get(key, firsts[key]) for key in keys]
        told = pd.DataFrame(columns, dtype=object).map(said)
        return told.assign(key=keys)

    @cached_property
    def held(self) -> pd.DataFrame:
        """GPU-hours held back: site, gpu_type, cause, a column per run, and ``apart``, from the least to the most."""
        tables = {name: one.losses[~one.losses["cause"].isin(SLACK)] for name, one in self.runs.items()}
        columns = {name: table.set_index(KEYS)["gpu_hours_held_back"] for name, table in tables.items()}
        held = pd.DataFrame(columns).fillna(0.0)
        held = held.assign(apart=held.max(axis=1) - held.min(axis=1))
        return held.sort_values("apart", ascending=False, kind="stable").reset_index()
