"""What a report is of: a result, and what studies of its scenario found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import pandas as pd

from gpusim.analysis import bottlenecks
from gpusim.analysis.books import books
from gpusim.analysis.metrics import metrics
from gpusim.analysis.series import Series
from gpusim.causes import REJECTED, SLACK
from gpusim.tables.competition import Competition
from gpusim.tables.deliveries import Deliveries
from gpusim.tables.record import Record
from gpusim.tables.relief import Relief


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
    """

    result: Record
    relief: Relief | None = None
    deliveries: Deliveries | None = None
    competition: Competition | None = None

    @property
    def start(self) -> datetime:
        """When the run began."""
        return datetime.fromisoformat(self.result.manifest["start"])

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
        """What held the fleet back, in a sentence or two."""
        return bottlenecks.headline(self.result, self.losses)

    @cached_property
    def metrics(self) -> pd.Series:
        """Headline figures of the run."""
        return metrics(self.result)

    @cached_property
    def entries(self) -> pd.DataFrame:
        """Both sides of the ledger."""
        return books(self.result)

    @cached_property
    def series(self) -> Series:
        """The ledger and power over time."""
        return Series.of(self.result)
