"""A closed loop played step by step, with its requests begun evenly over one another's outputs."""

from __future__ import annotations


def token_time_s(decode_s, prefill_s, batch: int, output_tokens: int, pausing: bool) -> float:
    """[s] from token to token, mean over requests that began and ended in the play.

    Parameters
    ----------
    decode_s : float
        [s] of a step of the whole batch without prefill.
    prefill_s : float
        [s] that the prefill of one request adds: a step by itself if ``pausing``, else to the step that it is in.
    """
    left = [1 + output_tokens * k // batch for k in range(batch)]  # tokens to come of each request
    began, now_s, taken = [None] * batch, 0.0, []
    while len(taken) < 3 * batch:
        ends = [k for k in range(batch) if left[k] == 0]
        for k in ends:
            if began[k] is not None:
                taken.append((now_s - began[k]) / (output_tokens - 1))
        now_s += len(ends) * prefill_s if pausing else 0.0
        for k in ends:  # its first token comes with its prefill
            left[k], began[k] = output_tokens - 1, now_s if pausing else None
        now_s += decode_s + (0.0 if pausing else len(ends) * prefill_s)
        for k in range(batch):
            if k in ends and not pausing:
                began[k] = now_s
            else:
                left[k] -= 1
    return sum(taken) / len(taken)
