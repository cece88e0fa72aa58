"""The catalogue of rules as tables for the terminal: what they are, then every figure and where it comes from."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table

from gpusim.scenario.rule import Rule, SiteRule
from gpusim.scenario.rules import Rules, figures


def tables() -> tuple[Table, Table]:
    """Rules with their place, time and size, and their figures (assumptions marked by a star)."""
    overview = Table("rule", "what", "where", "from MW", "in force", title="Rules")
    for name, rule in Rules(enforce="all").enforced():
        until = f" to {rule.until:%Y-%m-%d}" if rule.until else ""
        overview.add_row(name, rule.title, *_place(rule), f"{rule.since:%Y-%m-%d}{until}")
    sources = Table("rule", "figure", "value", "basis", "source", "date", title="Figures (* assumption)", box=SIMPLE)
    shown = [row for row in figures() if row["figure"] not in ("regions", "jurisdictions", "since", "least_mw")]
    for i, row in enumerate(shown):
        first = i == 0 or shown[i - 1]["rule"] != row["rule"]
        same = not first and all(shown[i - 1][key] == row[key] for key in ("basis", "source", "date"))
        mark = "*" if row["basis"] == "assumption" else ""
        last = i + 1 == len(shown) or shown[i + 1]["rule"] != row["rule"]
        origin = ("", "", "") if same else (row["basis"], row["source"], row["date"])
        name = row["rule"] if first else ""
        sources.add_row(name, row["figure"], _short(row["value"]) + mark, *origin, end_section=last)
    return overview, sources


def _place(rule: Rule) -> tuple[str, str]:
    """Where a rule applies, and from what size on."""
    if not isinstance(rule, SiteRule):
        return "", ""
    where = ", ".join(dict.fromkeys([*rule.regions, *rule.jurisdictions]))
    if rule.near:
        where += f", {rule.near.km:g} km around {rule.near.latitude:g} N {rule.near.longitude:g} E"
    return _short(where), f"{rule.least_mw:g}" if rule.least_mw else ""


def _short(text: str) -> str:
    return text if len(text) <= 70 else text[:67] + "..."
