"""ServeGen's clients of a model service (alibaba/ServeGen): rates, bursts and lengths, from which requests are drawn.

A folder of ``chunk-N-trace.csv`` (no header: time [s], requests/s, CV, "Gamma" or "Weibull" or nothing, shape, scale
of the times between requests, for the window up to the next row) and ``chunk-N-dataset.json`` (time of a window: tokens
and their probabilities, as Python writes a dict).
"""

from __future__ import annotations

import ast
import json
import math
import re
from pathlib import Path

import numpy as np

from gpusim import rng
from gpusim.errors import TraceError
from gpusim.inputs.requests.trace import Requests
from gpusim.inputs.traces.source import Source

_TRACE = re.compile(r"chunk-(\d+)-trace\.csv(\.gz)?")
PROMPTS = ("input_tokens", "text_tokens", "image_tokens", "audio_tokens", "video_tokens")  # those there are, summed
OUTPUT = "output_tokens"
PATTERNS = ("Gamma", "Weibull")
Lengths = dict[str, tuple[np.ndarray, np.ndarray]]  # tokens and probabilities, by what they are tokens of


def read_servegen(folder: Path, seed: int = 0) -> Requests:
    """Requests drawn from all clients of a folder that have lengths; each client has a random stream of its own.

    Raises
    ------
    TraceError
        If the folder holds no such client, or a file of one cannot be read.
    """
    clients = sorted((int(found[1]), path) for path in folder.iterdir() if (found := _TRACE.fullmatch(path.name)))
    parts, without = [], 0
    for number, path in clients:
        datasets = [folder / f"chunk-{number}-dataset.json{end}" for end in ("", ".gz")]
        dataset = next((one for one in datasets if one.exists()), None)
        if dataset is None:
            without += 1
            continue
        parts.append(_drawn(_windows(path), _lengths(dataset), rng.stream(seed, "servegen", number)))
    if not parts:
        raise TraceError(
            f"{folder}: no ServeGen client: {len(clients)} chunk-N-trace.csv, none with a dataset.json of its own"
        )
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return Requests(
        arrival_s=rows[:, 0] - (rows[0, 0] if len(rows) else 0.0),
        prompt_tokens=rows[:, 1].astype("i8"),
        output_tokens=rows[:, 2].astype("i8"),
        origin=None,
        notes={"clients without lengths": without} if without else {},
    )


def _windows(path: Path) -> list[tuple[float, float, str, float, float]]:
    """(start, end, pattern, shape, scale) of the windows in which requests come.

    The scale is the one by which gaps are as long, in the mean, as the rate says; the file's own is off where few came.
    """
    source = Source(path, "a trace of requests")
    rows, found = [], []
    for line, text in enumerate(source.data.decode().splitlines(), start=1):
        cells = text.split(",")
        try:
            start_s, rate, _cv, pattern, shape, _scale = cells
            rows.append((float(start_s), float(rate), pattern, float(shape)))
        except ValueError:
            source.faults.add(f"line {line}: found {text[:60]!r}; give time, rate, CV, pattern, shape, scale")
    source.faults.check()
    width_s = rows[1][0] - rows[0][0] if len(rows) > 1 else 600.0
    for i, (start_s, rate, pattern, shape) in enumerate(rows):
        end_s = rows[i + 1][0] if i + 1 < len(rows) else start_s + width_s
        if pattern in PATTERNS and shape > 0.0 and rate > 0.0:
            mean = shape if pattern == "Gamma" else math.gamma(1.0 + 1.0 / shape)
            found.append((start_s, end_s, pattern, shape, 1.0 / (rate * mean)))
        elif pattern and pattern not in PATTERNS:
            source.faults.add(f"line {i + 1}: found pattern {pattern!r}; known: {', '.join(PATTERNS)}")
    source.faults.check()
    return found


def _lengths(path: Path) -> list[tuple[float, Lengths]]:
    """Distributions of tokens by the start of their window, those that hold any."""
    source, found = Source(path, "a trace of requests"), []
    try:
        for start, text in json.loads(source.data).items():
            tables = ast.literal_eval(text) if isinstance(text, str) else text
            known = {name: _distribution(tables[name]) for name in (*PROMPTS, OUTPUT) if tables.get(name, "{}") != "{}"}
            if OUTPUT in known and len(known) > 1:
                found.append((float(start), known))
    except (ValueError, SyntaxError, TypeError, AttributeError, RecursionError) as error:
        source.faults.stop(f"no distributions of tokens by window ({str(error)[:80]})")
    if not found:
        source.faults.stop(f"no window has {OUTPUT} and one of {', '.join(PROMPTS)}")
    return sorted(found, key=lambda window: window[0])


def _distribution(text: object) -> tuple[np.ndarray, np.ndarray]:
    table = ast.literal_eval(text) if isinstance(text, str) else text
    tokens, chance = np.array(list(table), float), np.array(list(table.values()), float)
    return tokens, chance / chance.sum()


def _drawn(windows: list, lengths: list[tuple[float, Lengths]], generator: np.random.Generator) -> np.ndarray:
    """Arrival, prompt and output of all requests of a client, shape (n, 3)."""
    starts = np.array([start_s for start_s, _known in lengths])
    rows = [np.empty((0, 3))]
    for start_s, end_s, pattern, shape, scale in windows:
        times_s = _times(pattern, shape, scale, end_s - start_s, generator) + start_s
        known = lengths[max(int(np.searchsorted(starts, start_s, side="right")) - 1, 0)][1]
        drawn = {name: generator.choice(tokens, len(times_s), p=chance) for name, (tokens, chance) in known.items()}
        prompts = sum(drawn[name] for name in PROMPTS if name in drawn)
        rows.append(np.column_stack([times_s, np.maximum(prompts, 1.0), np.maximum(drawn[OUTPUT], 1.0)]))
    return np.concatenate(rows)


def _times(pattern: str, shape: float, scale: float, span_s: float, generator: np.random.Generator) -> np.ndarray:
    """[s] Of requests within a window, whose gaps are of a distribution.

    The first comes after a part of a gap as a window meets it, a longer one the rather: so many requests come in the
    mean as the rate says, however much they burst.
    """
    if pattern == "Gamma":
        met_s = scale * generator.gamma(shape + 1.0)
    else:
        met_s = scale * generator.gamma(1.0 + 1.0 / shape) ** (1.0 / shape)
    parts = [np.array([met_s * generator.random()])]
    while parts[-1][-1] < span_s:
        gaps = generator.gamma(shape, scale, 256) if pattern == "Gamma" else scale * generator.weibull(shape, 256)
        parts.append(parts[-1][-1] + np.cumsum(gaps))
    times_s = np.concatenate(parts)
    return times_s[times_s < span_s]
