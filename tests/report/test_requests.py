"""The section of services by requests: every sentence and cell true at any scale, every figure readable."""

from __future__ import annotations

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.misses import MISSES
from gpusim.report.drawing import draw_all
from gpusim.report.figures import late, latency, requests
from gpusim.report.figures.palette import STYLE
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.sections.requests import MOST, RequestsSection
from gpusim.results.objectives import kept, known, promised
from gpusim.results.series import Series
from gpusim.studies.replications.replications import Replications
from tests.report.test_console import said
from tests.report.test_figures import check_layout, texts_of
from tests.report.test_page import Page
from tests.results.kit import make
from tests.results.requests_kit import ENTRY, OBJECTIVES, served, simulated


def of(*counts: tuple[str, str, int], **more):
    return served([("north", "us", 0, *count) for count in counts], **more)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("requests")
    _scenario, result = simulated()
    findings = Findings(gpusim.Result(result.manifest, result.tables))
    pictures = draw_all(findings, folder)
    return result, Page(write(findings, folder / "report.html", pictures).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ([], "chat had no requests."),
        ([("under_way", "", 1)], "chat had 1 request, still running at the end and not late yet."),
        ([("under_way", "", 2000)], "chat had 2,000 requests, still running at the end and not late yet."),
        ([("met", "", 1)], "chat met its objectives for 100% of 1 request; the target is 99%."),
        ([("missed", "queue", 1)],
         "chat met its objectives for 0% of 1 request, short of the target of 99%; late: queue at the replica"
         " (100%)."),
        ([("met", "", 982), ("missed", "interference", 12), ("missed", "queue", 6)],
         "chat met its objectives for 98.2% of 1,000 requests, short of the target of 99%; main cause of lateness:"
         " prefill of other requests (1.2%)."),
        ([("met", "", 990), ("missed", "power", 5), ("missed", "queue", 5)],
         "chat met its objectives for 99% of 1,000 requests; the target is 99%; late: power (0.5%) and queue at"
         " the replica (0.5%)."),
        ([("met", "", 4_099_999), *(("missed", name, 1) for name in ("queue", "power", "network"))],
         "chat met its objectives for 99.999927% of 4.1 million requests; the target is 99%; late: network distance"
         " (0.000024%), power (0.000024%) and 1 more cause."),
        ([("met", "", 9), ("failed", "failure", 1)],
         "chat met its objectives for 90% of 10 requests, short of the target of 99%; late: failure (10%);"
         " 1 request failed."),
        ([("met", "", 989_999), ("missed", "alone", 10_001)],
         "chat met its objectives for 98.9999% of 1 million requests, short of the target of 99%; late: too"
         " slow even on an idle replica (1%)."),
    ],
)  # fmt: skip
def test_what_was_kept(counts, sentence):
    assert kept(of(*counts)) == [sentence]


def test_what_was_promised_and_is_known():
    pair = {
        **ENTRY,
        "basis": "pair",
        "runs": 1,
        "source": "someone@1",
        "token_time_low": 0.9996,
        "token_time_high": 1.05,
    }
    result = of(entries=(ENTRY, pair))
    assert promised(result) == [
        "Objectives of chat: a first token within 500 ms and one every 50 ms after it, for 99% of its requests."
    ]
    assert promised(of(objectives=None)) == [
        "Objectives of chat: a first token within 2 s and one every 100 ms after it, for 99% of its requests"
        " (defaults, as the scenario states none)."
    ]
    assert known(result) == [
        "Token times of chat on H100 are from a fit to the runs of all models; four in five measured ones lie within"
        " -18% to +22% of them.",
        "Token times of chat on H100 are from a fit to 1 measured run of this model there (someone@1); four in five"
        " measured ones lie within +0% to +5% of them.",
    ]
    both = ({**pair, "service": "chat"}, {**pair, "service": "code"}, {**pair, "service": "agents"})
    assert known(of(entries=both)) == [
        "Token times of chat, code and agents on H100 are from a fit to 1 measured run of this model there (someone@1);"
        " four in five measured ones lie within +0% to +5% of them."
    ]
    announced = {**ENTRY, "gpu_type": "VR200", "gpu": "announced", "token_time_low": 0.7}
    assert known(of(entries=(announced,))) == [
        "Token times of chat on VR200 are from a fit to the runs of all models; no run on this GPU was measured: four"
        " in five are assumed to lie within -30% to +22% of them."
    ]


def drawn(result, service="chat"):
    series = Series.of(result)
    with mpl.rc_context(STYLE):
        return [
            requests.draw(result, series, service), late.draw(result, series, service), latency.draw(result, service)
        ]  # fmt: skip


LONG = [f"a region with a rather long name, number {i}" for i in range(9)]


ODD = {
    "none": lambda: of(),
    "one": lambda: of(("met", "", 1), ttft_s=(0.1,), token_s=(0.01,)),
    "under way": lambda: of(("under_way", "", 3)),
    "all late": lambda: of(*(("missed", row.name, 5) for row in MISSES), ttft_s=(9.0,) * 50, token_s=(3600.0,)),
    "of any length": lambda: of(
        ("met", "", 100), objectives={**OBJECTIVES, "share": 1.0}, ttft_s=tuple(np.geomspace(1e-6, 1e7, 99))
    ),
    "many places": lambda: served(
        [
            (f"a-site-with-a-long-name-{i % 8}", LONG[i], i, *outcome, 10**i)
            for i, outcome in enumerate([("missed", "kv_memory"), *[("met", ""), ("missed", "batch")] * 4])
        ],
        sites=tuple(f"a-site-with-a-long-name-{i}" for i in range(8)), regions=tuple(LONG), hours=200,
        ttft_s=(0.2, 0.3), token_s=(0.02,),
    ),
}  # fmt: skip


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("case", ODD)
def test_layout(case):
    for figure in drawn(ODD[case]()):
        check_layout(figure)


def test_layout_of_a_run(page):
    for figure in drawn(page[0]):
        check_layout(figure)


def test_empty_panels_say_so():
    shown = [text for figure in drawn(of()) for text, _box in texts_of(figure)]
    for text in ("no request arrived", "no request was over", "no request was late", "no request finished"):
        assert text in shown
    assert "no answer of two tokens or more finished" in shown


def test_what_the_figures_show():
    result = served(
        [
            ("north", "us", 0, "met", "", 3600), ("north", "us", 1, "met", "", 900),
            ("north", "us", 1, "missed", "power", 900),
        ],
        ttft_s=(0.1,) * 98 + (1.0,) * 2,
    )  # fmt: skip
    course, causes, times = drawn(result)
    arrived, in_time, replicas = course.axes
    assert arrived.lines[0].get_ydata().tolist() == [1.0, 0.5, 0.5]  # per second, steps of an hour
    assert arrived.get_ylabel() == "per second"
    assert [line.get_ydata()[0] for line in in_time.lines] == [99.0, 100.0]
    assert in_time.lines[1].get_ydata().tolist() == [100.0, 50.0, 50.0]
    assert replicas.lines[0].get_ydata().tolist() == [2.0, 2.0, 2.0]
    (stacked,) = causes.axes[0].collections
    assert stacked.get_paths()[0].vertices[:, 1].max() == 50.0
    dots = next(line for line in times.axes[0].lines if line.get_marker() == "o")
    assert dots.get_xdata() == pytest.approx([0.1, 1.0], rel=0.02)  # ends of buckets
    titles = [ax.get_title(loc="left") for ax in times.axes]
    assert titles[0] == "Time to first token:\nhalf within 100 ms, 99% within 997 ms"  # of 1 s, within a hundredth
    assert titles[1] == "Time per output token"


def test_rates_of_few_requests_are_told_by_the_hour():
    course, *_rest = drawn(of(("met", "", 2)))
    assert course.axes[0].get_ylabel() == "per hour"
    assert course.axes[0].lines[0].get_ydata().tolist() == [2.0, 0.0, 0.0]


def test_the_section_of_a_page(page):
    result, parsed = page
    text = " ".join(parsed.texts["requests"].split())
    for sentence in (*kept(result), *promised(result), *known(result)):
        assert sentence in text
    named = {attrs.get("id") for tag, attrs in parsed.elements if tag == "figure"}
    assert {"figure-requests_chat", "figure-late_chat", "figure-latency_chat"} <= named
    rows = parsed.tables["requests-places"]
    assert [row[:4] for row in rows[1:]] == [["chat", "texas", "H100", "us"], ["chat", "london", "H100", "uk"]]
    assert {row[1] for row in parsed.tables["requests-causes"][1:]} >= {"queue at the replica", "network distance"}
    assert not re.search(r"\b(nan|inf)\b", text, re.IGNORECASE)


@pytest.fixture(scope="module")
def fluid():
    return simulated(level="fluid")[1]


def test_a_service_whose_tokens_flow(fluid, tmp_path):
    """Its share, its causes and its means; no distribution, and nothing of GPUs that it did not tell."""
    findings = Findings(gpusim.Result(fluid.manifest, fluid.tables))
    for name, figure in RequestsSection().figures(findings).items():
        assert name in ("requests_chat", "late_chat")
        with mpl.rc_context(STYLE):
            check_layout(figure())
    parsed = Page(write(findings, tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Simulated as token flows, estimated from the load of replicas: chat." in parsed.texts["requests"]
    assert {"requests-expected", "requests-causes"} <= set(parsed.tables)
    assert not {"requests-places", "requests-deployments"} & set(parsed.tables)
    assert not re.search(r"\b(nan|inf)\b", parsed.texts["requests"], re.IGNORECASE)


def test_the_lines_of_a_console(page):
    result, _parsed = page
    lines = " ".join(said(RequestsSection(), Findings(result)).split())
    assert lines == " ".join((*kept(result), *known(result)))


@pytest.mark.parametrize("counts", [[], [("under_way", "", 1)], [("met", "", 1)], [("failed", "power", 1)]])
def test_no_cell_says_nan(counts):
    findings = Findings(of(*counts))
    cells = [cell for table in RequestsSection().tables(findings).values() for row in table["rows"] for cell in row]
    assert not re.search(r"\b(nan|inf|none)\b(?! (finished|of))", " ".join(cells), re.IGNORECASE)


def test_a_result_without_such_services_has_no_such_section():
    assert not RequestsSection().applies(Findings(make({("north", "H100"): {"training": [1.0]}})))


def test_of_many_services_those_with_most_requests_are_drawn():
    result = of(("met", "", 1))
    names = [f"s{i}" for i in range(6)]
    for table in ("service_outcomes", "service_demand", "service_replicas", "service_sketch", "services"):
        copies = [result.tables[table].assign(service=name) for name in names]
        if table == "service_outcomes":
            copies = [rows.assign(requests=i + 1) for i, rows in enumerate(copies)]
        result.tables[table] = pd.concat(copies, ignore_index=True)
    result.manifest["scenario"]["services"] = {name: {"objectives": None, "model": {"name": "small"}} for name in names}
    findings = Findings(result)
    assert len(RequestsSection().figures(findings)) == 3 * MOST
    assert RequestsSection().values(findings)["drawn"] == ["s2", "s3", "s4", "s5"]
    assert RequestsSection().values(findings)["left_out"] == 2


def test_services_over_runs_come_before_the_run_that_is_shown() -> None:
    """Where runs differ, the mean and range of all are the answer, and the sentences of one say which it is."""
    _scenario, result = simulated()
    name = next(iter(result.manifest["scenario"]["services"]))
    rows = [("service", name, "", "attainment", value, seed) for seed, value in enumerate((0.85, 0.98, np.nan, 0.96))]
    rows += [("fleet", "", "", "planned_gpu_hours", 1.0, seed) for seed in range(4)]
    columns = ["kind", "name", "cause", "measure", "value", "seed"]
    runs = Replications({"scenario": result.manifest["scenario"]}, pd.DataFrame(rows, columns=columns))
    lines = " ".join(said(RequestsSection(), Findings(result, replications=runs)).split())
    assert lines.startswith(f"Requests that met their objectives, mean and range of 4 runs: {name} 93% (85% to 98%). ")
    assert f"{name} met its objectives in the run with seed {result.manifest['seed']} for " in lines
    alone = " ".join(said(RequestsSection(), Findings(result)).split())
    assert alone.startswith(f"{name} met its objectives for ")
