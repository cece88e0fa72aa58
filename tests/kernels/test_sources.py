"""What numba has on disk is of these sources: of a kernel, what it calls, and what that calls, and nothing else."""

from __future__ import annotations

import ast
import os
import shutil
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
        ("gpusim.kernels.heap", "keys[", "keys[0 + "), ("gpusim.gangs", "min(", "max("),
        ("gpusim.kernels.state.plans", "CHUNK_STEPS = 16", "CHUNK_STEPS = 8"),
        ("gpusim.kernels.state.jobs", '"submit_s", "f8"', '"submit_s", "f4"'),
        ("gpusim.kernels.bundle_type", "3 *", "4 *"),
        ("gpusim.kernels.expecting", "OVERDUE_S = 1.0", "OVERDUE_S = 2.0"),
    ):  # fmt: skip
        assert edited(KERNELS + kernel, of, old, new) != before, of


def test_a_comment_or_a_docstring_is_none(edited) -> None:
    before = sources.digest(KERNELS + "advance")
    for of in ("gpusim.kernels.gang", "gpusim.kernels.advance", "gpusim.kernels.state.fleet"):
        assert edited(KERNELS + "advance", of, "from __future__", "# a comment\n\nfrom __future__") == before
    told = '"""The scheduling pass of one pool'
    assert edited(KERNELS + "advance", "gpusim.kernels.scheduling", told, '"""Another word') == before


@pytest.fixture(scope="module")
def digest_with(tmp_path_factory: pytest.TempPathFactory):
    """Digest of a kernel in a copy of the package in which a file is another."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, folder / "gpusim", ignore=shutil.ignore_patterns("__pycache__"))
    program = "from gpusim.kernels import sources\nprint(sources.__file__, sources.digest('gpusim.kernels.advance'))"

    def digest(*edits: tuple[str, str, str]) -> str:
        sources_of = {name: (folder / "gpusim" / name).read_text(encoding="utf-8") for name, _old, _new in edits}
        changed = dict(sources_of)
        for name, old, new in edits:
            assert changed[name].count(old) == 1
            changed[name] = changed[name].replace(old, new)
        for name, text in changed.items():
            (folder / "gpusim" / name).write_text(text, encoding="utf-8")
        place = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, env=place, capture_output=True, text=True, check=True
        )
        for name, text in sources_of.items():
            (folder / "gpusim" / name).write_text(text, encoding="utf-8")
        where, found = done.stdout.split()
        assert Path(where).is_relative_to(folder)
        return found

    return digest


def test_of_causes_only_the_codes_make_a_difference(digest_with) -> None:
    """Words, colours and places in a stack are no part of a kernel, though they stand in the same table."""
    before = sources.digest(KERNELS + "advance")
    words = [
        ("causes.py", '"broken nodes"', '"nodes out of order"'), ("causes.py", "#8C3A00", "#8C3A01"),
        ("causes.py", '"down", Kind.ABSENT, 3, 160', '"down", Kind.ABSENT, 3, 161'),
        ("misses.py", '"large batches"', '"batches"'),
    ]  # fmt: skip
    assert digest_with(*words) == before
    for code in (
        ("causes.py", 'WaitRow("down", 3, turn=50', 'WaitRow("down", 3, turn=95'),
        ("misses.py", '"batch", 3,', '"batch", 12,'), ("kernels/state/codes.py", "DONE = 3", "DONE = 8"),
    ):  # fmt: skip
        assert digest_with(code) != before, code


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
        "from gpusim.engine.description import PoolSpec, Scheduling, Work\n"
        "from gpusim.engine.layout.fleet import allocate\n"
        "from gpusim.kernels import reading\n"
        "import numpy as np\n"
        "work = Work(np.zeros(1), np.ones(1, 'i8'), np.ones(1), np.ones(1), np.zeros(1, 'i8'), [([0], 0)])\n"
        "fleet = allocate([PoolSpec(0, 0, 1, 1)], 1, work, Scheduling())\n"
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
