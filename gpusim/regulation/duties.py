"""What European law asks of a run's sites: the yearly report of their energy figures."""

from __future__ import annotations

import pandas as pd

from gpusim.regulation.reporting import eu_report
from gpusim.scenario.scenario import Scenario
from gpusim.tables.record import Record


def energy_report(result: Record) -> pd.DataFrame:
    """Figures of Delegated Regulation (EU) 2024/1364 for every site that has to report, by calendar year.

    Returns
    -------
    DataFrame
        As of ``gpusim.regulation.reporting.eu_report``: what the run does not have is there as ``missing``. Empty if
        the scenario does not enforce the duty.
    """
    return eu_report(scenario_of(result), result.power, float(result.manifest["duration_s"]))


def scenario_of(result: Record) -> Scenario:
    """The scenario of a run, with its sites in the order of the run: a saved manifest has them by name."""
    said = result.manifest["scenario"]
    sites = {name: said["sites"][name] for name in result.sites["site"]}
    return Scenario.from_dict({**said, "sites": sites}, "manifest")
