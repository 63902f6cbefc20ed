"""Styles on a timeline, through an MLLM-edit model: which frame shows which, and the receipts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import StyleTimeline, parse_schedule
from livestyle.engine.errors import SettingError
from livestyle.engine.families import StreamRequest, make_runner
from livestyle.engine.families.base import DenoiseSettings
from livestyle.engine.families.mllm_edit.model import MLLMEditModel
from livestyle.engine.families.mllm_edit.runner import MLLMEditRunner
from livestyle.lab.benchmark.inline import play

CLIP = np.random.default_rng(3).integers(0, 255, (12, 64, 64, 3), dtype=np.uint8)
PROMPTS = ("paper sketch", "dark water", "light stone glass")


def runner(model: MLLMEditModel, schedule: str = "", prompts: tuple[str, ...] = PROMPTS, **options: Any):
    styles = tuple(
        ConditioningRecipe(prompt, node_id=f"p{number}", te_batch_one=options.get("batch_one", False))
        for number, prompt in enumerate(prompts, start=1)
    )
    options.pop("batch_one", None)
    chunk = options.pop("chunk", 4)
    conditioning: Any = styles[0]
    if len(styles) > 1:
        triggers = parse_schedule(schedule, len(styles))
        conditioning = StyleTimeline(styles, triggers=triggers, node_id="s", **options)
    made = make_runner(
        model,
        StreamRequest(
            DenoiseSettings(chunk=chunk), conditioning, node_id="d", model_node_id="m", width=64, height=64
        ),
    )
    assert isinstance(made, MLLMEditRunner)
    return made


def latents(made: MLLMEditRunner, frames: np.ndarray | None = CLIP, **options: Any) -> np.ndarray:
    """What would be decoded: random weights decode all styles to almost the same picture."""
    made.decode = lambda denoised: denoised.numpy()
    return np.concatenate(list(play(made, frames, **options)))


def same(found: np.ndarray, *parts: np.ndarray) -> bool:
    return np.allclose(found, np.concatenate(parts), atol=1e-5)


@pytest.fixture(scope="module")
def alone(tiny_model: MLLMEditModel) -> list[np.ndarray]:
    """The clip in each style by itself."""
    return [latents(runner(tiny_model, prompts=(prompt,))) for prompt in PROMPTS]


@pytest.mark.parametrize("batch_one", [False, True])
def test_a_schedule_switches_at_the_very_frame(tiny_model: MLLMEditModel, batch_one: bool) -> None:
    styles = [latents(runner(tiny_model, prompts=(p,), batch_one=batch_one)) for p in PROMPTS]
    found = latents(runner(tiny_model, "3:2, 9:3", batch_one=batch_one))
    assert same(found, styles[0][:3], styles[1][3:9], styles[2][9:])
    assert not same(styles[0], styles[1]) and not same(styles[1], styles[2])


def test_a_live_change_acts_from_its_chunk_on(tiny_model: MLLMEditModel, alone: list[np.ndarray]) -> None:
    made = runner(tiny_model)
    assert "s.active" in {parameter.key for parameter in made.live_parameters}
    found = latents(made, changes={1: {"s.active": 3}})
    assert same(found, alone[0][:4], alone[2][4:])


def test_every_prompt_of_a_timeline_is_live(tiny_model: MLLMEditModel, alone: list[np.ndarray]) -> None:
    found = latents(runner(tiny_model, "4:2"), changes={2: {"p2.prompt": PROMPTS[2]}})
    assert same(found, alone[0][:4], alone[1][4:8], alone[2][8:])


def test_a_cut_in_the_source_switches(tiny_model: MLLMEditModel) -> None:
    clip = CLIP.copy()
    clip[:6] = (220, 20, 20)
    clip[6:] = (20, 20, 220)
    one, two = (latents(runner(tiny_model, prompts=(p,)), clip) for p in PROMPTS[:2])
    found = latents(runner(tiny_model, "cut:next"), clip)
    assert same(found, one[:6], two[6:])


@pytest.mark.parametrize("interpolation", ["lerp", "slerp"])
def test_a_blend_goes_over_inside_a_chunk(
    tiny_model: MLLMEditModel, alone: list[np.ndarray], interpolation: str
) -> None:
    made = runner(tiny_model, "2:2", policy="blend", blend_frames=6, interpolation=interpolation, chunk=12)
    found = latents(made)
    assert same(found[:2], alone[0][:2]) and same(found[8:], alone[1][8:])
    to_new = [np.abs(found[frame] - alone[1][frame]).mean() for frame in range(2, 8)]
    assert to_new[0] > to_new[2] > to_new[5] > 0


def test_states_of_a_blend_lie_between(tiny_model: MLLMEditModel) -> None:
    made = runner(tiny_model, "0:1, 1:2", policy="blend", blend_frames=1, chunk=4)
    pts = [Fraction(frame, 24) for frame in range(4)]
    live = {parameter.key: parameter.default for parameter in made.live_parameters}
    frames = torch.from_numpy(CLIP[:4])
    with torch.inference_mode():
        mixed = made.state.styles.condition(made.state.styles.advance(0, 0, pts, (), live), live, frames)
        one, two = (tiny_model.encoder.encode(prompt, frames) for prompt in PROMPTS[:2])
    assert torch.equal(mixed.states[0], one.states[0]) and torch.equal(mixed.states[2], two.states[2])
    assert torch.allclose(mixed.states[1], (one.states[1] + two.states[1]) / 2, atol=1e-5)
    assert torch.equal(mixed.mask[1], one.mask[1] | two.mask[1])


def test_scheduled_switches_are_told_with_their_first_frame(tiny_model: MLLMEditModel) -> None:
    made = runner(tiny_model, "3:2, 9:3")
    list(play(made, CLIP, changes={1: {"s.active": 1}}))
    told = [(s.key, s.value, s.frame) for chunk in range(3) for s in made.switches(chunk)]
    assert told == [("s.active", 2, 3), ("s.active", 3, 9)]
    assert made.switches(0) == ()


def test_without_a_source_seconds_count_by_the_rate(tiny_model: MLLMEditModel) -> None:
    made = runner(tiny_model, "0.25s:2")  # the profile's 24 frames a second
    list(play(made, None, length=12))
    assert [s.frame for chunk in range(3) for s in made.switches(chunk)] == [6]


def test_reset_starts_the_schedule_over(tiny_model: MLLMEditModel) -> None:
    made = runner(tiny_model, "3:2")
    first = latents(made)
    made.reset()
    assert np.array_equal(latents(made), first)


def test_reference_pictures_are_refused(tiny_model: MLLMEditModel) -> None:
    recipe = ConditioningRecipe("paper", references=(torch.zeros(8, 8, 3),))
    with pytest.raises(SettingError, match="follow words only"):
        make_runner(
            tiny_model,
            StreamRequest(
                DenoiseSettings(),
                StyleTimeline((ConditioningRecipe("x"), recipe)),
                node_id="d",
                model_node_id="m",
                width=64,
                height=64,
            ),
        )
