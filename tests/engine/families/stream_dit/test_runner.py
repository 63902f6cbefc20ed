"""The StreamDiT runner: endless text to video, video to video, changes while playing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from what_is_held import tensors_of

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.errors import SettingError
from livestyle.engine.families import StreamRequest, make_runner
from livestyle.engine.families.base import Chunk, DenoiseSettings, ModelHandle
from livestyle.engine.families.stream_dit.loader import load
from livestyle.engine.families.stream_dit.model import StreamDiTModel
from livestyle.engine.families.stream_dit.runner import StreamDiTRunner
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.types import Frames
from livestyle.engine.runtime.plan import PlanNode, Stylise, Write
from livestyle.engine.runtime.session import StreamSession

SIDE = 32
CLIP = np.random.default_rng(3).integers(0, 255, (41, SIDE, SIDE, 3), dtype=np.uint8)


def make(model: StreamDiTModel, prompt: str = "a red circle", **settings) -> StreamDiTRunner:
    return make_runner(
        model,
        StreamRequest(
            DenoiseSettings(**settings),
            ConditioningRecipe(prompt, node_id="t"),
            node_id="d",
            model_node_id="m",
            width=SIDE,
            height=SIDE,
        ),
    )


def generate(runner: StreamDiTRunner, chunks: int, changes: dict[int, dict] | None = None) -> np.ndarray:
    live = {p.key: p.default for p in runner.live_parameters}
    out, first = [], 0
    with torch.inference_mode():
        for index in range(chunks):
            live |= (changes or {}).get(index, {})
            count = runner.requirements.chunk_frames if index else runner.requirements.first
            encoded = runner.encode(Chunk(index, None, count, first, live))
            out.append(runner.decode(runner.denoise(encoded, live)))
            assert len(out[-1]) == count
            first += count
    return np.concatenate(out)


def restyle(runner: StreamDiTRunner, frames: np.ndarray = CLIP) -> list[np.ndarray]:
    """As the pipeline does: chunks in, then as many without frames as the delay."""
    live = {p.key: p.default for p in runner.live_parameters}
    needs, first, index, out = runner.requirements, 0, 0, []
    with torch.inference_mode():
        while first < len(frames):
            count = needs.chunk_frames if index else needs.first
            part = frames[first : first + count]
            assert len(part) == count
            chunk = Chunk(index, Frames(part, first, (Fraction(0),) * count), count, first, live)
            out.append(runner.decode(runner.denoise(runner.encode(chunk), live)))
            first, index = first + count, index + 1
        for extra in range(needs.delay):
            chunk = Chunk(index + extra, None, 0, first, live)
            out.append(runner.decode(runner.denoise(runner.encode(chunk), live)))
    return out


def evaluations(model: StreamDiTModel, work) -> list[tuple[int, ...]]:
    """Frames in each evaluation of the network while ``work`` runs."""
    seen = []
    hook = model.network.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].shape[:2]))
    try:
        work()
    finally:
        hook.remove()
    return [tuple(shape) for shape in seen]


def test_a_chunk_costs_s_evaluations_once_the_buffer_is_primed(model: StreamDiTModel) -> None:
    calls = evaluations(model, lambda: generate(make(model), 5))
    assert calls == [(1, 8)] * (3 + 5)  # priming takes (N - 1) * s
    calls = evaluations(model, lambda: generate(make(model, chunk=16), 3))
    assert calls == [(1, 8)] * (2 + 3 * 2)
    calls = evaluations(model, lambda: generate(make(model, steps=2), 3))
    assert calls == [(1, 8)] * (3 * 2 + 3 * 2)


def test_the_same_seed_gives_the_same_film_and_another_one_another(model: StreamDiTModel) -> None:
    base = generate(make(model), 4)
    assert np.array_equal(base, generate(make(model), 4))
    assert not np.array_equal(base, generate(make(model, seed=7), 4))
    runner = make(model)
    first = generate(runner, 2)
    runner.reset()
    assert np.array_equal(first, generate(runner, 2))


def test_a_new_prompt_acts_from_the_next_chunk_on(model: StreamDiTModel) -> None:
    base = generate(make(model), 6)
    changed = generate(make(model), 6, {3: {"t.prompt": "a blue star moves left"}})
    differs = [bool((a != b).any()) for a, b in zip(base, changed, strict=True)]
    first_of_chunk_3 = 5 + 8 + 8
    assert not any(differs[:first_of_chunk_3])
    assert any(differs[first_of_chunk_3 : first_of_chunk_3 + 8])


def test_chunk_and_steps_change_while_playing(model: StreamDiTModel) -> None:
    """The layouts are 4x2x1, 8x1x1, 2x4x2 and 4x2x2; three evaluations prime the first."""

    def calls(chunks: int, changes: dict[int, dict]) -> int:
        runner, sizes = make(model), []
        seen = evaluations(model, lambda: sizes.append(len(generate(runner, chunks, changes))))
        assert sizes == [5 + (chunks - 1) * 8]
        assert max(frames for _, frames in seen) == 8
        return len(seen)

    assert calls(2, {}) == 3 + 2
    # at level 1/4 .. 3/4 each, the six frames left have to come down to 1/8 .. 6/8, fresh ones to 7/8
    assert calls(4, {2: {"d.chunk": 4}}) == 3 + 2 + 1 + 4
    assert calls(4, {2: {"d.steps": 2}}) == 3 + 2 + 4
    # 4 frames wait for a chunk to leave; a chunk of 4 latents then serves two of the node's
    assert calls(6, {2: {"d.chunk": 16}}) == 3 + 2 + 1 + 2 + 2


def test_an_endless_film_keeps_no_more_than_its_buffer(model: StreamDiTModel) -> None:
    runner = make(model)
    sizes = []
    with torch.inference_mode():
        live = {p.key: p.default for p in runner.live_parameters}
        for index in range(60):
            chunk = Chunk(
                index, None, 8 if index else 5, 8 * index, live | {"d.chunk": (8, 4, 16)[index % 3]}
            )
            runner.decode(runner.denoise(runner.encode(chunk), live))
            if index in (11, 35, 59):
                sizes.append(sum(tensor.nbytes for tensor in tensors_of(runner)))
    assert 0 < sizes[1] == sizes[2] <= sizes[0] + 4096


def test_a_live_layout_that_was_not_trained_is_refused(model: StreamDiTModel) -> None:
    runner = make(model)
    chunk, steps = (p for p in runner.live_parameters if p.key in ("d.chunk", "d.steps"))
    for parameter, good, bad, line in (
        (chunk, 16, 12, "chunk 12 was not trained: use 4, 8, 16"),
        (steps, 2, 3, "steps 3 was not trained: use 1, 2"),
    ):
        parameter.check(good)
        with pytest.raises(SettingError, match=line):
            parameter.check(bad)
    restyle(runner, CLIP[:13])
    with pytest.raises(SettingError, match="while a video goes through"):
        chunk.check(16)


@pytest.mark.parametrize(("strength", "depth"), [(0.25, 1), (0.5, 2), (0.7, 3), (1.0, 4)])
def test_video_to_video_truncates_the_buffer(model: StreamDiTModel, strength: float, depth: int) -> None:
    runner = make(model, strength=strength)
    assert runner.requirements.delay == depth - 1
    out: list[np.ndarray] = []
    calls = evaluations(model, lambda: out.extend(restyle(runner, CLIP[: 5 + 4 * 8])))
    assert [len(part) for part in out] == [0] * (depth - 1) + [5, 8, 8, 8, 8]
    assert max(frames for _, frames in calls) == 2 * depth
    assert len(calls) == 5 + depth - 1


def test_strength_zero_gives_the_autoencoded_source_back(model: StreamDiTModel) -> None:
    stream = model.autoencoder.for_stream()
    frames = CLIP[: 5 + 2 * 8]
    with torch.inference_mode():
        expected = stream.decode_chunk(stream.encode_chunk(torch.from_numpy(frames))).numpy()
    out = np.concatenate(restyle(make(model, strength=0.0), frames))
    assert np.abs(out.astype(int) - expected).max() <= 1


def test_more_strength_moves_further_from_the_source(model: StreamDiTModel) -> None:
    frames = CLIP[: 5 + 2 * 8]
    none, some, all_of_it = (
        np.concatenate(restyle(make(model, strength=s), frames)).astype(int) for s in (0.0, 0.5, 1.0)
    )
    assert 0 < np.abs(some - none).mean() < np.abs(all_of_it - none).mean()


def test_a_session_plays_a_film_of_any_length_and_stops(model: StreamDiTModel, tmp_path: Path) -> None:
    def plan(length: int, name: str) -> PlanNode:
        settings = DenoiseSettings(width=SIDE, height=SIDE, length=length)
        recipe = ConditioningRecipe("a red circle", node_id="3")
        node = PlanNode(Stylise(ModelHandle("tiny"), recipe, settings), (), "4")
        return PlanNode(Write(SinkSpec(str(tmp_path / name)), preview=False), (node,), "5")

    session = StreamSession(plan(19, "short.mp4"), lambda _: model)
    session.start()
    assert session.join(60)
    assert session.results["5"].frames == 19, session.error
    endless = StreamSession(plan(0, "endless.mp4"), lambda _: model)
    endless.start()
    while endless.progress.done < 20 and endless.error is None:
        endless.wait(0.02)

    def stop() -> None:
        endless.stop()
        assert endless.join(60)

    # one evaluation a chunk: the one at work, one ahead of it and one that was only numbered
    assert len(evaluations(model, stop)) <= 4
    assert endless.state == "done", endless.error
    assert endless.results["5"].frames >= 20


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"chunk": 6}, "chunk 6 was not trained: use 4, 8, 16, or 0 for the model's own"),
        ({"chunk": 64}, "chunk 64 was not trained: use 4, 8, 16, or 0 for the model's own"),
        ({"steps": 5}, "steps 5 was not trained for this chunk: use 1, 2, or 1 for the model's"),
        ({"noise": "per_slot"}, "noise per_slot does not fit StreamDiT models: use fresh"),
    ],
)
def test_settings_that_cannot_work_name_their_widget(
    model: StreamDiTModel, settings: dict, line: str
) -> None:
    with pytest.raises(SettingError, match=line):
        model.requirements(DenoiseSettings(**settings))


def test_style_pictures_are_refused(model: StreamDiTModel) -> None:
    with pytest.raises(SettingError, match="follow words only"):
        make_runner(
            model,
            StreamRequest(
                DenoiseSettings(),
                ConditioningRecipe(references=(np.zeros((4, 4, 3), np.float32),)),
                node_id="d",
                model_node_id="m",
                width=SIDE,
                height=SIDE,
            ),
        )


@pytest.mark.slow
def test_compiled_blocks_give_the_same_film(folder: Path, model: StreamDiTModel) -> None:
    fresh = load(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    compiled, plain = generate(make(fresh, compile=True), 1), generate(make(model), 1)
    assert np.abs(compiled.astype(int) - plain).max() <= 2
