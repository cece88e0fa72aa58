"""Demand on inference services: tokens per second that follow the day and week of the users' region."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import numpy as np

from gpusim.inputs.signals import Signal
from gpusim.scenario.service import Service
from gpusim.units import DAY_S

_PEAK_HOUR = 15.0  # local time of the daily peak: office hours, after DynamoLLM's figure of the daily shape
_WEEK_S = 7 * DAY_S
_WEEKEND_S = 5 * DAY_S  # when it begins, since Monday 0:00


def demand_signal(service: Service, start: datetime, duration_s: float) -> Signal:
    """Tokens/s asked of a service by the users of all regions: the mean of each control interval."""
    first, *others = demand_signals(service, start, duration_s).values()
    return Signal(first.times_s, sum((one.values for one in others), first.values))


def demand_signals(service: Service, start: datetime, duration_s: float) -> dict[str, Signal]:
    """Tokens/s asked of a service by the users of each region; without regions there is one, "".

    Each region has its share of the mean, on its own clock.
    """
    if not service.users:
        return {"": _signal(service, start, duration_s, service.utc_offset_h, service.mean_tokens_per_s)}
    total = sum(users.share for users in service.users.values())
    return {
        name: _signal(
            service,
            start,
            duration_s,
            service.utc_offset_h if users.utc_offset_h is None else users.utc_offset_h,
            service.mean_tokens_per_s * users.share / total,
        )
        for name, users in service.users.items()
    }


def _signal(
    service: Service, start: datetime, duration_s: float, utc_offset_h: float, mean_tokens_per_s: float
) -> Signal:
    """The mean of each control interval, the last of which ends with the run.

    The mean of a sinusoid over the users' local day around the mean, scaled on weekends so that the mean
    over a week stays, times the growth since the start.
    """
    begins_s = np.arange(0.0, duration_s, service.control_s)
    edges_s = np.append(begins_s[begins_s < duration_s], duration_s)
    local = start + timedelta(hours=utc_offset_h)
    since_monday_s = local.weekday() * DAY_S + local.hour * 3600 + local.minute * 60 + local.second
    cuts_s = edges_s
    if service.weekend_factor != 1.0:
        mondays_s = np.arange(-since_monday_s, duration_s, _WEEK_S)
        inside_s = np.concatenate([mondays_s, mondays_s + _WEEKEND_S])
        cuts_s = np.union1d(edges_s, inside_s[(inside_s > 0.0) & (inside_s < duration_s)])
    pieces = _integral(service, since_monday_s, cuts_s[:-1], np.diff(cuts_s))
    sums = np.add.reduceat(pieces, np.searchsorted(cuts_s, edges_s[:-1]))
    return Signal(edges_s[:-1], mean_tokens_per_s * (sums / np.diff(edges_s)))


def _integral(service: Service, since_monday_s: float, from_s: np.ndarray, span_s: np.ndarray) -> np.ndarray:
    """[s] Integral of demand over the mean demand, over spans that lie within weekdays or a weekend."""
    in_week_s = (since_monday_s + from_s) % _WEEK_S
    weekday_level = 7.0 / (5.0 + 2.0 * service.weekend_factor)
    level = np.where(in_week_s >= _WEEKEND_S, weekday_level * service.weekend_factor, weekday_level)
    growth_per_s = math.log1p(service.growth_per_day) / DAY_S
    turn = 2j * math.pi / DAY_S
    phase = np.exp(turn * (in_week_s % DAY_S - _PEAK_HOUR * 3600.0))
    day = (phase * np.expm1((growth_per_s + turn) * span_s) / (growth_per_s + turn)).real
    plain = np.expm1(growth_per_s * span_s) / growth_per_s if growth_per_s else span_s
    return level * np.exp(growth_per_s * from_s) * (plain + (service.peak_to_mean - 1.0) * day)
