"""What the GPUs of one job draw from moment to moment: its loading, steps of work, and checkpoints.

The energy of a run up to a moment has a closed form, so that the mean over any sample, however short or long, is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP_S = 2.0  # of training: assumption; runs of 16,384 GPUs and more take a few seconds
# Where a GPU goes back to work after a stall it draws more than its limit for a moment: an H100 with a limit of 700 W
# drew 134 W in stalls, 830 to 860 W for less than 0.2 s, then 690 W, at samples of 0.1 s (our measurement, 2026-11).
PEAK_OF_TDP, PEAK_S = 850.0 / 700.0, 0.1


@dataclass(frozen=True)
class Steps:
    """What a job does, and what its GPUs draw above idle meanwhile, in all.

    Attributes
    ----------
    step_s, exchange_s : float
        [s] Length of a step, and of the exchange of data that ends it; 0: it draws the same throughout.
    work_w, exchange_w, write_w, peak_w : float
        [W] In work (its mean, the peak at its beginning counted in), exchange, checkpoint, and at the peak.
    load_s, interval_s, write_s : float
        [s] Loading before the first step; work between checkpoints; time that one stops it.
    """

    step_s: float
    exchange_s: float
    work_w: float
    exchange_w: float
    write_w: float
    peak_w: float
    load_s: float
    interval_s: float
    write_s: float

    def energy_j(self, since_s: np.ndarray, shift_s: float) -> np.ndarray:
        """[J] above idle from the start until ``since_s`` [s] after it.

        The steps are ``shift_s`` ahead of their clock: jobs do not step together.
        """
        load_s = np.minimum(since_s, self.load_s)
        after_s = since_s - load_s
        if 0.0 < self.interval_s < np.inf:
            cycles, rest_s = np.divmod(after_s, self.interval_s + self.write_s)
            worked_s = cycles * self.interval_s + np.minimum(rest_s, self.interval_s)
        else:
            worked_s = after_s
        work_j = self._stepped_j(worked_s + shift_s) - self._stepped_j(np.array(shift_s))
        return load_s * self.exchange_w + work_j + (after_s - worked_s) * self.write_w

    def _stepped_j(self, worked_s: np.ndarray) -> np.ndarray:
        """[J] of steps that follow one another for ``worked_s``."""
        if self.exchange_s <= 0.0:
            return worked_s * self.work_w
        steps, rest_s = np.divmod(worked_s, self.step_s)
        work_s = self.step_s - self.exchange_s
        peak_s = min(PEAK_S, work_s / 2.0)
        peak_j, whole_j = peak_s * max(self.peak_w, self.work_w), work_s * self.work_w
        edges_s = [0.0, peak_s, work_s, self.step_s]
        step_j = whole_j + self.exchange_s * self.exchange_w
        return steps * step_j + np.interp(rest_s, edges_s, [0.0, peak_j, whole_j, step_j])
