"""Figures of relief studies draw for none, one and many counterfactuals, and say what they cannot show."""

from __future__ import annotations

import dataclasses

import matplotlib as mpl
import numpy as np
import pytest

from gpusim.report.figures import relief_curves, relief_effects, relief_ranking
from gpusim.report.figures.palette import STYLE
from gpusim.report.figures.relief_ranking import BETTER, UNSURE, WORSE
from gpusim.report.figures.width import width_in
from gpusim.report.findings import Findings
from gpusim.report.sections.relief import ReliefSection
from tests.report.relief_kit import LONG, study
from tests.report.test_figures import check_layout, texts_of
from tests.results.kit import fleet


@pytest.fixture(autouse=True)
def _style():
    with mpl.rc_context(STYLE):
        yield


def texts(figure) -> list[str]:
    return [text for text, _box in texts_of(figure)]


def figures(relief):
    """By name, what draws each figure of a study."""
    return ReliefSection().figures(Findings(fleet(1, 24), relief))


@pytest.mark.parametrize(
    "relief",
    [
        study(1),
        study(8, -3000.0),
        study(60, 4e6),
        study(14, 5e4, site=LONG),
        study(5, certain=False),
        study(9, 4e4, site=LONG, measure="wait_p95_s"),
        study(4, 1e-6, measure="goodput"),
    ],
    ids=["one", "losses", "many", "long", "one-run", "waits", "tiny"],
)
@pytest.mark.usefixtures("form")
def test_layout(relief):
    drawn = {name: draw() for name, draw in figures(relief).items()}
    assert list(drawn) == ["relief_ranking", "relief_curves", "relief_effects"]
    for figure in drawn.values():
        check_layout(figure)
        assert figure.get_figwidth() == width_in()


def test_nothing_binds_and_only_rules_bind():
    assert figures(study(0)) == {}
    assert list(figures(study(2, curves=0))) == ["relief_ranking", "relief_effects"]


def test_ranking_has_gains_ledger_and_both_ranks():
    figure = relief_ranking.draw(study(4))
    found = texts(figure)
    assert found.count("not in the ledger") == 1
    assert [text.strip() for text in found if ", #" in text] == ["10, #3", "20, #2", "40, #1"]
    assert "more useful GPU time [GPU-hours]" in found
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [float(dot.get_xdata()[0]) for dot in dots] == pytest.approx([1000.0, 500.0, 0.0, -500.0])
    assert [dot.get_color() for dot in dots] == [BETTER, BETTER, UNSURE, WORSE]
    assert [dot.get_markerfacecolor() for dot in dots] == [BETTER, BETTER, "white", WORSE]


def test_the_first_rows_of_many():
    found = texts(relief_ranking.draw(study(60)))
    assert sum(text.startswith("Gain from one step") and "48 smaller ones left out" in text for text in found) == 1
    assert "12" in found
    assert "13" not in found


def test_less_waiting_is_a_gain():
    assert "less wait of started jobs, 95th percentile [h]" in texts(
        relief_ranking.draw(study(3, 4e4, measure="wait_p95_s"))
    )


def test_gains_that_are_no_number():
    relief = study(3)
    ranking = relief.ranking.assign(gain=[1.0, np.inf, np.nan], low=-np.inf, high=np.inf)
    figure = relief_ranking.draw(dataclasses.replace(relief, ranking=ranking))
    assert texts(figure).count("no finite gain") == 2
    check_layout(figure)


def test_curves_mark_the_knee_and_name_what_comes_next():
    figure = relief_curves.draw(study(4))
    found = [text.replace("\n", " ") for text in texts(figure)]
    first, second, third = (text for text in found if "level off" in text or "rises more slowly" in text)
    slower = "\u25cb 90% of the most at 4 MW more, then rises more slowly"
    assert first == f"{slower} then: GPUs busy, north/H100 (12.3k GPU-hours held back)"
    assert second == slower
    assert third.startswith("does not level off in these runs then: GPUs busy")
    knees = [[line for line in ax.lines if line.get_linestyle() == ":"] for ax in figure.axes]
    assert [len(lines) for lines in knees] == [1, 1, 0]
    assert knees[0][0].get_xdata()[0] == 4.0
    ranges = {ax.get_ylim() for ax in figure.axes}
    assert len(ranges) == 1, "one scale of gains"
    assert [text for text in found if text.startswith("power north")] == [f"power north {i}" for i in range(3)]


def test_a_knee_of_a_gain_that_may_be_none_says_so():
    relief = study(1)
    curves = relief.curves.assign(low=-1.0)
    found = [text.replace("\n", " ") for text in texts(relief_curves.draw(dataclasses.replace(relief, curves=curves)))]
    assert sum("at 4 MW more, then rises more slowly, if it gains at all then: " in text for text in found) == 1


def test_effects_are_relative_and_coloured_where_they_are_certain():
    figure = relief_effects.draw(study(3))
    ax = figure.axes[0]
    heads = [label.get_text().replace("\n", " ") for label in ax.get_xticklabels()]
    assert heads[:2] == ["useful GPU time", "waiting time of jobs"]
    assert len(heads) == 7
    cells = {text.get_position(): text for text in ax.texts}
    # Counterfactual y changes measure k (in the order of the kit) by y - k per cent, +- 2.
    assert cells[0, 2].get_text() == "+2.0%"  # useful GPU-hours, the third counterfactual: its interval begins at 0
    assert cells[0, 0].get_text() == "0%"
    assert cells[1, 1].get_text() == "-1.0%"
    assert cells[5, 1].get_text() == "from 0"
    assert cells[3, 0].get_text() == "-4.0%"  # energy: less is better
    bold = {place for place, text in cells.items() if text.get_fontweight() == "bold"}
    assert (3, 0) in bold
    assert not {(0, 2), (0, 0), (1, 1)} & bold
    boxes = {(round(box.get_x() + 0.47), round(box.get_y() + 0.45)): box.get_facecolor()[:3] for box in ax.patches}
    assert boxes[3, 0] == mpl.colors.to_rgb(BETTER)
    assert boxes[2, 0] == mpl.colors.to_rgb(WORSE)  # service level: -3%
    assert set(boxes) <= bold
