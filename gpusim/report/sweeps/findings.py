"""What the report of a sweep is of: what was varied, and the runs that its store holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from gpusim.errors import StatisticsError
from gpusim.results.labels import Unit, unit_of
from gpusim.results.measure import with_measures
from gpusim.studies.statistics.intervals import paired, summary
from gpusim.studies.statistics.sensitivity import sensitivity
from gpusim.studies.store import Store
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.units import number_of

SAMPLED = ("latin_hypercube", "sobol", "morris")  # designs whose first point is like any other


def counted(status: pd.DataFrame) -> str:
    """How many runs of a store are finished, failed and missing: ``"7 of 9 runs finished, 2 failed"``."""
    counts = status["status"].value_counts()
    parts = [f", {counts[name]:,} {name}" for name in ("failed", "missing") if name in counts]
    return f"{counts.get('finished', 0):,} of {number_of(len(status), 'run')} finished" + "".join(parts)


@dataclass(frozen=True)
class SweepFindings:
    """A sweep; what several sections ask of its runs is worked out once.

    Attributes
    ----------
    spec : SweepSpec
        What was varied.
    store : Store
        Its runs, finished or not.
    """

    spec: SweepSpec
    store: Store

    @cached_property
    def status(self) -> pd.DataFrame:
        """Where each run is."""
        return self.store.status()

    @property
    def points(self) -> int:
        """How many there are."""
        return self.status["point"].nunique()

    @property
    def counted(self) -> str:
        """How many runs are finished, failed and missing, in words."""
        return counted(self.status)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Figures of the runs that have finished."""
        return self.store.table()

    @property
    def by(self) -> list[str]:
        """Columns that tell points apart."""
        return ["point", *self.spec.axes]

    @cached_property
    def measures(self) -> list[str]:
        """What was to be measured and some finished run has."""
        return [measure for measure in self.spec.measured() if measure in self.table]

    @property
    def absent(self) -> list[str]:
        """A sentence for each measure that no finished run has."""
        names = [measure for measure in self.spec.measured() if measure not in self.measures]
        return [f"{name}: no finished run has this figure." for name in names]

    @cached_property
    def means(self) -> pd.DataFrame:
        """Means of these measures over replications, by point."""
        if not self.measures:
            return pd.DataFrame(columns=[*self.by, "measure"])
        return summary(self.table, self.by, self.measures)

    @property
    def summary(self) -> pd.DataFrame:
        """The same of all that was to be measured."""
        measures = self.spec.measured()
        return summary(with_measures(self.table, measures), self.by, measures)

    @cached_property
    def parts(self) -> dict[str, pd.DataFrame]:
        """The means, measure by measure."""
        return dict(iter(self.means.groupby("measure", sort=False)))

    @cached_property
    def units(self) -> dict[str, Unit]:
        """In what each measure is written."""
        return {measure: _unit(measure, part["mean"]) for measure, part in self.parts.items()}

    @property
    def is_sampled(self) -> bool:
        """Whether its points are samples, so that the first is no base."""
        return self.spec.design.kind in SAMPLED

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Differences to the first point, paired; none where it is no base, or has no run."""
        base = self.table.loc[self.table["point"] == 0, self.by] if self.measures else pd.DataFrame()
        if self.is_sampled or base.empty or self.table["point"].nunique() < 2:
            return pd.DataFrame()
        return paired(self.table, self.by, base.iloc[0].to_dict(), list(self.units))

    @property
    def sensitivities(self) -> dict[str, pd.DataFrame]:
        """How measures depend on each axis."""
        return self._sensitivities[0]

    @property
    def unknown(self) -> list[str]:
        """Measures of which that is not known, and why."""
        return self._sensitivities[1]

    @cached_property
    def _sensitivities(self) -> tuple[dict[str, pd.DataFrame], list[str]]:
        found, unknown = {}, []
        for measure in self.measures if self.spec.axes else []:
            try:
                found[measure] = sensitivity(self.spec, self.table, measure)
            except StatisticsError as error:
                unknown.append(f"{measure}: {error}")
        return found, unknown


def _unit(measure: str, values: pd.Series) -> Unit:
    finite = values[values.abs() < float("inf")]
    return unit_of(measure, float(finite.abs().max()) if len(finite) else 0.0)
