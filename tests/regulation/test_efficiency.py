"""German and Irish duties by hand: PUE by opening date and year, heat, renewable electricity, fines."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import gpusim
from gpusim.regulation.efficiency import connection_entries, efficiency_entries, measured
from gpusim.units import DAY_S
from tests.regulation.kit import scenario

ENEFG, IRELAND = "de-enefg", "ie-cru-2025236"
GERMAN = {"region": "DE-LU", "jurisdiction": "EU", "grid_mw": 10.0}


def entries(pue: float, rules: dict | None = None, **site: object) -> list:
    """What the act says of 10 MW of facility power at a PUE from 2026 to 2031."""
    given = scenario(
        [ENEFG], rules={ENEFG: rules or {}}, run={"start": "2026-01-01", "days": 2191.0}, **{**GERMAN, **site}
    )
    power = pd.DataFrame({"start_s": [0.0], "end_s": [2191 * DAY_S], "facility_w": [10e6], "it_w": [10e6 / pue]})
    rule = getattr(given.rules, ENEFG)
    return list(efficiency_entries(ENEFG, rule, given, "here", power, (0.0, 2191 * DAY_S)))


def of(found: list, what: str) -> list[tuple]:
    """(first and last day, limit, fine in thousands) of the entries of a kind."""
    return [(round(e.start_s / DAY_S), round(e.end_s / DAY_S), e.limit, e.usd / 1e3) for e in found if e.what == what]


def test_an_existing_site_has_time_until_2027_and_2030() -> None:
    """PUE 1.4: within 1.5 from July 2027, above 1.3 from July 2030: fined for 2030 and 2031."""
    found = of(entries(1.4, opened="2020-01-01"), "pue")
    assert found == [
        (546, 730, 1.5, 0.0), (730, 1096, 1.5, 0.0), (1096, 1461, 1.5, 0.0), (1461, 1642, 1.5, 0.0),
        (1642, 1826, 1.3, 110.0), (1826, 2191, 1.3, 110.0),
    ]  # fmt: skip


def test_a_new_site_has_two_years() -> None:
    """Opened on 1 October 2026: PUE 1.2 from October 2028 on; one fine a year."""
    found = of(entries(1.25, opened="2026-10-01"), "pue")
    assert [(limit, usd) for _a, _b, limit, usd in found] == [(1.2, 110.0)] * 4
    assert found[0][0] == 273 + 731  # two years of 365.25 days
    assert [usd for *_rest, usd in of(entries(1.2, opened="2026-10-01"), "pue")] == [0.0] * 4


def test_one_fine_a_year_even_if_the_limit_changes_within_it() -> None:
    """PUE 1.6 in 2030: above 1.5 in its first half and above 1.3 in the second."""
    found = entries(1.6, opened="2020-01-01")
    year_2030 = [e for e in found if e.what == "pue" and e.detail.startswith("2030")]
    assert [e.limit for e in year_2030] == [1.5, 1.3]
    assert sum(e.usd for e in year_2030) == 110_000.0


def test_the_draft_relaxes() -> None:
    draft = {"variant": "draft"}
    assert not any(e.binds for e in entries(1.4, draft, opened="2020-01-01") if e.what == "pue")
    assert not any(e.binds for e in entries(1.3, draft, opened="2026-10-01") if e.what == "pue")
    assert of(entries(1.3, draft, opened="2026-10-01"), "heat") == []
    near = entries(1.3, draft, opened="2026-10-01", sustainability={"heat_network_km": 4.9})
    assert {e.limit for e in near if e.what == "heat"} == {0.10}


@pytest.mark.parametrize(
    ("day", "share"), [("2026-06-30", None), ("2026-07-01", 0.10), ("2027-07-01", 0.15), ("2028-08-01", 0.20)]
)
def test_heat_by_opening(day: str, share: float | None) -> None:
    found = [e for e in entries(1.1, opened=day, sustainability={"heat_share": 0.12}) if e.what == "heat"]
    assert {e.limit for e in found} == ({share} if share else set())
    assert all(e.binds == (share > 0.12) for e in found)


def test_renewable_electricity_is_bought() -> None:
    """10 MW for a year are 87,600 MWh (87,840 in 2028); 30% are there; half, then all must be, at 2 USD/MWh."""
    found = [
        e for e in entries(1.1, opened="2020-01-01", sustainability={"renewable_share": 0.3}) if e.what == "renewable"
    ]
    by_year: dict[str, float] = {}
    for e in found:
        by_year[e.detail[:4]] = by_year.get(e.detail[:4], 0.0) + e.usd
    assert by_year["2026"] == pytest.approx(87_600 * 0.2 * 2.0)
    assert by_year["2027"] == pytest.approx(87_600 * 0.7 * 2.0)
    assert by_year["2028"] == pytest.approx(87_840 * 0.7 * 2.0)
    assert not any(e.binds for e in entries(1.1, sustainability={"renewable_share": 1.0}) if e.what == "renewable")


def test_a_run_is_judged_by_what_it_drew() -> None:
    """Fans of 40% and a busy fleet: PUE 1.4 as the table of power says, missed by a site opened in 2026."""
    cooling = {"base_overhead": 0.4, "conversion_loss": 0.0, "fixed_fraction": 0.0, "overhead_per_k": 0.0}
    site = {**GERMAN, "cooling": cooling, "opened": "2026-07-01"}
    result = gpusim.run(scenario([ENEFG], run={"start": "2028-12-25"}, **site))
    rows = result.rules[result.rules["what"] == "pue"]
    assert rows["measured"].to_list() == pytest.approx([1.4, 1.4])
    assert rows["usd"].to_list() == [110_000.0, 110_000.0]
    assert rows["start_s"].to_list() == [0.0, 7 * DAY_S]


def test_measured_counts_intervals_in_part() -> None:
    power = pd.DataFrame(
        {"start_s": [0.0, 3600.0], "end_s": [3600.0, 7200.0], "facility_w": [2e6, 4e6], "it_w": [1e6, 2e6]}
    )
    assert measured(power, 1800.0, 5400.0) == pytest.approx((3.0, 2.0))
    assert measured(power, 9000.0, 9900.0)[0] == 0.0
    assert math.isnan(measured(power, 9000.0, 9900.0)[1])


def test_irish_renewables_glide() -> None:
    """A site opened with 2026: 80% after six years, evenly from 0; the first year by its middle."""
    site = {"region": "IE", "jurisdiction": "EU", "grid_mw": 10.0, "opened": "2026-01-01"}
    given = scenario([IRELAND], run={"start": "2026-01-01", "days": 3287.0}, **site)
    power = pd.DataFrame({"start_s": [0.0], "end_s": [3287 * DAY_S], "facility_w": [10e6], "it_w": [9e6]})
    rule = getattr(given.rules, IRELAND)
    found = list(connection_entries(IRELAND, rule, given, "here", power, (0.0, 3287 * DAY_S)))
    assert [e.limit for e in found] == pytest.approx([0.8 * min(1.0, (k + 0.5) / 6) for k in range(9)], rel=1e-3)
    assert found[0].usd == pytest.approx(87_600 * 0.8 / 12 * 15.0, rel=1e-3)
    old = given.with_({"sites.here.opened": "2025-12-01"})
    assert list(connection_entries(IRELAND, rule, old, "here", power, (0.0, 3287 * DAY_S))) == []
