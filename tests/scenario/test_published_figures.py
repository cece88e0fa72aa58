"""The catalogue beside what was published or measured, in a table of its own: range, source, date."""

from __future__ import annotations

import pytest

import gpusim
from gpusim.scenario.costs import site_mw_usd
from gpusim.scenario.hardware import built_in
from gpusim.scenario.money import Money
from gpusim.scenario.site import Cooling

GPUS = built_in()


def of(name: str, field: str) -> float:
    return GPUS[name][field]


def node_w(name: str, gpu_w: float) -> float:
    """[W] Of a node whose GPUs draw ``gpu_w`` each."""
    return of(name, "node_base_w") + of(name, "gpus_per_node") * gpu_w


def watts(name: str, fraction: str) -> float:
    return of(name, fraction) * of(name, "tdp_w")


# What, ours, least and greatest that was published, where and when.
FIGURES = [
    ("A100 idle [W]", of("A100", "idle_w"), 58, 63, "InternLM/AcmeTrace GPU power, p10 63 W; 2023"),
    ("H100 idle [W]", of("H100", "idle_w"), 69, 76, "readings; 73 W measured without a context, November 2026"),
    ("H200 idle [W]", of("H200", "idle_w"), 75, 85, "api.serialalice.pt, about 80 W; 2025"),
    ("A100 server idle [W]", node_w("A100", 60), 1421, 2520, "AcmeTrace server power, p5 and p50; 2023"),
    ("A100 server at work [W]", node_w("A100", 380), 4284, 4851, "AcmeTrace server power, p75 and p90; 2023"),
    ("H100 node at work [W]", node_w("H100", watts("H100", "compute_fraction")), 7_750, 8_400,
     "76% of 10.2 kW and the highest measured, arXiv 2412.08602; 2025"),
    ("H100 training [W]", watts("H100", "compute_fraction"), 630, 700, "685 W measured, November 2026; POLCA 0.9 to 1"),
    ("H100 stall [W]", watts("H100", "checkpoint_fraction"), 130, 138, "134 W measured, November 2026"),
    ("H100 serving [W]", watts("H100", "serving_fraction"), 440, 720, "decode from batch 32 on, November 2026"),
    ("H200 serving [W]", watts("H200", "serving_fraction"), 300, 593, "api.serialalice.pt, to batch 128; 2025"),
    ("B200 serving [W]", watts("B200", "serving_fraction"), 452, 943, "api.serialalice.pt, batch 1 to 128; 2025"),
    ("DGX H100 rated [kW]", of("H100", "rated_it_w_per_gpu") * 8e-3, 10.2, 10.2, "NVIDIA; 2023"),
    ("GB200 rack [kW]", of("GB200", "rated_it_w_per_gpu") * 72e-3, 120, 132, "datacrunch.io, HPE; 2025"),
    ("GB300 rack [kW]", of("GB300", "rated_it_w_per_gpu") * 72e-3, 138, 142, "about 140 kW; 2025"),
    ("GB300 over H100", of("GB300", "training_speed"), 4.0, 5.0, "MLPerf Training v5.1, over 4 times; November 2025"),
    ("GB300 over GB200", of("GB300", "training_speed") / of("GB200", "training_speed"), 1.0, 2.0,
     "MLPerf Training v5.1, nearly twice; November 2025"),
    ("B300 over B200", of("B300", "training_speed") / of("B200", "training_speed"), 1.0, 2.0, "the same chips"),
    ("H100 list [USD/h]", of("H100", "usd_per_gpu_hour"), 6.15, 6.16, "CoreWeave by kaelresearch.com; February 2026"),
    ("GB200 list [USD/h]", of("GB200", "usd_per_gpu_hour"), 10.5, 10.5, "CoreWeave by kaelresearch.com; February 2026"),
    ("GPU life [years]", Money().gpu_life_years, 3, 6, "CoreWeave 6, Amazon 5 (was 6), Nebius 4, Iris 3; 2025"),
    ("PUE of liquid-cooled halls", Money().pue, 1.05, 1.20, "research-viewer.pages.dev; 2026"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "ours", "least", "greatest", "source"), FIGURES, ids=[row[0] for row in FIGURES])
def test_within_what_was_published(what, ours, least, greatest, source):
    assert least - 1e-9 <= ours <= greatest + 1e-9, (what, source)


def test_no_newer_type_is_slower_or_leaner():
    """In each line of NVIDIA's, the later type trains no slower and costs and draws no less."""
    for line in (["A100", "H100", "H200", "B200", "B300"], ["H200", "GB200", "GB300"]):
        for before, after in zip(line, line[1:], strict=False):
            for field in ("training_speed", "usd_per_gpu_hour", "rated_it_w_per_gpu", "memory_gb", "tdp_w"):
                assert of(after, field) >= of(before, field), (before, after, field)


def test_a_site_costs_9_to_12_million_usd_per_mw():
    """invest-watch.pages.dev, investing.com on Bernstein; 2025."""
    year = gpusim.Scenario.from_toml("seeds/small.toml", {"run.days": 365.0})
    assert 9e6 <= site_mw_usd(year, 1.0) * 15 <= 12e6


# The regions of the built-in climatology from cool to hot and damp: year-round PUE of a full hall.
@pytest.mark.parametrize("region", ["SE-SE1", "DE-LU", "GB", "US-MIDA-PJM", "US-TEX-ERCO", "US-CAL-CISO"])
@pytest.mark.parametrize(("medium", "least", "greatest"), [("air", 1.3, 1.5), ("liquid", 1.05, 1.2)])
def test_pue_of_a_full_hall(region, medium, least, greatest):
    """Air-cooled halls 1.3 to 1.5 (industry 1.54 to 1.58, Uptime, 2025); new liquid-cooled ones 1.05 to 1.20."""
    site = {
        "region": region, "jurisdiction": "X", "grid_mw": 1_000.0, "cooling": {"medium": medium},
        "pools": {"flat": {"gpus": 8_000}}, "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 300.0,
    }  # fmt: skip
    always_on = {
        "tdp_w": 1000.0, "idle_w": 1000.0, "memory_gb": 80.0, "bf16_tflops": 1.0, "gpus_per_node": 8,
        "node_base_w": 2000.0, "rated_it_w_per_gpu": 1250.0, "training_speed": 1.0, "usd_per_gpu_hour": 0.0,
    }  # fmt: skip
    year = {"name": "a hall", "run": {"start": "2025-01-01", "days": 365.0, "record_s": 86_400.0}}
    result = gpusim.run(gpusim.Scenario.from_dict({**year, "gpus": {"flat": always_on}, "sites": {"hall": site}}))
    row = result.sites.iloc[0]
    assert least <= row["energy_facility_j"] / row["energy_it_j"] <= greatest
    assert result.power["pue"].min() >= least


def test_what_goes_with_a_medium():
    """A change of the medium changes all that goes with it; what is given stays; a wrong one is one fault."""
    small = gpusim.Scenario.from_toml("seeds/small.toml")
    there = small.with_({"sites.texas.cooling.supply_c": 26.0}).with_({"sites.texas.cooling.medium": "liquid"})
    assert small.sites["texas"].cooling == Cooling(medium="air")
    assert there.sites["texas"].cooling == Cooling(medium="liquid", supply_c=26.0)
    assert there.with_({"sites.texas.cooling.supply_c": 38.0}).sites["texas"].cooling == Cooling(medium="liquid")
    with pytest.raises(gpusim.errors.ScenarioError) as error:
        small.with_({"sites.texas.cooling.medium": "gas"})
    assert error.value.faults == ['sites.texas.cooling.medium: found "gas"; give one of "air", "hybrid", "liquid"']
