"""The page in a real browser: no script fails, tables and charts do what a reader asks of them."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from gpusim.report import compared, policies, sweeps
from gpusim.report.compared.findings import ComparedRuns
from gpusim.report.document import glossary
from gpusim.report.figures.palette import STYLE
from gpusim.report.figures.width import NARROW_IN
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.served.site import serve
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.result import Result
from tests.report.test_sweep_page import kept, spec
from tests.results.kit import fleet

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
HERE = Path(__file__).parent
ERRORS = "<script>window.failed = []; addEventListener('error', (e) => window.failed.push(e.message));</script>"


@pytest.fixture(scope="module")
def browser() -> str:
    found = os.environ.get("GPUSIM_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("needs a Chromium on the path, or its file in GPUSIM_CHROMIUM")
    return found


def dumped(browser: str, address: str, folder: Path, last: str) -> str:
    """A page as it stands once its scripts have run, of which ``last`` comes last; on a busy machine a browser may be
    through with its time before they are, or write nothing."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1100,900", "--virtual-time-budget=15000"]
    for attempt in range(3):
        text = subprocess.run(
            [browser, *options, f"--user-data-dir={folder / f'profile-{attempt}'}", "--dump-dom", address],
            capture_output=True, text=True, timeout=300, check=True, env={**os.environ, "HOME": str(folder)},
        ).stdout  # fmt: skip
        if last in text:
            break
    return text


def look(browser: str, page: Path, reader: str) -> dict:
    """What a reader who clicks, types and zooms finds on a page, as a script here writes it down."""
    text = page.read_text(encoding="utf-8")
    text, end, rest = text.replace("<head>", f"<head>{ERRORS}", 1).rpartition("</body>")
    for script in ("look.js", reader):
        text += f"<script>{(HERE / script).read_text(encoding='utf-8')}</script>"
    copy = page.with_name("read.html")
    copy.write_text(text + end + rest, encoding="utf-8")
    text = dumped(browser, copy.as_uri(), page.parent, '<pre id="seen">')
    found = re.search(r'<pre id="seen">(.*?)</pre>', text, re.DOTALL)
    assert found, text[-2000:]
    return json.loads(html.unescape(found[1]))


@pytest.fixture(scope="module")
def seen(browser, tmp_path_factory) -> dict:
    page = write(Findings(explored(fleet(3, 48))), tmp_path_factory.mktemp("browser") / "report.html")
    return look(browser, page, "reader.js")


def explored(result: Result) -> Result:
    """A result with all that charts can show: two tenants, sites in the US, in Europe and elsewhere."""
    where = ((40.0, -100.0), (50.0, 8.0), (1.3, 103.8))
    sites = {f"site-{i:02d}": {"latitude": lat, "longitude": lon} for i, (lat, lon) in enumerate(where)}
    manifest = {**result.manifest, "scenario": {**result.manifest["scenario"], "sites": sites}}
    tables = {**result.tables}
    for name in ("jobs", "waits"):
        tenants = np.where(np.arange(len(tables[name])) % 2 == 0, "studio", "lab")
        tables[name] = tables[name].assign(tenant=tenants)
    return Result(manifest, tables)


def test_no_script_fails(seen):
    assert seen["failed"] == []


def test_a_table_is_sorted_by_numbers(seen):
    held = [float(text.replace(",", "")) for text in seen["sorted"]]
    assert held == sorted(held)
    assert len(set(held)) > 1


def test_a_search_leaves_what_it_finds(seen):
    assert seen["searched"]
    assert all(seen["word"] in text for text in seen["searched"])
    assert len(seen["searched"]) < len(seen["sorted"])


def test_a_table_is_saved_as_csv(seen):
    heading, *rows = seen["csv"].splitlines()
    assert heading.startswith('"#","site"')
    assert len(rows) == len(seen["sorted"])
    assert all(re.fullmatch(r"\d+", row.split('","')[4]) for row in rows)  # GPU-hours without commas


def test_a_click_on_a_site_filters_charts_and_tables(seen):
    assert set(seen["sites"]) == {seen["clicked"]}
    assert seen["told"] == f"Only {seen['clicked']}."
    assert 0.0 < seen["planned of one"] < seen["planned of all"]


def test_charts_zoom_together(seen):
    first, *others = seen["domains"]
    assert first[1] - first[0] < seen["days"]
    assert all(other == first for other in others)


def test_the_theme_changes_and_charts_with_it(seen):
    assert seen["paper"][0] != seen["paper"][1]
    assert seen["charts in the dark"] == seen["charts in the light"] > 0


def test_show_all_shows_all(seen):
    assert seen["told of all"] == "All sites, tenants and causes; the whole run."
    assert len(set(seen["sites of all"])) == 3
    assert seen["domain of all"] == seen["domain after a double click"] == [0.0, seen["days"]]


def test_a_click_on_a_tenant_filters_what_can_be_told_apart_by_tenant(seen):
    tenant = seen["told of a tenant"].removeprefix("Only ").removesuffix(".")
    assert tenant in ("lab", "studio")
    assert set(seen["tenant"]) == set(seen["tenants waiting"]) == {tenant}
    assert 0 < seen["lanes of a tenant"] < seen["lanes of all"]
    assert seen["note of a table"] == seen["note of a figure"] == "Not filtered by tenant."
    assert seen["note with another table"] == ("Not filtered by tenant. Jobs by day of submission, filtered")
    assert seen["jobs of a tenant"] == [[tenant, 20]]


def test_a_period_zooms_and_sums(seen):
    assert seen["told of a period"] == "Only days 1 to 2."
    assert seen["days of lanes"] == [1.0, 2.0]
    assert 0.0 < seen["hours of a period"] < seen["hours of all"]
    assert seen["used of all"] == pytest.approx(3 * 48 * 1000, rel=0.01)
    assert seen["used of a period"] == pytest.approx(seen["used of all"] / 2, rel=0.01)
    assert seen["energy of all"] == pytest.approx(3 * 48 * 1.25, rel=0.01)
    assert seen["energy of a period"] == pytest.approx(seen["energy of all"] / 2)
    assert seen["jobs of all"] == 40
    assert seen["events of a period"] == [1.0, 1.0, 1.0]


def test_numbers_of_many_days_are_not_passed_off_as_those_of_a_period(seen):
    assert seen["note with rows of many days"] == (
        "Rows that overlap these days; their numbers are for the whole run. GPU-hours held back, filtered"
    )
    assert seen["on paper"] == "Only days 1 to 2."


def test_charts_fit_a_window_that_is_resized_and_keep_what_is_chosen(seen):
    wide, narrow = seen["widths"]
    assert narrow <= 600 < wide
    assert seen["told when narrower"] == f"Only days 1 to 2; {seen['clicked']}."
    assert seen["days when narrower"] == [1.0, 2.0]
    assert set(seen["sites when narrower"]) == {seen["clicked"]}
    assert seen["controls when narrower"][0] == "share of planned"
    assert seen["told of the whole when narrower"] == f"Only {seen['clicked']}."


def test_figures_shrink_with_the_window(seen):
    shown = [(place, inside) for place, inside in seen["figures at 400 px"] if place > 0]  # others are folded away
    assert len(shown) >= 4
    assert all(inside <= place <= 400 for place, inside in shown)


def test_charts_do_not_scroll_on_a_phone(seen):
    """Their titles take more lines instead."""
    room, drawn = seen["charts at 320 px"]
    assert drawn <= room < 320


def test_figures_have_a_form_for_phones(seen):
    """Of which the smallest text, 7 points, is 9 pixels high."""
    assert len(seen["figures of a phone"]) >= 7
    for pixels, shown in seen["figures of a phone"]:
        assert pixels == round(NARROW_IN * STYLE["savefig.dpi"])
        assert 7.0 / 72.0 * STYLE["savefig.dpi"] * shown / pixels >= 9.0


def test_each_chart_is_printed_whole(seen):
    titles = seen["charts on paper"]
    assert {"Held back, by site", "Use of the planned GPUs", "Power [MW]", "Running jobs"} <= set(titles)
    assert len(titles) == len(set(titles)) >= len(seen["sheets"]) >= 9
    assert max(seen["sheets"]) < 700  # of a page
    assert seen["height on paper"] < 1.2 * sum(seen["sheets"])  # nothing else is printed
    assert seen["clips on paper"]
    assert "none" not in seen["clips on paper"]  # a browser clips nothing by what it does not draw
    assert seen["sheets left"] == 0


def test_sites_stand_on_their_maps(seen):
    assert {site for site, _x in seen["map"]} == {"site-00", "site-01", "site-02"}
    assert len({round(x) for _site, x in seen["map"]}) >= 3
    assert seen["land"] > 20


def test_terms_say_what_they_mean(seen):
    terms = {text.casefold(): meaning for text, meaning in seen["terms"]}
    meanings = {term.casefold(): meaning for term, meaning in glossary().items()}
    assert terms
    assert terms.items() <= meanings.items()
    assert len(terms) == len(seen["terms"])  # each once in a section


def test_lanes_of_a_served_page_are_asked_for(browser, tmp_path):
    made = explored(fleet(3, 48))
    folder = made.save(tmp_path / "run")
    write(Findings(made), folder / "report.html")
    with serve(folder, Findings(made), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = ">Lanes of site-00 H100 on these days: 14 jobs.<"
        text = dumped(browser, server.url, tmp_path, told)
        server.shutdown()
    assert told in text
    assert '<a href="/tables/jobs">All tables</a>' in text


def test_runs_side_by_side(browser, tmp_path):
    runs = ComparedRuns(
        {"before": Findings(fleet(2, 48)), "after": Findings(fleet(3, 24)), "later": Findings(fleet(2, 24))}
    )
    seen = look(browser, write(runs, tmp_path / "compared.html", report=compared.REPORT), "reader_compared.js")
    assert seen["failed"] == []
    assert seen["width"] <= 600  # the window was made narrower meanwhile
    assert seen["headings"] == ["measure", "before", "after", "later"]
    run = seen["told"].removeprefix("Only ").removesuffix(".")
    assert seen["headings of one"] == ["measure", run]
    assert set(seen["sites held back"]) == {seen["told of a site"].removeprefix("Only ").removesuffix(".")}
    assert seen["told of a period"] == "Only days 0 to 1."
    assert len(seen["courses"]) == 5
    assert set(seen["courses"].values()) == {3}


@pytest.mark.parametrize("axes", [("queue", "power"), ("policy",)])
def test_a_study_to_explore(browser, axes, tmp_path):
    study = spec(tmp_path / "spec", axes=axes)
    store = kept(study, tmp_path / "store")
    report = sweeps.REPORT if "queue" in axes else policies.REPORT
    page = write(SweepFindings(study, store), tmp_path / "report.html", report=report)
    seen = look(browser, page, "reader_study.js")
    assert seen["failed"] == []
    assert seen["measures"] == ["goodput [%]", "wait of started jobs, 95th percentile [h]"]
    assert seen["means"] != seen["means of another"]
    if "queue" in axes:
        assert seen["views"] == ["means", "differences", "along0", "along1", "trade"]
        assert seen["points"] == 6
        assert seen["told"] == "Only point 1."
        assert seen["points of one"] == ["1"]
    else:
        assert seen["views"] == ["means", "differences", "trade"]
        assert seen["headings"] == ["measure", "fifo", "sjf", "las"]
        assert seen["told"] == "Only sjf."
        assert seen["headings of one"] == ["measure", "sjf"]
        method = seen["method"]
        assert "corrected for the number of policies" in method
        assert "share of the variance" not in method  # no index is shown
