"""On which assumptions the answer of a build-out hangs most, and what would turn it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gpusim.errors import one_line
from gpusim.tables import folder as storage
from gpusim.units import number_of

TABLES = ("assumptions",)


@dataclass(frozen=True)
class Assumptions:
    """Each assumption of a build-out at both ends of its interval, all else equal, with the same seeds.

    Attributes
    ----------
    about : dict
        scenario (its tables), seed (of the first replication), replications (of each variant), gpu_hours (planned but
        not live within the run, mean), first (the first cause of delay).
    assumptions : DataFrame
        assumption, how (the unit of its values), base, low, high, low_gpu_hours and high_gpu_hours (by how much more is
        lost at the ends, means), low_se_gpu_hours and high_se_gpu_hours (their standard errors), turns_at (value from
        which on another cause is the first; NaN: within the interval none is), turns_to (that cause). Those of the
        greatest effect first.
    """

    about: dict
    assumptions: pd.DataFrame

    def __repr__(self) -> str:
        found = number_of(len(self.assumptions), "assumption")
        name, replications = self.about["scenario"]["name"], number_of(self.about["replications"], "replication")
        return one_line(f"<Assumptions of {name!r}: {found}, {replications}>")

    def save(self, folder: str | Path) -> Path:
        """Write the table into a folder, in place of an earlier one there; ``ResultError`` if that cannot be done."""
        return storage.save(Path(folder), self.about, {name: getattr(self, name) for name in TABLES})

    @classmethod
    def load(cls, folder: str | Path) -> Assumptions:
        """Read what was saved; ``ResultError`` with everything that is missing or damaged."""
        about, tables = storage.load(Path(folder), TABLES)
        return cls(about, **tables)
