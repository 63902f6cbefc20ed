"""Streams of the demo checkpoints on a pretended CUDA device, each played once for all tests that ask."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import AnyConditioning, StyleTimeline
from livestyle.engine.families import WEIGHTS, StreamRequest, demo_adapters, load_model, make_runner
from livestyle.engine.families.base import DenoiseSettings, ModelHandle, Runner, StreamModel, TemporalAdapter
from livestyle.engine.motion.refresh import RefreshPolicy
from livestyle.lab.benchmark.dry_run.pretended import DEVICE, PretendedCuda, pretend_cuda
from livestyle.lab.benchmark.dry_run.watched import Passed, Watched
from livestyle.lab.benchmark.inline import play

GOLDEN = Path(__file__).parents[1] / "device" / "golden.json"
"""Waits of the host and kernels of attention, by case and moment."""
SIDE, DTYPE = 64, torch.bfloat16
CHUNKS = 7
MOMENTS = {"steady": 4, "prompt": 5, "switch": 6}
"""Chunks that are looked at: one with full caches, one with another prompt, one with another style."""
PROMPT = "blue watercolour"


@dataclass(frozen=True)
class Case:
    """One stream.

    Attributes:
        family: folder of the demo checkpoint.
        settings: the widgets of StreamDenoise.
        told: what it is conditioned on; a timeline is switched to its second style.
        switch: live values that change in place of a style, where the family has none to switch.
        source: whether there is a video.
        adapter: whether the demo's temporal adapter is on, renewed every chunk.
        devices: of the model's parts, as the handle has them.
    """

    family: str
    settings: DenoiseSettings = DenoiseSettings(noise="fresh")
    told: AnyConditioning = field(default_factory=lambda: two_styles())
    switch: Mapping[str, Any] = field(default_factory=lambda: {"styles.active": 2})
    source: bool = True
    adapter: bool = False
    devices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Stream:
    """A stream that was played.

    Attributes:
        model: with its weights on the device.
        passed: every stage of every chunk, in order.
        weights: bytes on the device before the runner was made.
        peak: bytes on the device at most, all lanes at work.
        predicted: bytes that the model asks for beside its weights.
        crossed: bytes that went between devices, as the runner counts them.
    """

    model: StreamModel
    passed: list[Passed]
    weights: int
    peak: int
    predicted: int
    crossed: int

    def stages(self, moment: str) -> list[Passed]:
        """Those of the chunk that a moment names."""
        return [entry for entry in self.passed if entry.chunk == MOMENTS[moment]]


def style(prompt: str, node: str, **more: Any) -> ConditioningRecipe:
    return ConditioningRecipe(prompt, node_id=node, **more)


def two_styles(policy: str = "refresh_last", **more: Any) -> StyleTimeline:
    styles = (style("oil painting", "text", **more), style("pencil sketch on paper", "other", **more))
    return StyleTimeline(styles, policy=policy, blend_frames=2, node_id="styles")


LAYOUT = {"denoise.chunk": 16}
CASES = {
    "mllm-edit": Case("mllm-edit", DenoiseSettings(), two_styles("blend")),
    "mllm-edit, adapter": Case("mllm-edit", DenoiseSettings(), two_styles("blend"), adapter=True),
    "rtr-dit": Case("rtr-dit"),
    "stream-dit": Case("stream-dit", told=style("oil painting", "text"), switch=LAYOUT, source=False),
    "stream-dit, video": Case(
        "stream-dit", DenoiseSettings(noise="fresh", strength=0.5), style("oil painting", "text"), switch={}
    ),
    "streamedit-dit": Case("streamedit-dit", DenoiseSettings(noise="fresh", advanced=(("cache_window", 4),))),
}

REPLAYED = {
    f"{name}, graphs": replace(case, settings=replace(case.settings, compile=True))
    for name, case in CASES.items()
}
"""The same where ``compile`` replays CUDA graphs; nothing is compiled on a pretended device."""

BESIDE = (("text_encoder_device", "cuda:1"), ("autoencoder_device", "cuda:1"))
SPREAD = {f"{name}, two cards": replace(case, devices=BESIDE) for name, case in CASES.items()} | {
    "mllm-edit, three devices": replace(
        CASES["mllm-edit"],
        devices=(("device", "cuda:1"), ("text_encoder_device", "cpu"), ("autoencoder_device", "cuda:0")),
    ),
    "rtr-dit, halves": replace(CASES["rtr-dit"], devices=(("device", "cuda:0+cuda:1"),)),
    "rtr-dit, halves, fp8 cache": replace(
        CASES["rtr-dit"],
        settings=replace(CASES["rtr-dit"].settings, advanced=(("cache_precision", "fp8"),)),
        devices=(("device", "cuda:0+cuda:1"),),
    ),
}
"""The same with parts on different devices."""

_claimed: set[str] = set()


def claim(kind: str) -> None:
    """Skips where the process has used the other kind of device: the engine keeps some tensors as long."""
    if _claimed - {kind}:
        pytest.skip("the device was another one before: run this file alone")
    _claimed.add(kind)


@cache
def stream(name: str) -> Stream:
    """Play a case; anything that a device would refuse raises what torch raises."""
    claim("pretended")
    with pretend_cuda() as device:
        return _play((CASES | REPLAYED | SPREAD)[name], device)


def known(file: Path, name: str, found: dict[str, Any]) -> dict[str, Any]:
    """What a golden file says of a case; with LIVESTYLE_WRITE_GOLDEN set it is written there first."""
    golden = json.loads(file.read_text()) if file.exists() else {}
    if os.environ.get("LIVESTYLE_WRITE_GOLDEN"):
        golden |= {name: found}
        file.write_text(json.dumps(golden, indent=1) + "\n")
    return golden[name]


def handle(case: Case) -> ModelHandle:
    """Of the demo checkpoint."""
    return ModelHandle(str(WEIGHTS / case.family), **dict(case.devices))


def _play(case: Case, device: PretendedCuda) -> Stream:
    model = load_model(handle(case), DEVICE, DTYPE)
    weights = device.memory.now
    patched = patch(case, model)
    runner = make(case, patched)
    watched = Watched(runner, device)
    for _ in played(case, watched):
        pass
    predicted = patched.stream_bytes(case.settings, SIDE, SIDE)
    crossed = 0 if runner.crossing is None else runner.crossing.bytes
    return Stream(model, watched.passed, weights, watched.peak, predicted, crossed)


def patch(case: Case, model: StreamModel) -> StreamModel:
    """The model with the case's adapter on."""
    if not case.adapter:
        return model
    path = next(iter(demo_adapters().values()))
    return model.patched((TemporalAdapter(str(path), refresh=RefreshPolicy(every=1), node_id="adapter"),))


def make(case: Case, model: StreamModel) -> Runner:
    """A fresh runner."""
    request = StreamRequest(
        case.settings, case.told, node_id="denoise", model_node_id="model", width=SIDE, height=SIDE
    )
    with torch.no_grad():
        return make_runner(model, request)


def played(case: Case, runner: Runner) -> Iterator[np.ndarray]:
    """Its chunks, with what changes while it plays."""
    needs = runner.requirements
    length = needs.first + (CHUNKS - 1) * needs.chunk_frames
    pixels = np.random.default_rng(0).integers(0, 256, (length, SIDE, SIDE, 3), dtype=np.uint8)
    changes = {MOMENTS["prompt"]: {"text.prompt": PROMPT}, MOMENTS["switch"]: case.switch}
    return play(runner, pixels if case.source else None, length=length, changes=changes)
