"""Price, carbon and weather of a site from files: the keys, their faults, and what a run makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpusim.engine.run import run
from gpusim.errors import ScenarioError, TraceError
from gpusim.inputs.signals import Signal
from gpusim.scenario.scenario import Scenario

START = "2023-06-01T00:00:00Z"
IDLE_W = 8 * 800.0 + 800.0  # of a node of the GPU type below, whatever it does
NODES = 10


def scenario(days=2.0, start=START, **site) -> Scenario:
    """Ten nodes that draw 72 kW of IT power, always, at a PUE of 1.20 whatever the weather."""
    return Scenario.from_dict(
        {
            "name": "flat load",
            "run": {"start": start, "days": days, "record_s": 86_400.0},
            "gpus": {
                "flat": {
                    "tdp_w": 800.0, "idle_w": 800.0, "memory_gb": 80.0, "bf16_tflops": 1000.0, "gpus_per_node": 8,
                    "node_base_w": 800.0, "rated_it_w_per_gpu": 900.0, "training_speed": 1.0, "usd_per_gpu_hour": 0.0,
                }
            },
            "sites": {
                "here": {
                    "region": "GB", "jurisdiction": "UK", "grid_mw": 10.0, "pools": {"flat": {"gpus": 80.0}},
                    "cooling": {
                        "base_overhead": 0.2, "conversion_loss": 0.0, "fixed_fraction": 0.0, "overhead_per_k": 0.0
                    },
                    **site,
                }
            },
        }
    )  # fmt: skip


def table(path: Path, start=START, hours=49, **columns) -> str:
    times = pd.date_range(start, periods=hours, freq="h").strftime("%Y-%m-%dT%H:%M:%SZ")
    pd.DataFrame({"time_utc": times} | columns).to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ({"price_usd_per_mwh": 50.0, "price_file": "p.csv"}, "price_usd_per_mwh and price_file are both given; keep"),
        ({"carbon_g_per_kwh": 50.0, "carbon_file": "c.csv"}, "carbon_g_per_kwh and carbon_file are both given; keep"),
        ({"typical_year": True}, "typical_year is for files"),
        ({"price_file": ""}, "price_file"),
        ({"prices_file": "p.csv"}, "did you mean 'price_file'"),
    ],
)
def test_one_source_each(site, message):
    with pytest.raises(ScenarioError, match=message):
        scenario(**site)


def test_validation_item_26_by_signals():
    """100 MW of IT power, PUE 1.20, 50 USD/MWh, 334 g/kWh, 8,760 h: D-class anchor, 1e-9."""
    facility_mw, year_h = 100.0 * 1.20, 8760.0
    hourly = np.arange(8760) * 3600.0
    price, carbon = Signal(hourly, np.full(8760, 50.0)), Signal(hourly, np.full(8760, 334.0))
    assert facility_mw * year_h == pytest.approx(1_051_200.0, rel=1e-9)
    assert facility_mw * price.integral(0.0, year_h * 3600.0) / 3600.0 == pytest.approx(52.56e6, rel=1e-9)
    carbon_t = facility_mw * carbon.integral(0.0, year_h * 3600.0) / 3600.0 / 1000.0
    assert carbon_t == pytest.approx(351_100.8, rel=1e-9)
    assert carbon_t * 1000.0 / (100_000.0 * year_h) == pytest.approx(0.4008, rel=1e-9)


def test_bill_of_a_run_is_load_times_the_files(tmp_path):
    """Flat load: cost and carbon are facility power times the integral of what the files say, to 1e-9."""
    price = 50.0 + 10.0 * np.sin(np.arange(49))
    carbon = 300.0 + 100.0 * np.cos(np.arange(49))
    path = table(tmp_path / "mine.csv", price_usd_per_mwh=price, carbon_g_per_kwh=carbon)
    site = run(scenario(price_file=path, carbon_file=path)).sites.iloc[0]
    facility_mw = 1.2 * NODES * IDLE_W / 1e6
    assert site["energy_facility_j"] == pytest.approx(facility_mw * 1e6 * 2 * 86_400.0, rel=1e-9)
    assert site["cost_usd"] == pytest.approx(facility_mw * price[:48].sum(), rel=1e-9)
    assert site["carbon_kg"] == pytest.approx(facility_mw * carbon[:48].sum(), rel=1e-9)


def test_negative_prices_pay(tmp_path):
    path = table(tmp_path / "mine.csv", price_usd_per_mwh=np.full(49, -10.0))
    assert run(scenario(price_file=path)).sites["cost_usd"][0] == pytest.approx(-10.0 * 1.2 * 0.072 * 48, rel=1e-9)


@pytest.mark.parametrize("factor", [0.0, 0.8, 1.5])
def test_a_contract_scales_every_price(tmp_path, factor):
    """Constants, files with prices below zero, and the typical year; the table of power shows what is paid."""
    path = table(tmp_path / "mine.csv", price_usd_per_mwh=np.linspace(-30.0, 50.0, 49))
    for source in ({"price_usd_per_mwh": 40.0}, {"price_file": path}, {}):
        plain, scaled = run(scenario(**source)), run(scenario(price_factor=factor, **source))
        assert scaled.sites["cost_usd"][0] == pytest.approx(factor * plain.sites["cost_usd"][0], rel=1e-12)
        prices = (factor * plain.power["price_usd_per_mwh"]).tolist()
        assert scaled.power["price_usd_per_mwh"].tolist() == pytest.approx(prices, rel=1e-12)
        assert scaled.sites["carbon_kg"].equals(plain.sites["carbon_kg"])


def test_a_forward_curve_scales_the_prices_of_its_time(tmp_path):
    """Half as much again from half past noon of the second day on, whatever the hours of the source."""
    path = table(tmp_path / "mine.csv", price_usd_per_mwh=np.linspace(-30.0, 50.0, 49))
    curve = [{"at": 0.0, "value": 1.0}, {"at": 1.0 + 12.5 / 24.0, "value": 1.5}]
    hourly = {"run.record_s": 3600.0}
    plain = run(scenario(price_file=path).with_(hourly))
    dated = run(scenario(price_file=path, price_factor=curve).with_(hourly))
    hours = plain.power["start_s"] / 3600.0
    factor = np.where(hours < 36.0, 1.0, np.where(hours < 37.0, 1.25, 1.5))
    assert dated.power["price_usd_per_mwh"].tolist() == pytest.approx(
        (factor * plain.power["price_usd_per_mwh"]).tolist()
    )
    assert dated.sites["cost_usd"][0] > plain.sites["cost_usd"][0]


def test_weather_drives_cooling(tmp_path):
    """20 C wet bulb, 6 K approach, 24 C supply: 2 K too warm; at 1.5 % per K the PUE is 1 + 0.03."""
    path = table(tmp_path / "mine.csv", dry_bulb_c=np.full(49, 30.0), wet_bulb_c=np.full(49, 20.0))
    cooling = {"base_overhead": 0.0, "conversion_loss": 0.0, "fixed_fraction": 0.0}
    site = run(scenario(weather_file=path, cooling=cooling)).sites.iloc[0]
    assert site["energy_facility_j"] / site["energy_it_j"] == pytest.approx(1.03, rel=1e-9)


def test_all_three_files_need_no_known_region(tmp_path):
    columns = {"price_usd_per_mwh": 1.0, "carbon_g_per_kwh": 2.0, "dry_bulb_c": 3.0, "wet_bulb_c": 2.0}
    path = table(tmp_path / "mine.csv", **columns)
    files = dict.fromkeys(("price_file", "carbon_file", "weather_file"), path)
    assert run(scenario(region="Atlantis", **files)).sites["cost_usd"][0] > 0.0


def test_paths_count_from_the_working_directory(tmp_path, monkeypatch):
    table(tmp_path / "mine.csv", price_usd_per_mwh=1.0)
    monkeypatch.chdir(tmp_path)
    assert run(scenario(price_file="mine.csv")).sites["cost_usd"][0] > 0.0


def test_faults_name_site_and_key(tmp_path):
    with pytest.raises(TraceError, match=r"sites.here.price_file: .*absent.csv: no such file"):
        run(scenario(price_file=str(tmp_path / "absent.csv")))
    path = table(tmp_path / "mine.csv", hours=47, price_usd_per_mwh=1.0)
    with pytest.raises(TraceError, match="sites.here.price_file: .* covers 2023-06-01 00:00 to 2023-06-02 23:00 UTC"):
        run(scenario(price_file=path))
    with pytest.raises(TraceError, match="sites.here.weather_file: .*no dry_bulb_c in it"):
        run(scenario(weather_file=path))


def test_typical_year(tmp_path):
    """A year of prices, each its hour's number, for a run three years later."""
    path = table(tmp_path / "mine.csv", "2023-01-01T00:00:00Z", 8760, price_usd_per_mwh=np.arange(8760.0))
    site = run(scenario(start="2026-06-01T00:00:00Z", price_file=path, typical_year=True)).sites.iloc[0]
    first = (31 + 28 + 31 + 30 + 31) * 24
    assert site["cost_usd"] == pytest.approx(1.2 * 0.072 * np.arange(first, first + 48).sum(), rel=1e-9)


def test_notes_of_files_are_events(tmp_path):
    path = Path(table(tmp_path / "mine.csv", price_usd_per_mwh=50.0))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5] + lines[8:]))
    events = run(scenario(price_file=str(path))).events
    mine = events[events["kind"] == "input"]
    text = "price_file: price_usd_per_mwh: readings absent in the run's period, the last value held"
    assert mine[["time_s", "site", "detail", "value"]].to_numpy().tolist() == [[0.0, "here", text, 3.0]]


def test_published_files(data_folder):
    """Two German days of 2023 through a run: mean price of the file, in USD, and mean carbon."""
    grid = data_folder / "grid"
    files = {
        "price_file": str(grid / "electricity_prices/processed/DE-LU/2023/DE-LU_electricity_prices_2023.csv.gz"),
        "carbon_file": str(grid / "carbon_intensity/DE-LU/2023/DE-LU_2023_hourly.csv.gz"),
    }
    site = run(scenario(region="DE-LU", **files)).sites.iloc[0]
    merged = pd.read_csv(grid / "merged/DE-LU_2023.csv.gz", index_col=0, parse_dates=True)["2023-06-01":"2023-06-02"]
    facility_mw = 1.2 * 0.072
    assert site["cost_usd"] == pytest.approx(facility_mw * 1.0813 * merged["price_per_mwh"].sum(), rel=1e-9)
    assert site["carbon_kg"] == pytest.approx(facility_mw * merged["carbon_gco2_per_kwh"].sum(), rel=1e-9)
