"""Planned maintenance in the section of failures: told apart from them."""

import pytest

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.report.findings import Findings
from gpusim.report.sections.failures import CAUSES, FailuresSection
from gpusim.units import DAY_S, number_of
from gpusim.validation.failures import long_run

SWITCH = {"of": "block", "nodes": 2, "every_days": 10.0, "hours": 6.0}
OFTEN = {"of": "node", "per_1000_days": 20.0}


@pytest.mark.parametrize("failures", [{}, {"any": OFTEN}])
def test_planned_maintenance_is_no_failure(failures):
    """A job on all of four blocks, each maintained once."""
    scenario = long_run(64, 10.0, {"causes": failures, "maintenance": {"switch": SWITCH}})
    names = {"tenant": ["lab"], "job_class": ["pretraining"]}
    jobs = JobTable.build(names=names, submit_s=[0.0], gpus=64, runtime_s=20.0 * DAY_S)
    result = gpusim.run(scenario, 1, jobs=jobs)
    section, findings = FailuresSection(), Findings(result)
    lead = section.lead(findings)
    n = int((result.failures["cause"] == "any").sum())
    assert [line.split(" took ")[0] for line in lead if " took " in line] == [
        *([number_of(n, "failure")] if n else []), "Planned maintenance",
    ]  # fmt: skip
    assert n > 0 if failures else "8 nodes down and interrupted jobs 4 times." in lead[0]
    assert len(section.tables(findings)["failures-cause"]["rows"]) == 1 + len(failures)


@pytest.mark.parametrize(
    ("cause", "words"),
    [("hbm", "HBM"), ("faulty_gpu", "faulty GPU"), ("nccl_watchdog", "NCCL watchdog"), ("other_host", "other host")],
)
def test_causes_of_failures_are_named_in_words(cause, words):
    assert CAUSES[0].cell(cause) == words
