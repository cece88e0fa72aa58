"""The shape of a language model: the numbers of its config.json that decide what a step reads and computes."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

import numpy as np

from gpusim.errors import ServingError, did_you_mean


@dataclass(frozen=True)
class ModelShape:
    """Blocks of a transformer by kind, and their sizes. Sizes that a model does not have are 0.

    A layer of the usual kind is two blocks: attention and feed-forward. The fields may be arrays of one length, for
    many models at once.
    """

    name: str
    hidden: int
    vocab: int
    attention_layers: int
    """Attention blocks that see the whole context."""
    window_layers: int
    """Attention blocks that see ``window_tokens`` (a sliding window, or chunks)."""
    window_tokens: int
    heads: int
    kv_heads: int
    head_dim: int
    q_rank: int
    """Latent attention (MLA) if ``kv_rank`` > 0: ranks and head sizes of queries, keys and values."""
    kv_rank: int
    rope_dim: int
    nope_dim: int
    v_dim: int
    selected_tokens: int
    """Tokens that sparse attention reads of each context after an index has chosen them."""
    index_dim: int
    recurrent_layers: int
    """Blocks with a state of fixed size (Mamba, gated delta nets), their parameters and bytes per sequence."""
    recurrent_params: int
    recurrent_state_bytes: int
    dense_layers: int
    """Feed-forward blocks that every token goes through."""
    dense_ffn: int
    ffn_matrices: int
    """3 with a gate, 2 without."""
    moe_layers: int
    experts: int
    active_experts: int
    expert_ffn: int
    shared_ffn: int
    """Width of all shared experts together."""

    @property
    def attention_params(self) -> int:
        """Parameters of one attention block."""
        of_heads = self.heads * (self.nope_dim + self.rope_dim)
        of_q = np.where(self.q_rank, self.q_rank * (self.hidden + of_heads), self.hidden * of_heads)
        of_kv = self.hidden * (self.kv_rank + self.rope_dim) + self.kv_rank * self.heads * (self.nope_dim + self.v_dim)
        latent = of_q + of_kv + self.heads * self.v_dim * self.hidden
        return np.where(self.kv_rank, latent, self.hidden * self.head_dim * 2 * (self.heads + self.kv_heads))

    @property
    def always_blocks(self) -> int:
        """Blocks that every token goes through whole: all but those of experts."""
        return self.attention_layers + self.window_layers + self.recurrent_layers + self.dense_layers

    @property
    def always_params(self) -> int:
        """Parameters of blocks that every token goes through, without embedding and head."""
        return (
            (self.attention_layers + self.window_layers) * self.attention_params
            + self.recurrent_layers * self.recurrent_params
            + self.dense_layers * self.ffn_matrices * self.hidden * self.dense_ffn
            + self.moe_layers * self.hidden * (self.ffn_matrices * self.shared_ffn + self.experts)
        )

    @property
    def expert_params(self) -> int:
        """Parameters of one expert of one block."""
        return self.ffn_matrices * self.hidden * self.expert_ffn

    @property
    def params(self) -> int:
        """All parameters, with embedding and head apart."""
        return self.always_params + self.moe_layers * self.experts * self.expert_params + 2 * self.hidden * self.vocab

    @property
    def active_params(self) -> int:
        """Parameters that one token goes through."""
        of_experts = self.moe_layers * self.active_experts * self.expert_params
        return self.always_params + of_experts + self.hidden * self.vocab

    @property
    def kv_values(self) -> int:
        """Values that one attention block keeps of a token: keys and values, or their latent."""
        return np.where(self.kv_rank, self.kv_rank + self.rope_dim, 2 * self.kv_heads * self.head_dim)

    @property
    def kind(self) -> str:
        """``"dense"``, ``"moe"`` or ``"hybrid"`` (with recurrent blocks): the classes that errors are told by."""
        return "hybrid" if self.recurrent_layers else "moe" if self.moe_layers else "dense"


def model_shape(name: str) -> ModelShape:
    """Shape of a published model by its name, with or without owner and what tells only its tuning or precision.

    ``"meta-llama/Llama-3.1-8B-Instruct"``, ``"llama-3.1-8b"`` and ``"nvidia/Llama-3.1-8B-Instruct-FP8"`` are one shape.

    Raises
    ------
    ServingError
        If no model of the catalogue has that name.
    """
    rows, bare = _rows(), _bare(name)
    if found := rows.get(bare):
        return found
    known = sorted({shape.name for shape in rows.values()})
    raise ServingError(
        f"model '{name}' is not in the catalogue{did_you_mean(bare, rows)}; known: {', '.join(known)};"
        " for another give its shape: ModelShape(name=..., hidden=..., ...) with the numbers of its config.json"
    )


# What names add to a shape: how a model was tuned, packed or dated.
_ADDED = re.compile(
    r"instruct|chat|it|hf|base|thinking|think|coder|vl|omni|meta|nvidia|preview|exp|fp8|fp4|nvfp4|mxfp4|bf16|int4|int8"
    r"|w4a16|w8a8|awq|gptq|dynamic|terminus|[bv]?\d{4}|v0\.\d"
)


def _bare(name: str) -> str:
    """The part of a name that tells the shape; what was distilled has the shape of what it was put into."""
    last = name.lower().rsplit("/", 1)[-1].replace("_", "-").rsplit("distill-", 1)[-1]
    return "-".join(word for word in last.split("-") if word and not _ADDED.fullmatch(word))


@cache
def _rows() -> dict[str, ModelShape]:
    """Shapes by name and alias."""
    found = {}
    with (files("gpusim.serving") / "catalogue" / "models.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sizes = {field.name: int(row[field.name]) for field in fields(ModelShape) if field.name != "name"}
            shape = ModelShape(row["name"], **sizes)
            for name in (row["name"], *row["aliases"].split()):
                found[_bare(name)] = shape
    return found
