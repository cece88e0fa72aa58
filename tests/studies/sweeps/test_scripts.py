"""Sweeps from scripts without a guard, from standard input and from notebooks; policies beside them, and elsewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.studies.sweeps.kit import policy_study, study

POLICY = "return list(range(len(queue)))"
SCRIPT = """
import gpusim
print("begin")
done = gpusim.sweep("sweep.toml", "out", workers=2)
print(done.store.status()["status"].value_counts().to_dict(), done.store.failures())
"""


def test_a_script_without_a_guard(tmp_path: Path) -> None:
    """Workers do not run it again; they find what it finds, also in folders that it added to the path."""
    spec = policy_study(tmp_path, POLICY)
    assert spec.axes["order"].values == ["fifo", "mine:P"]
    (tmp_path / "more").mkdir()
    (tmp_path / "mine.py").rename(tmp_path / "more" / "mine.py")
    (tmp_path / "script.py").write_text("import sys\nsys.path.append('more')\n" + SCRIPT)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("begin\n{'finished': 4} {}\n", "")


def test_standard_input(tmp_path: Path) -> None:
    policy_study(tmp_path, POLICY)
    done = subprocess.run(
        [sys.executable, "-"], input=SCRIPT, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("begin\n{'finished': 4} {}\n", "")


def test_a_notebook(tmp_path: Path) -> None:
    study(tmp_path)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SCRIPT)])
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    assert "".join(output["text"] for output in notebook.cells[0].outputs) == "begin\n{'finished': 20} {}\n"
