"""One run of a study: a scenario and a seed, and the key by which its outcome is kept."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass, field
from pathlib import Path

from gpusim import __version__
from gpusim.engine.manifest import input_files
from gpusim.inputs.files import sha256_of
from gpusim.model.scenario import Scenario


@dataclass(frozen=True)
class Run:
    """A scenario and a seed to simulate.

    Attributes
    ----------
    warm_up_s : float
        [s] What the outcome leaves out at the start.
    key : str
        32 hexadecimal digits of the content that the outcome depends on: scenario, seed, warm-up, the content of the
        files that the scenario names, the source of a custom policy, and the version of gpusim.
    """

    scenario: Scenario
    seed: int
    warm_up_s: float = 0.0
    key: str = field(init=False)

    def __post_init__(self):
        content = [
            __version__,
            self.scenario.content_hash(),
            self.seed,
            float(self.warm_up_s),
            [(path, sha256_of(path)) for path in input_files(self.scenario)],
            _policy_digest(self.scenario.scheduler.order),
        ]
        object.__setattr__(self, "key", hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32])


def _policy_digest(order: str) -> str:
    """Digest of the module of a custom policy; none for a built-in order, or where there is no file to read."""
    module = order.partition(":")[0] if ":" in order else None
    try:
        spec = importlib.util.find_spec(module) if module else None
    except (ImportError, ValueError):
        return ""
    return sha256_of(spec.origin) if spec and spec.origin and Path(spec.origin).is_file() else ""
