"""The door at which a policy decides before the run: by what jobs are ordered, whenever the order is looked at."""

from __future__ import annotations

import numpy as np

from gpusim.errors import PolicyError
from gpusim.policies.indices import RemainingTime, ServiceLevels
from gpusim.policies.policy import Policy
from gpusim.units import number_of


def ask_key(policy: Policy, name: str, jobs: np.recarray) -> np.ndarray | RemainingTime | ServiceLevels:
    """What a policy orders by.

    Parameters
    ----------
    jobs : recarray, shape (n_jobs,)
        Records ``SUBMITTED``.

    Returns
    -------
    ndarray of float, shape (n_jobs,)
        A number for each job, or else what its key is as it runs.

    Raises
    ------
    PolicyError
        If the policy raises, or answers with anything else.
    """
    jobs.flags.writeable = False
    try:
        answer = policy.key(jobs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the user's code raises: a SystemExit would end this process
        raise PolicyError(f"policy {name!r}: key raised {type(error).__name__}: {error}") from error
    if isinstance(answer, RemainingTime):
        return answer
    if isinstance(answer, ServiceLevels):
        return _sound(answer, name)
    return _numbers(answer, name, len(jobs))


def _numbers(answer: object, name: str, count: int) -> np.ndarray:
    wanted = f"return {number_of(count, 'number')}, one for each job, or RemainingTime or ServiceLevels"
    try:
        keys = np.asarray(answer)
    except Exception as error:  # ragged lists, and objects that only look like arrays
        raise PolicyError(f"policy {name!r}: key returned no sequence of numbers ({error}); {wanted}") from error
    if keys.shape != (count,) or (keys.dtype.kind not in "iufb" and count):
        raise PolicyError(f"policy {name!r}: key returned {keys.dtype} of shape {keys.shape}; {wanted}")
    keys = keys.astype(float)
    if np.isnan(keys).any():
        raise PolicyError(f"policy {name!r}: key returned NaN for job {int(np.isnan(keys).argmax())}; {wanted}")
    return keys


def _sound(levels: ServiceLevels, name: str) -> ServiceLevels:
    """As numbers that kernels may rely on."""
    try:
        limits, keys = np.asarray(levels.limits, dtype=float), np.asarray(levels.keys, dtype=float)
        promote = float(levels.promote)
    except (TypeError, ValueError) as error:
        raise PolicyError(f"policy {name!r}: key returned levels that are no numbers ({error})") from error
    rising = limits.ndim == 1 and np.all(np.diff(limits, prepend=0.0) > 0.0) and not np.isnan(limits).any()
    if not rising or keys.shape != (len(limits) + 1,) or np.isnan(keys).any() or not promote > 0.0:
        raise PolicyError(
            f"policy {name!r}: key returned levels with {limits.size:,} limits, {keys.size:,} keys, promote ="
            f" {promote:g}; give limits that rise from above 0, one key more than limits, and promote above 0"
        )
    return ServiceLevels(tuple(limits.tolist()), tuple(keys.tolist()), bool(levels.by_gpus), promote)
