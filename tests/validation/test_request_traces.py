"""Anchor 33 on small files in the published form: cut copies, whole ones, damage; the real files with GPUSIM_DATA."""

from datetime import UTC, datetime, timedelta

import pytest

from gpusim.validation import workload
from gpusim.validation.anchor import FULL


def test_published_files(data_folder):
    """Figures up to the cut, to the last published digit; nothing of the two services is missing."""
    rows = list(workload.request_traces(FULL, data_folder))
    compared = [row for row in rows if not row.skipped]
    assert len(compared) in (12, 18, 24)
    off = [f"{row.what}: {row.expected} expected, {row.ours} found" for row in compared if not row.passed]
    assert not off


def test_without_data(tmp_path):
    """No file, no verdict: two skipped rows that say what to set."""
    rows = list(workload.request_traces(FULL, tmp_path))
    assert [row.skipped for row in rows] == ["no file: set GPUSIM_DATA"] * 2


@pytest.fixture
def code_file(tmp_path):
    """Writes a code trace of one request a second from 18:17:00 on, prompts of 1,460 and outputs of 13 tokens."""

    def write(n: int) -> object:
        folder = tmp_path / "azure_llm_2023"
        folder.mkdir()
        first = datetime(2023, 11, 16, 18, 17, tzinfo=UTC)
        lines = [f"{first + timedelta(seconds=k):%Y-%m-%d %H:%M:%S}.0000000,1460,13" for k in range(n)]
        text = "\r\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *lines])
        (folder / "AzureLLMInferenceTrace_code.csv").write_bytes(text.encode())
        return tmp_path

    return write


def test_cut_and_whole(code_file):
    """A file that goes on after 18:51 is compared twice; a wrong number of requests fails, right medians pass."""
    rows = {row.what: row for row in workload.request_traces(FULL, code_file(2050))}
    cut, whole = rows["Azure 2023 code to 18:51: requests"], rows["Azure 2023 code whole: requests"]
    assert (cut.ours, cut.passed) == (2040, False)
    assert (whole.ours, whole.passed) == (2050, False)
    assert rows["Azure 2023 code to 18:51: prompt median"].passed
    assert rows["Azure 2023 code to 18:51: output median"].passed
    assert not rows["Azure 2023 code to 18:51: prompt mean"].passed


def test_cut_copy(code_file):
    """Of a cut copy the whole is skipped, not failed."""
    rows = list(workload.request_traces(FULL, code_file(2040)))
    assert [row.what for row in rows if row.skipped] == ["Azure 2023 code whole: requests", "Azure 2023 conv: requests"]
