"""The base of all scenario models, and the types that they share."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

FIRST_YEAR, LAST_YEAR = 1900, 2149  # and a century of run: within nanoseconds since 1970 in 64 bits (year 2262)


class Model(BaseModel):
    """Frozen and strict: unknown keys, NaN, infinities (where not meant) and text for numbers are faults.

    The docstring under a field is its meaning in ``docs/scenario.md`` and in ``gpusim policies``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


def moment(value: object) -> datetime:
    """Calendar time in UTC from a TOML date or date-time, or from ISO 8601 text; without a zone it is UTC.

    Raises
    ------
    ValueError
        If it is none of these, or outside the years 1900 to 2149.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("give a date like 2026-06-01 or 2026-06-01T12:00:00Z") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise ValueError("give a date like 2026-06-01 or 2026-06-01T12:00:00Z")
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"give a date in the years {FIRST_YEAR} to {LAST_YEAR}")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


UtcTime = Annotated[datetime, BeforeValidator(moment)]
Share = Annotated[float, Field(ge=0, le=1)]
