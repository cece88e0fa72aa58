"""The table of rules in a result: what each did, where, when, and what it cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import nan

import pandas as pd


@dataclass(frozen=True)
class RuleEntry:
    """One thing that a rule did or checked.

    Attributes
    ----------
    site : str
        Empty where it is not about one site.
    start_s, end_s : float
        [s] When.
    what : str
        ``curtailment``, ``peak``, ``avoidance``, ``capacity``, ``pue``, ``heat``, ``renewable``, ``report``,
        ``residency``, ``delay``.
    detail : str
        A sentence.
    measured, limit : float
        What was found and what is allowed, in ``unit``; NaN where there is none.
    binds : bool
        Whether it changed or cost something.
    gpu_hours : float
        Lost to it.
    usd : float
        [USD] Charges, fines and purchases; for curtailment, avoidance and delay what the GPU-hours lost would have
        earned.
    unit : str
        Of what was measured and its limit: ``MW``, ``share``, ``days``, ...; empty of a ratio like PUE.
    """

    rule: str
    site: str
    start_s: float
    end_s: float
    what: str
    detail: str
    measured: float = nan
    limit: float = nan
    binds: bool = True
    gpu_hours: float = 0.0
    usd: float = 0.0
    unit: str = ""


COLUMNS = [
    "rule", "site", "start_s", "end_s", "what", "detail", "measured", "limit", "unit", "binds", "gpu_hours", "usd",
]  # fmt: skip
CAPS = ("curtailment", "avoidance")  # that hold a site below its grid connection
LOSSES = (*CAPS, "delay")  # whose USD would have been earned, and are not money paid


def table(entries: list[RuleEntry]) -> pd.DataFrame:
    """Entries as a table in order of time, rule and site."""
    ordered = sorted(entries, key=lambda entry: (entry.start_s, entry.rule, entry.site, entry.what, entry.end_s))
    frame = pd.DataFrame([asdict(entry) for entry in ordered], columns=COLUMNS)
    texts, flags = ("rule", "site", "what", "detail", "unit"), ("binds",)
    kinds = {name: "str" if name in texts else bool if name in flags else float for name in COLUMNS}
    return frame.astype(kinds)


def charges(rules: pd.DataFrame) -> pd.DataFrame:
    """Money that rules cost: rows of charges, fines and purchases, without GPU-hours that were lost."""
    return rules[~rules["what"].isin(LOSSES) & (rules["usd"] != 0.0)].reset_index(drop=True)
