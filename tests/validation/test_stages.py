"""Requests of a load stage: whose blocks are shared, when they come, and what stages are held against."""

from __future__ import annotations

import pandas as pd

from gpusim.validation.stages import read_stages, requests_of

STAGE = {
    "prompt_len_mean": 70.0, "rate_per_s": 4.0, "requests": 100, "output_len": 9, "system_prompt_len": 40,
    "num_unique_system_prompts": 2, "num_users_per_system_prompt": 3,
}  # fmt: skip


def test_users_share_the_prompt_of_their_group_and_ask_the_same_again():
    asked = requests_of(pd.Series(STAGE), most=12)
    blocks = asked["hash_ids"].tolist()
    assert len(asked) == 12
    assert {len(names) for names in blocks} == {4}  # full blocks of 16 of 70 tokens
    assert blocks[6:] == blocks[:6]  # six users in turn
    assert blocks[0][:2] == blocks[2][:2] != blocks[3][:2]  # 32 of the 40 shared tokens fill blocks
    assert len({names[2] for names in blocks}) == len({names[3] for names in blocks}) == 6
    assert len({name for names in blocks for name in names}) == 2 * 2 + 6 * 2
    assert asked["arrival_s"].diff()[1:].eq(0.25).all()
    assert set(asked["output_tokens"]) == {9}


def test_overloads_are_left_out(tmp_path):
    path = tmp_path / "runs.csv"
    pd.DataFrame({"run": ["sound", "overload"], "failures": [0, 7]}).to_csv(path, index=False)
    assert read_stages(path)["run"].tolist() == ["sound"]
