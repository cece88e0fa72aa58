"""Small clusters and pods, drawn at random."""

from __future__ import annotations

import numpy as np

from gpusim.inputs.pods import Nodes, Pods

MODELS = np.array(["A", "B", "C"])
SPECS = np.array(["", "", "", "A", "A|B", "B|C", "D"])


def cluster(random: np.random.Generator, n: int) -> Nodes:
    """Nodes of up to four GPUs, some without."""
    gpus = random.choice([0, 1, 2, 4], n, p=[0.1, 0.2, 0.3, 0.4])
    gpus[0] = 4
    model = np.where(gpus > 0, random.choice(MODELS, n), "")
    names = np.array([f"node-{i:04d}" for i in range(n)])
    return Nodes(names, random.choice([8000, 16000, 32000], n), random.choice([1000, 4000], n), gpus, model)


def workload(random: np.random.Generator, n: int) -> Pods:
    """Pods of few shapes, so that some are typical: sharing, whole, several, none."""
    gpus = random.choice([0, 1, 2, 4], n, p=[0.15, 0.65, 0.15, 0.05])
    sharing = (gpus == 1) & (random.random(n) < 0.6)
    milli = np.where(gpus == 0, 0, np.where(sharing, random.choice([100, 300, 460, 500, 810], n), 1000))
    names = np.array([f"pod-{i:04d}" for i in range(n)])
    cpu, memory = random.choice([0, 1000, 2000, 4000], n), random.choice([0, 100, 500], n)
    return Pods(names, cpu, memory, gpus, milli, np.where(gpus > 0, random.choice(SPECS, n), ""))
