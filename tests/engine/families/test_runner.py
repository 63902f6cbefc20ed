"""The MLLM-edit runner: frames in, frames out, whatever the chunk."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.errors import SettingError
from livestyle.engine.families import StreamRequest, make_runner
from livestyle.engine.families.base import Chunk, DenoiseSettings
from livestyle.engine.families.mllm_edit.model import MLLMEditModel
from livestyle.engine.media.types import Frames
from livestyle.engine.runtime.parameters import ParameterStore
from livestyle.lab.benchmark import inline

CLIP = np.random.default_rng(3).integers(0, 255, (12, 64, 96, 3), dtype=np.uint8)


def play(
    model: MLLMEditModel,
    chunk: int,
    *,
    prompt: str = "paper sketch",
    live: dict | None = None,
    frames: np.ndarray = CLIP,
    **settings,
) -> np.ndarray:
    recipe = {
        "te_refresh_every": settings.pop("te_refresh_every", 1),
        "te_batch_one": settings.pop("te_batch_one", False),
    }
    runner = make_runner(
        model,
        StreamRequest(
            DenoiseSettings(chunk=chunk, **settings),
            ConditioningRecipe(prompt, node_id="t", **recipe),
            node_id="d",
            model_node_id="m",
            width=frames.shape[2],
            height=frames.shape[1],
        ),
    )
    values = {p.key: p.default for p in runner.live_parameters} | (live or {})
    out = []
    with torch.inference_mode():
        for first in range(0, len(frames), chunk):
            part = Frames(frames[first : first + chunk], first, (Fraction(0),) * chunk)
            encoded = runner.encode(Chunk(first // chunk, part, chunk, first, values))
            out.append(runner.decode(runner.denoise(encoded, values)))
    return np.concatenate(out)


@pytest.mark.parametrize("noise", ["shared", "fresh", "flow_warped"])
def test_any_chunk_size_gives_the_same_picture(tiny_model: MLLMEditModel, noise: str) -> None:
    whole = play(tiny_model, 12, noise=noise)
    for chunk in (1, 3, 4):
        assert np.abs(play(tiny_model, chunk, noise=noise).astype(int) - whole).max() <= 1


def test_strength_goes_from_the_source_to_the_edit(tiny_model: MLLMEditModel) -> None:
    with torch.inference_mode():
        autoencoder = tiny_model.autoencoder
        source = autoencoder.decode_chunk(autoencoder.encode_chunk(torch.from_numpy(CLIP))).numpy()
    none, half, full = (play(tiny_model, 4, live={"d.strength": s}).astype(int) for s in (0.0, 0.5, 1.0))
    assert np.array_equal(none, source)
    assert 0 < np.abs(half - none).mean() < np.abs(full - none).mean()


def test_live_prompt_and_seed_change_the_picture(tiny_model: MLLMEditModel) -> None:
    base = play(tiny_model, 4)
    assert not np.array_equal(base, play(tiny_model, 4, live={"t.prompt": "dark water"}))
    assert not np.array_equal(base, play(tiny_model, 4, live={"d.seed": 9}))
    assert np.array_equal(base, play(tiny_model, 4, live={"d.seed": 0}))


def test_a_live_prompt_that_is_too_long_is_refused_and_the_old_one_stays(tiny_model: MLLMEditModel) -> None:
    runner = make_runner(
        tiny_model,
        StreamRequest(
            DenoiseSettings(),
            ConditioningRecipe("paper", node_id="t"),
            node_id="d",
            model_node_id="m",
            width=64,
            height=64,
        ),
    )
    store = ParameterStore(runner.live_parameters, lambda _: None)
    with pytest.raises(SettingError, match="tokens too long"):
        store.set("t.prompt", "stone " * 300)
    assert store.snapshot()["t.prompt"] == "paper"


@pytest.mark.parametrize(("every", "encodes"), [(1, 6), (2, 3), (0, 1)])
def test_text_encoder_runs_as_often_as_asked(
    tiny_model: MLLMEditModel, monkeypatch: pytest.MonkeyPatch, every: int, encodes: int
) -> None:
    calls = []
    original = type(tiny_model.encoder).encode
    monkeypatch.setattr(
        type(tiny_model.encoder), "encode", lambda self, *a: calls.append(len(a[1])) or original(self, *a)
    )
    play(tiny_model, 2, te_refresh_every=every, te_batch_one=True)
    assert calls == [1] * encodes


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_more_steps_run(tiny_model: MLLMEditModel, steps: int) -> None:
    assert play(tiny_model, 4, steps=steps).shape == CLIP.shape


def test_generates_without_a_source(tiny_model: MLLMEditModel) -> None:
    runner = make_runner(
        tiny_model,
        StreamRequest(
            DenoiseSettings(chunk=2, width=64, height=32),
            ConditioningRecipe("a stone", node_id="t"),
            node_id="d",
            model_node_id="m",
            width=64,
            height=32,
        ),
    )
    live = {p.key: p.default for p in runner.live_parameters}
    with torch.inference_mode():
        out = runner.decode(runner.denoise(runner.encode(Chunk(0, None, 2, 0, live)), live))
    assert out.shape == (2, 32, 64, 3)


def test_core_conditioning_replaces_the_prompt(tiny_model: MLLMEditModel) -> None:
    def out(states: torch.Tensor) -> np.ndarray:
        recipe = ConditioningRecipe(external=[[states, {}]], node_id="t")
        runner = make_runner(
            tiny_model,
            StreamRequest(
                DenoiseSettings(chunk=4), recipe, node_id="d", model_node_id="m", width=96, height=64
            ),
        )
        live = {p.key: p.default for p in runner.live_parameters}
        with torch.inference_mode():
            chunk = Chunk(0, Frames(CLIP[:4], 0, (Fraction(0),) * 4), 4, 0, live)
            return runner.decode(runner.denoise(runner.encode(chunk), live))

    torch.manual_seed(1)
    assert not np.array_equal(out(torch.randn(1, 5, 96)), out(torch.randn(1, 5, 96)))
    with pytest.raises(SettingError, match=r"^conditioning is \(1, 5, 32\).*use its own text encoder\.$"):
        out(torch.randn(1, 5, 32))


def test_other_embeddings_act_at_the_next_chunk(tiny_model: MLLMEditModel) -> None:
    def recipe(seed: int) -> ConditioningRecipe:
        states = torch.randn(1, 5 + seed, 96, generator=torch.Generator().manual_seed(seed))
        return ConditioningRecipe(external=[[states, {}]], node_id="t")

    def chunks(first: int, second: int) -> list[np.ndarray]:
        request = StreamRequest(
            DenoiseSettings(chunk=4), recipe(first), node_id="d", model_node_id="m", width=96, height=64
        )
        runner = make_runner(tiny_model, request)
        playing = inline.play(runner, CLIP[:8])
        before = next(playing)
        runner.restyle(recipe(second))
        return [before, next(playing)]

    found, one, two = chunks(1, 2), chunks(1, 1), chunks(2, 2)
    assert np.array_equal(found[0], one[0]) and np.array_equal(found[1], two[1])
    assert not np.array_equal(one[1], two[1])


@pytest.mark.parametrize(
    ("settings", "line"),
    [({"chunk": 99}, "chunk 99"), ({"steps": 0}, "steps"), ({"noise": "pink"}, "noise 'pink'")],
)
def test_settings_that_cannot_work_name_their_widget(
    tiny_model: MLLMEditModel, settings: dict, line: str
) -> None:
    with pytest.raises(SettingError, match=line):
        tiny_model.requirements(DenoiseSettings(**settings))
