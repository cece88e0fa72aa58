"""Terms of the guides' glossary, as pages show them."""

from __future__ import annotations

from gpusim.report.document import file, glossary


def test_every_entry_of_the_guide_is_there():
    terms = glossary()
    entries = file().read_text(encoding="utf-8").count("\n: ")
    assert len(set(terms.values())) == entries > 15
    assert terms["Time to first token"] == terms["time per token"]
    assert terms["Pool"] == "All GPUs of one type at one site, with one queue."


def test_definitions_are_plain():
    assert not any(mark in text for text in glossary().values() for mark in ("](", "`", "\n"))
