"""What a relief study found, and how it is kept."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gpusim.errors import one_line
from gpusim.tables import folder as storage
from gpusim.units import number_of

TABLES = ("ranking", "effects", "groups", "moves", "curves")


@dataclass(frozen=True)
class Relief:
    """Gain from loosening each constraint of a scenario, compared with its ledger.

    Attributes
    ----------
    about : dict
        scenario (its tables), seed, measure, step, days, runs, budget, replications of the base, verdict (a sentence on
        whether the top of the ranking is separated), agreement (top1, kendall, spearman, groups), explanations
        (sentences on where ledger and relief differ), levelling (sentences on where curves level off).
    ranking : DataFrame
        One row per counterfactual, the best first: rank, relief (name), group, resource, place, constraint, text, size,
        unit, gain (change of the measure, the more the better), low, high, n, per_unit, usd (of the step over the run;
        NaN: not in the catalogue), per_usd, ledger_gpu_hours, ledger_rank (NaN: the ledger cannot see it).
    effects : DataFrame
        relief, measure, base (mean), difference, low, high, n, variance_reduction.
    groups : DataFrame
        Alternatives at one resource and place as one: group, relief (the best of them), gain, relief_rank,
        ledger_gpu_hours, ledger_rank.
    moves : DataFrame
        relief, pool, cause, base, difference: GPU-hours held back in the base, and how they change.
    curves : DataFrame
        relief, amount, unit, gain, low, high, n, knee (bool); the next bottleneck: next_pool, next_cause,
        next_gpu_hours.
    """

    about: dict
    ranking: pd.DataFrame
    effects: pd.DataFrame
    groups: pd.DataFrame
    moves: pd.DataFrame
    curves: pd.DataFrame

    def __repr__(self) -> str:
        best = f"; best: {self.ranking['text'].iloc[0]}" if len(self.ranking) else ""
        what = f"{self.about['scenario']['name']!r} by {self.about['measure']}"
        tried = f"{number_of(len(self.ranking), 'counterfactual')} in {number_of(self.about['runs'], 'run')}"
        return one_line(f"<Relief of {what}: {tried}{best}>")

    def save(self, folder: str | Path) -> Path:
        """Write the tables into a folder, in place of earlier ones there; ``ResultError`` if that cannot be done."""
        return storage.save(Path(folder), self.about, {name: getattr(self, name) for name in TABLES})

    @classmethod
    def load(cls, folder: str | Path) -> Relief:
        """Read what was saved, or a study's folder holds; ``ResultError`` with all that is missing or damaged."""
        folder = Path(folder)
        with suppress(OSError):  # of a name that is too long; what cannot be read is told below
            folder = folder / "relief" if (folder / "relief").is_dir() else folder
        about, tables = storage.load(folder, TABLES)
        return cls(about, **tables)
