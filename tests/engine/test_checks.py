"""Checks of nodes before a job works: what they cost, what they find, beside a naive twin that follows every fault."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gpusim
from gpusim.engine.hidden_faults import HiddenFaults
from gpusim.errors import ScenarioError
from gpusim.inputs.failures import NOT_AGAIN, draw_failures, draw_lemons, found_after_s
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from gpusim.units import DAY_S
from gpusim.validation.failures import long_run, play
from tests.reference.checks import Shows, stops_s

NODES, CHECK_S, LOAD_S = 16, 90.0, 300.0
QUICK = {"reset": {"mean_h": 0.0}, "swap": {"mean_h": 5.0, "sigma": 0.8}}


def failing(per_1000_days: float, **more) -> dict:
    """Nodes that fail at that rate and are back at once."""
    cause = {"of": "node", "per_1000_days": per_1000_days, "repair": {"reset": 1.0}}
    return {"causes": {"any": cause}, "repairs": QUICK, **more}


def made(failures: dict, days: float = 10.0, nodes: int = NODES, spare_nodes: int = 0, **kind) -> gpusim.Scenario:
    kind = {"check_s": CHECK_S, "load_s": LOAD_S, "checkpoint_interval_s": 0.0, **kind}
    return long_run(8 * nodes, days, failures, spare_nodes, **kind)


def test_the_time_is_that_of_loading():
    """Where nothing is found, tests of 90 s and 300 s of loading are 390 s of loading."""
    failures = failing(100.0, start_check_finds=1.0)
    checked = play(made(failures), 8 * NODES, 3)
    loaded = play(made(failing(100.0), load_s=CHECK_S + LOAD_S, check_s=0.0), 8 * NODES, 3)
    assert len(checked.tables["interruptions"]) > 10
    for name in ("jobs", "ledger", "interruptions"):
        assert checked.tables[name].equals(loaded.tables[name])
    booked = checked.tables["ledger"].groupby("cause", observed=True)["gpu_s"].sum()
    assert booked["loading"] == pytest.approx(8 * NODES * (CHECK_S + LOAD_S))


def test_lemons_go_to_repair_before_work_begins():
    """All that the job would stand on are found at its first check; it starts for good once the last is back."""
    one = made(failing(0.0, start_check_finds=1.0, lemon_share=0.2))
    lemons = draw_lemons(one, 5)
    assert 1 < len(lemons.node) < NODES
    names = {"tenant": ["lab"], "job_class": ["pretraining"]}
    table = JobTable.build(names=names, submit_s=[0.0], gpus=8 * NODES, runtime_s=1000.0)
    result = gpusim.run(one, 5, jobs=table)
    back_s = CHECK_S + lemons.repair_s.max()
    assert result.jobs["end_s"].item() == pytest.approx(back_s + CHECK_S + LOAD_S + 1000.0, rel=1e-12)
    found = result.failures
    assert (found["time_s"] == CHECK_S).all()
    assert (found["cause"] == "lemon").all()
    assert len(found) == len(lemons.node)
    booked = result.ledger.groupby("cause", observed=True)["gpu_s"].sum()
    assert booked["down"] == pytest.approx(8 * lemons.repair_s.sum())
    assert "lost_work" not in booked
    assert check(result) == []


def test_a_spare_takes_the_place_of_a_lemon():
    """As many spare nodes as there are lemons: the job waits for no repair."""
    one = made(failing(0.0, start_check_finds=1.0, lemon_share=0.2), spare_nodes=4)
    one = one.with_({"sites.site.pools.H100.spare_nodes": 4})
    names, looked_at = {"tenant": ["lab"], "job_class": ["pretraining"]}, 0
    table = JobTable.build(names=names, submit_s=[0.0], gpus=8 * NODES, runtime_s=1000.0)
    for seed in range(4, 10):
        n = len(draw_lemons(one, seed).node)
        if 1 <= n <= 4:
            result = gpusim.run(one, seed, jobs=table)
            found_s = result.failures["time_s"].tolist()
            assert set(found_s) <= {CHECK_S * k for k in range(1, n + 1)}
            assert result.jobs["end_s"].item() == pytest.approx(max(found_s) + CHECK_S + LOAD_S + 1000.0)
            looked_at += 1
    assert looked_at > 2


def test_a_lemon_that_is_replaced_fails_as_others_do():
    """Of 100 nodes about 20 fail 10 times as often; once found, all fail alike: what is left of all failures."""
    one = made(failing(200.0, start_check_finds=1.0, lemon_share=0.2), 60.0, 100)
    one = one.with_({"failures.repairs.swap.mean_h": 0.0})
    drawn, lemons = draw_failures(one, 60.0 * DAY_S, 2), draw_lemons(one, 2).node
    of_lemons = int(np.isin(drawn.first_node, lemons).sum())
    expected = len(drawn.time_s) - of_lemons + of_lemons / 10.0
    found = play(one, 800, 2).tables["interruptions"]
    failed = found[found["cause"] == "any"]
    assert of_lemons > 600
    assert len(failed) == pytest.approx(expected, abs=4.0 * math.sqrt(of_lemons * 0.09))
    assert (found["cause"] == "lemon").sum() == 1  # the job is stopped once, for all of them


@pytest.mark.parametrize("case", range(16))
def test_what_repairs_have_left_is_found(case):
    """Nodes that fail, repairs of which some fail, and what these leave would show hours later, or minutes; a check
    finds all that is hidden then."""
    random = np.random.default_rng(case)
    again_h = float(random.choice([0.05, 0.5, 12.0]))
    failures = failing(random.uniform(20.0, 120.0), start_check_finds=1.0, again_h=again_h)
    repair = {"mean_h": random.uniform(0.1, 3.0), "sigma": 0.5, "success": random.uniform(0.3, 0.8)}
    failures["repairs"] = {"reset": repair}
    one = made(failures, 40.0, check_s=random.uniform(10.0, 2000.0))
    result = play(one, 8 * NODES, case)
    table = draw_failures(one, 40.0 * DAY_S, case)
    again = [None if i == NOT_AGAIN else int(i) for i in table.again]
    columns = (table.time_s.tolist(), table.first_node.tolist(), table.repair_s.tolist(), again)
    check_s = one.workload.classes["pretraining"].check_s
    expected = stops_s([Shows(*of) for of in zip(*columns, strict=True)], NODES, check_s, 40.0 * DAY_S)
    stops = result.tables["interruptions"]["time_s"].tolist()
    assert len(stops) > 5
    assert stops == pytest.approx(expected, rel=1e-12)
    unchecked = play(one.with_({"failures.start_check_finds": 0.0}), 8 * NODES, case).tables["interruptions"]
    assert again_h < 12.0 or stops != unchecked["time_s"].tolist()


def test_silent_corruption_is_found_at_the_next_start():
    """Each fault is found at the first check behind it, if not before by itself."""
    silent = {"of": "node", "per_1000_days": 60.0, "found_after_h": 5000.0, "repair": {"reset": 1.0}}
    failures = failing(60.0, start_check_finds=1.0)
    failures["causes"]["silent"] = silent
    one = made(failures, 40.0, checkpoint_interval_s=1800.0)
    found = play(one, 8 * NODES, 1).tables["interruptions"]
    drawn = draw_failures(one, 40.0 * DAY_S, 1)
    after_s = found_after_s(drawn, one.failures.causes, 1)
    starts_s = np.unique([0.0, *found["time_s"]])  # nodes are back at once
    whole = np.append(np.diff(starts_s) > CHECK_S - 1e-6, True)
    checks_s = starts_s[whole] + CHECK_S
    expected, n = set(), 0
    for s, later_s in zip(drawn.time_s[after_s > 0.0], after_s[after_s > 0.0], strict=True):
        at_check_s = checks_s[checks_s > s].min(initial=math.inf)
        n += at_check_s < s + later_s
        expected |= {min(at_check_s, s + later_s)}
    expected = {s for s in expected if s < 40.0 * DAY_S}
    assert n > 5
    assert sorted(set(found.loc[found["cause"] == "silent", "time_s"])) == pytest.approx(sorted(expected))


def test_each_check_finds_its_share():
    """A fault of two nodes is looked for once in each check, and found by the k-th with (1 - p)^(k - 1) p."""
    faults, found = HiddenFaults(0.25, np.random.default_rng(1)), []
    k = 0
    for i in range(4000):
        faults.hide([i, i + 1], lambda i=i: found.append((i, k)))
    for k in range(1, 4):  # noqa: B007
        faults.check(range(4001))
    times = np.bincount([k for _i, k in found], minlength=4)[1:] / 4000
    assert times == pytest.approx([0.25, 0.1875, 0.140625], abs=0.02)


def test_same_bytes(tmp_path):
    one = made(failing(60.0, start_check_finds=0.4, lemon_share=0.2), 20.0)
    first, again = (play(one, 8 * NODES, 2) for _ in range(2))
    assert all(table.equals(again.tables[name]) for name, table in first.tables.items())


def test_faults():
    with pytest.raises(ScenarioError, match="start_check_finds: found 0.5, and no class has check_s"):
        long_run(64, 1.0, failing(1.0, start_check_finds=0.5))
    with pytest.raises(ScenarioError, match="start_check_finds"):
        made(failing(1.0, start_check_finds=1.5))
    with pytest.raises(ScenarioError, match="1 fault\\n"):
        long_run(64, 1.0, failing(1.0, start_check_finds=1.5))
