"""Tenants that cut back or default, and who takes the GPUs that they drop."""

from __future__ import annotations

import numpy as np
import pytest

import gpusim
from gpusim.buildout.shocks import drawn
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.cuts import cuts_of, takers
from gpusim.errors import ScenarioError
from gpusim.results.contracts import dropped as sentences
from gpusim.units import DAY_S, HOUR_S
from tests.commerce.kit import live, scenario
from tests.studies.deliveries import kit

FIRST = {"signed": 0.0, "gpus": 10.0, "end": 60.0, "price_usd_per_gpu_hour": 2.0, "take_or_pay": 1.0, "prepayment": 0.0}
NEXT = FIRST | {"tenant": "bank", "signed": 1.0, "gpus": 8.0, "price_usd_per_gpu_hour": 1.0}
CUT = {"at": "2025-01-31", "effect": "demand", "tenant": "lab", "factor": 0.0}  # day 30
MARKET = {"on_demand_share": 0.5, "on_demand_price": 0.25, "spot_share": 0.0}
GPUS = live(("texas", "H100", 0, 14))  # four of eight are missing to the second contract


def divided(shock: dict, days: float = 60):
    """(with the cut, without it): GPUs by contract."""
    given = scenario({"first": FIRST, "next": NEXT}, days, market=MARKET, shocks={"cut": shock})
    book = Book.of(given)
    return allocate(book, GPUS, cuts_of(book, drawn(given, seed=0))), allocate(book, GPUS)


def test_a_default_by_hand() -> None:
    """The next contract gets the four that it lacks, half of the other six is let at 1.54 USD, and three are idle."""
    cut, whole = divided(CUT)
    found = takers(cut, whole).set_index("taker")
    hours = 30 * 24.0
    assert found["gpu_hours"].to_dict() == {
        "first": -10 * hours, "next": 4 * hours, "on_demand": 3 * hours, "spot": 0.0, "idle": 3 * hours,
    }  # fmt: skip
    usd = {"first": -20 * hours, "next": 4 * hours, "on_demand": 3 * 0.25 * 6.16 * hours, "spot": 0.0, "idle": 0.0}
    assert found["usd"].to_dict() == pytest.approx(usd)
    row = cut.departures().iloc[0]
    assert (row["contract"], row["gpus"], row["whole"], row["shock"]) == ("first", 10, True, "cut")
    states = accounts(cut).table().set_index(["contract", "month"])["state"]
    assert states["first", "2025-02"] == "terminated"
    assert (whole.departures().empty, len(cut.terminations)) == (True, 1)


def test_a_cut_leaves_the_rest_in_force_and_the_money_balances() -> None:
    cut, whole = divided(CUT | {"factor": 0.35})
    hours = takers(cut, whole).set_index("taker")["gpu_hours"]
    assert hours["first"] == -7 * 720.0  # it keeps 3.5, of which whole GPUs
    assert hours.sum() == pytest.approx(0.0, abs=1e-9)
    cents = accounts(cut).cents
    gone = sum(cents[name].sum(axis=1) for name in ("billed", "undelivered", "unused", "terminated"))
    assert (cents["signed"].sum(axis=1) - gone == cents["backlog"][:, -1]).all()
    assert cents["terminated"][0].sum() == pytest.approx(7 * 2.0 * 720.0 * 100)
    assert (cut.missing >= 0).all()
    assert not cut.departures()["whole"].any()


def test_what_is_not_signed_yet_or_is_over_is_not_cut() -> None:
    early = scenario({"next": NEXT}, 60, shocks={"cut": CUT | {"tenant": "bank", "at": "2025-01-01"}})
    late = scenario({"next": NEXT}, 90, shocks={"cut": CUT | {"tenant": "bank", "at": "2025-03-15"}})
    other = scenario({"first": FIRST, "next": NEXT}, 60, shocks={"cut": CUT | {"contracts": ["next"]}})
    assert [cuts_of(Book.of(one), drawn(one, 0)) for one in (early, late, other)] == [(), (), ()]


def test_milestones_after_a_default_are_cancelled() -> None:
    steps = [{"at": 0.0, "value": 10.0}, {"at": 45.0, "value": 20.0}]
    given = scenario({"first": FIRST | {"gpus": steps}}, 60, shocks={"cut": CUT})
    book = Book.of(given)
    found = allocate(book, GPUS, cuts_of(book, drawn(given, 0))).milestones()
    assert found["state"].tolist() == ["met", "cancelled"]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"days": 30.0}, "a tenant cuts back for good; remove days"),
        ({"factor": 1.0}, "factor of 1 cuts nothing"),
        ({"tenant": None}, 'effect = "demand" needs tenant'),
        ({"kind": "shell"}, 'kind is not for effect = "demand"'),
        ({"tenant": "lbo"}, 'unknown name "lbo"'),
        ({"contracts": ["third"]}, 'unknown name "third"'),
    ],
)
def test_shocks_that_make_no_sense(more: dict, fault: str) -> None:
    shock = {key: value for key, value in (CUT | more).items() if value is not None}
    with pytest.raises(ScenarioError, match=fault):
        scenario({"first": FIRST, "next": NEXT}, 60, shocks={"cut": shock})


def test_replications_and_a_run_say_who_takes_them() -> None:
    """Of 50 GPUs from day 100 on 40 are the first tenant's, who leaves on day 200 in about half of the replications."""
    contracts = {"one": kit.contract(40, "2025-03-01"), "two": kit.contract(30, "2025-06-01", tenant="bank")}
    shocks = {"leaves": {"at": "2025-07-20", "effect": "demand", "tenant": "lab", "factor": 0.0, "probability": 0.5}}
    given = kit.scenario(
        {"a": kit.project(50, kit.SURE)}, contracts, shocks=shocks, tenants={"lab": {}, "bank": {}},
        workload={"classes": {"use": {}}, "contracted": {"job_class": "use"}}, market=MARKET,
    )  # fmt: skip
    found = gpusim.deliveries(given, 12)
    dropped = found.dropped.set_index("taker")
    hours = 24.0 * 165
    expected = {"one": -40.0, "two": 20.0, "on_demand": 10.0, "spot": 0.0, "idle": 10.0}
    assert dropped["gpu_hours"].to_dict() == pytest.approx({name: n * hours for name, n in expected.items()})
    left = found.contracts.set_index("contract")["left"]
    assert 0.0 < dropped["comes"].iloc[0] == left["one"] < 1.0
    assert left["two"] == 0.0
    (sentence,) = sentences(found)
    # 40 at 2 USD are lost for 3,960 h, 20 of them at 2 USD and 10 at 0.50 USD won.
    assert sentence == (
        f"lab cuts back (leaves) in {left['one']:.0%} of replications: of the 158k GPU-hours that it drops"
        " on average, 50% to two, 25% sold on demand, 25% idle; revenue -139k USD."
    )
    seed = next(s for s in range(12) if drawn(given, s))
    run = gpusim.run(given, seed)
    held = run.jobs[run.jobs["end_s"] > 200 * DAY_S].groupby("tenant")["gpus"].max()
    assert set(held.index) == {"bank", "on_demand"}
    used = (run.jobs["gpus"] * run.jobs["run_s"]).sum() / HOUR_S
    assert used == pytest.approx(run.contract_accounts["used_gpu_hours"].sum() + 10 * hours + 5 * 51 * 24)
    assert np.isclose(run.money_fleet["revenue_usd"].sum(), gpusim.deliveries(given, 1, seed=seed).money["p50_usd"][0])
