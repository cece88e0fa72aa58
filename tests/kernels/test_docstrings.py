"""Kernels say what they do."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "gpusim" / "kernels"


def test_whatever_other_files_call_has_a_docstring() -> None:
    silent = [
        f"{path.relative_to(FOLDER)}: {node.name}"
        for path in sorted(FOLDER.rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []
