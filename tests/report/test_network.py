"""The section of links: what they carried, what it cost, who waited, which copies came."""

import pytest

from gpusim.report.findings import Findings
from gpusim.report.sections.network import NetworkSection
from gpusim.results.network import in_words
from tests.engine.test_data_sets import FAR, run, scenario

ALONE = {"sites.germany.pools.H100.gpus": 0.0}


@pytest.mark.parametrize(
    ("keys", "jobs", "said", "rows"),
    [
        (
            {},
            [(0, 50, "tokens"), (100, 50, "tokens")],
            ["1 link of 1 carried 0.81 TB in total for 8 USD; data that cross several links count on each.",
             "Jobs waited 0.0225 hours in total for data.",
             "1 copy of data sets arrived at sites: 1 kept."],
            ["tokens", "texas", "1", "0.810", "1", "0"],
        ),
        (
            {"sites.texas.storage.copies_tb": 0.0},
            [(0, 50, "tokens"), (100, 50, "tokens")],
            ["1 link of 1 carried 1.62 TB in total for 16 USD; data that cross several links count on each.",
             "Jobs waited 0.045 hours in total for data.",
             "2 copies of data sets arrived at sites: 0 kept."],
            ["tokens", "texas", "2", "1.620", "0", "0"],
        ),
    ],
)  # fmt: skip
def test_words_and_rows(keys, jobs, said, rows):
    findings, section = Findings(run(scenario(FAR, **ALONE, **keys), jobs)), NetworkSection()
    assert section.applies(findings)
    assert section.lead(findings) == said
    tables = section.tables(findings)
    assert tables["network-copies"]["rows"] == [rows]
    assert tables["network-links"]["rows"][0][0] == "wan"


def test_nothing_crossed_nothing_is_said():
    idle = run(scenario(FAR, **ALONE), [(0, 50, "none")])
    without = run(scenario(FAR, links={}), [(0, 50, "tokens")])
    assert not NetworkSection().applies(Findings(idle))
    assert not NetworkSection().applies(Findings(without))
    assert in_words(idle)[0].startswith("0 links of 1 carried 0 TB")
