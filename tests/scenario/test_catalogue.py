"""The hardware catalogue: every figure has its source, and published figures are those that were published."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise

import pytest
from rich.console import Console

from gpusim.report.catalogue import print_hardware, print_policies, print_rules
from gpusim.scenario.hardware import GpuType, built_in, catalog, figures, usual_cooling
from gpusim.scenario.orders import ORDERS
from gpusim.scenario.placements import PLACEMENTS
from gpusim.scenario.site import Cooling

BASES = {"published", "derived", "assumption"}

# TDP [W], memory [GB], dense BF16 [TFLOP/s], GPUs per node, nodes per NVLink domain: NVIDIA and AMD datasheets;
# datacrunch.io and glennklockwood.com for B200, B300 and the NVL72 racks.
PUBLISHED = {
    "A100": (400, 80, 312, 8, 1),
    "H100": (700, 80, 989, 8, 1),
    "H200": (700, 141, 989, 8, 1),
    "B200": (1000, 180, 2250, 8, 1),
    "GB200": (1200, 186, 2500, 4, 18),
    "B300": (1100, 288, 2250, 8, 1),
    "GB300": (1400, 288, 2250, 4, 18),
    "VR200": (1800, 288, 4000, 4, 18),  # assumed but for memory and layout
    "VR300": (3600, 1024, 8000, 8, 18),  # assumed but for memory and layout
    "Feynman": (3600, 1024, 13600, 8, 18),  # assumed
    "MI300X": (750, 192, 1307, 8, 1),
    "L40S": (350, 48, 362.05, 8, 1),
}
# [USD/h] for 8 GPUs (GB200: 4): CoreWeave's list of February 2026, as printed by kaelresearch.com.
LIST_USD = {"A100": 21.60, "H100": 49.24, "H200": 50.44, "B200": 68.80, "GB200": 42.00, "L40S": 18.00}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_published_figures(name: str) -> None:
    gpu = GpuType(**built_in()[name])
    found = (gpu.tdp_w, gpu.memory_gb, gpu.bf16_tflops, gpu.gpus_per_node, gpu.nodes_per_domain)
    assert found == PUBLISHED[name]


def test_every_type_is_checked() -> None:
    assert set(PUBLISHED) == set(built_in())


def test_idle_power() -> None:
    """A100: 58 to 63 W (Acme's distribution of power, p10 63 W); H100: 69 to 76 W; H200: about 80 W."""
    assert 58 <= built_in()["A100"]["idle_w"] <= 63
    assert 69 <= built_in()["H100"]["idle_w"] <= 76
    assert built_in()["H200"]["idle_w"] == 80


def test_rated_power() -> None:
    """DGX H100: 10.2 kW for 8 GPUs. NVL72 racks: 132 kW (GB200, HPE) and about 140 kW (GB300) for 72."""
    assert built_in()["H100"]["rated_it_w_per_gpu"] * 8 == 10_200
    assert built_in()["GB200"]["rated_it_w_per_gpu"] * 72 == pytest.approx(132_000, rel=0.005)
    assert built_in()["GB300"]["rated_it_w_per_gpu"] * 72 == pytest.approx(140_000, rel=0.005)


def test_list_prices() -> None:
    for name, usd in LIST_USD.items():
        gpus = 4 if name == "GB200" else 8
        assert built_in()[name]["usd_per_gpu_hour"] == pytest.approx(usd / gpus, abs=0.006)


def test_derived_figures() -> None:
    """Speeds by BF16 peaks and base power by rated power, but where there is a figure of the type's own."""
    for name, gpu in built_in().items():
        if name not in ("B300", "GB300", "VR200", "VR300", "Feynman"):
            assert gpu["training_speed"] == pytest.approx(gpu["bf16_tflops"] / 989, abs=5e-5), name
        base_w = 0.6 * (gpu["rated_it_w_per_gpu"] - gpu["tdp_w"]) * gpu["gpus_per_node"]
        if name != "A100":
            assert gpu["node_base_w"] == pytest.approx(base_w), name


@pytest.mark.parametrize("row", [*figures(), *figures("cooling")], ids=lambda row: "-".join([*row.values()][:2]))
def test_every_figure_has_unit_basis_source_and_date(row: dict[str, str]) -> None:
    assert row["field"] in (GpuType if "gpu" in row else Cooling).model_fields
    assert row["basis"] in BASES
    assert len(row["source"]) >= 8
    assert row["unit"]
    assert 2020 <= int(row["date"][:4]) <= 2026


def test_every_type_has_every_figure_once() -> None:
    table = catalog()
    assert not table.duplicated(["gpu", "field"]).any()
    of_the_site = {"domains_per_pod", "domain_gb_s", "pod_gb_s", "site_gb_s"}  # its network, which no type has
    of_the_node = {"cpus_per_node", "memory_gb_per_node"}  # limits, of which no type has any
    figures_of_types = frozenset(GpuType.model_fields) - of_the_site - of_the_node
    assert set(table.groupby("gpu")["field"].agg(frozenset)) == {figures_of_types}


def test_every_medium_has_every_figure_once() -> None:
    assert set(usual_cooling()) == {"air", "hybrid", "liquid"}
    assert {frozenset(hall) for hall in usual_cooling().values()} == {
        frozenset(Cooling.model_fields) - {"medium", "rejection", "square_loss", "conversion", "design_c", "design_mw"}
    }
    assert len(figures("cooling")) == sum(map(len, usual_cooling().values()))


def test_units_are_those_of_the_names() -> None:
    endings = {"_w": "W", "_w_per_gpu": "W", "_gb": "GB", "_tflops": "TFLOP/s", "_fraction": "of TDP"}
    for row in figures():
        for ending, unit in endings.items():
            if row["field"].endswith(ending):
                assert row["unit"] == unit, row


def shown(show: Callable, width: int) -> str:
    out = io.StringIO()
    show(Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("show", [print_hardware, print_rules, print_policies])
def test_catalogues_fit_the_terminal(show: Callable, width: int) -> None:
    """And lose nothing: what is too long takes more lines, names stay in one piece."""
    text = shown(show, width)
    assert max(map(len, text.splitlines())) <= width
    assert "\u2026" not in text
    names = {
        print_hardware: [*PUBLISHED, "nodes_per_domain", "silent_corruption", "140*"],  # B200 idle: an assumption
        print_rules: ["eu-minimum-standards", "us-texas-batch-study", "renewable_usd_per_mwh"],
        print_policies: [*ORDERS, *PLACEMENTS],
    }[show]
    assert [name for name in names if name not in text.split()] == []


def test_a_wide_terminal_has_more_types_side_by_side() -> None:
    tables = [shown(print_hardware, width).count("GPU types") for width in (80, 120, 200)]
    assert tables == [3, 2, 1]


def test_generations_come_one_after_the_other() -> None:
    """Dates rise; a year later a GPU trains faster, per watt too, and rents for more, but less per unit of work."""
    types = [built_in()[name] for name in ("A100", "H100", "GB200", "GB300", "VR200", "VR300", "Feynman")]
    for older, newer in pairwise(types):
        assert older["available_year"] < newer["available_year"]
        assert older["training_speed"] < newer["training_speed"]
        per_w = [gpu["training_speed"] / gpu["rated_it_w_per_gpu"] for gpu in (older, newer)]
        assert per_w[0] < per_w[1] * 1.001
        assert older["usd_per_gpu_hour"] < newer["usd_per_gpu_hour"]
    for name in ("VR200", "VR300", "Feynman"):  # prices: GB300's by speed to the power of 0.75
        speed = built_in()[name]["training_speed"] / built_in()["GB300"]["training_speed"]
        for price in ("usd_per_gpu_hour", "market_usd_per_gpu_hour"):
            assert built_in()[name][price] == pytest.approx(built_in()["GB300"][price] * speed**0.75, rel=0.01)
