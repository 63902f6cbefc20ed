"""What the runner does not compute again, on a LoRA as well: the pictures stay the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_lora import write_lora

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.states import TextStates
from livestyle.engine.errors import SettingError
from livestyle.engine.families import StreamRequest, load_model, make_runner
from livestyle.engine.families.base import Chunk, DenoiseSettings, ModelHandle
from livestyle.engine.families.mllm_edit.model import MLLMEditModel
from livestyle.engine.families.mllm_edit.runner import MLLMEditRunner
from livestyle.engine.media.types import Frames
from livestyle.engine.networks.cross_attention import CrossAttentionKV, KVProjection
from livestyle.engine.runtime.device import DevicePlan
from livestyle.engine.runtime.lanes import Lanes

CPU = torch.device("cpu")
CLIP = np.random.default_rng(3).integers(0, 255, (12, 64, 96, 3), dtype=np.uint8)
STILL = np.repeat(CLIP[:1], 12, axis=0)


def make(
    model: MLLMEditModel, chunk: int = 2, steps: int = 1, side: int = 0, **recipe: object
) -> MLLMEditRunner:
    return make_runner(
        model,
        StreamRequest(
            DenoiseSettings(chunk=chunk, steps=steps),
            ConditioningRecipe("paper sketch", node_id="t", **recipe),
            node_id="d",
            model_node_id="m",
            width=side or 96,
            height=side or 64,
        ),
    )


def part(clip: np.ndarray, first: int, runner: MLLMEditRunner, live: dict) -> Chunk:
    count = runner.requirements.chunk_frames
    frames = Frames(clip[first : first + count], first, (Fraction(0),) * count)
    return Chunk(first // count, frames, count, first, live)


def values(runner: MLLMEditRunner, **changed: object) -> dict:
    named = {"lora_strength": "m.lora_strength", "prompt": "t.prompt"}
    return {p.key: p.default for p in runner.live_parameters} | {named[k]: v for k, v in changed.items()}


def play(runner: MLLMEditRunner, clip: np.ndarray, **changed: object) -> np.ndarray:
    live, count = values(runner, **changed), runner.requirements.chunk_frames
    with torch.inference_mode():
        return np.concatenate(
            [
                runner.decode(runner.denoise(runner.encode(part(clip, first, runner, live)), live))
                for first in range(0, len(clip), count)
            ]
        ).astype(int)


@pytest.fixture
def projections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each call of the text projection."""
    rows: list[int] = []
    original = KVProjection.project

    def counted(self: KVProjection, text: TextStates) -> CrossAttentionKV:
        rows.append(len(text.states))
        return original(self, text)

    monkeypatch.setattr(KVProjection, "project", counted)
    return rows


@pytest.mark.parametrize(
    ("recipe", "steps", "rows"),
    [
        ({"te_refresh_every": 1}, 1, [2] * 6),
        ({"te_refresh_every": 1}, 4, [2] * 6),
        ({"te_refresh_every": 3, "te_batch_one": True}, 2, [1] * 2),
        ({"te_refresh_every": 0, "te_batch_one": True}, 2, [1]),
    ],
)
def test_text_keys_and_values_are_computed_once_for_equal_states(
    tiny_model: MLLMEditModel, projections: list[int], recipe: dict, steps: int, rows: list[int]
) -> None:
    play(make(tiny_model, steps=steps, **recipe), CLIP)
    assert projections == rows


def test_kept_states_give_the_same_picture_where_frames_are_the_same(tiny_model: MLLMEditModel) -> None:
    fresh = play(make(tiny_model), STILL)
    for recipe in ({"te_refresh_every": 4}, {"te_refresh_every": 0, "te_batch_one": True}):
        assert np.abs(play(make(tiny_model, **recipe), STILL) - fresh).max() <= 1


def test_a_step_equals_the_denoiser_on_raw_states(tiny_model: MLLMEditModel) -> None:
    runner = make(tiny_model, chunk=3, steps=2)
    live = values(runner)
    with torch.inference_mode():
        encoded = runner.encode(part(CLIP, 0, runner, live))
        wanted = tiny_model.denoiser.sample(encoded.noise, encoded.source, encoded.text, runner.schedule)
        assert torch.allclose(runner.denoise(encoded, live), wanted, atol=1e-4)


def test_a_changed_prompt_is_encoded_for_the_next_chunk(tiny_model: MLLMEditModel) -> None:
    runner = make(tiny_model, te_refresh_every=0)
    before, after = values(runner), values(runner, prompt="dark water")
    with torch.inference_mode():
        seen: list[TextStates] = [
            runner.encode(part(STILL, first, runner, live)).text
            for first, live in ((0, before), (2, before), (4, after), (6, after))
        ]
    assert seen[0] is seen[1] and seen[2] is seen[3]
    assert not torch.equal(seen[1].states, seen[2].states)
    assert seen[1].states.shape == seen[2].states.shape


def test_chunks_from_1_to_32(tiny_model: MLLMEditModel) -> None:
    clip = np.resize(CLIP, (32, 64, 96, 3))[:, :, :64]
    most = play(make(tiny_model, chunk=32, side=64), clip)
    one = play(make(tiny_model, chunk=1, side=64), clip[:6])
    assert len(most) == 32 and np.abs(one - most[:6]).max() <= 1
    with pytest.raises(SettingError, match="chunk 33 is out of range: 1 to 32"):
        make(tiny_model, chunk=33)


def test_a_text_encoder_that_waits_does_not_hold_up_denoising(tiny_model: MLLMEditModel) -> None:
    """With lanes as on CUDA: chunk 1's encoder waits until chunk 0 is denoised, and both end."""
    lanes = Lanes(DevicePlan(CPU, torch.float32, "triple"))
    runner, encoded = make(tiny_model), []
    live = values(runner)
    gate, ended = threading.Event(), threading.Event()
    waited: list[bool] = []

    def submit(stage: str, frame: int, work: Callable, done: Callable) -> None:
        lanes.submit(stage, frame, work, lambda result, error, _: done(result if error is None else error))

    def encode(first: int) -> Callable:
        return lambda: runner.encode(part(CLIP, first, runner, live))

    submit("encode", 0, encode(0), lambda result: (encoded.append(result), ended.set()))
    assert ended.wait(60)
    ended.clear()
    blocks = tiny_model.encoder.model.visual.patch_embed
    hook = blocks.register_forward_pre_hook(lambda *_: waited.append(gate.wait(60)))
    try:
        submit("encode", 2, encode(2), lambda result: (encoded.append(result), ended.set()))
        submit("denoise", 0, lambda: runner.denoise(encoded[0], live), lambda result: gate.set())
        assert ended.wait(120) and waited == [True]
    finally:
        hook.remove()
    assert not isinstance(encoded[1], BaseException)


@pytest.fixture(scope="module")
def adapted(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> MLLMEditModel:
    """The tiny checkpoint with a LoRA on every attention layer, as an LCM-LoRA has it."""
    path = tmp_path_factory.mktemp("lora") / "lcm.safetensors"
    plain = load_model(ModelHandle(str(tiny_folder)), CPU, torch.float32)
    write_lora(plain.denoiser.unet, path, "peft")
    return load_model(ModelHandle(str(tiny_folder), lora=str(path)), CPU, torch.float32)


def test_a_loras_strength_is_live(tiny_model: MLLMEditModel, adapted: MLLMEditModel) -> None:
    plain = play(make(tiny_model), CLIP)
    runner = make(adapted)
    assert np.array_equal(play(runner, CLIP, lora_strength=0.0), plain)
    full = play(runner, CLIP, lora_strength=1.0)
    half = play(runner, CLIP, lora_strength=0.5)
    assert 0 < np.abs(half - plain).mean() < np.abs(full - plain).mean()
    assert np.array_equal(play(runner, CLIP, lora_strength=0.0), plain)


def test_a_kept_prompt_follows_the_loras_strength(adapted: MLLMEditModel) -> None:
    """The LoRA acts on the text's keys and values too, so those of another strength are not reused."""
    runner = make(adapted, te_refresh_every=0)
    first = play(runner, CLIP[:2], lora_strength=1.0)
    again = play(make(adapted, te_refresh_every=0), CLIP[:2], lora_strength=0.2)
    assert np.array_equal(play(runner, CLIP[:2], lora_strength=0.2), again)
    assert not np.array_equal(first, again)


def test_the_widget_is_the_first_strength(adapted: MLLMEditModel, tiny_model: MLLMEditModel) -> None:
    runners = [make(adapted.with_lora(strength)) for strength in (0.0, 0.75)]
    keys = [{p.key: (p.default, p.late) for p in runner.live_parameters} for runner in runners]
    assert [each["m.lora_strength"] for each in keys] == [(0.0, True), (0.75, True)]
    assert "m.lora_strength" not in {p.key for p in make(tiny_model).live_parameters}
