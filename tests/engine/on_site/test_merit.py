"""The rule of dispatch beside one that gives each watt to the first source that has one, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.engine.on_site.merit import BatteryState, Machines, carry
from gpusim.scenario.on_site import Battery, Generator
from gpusim.units import JOULE_PER_MWH, WATT_PER_MW

SPAN_S = 900.0
ENGINES = {"units": 3, "spare_units": 1, "mw": 20.0, "least_load": 0.25, "fuel_usd_per_mmbtu": 6.0}
BATTERY = {"mw": 30.0, "mwh": 100.0, "efficiency": 0.81}


def machines(**other: object) -> Machines:
    return Machines.of(Generator.model_validate({**ENGINES, **other}))


def store(stored_mwh: float, **other: object) -> BatteryState:
    return BatteryState(Battery.model_validate({**BATTERY, **other}), stored_mwh * JOULE_PER_MWH)


def mw(watt: float) -> float:
    return watt / WATT_PER_MW


def carried(load_mw: float, grid_mw: float, **more: object):
    given = {"connection_w": 100.0 * WATT_PER_MW, "price_usd_per_mwh": 50.0, "grid_w": grid_mw * WATT_PER_MW, **more}
    return carry(load_mw * WATT_PER_MW, SPAN_S, **given)


def watt_by_watt(load: int, grid: int, sun: int, most: list[int], cheap: list[bool], battery: int) -> dict[str, int]:
    """Megawatts of each source, one after the other; machines in the order given, without a least load."""
    found = {"sun": 0, "battery": 0, "grid": 0, **{f"machine {i}": 0 for i in range(len(most))}}
    for left in range(load, 0, -1):  # of the load, the grid takes the last megawatts
        for_sure = [("sun", sun)] + [
            (f"machine {i}", most[i] if cheap[i] or left > grid else 0) for i in range(len(most))
        ]
        sources = [*for_sure, ("battery", battery if left > grid else 0)]
        first = next((name for name, room in sources if found[name] < room), "grid")
        found[first] += 1
    return found


def test_each_megawatt_to_the_first_source_that_has_it() -> None:
    """Random loads, grids and prices: what nobody else may carry comes from the grid, the cheapest engines first."""
    random = np.random.default_rng(5)
    seen = set()
    for _ in range(400):
        load, grid, sun, battery = (int(n) for n in random.integers(0, 130, 4))
        fuels = sorted(random.uniform(2.0, 12.0, 2))
        two = [machines(fuel_usd_per_mmbtu=fuel, least_load=0.0, mw=size) for fuel, size in zip(fuels, (20.0, 7.0))]
        price, full = float(random.uniform(10.0, 120.0)), store(1e6, mw=float(battery or 1), mwh=1e6)
        found = carried(load, grid, price_usd_per_mwh=price, machines=two[::-1], sun_w=sun * 1e6, store=full)
        cheap = [one.usd_per_mwh < price for one in two]
        by_watt = watt_by_watt(load, grid, sun, [40, 14], cheap, battery or 1)
        assert [mw(w) for w in found.made_w[::-1]] == pytest.approx([by_watt["machine 0"], by_watt["machine 1"]])
        assert mw(found.sun_w - found.charged_w) <= sun + 1e-9
        assert mw(found.discharged_w) == pytest.approx(by_watt["battery"])
        assert mw(found.grid_w) == pytest.approx(by_watt["grid"])  # the battery is full: it takes nothing
        seen |= {name for name, given in by_watt.items() if given}
    assert seen == {"sun", "machine 0", "machine 1", "battery", "grid"}


def test_what_is_given_is_what_is_drawn() -> None:
    random = np.random.default_rng(6)
    for _ in range(300):
        held = store(float(random.uniform(0.0, 100.0)), discharge_above_usd_per_mwh=60.0)
        before_j = held.stored_j
        load_mw, grid_mw, sun_mw = random.uniform(0.0, 150.0, 3)
        price = float(random.uniform(0.0, 100.0))
        found = carried(
            load_mw, grid_mw, price_usd_per_mwh=price, machines=[machines()], sun_w=sun_mw * 1e6, store=held
        )
        given_w = found.grid_w + sum(found.made_w) - sum(found.dumped_w) + found.sun_w
        assert mw(given_w + found.discharged_w - found.charged_w) == pytest.approx(load_mw, rel=1e-12)
        assert mw(found.sun_w + found.dark_w) == pytest.approx(sun_mw, rel=1e-12)
        stored_j = (0.9 * found.charged_w - found.discharged_w / 0.9) * SPAN_S
        assert held.stored_j - before_j == pytest.approx(stored_j, abs=1.0)
        assert min(found.grid_w, found.sun_w, found.charged_w, found.discharged_w, *found.dumped_w) >= 0.0
        assert 0.0 <= held.stored_j <= 100.0 * JOULE_PER_MWH


def test_least_load() -> None:
    """An engine that is needed runs at 5 MW at least; one that is only cheap does not, where that would be too much."""
    needed = carried(52.0, 50.0, machines=[machines()])
    assert (mw(needed.made_w[0]), mw(needed.grid_w)) == (5.0, 47.0)
    idle = carried(3.0, 50.0, machines=[machines(fuel_usd_per_mmbtu=1.0)])
    assert (mw(idle.made_w[0]), mw(idle.grid_w)) == (0.0, 3.0)
    alone = carried(3.0, 0.0, machines=[machines()])
    assert (mw(alone.made_w[0]), mw(alone.dumped_w[0]), mw(alone.grid_w)) == (5.0, 2.0, 0.0)
    charged = carried(3.0, 0.0, machines=[machines()], store=store(0.0))  # it takes what would be lost
    assert (mw(charged.dumped_w[0]), mw(charged.charged_w)) == (0.0, 2.0)


def test_a_battery_is_charged_while_the_grid_takes_nothing_back() -> None:
    assert mw(carried(80.0, 100.0, store=store(0.0)).charged_w) == pytest.approx(20.0)
    assert carried(40.0, 50.0, store=store(0.0)).charged_w == 0.0
    assert mw(carried(80.0, 100.0, store=store(98.2)).charged_w) == pytest.approx(8.0)  # 1.8 MWh in a quarter hour
    dear = {"discharge_above_usd_per_mwh": 60.0}
    assert carried(80.0, 100.0, store=store(0.0, **dear)).charged_w == 0.0  # 50 is more than 81% of 60
    assert mw(carried(80.0, 100.0, store=store(50.0, **dear), price_usd_per_mwh=61.0).discharged_w) == 30.0


def test_what_nobody_carries_comes_from_the_grid() -> None:
    assert mw(carried(120.0, 10.0, machines=[machines()]).grid_w) == pytest.approx(80.0)


def test_gas_by_load() -> None:
    """Through both points of the catalogue, in between on a line; two units at half load as one at full and none."""
    one = machines(efficiency=0.4, half_load_efficiency=0.32)
    assert one.fuel_w(20e6) == pytest.approx(20e6 / 0.4)
    assert one.fuel_w(10e6) == pytest.approx(10e6 / 0.32)
    assert one.fuel_w(15e6) == pytest.approx((20e6 / 0.4 + 10e6 / 0.32) / 2.0)
    assert [one.running(made_w) for made_w in (0.0, 20e6, 20.1e6)] == [0, 1, 2]
    assert one.fuel_w(0.0) == 0.0
    assert one.usd_per_mwh == pytest.approx(3.6e9 / 1.05505585262e9 / 0.4 * 6.0 + 9.0)
