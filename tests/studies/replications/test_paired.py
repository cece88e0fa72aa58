"""Scenarios compared under common seeds: against loops over the pairs, and what pairing is for."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from gpusim.report.compared import CONSOLE, REPORT
from gpusim.report.compared.findings import ComparedRuns
from gpusim.report.console import print_report
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.studies.replications.replications import Replications, held_back
from tests.report.test_page import Page
from tests.results.kit import make


def runs(add: float = 0.0, seeds: range = range(6)) -> Replications:
    """Useful GPU-hours that scatter by 100 from seed to seed, and by 1 beside that where ``add`` is not 0."""
    rows = []
    for seed in seeds:
        shared, own = np.random.default_rng(seed).normal(0.0, 100.0), np.random.default_rng(99 + seed).normal()
        useful = 1000.0 + shared + (add + own if add else 0.0)
        rows.append((seed, "fleet", "", "", "useful_gpu_hours", useful))
        rows.append((seed, "fleet", "", "", "planned_gpu_hours", 2000.0))
        rows.append((seed, "pool", "a/H100", "idle_power", "gpu_hours_held_back", 50.0 - add))
        rows.append((seed, "service", "chat", "", "attainment", 0.9 + add / 1000.0))
    table = pd.DataFrame(rows, columns=["seed", "kind", "name", "cause", "measure", "value"])
    return Replications({"scenario": {"name": "by hand"}}, table.assign(run=table["seed"].astype(str)))


def test_pairs_are_those_of_a_seed():
    first, second = runs(), runs(10.0, range(2, 9))
    found = first.paired(second).loc["useful_gpu_hours"]
    values = [one.outcomes[one.outcomes["measure"] == "useful_gpu_hours"].set_index("seed")["value"]
              for one in (first, second)]  # fmt: skip
    each = [values[1][seed] - values[0][seed] for seed in (2, 3, 4, 5)]
    assert found["n"] == 4
    assert found["difference"] == pytest.approx(np.mean(each))
    half = 3.182446 * np.std(each, ddof=1) / 2.0  # Student's t of 3 degrees of freedom
    assert found["high"] - found["difference"] == pytest.approx(half, rel=1e-5)


def test_pairing_finds_what_runs_apart_do_not():
    found = runs().paired(runs(10.0)).loc["useful_gpu_hours"]
    assert found["low"] > 0.0  # 10 of 1,000, where seeds differ by 100


def test_services_have_their_figures():
    assert runs().paired(runs(10.0)).loc["service chat attainment", "difference"] == pytest.approx(0.01)


def test_no_difference_is_none():
    found = runs().paired(runs())
    assert (found[["difference", "low", "high"]] == 0.0).all().all()


def test_what_a_cause_held_back_less():
    row = held_back(runs().outcomes, runs(10.0).outcomes).iloc[0]
    assert (row["cause"], row["place"]) == ("idle_power", "a/H100")
    assert (row["first"], row["second"], row["difference"]) == (50.0, 40.0, -10.0)


def compared(**several: Replications) -> ComparedRuns:
    result = make({("a", "H100"): {"training": [60.0]}})
    return ComparedRuns({name: Findings(result, replications=one) for name, one in several.items()})


@pytest.mark.parametrize("width", [80, 120])
def test_the_console_compares_means_over_the_seeds_of_both(width):
    out = io.StringIO()
    print_report(compared(a=runs(), b=runs(10.0)), Console(file=out, width=width, highlight=False), CONSOLE)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "means over 6 seeds they share" in " ".join(text.split())
    line = next(line for line in text.splitlines() if "useful GPU time [GPU-hours]" in line)
    assert "+" in line
    assert "Measures of the runs" not in text  # one answer


def test_the_page_has_the_means_of_each_that_shares_seeds(tmp_path):
    """Beside it one with other seeds, of which single runs say what there is."""
    found = compared(a=runs(), b=runs(10.0), c=runs(10.0, range(90, 95)), d=runs(20.0, range(3)))
    page = Page(write(found, tmp_path / "compared.html", report=REPORT).read_text(encoding="utf-8"))
    paired = sorted(name for name in page.tables if name.startswith("paired"))
    assert paired == ["paired-held-1", "paired-held-2", "paired-measures-1", "paired-measures-2"]
    assert page.tables["paired-measures-1"][0] == ["measure", "a", "b", "difference", "change"]
    assert page.tables["paired-measures-2"][0][2] == "d"
    row = next(row for row in page.tables["paired-measures-1"] if row[0].startswith("useful GPU time"))
    mean = runs().paired(runs(10.0)).loc["useful_gpu_hours", "difference"]
    assert row[3].startswith(f"+{mean:.2f} \u00b1 ")
    assert page.tables["paired-held-1"][1] == ["a", "H100", "power limit", "50", "40", "-10"]
    assert "6 seeds with b (0 to 5); 3 seeds with d (0 to 2)" in page.texts["paired"]


def test_what_no_pair_shares_is_nowhere(tmp_path):
    page = Page(write(compared(a=runs(), b=runs(1.0, range(90, 95))), tmp_path / "c.html", report=REPORT).read_text())
    assert "paired" not in page.texts
