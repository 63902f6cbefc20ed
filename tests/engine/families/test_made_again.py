"""A chunk that is made again, as in a pause: as if it had been made once, and the next ones, too."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_checkpoint
import tiny_rtr_dit
import tiny_stream_dit
import tiny_streamedit_dit
import torch

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.families import StreamRequest, load_model, make_runner
from livestyle.engine.families.base import Chunk, DenoiseSettings, ModelHandle, Runner
from livestyle.engine.families.remembered import copied_state
from livestyle.engine.media.types import Frames

SIDE = 32
FAMILIES = {
    "mllm-edit": tiny_checkpoint.write_tiny_checkpoint,
    "rtr-dit": tiny_rtr_dit.write_demo,
    "stream-dit": tiny_stream_dit.write_tiny_checkpoint,
    "streamedit-dit": tiny_streamedit_dit.write_tiny_checkpoint,
}
CLIP = np.random.default_rng(3).integers(0, 255, (64, SIDE, SIDE, 3), dtype=np.uint8)


def made(runner: Runner, index: int, changed: Mapping[str, Any]) -> np.ndarray:
    """A chunk of the clip, with some live values others than at the start."""
    needs = runner.requirements
    first = needs.first + (index - 1) * needs.chunk_frames if index else 0
    count = needs.chunk_frames if index else needs.first
    frames = Frames(
        CLIP[first : first + count], first, tuple(Fraction(at, 24) for at in range(first, first + count))
    )
    live = {each.key: each.default for each in runner.live_parameters} | changed
    encoded = runner.encode(Chunk(index, frames, count, first, live))
    return runner.decode(runner.denoise(encoded, live))


@pytest.mark.parametrize(("family", "every"), [*((family, 1) for family in FAMILIES), ("mllm-edit", 0)])
def test_a_chunk_made_again_leaves_no_trace(family: str, every: int, tmp_path: Path) -> None:
    """Text that is kept from chunk to chunk (``every`` 0) was read with the pictures of an earlier one."""
    model = load_model(
        ModelHandle(str(FAMILIES[family](tmp_path / "tiny"))), torch.device("cpu"), torch.float32
    )
    request = StreamRequest(
        DenoiseSettings(steps=2, noise="fresh"),
        ConditioningRecipe("paper", node_id="p", te_refresh_every=every),
        node_id="d",
        model_node_id="m",
        width=SIDE,
        height=SIDE,
    )
    with torch.inference_mode():
        once, runner = make_runner(model, request), make_runner(model, request)
        weights = sum(each.numel() for module in model.modules() for each in module.parameters())
        changed = {"d.strength": 0.5}
        others = {"d.strength": 0.25, "d.seed": 9, "p.prompt": "ink"}
        for index in range(4):
            before = copied_state(runner)
            made(runner, index, others)
            runner.state = before
            before = copied_state(runner)
            made(runner, index, {})
            runner.state = before
            expected = made(once, index, changed)
            assert np.array_equal(made(runner, index, changed), expected), index
        assert sum(each.numel() for module in model.modules() for each in module.parameters()) == weights


def test_what_can_not_be_copied_is_not(caplog: pytest.LogCaptureFixture) -> None:
    class Holding(Runner):
        encode = denoise = decode = None  # type: ignore[assignment]
        state = [threading.Lock()]

    assert copied_state(Holding()) is None and "can't be made again" in caplog.text
