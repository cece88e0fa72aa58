"""Demand on inference services: tokens per second that follow the day and week of the users' region."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from gpusim.inputs.signals import Signal
from gpusim.model.service import Service
from gpusim.units import DAY_S

_PEAK_HOUR = 15.0  # local time of the daily peak: office hours, after DynamoLLM's figure of the daily shape


def demand_signal(service: Service, start: datetime, duration_s: float) -> Signal:
    """Tokens/s asked of a service, one value per control interval.

    A sinusoid over the users' local day around ``mean_tokens_per_s``, scaled on weekends so that the mean over a
    week stays, times the growth since the start.
    """
    times_s = np.arange(0.0, duration_s + service.control_s, service.control_s)
    local = start + timedelta(hours=service.utc_offset_h)
    since_monday_s = (local.weekday() * DAY_S + local.hour * 3600 + local.minute * 60 + local.second + times_s) % (
        7 * DAY_S
    )
    hour = since_monday_s % DAY_S / 3600.0
    shape = 1.0 + (service.peak_to_mean - 1.0) * np.cos(2.0 * np.pi * (hour - _PEAK_HOUR) / 24.0)
    weekday_level = 7.0 / (5.0 + 2.0 * service.weekend_factor)
    week = np.where(since_monday_s >= 5 * DAY_S, weekday_level * service.weekend_factor, weekday_level)
    growth = (1.0 + service.growth_per_day) ** (times_s / DAY_S)
    return Signal(times_s, service.mean_tokens_per_s * shape * week * growth)
