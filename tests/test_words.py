"""One word, one meaning: names of classes, and the table of words in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
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
# Where a word of the table names something beyond the files that the table names, and why it may.
BEYOND = {
    ("settle", "engine"): "the same: what Python sums up, brought up to a moment",
    ("settle", "kernels/packing/play.py"): "the same, of a cluster played by score",
    ("note", "engine"): "a row of a table, for who looks later",
    ("note", "inputs/traces/source.py"): "an oddity of a file, for who looks later",
    ("book", "commerce/book.py"): "the contracts of a scenario, as planners call them",
    ("plan", "plans.py"): "public: what to build, as users call it",
    ("plan", "cli/planning.py"): "public: `gpusim plan`",
    ("feeder", "scenario/feeders.py"): "a key of scenarios, about the same",
    ("reservation", "scenario/policy_options.py"): "a key of scenarios: of a tenant, not of a job",
    ("held", "report/compared/findings.py"): "GPU-hours held back, as reports call them",
}


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


def test_words_name_nothing_else() -> None:
    """A function, class or record that is called as a word stands where the table says, or is excused."""
    excused, astray = set(), []
    for word, file in _named():
        told = next(meaning for row, meaning in ROWS if word in row.strip().split(", "))
        reason = next((at for at in BEYOND if at[0] == word and (file == at[1] or file.startswith(at[1] + "/"))), None)
        if any(file == one or file.startswith(one) and one.endswith("/") for one in re.findall(r"`([^`]+)`", told)):
            continue
        if file.startswith("kernels/state/"):  # records and bundles of the state, which the table explains by name
            continue
        if reason is None:
            astray.append(f"{file}: {word}")
        excused.add(reason)
    assert astray == []
    assert excused == set(BEYOND)


def _named() -> Iterator[tuple[str, str]]:
    """(word, file) of functions, classes and records that are called as a word of the table."""
    words = {word for row, _meaning in ROWS for word in row.strip().split(", ")}
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            is_record = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            names = [getattr(one, "id", "") for one in node.targets] if is_record else [getattr(node, "name", None)]
            if is_record and getattr(node.value.func, "id", "") != "record":
                continue
            if is_record or isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield from (
                    (name.lower(), path.relative_to(ROOT / "gpusim").as_posix())
                    for name in names
                    if name.lower() in words
                )
