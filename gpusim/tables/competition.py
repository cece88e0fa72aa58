"""What rivals cost us, over replications of the build-out with and without them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gpusim.errors import one_line
from gpusim.tables import folder as storage
from gpusim.units import number_of

TABLES = ("rivals", "projects", "replications")
ALL = "all rivals"  # in the column ``rival``: without any of them


@dataclass(frozen=True)
class Competition:
    """The build-out with its rivals less that without one of them, or without ``ALL``, paired by seed.

    Attributes
    ----------
    about : dict
        scenario (its tables), seed (of the first replication), replications, start, duration_s.
    rivals : DataFrame
        rival, later_days (mean over projects and replications), and what is not live within the run because of it:
        gpu_hours, p10_gpu_hours, p90_gpu_hours, usd, p10_usd, p90_usd (means, P10 and P90; USD that they would have
        earned). The most expensive first.
    projects : DataFrame
        rival, project, later_days (mean), p10_days, p90_days, later (share of replications with a later delivery).
        Negative days: earlier. Infinite: never with the rival, in time without.
    replications : DataFrame
        rival, seed, gpu_hours, usd: the differences of which ``rivals`` has the means.
    """

    about: dict
    rivals: pd.DataFrame
    projects: pd.DataFrame
    replications: pd.DataFrame

    def __repr__(self) -> str:
        rivals = number_of(int((self.rivals["rival"] != ALL).sum()), "rival")
        replications = number_of(self.about["replications"], "replication")
        return one_line(f"<Competition in {self.about['scenario']['name']!r}: {rivals}, {replications}>")

    def save(self, folder: str | Path) -> Path:
        """Write the tables into a folder, in place of earlier ones there; ``ResultError`` if that cannot be done."""
        return storage.save(Path(folder), self.about, {name: getattr(self, name) for name in TABLES})

    @classmethod
    def load(cls, folder: str | Path) -> Competition:
        """Read what was saved; ``ResultError`` with everything that is missing or damaged."""
        about, tables = storage.load(Path(folder), TABLES)
        return cls(about, **tables)
