"""Negative controls of bills, calls of the grid and power made on site: each leaves one thing out."""

from gpusim.commerce import bill
from gpusim.engine import meter
from gpusim.validation import acme, curtailment, generation, tariffs
from gpusim.validation.anchor import QUICK
from tests.validation.test_negative_controls import failures


def test_an_agreement_that_never_ends(monkeypatch) -> None:
    """Wind that is paid for beyond its last day: too little bought, too much agreed, and taxes on it; nothing else."""
    honest = bill.contracted_mwh
    monkeypatch.setattr(
        bill, "contracted_mwh", lambda agreement, *rest: honest(agreement.model_copy(update={"until": None}), *rest)
    )
    off = failures(tariffs.bills_of_a_year(QUICK))
    assert set(off) == {
        "100 MW for a year: energy [USD]", "100 MW for a year: agreement wind [USD]", "100 MW for a year: taxes [USD]",
        "the same in all [USD]",
    }  # fmt: skip


def test_a_meter_that_reads_by_the_day(monkeypatch) -> None:
    """The highest mean of a day is less than that of its hottest quarter hour; energy and its worth are the same."""
    honest = meter.Meter

    def by_the_day(env, site, edges_s, *prices):
        return honest(env, site, edges_s[edges_s % 86_400.0 == 0.0], *prices)

    monkeypatch.setattr(meter, "Meter", by_the_day)
    off = failures(tariffs.bills_of_a_year(QUICK))
    assert set(off) == {"by the weather: demand [USD]"}


def test_a_position_that_is_not_settled(monkeypatch) -> None:
    """All power at the price of real time, though some was bought the day before."""
    monkeypatch.setattr(bill, "position_mwh", lambda _day_ahead, read, _start: 0.0 * read["energy_j"])
    off = failures(tariffs.bills_of_a_year(QUICK))
    assert set(off) == {
        "two markets: day ahead [USD]", "two markets: energy [USD]", "two markets, as the day before [USD]",
    }  # fmt: skip


def test_calls_that_nobody_announces(monkeypatch) -> None:
    """Without notice a drain is a limit: jobs are evicted whose ends it had waited for."""
    honest = curtailment.played
    monkeypatch.setattr(curtailment, "played", lambda non_firm: honest({**non_firm, "notice_s": 0.0}))
    off = failures(curtailment.calls(QUICK))
    assert all(what.startswith("drain: ") for what in off)
    assert off["drain: lost_work [GPU-hours]"] == 5.0


def test_calls_without_end(monkeypatch) -> None:
    """A grid that calls for as long as it likes, whatever hours a year were agreed."""
    honest = curtailment.played
    monkeypatch.setattr(curtailment, "played", lambda non_firm: honest({**non_firm, "hours_per_year": 8784.0}))
    off = failures(curtailment.calls(QUICK))
    assert set(off) == {"no hours a year: useful [GPU-hours]", "two hours a year: useful [GPU-hours]"}


def test_spare_engines_that_are_counted_on() -> None:
    """Four engines in place of three and a spare carry 80 GPUs in place of 60."""
    off = failures(generation.gas_or_grid(QUICK, {"spare_units": 0}))
    assert set(off) == {
        f"gas first, then a cheaper grid: {what}"
        for what in ("made on site [MWh]", "gas, maintenance and grid [USD]", "CO2 [kg]")
    }


def test_efficiency_that_is_the_same_at_all_loads() -> None:
    """Engines at full load need the same gas; those at part load less. A battery without losses holds more."""
    off = failures(generation.gas_or_grid(QUICK, {"half_load_efficiency": 0.4}, {"efficiency": 1.0}))
    assert not any(what.startswith("gas first") for what in off)
    assert {"half of a connection: CO2 [kg]", "little lacking: CO2 [kg]"} < set(off)
    assert off["a call with a battery: lost [MWh]"] == 0.0


def test_a_battery_that_is_too_small() -> None:
    """It is empty before the call is over: jobs are evicted."""
    off = failures(generation.gas_or_grid(QUICK, None, {"mwh": 0.05}))
    assert off["a call with a battery: useful [GPU-hours]"] < 1200.0 - 20.0


def test_jobs_that_never_stall() -> None:
    """Nobody draws something in between, three times as many as measured draw all they can, and the mean is off."""
    off = failures(acme.seren(QUICK, 0.0))
    assert off["Seren: mean of a GPU that is held, with stalls [W]"] == 380.0
    assert off["Seren, with stalls: share of GPUs that draw 75 to 350 W"] == 0.0
    assert off["Seren, with stalls: share of GPUs that draw above 350 W"] > 0.5
    assert len(off) == 3
