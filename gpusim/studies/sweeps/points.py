"""From the points of a sweep to the scenarios that they mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gpusim.analysis.measure import absent
from gpusim.errors import ScenarioError
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import turned
from gpusim.studies.sweeps.design import settings
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.units import number_of

MOST_FAULTS = 20  # that are told; one fault of a design shows at many points


def scenarios_of(spec: SweepSpec, points: pd.DataFrame) -> list[Scenario]:
    """The scenario of every point.

    Raises
    ------
    ScenarioError
        With the faults of the scenario file, or of all points, and measures that it cannot have.
    """
    base, scenarios, found = Scenario.from_toml(spec.scenario), [], {}
    for point, row in points.iterrows():
        try:
            scenarios.append(turned(base, settings(spec, row)))
        except ScenarioError as error:
            for fault in error.faults:
                found.setdefault(fault, []).append(f"point {point} ({said(row)})")
    faults = [_where(places, len(points)) + fault for fault, places in found.items()]
    if scenarios:
        wrong = {text: absent(measure, scenarios[0]) for text, measure in spec.measured().items()}
        faults += [f"measures: {text}: {fault}" for text, fault in wrong.items() if fault]
    if faults:
        more = [f"and {number_of(len(faults) - MOST_FAULTS, 'more fault')}"] if len(faults) > MOST_FAULTS else []
        raise ScenarioError(spec.name, faults[:MOST_FAULTS] + more)
    return scenarios


def _where(places: list[str], points: int) -> str:
    """Points at which a fault shows: the first of them, nothing if it is all of several."""
    if len(places) == points > 1:
        return ""
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{places[0]}{more}: "


def said(row: Mapping[str, object]) -> str:
    """A point in words: ``power = 0.8, policy = fifo``."""
    return ", ".join(f"{axis} = {value}" for axis, value in row.items()) or "the scenario as it is"


def design_table(points: pd.DataFrame, keys: dict[tuple[int, int], str], first_seed: int) -> pd.DataFrame:
    """Which run is which: run (key), point, replication, seed, and the axes.

    Parameters
    ----------
    keys : dict
        Key of the run by (point, replication).
    """
    places = np.array(list(keys), dtype=np.int64).reshape(-1, 2)
    table = pd.DataFrame({"run": list(keys.values()), "point": places[:, 0], "replication": places[:, 1]}).assign(
        seed=lambda runs: runs["replication"] + first_seed
    )
    return table.join(points, on="point")
