"""Negative controls of failures, repairs and what they cost runs: each leaves one thing out."""

from itertools import islice

import pytest

from gpusim.validation import failures
from gpusim.validation.anchor import FULL, QUICK, Effort
from tests.validation.test_negative_controls import failures as off_ones


def test_failures_of_nodes_taken_for_those_of_gpus():
    """A rate of nodes applied to each of their GPUs is eight times too high."""
    off = off_ones(islice(failures.time_to_failure(QUICK, of="gpu"), 2))
    assert off["RSC-1, 1,024 GPUs: hours to a failure"] == pytest.approx(28.846 / 8, rel=0.15)


def test_repairs_that_always_succeed():
    """Fewer nodes are down by the three in ten faults that would have shown again or been repaired twice."""
    off = off_ones(failures.nodes_down(Effort(0.1), success=1.0))
    assert off == {"repairs of 24 h, 30% of which fail, and tests of 6 h: nodes down": pytest.approx(9.7, rel=0.2)}


def test_planned_interruptions_among_the_failures():
    """With the 47 planned ones there are 466."""
    off = off_ones(failures.causes_of_interruptions(FULL, factor=466 / 419))
    assert off["interruptions in 54 days"] == pytest.approx(466.0, rel=0.011)


def test_a_run_that_nothing_interrupts():
    """Without failures a twentieth of the GPU-hours is missing."""
    off = off_ones(failures.llama3_gpu_hours(QUICK, mix=None))
    assert off == {"million GPU-hours with attention and failures": pytest.approx(27.4, rel=0.01)}


def test_restarts_that_cost_nothing():
    """What a restart takes is a third of what is lost with checkpoints every 15 minutes."""
    assert len(off_ones(islice(failures.effective_training_time(FULL, load_s=0.0), 6))) >= 3


def test_lost_work_that_is_kept():
    """Checkpoints at every moment leave only the restarts."""
    off = off_ones(islice(failures.effective_training_time(QUICK, every=0.02), 1))
    assert list(off) == ["RSC-1, every 60 min: effective time"]
