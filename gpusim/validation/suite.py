"""All anchors by number, and running some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpusim.errors import GpusimError
from gpusim.validation import (
    acme,
    blocking,
    capping,
    contracts,
    curtailment,
    elastic,
    engine_limits,
    failures,
    fair_finish,
    fair_types,
    generation,
    hindcast,
    occupancy,
    one_queue,
    packing,
    physical,
    power,
    preemptive,
    queueing,
    recorded,
    scheduling,
    serving,
    shares_of_2026,
    sia_types,
    slips,
    splitwise,
    stages,
    tariffs,
    time_slices,
    tiresias,
    typical_years,
    vidur,
    workload,
)
from gpusim.validation.anchor import Anchor, Effort, Row

ANCHORS: dict[int, Anchor] = {
    1: queueing.mmc,
    2: queueing.loss,
    3: queueing.mg1,
    4: time_slices.processor_sharing,
    5: preemptive.blind_and_seeing,
    6: queueing.priorities,
    7: queueing.pooling,
    8: queueing.large_pool,
    9: occupancy.unlimited,
    10: queueing.head_of_line,
    11: occupancy.little,
    12: scheduling.backfill_or_not,
    13: scheduling.delayed_third,
    14: scheduling.easy_promise,
    15: scheduling.fairness,
    16: packing.measure,
    17: packing.allocation,
    18: packing.fragmentation,
    19: failures.time_to_failure,
    20: failures.causes_of_interruptions,
    21: failures.effective_training_time,
    22: failures.best_interval,
    23: failures.llama3,
    24: failures.llama3_gpu_hours,
    25: failures.nodes_down,
    26: power.flat_year,
    27: power.busy_fleet,
    28: capping.power_step,
    29: physical.ramp,
    30: tariffs.peaks_and_capacity,
    31: contracts.take_or_pay,
    32: physical.shared_link,
    33: workload.request_traces,
    34: workload.daily_rate,
    35: blocking.gangs,
    36: blocking.power,
    37: blocking.cycles,
    38: scheduling.conservative,
    39: power.air_hall,
    40: blocking.promised_power,
    41: serving.engine_as_queue,
    42: serving.measured_vllm,
    43: splitwise.splitwise_runs,
    44: vidur.vidur_runs,
    45: engine_limits.engine_of_seats,
    46: engine_limits.traces_replayed,
    47: tiresias.tiresias_runs,
    48: recorded.recorded_runs,
    49: stages.load_stages,
    50: recorded.easy_runs,
    51: recorded.gavel_runs,
    52: capping.more_servers,
    53: hindcast.coreweave,
    54: elastic.equal_parts,
    55: slips.promised,
    56: fair_types.knowing_types,
    57: elastic.sia_beside_pollux,
    58: fair_finish.themis_beside_tiresias,
    59: one_queue.pooled_by_mast,
    60: tariffs.bills_of_a_year,
    61: curtailment.calls,
    62: generation.gas_or_grid,
    63: acme.seren,
    64: sia_types.sia_over_types,
    65: shares_of_2026.uses,
    66: typical_years.regions_by_means,
}

SOURCES: dict[int, str] = {
    1: "Erlang (1917)",
    2: "Erlang (1917)",
    3: "Pollaczek (1930), Khinchine (1932)",
    4: "Kleinrock (1976): processor sharing",
    5: "Kleinrock (1976), Schrage and Miller (1966)",
    6: "Cobham (1954)",
    7: "Erlang (1917)",
    8: "Erlang (1917)",
    9: "M/G/infinity: Poisson numbers",
    10: "Markov chain of two GPUs",
    11: "Little (1961)",
    12: "worked by hand",
    13: "worked by hand",
    14: "Mu'alem and Feitelson (2001), counted independently",
    15: "Mahajan et al. (2020), Feitelson et al. (1997)",
    16: "Weng et al. (2023), worked by hand",
    17: "Weng et al. (2023), FGD",
    18: "Weng et al. (2023), FGD",
    19: "Kokolis et al. (2024)",
    20: "Llama 3 (2024)",
    21: "renewal theory",
    22: "Young (1974), Daly (2006)",
    23: "Llama 3 (2024)",
    24: "Llama 3 (2024)",
    25: "M/G/infinity: Poisson numbers",
    26: "conservation",
    27: "conservation",
    28: "worked by hand, measured watts",
    29: "worked by hand",
    30: "ERCOT and PJM tariffs",
    31: "worked by hand",
    32: "max-min sharing, worked by hand",
    33: "Azure LLM traces (2023)",
    34: "Lewis and Shedler (1979)",
    35: "counted apart",
    36: "counted apart",
    37: "counted apart",
    38: "counted apart",
    39: "catalogue of cooling",
    40: "worked by hand",
    41: "Pollaczek (1930), Khinchine (1932)",
    42: "casys-kaist/LLMServingSim, bench",
    43: "Mutinifni/splitwise-sim 8f99e7d",
    44: "microsoft/vidur 7d47513",
    45: "Kiefer and Wolfowitz (1955)",
    46: "Azure LLM traces (2023), a plain engine",
    47: "SymbioticLab/Tiresias 959f9b0",
    48: "AccaSim 1.1.3, Lucid's simulator 63685a3",
    49: "inference-sim/training",
    50: "an independent EASY",
    51: "stanford-futuredata/gavel c4fa400",
    52: "POLCA (2024), the curve of caps",
    53: "quarters published by CoreWeave, 2025 and 2026",
    54: "Berg et al. (2018): a birth-death chain",
    55: "what was promised for 2025 and 2026, and what came",
    56: "stanford-futuredata/gavel c4fa400",
    57: "Jayaram Subramanya et al. (2023), Qiao et al. (2021)",
    58: "Mahajan et al. (2020), Gu et al. (2019)",
    59: "pooling; Choudhury et al. (2024)",
    60: "worked by hand, conservation",
    61: "worked by hand",
    62: "worked by hand",
    63: "InternLM/AcmeTrace (2023)",
    64: "Jayaram Subramanya et al. (2023)",
    65: "Deloitte (2026), Epoch (2026), conservation",
    66: "means of prices, carbon and weather as published, 2024",
}


def choose(text: str | None) -> list[int]:
    """Numbers of anchors in a list such as ``"1,12"``; all if there is none.

    Raises
    ------
    GpusimError
        Naming every entry that is no anchor.
    """
    if text is None:
        return list(ANCHORS)
    entries = [entry.strip() for entry in text.split(",")]
    unknown = [entry for entry in entries if not (entry.isdecimal() and int(entry) in ANCHORS)]
    if unknown:
        raise GpusimError(
            f"--only: no anchor {', '.join(repr(entry) for entry in unknown)};"
            f" known: {', '.join(map(str, ANCHORS))}; write them as in --only 1,12"
        )
    return sorted({int(entry) for entry in entries})


def validate(items: Sequence[int], effort: Effort, progress: Callable[[float], None] | None = None) -> list[Row]:
    """Rows of some anchors; ``progress`` is called with the share of the anchors that are done."""
    rows = []
    for done, item in enumerate(items):
        if progress is not None:
            progress(done / len(items))
        rows.extend(ANCHORS[item](effort))
    return rows
