"""How many graphs a compiled stream costs: few, whatever is asked, switched or seen while it plays.

Counted by a Dynamo back end that runs what it is given, so that no C++ compiler is needed. Graphs are
counted over all modules; each block of a network shares the graphs of its kind. As on CUDA, networks are
given buffers that are written in place where their shapes stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_checkpoint
import tiny_rtr_dit
import tiny_stream_dit
import tiny_streamedit_dit
import torch
from safetensors.torch import save_file
from tiny_lllite import random_adapter
from tiny_lora import write_lora
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import AnyConditioning, StyleTimeline, parse_schedule
from livestyle.engine.families import StreamRequest, compiling, load_model, make_runner
from livestyle.engine.families.base import (
    DenoiseSettings,
    ModelHandle,
    Runner,
    StreamModel,
    TemporalAdapter,
)
from livestyle.engine.motion.refresh import RefreshPolicy
from livestyle.engine.networks import cuda_graphs
from livestyle.engine.networks.lllite_file import save_lllite
from livestyle.engine.networks.transformer import CrossAttention
from livestyle.lab.benchmark.inline import play

SIDE = 32
PROMPTS = {index: {"t.prompt": "dark " * index} for index in range(1, 13)}
"""Twelve changes of prompt, each of another length."""


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[CompileCounter]:
    counter, compile_module = CompileCounter(), torch.nn.Module.compile

    def counted(module: torch.nn.Module, **options: Any) -> None:
        compile_module(module, **options, backend=counter)

    monkeypatch.setattr(torch.nn.Module, "compile", counted)
    monkeypatch.setattr(compiling, "obstacle", lambda _: "")
    monkeypatch.setattr(cuda_graphs, "recorder_for", lambda _: lambda run: run)
    torch._dynamo.reset()
    counters.clear()
    yield counter
    torch._dynamo.reset()


def load(folder: Path, **handle: str) -> StreamModel:
    return load_model(ModelHandle(str(folder), **handle), torch.device("cpu"), torch.float32)


def make(model: StreamModel, told: AnyConditioning | None = None, **settings: Any) -> Runner:
    request = StreamRequest(
        DenoiseSettings(**{"compile": True, **settings}),
        told or ConditioningRecipe("dark", node_id="t"),
        node_id="d",
        model_node_id="m",
        width=SIDE,
        height=SIDE,
    )
    return make_runner(model, request)


def stream(runner: Runner, chunks: int, changes: Mapping[int, Mapping[str, Any]], video: bool = True) -> None:
    needs = runner.requirements
    length = needs.first + (chunks - 1) * needs.chunk_frames
    frames = np.random.default_rng(0).integers(0, 255, (length, SIDE, SIDE, 3), dtype=np.uint8)
    for _ in play(runner, frames if video else None, length=length, changes=changes):
        pass
    assert not counters["graph_break"]


def style(prompt: str, node: str = "t") -> ConditioningRecipe:
    return ConditioningRecipe(prompt, node_id=node)


def two_styles() -> StyleTimeline:
    """They take turns at two frames, and once by hand; each turn is blended."""
    styles = (style("dark"), style("water glass stone", "q"))
    triggers = parse_schedule("13:2, 25:1", 2)
    return StyleTimeline(styles, triggers=triggers, policy="blend", blend_frames=8, node_id="s")


@pytest.mark.parametrize("video", [False, True])
def test_stream_dit_asked_and_laid_out_anew(
    graphs: CompileCounter, tmp_path: Path, video: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One graph for even and one for odd blocks, whose windows differ.

    A buffer that fills runs plainly without a word to the process: two streams on two lanes that set its
    stance, and set it back in another order, would leave it at that.
    """
    monkeypatch.setattr(torch.compiler, "set_stance", lambda _: pytest.fail("the process's stance changed"))
    model = load(tiny_stream_dit.write_tiny_checkpoint(tmp_path))
    layouts = {} if video else {3: {"d.chunk": 4}, 6: {"d.chunk": 16}, 9: {"d.chunk": 8, "d.steps": 2}}
    changes = {index: {**asked, **layouts.get(index, {})} for index, asked in PROMPTS.items()}
    stream(make(model), 13, changes, video)
    assert 1 <= graphs.frame_count <= 2


@pytest.mark.parametrize("told", [None, two_styles()], ids=["prompts", "styles"])
@pytest.mark.parametrize(("backend", "most"), [(None, 2), ("gather", 4)], ids=["whole", "selecting"])
def test_streamedit_dit_asked_while_its_window_grows(
    graphs: CompileCounter, tmp_path: Path, told: StyleTimeline | None, backend: str | None, most: int
) -> None:
    """Blocks that take the buffer whole are compiled for the first window and for all that follow.

    Where they select what they attend to, two of their layers are.
    """
    model = load(tiny_streamedit_dit.write_tiny_checkpoint(tmp_path))
    runner = make(model, told, advanced=(("attention_backend", backend),) if backend else ())
    seen, evaluate = set(), runner.state.stream.evaluate

    def watched(latents: torch.Tensor, *more: Any) -> torch.Tensor:
        seen.add(len(latents))
        return evaluate(latents, *more)

    runner.state.stream.evaluate = watched
    stream(runner, 14, PROMPTS if told is None else {10: {"s.active": 2}})
    assert len(seen) >= 4
    assert 1 <= graphs.frame_count <= most


@pytest.mark.parametrize("told", [None, two_styles()], ids=["prompts", "styles"])
def test_rtr_dit_asked_while_its_cache_grows(
    graphs: CompileCounter, tmp_path: Path, told: StyleTimeline | None
) -> None:
    checkpoint = tiny_rtr_dit.write_demo(tmp_path)
    factors, layer = {"lora_A": (4, 128), "lora_B": (128, 4)}, "base_model.model.model.blocks.1.self_attn.q"
    lora = tmp_path / "lora.safetensors"
    save_file({f"{layer}.{name}.weight": torch.ones(shape) for name, shape in factors.items()}, lora)
    model = load(checkpoint, lora=str(lora))
    strengths = {index: {"m.lora_strength": index / 13} for index in range(1, 13)}
    more = PROMPTS if told is None else {10: {"s.active": 2}}
    stream(make(model, told), 13, {index: {**strengths[index], **more.get(index, {})} for index in strengths})
    assert 1 <= graphs.frame_count <= 4


@pytest.mark.parametrize("on", ["plain", "adapter", "LoRA"])
def test_mllm_edit_asked(graphs: CompileCounter, tmp_path: Path, on: str) -> None:
    """An adapter's pictures, its multiplier and a LoRA's strength are written in place: still one graph."""
    checkpoint = tiny_checkpoint.write_tiny_checkpoint(tmp_path)
    model, changes = load(checkpoint), PROMPTS
    if on == "LoRA":
        lora = tmp_path / "lora.safetensors"
        write_lora(model.modules()[0], lora, "peft")
        model = load(checkpoint, lora=str(lora))
        changes = {index: {**asked, "m.lora_strength": index / 13} for index, asked in PROMPTS.items()}
    if on == "adapter":
        file = tmp_path / "lllite.safetensors"
        save_lllite(file, random_adapter(model.modules()[0]), {})
        model = model.patched((TemporalAdapter(str(file), refresh=RefreshPolicy(every=2), node_id="a"),))
        changes = {index: {**asked, "a.multiplier": index / 13} for index, asked in PROMPTS.items()}
    stream(make(model, chunk=2), 13, changes)
    assert graphs.frame_count == 1


@pytest.mark.parametrize("tiny", [tiny_stream_dit, tiny_streamedit_dit])
def test_one_prompt_needs_no_mask(tmp_path: Path, tiny: Any) -> None:
    """A mask, all True though it be, keeps attention from its fastest kernels."""
    model = load(tiny.write_tiny_checkpoint(tmp_path))
    masks = []
    for module in model.network.modules():
        if isinstance(module, CrossAttention):
            module.register_forward_pre_hook(lambda _, arguments: masks.append(arguments[1].mask))
    told = two_styles() if tiny is tiny_streamedit_dit else None
    stream(make(model, told, compile=False), 6, {2: {"t.prompt": "paint stone"}})
    assert masks and all(mask is None for mask in masks)
