"""One run of a study: a scenario and a seed, and the key by which its outcome is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from gpusim import plugins
from gpusim.engine.manifest import input_files
from gpusim.errors import GpusimError
from gpusim.inputs.files import sha256_of
from gpusim.policies.loading import source_of
from gpusim.scenario.scenario import Scenario
from gpusim.version import __version__


@dataclass(frozen=True)
class Run:
    """A scenario and a seed to simulate.

    Attributes
    ----------
    warm_up_s : float
        [s] What the outcome leaves out at the start.
    inputs : str
        Digest of what the run depends on beyond these: the content of the files that the scenario names, the source of
        a custom policy (of its module alone, not of what that imports), and the versions of gpusim and of the packages
        that add to it.
    key : str
        32 hexadecimal digits of all that the outcome depends on.

    Raises
    ------
    GpusimError
        If a custom policy has no source that can be told from an earlier one.
    """

    scenario: Scenario
    seed: int
    warm_up_s: float = 0.0
    inputs: str = field(init=False)
    key: str = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "inputs", inputs_of(self.scenario))
        content = [self.scenario.content_hash(), self.seed, float(self.warm_up_s), self.inputs]
        object.__setattr__(self, "key", _digest(content))


def inputs_of(scenario: Scenario) -> str:
    """Digest of what a run of a scenario would read here and now, and of the versions that would run it."""
    files = [(path, sha256_of(Path(path))) for path in input_files(scenario)]
    policies = [policy_digest(key, path) for key, path in scenario.scheduler.own_policies.items()] or [""]
    return _digest([__version__, files, *policies, *plugins.packages().items()])


def policy_digest(key: str, path: str) -> str:
    """Digest of the module of a custom policy, which a key of the scheduler names; "" where there is none to find."""
    if path.startswith("__main__:"):
        raise GpusimError(
            f'scheduler.{key}: found "{path}"; workers do not see what a script or notebook defines: put the policy'
            " into a module of its own"
        )
    source = source_of(path)
    return sha256_of(source) if source else ""


def _digest(content: list) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
