"""Who gets which GPUs: the lexicographic maximum, against matching GPU by GPU."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.commerce import division
from gpusim.commerce.division import divide
from tests.reference.accounts import Deal, match


def matched(wants: list[int], capacity: list[int], eligible: np.ndarray) -> list[int]:
    deals = [
        Deal(str(c), 0, [(0, want)], 1, {str(g) for g in np.flatnonzero(eligible[c])}) for c, want in enumerate(wants)
    ]
    found = match(deals, {str(g): gpus for g, gpus in enumerate(capacity)}, 0)
    return [found[str(c)] for c in range(len(wants))]


@st.composite
def problems(draw) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    contracts, groups, instants = draw(st.integers(1, 4)), draw(st.integers(1, 4)), 3
    numbers = st.integers(0, 5)

    def table(rows: int, columns: int, values) -> np.ndarray:
        return np.array(
            draw(st.lists(st.lists(values, min_size=columns, max_size=columns), min_size=rows, max_size=rows))
        )

    return (
        table(contracts, instants, numbers),
        table(groups, instants, numbers),
        table(contracts, groups, st.booleans()),
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(problems())
def test_like_matching_gpu_by_gpu(problem) -> None:
    wants, capacity, eligible = problem
    taken = divide(wants, capacity, eligible)
    assert (taken >= 0).all()
    assert (taken.sum(axis=0) <= capacity).all()
    assert not taken[~eligible].any()
    for i in range(wants.shape[1]):
        assert taken[:, :, i].sum(axis=1).tolist() == matched(wants[:, i].tolist(), capacity[:, i].tolist(), eligible)


CROSSED = (  # anywhere; US only; EU only
    np.array([[10], [4], [10]]),
    np.array([[10], [10]]),
    np.array([[True, True], [True, False], [False, True]]),
)


def test_a_flexible_contract_makes_way() -> None:
    taken = divide(*CROSSED)
    assert taken.sum(axis=1).ravel().tolist() == [10, 4, 6]


def test_without_making_way_one_goes_short(monkeypatch) -> None:
    """Negative control: the greedy first pass alone is not enough."""
    monkeypatch.setattr(division, "_can_be_helped", lambda *_args: np.zeros(1, bool))
    assert divide(*CROSSED).sum(axis=1).ravel().tolist() == [10, 0, 10]
