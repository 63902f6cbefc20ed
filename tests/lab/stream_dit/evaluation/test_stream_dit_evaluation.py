"""The measures tell a perfect film from a wrong, a frozen, a flickering and a fading one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from livestyle.engine.families import StreamRequest
from livestyle.engine.families.base import Chunk, LiveParameter, Requirements, Runner
from livestyle.engine.families.stream_dit.profile import Profile
from livestyle.engine.sampling.partition import Partition
from livestyle.lab.stream_dit.evaluation.attributes import (
    attribute_report,
    judge_films,
    judge_switches,
    switch_latency,
)
from livestyle.lab.stream_dit.evaluation.films import Case, chunk_starts, draw_cases
from livestyle.lab.stream_dit.evaluation.motion import border_difference, seam_report, table_2
from livestyle.lab.stream_dit.evaluation.stability import stability_report
from livestyle.lab.world.attributes import HELD_OUT
from livestyle.lab.world.render import render

SIDE = 64
NEEDS = Requirements(5, 8, 8, needs_source=False)


class Identity:
    """An autoencoder that changes nothing."""

    def for_stream(self) -> Identity:
        return self

    def encode_chunk(self, frames: torch.Tensor) -> torch.Tensor:
        return frames

    def flush(self) -> torch.Tensor:
        return torch.empty(0, SIDE, SIDE, 3, dtype=torch.uint8)

    def decode_chunk(self, latents: torch.Tensor) -> torch.Tensor:
        return latents


class WorldRunner(Runner):
    """Renders the scene that a prompt asks for, with a fault; a new prompt shows after N - 1 chunks."""

    requirements = NEEDS

    def __init__(self, model: WorldModel, prompt: str) -> None:
        self.model = model
        self.live_parameters = (LiveParameter("text.prompt", "text", prompt),)
        self.asked: list[str] = []

    def encode(self, chunk: Chunk) -> Any:
        self.asked.append(chunk.live["text.prompt"])
        shown = self.asked[max(0, len(self.asked) - 1 - switch_latency(self.model))]
        count = NEEDS.chunk_frames if chunk.index else NEEDS.first
        fault = self.model.fault
        first = 0 if fault == "frozen" else chunk.first_frame
        pixels = render(self.model.scenes[shown], 1 if fault == "frozen" else count, SIDE, first)
        if fault == "frozen":
            pixels = np.repeat(pixels, count, 0)
        change = {"flicker": 12 * (chunk.index % 2), "fade": chunk.index}.get(fault, 0)
        return np.uint8(np.maximum(pixels.astype(int) - change, 0))

    def denoise(self, encoded: Any, late: Mapping[str, Any]) -> Any:
        return encoded

    def decode(self, denoised: Any) -> np.ndarray:
        return denoised


@dataclass
class WorldModel:
    """What the measures need of a StreamDiTModel."""

    cases: list[Case]
    fault: str = ""
    autoencoder: Identity = field(default_factory=Identity)
    profile: Profile = Profile((Partition(3, 2),))
    family: str = "world"

    @property
    def scenes(self) -> dict:
        return {case.sentence.text: case.scene for case in self.cases}

    def requirements(self, settings: object) -> Requirements:
        return NEEDS

    def own_runner(self, request: StreamRequest) -> WorldRunner:
        return WorldRunner(self, request.conditioning.prompt)


CASES = draw_cases(12, 3)


def test_cases_are_drawn_apart_from_each_other() -> None:
    assert draw_cases(12, 3) == CASES
    assert not {case.sentence.text for case in draw_cases(12, 4)} & {c.sentence.text for c in CASES}
    for case in draw_cases(12, 3, held_out=True):
        first = case.scene.actors[0]
        assert (first.colour, first.shape) in HELD_OUT


def test_a_perfect_film_has_all_attributes_from_the_predicted_chunk_on() -> None:
    unseen = draw_cases(4, 3, held_out=True)
    report = attribute_report(WorldModel(CASES + unseen), CASES, unseen, SIDE)
    for key in ("attribute_min", "attribute_unseen_min", "attribute_after_switch_min"):
        assert report[key] >= 0.9, (key, report["attributes"])
    assert report["attribute_joint"] >= 0.9
    assert report["attribute_ceiling_min"] >= 0.9
    assert report["switch_latency_chunks"] == 2


def test_a_film_that_ignores_the_prompt_change_fails() -> None:
    class Deaf(WorldModel):
        def own_runner(self, request: StreamRequest) -> WorldRunner:
            recipe = request.conditioning
            runner = WorldRunner(self, recipe.prompt)
            encode = runner.encode
            runner.encode = lambda chunk: encode(
                Chunk(chunk.index, None, chunk.valid, chunk.first_frame, {"text.prompt": recipe.prompt})
            )
            return runner

    assert judge_switches(Deaf(CASES[:4]), CASES[:4], SIDE).worst < 0.6


def test_a_frozen_film_fails_in_motion_and_in_attributes() -> None:
    frozen = WorldModel(CASES, "frozen")
    assert seam_report(frozen, CASES[:3], 6, SIDE)["dynamic_ratio"] < 0.05
    assert judge_films(frozen, CASES[:6], SIDE).shares["direction"] == 0.0


@pytest.mark.parametrize(("fault", "low", "high"), [("", 0.97, 1.03), ("flicker", 1.5, 99.0)])
def test_seams_are_seen_where_chunks_meet(fault: str, low: float, high: float) -> None:
    report = seam_report(WorldModel(CASES, fault), CASES[:4], 16, SIDE)
    assert report["seam_borders"] >= 16
    assert low < report["seam_ratio"] < high
    assert 0.9 < report["dynamic_ratio"] < 1.1


def test_borders_are_where_chunks_begin() -> None:
    model = WorldModel(CASES)
    assert chunk_starts(model, 30).tolist() == [5, 13, 21, 29]
    clip = np.zeros((16, 32, 32, 3), np.uint8)
    clip[13:] = 50
    assert [border_difference(clip, border) for border in (5, 13)] == pytest.approx([0.0, 50.0])


@pytest.mark.parametrize(("fault", "ok"), [("", True), ("fade", False)])
def test_a_fading_film_drifts(fault: str, ok: bool) -> None:
    report = stability_report(WorldModel(CASES, fault), CASES[0], 400, SIDE, window=50)
    assert report["drift_frames"] == 400
    assert report["drift"]["red"]["ok"] is ok
    assert not (report["drift_ok"] and not ok)


def test_table_2_orders_steady_moving_and_jumping_films() -> None:
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")
    moving = render(CASES[0].scene, 17, SIDE)
    still = np.repeat(moving[:1], 17, 0)
    jumping = np.stack([render(case.scene, 1, SIDE)[0] for case in CASES[:8]])
    rows = [table_2([clip]) for clip in (still, moving, jumping)]
    for key in ("subject_consistency", "temporal_flickering", "motion_smoothness"):
        values = [row[key] for row in rows]
        assert values[0] >= values[1] > values[2], key
    assert [row["dynamic_degree"] for row in rows[:2]] == [0.0, 1.0]
    assert rows[0]["subject_consistency"] == pytest.approx(1.0, abs=1e-5)
