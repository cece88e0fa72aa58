"""Classes of the jobs of a run, with the times that its storage takes for checkpoints of a known size."""

from __future__ import annotations

from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scenario import Scenario
from gpusim.tables.names import CHECKPOINTS
from gpusim.tables.record import Record


def job_classes(result: Record, scenario: Scenario) -> dict[str, JobClass]:
    """Classes of a run's ``scenario`` by name, as they ran."""
    classes = dict(scenario.workload.classes)
    if CHECKPOINTS in result.tables:
        for row in result.tables[CHECKPOINTS].itertuples():
            classes[row.job_class] = classes[row.job_class].stored(row.shared_s, row.read_s)
    return classes
