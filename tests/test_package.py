"""What is installed: a wheel that needs no repository, with the seeds in it, and types of the public names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import gpusim
from gpusim.scenario.files import about, seeds
from gpusim.studies.sweeps.spec import SweepSpec

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Folder with gpusim as a wheel has it, and nothing else of the repository."""
    pytest.importorskip("hatchling", reason="needs hatchling to build the wheel: pip install '.[test]'")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def gpusim_of(site: Path, where: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The command of the wheel, in another folder."""
    code = "import gpusim, sys; print(gpusim.__file__, file=sys.stderr); from gpusim.cli import main; main()"
    place = {**os.environ, "PYTHONPATH": str(site), "NUMBA_DISABLE_JIT": "1"}  # as plain Python: nothing to compile
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=where, env=place, capture_output=True, text=True, check=False
    )


def test_a_wheel_runs_a_seed_by_its_name(site, tmp_path):
    done = gpusim_of(site, tmp_path, "run", "small", "--one", "--set", "run.days=0.05")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(str(site))
    assert (tmp_path / "out" / "small" / "report.html").is_file()


def test_a_wheel_lists_all_seeds_and_has_its_licence_and_types(site, tmp_path):
    done = gpusim_of(site, tmp_path, "scenarios")
    assert done.returncode == 0, done.stderr
    names = set(re.findall(r"^  (\S+)", done.stdout, re.MULTILINE))
    assert names == {path.stem for path in (ROOT / "seeds").rglob("*.toml")}
    assert (site / "gpusim" / "py.typed").is_file()
    assert len(list(site.glob("*.dist-info/licenses/LICENSE"))) == 1
    with zipfile.ZipFile(next(site.parent.glob("*.whl"))) as wheel:
        assert not [name for name in wheel.namelist() if name.endswith((".nbi", ".nbc", ".pyc"))]
    assert not (site / "tests").exists()


@pytest.mark.parametrize("name", seeds("scenario"))
def test_a_scenario_is_named_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert gpusim.Scenario.from_toml(name) == gpusim.Scenario.from_toml(ROOT / "seeds" / f"{name}.toml")
    assert 20 <= len(about(seeds()[name])) <= 140


@pytest.mark.parametrize("name", seeds("sweep"))
def test_a_sweep_is_named_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert SweepSpec.from_toml(name).name
    assert 20 <= len(about(seeds("sweep")[name])) <= 140


def test_a_file_of_the_user_goes_before_a_seed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").write_text(gpusim.Scenario.starter().replace("my fleet", "mine"), encoding="utf-8")
    assert gpusim.Scenario.from_toml("small").name == "mine"
    assert gpusim.Scenario.from_toml("what_to_buy").name == "what to buy"


def test_a_sweep_of_a_scenario_by_its_name(tmp_path):
    spec = {"name": "one", "scenario": "small", "replications": 1, "set": {"run.days": 0.05}}
    assert SweepSpec.from_dict(spec).scenario == "small"
    with pytest.raises(gpusim.errors.ScenarioError, match=r'found "smal": no such file .*did you mean \'small\''):
        SweepSpec.from_dict({**spec, "scenario": "smal"})


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == gpusim.__version__
    assert cited["license"] == PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


# Checked inside, too. What is left is all that is below the public names: engine, kernels, studies, report.
CHECKED = (
    *("errors.py", "units.py", "causes.py", "misses.py", "plugins.py", "scenario", "results"),
    *("result.py", "runs.py", "sweeps.py", "plans.py"),
)


def test_public_names_have_types():
    """As a checker sees them in a user's program, whose two mistakes are found, and inside the parts that answer."""
    pytest.importorskip("mypy", reason="needs mypy: pip install '.[test]'")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "tests/typing/use.py",
         *(f"gpusim/{part}" for part in CHECKED)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
