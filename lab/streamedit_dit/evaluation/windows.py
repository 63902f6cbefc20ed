"""Table 6: fixed windows against the adaptive one; and what an evaluation costs by kind of attention."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import torch

from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import DenoiseSettings
from ....engine.families.streamedit_dit.model import StreamEditDiTModel
from ....engine.networks.sparse_attention.attention import Selections
from ...benchmark.inline import play
from ...benchmark.memory import peak_bytes
from ...evaluation.clips import Clip
from ...metrics.editing import EditJudge
from ...metrics.perceptual import EfficientNetLite0
from ...mllm_edit.benchmark.stages import seconds
from ..benchmark.streams import with_attention
from .edit60 import Pair, make_films

ADAPTIVE = "adaptive"
JUDGED = ("temporal_coherence", "identity_preservation")


def window_table(
    model: StreamEditDiTModel,
    pairs: Sequence[Pair],
    films: Mapping[str, Clip],
    trunk: EfficientNetLite0,
    *,
    frames: int,
    side: int,
    emit: Callable[[dict[str, Any]], None],
) -> dict[str, dict[str, float]]:
    """A row for each bucket of the model, and one for the adaptive window, by name.

    Window and memory are means over what the evaluations saw: history fills slowly, at the beginning, after
    a cut and when the window grows. Memory is what one evaluation allocates beside the weights.
    """
    buckets = model.profile.window.buckets
    memory = {length: evaluation_memory(model, length, side) for length in range(1, buckets[-1] + 1)}
    measured: dict[str, list[dict[str, float]]] = {str(length): [] for length in (*buckets, ADAPTIVE)}
    for pair in pairs:
        made = make_films(pair, films.get(pair.name), frames, side)
        judge = EditJudge(made.source, made.target, [made.wrong], trunk)
        for name in measured:
            fixed = 0 if name == ADAPTIVE else int(name)
            cpu, clock = time.process_time(), time.perf_counter()
            seen: Counter[int] = Counter()
            output = np.concatenate(list(_played(model, made.source, pair.asked.text, fixed, seen)))
            cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
            scores = judge.measure(output)
            row = {key: scores[key] for key in JUDGED} | {
                "window": fmean(seen.elements()),
                "memory_mb": fmean(memory[length] for length in seen.elements()) / 1e6,
                "cpu_ms_per_frame": cpu / len(output) * 1000.0,
                "ms_per_frame": clock / len(output) * 1000.0,
            }
            measured[name].append(row)
            emit({"table": "6", "pair": pair.name, "setting": name, **row})
    return {
        name: {key: fmean(row[key] for row in rows) for key in rows[0]} for name, rows in measured.items()
    }


def _played(
    model: StreamEditDiTModel, source: np.ndarray, prompt: str, fixed: int, seen: Counter[int]
) -> Iterator[np.ndarray]:
    """The edited clip; counts what the last evaluation before each result saw."""
    height, width = source.shape[1:3]
    advanced = (("cache_window", fixed),) if fixed else ()
    with torch.no_grad():
        runner = make_runner(
            model,
            StreamRequest(
                DenoiseSettings(noise="fresh", advanced=advanced),
                ConditioningRecipe(prompt, node_id="text"),
                node_id="denoise",
                model_node_id="model",
                width=width,
                height=height,
            ),
        )
    for part in play(runner, source):
        seen[runner.seen] += 1
        yield part


@torch.inference_mode()
def evaluation_memory(model: StreamEditDiTModel, window: int, side: int) -> int:
    """Bytes that one evaluation of so many frames allocates at its peak."""
    return peak_bytes(_evaluation(model, window, side), model.network.place[0])


@torch.inference_mode()
def attention_times(model: StreamEditDiTModel, windows: Sequence[int], side: int) -> list[dict[str, Any]]:
    """Milliseconds of an evaluation: dense, sparse (DSA by gathered blocks), and in moved windows."""
    device, rows = model.network.place[0], []
    dense, windowed = (with_attention(model.network, kind) for kind in ("dense", "windowed"))
    for window in windows:
        selections = Selections(model.network.config.dsa.refresh, backend="gather")
        work = {
            "dense": _evaluation(model, window, side, network=dense),
            "sparse": _evaluation(model, window, side, selections),
            "windowed": _evaluation(model, window, side, network=windowed),
        }
        row: dict[str, Any] = {"window": window, "side": side}
        row |= {f"{name}_ms": seconds(each, device) * 1000.0 for name, each in work.items()}
        rows.append(row | {"density": fmean(selections.density.values())})
    return rows


def _evaluation(
    model: StreamEditDiTModel,
    window: int,
    side: int,
    selections: Selections | None = None,
    network: torch.nn.Module | None = None,
) -> Callable[[], torch.Tensor]:
    """One evaluation of a full window with the model's default layout."""
    net, layout = network or model.network, model.profile.partitions[0]
    device, dtype = model.network.place
    cells = side // model.autoencoder.spatial
    shape = (1, window, model.autoencoder.channels, cells, cells)
    generator = torch.Generator().manual_seed(0)
    x, source = (torch.randn(shape, generator=generator).to(device, dtype) for _ in range(2))
    history = max(0, window - layout.length)
    levels = [layout.sigma(slot) for slot in range(min(window, layout.length))]
    sigma = torch.tensor([[0.0] * history + levels], device=device)
    text = net.read_text({}, 1)
    return lambda: net(x, sigma, source, text, min(history, 1), selections)
