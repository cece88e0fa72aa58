"""One word, one meaning: names of classes, and the table of words in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "gpusim").rglob("*.py"))}
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WORDS = ARCHITECTURE.split("## Words of the code")[1].split("\n## ")[0]
ROWS = [line.split("|")[1:3] for line in WORDS.splitlines() if line.startswith("| ")][1:]
# Of these there is one in each of several folders, and it is the same in all: a format of files, a section of a page.
FAMILIES = re.compile(r"Format|\w+Section")
# Names that two classes have all the same: rows of a CSV file, and of a bundle as numba types them.
TWINS = {"Rows"}


def test_no_two_classes_have_one_name() -> None:
    """But where one name is said of the same thing."""
    files = defaultdict(list)
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not FAMILIES.fullmatch(node.name):
                files[node.name].append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in files.items() if len(found) > 1 and name not in TWINS} == {}


def test_each_word_is_explained_once_and_in_order() -> None:
    rows = [row.strip() for row, _meaning in ROWS]
    words = [word for row in rows for word in row.split(", ")]
    assert len(set(words)) == len(words) > 20
    assert rows == sorted(rows)


def test_names_and_files_that_the_words_are_explained_by_are_there() -> None:
    names = {
        name
        for tree in TREES.values()
        for node in ast.walk(tree)
        for name in (getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None))
    }
    named = re.findall(r"`([^`]+)`", WORDS)
    assert len(named) > 20
    assert [one for one in named if one not in names and not (ROOT / "gpusim" / one).exists()] == []
