"""What a report is of: a result, and what studies of its scenario found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import pandas as pd

from gpusim.causes import REJECTED, SLACK
from gpusim.results import bottlenecks
from gpusim.results.lateness import is_built, lateness
from gpusim.results.ledger import both_sides
from gpusim.results.metrics import metrics
from gpusim.results.series import Series
from gpusim.results.tables.record import Record
from gpusim.results.tables.studies import Assumptions, Competition, Deliveries, Relief
from gpusim.scenario.earnings import Earnings
from gpusim.studies.replications.replications import Replications
from gpusim.units import DAY_S


@dataclass(frozen=True)
class Findings:
    """A result and the studies beside it; what several sections ask of the result is worked out once.

    Attributes
    ----------
    relief : Relief, optional
        What loosening the constraints of the result's scenario would buy.
    deliveries : Deliveries, optional
        When projects and contracts of the result's scenario are delivered, over replications.
    competition : Competition, optional
        What the rivals of the result's scenario cost, over replications.
    assumptions : Assumptions, optional
        On which assumptions the build-out of the result's scenario hangs most.
    replications : Replications, optional
        What the result and runs with other seeds say together. Where it and the result differ, it is the answer and the
        result an example.
    """

    result: Record
    relief: Relief | None = None
    deliveries: Deliveries | None = None
    competition: Competition | None = None
    replications: Replications | None = None
    assumptions: Assumptions | None = None

    @property
    def example(self) -> str:
        """What tells the one run that is shown from all that were made: ``" in the run with seed 0"``, or nothing."""
        return f" in the run with seed {self.manifest['seed']}" if self.replications else ""

    @property
    def manifest(self) -> dict:
        """That of the result."""
        return self.result.manifest

    @property
    def days(self) -> float:
        """How long the run is, to four digits."""
        return float(f"{self.manifest['duration_s'] / DAY_S:.4g}")

    @property
    def basis(self) -> str:
        """Prices of GPU-hours on the page, in words."""
        return Earnings.of_manifest(self.manifest).basis

    @property
    def start(self) -> datetime:
        """When the run began."""
        return datetime.fromisoformat(self.manifest["start"])

    @cached_property
    def losses(self) -> pd.DataFrame:
        """The bottlenecks, ranked."""
        return bottlenecks.bottlenecks(self.result, self.entries)

    @cached_property
    def blamed(self) -> pd.DataFrame:
        """Bottlenecks that held something back, and that a resource is at fault for."""
        causes = self.losses["cause"]
        telling = (self.losses[["gpu_hours_held_back", "job_hours_waited"]] > 0.0).any(axis=1)
        return self.losses[(telling & ~causes.isin(SLACK)) | causes.isin(REJECTED)]

    @cached_property
    def headline(self) -> str:
        """What made a build-out late, whether supply or demand binds, and what held the fleet back, in sentences."""
        late = lateness(self.result, self.deliveries) if is_built(self.result) else ""
        rest = self.replications.headline if self.replications else bottlenecks.balanced(self.result, self.losses)
        return f"{late} {rest}".strip()

    @cached_property
    def attributed(self) -> str:
        """What most is attributed to in the run that is shown."""
        said = bottlenecks.greatest(self.result, self.losses)
        return f"Seed {self.manifest['seed']}, an example. {said}" if self.replications else said

    @cached_property
    def metrics(self) -> pd.Series:
        """Headline figures of the run that is shown."""
        return metrics(self.result)

    @cached_property
    def figures(self) -> pd.Series:
        """Headline figures: means over the replications, or those of the one run."""
        return self.replications.metrics()["mean"] if self.replications else self.metrics

    @cached_property
    def entries(self) -> pd.DataFrame:
        """Both sides of the ledger."""
        return both_sides(self.result)

    @cached_property
    def series(self) -> Series:
        """The ledger and power over time."""
        return Series.of(self.result)
