"""The tables of failures: what the catalogue fills in, what is refused, and the interval of Young and Daly."""

import math
import tomllib
from pathlib import Path

import pytest

from gpusim.errors import ScenarioError
from gpusim.scenario.checkpoints import daly_s, effective_time, mttf_s
from gpusim.scenario.failures import Failures
from gpusim.scenario.scenario import Scenario


@pytest.fixture(scope="module")
def small() -> Scenario:
    """The small seed without its failures."""
    given = tomllib.loads(Path("seeds/small.toml").read_text(encoding="utf-8"))
    del given["failures"]
    return Scenario.from_dict(given)


def test_without_the_table_the_scenario_is_what_it_was(small):
    assert "failures" not in small.to_toml_dict()
    assert small.failures == Failures()
    assert not small.failures.causes


def test_the_mix_of_the_llama3_run(small):
    """All its counts, by GPU and by node, come to 419 in 54 days on 2,048 nodes."""
    failures = small.with_({"failures.mix": "llama3"}).failures
    per_s = failures.rate_per_s("texas", "H100", small.gpus["H100"], 16_384)
    assert per_s * 54 * 86_400 == pytest.approx(419.0, rel=1e-5)
    assert failures.causes["hbm"].of == "gpu"
    assert failures.repairs["swap"].mean_h == 48.0


def test_what_differs_from_the_catalogue_alone_is_kept(small):
    changes = {"failures.mix": "llama3", "failures.causes.hbm.per_1000_days": 1.0, "failures.repairs.swap.mean_h": 3.0}
    changed = small.with_(changes)
    table = changed.to_toml_dict()["failures"]
    assert list(table["causes"]) == ["hbm"]
    assert list(table["repairs"]) == ["swap"]
    again = Scenario.from_dict(changed.to_toml_dict())
    assert again == changed
    assert again.content_hash() == changed.content_hash() != small.content_hash()
    assert again.with_({"failures.factor": 2.0}).failures.causes == changed.failures.causes


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"failures.mix": "lama3"}, "failures.mix: found \"lama3\"; give one of .* .did you mean 'llama3'"),
        (
            {"failures.causes": {"x": {"per_1000_days": 1.0, "repair": {"swop": 1.0}}}},
            "x.repair.swop: unknown name \"swop\" .did you mean 'swap'..; known: reset, reseat, swap, rma",
        ),
        (
            {"failures.causes": {"x": {"per_1000_days": 1.0, "repair": {"swap": 0.0}}}},
            "no weight may be negative, and one must be positive",
        ),
        ({"failures.causes": {"x": {"per_1000_days": 1.0, "sites": ["texs"]}}}, "unknown name \"texs\""),
        ({"failures.causes": {"x": {"per_1000_days": -1.0}}}, "failures.causes.x.per_1000_days: found -1.0"),
        ({"failures": {"causes": {"x": {"per_1000_days": "often"}}}}, "causes.x.per_1000_days: found \"often\""),
        (
            {"sites.texas.pools.H100.spare_nodes": 500},
            "sites.texas.pools.H100.spare_nodes: found 500 spares of 64 nodes; give fewer than all nodes",
        ),
        ({"failures.causes.hbm.per_1000_days": 1.0}, "failures.causes.hbm: no such key"),
        ({"workload.classes.research.checkpoint_interval_s": "daly"}, "young_daly"),
        (
            {"workload.classes.research": {"checkpoint_interval_s": "young_daly"}},
            "checkpoint_write_s against lost work, and that is 0",
        ),
        (
            {"workload.classes.research": {"checkpoint_interval_s": 60.0, "checkpoint_background_s": 90.0}},
            "checkpoint_background_s of 90 is above checkpoint_interval_s of 60",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(small, changes, fault):
    assert "research" in small.workload.classes
    with pytest.raises(ScenarioError, match=fault):
        small.with_(changes)


def test_rates_of_shared_units():
    """A gang is interrupted by each domain and block that it reaches into, and by its site."""
    causes = {
        "rack": {"of": "domain", "per_1000_days": 1.0}, "switch": {"of": "block", "nodes": 4, "per_1000_days": 1.0},
        "outage": {"of": "site", "per_1000_days": 1.0}, "elsewhere": {"per_1000_days": 1.0, "sites": ["moon"]},
    }  # fmt: skip
    gpu = Scenario.from_toml("seeds/small.toml").gpus["GB200"]  # racks of 18 nodes of 4
    failures = Failures.model_validate({"causes": causes})
    assert failures.rate_per_s("earth", "GB200", gpu, 144) * 86_400e3 == pytest.approx(2 + 9 + 1)
    assert failures.rate_per_s("earth", "GB200", gpu, 1) * 86_400e3 == pytest.approx(1 + 1 + 1)


def test_intervals(small):
    """Known values; none without failures."""
    assert daly_s(60.0, 11_134.0) == pytest.approx(1116.2, abs=0.05)
    assert daly_s(60.0, math.inf) == math.inf
    assert daly_s(100.0, 40.0) == 40.0
    assert mttf_s(small, 64) == math.inf
    assert effective_time(1116.2, 60.0, 0.0, 300.0, 11_134.0) == pytest.approx(0.87583, abs=1e-5)
    assert effective_time(900.0, 100.0, 0.0, 0.0, math.inf) == 0.9
    assert math.isnan(effective_time(0.0, 0.0, 0.0, 0.0, 1.0))
