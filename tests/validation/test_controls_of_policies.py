"""Wrong policies must fail: each control breaks a rule that decides in rounds, and its anchor must notice."""

import pytest

from gpusim.policies.gavel import Gavel
from gpusim.validation import elastic, fair_types
from gpusim.validation.anchor import FULL, Effort


def test_a_policy_that_is_never_told_the_types(data_folder, monkeypatch):
    """Then knowing them is worth nothing, and 1 is farther from what Gavel's simulator gains than the tolerance."""
    if not (data_folder.parent / "golden" / fair_types.CASE).is_dir():
        pytest.skip("needs golden beside the data")
    monkeypatch.setattr(fair_types, "Gavel", lambda objective, known: Gavel(objective, aware=False))
    monkeypatch.setattr(fair_types, "OBJECTIVES", fair_types.OBJECTIVES[:1])
    rows = list(fair_types.knowing_types(FULL, str(data_folder)))
    assert [row.ours for row in rows] == [pytest.approx(1.0)]
    assert not rows[0].passed


def test_sia_for_which_it_is_worth_little_that_a_job_runs(monkeypatch):
    """Second GPUs for some are then worth more than a first for others: no equal parts."""
    monkeypatch.setattr(elastic, "ALL_RUN", 1.1)
    rows = list(elastic.sia_beside_pollux(Effort(1 / 16)))
    assert not rows[0].passed
    assert rows[0].ours > 1.01
