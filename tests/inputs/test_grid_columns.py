"""Columns of prices, carbon and weather: known names only, units from the header, values that can be."""

from __future__ import annotations

import pytest

from gpusim.errors import TraceError
from gpusim.inputs.grid import read_grid
from gpusim.inputs.grid.columns import column_of

PRICE, CARBON = "price_usd_per_mwh", "carbon_g_per_kwh"


def read(tmp_path, header, values=(1, 2), first="time"):
    path = tmp_path / "file.csv"
    rows = [f"2023-01-0{1 + i // 24} {i % 24:02}:00:00,{value}" for i, value in enumerate(values)]
    path.write_text("\n".join([f'{first},"{header}"', *rows]) + "\n")
    return read_grid(path)


@pytest.mark.parametrize(
    ("header", "quantity", "factor", "currency"),
    [
        ("price_usd_per_mwh", PRICE, 1.0, "USD"),
        ("Price (USD/kWh)", PRICE, 1000.0, "USD"),
        ("Price (EUR/MWh)", PRICE, 1.0, "EUR"),
        ("Day-ahead Price [EUR/MWh]", PRICE, 1.0, "EUR"),
        ("price_eur_per_mwh", PRICE, 1.0, "EUR"),
        ("price £/MWh", PRICE, 1.0, "GBP"),
        ("spot price (ct/kWh)", PRICE, 10.0, "EUR"),
        ("price_p_per_kwh", PRICE, 10.0, "GBP"),
        ("LMP ($/MWh)", PRICE, 1.0, "USD"),
        ("Price (CHF/MWh)", PRICE, 1.0, "CHF"),
        ("carbon_g_per_kwh", CARBON, 1.0, ""),
        ("MOER_lbs_per_mwh", CARBON, 0.45359237, ""),
        ("MOER (lbs CO2/MWh)", CARBON, 0.45359237, ""),
        ("carbon_intensity (gCO2eq/kWh)", CARBON, 1.0, ""),
        ("Carbon Intensity gCO₂eq/kWh (direct)", CARBON, 1.0, ""),
        ("carbon_gco2_per_kwh", CARBON, 1.0, ""),
        ("carbon intensity [kg/MWh]", CARBON, 1.0, ""),
        ("carbon intensity [kg/kWh]", CARBON, 1000.0, ""),
        ("CO2 intensity (t/MWh)", CARBON, 1000.0, ""),
        ("emission factor (tCO2/GWh)", CARBON, 1.0, ""),
        ("co2 (lb/kWh)", CARBON, 453.59237, ""),
    ],
)
def test_units_of_headers(header, quantity, factor, currency):
    column = column_of(header)
    assert (column.quantity, column.currency) == (quantity, currency)
    assert column.factor == pytest.approx(factor, rel=1e-12)


def test_pounds_of_a_megawatt_hour(tmp_path):
    """1,000 lb/MWh are 453.6 g/kWh."""
    assert read(tmp_path, "MOER_lbs_per_mwh", [1000, 1000]).readings[CARBON].values[0] == pytest.approx(453.59237)


def test_prices_of_a_kilowatt_hour(tmp_path):
    assert read(tmp_path, "price (USD/kWh)", [0.08, 0.09]).readings[PRICE].values == pytest.approx([80.0, 90.0])
    cents = read(tmp_path, "price (ct/kWh)", [8.0, 9.0])
    assert cents.readings[PRICE].values == pytest.approx([80.0 * 1.0530, 90.0 * 1.0813])  # 2022, 2023
    assert cents.notes["times without a zone, taken as Europe/Paris"] == 2


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Demand", "unknown column 'Demand'"),
        ("Demand (MW)", "unknown column"),
        ("load_mw", "unknown column"),
        ("tax (EUR/MWh)", "unknown column"),
        ("carbon", "column 'carbon' has no unit"),
        ("price", "column 'price' has no unit"),
        ("price (EUR/MW)", "unknown unit 'eur/mw'"),
        ("carbon intensity (ton/MWh)", "unknown unit 'ton/mwh'"),
        ("price (cents/kWh)", "unknown unit 'cents/kwh'"),
        ("North", "unknown column"),
        ("MOER (g/J)", "unknown unit 'g/j'"),
    ],
)
def test_other_columns_are_refused(tmp_path, header, message):
    with pytest.raises(TraceError) as error:
        read(tmp_path, header, [41_000, 41_000])
    assert message in str(error.value)
    assert "'carbon_intensity (gCO2/kWh)'" in str(error.value)  # how to name it


@pytest.mark.parametrize(
    ("header", "values", "message"),
    [
        ("Caiso_North", [41_000, 300], "carbon intensities from 300 to 41,000 g/kWh, 1 of 2 beyond what can be"),
        ("carbon_g_per_kwh", [-1, 300], "carbon intensities from -1 to 300"),
        ("price_usd_per_mwh", [50, 60_000], "prices from 50 to 60,000 USD/MWh"),
        ("dry_bulb_c", [68, 70], "air temperatures from 68 to 70 C"),
        ("wet_bulb_c", [280, 290], "wet bulb temperatures from 280 to 290 C"),
    ],
)
def test_values_that_cannot_be(tmp_path, header, values, message):
    with pytest.raises(TraceError) as error:
        read(tmp_path, header, values)
    assert message in str(error.value)


def test_values_that_are_probably_in_another_unit(tmp_path):
    notes = read(tmp_path, "price_usd_per_mwh", [0.08] * 24).notes
    assert notes["price_usd_per_mwh: no value beyond 2 USD/MWh; are they a price for 1 kWh?"] == 24
    notes = read(tmp_path, "carbon_g_per_kwh", [0.4] * 24).notes
    assert notes["carbon_g_per_kwh: no value beyond 2 g/kWh; are they kg/kWh or t/MWh?"] == 24


def test_a_quantity_stands_in_one_column(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text("time_utc,price (USD/MWh),lmp (USD/MWh)\n2023-01-01,1,2\n")
    with pytest.raises(TraceError, match=r"'price \(USD/MWh\)', 'lmp \(USD/MWh\)' are all price_usd_per_mwh"):
        read_grid(path)


def test_area_of_a_publisher_whose_unit_is_assumed(tmp_path):
    file = read(tmp_path, "CAISO_NORTH", [425.0, 432.0])
    assert file.readings[CARBON].values.tolist() == [425.0, 432.0]
    assert file.notes["carbon_g_per_kwh: no unit in the header, taken as g/kWh"] == 2
