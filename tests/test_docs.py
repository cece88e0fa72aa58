"""What the documents lead to is there: links, and files of this project that they name."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest

import gpusim
from gpusim.units import HOUR_S
from tests.results.kit import fleet

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ANCHOR = re.compile(r"\]\((?!https?:)([^)#]*)#([^)]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"\b(?:seeds|experiments|notebooks|docs|gpusim|tests)/[\w./-]*\w\.(?:toml|py|ipynb|md|csv|png)\b")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_files_exist(document):
    text = document.read_text(encoding="utf-8")
    linked = [document.parent / target for target in LINK.findall(text)]
    named = [ROOT / name for name in NAMED.findall(text)]
    assert [str(path) for path in (*linked, *named) if not path.exists()] == []


def test_the_architecture_names_files_that_exist():
    """In backquotes, as paths in the package or in the repository, or by name alone."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w./*]+(?:/|\.(?:py|md|csv|json|js)))`", text)
    names = {path.name for path in (ROOT / "gpusim").rglob("*")}
    for name in (name.rstrip("/") for name in named):
        assert name in names or list(ROOT.glob(name)) or list((ROOT / "gpusim").glob(name)), name
    assert len(named) > 80


def anchors(text: str) -> set[str]:
    """What links may lead to in a document: its headings, as GitHub and the site of the docs write them."""
    plain = (re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading) for heading in HEADING.findall(FENCED.sub("", text)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_anchors_exist(document):
    for file, name in ANCHOR.findall(document.read_text(encoding="utf-8")):
        assert name in anchors((document.parent / file if file else document).read_text(encoding="utf-8")), (file, name)


def names_of_gpusim(code: str) -> list[tuple[str, str]]:
    """Modules of gpusim, and the names that a piece of Python takes from them."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gpusim":
            found.append(("gpusim", node.attr))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "gpusim":
            found += [(node.module, one.name) for one in node.names]
    return found


def is_there(module: str, name: str) -> bool:
    found = importlib.import_module(module)
    return hasattr(found, name) or name in [one.name for one in pkgutil.iter_modules(getattr(found, "__path__", []))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_names_of_gpusim_in_python_exist(document):
    blocks = re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert [names for code in blocks for names in names_of_gpusim(code) if not is_there(*names)] == []


def test_shares_of_the_default_fleet_are_printed_as_the_guide_says(tmp_path, monkeypatch, capsys):
    """On a run that is there already: shares of what jobs and replicas hold, and how much of what is online that is."""
    monkeypatch.chdir(tmp_path)
    made = fleet(2, 24)
    made.save(tmp_path / "out" / "us_eu_fleet")
    guide = (ROOT / "docs" / "workload.md").read_text(encoding="utf-8").partition("## The work of the default fleet")[2]
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", guide, re.DOTALL)[1], names)
    jobs_s, serving_s = made.jobs["held_gpu_s"].sum(), 2 * 24 * 100.0 * HOUR_S
    assert dict(names["held"]) == {"research": jobs_s, "services": serving_s}
    assert f"{serving_s / (jobs_s + serving_s):.3f}" in capsys.readouterr().out


def test_the_service_of_the_guide_can_be_run():
    """All keys of it, in a scenario that has its sites."""
    text = (ROOT / "docs" / "serving_requests.md").read_text(encoding="utf-8")
    tables = map(tomllib.loads, re.findall(r"```toml\n(.*?)```", text, re.DOTALL))
    service = next(chat for table in tables if "tenant" in (chat := table["services"]["chat"]))
    scenario = gpusim.Scenario.from_toml(ROOT / "seeds" / "chat_and_training.toml", {"services.chat": service})
    assert scenario.services["chat"].by_request


def test_a_wrong_link_is_found():
    text = "[here](nowhere.md#at-all), [there](https://example.org/x.md) and `seeds/none.toml`"
    assert LINK.findall(text) == ["nowhere.md"]
    assert NAMED.findall(text) == ["seeds/none.toml"]
    assert [is_there(*names) for names in names_of_gpusim("import gpusim\ngpusim.runn\ngpusim.run")] == [False, True]
    assert ANCHOR.findall(text) == [("nowhere.md", "at-all")]
    assert anchors("# What a `key` (of ours) does\n```\n# no\n```\n") == {"what-a-key-of-ours-does"}
