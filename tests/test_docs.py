"""What the documents lead to is there: links, and files of this project that they name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import gpusim

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"\b(?:seeds|experiments|notebooks|docs|gpusim|tests)/[\w./-]*\w\.(?:toml|py|ipynb|md|csv|png)\b")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_files_exist(document):
    text = document.read_text(encoding="utf-8")
    linked = [document.parent / target for target in LINK.findall(text)]
    named = [ROOT / name for name in NAMED.findall(text)]
    assert [str(path) for path in (*linked, *named) if not path.exists()] == []


def test_the_service_of_the_guide_can_be_run():
    """All keys of it, in a scenario that has its sites."""
    text = (ROOT / "docs" / "serving_requests.md").read_text(encoding="utf-8")
    service = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])["services"]["chat"]
    scenario = gpusim.Scenario.from_toml(ROOT / "seeds" / "chat_and_training.toml", {"services.chat": service})
    assert scenario.services["chat"].by_request


def test_a_wrong_link_is_found():
    text = "[here](nowhere.md#at-all), [there](https://example.org/x.md) and `seeds/none.toml`"
    assert LINK.findall(text) == ["nowhere.md"]
    assert NAMED.findall(text) == ["seeds/none.toml"]
