"""What a notebook shows of a result, and the figures for a paper."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.report.drawing import figures
from gpusim.report.figures import save
from gpusim.report.findings import Findings
from gpusim.report.notebook import HEIGHT, WIDTH, curve, held_back
from tests.results.kit import fleet


class Balanced(HTMLParser):
    """Raises if a tag is closed that is not open; ``left`` are those that never were."""

    def __init__(self, text: str):
        super().__init__()
        self.left: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.left.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.left.pop() == tag


@pytest.fixture(scope="module")
def result() -> gpusim.Result:
    made = fleet(3, 48)
    return gpusim.Result(made.manifest, made.tables)


def test_a_result_shows_itself(result):
    html, findings = result._repr_html_(), Findings(result)
    assert Balanced(html).left == []
    assert "<b>" + result.manifest["scenario"]["name"] in html
    assert html.count("<tr>") == 1 + min(len(findings.blamed), 5)
    assert "<script" not in html
    shares = held_back(findings)
    held_s = findings.entries.groupby("cause")["held_s"].sum().drop(["idle"], errors="ignore")
    planned = result.ledger["gpu_s"].sum()
    assert 0.0 < np.average(shares, weights=np.ones(len(shares))) <= held_s.sum() / planned + 1e-9


def test_the_line_reaches_from_edge_to_edge():
    points = [tuple(map(float, point.split(","))) for point in curve(np.array([0.0, 0.2, 0.1])).split()]
    assert points == [(0.0, HEIGHT), (WIDTH / 2, 0.0), (WIDTH, HEIGHT / 2)]
    assert curve(np.zeros(1)) == f"0.0,{HEIGHT:.1f} {WIDTH:.1f},{HEIGHT:.1f}"


def test_a_name_cannot_break_out_of_the_notebook():
    made = fleet(1, 24)
    made.manifest["scenario"]["name"] = "<script>alert(1)</script>"
    assert "<script>" not in gpusim.Result(made.manifest, made.tables)._repr_html_()


def test_figures_for_a_paper_are_the_same_bytes_each_time(result, tmp_path):
    first, second = (
        save(islice(figures(Findings(result)), 1), tmp_path / name, formats=("pdf", "svg")) for name in "ab"
    )
    assert {path.suffix for path in first} == {".pdf", ".svg"}
    assert [path.name for path in first] == [path.name for path in second]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))
    assert first[0].read_bytes().startswith(b"%PDF")
    assert "<text" in first[1].read_text(encoding="utf-8")  # text stays text


def test_the_command_of_figures(result, tmp_path):
    def told(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["figures", *arguments], prog_name="gpusim")
        return done.exit_code, done.output

    result.save(tmp_path / "run")
    status, text = told(str(tmp_path / "run"), "--format", "svg")
    assert status == 0, text
    names = {path.name for path in Path(tmp_path / "run" / "figures").iterdir()}
    assert "headline.svg" in names
    assert {Path(name).suffix for name in names} == {".svg"}
    assert told(str(tmp_path / "run"), "--format", "jpg") == (
        2, "gpusim: --format: found 'jpg' (did you mean 'png'?); allowed: png, svg, pdf\n"
    )  # fmt: skip
    status, text = told(str(tmp_path / "nowhere"))
    assert status == 2
    assert "no such folder" in text
