"""Tables of the terminal fit it."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from gpusim.report import compared
from gpusim.report.compared.findings import ComparedRuns
from gpusim.report.console import print_report
from gpusim.report.findings import Findings
from gpusim.report.plans import CONSOLE
from gpusim.report.sections.bottlenecks import BottlenecksSection
from gpusim.report.sections.relief import ReliefSection
from gpusim.report.sweeps.summary import print_summary
from gpusim.report.tables import amount
from gpusim.results.ledger import HELD_BACK
from tests.report.relief_kit import LONG, study
from tests.results.kit import fleet, make
from tests.studies.planning.kit import proposal


def printed(show, *args, width=80) -> str:
    out = io.StringIO()
    show(*args, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def said(section, findings, width=80) -> str:
    return printed(lambda console: print_report(findings, console, [section]), width=width)


def compare(first, second, width=80) -> str:
    runs = ComparedRuns({name: Findings(one) for name, one in (("out/a", first), ("out/b", second))})
    return printed(lambda console: print_report(runs, console, compared.CONSOLE), width=width)


@pytest.mark.parametrize("width", [80, 120])
def test_bottlenecks_fit_and_are_whole(width):
    text = said(BottlenecksSection(), Findings(fleet(9, 48)), width=width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    row = next(line for line in lines if " 1  site" in line)
    assert "GPUs busy" in row
    # Of 704 GPUs asked for, 80 are free: 24 h x 624 GPUs, 24 h x 9 jobs x 624 / 704.
    figures = row.split()[-5:] if width == 80 else [row.split()[i] for i in (-7, -6, -5, -2, -1)]
    assert figures == ["15k", "15k", "0", "191", "89.9k"]
    assert " ".join(HELD_BACK.split()) in " ".join(text.split())
    assert "An attribution" in text
    assert ("of plan " in text) == (width == 120)
    assert "are in the report" in " ".join(text.split())


def test_no_rank_is_left_out_of_the_bottlenecks():
    """GPUs that were absent and that nobody asked for held nothing back: they have their row all the same."""
    pools = {("north", "H100"): {"busy": [0.0], "not_delivered": [500.0], "idle_power": [5.0], "idle_no_demand": [9.0]}}
    text = said(
        BottlenecksSection(), Findings(make(pools, waits=(("north", "H100", 0, "power", 5.0, 5.0),))), width=120
    )
    ranks = [line.split()[0] for line in text.splitlines() if " north " in line]
    assert ranks == ["1", "2", "3"]
    assert "GPUs not delivered" in text


def test_comparison_shows_keys_figures_and_bottlenecks():
    limits = {"limit": 1.0, "steps": [{"at": 0.0, "value": 2}]}
    first = make({("north", "H100"): {"training": [50.0] * 4, "idle_power": [50.0] * 4}}, scenario=limits)
    second = make({("north", "H100"): {"training": [75.0] * 4, "idle_power": [25.0] * 4}}, scenario={"limit": 2.5})
    text = compare(first, second)
    assert max(map(len, text.splitlines())) <= 80
    rows = {tuple(line.split()) for line in text.splitlines()}
    assert text.startswith("A: out/a\nB: out/b\n")
    assert ("limit", "1.0", "2.5") in rows
    assert "[{at = 0.0, value = 2}]" in text and "not set" in text  # noqa: PT018
    assert ("useful", "GPU", "time", "200", "300", "+100", "+50.0%") in rows
    assert ("north", "H100", "power", "limit", "200", "100", "0", "0") in rows


@pytest.mark.parametrize("points", [2, 6])
def test_summary_of_many_measures_is_turned_where_points_are_few(points):
    measures = ["revenue_usd", "free_cash_usd", "carbon_t", "goodput", "contract a late_days"]
    rows = [
        {
            "point": i,
            "policy": f"p{i}",
            "measure": name,
            "n": 9,
            "mean": m,
            "sd": 1.0,
            "low": m - 1.5e8,
            "high": m + 1.5e8,
        }
        for i in range(points)
        for name, m in zip(measures, (3e9 + i * 1e9, -2e9, 4e9, 0.5, float("inf")), strict=True)
    ]
    lines = printed(print_summary, pd.DataFrame(rows), ["policy"], width=100).splitlines()
    assert max(map(len, lines)) <= 100
    if points == 2:  # a row per measure, in its unit
        assert lines[1].split() == ["p0", "p1"]
        row = next(line for line in lines if "revenue" in line)
        assert row.split() == ["revenue", "[billion", "USD]", "3.00", "±", "0.15", "4.00", "±", "0.15"]
        assert next(line for line in lines if "late" in line).split()[:3] == ["a:", "late", "[days]"]
    else:
        assert [line.split()[0] for line in lines if line.strip().startswith("p")] == [
            "policy",
            *(f"p{i}" for i in range(6)),
        ] * 2
        assert not [line for line in lines if "_" in line], "titles are words"
        assert "a: late [days]" in " ".join(" ".join(lines).split())
        assert not any("\u2026" in line for line in lines)


def test_a_measure_keeps_its_unit_where_points_take_several_tables():
    measures = ["jct_mean_s", "makespan_s", "wait_mean_s", *(f"wait_p{q}_s" for q in (50, 90, 95, 99))]
    rows = [
        {
            "point": i,
            "policy": f"policy {i}",
            "measure": name,
            "n": 9,
            "mean": s,
            "sd": 1.0,
            "low": s - 1,
            "high": s + 1,
        }
        for i, s in enumerate([40.0, 50.0, 60.0, 7e3, 8e3, 9e3])
        for name in measures
    ]
    lines = printed(print_summary, pd.DataFrame(rows), ["policy"], width=60).splitlines()
    assert sum("policy 0" in line or "policy 3" in line for line in lines) == 2  # tables
    assert {line.split("[")[1][0] for line in lines if "[" in line} == {"h"}


def test_comparison_of_a_result_with_itself():
    result = make({("north", "H100"): {"training": [50.0] * 4, "idle_power": [50.0] * 4}})
    text = compare(result, result)
    assert "The scenarios and seeds are the same." in text
    assert "No bottleneck changed." in text
    assert not re.search(r"\d%", text)


@pytest.mark.parametrize("width", [1, 40, 60])
def test_a_narrow_terminal_loses_no_column(width: int) -> None:
    result = make({("north", "H100"): {"training": [100.0]}}, jobs=({},))
    wide, narrow = (compare(result, result, width=of) for of in (80, width))
    assert narrow == wide
    assert "useful GPU time" in narrow


@pytest.mark.parametrize("scale", [1e3, 2e6, 7e9, -1e12])
def test_reliefs_keep_their_columns(scale: float) -> None:
    lines = said(ReliefSection(), Findings(fleet(1, 24), study(6, scale, site=LONG))).splitlines()
    assert max(map(len, lines)) <= 80
    heading = next(line for line in lines if "what if" in line)
    assert heading.split()[-2:] == ["GPU-h", "#"]
    assert sum("MW more grid" in line for line in lines) == 6
    assert not any("\u2026" in line for line in lines)


def test_amounts_are_written_to_all_their_digits() -> None:
    values = [16.0, 0.04, 0.1 + 0.2, 1_234_567, np.int64(1000), True, "H100"]
    assert list(map(amount, values)) == ["16", "0.04", "0.3", "1,234,567", "1,000", "True", "H100"]


def test_plans_keep_their_columns() -> None:
    plan = proposal(["power-of-the-grid", "more-gpus", "halls", "links", "quota-of-research"])
    text = printed(lambda console: print_report(plan, console, CONSOLE))
    assert max(map(len, text.splitlines())) <= 80
    assert "\u2026" not in text
    assert text.count("1,000,000,000,000") == 3  # in the verdict, in all, and on the front
