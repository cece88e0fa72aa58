"""Anchors of the physical world: GPUs, halls and grid that come in stages; data that cross a WAN link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from gpusim.engine.run import run
from gpusim.results.tables.record import Record
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import SEED

MONTH_D = 30.0  # [d] of the ramp

# (last month, GPUs online, causes under which the GPUs delivered by then are booked beside being online)
_RAMP = [
    (3, 8_000, {}),
    (6, 9_411, {"not_energised": 20_000 - 9_411}),
    (10, 20_000, {}),
    (12, 47_058, {"not_housed": 50_000 - 47_058}),
]


def ramp_scenario() -> Scenario:
    """A year in which GPUs, halls and grid grow at different times."""

    def stages(*steps: tuple[int, float]) -> list[dict[str, float]]:
        return [{"at": month * MONTH_D, "value": value} for month, value in steps]

    return Scenario.from_dict(
        {
            "name": "ramp",
            "run": {"start": "2025-01-01T00:00:00Z", "days": 12 * MONTH_D, "record_s": MONTH_D * DAY_S},
            "gpus": {"H100": {"gpus_per_node": 1, "rated_it_w_per_gpu": 1700.0}},
            "sites": {
                "here": {
                    "region": "DE-LU", "jurisdiction": "EU",
                    "grid_mw": stages((0, 20.0), (6, 50.0), (9, 100.0)),
                    "hall_mw": stages((0, 40.0), (8, 80.0)),
                    "pools": {"H100": {"gpus": stages((0, 8_000.0), (3, 20_000.0), (10, 50_000.0))}},
                    "cooling": {
                        "base_overhead": 0.25, "conversion_loss": 0.0, "fixed_fraction": 0.0, "overhead_per_k": 0.0
                    },
                }
            },
        }
    )  # fmt: skip


def ramp(_effort: Effort, result: Record | None = None) -> Iterator[Row]:
    """29: GPUs online are the least of those delivered, housed and powered; what is missing has its one cause."""
    result = result or run(ramp_scenario(), SEED)
    online = result.pools["energised_gpus"].to_numpy()
    absent = result.ledger.pivot_table("gpu_s", "start_s", "cause", "sum", fill_value=0.0) / (MONTH_D * DAY_S)
    first = 0
    for last, expected, booked in _RAMP:
        months = f"months {first} to {last}"
        for what, gpus in (("fewest", online[first:last].min()), ("most", online[first:last].max())):
            yield Row(29, f"{months}: GPUs online, {what}", expected, gpus, 0.0)
        for cause in ("not_housed", "not_energised"):
            mean = absent[cause].iloc[first:last].mean() if cause in absent else 0.0
            yield Row(29, f"{months}: GPUs {cause.replace('_', ' ')}", booked.get(cause, 0.0), mean, 0.0)
        first = last
    yield Row(29, "GPU-months online in a year", 226_349.0, online.sum(), 0.0)


def link_scenario(trace: Path) -> Scenario:
    """Jobs of a trace whose data are in one region, GPUs for all of them in another, 100 Gb/s at 80% between."""
    return Scenario.from_dict(
        {
            "name": "link",
            "run": {"start": "2025-01-01T00:00:00Z", "days": 1.0},
            "sites": {
                "there": {
                    "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 10.0, "pools": {"H100": {"gpus": 64.0}}
                },
                "home": {"region": "DE-LU", "jurisdiction": "EU", "grid_mw": 10.0, "pools": {"A100": {"gpus": 64.0}}},
            },
            "links": {"atlantic": {"between": ["DE-LU", "US-TEX-ERCO"], "gbps": 100.0, "efficiency": 0.8}},
            "workload": {"trace": str(trace), "trace_gpu_types": ["H100"]},
        }
    )  # fmt: skip


def shared_link(_effort: Effort, gigabytes: float = 810.0) -> Iterator[Row]:
    """32: jobs start when their data have crossed a link: alone, and two that share it for a while."""
    cases = {"alone": [(0.0, 81.0)], "two": [(0.0, 122.0), (40.0, 162.0)]}
    with TemporaryDirectory() as folder:
        for name, jobs in cases.items():
            trace = Path(folder) / f"{name}.csv"
            lines = [f"{submit_s},60,8,DE-LU,{gigabytes * 1e9}" for submit_s, _start_s in jobs]
            trace.write_text("\n".join(["submit_s,runtime_s,gpus,home,data_bytes", *lines]), encoding="utf-8")
            result = run(link_scenario(trace), SEED)
            for i, (_submit_s, start_s) in enumerate(jobs):
                yield Row(32, f"{name}: data of job {i + 1} there [s]", start_s, result.jobs["start_s"][i], 0.0)
            waited_s = result.job_waits.loc[result.job_waits["cause"] == "data", "wait_s"].sum()
            expected_s = sum(start_s - submit_s for submit_s, start_s in jobs)
            yield Row(32, f"{name}: waited for data [s]", expected_s, waited_s, 0.0)
