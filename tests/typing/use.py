"""What a user writes, and the types that it has; never run, only checked."""

from pathlib import Path
from typing import assert_type

import pandas as pd
from matplotlib.figure import Figure

import gpusim

scenario = gpusim.Scenario.from_toml("us_eu_fleet", {"run.days": 1.0})
assert_type(scenario, gpusim.Scenario)
assert_type(scenario.with_({"run.days": 2.0}), gpusim.Scenario)
result = gpusim.run(scenario, seed=1)
assert_type(result, gpusim.Result)
assert_type(result.metrics(), pd.DataFrame)
assert_type(result.bottlenecks(), pd.DataFrame)
assert_type(result.jobs, pd.DataFrame)
assert_type(result.draw("headline"), Figure)
assert_type(result.save("folder"), Path)
assert_type(gpusim.Result.load("folder"), gpusim.Result)
assert_type(gpusim.compare(result, result), pd.DataFrame)
assert_type(gpusim.deliveries(scenario, 2), gpusim.Deliveries)
assert_type(gpusim.relieve(scenario), gpusim.Relief)
assert_type(gpusim.sweep("policies", "folder"), gpusim.Sweep)
assert_type(gpusim.plan(scenario, "goodput > 0.9"), gpusim.Plan)

gpusim.run("us_eu_fleet")  # type: ignore[arg-type]  # a name is no scenario: the checker is awake
result.metrics(1)  # type: ignore[call-arg]
