"""Sweeps: a design executed into a store, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gpusim.errors import GpusimError, StoreError, one_line
from gpusim.results.measure import Measure, with_measures
from gpusim.studies.statistics.intervals import CONFIDENCE, paired, summary
from gpusim.studies.statistics.sensitivity import sensitivity
from gpusim.studies.store import Store
from gpusim.studies.sweeps.execution import Progress
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.studies.sweeps.sweep import execute_sweep
from gpusim.units import number_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sweep:
    """A sweep and its store, whose runs may be finished, failed or missing.

    Attributes
    ----------
    spec : SweepSpec
        What is varied.
    store : Store
        Where the finished runs are.
    """

    spec: SweepSpec
    store: Store

    @classmethod
    def load(cls, folder: str | Path) -> Sweep:
        """The sweep of a store; ``StoreError`` if the folder holds none."""
        store = Store.open(folder)
        about = store.about
        if about.get("study") != "sweep":
            raise StoreError(f"{folder}: holds a study of kind {about.get('study')!r}, not a sweep")
        try:
            return cls(SweepSpec.model_validate(about.get("spec")), store)
        except ValueError as error:
            raise StoreError(f"{folder}: what made it cannot be read ({error}); run the sweep again") from None

    def __repr__(self) -> str:
        finished = number_of(len(self.store.finished()), "finished run")
        return one_line(f"<Sweep {self.spec.name!r}: {finished} in {self.store.folder}>")

    def table(self) -> pd.DataFrame:
        """One row per finished run: run, point, replication, seed, the axes, then every figure of its outcome."""
        return self.store.table()

    def summary(self, measures: Sequence[str] | None = None, confidence: float = CONFIDENCE) -> pd.DataFrame:
        """Means over replications with their intervals (``statistics.intervals.summary``), by point and axes."""
        measures = self._measures(measures)
        return summary(self._table_with(measures), self._by(), measures, confidence)

    def against(
        self, base: int = 0, measures: Sequence[str] | None = None, confidence: float = CONFIDENCE
    ) -> pd.DataFrame:
        """Differences to a point, paired by replication (``gpusim.studies.statistics.intervals.paired``)."""
        measures = self._measures(measures)
        table = self._table_with(measures)
        row = table.loc[table["point"] == base, self._by()]
        if row.empty:
            raise GpusimError(
                f"point {base}: no finished run; the points are 0 to {self.store.design()['point'].max()}"
            )
        return paired(table, self._by(), row.iloc[0].to_dict(), measures, confidence)

    def sensitivity(self, measure: str | None = None) -> pd.DataFrame:
        """How a measure depends on each axis, by the method that belongs to the design, with intervals."""
        (measure, *_others) = self._measures([measure] if measure else None)
        return sensitivity(self.spec, self._table_with([measure]), measure)

    def draw(self, name: str, ax: Axes | None = None) -> Figure:
        """One of the figures of the sweep by its name, as its report has them: ``"curve_goodput"``.

        In the place of ``ax`` if given, as ``Result.draw``.

        Raises
        ------
        ResultError
            If there is none of that name, with those that there are.
        """
        # Here and not above: who draws nothing does not wait for matplotlib.
        from gpusim.report.figures import drawn
        from gpusim.report.figures.study import drawings

        sensitivities = {}
        for measure in self.spec.measured():
            with suppress(GpusimError):  # too few runs as yet: it is drawn without
                sensitivities[measure] = self.sensitivity(measure)
        return drawn(drawings(self.spec, self.summary(), sensitivities), name, ax)

    def _by(self) -> list[str]:
        return ["point", *self.spec.axes]

    def _measures(self, measures: Sequence[str] | None) -> list[str]:
        try:
            return [Measure.parse(text).text for text in measures or self.spec.measured()]
        except ValueError as error:
            raise GpusimError(f"measures: {error}") from None

    def _table_with(self, measures: list[str]) -> pd.DataFrame:
        """The table, also with measures that no run has."""
        table = self.table()
        if table.empty:
            raise StoreError(f"{self.store.folder}: no run has finished; `gpusim sweep status` tells why")
        return with_measures(table, measures)


def sweep(
    spec: SweepSpec | Mapping | str | Path,
    store: str | Path | None = None,
    *,
    executor: str | Executor = "processes",
    workers: int | None = None,
    address: str | None = None,
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Sweep:
    """Execute the missing runs of a sweep.

    Parameters
    ----------
    spec : path, dict or SweepSpec
        What to run: a sweep file, or its tables.
    store : path, optional
        Folder of the store; by default ``out/NAME``.
    executor, workers, address
        Where runs execute, see ``gpusim.studies.sweeps.backend.open_backend``. The outcome of a run is the same
        to the byte in every case.
    progress : callable, optional
        Called with a ``Progress`` at the start and after every run.

    Raises
    ------
    ScenarioError
        With all faults of the sweep file, or of all scenarios that it makes.
    StoreError
        If the folder holds something else.
    """
    spec = _spec_of(spec)
    return Sweep(spec, execute_sweep(spec, store, executor, workers, address, progress))


def _spec_of(spec: SweepSpec | Mapping | str | Path) -> SweepSpec:
    if isinstance(spec, SweepSpec):
        return spec
    return SweepSpec.from_dict(dict(spec)) if isinstance(spec, Mapping) else SweepSpec.from_toml(spec)
