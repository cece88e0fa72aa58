"""What European law asks of a run's sites: the yearly report of their energy figures."""

from __future__ import annotations

import pandas as pd

from gpusim.model.scenario import Scenario
from gpusim.record.result import Result
from gpusim.rules.reporting import eu_report


def report(result: Result) -> pd.DataFrame:
    """Figures of Delegated Regulation (EU) 2024/1364 for every site that has to report, by calendar year.

    Returns
    -------
    DataFrame
        As of ``gpusim.rules.reporting.eu_report``: what the run does not have is there as ``missing``. Empty if the
        scenario does not enforce the duty.
    """
    scenario = Scenario.from_dict(result.manifest["scenario"], "manifest")
    return eu_report(scenario, result.power, float(result.manifest["duration_s"]))
