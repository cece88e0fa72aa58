"""Every figure draws for any fleet, nothing sticks out or overlaps, and nothing is empty without saying so."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gpusim.causes import LOSS_OF_WAIT, REJECTED, WORDS
from gpusim.errors import ResultError
from gpusim.report.drawing import draw as draw_named
from gpusim.report.drawing import draw_all, figures
from gpusim.report.figures import course, headline, matrix, waits
from gpusim.report.figures.palette import COLOURS, STYLE
from gpusim.report.figures.width import NARROW_IN
from gpusim.report.findings import Findings
from gpusim.result import Result
from gpusim.results.bottlenecks import both_sides, greatest
from gpusim.results.series import Series
from tests.results.kit import fleet, make


def texts_of(figure):
    """Visible texts and their boxes on the drawn figure."""
    FigureCanvasAgg(figure).draw()
    renderer = figure.canvas.get_renderer()
    hidden = {text for ax in figure.axes for text in _hidden(ax)}
    texts = [text for text in figure.findobj(mpl.text.Text) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text not in hidden]


def _hidden(ax):
    """Labels of hidden axes and of ticks outside the limits."""
    for axis in (ax.xaxis, ax.yaxis):
        shown = axis.get_visible() and ax.axison
        if not shown:
            yield from axis.findobj(mpl.text.Text)
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.majorTicks, *axis.minorTicks):
            if not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


def check_layout(figure):
    texts = texts_of(figure)
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in texts:
        assert box.x0 >= -1 and box.x1 <= width + 1, f"{text!r} sticks out"  # noqa: PT018
        assert box.y0 >= -1 and box.y1 <= height + 1, f"{text!r} sticks out"  # noqa: PT018
    for (a, box), (b, other) in itertools.combinations(texts, 2):
        across = min(box.x1, other.x1) - max(box.x0, other.x0)
        down = min(box.y1, other.y1) - max(box.y0, other.y0)
        assert across < 2.0 or down < 2.0, f"{a!r} overlaps {b!r}"


def draw(result, module):
    with mpl.rc_context(STYLE):
        if module is headline:
            entries = both_sides(result)
            return headline.draw(result, Series.of(result), entries, greatest(result))
        if module is course:
            return course.draw(result, Series.of(result), both_sides(result), list(result.sites["site"]))
        return module.draw(result)


@pytest.mark.parametrize("module", [headline, matrix, course, waits])
@pytest.mark.parametrize(("sites", "hours"), [(1, 24), (9, 1000), (20, 72)])
def test_layout(module, sites, hours, form):
    figure = draw(fleet(sites, hours), module)
    check_layout(figure)
    if form == "phone":
        assert figure.get_figwidth() == NARROW_IN
        assert min(text.get_fontsize() for text in figure.findobj(mpl.text.Text)) >= 7.0


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("module", [headline, matrix, course])
def test_layout_of_long_names_many_types_and_millions_of_gpus(module):
    kinds = [f"type-{i}" for i in range(8)]
    pools = {
        (f"a-site-with-a-rather-long-name-{site}", kind): {"training": [999_999.0] * 30, "idle_power": [9e5] * 30}
        for site in range(3)
        for kind in kinds
    }
    check_layout(draw(make(pools), module))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (headline, "no GPUs were held back"),
        (waits, "the scenario has no jobs"),
        (course, "no job waited"),
    ],
)
def test_empty_panels_say_so(module, text):
    figure = draw(make({("north", "H100"): {"idle_no_demand": [5.0] * 24}}), module)
    assert text in [found for found, _box in texts_of(figure)]
    check_layout(figure)


def test_the_limit_of_power_is_not_called_the_grids():
    """Generators and batteries on site lift it."""
    figure = draw(make({("north", "H100"): {"idle_no_demand": [5.0] * 24}}), course)
    titles = [found for found, _box in texts_of(figure)]
    assert "Power: IT (dark), cooling and losses (light), limit of all sources (line)" in titles


def test_jobs_that_never_waited():
    figure = draw(make({("north", "H100"): {"training": [5.0] * 24}}, jobs=({}, {})), waits)
    assert "none of 2 jobs waited" in [found for found, _box in texts_of(figure)]


def test_axes_have_names_and_units():
    figure = draw(fleet(2, 240), course)
    assert [ax.get_ylabel() for ax in figure.axes] == ["GPUs", "%", "GPUs", "MW"]
    assert figure.axes[-1].get_xlabel() == "day of the run (day 0: 00:00 UTC on 1 June 2026)"
    assert draw(fleet(1, 24), course).axes[-1].get_xlabel().startswith("hour of the run")


def test_panels_are_thinned():
    figure = draw(fleet(1, 1000), course)
    points = [len(path.vertices) for ax in figure.axes for c in ax.collections for path in c.get_paths()]
    assert max(points) <= 4 * 300 + 10


def test_every_cause_has_a_colour():
    assert set(COLOURS) == set(WORDS) - set(REJECTED)  # which no GPU is booked under


def test_files_and_their_order(tmp_path):
    result = fleet(2, 24)
    paths = draw_all(Findings(result), tmp_path / "figures")
    assert [path.stem for path in paths] == ["headline", "matrix", "fleet", "waits", "site_site-00", "site_site-01"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert [name for name, _figure in figures(Findings(fleet(1, 24)))] == [
        "headline",
        "matrix",
        "waits",
        "site_site-00",
    ]


def test_every_figure_takes_the_place_of_an_axes():
    """Beside another of the user's, as large as by itself: the same texts, none outside of its half."""
    findings = Findings(fleet(2, 48))
    for name, alone in figures(findings):
        width, height = alone.get_size_inches()
        sheet = Figure(figsize=(2 * width, height))
        with mpl.rc_context({"text.parse_math": False}):
            mine, place = sheet.subplots(1, 2, gridspec_kw={"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": 0})
            mine.set_axis_off()
            assert draw_named(findings, name, ax=place) is sheet
        texts, others = texts_of(sheet), texts_of(alone)
        assert sorted(text for text, _box in texts) == sorted(text for text, _box in others), name
        assert min(box.x0 for _text, box in texts) >= sheet.bbox.width / 2 - 1, name
        assert mine in sheet.axes
        assert place not in sheet.axes


def test_an_axes_without_a_grid_is_refused():
    ax = Figure().add_axes((0.0, 0.0, 1.0, 1.0))
    with pytest.raises(ResultError, match="ax: not in a grid; give one from plt.subplots"):
        draw_named(Findings(fleet(1, 24)), "waits", ax=ax)
    assert draw_named(Findings(fleet(1, 24)), "waits") is not ax.figure  # the next is by itself again


def test_the_longest_cause_of_waiting_stays_clear_of_the_curves():
    made = fleet(1, 24)
    job_waits = made.job_waits.assign(cause="not_energised")
    figure = draw(Result(made.manifest, {**made.tables, "job_waits": job_waits}), waits)
    texts_of(figure)
    curves, bars = figure.axes
    names = [label.get_window_extent() for label in bars.get_yticklabels()]
    assert min(box.x0 for box in names) > curves.get_window_extent().x1


def test_hours_and_ticks_of_long_waits_have_room():
    made = fleet(1, 24)
    of_jobs = made.job_waits
    causes = ["not_energised", "busy"]
    assert set(causes) <= set(LOSS_OF_WAIT)
    wait_s = np.geomspace(1.0, 8e6, len(of_jobs))
    job_waits = of_jobs.assign(cause=np.resize(causes, len(of_jobs)), wait_s=wait_s * 742e3 * 3600.0 / wait_s.sum())
    jobs = made.jobs.assign(wait_s=np.geomspace(1.0, 8e6, len(made.jobs)))
    check_layout(draw(Result(made.manifest, {**made.tables, "job_waits": job_waits, "jobs": jobs}), waits))
