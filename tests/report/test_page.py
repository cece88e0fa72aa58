"""The report is one whole page: nothing from outside, every figure there, numbers as in the tables."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gpusim.report.drawing import draw_all
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.pictures import in_few_colours
from gpusim.report.sections.energy import ECONOMICS
from gpusim.report.tables import cells
from gpusim.results.bottlenecks import headline
from tests.results.kit import fleet, make

VOID = {"meta", "img", "source", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Elements, cells of tables by id, text of elements by id."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.elements, self.tables, self.texts = [], [], {}, {}
        self._table = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.elements.append((tag, attrs))
        if tag not in VOID:
            self.open.append((tag, attrs.get("id")))
        if tag == "table":
            self._table = self.tables.setdefault(attrs["id"], [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if self.open and self.open[-1][0] == "script":
            return
        for _tag, name in self.open:
            if name:
                self.texts[name] = self.texts.get(name, "") + data
        if any(tag in ("td", "th") for tag, _name in self.open):
            self._table[-1][-1] += data


@pytest.fixture(scope="module")
def result():
    return fleet(2, 48)


@pytest.fixture(scope="module")
def figures(result, tmp_path_factory):
    return draw_all(Findings(result), tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="module")
def page(result, figures, tmp_path_factory):
    path = write(Findings(result), tmp_path_factory.mktemp("report") / "deep" / "report.html", figures)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    parsed = Page(text)
    assert not parsed.open
    return parsed


def test_nothing_comes_from_outside(page):
    assert not {"link", "iframe", "object"} & {tag for tag, _attrs in page.elements}
    for _tag, attrs in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert attrs.get(name, "#").startswith(("#", "data:image/png;base64,"))
    assert "url(" not in page.texts.get("style", "") and "@import" not in str(page.texts)  # noqa: PT018


def test_every_figure_is_there_with_a_description(page, figures):
    images = [attrs for tag, attrs in page.elements if tag == "img"]
    embedded = {base64.b64decode(attrs["src"].partition(",")[2]) for attrs in images}
    assert embedded == {in_few_colours(path.read_bytes()) for path in figures}
    assert len(images) == len(figures)
    assert all(len(attrs["alt"]) > 20 for attrs in images)
    phones = [attrs for tag, attrs in page.elements if tag == "source"]
    assert len(phones) == len(figures)
    assert {attrs["media"] for attrs in phones} == {"screen and (max-width: 40rem)"}


def test_a_picture_in_few_colours_keeps_those_of_its_areas(figures):
    for path in figures:
        before, after = (np.array(Image.open(file).convert("RGB")) for file in (path, _few(path)))
        assert before.shape == after.shape
        differs = (before != after).any(axis=2)
        assert differs.mean() < 0.02
        assert np.abs(before.astype(int) - after)[differs].mean() < 40.0
        colours, counts = np.unique(before.reshape(-1, 3), axis=0, return_counts=True)
        assert {tuple(colour) for colour in colours[counts >= 500]} <= {tuple(c) for c in after.reshape(-1, 3)}
        assert len(in_few_colours(path.read_bytes())) < 0.6 * path.stat().st_size


def _few(path):
    return BytesIO(in_few_colours(path.read_bytes()))


def test_contents_lead_somewhere(page):
    names = {attrs["id"] for _tag, attrs in page.elements if "id" in attrs}
    links = [attrs["href"][1:] for tag, attrs in page.elements if tag == "a"]
    assert len(links) >= 9
    assert set(links) <= names
    assert len(names) == sum("id" in attrs for _tag, attrs in page.elements)


def test_headline_and_cards_are_those_of_the_analysis(page, result):
    metrics = result.metrics().value
    assert page.texts["headline"] == headline(result)
    assert page.texts["card-useful_share_of_planned"].startswith(f"{metrics['useful_share_of_planned']:.0%}")
    assert page.texts["card-allocation"].startswith(f"{metrics['allocation']:.0%}")
    assert page.texts["card-jobs"].startswith("40jobs submitted, 0 never")
    assert f"PUE of {metrics['pue']:.3f}" in page.texts["card-energy_facility_mwh"]


def test_bottlenecks_are_those_of_the_analysis(page, result):
    table = result.bottlenecks()
    rows = page.tables["bottlenecks"][1:]
    assert len(rows) == len(table)
    assert [row[1:3] for row in rows] == table[["site", "gpu_type"]].to_numpy().tolist()
    for column, key in enumerate(
        ("gpu_hours_held_back", "gpu_hours_asked", "gpu_hours_lost", "", "job_hours_waited", "usd"), 4
    ):
        assert not key or [row[column] for row in rows] == [f"{value:,.0f}" for value in table[key]]
    for sentence in table["sentence"].head(6):
        assert sentence in page.texts["ranking"]


def test_other_tables(page, result):
    by_tenant = page.tables["delays-tenant"]
    assert by_tenant[1][:4] == ["lab", "40", "0", "13"]  # 60 s x (0 + ... + 39) = 13 h
    economics = {row[0]: row for row in page.tables["economics"][1:]}
    assert economics["site-00"][1:5] == ["60", "1.25", "1.250", "40.0"]
    assert page.tables["services"][1][4:7] == ["90.00%", "10.0", "9.0"]
    values = {row[0]: row[1] for row in page.tables["metrics"][1:]}
    assert values["useful_gpu_hours"] == f"{result.metrics().value['useful_gpu_hours']:,.0f}"
    assert page.tables["events"][1] == ["1.00", "site-00", "delivery", "H100: 1,000 GPUs delivered in all"]


def test_what_little_energy_is_not_told_as_none():
    row = {
        "energy_mwh": 0.00481,
        "peak_mw": 0.0312,
        "energy_usd": 0.404,
        "carbon_t": 0.000758,
        "useful_gpu_hours": 0.444,
    }
    columns = tuple(column for column in ECONOMICS if column.key in row)
    assert cells(pd.DataFrame([row]), columns) == [["0.00481", "0.0312", "0.404", "0.000758", "0.444"]]


def test_how_to_run_it_again(page):
    assert "gpusim run scenario.toml --seed 1" in page.texts["method"]
    assert 'name = "by hand"' in page.texts["scenario"]


def test_names_are_escaped(tmp_path):
    odd = "<b>&\"'"
    result = make({("north", "H100"): {"training": [1.0] * 24}}, scenario={"name": odd, "description": odd})
    text = write(Findings(result), tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>&" not in text
    assert "&lt;b&gt;&amp;" in text


def test_a_fleet_without_jobs_and_services(tmp_path):
    result = make({("north", "H100"): {"idle_no_demand": [1.0] * 24}})
    page = Page(write(Findings(result), tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "services" not in page.tables
    assert page.texts["headline"].startswith("Nothing was held back: nobody asked")
    assert "Nothing held back this site's GPUs" in page.texts["sites"]
    assert "card-wait_p95_s" not in page.texts
    assert not re.search(r"\bnan\b", " ".join(page.texts.values()), re.IGNORECASE)


def test_rejected_jobs_stand_first(tmp_path):
    never = {"start_s": float("nan"), "end_s": float("nan"), "run_s": 0.0, "status": "rejected", "gpus": 4000}
    result = make(
        {("north", "H100"): {"idle_no_demand": [32.0] * 24}}, jobs=({}, never), rejections=({"cause": "rejected_size"},)
    )
    page = Page(write(Findings(result), tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.texts["headline"].startswith(
        "1 of 2 jobs was rejected: it needs 4,000 GPUs in one pool, and the largest has 32."
    )
    assert page.texts["card-jobs"] == "2jobs submitted, 1 never started, 1 of them rejected"
    assert page.tables["bottlenecks"][1][1:4] == ["any site", "any type", "jobs too large for any pool"]
    assert page.tables["bottlenecks"][1][4:6] == ["4,000", "4,000"]
    assert "one pool of 4,000 GPUs, or jobs of 32 at most" in page.texts["ranking"]
    assert page.tables["delays-tenant"][1][1:3] == ["2", "1"]  # jobs, never started
