"""A count and its noun agree, wherever one is told: one of a thing is "1 job", in all that is printed and written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.units import number_of
from tests.studies.sweeps.kit import SCENARIO
from tests.test_cli_nothing import OPTION

NOUNS = (
    "jobs|runs|days|hours|GPUs|GPU-hours|sites|pools|replications|points|candidates|events|errors|faults|keys|columns"
    "|build-outs|rivals|orders|projects|tasks|contracts|milestones|intervals|rows|lines|entries|counterfactuals"
)
ONE = re.compile(rf"(?<![\w.,/-])1 (?:[a-z]+ )?(?:{NOUNS})\b")
# By hand: an f-string's count, and then a noun that is always plural.
BY_HAND = re.compile(rf"^ (?:(?:more|other|smaller|finished) )?(?:{NOUNS})\b")
COUNT = re.compile(r"len\(|\.sum\(\)|_days\b|\bdays\b|\.runs\b|count|total")
SINGLE = SCENARIO.replace("days = 0.2", "days = 1.0") + "gpus = { 1 = 1.0 }\n"


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (0, "job", "0 jobs"),
        (1, "job", "1 job"),
        (1.0, "day", "1 day"),
        (0.25, "day", "0.25 days"),
        (2000, "GPU", "2,000 GPUs"),
        ("1", "GPU-hour", "1 GPU-hour"),
        ("1.5 million", "job", "1.5 million jobs"),
        ("+1", "day", "+1 day"),
        (2, "supply", "2 supplies"),
        (3, "entry", "3 entries"),
    ],
)
def test_number_of(count: float | str, noun: str, said: str) -> None:
    assert number_of(count, noun) == said


def test_one_of_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day, a site, a run of each study, a trace of a job: no command has one of several things."""
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("submit_s,runtime_s,gpus\n0,3600,1\n")
    Path("a.toml").write_text(SINGLE + OPTION)
    Path("s.toml").write_text('scenario = "a.toml"\nreplications = 1\nmeasures = ["size 1 jobs"]\n')
    serial = ("--executor", "serial")
    said = "".join(
        CliRunner().invoke(cli, command, env={"COLUMNS": "100"}).output
        for command in (
            ("trace", "describe", "t.csv"), ("trace", "convert", "t.csv", "u.csv"), ("run", "a.toml", "--seeds", "2"),
            ("run", "a.toml", "--one", "--set", "workload.trace=t.csv", "--out", "out/trace"),
            ("sweep", "s.toml", *serial), ("sweep", "s.toml", *serial), ("sweep", "status", "out/s"),
            ("sweep", "collect", "out/s", "s.csv"),
            ("relieve", "a.toml", "--budget", "4", "--curves", "0", "--days", "1", *serial),
            ("plan", "a.toml", "--goal", "goodput >= 0.1", "--replications", "2", *serial),
            ("run", "a.toml", "--set", "run.days=-1"), ("validate", "--quick", "--only", "1"),
        )
    )  # fmt: skip
    assert "1 of 1 run finished" in said
    assert "1 of 1 run is in the store already." in said
    assert ONE.findall(said) == []
    pages = {page: unescape(re.sub(r"<pre.*?</pre>|<[^>]*>|data:image[^\"]*", " ", page.read_text(), flags=re.DOTALL))
             for page in Path("out").rglob("*.html")}  # fmt: skip
    assert len(pages) >= 4
    assert {page: ONE.findall(text) for page, text in pages.items() if ONE.search(text)} == {}


def by_hand() -> Iterator[str]:
    """Places where a count is joined with a noun, and not by ``number_of``."""
    package = Path(gpusim.__file__).parent
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else []
            for count, text in zip(parts, parts[1:]):
                if isinstance(count, ast.FormattedValue) and isinstance(text, ast.Constant):
                    if BY_HAND.match(text.value) and COUNT.search(ast.unparse(count)):
                        yield f"{path.relative_to(package)}:{node.lineno}: {ast.unparse(node)}"


def test_counts_are_joined_in_one_place() -> None:
    assert [place for place in by_hand() if "at most" not in place and "or more" not in place] == []
