"""The part of a report on relief: the figures and words of the study, and how it is drawn again."""

from __future__ import annotations

import atexit
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from gpusim.cli import cli
from gpusim.report.drawing import draw_all
from gpusim.report.figures import save
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.sections.relief import ReliefSection
from gpusim.results.tables.studies import Relief
from tests.report.relief_kit import LONG, study
from tests.report.test_page import Page
from tests.results.kit import make

RESULT = make({("north", "H100"): {"training": [5.0] * 24, "idle_power": [3.0] * 24}})


@cache
def base_pictures() -> list[Path]:
    """Figures of the result, drawn once."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    return draw_all(Findings(RESULT), Path(folder.name))


def drawn(relief: Relief) -> Iterator[tuple[str, Figure]]:
    """Figures of the study."""
    return ((name, draw()) for name, draw in ReliefSection().figures(Findings(RESULT, relief)).items())


def page(relief: Relief | None, folder: Path) -> Page:
    pictures = base_pictures() + (save(drawn(relief), folder) if relief else [])
    text = write(Findings(RESULT, relief), folder / "report.html", pictures).read_text(encoding="utf-8")
    parsed = Page(text)
    assert not parsed.open
    for tag, attrs in parsed.elements:
        assert tag not in ("link", "iframe", "object")
        assert attrs.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert attrs.get("href", "#").startswith("#")
    return parsed


def names(parsed: Page) -> set[str]:
    return {attrs["id"] for _tag, attrs in parsed.elements if "id" in attrs}


@pytest.fixture(scope="module")
def relief_page(tmp_path_factory) -> Page:
    return page(study(5), tmp_path_factory.mktemp("page"))


def test_it_is_in_the_contents_and_leads_somewhere(relief_page):
    links = [attrs["href"][1:] for tag, attrs in relief_page.elements if tag == "a"]
    assert links[0] == "relief"
    assert set(links) <= names(relief_page)
    assert len(names(relief_page)) == sum("id" in attrs for _tag, attrs in relief_page.elements)


def test_verdict_sentences_and_figures(relief_page):
    assert relief_page.texts["verdict"] == "The <first> gains most."
    # The page leads with it; what the ledger says comes later, and is called an attribution.
    texts = list(relief_page.texts)
    assert texts.index("verdict") < texts.index("relief") < texts.index("ranking") < texts.index("headline")
    assert "by attribution" in relief_page.texts["ranking"]
    assert "held the fleet back" not in relief_page.texts["verdict"]
    text = relief_page.texts["relief"]
    for sentence in ("The bottleneck moved.", "Gains level off at 4 MW.", "would have taken 8 times as many runs"):
        assert sentence in text
    assert {"figure-relief_ranking", "figure-relief_curves", "figure-relief_effects"} <= names(relief_page)
    assert "gpusim relieve scenario.toml --by useful_gpu_hours --step 0.1 --days 2 --budget 90 --seed 7" in text


def test_agreement_is_told(relief_page):
    text = relief_page.texts["relief"]
    assert "The ledger puts power north 4 first, which is #5 by relief;" in text
    assert "relief puts power north 0 first, which is #4 there." in text
    assert "tau 0.25, Spearman's rho 0.50" in text


def test_the_same_first_is_told(tmp_path):
    relief = study(2)
    relief.about["agreement"] = {"top1": True, "kendall": float("nan"), "spearman": float("nan"), "groups": 2}
    text = page(relief, tmp_path).texts["relief"]
    assert "Ledger and relief have the same first: power north 0." in text
    assert "Too few constraints are in both for a rank correlation." in text


def test_ranking_as_a_table(relief_page):
    rows = relief_page.tables["relief-ranking"]
    assert rows[0][2] == "gain: more useful GPU time [GPU-hours]"
    assert rows[1][1:] == [
        "1 MW more grid connection at north",
        "1,000 \u00b1 100",
        "4",
        "500 /GPU",
        "no price",
        "no price",
        "10",
        "4",
    ]
    assert rows[3][2:] == ["250 \u00b1 100", "4", "125 /day", "no price", "no price", *["not in the ledger"] * 2]
    assert rows[5][2:] == ["-500 \u00b1 100", "4", "", "no price", "no price", "50", "1"]
    assert [row[4] for row in relief_page.tables["relief-groups"]][:3] == ["ledger: GPU-hours held back", "10", "20"]


def test_gains_in_a_unit_that_suits_them(tmp_path):
    rows = page(study(2, 36_000.0, measure="wait_p95_s"), tmp_path).tables["relief-ranking"]
    assert rows[0][2] == "gain: less wait of started jobs, 95th percentile [h]"
    assert rows[1][2:5] == ["10.0 \u00b1 1.0", "4", "5 /GPU"]
    assert rows[2][6] == "-0.1"  # -5 h for 50 USD


def test_effects_in_their_units(relief_page):
    rows = relief_page.tables["relief-effects"]
    assert rows[0][1] == "useful GPU time [GPU-hours]"
    assert rows[0][2] == "goodput [%]"
    assert rows[1][:3] == ["as it is", "100", "10,000"]
    assert rows[4][1:3] == ["+2.0 \u00b1 2.0", "+100 \u00b1 200"]


def test_of_many_the_rest_is_counted(tmp_path):
    parsed = page(study(60, site=LONG), tmp_path)
    assert len(parsed.tables["relief-ranking"]) == 26
    assert "Without 35 smaller ones" in parsed.texts["relief"]


def test_one_run_each_has_no_interval(tmp_path):
    parsed = page(study(2, certain=False), tmp_path)
    assert parsed.tables["relief-ranking"][1][2:4] == ["1,000", "1"]
    assert not re.search(r"\b(nan|inf)\b", " ".join(parsed.texts.values()), re.IGNORECASE)


def test_nothing_binds(tmp_path):
    parsed = page(study(0), tmp_path)
    assert parsed.texts["relief"].split() == "What relief would buy The <first> gains most.".split()
    assert not {name for name in names(parsed) if name.startswith("figure-relief")}


def test_a_report_without_a_study_has_no_such_part(tmp_path):
    parsed = page(None, tmp_path)
    assert "relief" not in names(parsed)
    assert "gpusim relieve" in parsed.texts["method"]


def test_drawn_again_from_its_folder(tmp_path):
    folder = tmp_path / "out"
    study(3).save(folder / "relief")
    RESULT.save(folder / "base")
    done = CliRunner().invoke(cli, ["report", str(folder)])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(folder / "report.html")
    assert (folder / "figures" / "relief_ranking.png").exists()
    assert Page((folder / "report.html").read_text(encoding="utf-8")).texts["verdict"] == "The <first> gains most."
    shutil.rmtree(folder / "base")
    assert CliRunner().invoke(cli, ["report", str(folder)]).exit_code == 2
