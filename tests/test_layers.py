"""Which part may import which: one way only, and simpy in one place."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gpusim"
LONGEST = 350  # lines of a file

# Part -> what it may import besides itself. Imports inside functions count as much as those at the top.
BASE = {"errors", "units", "rng", "gangs", "course", "phases", "causes", "misses", "plugins", "version"}
ALLOWED = {
    **{name: set() for name in BASE},
    "errors": {"units"},  # to count faults
    "phases": {"course"},
    "plugins": {"errors"},
    "scenario": BASE,
    "inputs": BASE | {"scenario"},
    "kernels/state": {"causes", "misses"},
    "kernels": {"gangs", "course", "kernels/state"},
    "policies": {"errors", "units", "gangs", "kernels/state", "kernels"},
    # What a run or a study leaves behind, and what follows from the tables of one run.
    "results/tables": {"errors", "units", "scenario"},
    "results": BASE | {"scenario", "results/tables"},
    # What laws and tariffs mean for sites, before a run and after it.
    "regulation": {"errors", "units", "scenario", "results/tables", "results"},
    # What is being built, without the jobs: played before the fleet, whose steps it makes.
    "buildout": BASE | {"scenario", "results/tables", "regulation"},
    # What contracts and money make of the GPUs that are live: pure functions, also of a run that has just ended.
    "commerce": BASE | {"scenario", "inputs", "results/tables", "buildout", "regulation"},
    "engine": BASE
    | {"scenario", "inputs", "kernels/state", "kernels", "policies", "results/tables"}
    | {"buildout", "commerce", "regulation", "serving"},
    # Serving by requests: from requests and a deployment to a table, without a fleet around it.
    "serving": {"errors", "units", "plugins", "scenario", "kernels/state", "kernels"},
    # Many runs or replications, and what stands on them.
    "studies": BASE
    | {
        "scenario",
        "inputs",
        "kernels/state",
        "kernels",
        "policies",
        "results/tables",
        "results",
        "regulation",
        "buildout",
        "commerce",
    }
    | {"engine"},
    # Known answers beside ours: runs of a fleet, and nothing needs them but the command line and their table.
    "validation": BASE
    | {
        "scenario",
        "inputs",
        "kernels/state",
        "kernels",
        "policies",
        "results/tables",
        "engine",
        "results",
        "serving",
        "studies",
    }
    | {"buildout", "commerce", "regulation"},
    "report": BASE
    | {"scenario", "inputs", "results/tables", "results", "regulation", "serving", "studies", "validation"},
    # What users call and get: runs and studies with their questions, of which some are answered by a figure or a page.
    # Modules of the package itself, in the plural where the singular is a function of it, which none may hide.
    "result": {"results/tables", "results", "studies", "report"},
    "runs": {"errors", "scenario", "inputs", "results/tables", "engine", "studies", "result"},
    "sweeps": {"errors", "units", "results", "studies", "report"},
    "plans": {"errors", "units", "scenario", "studies", "report"},
    "cli": None,  # all
}
LIBRARIES = {
    "simpy": {"engine", "buildout"},
    "numba": {"kernels"},
    "click": {"cli"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "rich": {"report"},
    "SALib": {"studies"},
    "optuna": {"studies"},
    "tomlkit": {"report"},
    "distributed": {"studies"},
}


def part_of(module: str) -> str:
    """``gpusim.scenario.site`` -> ``scenario``; the version alone counts as nothing.

    What kernels are compiled over and what results consist of are parts of their own: they need no kernel, no question.
    """
    for part in ("kernels/state", "results/tables"):
        if module.startswith(f"gpusim.{part.replace('/', '.')}"):
            return part
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, is at the top of the file) of all imports of a file but those for type checkers only."""
    found = []

    def visit(node: ast.AST, at_top: bool) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"gpusim.{alias.name}" for alias in node.names]
            found.extend((name, at_top) for name in (names if node.module == "gpusim" else [node.module]))
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, at_top and not inside)

    visit(ast.parse(path.read_text(encoding="utf-8")), True)
    return found


def files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem not in ("__init__",))


def home(path: Path) -> str:
    return part_of(".".join(("gpusim", *path.relative_to(PACKAGE).with_suffix("").parts)))


def faults_of(path: Path) -> list[str]:
    """Imports of a file that its layer does not allow."""
    here, where = home(path), path.relative_to(PACKAGE).as_posix()
    faults = []
    for module, _at_top in imports(path):
        library, allowed = module.split(".")[0], ALLOWED[here]
        if library == "gpusim":
            if allowed is not None and part_of(module) not in {here, *allowed}:
                faults.append(f"{where} imports {module}")
        elif library in LIBRARIES and here not in LIBRARIES[library]:
            faults.append(f"{where} imports {module}")
    return faults


def test_every_part_has_its_place() -> None:
    assert {home(path) for path in files()} <= set(ALLOWED)


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_imports_go_one_way(part: str) -> None:
    assert [fault for path in files() if home(path) == part for fault in faults_of(path)] == []


def test_layers_have_no_cycle() -> None:
    """The table itself is an order: repeatedly taking away what needs nothing that is left empties it."""
    left = {name: allowed for name, allowed in ALLOWED.items() if allowed is not None}
    while left:
        free = [name for name, allowed in left.items() if not allowed & set(left)]
        assert free, f"cycle among {sorted(left)}"
        for name in free:
            del left[name]


def table_of_parts() -> list[list[str]]:
    """Parts in the order of the table in the architecture, those of one row together."""
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = text.partition("| part |")[2].partition("\n\n")[0].splitlines()[2:]
    return [
        [name.rstrip("/").removesuffix(".py") for name in re.findall(r"`([\w./]+)`", row.split("|")[1])] for row in rows
    ]


def test_the_architecture_has_every_part_below_what_it_imports() -> None:
    rows = table_of_parts()
    assert sorted(name for row in rows for name in row) == sorted(ALLOWED)
    above: set[str] = set()
    for row in rows:
        above |= set(row)
        for name in row:
            assert (ALLOWED[name] or set()) <= above, name


def test_files_are_short_and_say_first_what_they_hold() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in files()}
    assert [path for path, text in texts.items() if text.count("\n") > LONGEST] == []
    assert [path for path, text in texts.items() if not ast.get_docstring(ast.parse(text))] == []


def modules() -> dict[str, Path]:
    """All files by the names that they are imported by, ``__init__`` by that of its package; but that of gpusim."""
    places = {path: path.relative_to(PACKAGE.parent).with_suffix("").parts for path in files()}
    return {".".join(parts).removesuffix(".__init__"): path for path, parts in places.items()}


def graph_of_modules() -> dict[str, set[str]]:
    """What each file imports, anywhere in it: what is taken from a package also counts as an import of that."""
    names = modules()
    graph = {}
    for name, path in names.items():
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        taken = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module for node in taken}
        imported |= {f"{node.module}.{one.name}" for node in taken for one in node.names}
        packages = {".".join(one.split(".")[:n]) for one in imported for n in range(1, one.count(".") + 1)}
        own = {".".join(name.split(".")[:n]) for n in range(1, name.count(".") + 2)}
        graph[name] = (imported | (packages - own)) & set(names) - {name}
    return graph


def test_no_circle_of_modules() -> None:
    """Not among the files of a part either, and not for type checkers only."""
    TopologicalSorter(graph_of_modules()).prepare()  # CycleError, with the circle, if there is one


def test_a_circle_through_a_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its ``__init__`` offers what a file in it makes, which takes its neighbour from the package; in a function."""
    package = tmp_path / "gpusim"
    monkeypatch.setattr("tests.test_layers.PACKAGE", package)
    (package / "grid").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "grid" / "carbon.py").write_text("A = 1\n")
    (package / "grid" / "file.py").write_text("def f():\n    from gpusim.grid import carbon\n")
    (package / "grid" / "__init__.py").write_text("from gpusim.grid.file import f\n")
    with pytest.raises(CycleError):
        test_no_circle_of_modules()
    (package / "grid" / "file.py").write_text("def f():\n    from gpusim.grid.carbon import A\n")
    test_no_circle_of_modules()


def test_the_package_itself_imports_nothing_at_once() -> None:
    """``gpusim.run`` and its like are found when first used, by name: ``import gpusim`` stays quick."""
    modules = [module for module, at_top in imports(PACKAGE / "__init__.py") if at_top]
    assert modules == ["__future__"]


def test_a_wrong_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_layers.PACKAGE", tmp_path)
    (tmp_path / "scenario").mkdir()
    bad = tmp_path / "scenario" / "bad.py"
    bad.write_text(
        "import simpy\nfrom gpusim import rng, engine\nfrom gpusim.units import DAY_S\n"
        "def f():\n    import gpusim.report.page\n"
    )
    assert faults_of(bad) == [
        "scenario/bad.py imports simpy",
        "scenario/bad.py imports gpusim.engine",
        "scenario/bad.py imports gpusim.report.page",
    ]
