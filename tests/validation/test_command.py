"""`gpusim validate`: table, choice of anchors, exit status."""

import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from gpusim.errors import GpusimError
from gpusim.validation import suite
from gpusim.validation.anchor import FULL, Row


def _replace(monkeypatch, *rows):
    monkeypatch.setattr(suite, "ANCHORS", {7: lambda _effort: iter(rows)})


def test_hand_worked_anchors():
    """Real anchors pass, with units shown and only those asked for run."""
    result = CliRunner().invoke(cli, ["validate", "--quick", "--only", "13, 12"])
    assert result.exit_code == 0, result.output
    assert "start of J4 [h]" in result.output
    assert result.output.endswith("42 figures agree.\n")
    assert max(map(len, result.output.splitlines())) <= 80


def test_failure(monkeypatch):
    """One figure off: it is named and the exit status is 1."""
    _replace(monkeypatch, Row(7, "good", 1.0, 1.0, 0.0), Row(7, "bad", 2.0, 2.2, 0.05))
    result = CliRunner().invoke(cli, ["validate"])
    assert result.exit_code == 1
    assert "FAIL" in result.output
    assert "+10%" in result.output
    assert "1 figure agrees. 1 figure does not: anchor 7." in result.output


def test_skipped(monkeypatch):
    """What cannot be compared here is shown as skipped, with its reason, and fails nothing."""
    _replace(monkeypatch, Row(7, "published", 3.0, float("nan"), 0.0, "set GPUSIM_DATA"))
    result = CliRunner().invoke(cli, ["validate"])
    assert result.exit_code == 0
    assert "0 figures agree. 1 figure skipped (set GPUSIM_DATA): anchor 7." in result.output


def test_unknown_anchor():
    """All entries that are no anchor in one sentence, exit status 2."""
    result = CliRunner().invoke(cli, ["validate", "--only", "1,99,x"])
    assert result.exit_code == 2
    assert "no anchor '99', 'x'; known: 1, 2, 3" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("text", ["", ",", "1,,2", "-1", "1.0"])
def test_odd_choices(text):
    """Never another error than ours."""
    with pytest.raises(GpusimError, match="no anchor"):
        suite.choose(text)


def test_progress(monkeypatch):
    """Shares of the anchors that are done."""
    monkeypatch.setattr(suite, "ANCHORS", {k: lambda _effort: iter(()) for k in (1, 2, 3, 4)})
    shares = []
    assert suite.validate([1, 2, 3, 4], FULL, shares.append) == []
    assert shares == [0.0, 0.25, 0.5, 0.75]


def test_guide():
    """The guide's table of anchors lists those that there are."""
    guide = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    table = guide.split("## Anchors")[1].split("How they are run")[0]
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(suite.ANCHORS)


def test_every_anchor_has_a_source():
    assert list(suite.SOURCES) == list(suite.ANCHORS)


def test_table_in_a_folder(monkeypatch, tmp_path):
    """All cases as a page and as a file, also when one fails; neither is replaced unasked."""
    _replace(monkeypatch, Row(7, "good", 1.0, 1.0, 0.0), Row(7, "bad", 2.0, 2.2, 0.05))
    command = ["validate", "--out", str(tmp_path / "validation")]
    assert CliRunner().invoke(cli, command).exit_code == 1
    cases = pd.read_parquet(tmp_path / "validation" / "validation.parquet")
    assert cases["verdict"].tolist() == ["pass", "FAIL"]
    assert cases["source"].tolist() == ["Erlang (1917)"] * 2
    assert cases[["theirs", "ours"]].to_numpy().tolist() == [[1.0, 1.0], [2.0, 2.2]]
    page = (tmp_path / "validation" / "validation.html").read_text(encoding="utf-8")
    assert "1 figure agrees. 1 figure does not: anchor 7." in page
    assert "Erlang (1917)" in page
    assert CliRunner().invoke(cli, command).exit_code == 2
    assert CliRunner().invoke(cli, [*command, "--force"]).exit_code == 1
