"""Streams whose networks are replayed show, to the bit, what they show without, whatever happens meanwhile.

A tape stands in for CUDA's graphs (``tests/support/tape.py``): it does the same operators again on the same
memory, and none of the network's Python.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from tape import Taping
from tiny_lllite import random_adapter
from tiny_lora import write_lora

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import AnyConditioning, StyleTimeline
from livestyle.engine.families import StreamRequest, compiling, load_model, make_runner
from livestyle.engine.families.base import (
    Chunk,
    DenoiseSettings,
    ModelHandle,
    Runner,
    StreamModel,
    TemporalAdapter,
)
from livestyle.engine.families.remembered import copied_state
from livestyle.engine.motion.refresh import RefreshPolicy
from livestyle.engine.networks import cuda_graphs
from livestyle.engine.networks.lllite_file import save_lllite
from livestyle.lab.benchmark.inline import play
from livestyle.lab.benchmark.published import Published, build

SIDE = 32


@pytest.fixture
def taping(monkeypatch: pytest.MonkeyPatch) -> Taping:
    """``compile`` records and replays, and compiles nothing."""
    recorder = Taping()
    monkeypatch.setattr(cuda_graphs, "recorder_for", lambda _: recorder)
    monkeypatch.setattr(compiling, "obstacle", lambda _: "")
    monkeypatch.setattr(torch.nn.Module, "compile", lambda *_, **__: None)
    return recorder


@dataclass(frozen=True)
class Show:
    """A stream of a tiny checkpoint.

    Attributes:
        changes: live values by chunk.
        replayed: evaluations at least that are replayed.
        recorded: graphs at most.
    """

    tiny: Any
    changes: Mapping[int, Mapping[str, Any]]
    replayed: int
    recorded: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    told: AnyConditioning = field(default_factory=lambda: style("dark"))
    video: bool = True
    chunks: int = 13
    cut: bool = False
    adapted: bool = False
    lora: bool = False


def style(prompt: str, node: str = "t") -> ConditioningRecipe:
    return ConditioningRecipe(prompt, node_id=node)


def two_styles(policy: str) -> StyleTimeline:
    styles = (style("dark"), style("water glass stone", "q"))
    return StyleTimeline(styles, policy=policy, blend_frames=8, node_id="s")


PROMPTS = {index: {"t.prompt": "dark " * (index // 2 % 4)} for index in range(1, 13)}
SWITCHES = {4: {"s.active": 2}, 9: {"s.active": 1}}
SELDOM = {7: {"t.prompt": "water stone"}, 12: {"t.prompt": "glass"}}
"""A change of prompt empties most histories, which then fill again, unreplayed."""
STRENGTHS = {index: {"m.lora_strength": index / 13} for index in range(1, 13)}
STRONGER = {7: {"m.lora_strength": 0.5}}
LAYOUTS = {3: {"d.chunk": 4}, 6: {"d.chunk": 16}, 9: {"d.chunk": 8, "d.steps": 2}}
WINDOW = ("cache_window", 7)

SHOWS = {
    "mllm-edit": Show(tiny_checkpoint, PROMPTS, 20, 4, {"chunk": 2, "steps": 2}),
    "mllm-edit, blend": Show(tiny_checkpoint, SWITCHES, 10, 4, {"chunk": 2}, two_styles("blend"), cut=True),
    "mllm-edit, adapter": Show(
        tiny_checkpoint,
        {index: {"a.multiplier": index / 13, **PROMPTS[index]} for index in PROMPTS},
        10,
        4,
        {"chunk": 2},
        adapted=True,
        cut=True,
    ),
    "mllm-edit, LoRA": Show(tiny_checkpoint, STRENGTHS, 10, 4, {"chunk": 2}, lora=True),
    "stream-dit": Show(tiny_stream_dit, PROMPTS, 10, 5, video=False),
    "stream-dit, layouts": Show(tiny_stream_dit, LAYOUTS, 20, 2, video=False),
    "stream-dit, video": Show(tiny_stream_dit, PROMPTS, 6, 5, {"strength": 0.5}),
    "streamedit-dit": Show(tiny_streamedit_dit, SELDOM, 8, 3, {"advanced": (WINDOW,)}, chunks=18),
    "streamedit-dit, adaptive": Show(tiny_streamedit_dit, SWITCHES, 5, 4, told=two_styles("refresh_last")),
    "streamedit-dit, cut": Show(tiny_streamedit_dit, {}, 10, 2, {"advanced": (WINDOW,)}, cut=True, chunks=20),
    "rtr-dit": Show(tiny_rtr_dit, SELDOM, 8, 2),
    "rtr-dit, blend": Show(tiny_rtr_dit, SWITCHES, 15, 2, told=two_styles("blend")),
    "rtr-dit, refresh": Show(tiny_rtr_dit, SWITCHES, 5, 2, told=two_styles("refresh_last")),
    "rtr-dit, LoRA": Show(tiny_rtr_dit, STRONGER, 8, 2, lora=True),
    "rtr-dit, batch": Show(tiny_rtr_dit, SELDOM, 4, 2, {"advanced": (("stream_batch", True),), "steps": 2}),
    "rtr-dit, eight bits": Show(tiny_rtr_dit, SELDOM, 8, 2, {"advanced": (("cache_precision", "fp8"),)}),
    "rtr-dit, absolute": Show(tiny_rtr_dit, SELDOM, 8, 2, {"advanced": (("rope_mode", "absolute"),)}),
}


def model_of(show: Show, folder: Path) -> StreamModel:
    writes = getattr(show.tiny, "write_tiny_checkpoint", None) or show.tiny.write_demo
    checkpoint, lora = writes(folder), ""
    cpu = torch.device("cpu")
    if show.lora:
        lora = str(folder / "lora.safetensors")
        if show.tiny is tiny_rtr_dit:
            layer = "base_model.model.model.blocks.1.self_attn.q"
            factors = {"lora_A": (4, 128), "lora_B": (128, 4)}
            save_file({f"{layer}.{name}.weight": torch.ones(shape) for name, shape in factors.items()}, lora)
        else:
            plain = load_model(ModelHandle(str(checkpoint)), cpu, torch.float32)
            write_lora(plain.modules()[0], Path(lora), "peft")
    model = load_model(ModelHandle(str(checkpoint), lora=lora), cpu, torch.float32)
    if show.adapted:
        file = folder / "lllite.safetensors"
        save_lllite(file, random_adapter(model.modules()[0]), {})
        model = model.patched((TemporalAdapter(str(file), refresh=RefreshPolicy(every=2), node_id="a"),))
    return model


def make(model: StreamModel, show: Show, compiled: bool) -> Runner:
    request = StreamRequest(
        DenoiseSettings(**{"compile": compiled, **show.settings}),
        show.told,
        node_id="d",
        model_node_id="m",
        width=SIDE,
        height=SIDE,
    )
    return make_runner(model, request)


def pictures(runner: Runner, show: Show) -> np.ndarray:
    """A picture that moves to the left; its negative from the middle on, where there is a cut."""
    needs = runner.requirements
    length = needs.first + (show.chunks - 1) * needs.chunk_frames
    wide = np.random.default_rng(0).integers(0, 255, (SIDE // 8, (SIDE + length) // 8 + 1, 3), dtype=np.uint8)
    wide = wide.repeat(8, 0).repeat(8, 1)
    frames = np.stack([wide[:, at : at + SIDE] for at in range(length)])
    if show.cut:
        frames[length // 2 :] = (255 - frames[length // 2 :]) // 3
    return frames


def shown(runner: Runner, show: Show) -> np.ndarray:
    frames = pictures(runner, show)
    played = play(runner, frames if show.video else None, length=len(frames), changes=show.changes)
    return np.concatenate(list(played))


@pytest.mark.parametrize("name", list(SHOWS))
def test_a_replayed_stream_is_the_same_to_the_bit(name: str, tmp_path: Path, taping: Taping) -> None:
    show = SHOWS[name]
    model = model_of(show, tmp_path)
    expected = shown(make(model, show, False), show)
    assert not taping.recorded
    found = shown(make(model, show, True), show)
    assert np.array_equal(found, expected)
    assert taping.replayed >= show.replayed and 1 <= taping.recorded <= show.recorded


@pytest.mark.parametrize("name", ["mllm-edit, adapter", "stream-dit", "streamedit-dit", "rtr-dit"])
def test_a_chunk_made_again_is_not_replayed_on_memory_of_before(
    name: str, tmp_path: Path, taping: Taping
) -> None:
    """As in a pause: the stream goes on from a copy of what it remembered, whose cache is elsewhere."""
    show = SHOWS[name]
    model = model_of(show, tmp_path)
    expected = shown(make(model, show, False), show)
    runner = make(model, show, True)
    encode = runner.encode

    def again(chunk: Chunk) -> Any:
        if chunk.index in (show.chunks // 2, show.chunks - 2):
            before = copied_state(runner)
            runner.denoise(encode(chunk), chunk.live)
            runner.state = before
        return encode(chunk)

    runner.encode = again
    assert np.array_equal(shown(runner, show), expected)
    assert taping.replayed


PUBLISHED = {
    "self_forcing": {"window": 6},
    "rolling_forcing": {},
    "memflow": {},
    "reward_forcing": {},
    "streamdiffusion_v2": {},
    "longlive_2": {},
    "liveedit": {"mask_cache": 0.3, "window": 6},
    "diagonal": {},
}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_published_models_are_the_same_to_the_bit(name: str, taping: Taping) -> None:
    """Windows of blocks, a bank, sinks that change, tokens that are left out, frames at six levels."""
    family, option = ("streamedit-dit", "layout") if name == "diagonal" else ("rtr-dit", "profile")
    row = Published(family, name, 1, options={option: name, **PUBLISHED[name]})
    stream = build(row, torch.device("cpu"), torch.float32, toy=True)
    edits = name in ("streamdiffusion_v2", "liveedit", "diagonal")
    clip = stream.pictures(14)

    def played(compiled: bool) -> np.ndarray:
        source = clip if edits else None
        return np.concatenate(list(play(stream.runner(compiled=compiled), source, length=len(clip))))

    expected = played(False)
    assert np.array_equal(played(True), expected)
    assert taping.replayed > taping.recorded >= 1


def test_streams_of_one_model_do_not_see_each_other(tmp_path: Path, taping: Taping) -> None:
    shows = [SHOWS["rtr-dit"], Show(tiny_rtr_dit, SWITCHES, 0, 0, told=two_styles("blend"))]
    model = model_of(shows[0], tmp_path)
    expected = [shown(make(model, show, False), show) for show in shows]
    runners = [make(model, show, True) for show in shows]
    plays = [
        play(runner, pictures(runner, show), changes=show.changes)
        for runner, show in zip(runners, shows, strict=True)
    ]
    found = list(zip(*plays, strict=True))
    assert taping.replayed
    for number, whole in enumerate(expected):
        assert np.array_equal(np.concatenate([chunks[number] for chunks in found]), whole)


@pytest.mark.parametrize("moved", ["in place", "replaced", "another thread"])
def test_weights_that_move_and_another_thread_are_recorded_anew(
    moved: str, tmp_path: Path, taping: Taping
) -> None:
    """As ComfyUI moves weights away and back between two bursts of work."""
    show = SHOWS["stream-dit"]
    model = model_of(show, tmp_path)
    expected = shown(make(model, show, False), show)
    runner = make(model, show, True)
    played = play(runner, None, length=len(expected), changes=show.changes)
    found = [next(played) for _ in range(5)]
    before = taping.recorded
    if moved == "in place":
        for parameter in model.modules()[0].parameters():
            old, parameter.data = parameter.data, parameter.data.clone()
            old.zero_()
    elif moved == "replaced":
        layer = next(each for each in model.modules()[0].modules() if isinstance(each, torch.nn.Linear))
        old, layer.weight = layer.weight, torch.nn.Parameter(layer.weight.detach().clone(), False)
        with torch.no_grad():
            old.zero_()
    rest = threading.Thread(target=lambda: found.extend(played))
    if moved == "another thread":
        rest.start()
        rest.join()
    found.extend(played)
    assert np.array_equal(np.concatenate(found), expected)
    assert taping.recorded > before


def test_where_nothing_can_be_recorded_the_stream_goes_on(
    tmp_path: Path, taping: Taping, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(cuda_graphs.log, "warning", lambda line, *parts: said.append(line % parts))

    def refused(_: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(cuda_graphs, "recorder_for", lambda _: refused)
    show = SHOWS["mllm-edit"]
    model = model_of(show, tmp_path)
    expected = shown(make(model, show, False), show)
    assert np.array_equal(shown(make(model, show, True), show), expected)
    assert len(said) == 1 and "operation not permitted" in said[0]
