"""A package that adds to gpusim: one thing for each group of entry points, as an installation has them."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import gpusim
from gpusim import plugins
from gpusim.errors import PluginError, PolicyError, ScenarioError, ServingError, TraceError
from gpusim.inputs.grid import read_grid
from gpusim.inputs.traces import open_trace
from gpusim.results.conservation import check
from gpusim.studies.sweeps.run import Run

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Path:
    """Folder with the package of ``tests/plugin``, built and unpacked as pip does."""
    pytest.importorskip("hatchling", reason="needs hatchling to build a package: pip install '.[test]'")
    folder = tmp_path_factory.mktemp("plugin")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT / "tests" / "plugin", check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def forget() -> None:
    plugins._installed.cache_clear()
    plugins.found.cache_clear()
    plugins.loaded.cache_clear()


@pytest.fixture
def house(installed, monkeypatch):
    """The package, as long as a test runs."""
    monkeypatch.syspath_prepend(installed)
    forget()
    yield
    forget()


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Packages whose metadata a test writes: (name, group, entry points)."""

    def write(name: str, group: str, points: str) -> None:
        about = tmp_path / f"{name}-1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (about / "entry_points.txt").write_text(f"[{group}]\n{points}\n")

    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield write
    forget()


def small(**changes: object) -> gpusim.Scenario:
    return gpusim.Scenario.from_toml("small", {"run.days": 0.5, **changes})


@pytest.mark.usefixtures("house")
def test_a_policy_by_its_name():
    order = {"scheduler.mode": "cycle", "scheduler.cycle_s": 300.0}
    scenario = small(**order, **{"scheduler.order": "largest_tenant_last"})
    result = gpusim.run(scenario)
    assert check(result) == []
    assert result.manifest["plugins"] == {"gpusim-house": "1.2.3"}
    assert [name for name in result.manifest["inputs_sha256"]] == ["largest_tenant_last"]
    by_path = gpusim.run(small(**order, **{"scheduler.order": "gpusim_house.policy:LargestTenantLast"}))
    assert result.jobs["start_s"].equals(by_path.jobs["start_s"])
    with pytest.raises(ScenarioError, match="did you mean 'largest_tenant_last'"):
        small(**order, **{"scheduler.order": "largest_tenant_lst"})
    with pytest.raises(PolicyError, match='needs scheduler.mode = "cycle"'):
        gpusim.run(small(**{"scheduler.order": "largest_tenant_last"}))


def test_without_the_package_nothing_of_it_is_there(house_free):
    with pytest.raises(ScenarioError, match="allowed: fifo, .*, multifactor, .*, or a policy's import path"):
        small(**{"scheduler.mode": "cycle", "scheduler.order": "largest_tenant_last"})
    with pytest.raises(ServingError):
        gpusim.entry("House-8B", "H100")


@pytest.fixture
def house_free():
    forget()
    if plugins.packages():
        pytest.skip(f"packages that add to gpusim are installed: {', '.join(plugins.packages())}")


def test_runs_of_a_study_differ_by_the_packages_that_add(installed, monkeypatch, house_free):
    without = Run(small(), 0).key
    monkeypatch.syspath_prepend(installed)
    forget()
    assert Run(small(), 0).key != without
    forget()


@pytest.mark.usefixtures("house")
def test_readers(tmp_path):
    (tmp_path / "jobs.csv").write_text("came_h,ran_h,cards\n0,1,8\n2,0.5,16\n")
    trace = open_trace(tmp_path / "jobs.csv")
    assert trace.table["submit_s"].tolist() == [0.0, 7200.0]
    assert trace.table["gpus"].tolist() == [8, 16]
    (tmp_path / "requests.csv").write_text("came_h,asked,told\n0,100,10\n0.5,200,20\n")
    assert gpusim.read_requests(tmp_path / "requests.csv").arrival_s.tolist() == [0.0, 1800.0]
    (tmp_path / "prices.csv").write_text("hour_of_2026,cents\n0,4.0\n1,5.5\n2,3\n")
    read = read_grid(tmp_path / "prices.csv")
    assert read.format == "house prices"
    assert read.readings["price_usd_per_mwh"].values.tolist() == [40.0, 55.0, 30.0]
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for reader in (open_trace, gpusim.read_requests, read_grid):
        with pytest.raises(TraceError, match="house (jobs|requests|prices)"):
            reader(tmp_path / "other.csv")


@pytest.mark.usefixtures("house")
def test_step_times_of_a_model_of_its_own():
    house, public = gpusim.entry("House-8B", "H100"), gpusim.entry("Llama-3.1-8B-Instruct", "H100")
    assert (house.basis, house.source) == ("house", "measured in house")
    load = public.load(8, 500, 100)
    assert house.token_time_s(load) == public.token_time_s(load)


def test_a_section_is_on_page_and_console(installed, tmp_path):
    code = (
        "import gpusim\n"
        "from gpusim.report.console import print_report\n"
        "from gpusim.report.findings import Findings\n"
        "result = gpusim.run(gpusim.Scenario.from_toml('small', {'run.days': 0.05}))\n"
        "result.report('report.html')\n"
        "print_report(Findings(result))\n"
    )
    place = {**os.environ, "PYTHONPATH": f"{installed}{os.pathsep}{ROOT}", "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "The fleet had " in done.stdout
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<section id="house-total">' in page
    assert page.index("For the board") < page.index('id="method"')


def test_faults_name_the_package(broken):
    broken("absent", plugins.TRACES, "lost = nowhere_at_all:JOBS")
    broken("other", plugins.REQUESTS, "kind = gpusim.units:number_of")
    with pytest.raises(PluginError, match="'lost' of package absent: nowhere_at_all:JOBS cannot be imported"):
        open_trace(ROOT / "seeds" / "small.toml")
    with pytest.raises(PluginError, match="gpusim.units:number_of is 'function', not Format"):
        gpusim.read_requests(ROOT / "seeds" / "small.toml")


def test_two_packages_may_not_give_one_name(broken):
    for name in ("one", "two"):
        broken(name, plugins.POLICIES, "best = some:Policy")
    with pytest.raises(PluginError, match="packages one and two both have a 'best'; uninstall one"):
        small(**{"scheduler.order": "best", "scheduler.mode": "cycle"})
