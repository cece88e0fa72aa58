"""The guides as a site: built without a warning, nothing public left out, and code that can be what it says."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gpusim
from gpusim.cli import cli

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(guide: Path, language: str) -> list[str]:
    return [code for named, code in BLOCK.findall(guide.read_text(encoding="utf-8")) if named == language]


def commands(text: str) -> list[list[str]]:
    """Words after ``gpusim`` of each line that is such a command."""
    lines = (line.strip().removeprefix("$ ") for line in text.replace("\\\n", " ").splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if re.match(r"(\S*/)?gpusim [a-z]", line)]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site without outputs of notebooks and experiments, built from a copy: the build writes into its folder."""
    pytest.importorskip("sphinx_gallery", reason="needs the docs extra: pip install '.[docs]'")
    top = tmp_path_factory.mktemp("site")
    for name in ("docs", "experiments", "notebooks"):
        shutil.copytree(ROOT / name, top / name, ignore=shutil.ignore_patterns("gallery", "__pycache__"))
    light = ["-D", "nb_execution_mode=off", "-D", "plot_gallery=0", "-D", "html_theme=basic"]
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", *light, "-b", "html", "docs", "html"]
    done = subprocess.run(build, cwd=top, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return top / "html"


def test_nothing_public_is_left_out_of_the_site(site):
    names = (site / "api.html").read_text(encoding="utf-8")
    assert [name for name in gpusim.__all__ if f'id="gpusim.{name}"' not in names] == []


def test_notebooks_and_experiments_have_pages(site):
    """But scripts that make tables of the project, and ask nothing."""
    there = {path.stem for path in (site / "notebooks").glob("*.html")}
    assert there == {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    shown = {path.stem for path in (site / "gallery").glob("*.html")}
    listed = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8").partition("## Where derived tables")[0]
    asked = set(re.findall(r"`python experiments/(\w+)\.py", listed)) - {"check_serving"}
    assert asked == shown - {"index", "sg_execution_times"}


def test_every_experiment_is_listed():
    text = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    there = {path.relative_to(ROOT).as_posix() for place in ("experiments/*.py", "notebooks/*.ipynb")
             for path in ROOT.glob(place)}  # fmt: skip
    assert set(re.findall(r"(?:experiments|notebooks)/\w+\.(?:py|ipynb)", text)) == there


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_code_of_the_guides_is_code(guide):
    for code in blocks(guide, "python"):
        ast.parse(code)
    for code in blocks(guide, "toml"):
        tomllib.loads(code)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_commands_of_the_guides_and_their_options_exist(guide):
    for words in (words for code in blocks(guide, "") for words in commands(code)):
        command = cli.commands[words[0]]
        if words[0] in ("sweep", "trace"):
            command = command.commands.get(words[1]) or command.commands["run"]
        known = {option for parameter in command.params for option in parameter.opts}
        given = [word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)]
        assert [option for option in given if option not in known] == [], words


def test_a_wrong_command_would_be_found():
    assert commands("$ gpusim run x --sed 3  # note\nother\n.venv/bin/gpusim trace describe y") == [
        ["run", "x", "--sed", "3"],
        ["trace", "describe", "y"],
    ]


def test_experiments_that_the_gallery_runs_ask_not_where_they_are():
    """They are run there as text, which has no file."""
    conf = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")
    run = re.compile(re.search(r'"filename_pattern": r"(.*?)"', conf)[1])
    scripts = [path for path in (ROOT / "experiments").glob("*.py") if run.search(path.as_posix())]
    assert len(scripts) == 3
    assert [path.name for path in scripts if "__file__" in path.read_text(encoding="utf-8")] == []
