"""Request traces: Azure's of 2023 with exact figures, and small ones with faults."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from gpusim.errors import TraceError
from gpusim.inputs.requests.formats import read_requests

HEAD = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
# rows, duration [s], then quantiles and means of prompt and output.
# Cut of the published files that ends at 18:51 (code) and 18:50 (conv): computed independently of this reader.
CUT = {
    "code": (6463, "3.179", 1460, 2041, 13, 27, "18:17:03.979960"),
    "conv": (11_997, "5.843", 1025, 1254, 116, 205, "18:15:46.680590"),
}
# The published files as a whole: validation item 33.
WHOLE = {"code": (8819, 2.567, 1469, 2047.8, 13, 27.9), "conv": (19_366, 5.530, 1020, 1154.7, 129, 211.1)}


@pytest.mark.parametrize("kind", ["code", "conv"])
def test_azure_2023(data_folder, kind):
    """Validation item 33, exact; of the cut file its own figures."""
    requests = read_requests(data_folder / f"azure_llm_2023/AzureLLMInferenceTrace_{kind}.csv.gz")
    rate = len(requests) / requests.arrival_s[-1]
    prompt, output = requests.prompt_tokens, requests.output_tokens
    if len(requests) == WHOLE[kind][0]:
        _, per_s, *figures = WHOLE[kind]
        assert round(rate, 3) == pytest.approx(per_s, abs=0.001)
        ours = [np.median(prompt), round(prompt.mean(), 1), np.median(output), round(output.mean(), 1)]
        assert ours == figures
        return
    rows, per_s, *figures, first = CUT[kind]
    assert len(requests) == rows
    assert f"{rate:.3f}" == per_s
    ours = [np.median(prompt), int(prompt.mean()), np.median(output), int(output.mean())]
    assert ours == pytest.approx(figures, abs=1)
    assert requests.origin.isoformat() == f"2023-11-16T{first}+00:00"
    assert requests.notes["lines that end in CR LF"] >= rows


@pytest.mark.parametrize(("kind", "variation"), [("code", 12.923), ("conv", 1.080)])
def test_azure_burstiness(data_folder, kind, variation):
    """The coefficient of variation of the gaps: hardly Poisson for code, nearly for conversations."""
    gaps_s = np.diff(read_requests(data_folder / f"azure_llm_2023/AzureLLMInferenceTrace_{kind}.csv.gz").arrival_s)
    assert gaps_s.std() / gaps_s.mean() == pytest.approx(variation, abs=0.002)


def write(tmp_path, text, name="requests.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_seven_decimals_crlf_and_no_last_newline(tmp_path):
    text = HEAD + "2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.0319601,3180,8"
    requests = read_requests(write(tmp_path, text))
    assert requests.arrival_s.tolist() == [0.0, pytest.approx(0.0520001, abs=1e-12)]
    assert requests.prompt_tokens.tolist() == [4808, 3180]
    assert requests.output_tokens.tolist() == [10, 8]
    assert requests.prompt_tokens.dtype == requests.output_tokens.dtype == np.int64
    assert requests.notes == {
        "lines that end in CR LF": 2,
        "last line without a newline": 1,
        "times without a zone, taken as UTC": 2,
    }


def test_whole_seconds_other_columns_zones_and_disorder(tmp_path):
    """As in the sets of 2024 (offsets) and 2025 (images)."""
    text = "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n2024-10-15 00:00:09+00:00,1,5,0\n"
    text += "2024-10-15 00:00:07.5+00:00,2,6,3\n"
    requests = read_requests(write(tmp_path, text))
    assert requests.arrival_s.tolist() == [0.0, 1.5]
    assert requests.prompt_tokens.tolist() == [6, 5]
    assert requests.notes == {"rows not in order of time": 1, "requests without output": 1}


def test_gzip_by_content(tmp_path):
    path = tmp_path / "requests.csv"
    path.write_bytes(gzip.compress((HEAD + "2023-11-16 18:17:03,1,2\r\n").encode()))
    assert len(read_requests(path)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD, "no rows"),
        ("TIMESTAMP,ContextTokens\n2023-11-16 18:17:03,1\n", "column 'GeneratedTokens' is missing"),
        (HEAD + "yesterday,1,2\r\n", "like 2023-11-16 18:17:03.9799600 .1x.: line 2: 'yesterday'"),
        (HEAD + ",1,2\r\n", "like 2023-11-16 18:17:03.9799600 .1x.: line 2"),
        (HEAD + "2023-11-16 18:17:03,-1,2.5\r\n", "2 faults\n.*ContextTokens.*\n.*GeneratedTokens.*2.5"),
        (HEAD + "2023-11-16 18:17:03,,2\r\n", "whole numbers from 0"),
        (HEAD + "2023-11-16 18:17:03,many,2\r\n", "must hold numbers"),
    ],
)
def test_faults_are_told(tmp_path, text, message):
    with pytest.raises(TraceError, match=message):
        read_requests(write(tmp_path, text))


def test_no_such_file(tmp_path):
    with pytest.raises(TraceError, match="no such file"):
        read_requests(tmp_path / "absent.csv")


def test_mooncake(data_folder):
    """The publisher's lines: milliseconds that come in steps of about 3 s, blocks of 512 tokens."""
    requests = read_requests(data_folder / "mooncake/conversation_trace.jsonl.gz")
    assert len(requests) == len(requests.hash_ids) > 1000
    gaps_s = np.diff(requests.arrival_s)
    assert (gaps_s == 0.0).mean() == pytest.approx(0.9, abs=0.02)
    assert gaps_s[gaps_s > 0.0].min() == pytest.approx(3.0, abs=0.01)
    whole = np.array([len(ids) for ids in requests.hash_ids])
    assert (whole == np.ceil(requests.prompt_tokens / requests.block_tokens)).mean() > 0.99


def test_mooncake_by_hand(tmp_path):
    lines = [
        '{"timestamp": 4000, "input_length": 600, "output_length": 7, "hash_ids": [1, 3]}',
        '{"timestamp": 1000, "input_length": 600, "output_length": 0, "hash_ids": [1, 2]}',
    ]
    requests = read_requests(write(tmp_path, "\n".join(lines), "a.jsonl"))
    assert requests.arrival_s.tolist() == [0.0, 3.0]
    assert requests.hash_ids == [[1, 2], [1, 3]]
    assert requests.notes["requests without output"] == requests.notes["rows not in order of time"] == 1
    frame = requests.to_frame()
    assert frame.to_dict("records") == [
        {"arrival_s": 3.0, "prompt_tokens": 600, "output_tokens": 7, "hash_ids": [1, 3]}
    ]


@pytest.mark.parametrize(
    "text",
    [
        "arrival_s,prompt_tokens,output_tokens\n5,10,3\n2.5,20,4\n",
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,GPT-4,10,3,13,x\n2.5,ChatGPT,20,4,24,x\n",
        "Timestamp(s),Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,a,1,GPT-4,10,3,13,x\n2.5,a,1,ChatGPT,20,4,24,x\n",
    ],
)
def test_plain_tables(tmp_path, text):
    """gpusim's own, and BurstGPT's in both of its forms."""
    requests = read_requests(write(tmp_path, text))
    assert requests.arrival_s.tolist() == [0.0, 2.5]
    assert (requests.prompt_tokens.tolist(), requests.output_tokens.tolist()) == ([20, 10], [4, 3])
    assert requests.origin is None


def test_priorities(tmp_path):
    """Whole numbers, of requests in order of time."""
    text = "arrival_s,prompt_tokens,output_tokens,priority\n5,10,3,2\n2.5,20,4,-1\n"
    requests = read_requests(write(tmp_path, text))
    assert requests.priority.tolist() == requests.to_frame()["priority"].tolist() == [-1, 2]
    assert read_requests(write(tmp_path, "arrival_s,prompt_tokens,output_tokens\n1,1,1\n")).priority is None
    with pytest.raises(TraceError, match="column 'priority' must hold whole numbers from -32767 to 32767"):
        read_requests(write(tmp_path, "arrival_s,prompt_tokens,output_tokens,priority\n1,1,1,0.5\n"))


def test_adapters(tmp_path):
    """Names, or none, in order of arrival; a table without the column has none."""
    text = "arrival_s,prompt_tokens,output_tokens,adapter\n5,10,3,law\n2.5,20,4,\n7,1,1,7\n"
    requests = read_requests(write(tmp_path, text))
    assert requests.adapter.tolist() == [None, "law", "7"]
    assert requests.to_frame()["adapter"].isna().tolist() == [True, False, False]
    assert read_requests(write(tmp_path, "arrival_s,prompt_tokens,output_tokens\n1,1,1\n")).adapter is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no known format of requests(.|\n)*Azure: its header has no TIMESTAMP"),
        ('{"timestamp": 1}\n', "(?s)3 faults.*input_length.*output_length.*hash_ids.*line 1"),
        ('{"timestamp": 1, "input_length": 1, "output_length": 1, "hash_ids": [-1]}\n{]\n', "JSON object: line 2"),
        ("arrival_s,prompt_tokens\n1,2\n", "column 'output_tokens' is missing"),
        ("arrival_s,prompt_tokens,output_tokens\n1,2.5,2\n", "prompt_tokens.*whole numbers"),
    ],
)
def test_faults_of_other_forms_are_told(tmp_path, text, message):
    with pytest.raises(TraceError, match=message):
        read_requests(write(tmp_path, text))
