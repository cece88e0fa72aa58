"""Live GPUs of a run: to the moment where a build-out brings them, and what a run itself does to them."""

from __future__ import annotations

import gpusim
from gpusim.commerce.allocation import of_build_out, of_run
from gpusim.units import DAY_S
from tests.studies.deliveries.kit import SURE, contract, project, scenario

MONTHLY = {"run.record_s": 30 * DAY_S}
SCENARIO = scenario({"a": project(50, SURE)}, {"one": contract(40, "2025-03-01", credit=0.5)}).with_(MONTHLY)


def played(process) -> gpusim.Result:
    return gpusim.run(SCENARIO, processes=[process] if process else [])


def test_milestones_are_met_at_the_moment_and_not_by_the_record():
    """GPUs come on day 100, in the midst of a record interval; the milestone was due on day 59."""
    result = played(None)
    assert result.contract_milestones["late_days"].tolist() == [41.0]
    accounts = result.contract_accounts[["delivered_gpu_hours", "credit_usd"]].sum()
    assert accounts["delivered_gpu_hours"] == 40 * 24 * 265
    assert accounts["credit_usd"] == 0.5 * 2.0 * 40 * 24 * 41
    courses = of_run(result)
    assert courses.equals(of_build_out(result.build_live).reset_index(drop=True))
    assert courses.loc[courses["gpu_type"] == "one", ["time_s", "gpus"]].to_numpy().tolist() == [
        [0.0, 0], [100 * DAY_S, 50],
    ]  # fmt: skip


def test_what_a_process_switches_off_is_not_live():
    """From day 210 on 20 GPUs are on: what the run recorded counts then, by its intervals of 30 days."""

    def half(env):
        yield env.at(210 * DAY_S)
        env.set_nodes_on(0, 20)

    courses = of_run(played(half))
    assert courses[["time_s", "gpus"]].to_numpy().tolist() == [[90 * DAY_S, 33], [120 * DAY_S, 50], [210 * DAY_S, 20]]


def test_what_has_failed_is_live():
    def fail(env):
        yield env.at(210 * DAY_S)
        assert env.fail_node(0)

    assert of_run(played(fail)).equals(of_run(played(None)))


def test_sites_without_projects_have_what_the_run_recorded():
    there = {"grid_mw": 1.0, "hall_mw": 1.0, "pools.one.gpus": [{"at": 15.0, "value": 10.0}]}
    changes = {f"sites.there.{key}": value for key, value in there.items()}
    two = scenario({"a": project(50, SURE), "b": project(1, SURE, site="there")}, {})
    courses = of_run(gpusim.run(two.with_({**MONTHLY, **changes, "projects.b.site": "here"})))
    assert courses.loc[courses["site"] == "there", ["time_s", "gpus"]].to_numpy().tolist() == [
        [0.0, 5], [30 * DAY_S, 10],
    ]  # fmt: skip
    assert courses.loc[courses["site"] == "here", "gpus"].max() == 51
