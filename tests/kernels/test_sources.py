"""What numba has on disk is of these sources: of a kernel, what it calls, and what that calls, and nothing else."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gpusim.kernels import sources

PACKAGE = Path(__file__).parents[2] / "gpusim"
KERNELS = "gpusim.kernels."


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch):
    """Digest of a module if the source of another was another."""

    def digest(module: str, of: str, old: str, new: str) -> str:
        source = (PACKAGE.parent / f"{of.replace('.', '/')}.py").read_text(encoding="utf-8")
        assert old in source
        code = compile(source.replace(old, new), "edited", "exec")
        monkeypatch.setattr(sources, "code_of", lambda name: code if name == of else unchanged(name))
        sources.digest.cache_clear()
        sources._part.cache_clear()
        return sources.digest(module)

    unchanged = sources.code_of
    yield digest
    monkeypatch.undo()
    sources.digest.cache_clear()
    sources._part.cache_clear()


@pytest.mark.parametrize("kernel", ["advance", "control", "rounds"])
def test_a_change_of_what_a_kernel_calls_is_another_kernel(kernel: str, edited) -> None:
    before = sources.digest(KERNELS + kernel)
    for of, old, new in (
        ("gpusim.kernels.heap", "keys[", "keys[0 + "), ("gpusim.kernels.gang", "min(", "max("),
        ("gpusim.state.plans", "CHUNK_STEPS = 16", "CHUNK_STEPS = 8"),
        ("gpusim.state.jobs", '"submit_s", "f8"', '"submit_s", "f4"'),
        ("gpusim.causes", 'WaitRow("busy", 0,', 'WaitRow("busy", 10,'), ("gpusim.kernels.bundle_type", "3 *", "4 *"),
        ("gpusim.kernels.expecting", "OVERDUE_S = 1.0", "OVERDUE_S = 2.0"),
    ):  # fmt: skip
        assert edited(KERNELS + kernel, of, old, new) != before, of


def test_a_comment_or_a_docstring_is_none(edited) -> None:
    before = sources.digest(KERNELS + "advance")
    for of in ("gpusim.kernels.gang", "gpusim.kernels.advance", "gpusim.state.fleet"):
        assert edited(KERNELS + "advance", of, "from __future__", "# a comment\n\nfrom __future__") == before
    told = '"""The scheduling pass of one pool'
    assert edited(KERNELS + "advance", "gpusim.kernels.scheduling", told, '"""Another word') == before


def test_a_change_elsewhere_is_none(edited) -> None:
    before = sources.digest(KERNELS + "reading")
    assert edited(KERNELS + "reading", "gpusim.kernels.conservative", "+ 1", "+ 2") == before
    assert edited(KERNELS + "advance", "gpusim.kernels.conservative", "+ 1", "+ 2") != before


def test_imports_of_kernels_stand_at_the_top() -> None:
    """Where ``sources`` finds them."""
    for file in sorted((PACKAGE / "kernels").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.FunctionDef) or not any(
                isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(node)
            ), file


def test_what_is_kept_on_disk(tmp_path: Path) -> None:
    """A second start compiles nothing; after an edit, what was kept is neither read nor kept any longer."""
    program = (
        "from gpusim.kernels.compiling import told_of_compiling\n"
        "from gpusim.engine.description import PoolSpec, Rules, Work\n"
        "from gpusim.engine.layout.fleet import allocate\n"
        "from gpusim.kernels import reading\n"
        "import numpy as np\n"
        "work = Work(np.zeros(1), np.ones(1, 'i8'), np.ones(1), np.ones(1), np.zeros(1, 'i8'), [([0], 0)])\n"
        "fleet = allocate([PoolSpec(0, 0, 1, 1)], 1, work, Rules())\n"
        "with told_of_compiling(lambda: print('compiles')):\n"
        "    reading.settle_all(fleet, 1.0)\n"
    )

    def said() -> str:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert [said(), said()] == ["compiles\n", ""]
    (index,) = tmp_path.rglob("*.settle_all-*.nbi")
    stale = index.rename(index.with_name(index.name.replace(index.name.partition("-")[2][:16], "0" * 16)))
    assert said() == "compiles\n"
    assert index.exists()
    assert not stale.exists()  # of other sources
