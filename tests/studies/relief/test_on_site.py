"""Reliefs by generators: one unit more, and earlier ones, with what they cost and what they change."""

import pytest

import gpusim
from gpusim.scenario.scenario import Scenario
from gpusim.studies.relief.constraints import CONSTRAINTS
from tests.regulation.kit import scenario

ENGINES = {"units": 2, "mw": 0.02, "fuel_usd_per_mmbtu": 4.0, "lead_days": 6.0, "ordered": 0.0}


def made(**engines: object) -> Scenario:
    """A site of 100 kW of GPUs with 30 kW from the grid; engines come on the sixth of its ten days."""
    own = {"generators": {"engines": {**ENGINES, **engines}}}
    return scenario([], grid_mw=0.03, on_site=own)


def found(one: Scenario) -> dict:
    tried = [own for constraint in CONSTRAINTS for own in constraint(one, 0.1, 2.0)]
    return {own.constraint: own for own in tried if own.place == "here/engines"}


def test_what_is_tried_and_what_it_changes():
    tried = found(made())
    assert [one.text for one in tried.values()] == [
        "one more unit of engines at here, 0.02 MW", "engines at here 2 days earlier",
    ]  # fmt: skip
    assert tried["units"].usd == pytest.approx(240.0 * 20.0 * 10.0 / 365.25)
    assert tried["units"].scenario(made(), 3.0).sites["here"].on_site.generators["engines"].units == 5
    assert tried["lead_days"].scenario(made()).sites["here"].on_site.generators["engines"].lead_days == 4.0
    assert tried["lead_days"].most == 3.0


def test_engines_that_are_there_or_never_come_cannot_come_earlier():
    assert list(found(made(ordered=-6.0))) == ["units"]
    assert list(found(made(ordered=5.0))) == ["units"]
    assert found(scenario([])) == {}


def test_both_bring_what_the_formula_says():
    """40 kW for four days of ten: two days more are 80 kWd, a unit more 20 kW for four days, in GPU-hours of 1 kW."""
    base = made()
    hours = {
        name: gpusim.run(one, 3).metrics().value["useful_gpu_hours"]
        for name, one in {"base": base, **{name: own.scenario(base) for name, own in found(base).items()}}.items()
    }
    assert hours["lead_days"] - hours["base"] == pytest.approx(40.0 * 2.0 * 24.0, rel=0.02)
    assert hours["units"] - hours["base"] == pytest.approx(20.0 * 4.0 * 24.0, rel=0.02)
