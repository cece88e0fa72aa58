"""Anchors of power and money, through whole runs of small scenarios."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from gpusim.causes import JOBS, OFFLINE
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.run import run
from gpusim.results.site_power import efficiency
from gpusim.results.tables.record import Record
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, JOULE_PER_MWH
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.cases import SEED, stream

# A GPU type that draws 1,250 W whatever it does: its nodes' idle draw is the whole site's IT power.
_FLAT_GPU = {
    "tdp_w": 1000.0, "idle_w": 1000.0, "memory_gb": 80.0, "bf16_tflops": 1000.0, "gpus_per_node": 8,
    "node_base_w": 2000.0, "rated_it_w_per_gpu": 1250.0, "training_speed": 1.0, "usd_per_gpu_hour": 0.0,
}  # fmt: skip


def flat_year_scenario(pue: float = 1.20) -> Scenario:
    """100 MW of IT power for 8,760 h at a constant price and carbon intensity."""
    return Scenario.from_dict(
        {
            "name": "flat year",
            "run": {"start": "2025-01-01T00:00:00Z", "days": 365.0, "record_s": 30 * DAY_S},
            "gpus": {"flat": _FLAT_GPU},
            "sites": {
                "here": {
                    "region": "DE-LU", "jurisdiction": "EU", "grid_mw": 1000.0,
                    "pools": {"flat": {"gpus": 80_000.0}},
                    "cooling": {
                        "base_overhead": pue - 1.0, "conversion_loss": 0.0, "fixed_fraction": 0.0, "overhead_per_k": 0.0
                    },
                    "price_usd_per_mwh": 50.0, "carbon_g_per_kwh": 334.0,
                }
            },
        }
    )  # fmt: skip


def flat_year(_effort: Effort, result: Record | None = None) -> Iterator[Row]:
    """26: energy, cost and carbon of a constant 100 MW at a PUE of 1.20, then hour by hour."""
    result = result or run(flat_year_scenario(), SEED)
    site = result.sites.iloc[0]
    it_kwh = site["energy_it_j"] / 3.6e6
    figures = [
        ("facility energy [MWh]", 1_051_200.0, site["energy_facility_j"] / JOULE_PER_MWH),
        ("energy cost [USD]", 52_560_000.0, site["cost_usd"]),
        ("carbon [t]", 351_100.8, site["carbon_kg"] / 1000.0),
        ("carbon per IT energy [kg/kWh]", 0.4008, site["carbon_kg"] / it_kwh),
        ("PUE", 1.20, site["energy_facility_j"] / site["energy_it_j"]),
    ]
    for what, expected, ours in figures:
        yield Row(26, f"100 MW for a year: {what}", expected, ours, 1e-9)
    yield from hourly_quarter()


def hourly_quarter(shift_h: int = 0) -> Iterator[Row]:
    """26: a quarter of a year whose price, carbon and weather come from a file, and a sum over its hours.

    The hall is cooled by air: overhead 0.33, and 0.015 for each kelvin of wet bulb above 18 C, with 2% of the rated
    power besides. ``shift_h`` moves the file's hours, for controls.
    """
    hours = np.arange(91 * 24 + 2)
    draw = stream(26, "hours")
    price, carbon = draw.normal(50.0, 60.0, len(hours)), draw.uniform(50.0, 600.0, len(hours))
    wet = 14.0 + 8.0 * np.sin(2 * np.pi * hours / 24.0) + draw.normal(0.0, 2.0, len(hours))
    times = pd.date_range("2025-06-01", periods=len(hours), freq="h") + pd.Timedelta(hours=shift_h)
    columns = {"price_usd_per_mwh": price, "carbon_g_per_kwh": carbon, "dry_bulb_c": wet + 5.0, "wet_bulb_c": wet}
    tables = flat_year_scenario().to_toml_dict()
    tables["run"] = {"start": "2025-06-01", "days": 91.0, "record_s": DAY_S}
    site = tables["sites"]["here"] | {"cooling": {"medium": "air"}}
    del site["price_usd_per_mwh"], site["carbon_g_per_kwh"]
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "hours.csv")
        text = {"time_utc": times.strftime("%Y-%m-%dT%H:%M:%SZ")}
        pd.DataFrame({**text, **columns}).to_csv(path, index=False)
        files = dict.fromkeys(("price_file", "carbon_file", "weather_file"), path)
        scenario = Scenario.from_dict({**tables, "sites": {"here": {**site, **files}}})
        row = run(scenario, SEED).sites.iloc[0]
    mwh = usd = tonnes = 0.0
    for k in range(91 * 24):
        mw = 100.0 * (1.33 + 0.015 * max(0.0, wet[k] - 18.0)) + 0.02 * 100.0
        mwh += mw
        usd += mw * price[k]
        tonnes += mw * carbon[k] / 1000.0
    for what, expected, ours in (
        ("facility energy [MWh]", mwh, row["energy_facility_j"] / JOULE_PER_MWH),
        ("energy cost [USD]", usd, row["cost_usd"]),
        ("carbon [t]", tonnes, row["carbon_kg"] / 1000.0),
    ):
        yield Row(26, f"100 MW at hourly prices: {what}", expected, ours, 1e-9)


def air_hall(_effort: Effort, medium: str = "air") -> Iterator[Row]:
    """39: PUE of a full air-cooled hall in Virginia, from its power table and by what is published.

    Overhead 0.33 and 0.015 for each kelvin by which wet bulb plus 6 K exceed 24 C, and 2% of the rated power. Halls
    cooled by air have a PUE of 1.3 to 1.5 (Uptime Institute by upsite.com, 2025); data centres take 1.8 l of water for
    each kWh of IT on average (sunbirddcim.com).
    """
    tables = flat_year_scenario().to_toml_dict()
    site = tables["sites"]["here"] | {"region": "US-MIDA-PJM", "cooling": {"medium": medium}}
    tables |= {"run": {"start": "2025-01-01", "days": 365.0}, "sites": {"hall": site}}
    result = run(Scenario.from_dict(tables), SEED)
    power = result.power
    wet = power["wet_bulb_c"].to_numpy()
    again = 1.33 + 0.015 * np.maximum(0.0, wet + 6.0 - 24.0) + 0.02
    off = np.count_nonzero(np.abs(power["pue"] - again) > 1e-9)
    yield Row(39, "hours whose PUE is not that of their wet bulb", 0.0, off, 0.0)
    warm = np.count_nonzero(power["pue"] > 1.35 + 1e-9)
    yield Row(39, "hours in which free cooling does not suffice", np.count_nonzero(wet > 18.0), warm, 0.0)
    yield Row(39, "PUE of the year (1.3 to 1.5)", 1.4, power["facility_w"].sum() / power["it_w"].sum(), 0.1 / 1.4)
    wue = efficiency(result)["wue_l_per_kwh"].iloc[0]
    yield Row(39, "WUE of the year, from evaporation [l/kWh]", 1.8, wue, 0.25)


def busy_fleet_scenario() -> Scenario:
    """Two sites, a grid that grows and shrinks, gangs with checkpoints, evictions, a service."""
    return Scenario.from_dict(
        {
            "name": "busy fleet",
            "run": {"start": "2025-07-01T00:00:00Z", "days": 4.0},
            "scheduler": {"preemption": "priority"},
            "sites": {
                "west": {
                    "region": "US-CAL-CISO", "jurisdiction": "US", "oversubscription": 1.3,
                    "grid_mw": [{"at": 0.0, "value": 0.4}, {"at": 1.0, "value": 0.7}, {"at": 2.5, "value": 0.45}],
                    "pools": {
                        "H100": {"gpus": 384.0},
                        "A100": {"gpus": [{"at": 0.0, "value": 64.0}, {"at": 0.5, "value": 128.0}]},
                    },
                    "cooling": {"medium": "liquid"},
                },
                "east": {
                    "region": "DE-LU", "jurisdiction": "EU", "grid_mw": 0.5, "pools": {"H200": {"gpus": 256.0}},
                    "cooling": {"medium": "air", "supply_c": 10.0},
                },
            },
            "tenants": {"lab": {}},
            "workload": {
                "classes": {
                    "training": {
                        "communication_share": 0.3, "checkpoint_interval_s": 1800.0, "checkpoint_write_s": 60.0,
                        "load_s": 120.0,
                    }
                },
                "streams": {
                    "jobs": {
                        "tenant": "lab", "job_class": "training", "jobs_per_day": 700.0, "runtime_median_s": 5400.0,
                        "runtime_sigma": 1.3, "gpus": {"1": 0.5, "8": 0.3, "64": 0.2}, "preemptible": True,
                        "estimate_factor_max": 2.0,
                    }
                },
            },
            "services": {
                "chat": {
                    "tenant": "lab", "gpus_per_replica": 8, "mean_tokens_per_s": 40_000.0, "peak_to_mean": 1.6,
                    "tokens_per_s_per_gpu": {"H100": 600.0, "H200": 800.0},
                    "deployments": [
                        {"site": "west", "gpu_type": "H100"}, {"site": "east", "gpu_type": "H200"},
                    ],
                }
            },
        }
    )  # fmt: skip


def limited_fleet_scenario() -> Scenario:
    """The same with failures, and with A100s whose GPUs, racks and hall carry less than their jobs would draw."""
    limits = {"gpu_w": 350.0, "rack": {"nodes": 4, "kw": 14.0}, "hall": {"nodes": 16, "kw": 52.0}}
    wear = {"per_1000_days": 40.0}
    return busy_fleet_scenario().with_({"sites.west.pools.A100.feeders": limits, "failures.causes.wear": wear})


def busy_fleet(_effort: Effort) -> Iterator[Row]:
    """27: a site's energy is that of its jobs, services, idle nodes and facility; its power stays within the limit."""
    scenario = busy_fleet_scenario()
    worst = dict.fromkeys(scenario.sites, -np.inf)

    def watch(env: FleetEnvironment) -> Generator:
        k = 0
        while True:
            for name, row in zip(scenario.sites, env.fleet.sites, strict=True):
                power_w = row.it_w * row.overhead + row.fixed_w
                worst[name] = max(worst[name], (power_w - row.limit_w) / row.limit_w)
            k += 1
            yield env.at(k * 60.0 + 0.5)  # between the events of whole seconds

    result = run(scenario, SEED, processes=[watch])
    yield from energy_balance(scenario, result)
    yield from jobs_by_phase(scenario, result)
    for name in scenario.sites:
        power = result.power[result.power["site"] == name]
        over = (power["facility_w"] / power["limit_w"] - 1.0).max()
        yield Row(27, f"{name}: power beyond the limit, mean of an hour", 0.0, max(over, 0.0), 1e-9)
        yield Row(27, f"{name}: power beyond the limit, seen every minute", 0.0, max(worst[name], 0.0), 1e-9)
    limited = limited_fleet_scenario()
    yield from energy_balance(limited, run(limited, SEED), "limits below the site, and failures: ")


def energy_balance(scenario: Scenario, result: Record, what: str = "") -> Iterator[Row]:
    """27: for each site the integral of its power, and the sum of what its jobs, GPUs and facility used."""
    for name in scenario.sites:
        power = result.power[result.power["site"] == name]
        integral_j = (power["facility_w"] * (power["end_s"] - power["start_s"])).sum()
        parts_j = _jobs_j(result, name) + _idle_and_serving_j(result, name) + _facility_j(scenario, power, name)
        integral = f"{what}{name}: integral of power [MWh]"
        yield Row(27, integral, parts_j / JOULE_PER_MWH, integral_j / JOULE_PER_MWH, 1e-9)


def _jobs_j(result: Record, site: str) -> float:
    """Energy of the jobs, the idle power of their GPUs included."""
    return result.jobs.loc[result.jobs["site"] == site, "energy_j"].sum()


def _idle_and_serving_j(result: Record, site: str) -> float:
    """Base power of the nodes that are on, idle power of the GPUs that no job holds, and what serving adds."""
    total = 0.0
    ledger = result.ledger[result.ledger["site"] == site]
    for kind, rows in ledger.groupby("gpu_type", observed=True):
        gpu = result.manifest["gpus"][kind]
        gpu_s = rows.groupby("cause", observed=True)["gpu_s"].sum()
        on_s = gpu_s.drop(list(OFFLINE), errors="ignore").sum()
        held_s = gpu_s[gpu_s.index.isin(JOBS)].sum()
        serving_w = max(gpu["serving_fraction"] * gpu["tdp_w"] - gpu["idle_w"], 0.0)
        total += on_s * gpu["node_base_w"] / gpu["gpus_per_node"] + (on_s - held_s) * gpu["idle_w"]
        total += gpu_s.get("serving", 0.0) * serving_w
    return total


# Overhead of the two halls: at any load, above which temperature more, and which temperature that is.
_HALLS = {"west": (0.04 + 0.06, 38.0 - 8.0, "outdoor_c"), "east": (0.04 + 0.29, 10.0 - 6.0, "wet_bulb_c")}


def _facility_j(scenario: Scenario, power: pd.DataFrame, site: str) -> float:
    """Cooling and conversion, hour by hour at the outside temperature, and the part drawn at any load."""
    pools = scenario.sites[site].pools
    rated_w = sum(pool.gpus.peak() * scenario.gpus[kind].rated_it_w_per_gpu for kind, pool in pools.items())
    mild, free_c, column = _HALLS[site]
    extra = mild + 0.015 * np.maximum(0.0, power[column] - free_c)
    span_s = power["end_s"] - power["start_s"]
    return float((extra * power["it_w"] * span_s).sum() + 0.02 * rated_w * span_s.sum())


def jobs_by_phase(scenario: Scenario, result: Record) -> Iterator[Row]:
    """27: energy of the jobs that ran in one piece, from what each of them did: loading, work, checkpoints."""
    jobs = result.jobs[(result.jobs["status"] == "done") & (result.jobs["evictions"] == 0)]
    total_j = 0.0
    for job in jobs.itertuples():
        gpu = result.manifest["gpus"][job.gpu_type]
        held = job.gpus if job.gpus <= 8 else -(-job.gpus // 8) * 8
        work_s = job.runtime_s / gpu["training_speed"]
        writes_s = 60.0 * max(np.ceil(work_s / 1800.0) - 1.0, 0.0)
        phases = (("compute", 0.7 * work_s), ("communication", 0.3 * work_s + 120.0), ("checkpoint", writes_s))
        total_j += held * sum(gpu[f"{name}_fraction"] * gpu["tdp_w"] * span_s for name, span_s in phases)
    what = "jobs that ran in one piece: energy [MWh]"
    yield Row(27, what, total_j / JOULE_PER_MWH, jobs["energy_j"].sum() / JOULE_PER_MWH, 1e-9)
