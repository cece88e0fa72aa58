"""Tenants who rent by the hour: by hand, at the limits, against a naive twin, and conserved."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.book import Book
from gpusim.commerce.market import market
from gpusim.commerce.scarcity import PRICES, SHARES, divided, prices, shares
from gpusim.commerce.statements import statements
from gpusim.errors import CommerceError
from gpusim.units import DAY_S
from tests.commerce.kit import live, scenario
from tests.commerce.test_scarcity import SUPPLIES, line

AMOUNTS = st.floats(0.0, 1e4)


def sold(asked: float, have: list[float], price: list[float], elasticity: float) -> list[float]:
    return divided(np.array([asked]), np.array(have)[:, None], np.array(price), elasticity)[:, 0].tolist()


def test_by_hand() -> None:
    """Attractions 100 and 100 / 4: four fifths and one fifth; then the cheap one is sold out, then both are."""
    assert sold(50.0, [100.0, 100.0], [1.0, 2.0], 2.0) == pytest.approx([40.0, 10.0])
    assert sold(150.0, [100.0, 100.0], [1.0, 2.0], 2.0) == pytest.approx([100.0, 50.0])
    assert sold(500.0, [100.0, 100.0], [1.0, 2.0], 2.0) == pytest.approx([100.0, 100.0])
    # Of 120 the middle one would have 48: it has 30 and is sold out, its 18 go to the others, 3 : 1.
    assert sold(120.0, [30.0, 90.0, 270.0], [1.0, 2.0, 4.0], 2.0) == pytest.approx([30.0, 90 * 4 / 7, 90 * 3 / 7])


def test_limits() -> None:
    assert sold(70.0, [100.0], [3.0], 2.0) == [70.0]  # one provider sells all that is asked for,
    assert sold(170.0, [100.0], [3.0], 2.0) == [100.0]  # or all that it has
    assert sold(90.0, [100.0, 50.0], [1.0, 9.0], 0.0) == pytest.approx([60.0, 30.0])  # price does not matter
    assert sold(90.0, [100.0, 50.0], [1.0, 1e6], 3.0)[1] == pytest.approx(0.0, abs=1e-12)  # too dear
    assert sold(90.0, [100.0, 50.0], [1.0, 1.001], 1e6)[1] == 0.0  # nobody buys dearer
    assert sold(0.0, [100.0, 0.0], [1.0, 1.0], 1.0) == [0.0, 0.0]
    assert sold(9.0, [0.0, 0.0], [1.0, 1.0], 1.0) == [0.0, 0.0]


def twin(asked: float, have: list[float], price: list[float], elasticity: float) -> list[float]:
    """Divide, give back what is too much, divide that among those who still have some, until nobody has too much."""
    got, open_ = [0.0] * len(have), [i for i, gpus in enumerate(have) if gpus > 0.0]
    while open_:
        left = max(asked - sum(got[i] for i in range(len(have)) if i not in open_), 0.0)
        pull = {i: have[i] * (price[i] / min(price)) ** -elasticity for i in open_}
        share = {i: left * pull[i] / sum(pull.values()) for i in open_}
        full = [i for i in open_ if share[i] >= have[i]]
        for i in full or open_:
            got[i] = min(share[i], have[i])
        open_ = [i for i in open_ if i not in full] if full else []
    return got


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    asked=AMOUNTS,
    providers=st.lists(st.tuples(AMOUNTS, st.floats(0.3, 3.0)), min_size=1, max_size=6),
    elasticity=st.floats(0.0, 6.0),
)
def test_as_the_twin_and_conserved(asked: float, providers: list[tuple[float, float]], elasticity: float) -> None:
    have, price = (list(values) for values in zip(*providers, strict=True))
    found = np.array(sold(asked, have, price, elasticity))
    assert found == pytest.approx(np.array(twin(asked, have, price, elasticity)), rel=1e-9, abs=1e-6)
    assert (found <= np.array(have)).all()
    assert found.sum() == pytest.approx(min(asked, sum(have)), rel=1e-9, abs=1e-6)


LETS = {"price": 2.0, "gpus": {"H100": 100.0}, "supplies": {"A100": "vendor"}, "ready_days": 10.0}
MARKET = {
    "spot_share": 0.5,
    "index": {"supplies": {"H100": "vendor"}},
    "demand": {
        "gpus": {"H100": {"at_start": 50.0, "growth_per_year": 1.0}, "A100": {"at_start": 9.0}}, "elasticity": 2.0,
    },
}  # fmt: skip
# The rival received 6 boxes in December, and 2 on 25 January; 7 never came.
REQUESTS = pd.DataFrame(
    [("big", True, "vendor", 6.0, -20 * DAY_S), ("big", True, "vendor", 2.0, 24 * DAY_S),
     ("big", True, "vendor", 7.0, np.nan), ("hall", False, "vendor", 5.0, -20 * DAY_S)],
    columns=["taker", "is_rival", "supply", "units", "received_s"],
)  # fmt: skip


def allocation_of(**changes: object):
    rivals = {"big": {"orders": {"vendor": {"per_month": 1.0}}, "lets": LETS}}
    sc = scenario({}, supplies=SUPPLIES, market=MARKET, rivals=rivals).with_(changes)
    return allocate(Book.of(sc), live(("texas", "H100", 0, 60), ("ohio", "H100", 0, 40), ("ohio", "H100", 15.5, 120)))


def test_shares_of_a_market_by_hand() -> None:
    """Ours are 60 and, at the other site, 40 for half of January, 120 then."""
    found = prices(allocation_of(), line(0.0, 0.0), REQUESTS)
    h100, a100 = (found[found["gpu_type"] == kind] for kind in ("H100", "A100"))
    grown = [50.0 * 2.0 ** (day / 365.25) for day in (0, 31, 59)]
    assert h100["asked_gpus"].tolist() == pytest.approx(grown)
    share = [asked / (have + 25.0) for asked, have in zip(grown, (140.0, 180.0, 180.0), strict=True)]
    assert h100["on_demand_share"].tolist() == pytest.approx(share)
    assert h100["rivals_sold_gpus"].tolist() == pytest.approx([25.0 * part for part in share])
    assert a100["rivals_gpus"].tolist() == [6.0, 6.0, 8.0]  # ready ten days later: in time for March only
    assert a100["rivals_sold_gpus"].tolist() == [6.0, 6.0, 8.0]
    assert (found[~found["gpu_type"].isin(["H100", "A100"])]["asked_gpus"] == 0.0).all()


def test_sold_is_no_more_than_asked_for_and_than_there_is() -> None:
    """GPU-seconds by month; what is not sold on demand is left for spot."""
    allocation = allocation_of()
    table = prices(allocation, line(0.0, 0.0), REQUESTS)
    assert table.columns.tolist() == [*PRICES, *SHARES]
    sold_s = {kind: gpu_s.sum(axis=0) for kind, (gpu_s, _cents) in market(allocation, table).items()}
    months_s = np.diff(allocation.book.months_s)
    left_s = allocation.by_month(allocation.left).sum(axis=0)
    h100 = table[table["gpu_type"] == "H100"]
    assert sold_s["on_demand"] == pytest.approx((h100["asked_gpus"] - h100["rivals_sold_gpus"]).to_numpy() * months_s)
    assert sold_s["spot"] == pytest.approx((left_s - sold_s["on_demand"]) / 2.0)
    hours = sold_s["on_demand"] / 3600.0
    fleet = statements(accounts(allocation), prices=table).fleet_table()
    list_usd = allocation.book.scenario.gpus["H100"].usd_per_gpu_hour
    price_usd = list_usd * h100["on_demand_price_ratio"].to_numpy()
    assert fleet["on_demand_usd"].to_numpy() == pytest.approx(hours * price_usd)


def test_a_dearer_rival_sells_less_and_none_leaves_all_to_us() -> None:
    ours = []
    for changes in ({"rivals.big.lets.price": 0.5}, {}, {"rivals.big.lets.price": 9.0}, {"rivals": {}}):
        found = prices(allocation_of(**changes), line(0.0, 0.0), REQUESTS)
        ours.append(found.loc[found["gpu_type"] == "H100", "on_demand_share"].mean())
    assert ours == sorted(ours)
    assert ours[0] < 0.6 * ours[3]
    alone = [50.0 / 140.0, 50.0 * 2.0 ** (31 / 365.25) / 180.0, 50.0 * 2.0 ** (59 / 365.25) / 180.0]
    assert ours[3] == pytest.approx(np.mean(alone))


def test_what_is_missing_is_said() -> None:
    with pytest.raises(CommerceError, match="market.demand: the requests are missing"):
        prices(allocation_of(), line(0.0, 0.0))
    with pytest.raises(CommerceError, match="requests: columns units missing"):
        shares(allocation_of(), REQUESTS.drop(columns="units"))
