"""Do the intervals of a study cover as they claim?
================================================

Queues whose exact mean wait is known are run again and again, to count how often a 95% interval covers it.
The waits come from Lindley's recursion, so thousands of studies take seconds.

::

    python experiments/interval_coverage.py        # the tables of docs/statistics.md
    python experiments/interval_coverage.py 200    # fewer studies each
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import binom

from gpusim import rng
from gpusim.studies.statistics.intervals import Moments, mean_interval, paired_interval
from gpusim.studies.statistics.separation import separate
from gpusim.studies.statistics.stopping import stop
from gpusim.studies.statistics.warmup import batch_means, mser5
from gpusim.validation.cases import LAWS, Law
from gpusim.validation.formulas import mg1_wait

SEED, STUDIES = 2026, 2000
EXPONENTIAL = LAWS["exponential"]
Sample = Callable[[np.random.Generator, int], np.ndarray]  # values of n replications


def waits(random: np.random.Generator, shape: tuple[int, int], load: float, law: Law = EXPONENTIAL) -> np.ndarray:
    """Waits of jobs at one server that starts empty, shape (runs, jobs); run times of mean 1.

    Lindley (1952): W[n + 1] = max(0, W[n] + S[n] - A[n + 1]), which is the walk of the S - A less its least so far.
    """
    runs, jobs = shape
    steps = law(random, runs * jobs).reshape(shape) - random.exponential(1.0 / load, shape)
    walk = np.zeros(shape)
    np.cumsum(steps[:, :-1], axis=1, out=walk[:, 1:])
    return walk - np.minimum.accumulate(walk, axis=1)


def queue(load: float, law: Law = EXPONENTIAL, jobs: int = 4000, warm: int = 1000) -> Sample:
    """Mean waits of runs of a queue, ``warm`` jobs left out."""
    return lambda random, n: waits(random, (n, warm + jobs), load, law)[:, warm:].mean(axis=1)


# name -> (how replications are drawn, true mean). The more skewed a replication, the worse Student's t.
SAMPLES: dict[str, tuple[Sample, float]] = {
    "normal": (lambda random, n: random.normal(10.0, 2.0, n), 10.0),
    "M/D/1 at 0.8": (queue(0.8, LAWS["constant"]), mg1_wait(0.8, 0.0)),
    "M/M/1 at 0.8": (queue(0.8), mg1_wait(0.8, 1.0)),
    "exponential": (lambda random, n: random.exponential(1.0, n), 1.0),
    "M/G/1 at 0.8, cv2=4": (queue(0.8, LAWS["lognormal cv2=4"]), mg1_wait(0.8, 4.0)),
}


def pool(name: str, n: int) -> np.ndarray:
    """``n`` independent replications of a sample, drawn in pieces that fit into memory."""
    draw, random = SAMPLES[name][0], rng.stream(SEED, "coverage", name)
    return np.concatenate([draw(random, min(500, n - start)) for start in range(0, n, 500)])


def covered(values: np.ndarray, mean: float, confidence: float = 0.95) -> float:
    """Share of studies, shape (studies, replications), whose interval holds the mean."""
    low, high = Moments.of(values).limits(confidence)
    return float(((low <= mean) & (mean <= high)).mean())


def band(studies: int, confidence: float = 0.95, chance: float = 0.999) -> tuple[float, float]:
    """Shares covered that a right interval stays within with this chance (binomial)."""
    low, high = binom.interval(chance, studies, confidence)
    return low / studies, high / studies


def stopped(values: np.ndarray, mean: float, relative: float, least: int) -> tuple[float, float]:
    """Coverage and mean replications if each study, shape (studies, most), stops by the rule."""
    hits, spent = 0, 0
    for study in values:
        made, more = 0, least
        while more:
            made += more
            _reached, more, _needed, interval = stop(
                study[:made], relative, relative=True, least=least, most=len(study)
            )
        hits += interval.low <= mean <= interval.high
        spent += made
    return hits / len(values), spent / len(values)


def transient(studies: int, replications: int = 50, jobs: int = 1000, load: float = 0.9) -> dict[str, tuple]:
    """Short runs of a busy queue that starts empty: relative bias, coverage and jobs left out, by way of warm-up."""
    random, mean = rng.stream(SEED, "coverage", "transient"), mg1_wait(load, 1.0)
    found: dict[str, list] = {"nothing left out": [], "MSER-5 of these runs": [], "MSER-5 of a pilot": []}
    for _ in range(studies):
        study, pilot = (waits(random, (replications, jobs), load) for _ in range(2))
        for name, index in zip(found, (0, mser5(study).index, mser5(pilot).index), strict=True):
            found[name].append((index, mean_interval(study[:, index:].mean(axis=1))))
    return {
        name: (
            float(np.mean([interval.mean for _, interval in pairs])) / mean - 1.0,
            float(np.mean([interval.low <= mean <= interval.high for _, interval in pairs])),
            float(np.mean([index for index, _ in pairs])),
        )
        for name, pairs in found.items()
    }


def one_run(studies: int, jobs: int, load: float = 0.8) -> tuple[float, float, float]:
    """Intervals from one run: coverage with jobs taken for independent, with 20 batches; share that pass their test."""
    random, mean = rng.stream(SEED, "coverage", "one run", jobs), mg1_wait(load, 1.0)
    found = []
    for _ in range(studies):
        run = waits(random, (1, jobs + 1000), load)[0, 1000:]
        naive, (batched, _lag1, independent) = mean_interval(run), batch_means(run)
        found.append([naive.low <= mean <= naive.high, batched.low <= mean <= batched.high, independent])
    return tuple(np.mean(found, axis=0).tolist())


def faster(studies: int, replications: int = 10, warm: int = 1000) -> dict[str, tuple[float, float]]:
    """GPUs 5% faster: coverage and mean half width of the difference of mean waits, by what the two sides share."""
    random, true = rng.stream(SEED, "coverage", "faster"), 0.95 * mg1_wait(0.76, 1.0) - mg1_wait(0.8, 1.0)

    def means(law: Law) -> np.ndarray:
        return waits(random, (replications, 5 * warm), 0.8, law)[:, warm:].mean(axis=1)

    def fast(generator: np.random.Generator, n: int) -> np.ndarray:
        return 0.95 * EXPONENTIAL(generator, n)

    found: dict[str, list] = {"same jobs, paired": [], "same jobs, pairs mixed up": [], "other jobs": []}
    for _ in range(studies):
        state = random.bit_generator.state
        slow = means(EXPONENTIAL)
        random.bit_generator.state = state
        paired = means(fast)
        for name, second in zip(found, (paired, np.roll(paired, 1), means(fast)), strict=True):
            found[name].append(paired_interval(slow, second))
    return {
        name: (float(np.mean([i.low <= true <= i.high for i in each])), float(np.mean([i.half_width for i in each])))
        for name, each in found.items()
    }


def race(studies: int, gap: float, rounds: tuple[int, ...] = (5, 10, 20, 40)) -> tuple[float, float, float]:
    """Eight alternatives, the first better by ``gap`` deviations of a pair; asked after each round until separated.

    Returns
    -------
    separated, wrong, replications : float
        Shares of studies in which one alternative stood alone, and in which that, or a round on the way, left the best
        out; mean replications per alternative.
    """
    random = rng.stream(SEED, "coverage", "race", str(gap))
    separated, wrong, spent = 0, 0, 0
    for _ in range(studies):
        values = random.normal(0.0, np.sqrt(0.5), (max(rounds), 8)) + random.normal(0.0, 3.0, (max(rounds), 1))
        values[:, 0] += gap
        for made in rounds:
            verdict = separate(pd.DataFrame(values[:made]))
            lost = 0 not in verdict.contenders
            if verdict.separated or lost:
                break
        separated, wrong, spent = separated + verdict.separated, wrong + lost, spent + made
    return separated / studies, wrong / studies, spent / studies


def main(studies: int) -> None:
    """Print all tables."""
    low, high = band(studies)
    print(
        f"Share of {studies} intervals of 95% that cover the known mean; a right one stays in {low:.3f} to {high:.3f}\n"
    )
    sizes, most = (3, 5, 10, 20, 40), 200
    print(f"{'fixed replications':24s}" + "".join(f"{n:>8d}" for n in sizes) + "    skewness")
    pools = {name: pool(name, studies * max(sizes)).reshape(studies, -1) for name in SAMPLES}
    for name, values in pools.items():
        z = (values - values.mean()) / values.std()
        shares = "".join(f"{covered(values[:, :n], SAMPLES[name][1]):8.3f}" for n in sizes)
        print(f"{name:24s}{shares}{(z**3).mean():12.1f}")
    fewer = studies // 2
    print(f"\nuntil a relative half width is reached: share covered (replications spent), {fewer} studies")
    print(f"{'least':24s}" + "".join(f"{least:>15d}" for least in (3, 5, 10, 20)))
    for name, target in (("normal", 0.10), ("M/M/1 at 0.8", 0.10), ("exponential", 0.25)):
        values = pool(name, fewer * most).reshape(fewer, most)
        found = [stopped(values, SAMPLES[name][1], target, least) for least in (3, 5, 10, 20)]
        print(f"{f'{name}, {target:.0%}':24s}" + "".join(f"{share:9.3f} ({n:3.0f})" for share, n in found))
    print("\nM/M/1 at 0.9, fifty runs of 1,000 jobs that start empty")
    for name, (bias, share, left) in transient(fewer).items():
        print(f"{name:24s}  bias {bias:+.1%}  covered {share:.3f}  jobs left out {left:.0f}")
    print("\nM/M/1 at 0.8, one run: share covered")
    for jobs in (2_000, 20_000, 200_000):
        naive, batched, passed = one_run(fewer // 2, jobs)
        print(f"{jobs:7,d} jobs  as independent {naive:.3f}  20 batches {batched:.3f}  their test passed {passed:.2f}")
    print("\nM/M/1 at 0.8, GPUs 5% faster, ten runs of each: difference of the mean waits")
    for name, (share, half) in faster(fewer).items():
        print(f"{name:26s}  covered {share:.3f}  half width {half:.3f}")
    print("\neight alternatives in rounds of 5, 10, 20, 40 replications, one better by some deviations of a pair")
    for gap in (0.0, 0.5, 1.0, 2.0):
        alone, wrong, spent = race(fewer, gap)
        print(f"{gap:.1f}  separated {alone:.3f}  best left out {wrong:.3f}  replications {spent:4.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES)
