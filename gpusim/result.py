"""The result of a run: its record, and questions that can be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pandas as pd

from gpusim.results.bottlenecks import bottlenecks
from gpusim.results.economics import countries
from gpusim.results.effective import effective_times
from gpusim.results.jobs import phases_of_runs
from gpusim.results.metrics import described, metrics
from gpusim.results.outcome import outcome
from gpusim.results.site_power import efficiency
from gpusim.results.tables.record import Record, dated
from gpusim.studies.replications.replicate import FOLDER, replications_in
from gpusim.studies.replications.replications import Replications

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gpusim.report.findings import Findings


@dataclass(frozen=True, repr=False)
class Result(Record):
    """Tables and manifest of one run, and what follows from them.

    Attributes
    ----------
    manifest : dict
        Scenario, its hash, seed, versions, wall time. All but ``wall_s`` is the same on every run.
    tables : dict of str to DataFrame
        The tables as they are stored, see ``gpusim.results.tables.record``; as attributes (``result.jobs``) they have
        timestamps too.
    replications : Replications or None
        Summary of this run and those with the following seeds; None: there are no others.
    """

    replications: Replications | None = None

    def bottlenecks(self) -> pd.DataFrame:
        """Ranked losses of GPU-hours, each with a sentence."""
        return dated(bottlenecks(self), datetime.fromisoformat(self.manifest["start"]))

    def metrics(self) -> pd.DataFrame:
        """Headline figures of the run by name: text (the value as people write it), value, unit, meaning."""
        return described(metrics(self))

    def outcome(self) -> pd.DataFrame:
        """All figures of the run as studies keep them: kind, name, cause, measure, value; a measure names its unit."""
        return outcome(self)

    def effective_times(self, by: str = "run") -> pd.DataFrame:
        """Effective training time ratio and goodput, with what is expected: by job, tenant, job_class, size or run."""
        return effective_times(self, by)

    def phases(self) -> pd.DataFrame:
        """What each run of a job did when: loading, restarting, work with its checkpoints, lost work; at what rate."""
        return dated(phases_of_runs(self), datetime.fromisoformat(self.manifest["start"]))

    def countries(self) -> pd.DataFrame:
        """Energy, carbon and what they cost by country."""
        return countries(self)

    def efficiency(self) -> pd.DataFrame:
        """PUE, WUE, CUE, ERF and REF by site, as Delegated Regulation (EU) 2024/1364 and ISO/IEC 30134 define them."""
        return efficiency(self)

    # What draws is imported when it is asked for: a run by itself does not wait for matplotlib.

    def draw(self, name: str, ax: Axes | None = None) -> Figure:
        """One of the figures that ``figures`` draws, by its name: ``result.draw("headline")``.

        Parameters
        ----------
        name : str
            Name of its file; the error for a wrong name lists the valid ones.
        ax : Axes, optional
            Axes of a grid (``plt.subplots``), whose place the figure takes, to draw several in one figure. Text keeps
            its size, so the place should be about as large as the figure alone, 6.6 inches wide.

        Returns
        -------
        Figure
            The figure of ``ax``, if given.
        """
        from gpusim.report.drawing import draw

        return draw(self._findings(), name, ax=ax)

    def figures(self, folder: str | Path, formats: Sequence[str] = ("png",)) -> list[Path]:
        """Draw all figures into a folder, in one or more formats: ``"png"``, ``"svg"``, ``"pdf"``."""
        from gpusim.report.drawing import draw_all

        return draw_all(self._findings(), Path(folder), formats=formats)

    def report(self, path: str | Path) -> Path:
        """Write one self-contained HTML page."""
        from gpusim.report.page import write

        return write(self._findings(), Path(path))

    def _repr_html_(self) -> str:
        """What a notebook shows: the headline, its course, the largest bottlenecks."""
        from gpusim.report.notebook import fragment

        return fragment(self._findings())

    def _findings(self) -> Findings:
        from gpusim.report.findings import Findings

        return Findings(self, replications=self.replications)

    def save(self, folder: str | Path) -> Path:
        """Write Parquet tables and manifest into a folder, in place of an earlier result there; the replications too.

        Raises
        ------
        ResultError
            If the folder cannot be written, or holds something that is not a result.
        """
        super().save(folder)
        if self.replications:
            self.replications.save(Path(folder) / FOLDER)
        return Path(folder)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what was saved.

        Raises
        ------
        ResultError
            With everything that is missing or damaged.
        """
        record = Record.load(folder)
        return cls(record.manifest, record.tables, replications_in(Path(folder)))

    def __getstate__(self) -> dict:
        return {**super().__getstate__(), "replications": self.replications}
