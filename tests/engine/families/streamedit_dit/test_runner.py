"""The StreamEdit-DiT runner: N frames in, N out, instructions that change, a window that adapts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from tiny_rtr_dit import tiny_autoencoder
from tiny_streamedit_dit import write_tiny_checkpoint

from livestyle.engine.cache.switch import PolicyName
from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import AnyConditioning, StyleTimeline, parse_schedule
from livestyle.engine.errors import SettingError
from livestyle.engine.families import StreamRequest, make_runner
from livestyle.engine.families.base import Chunk, DenoiseSettings, ModelHandle
from livestyle.engine.families.streamedit_dit.loader import load
from livestyle.engine.families.streamedit_dit.model import StreamEditDiTModel
from livestyle.engine.families.streamedit_dit.runner import EncodedChunk, StreamEditDiTRunner
from livestyle.engine.media.types import Frames

SIDE = 32
RANDOM = np.random.default_rng(3)
BUSY = RANDOM.integers(0, 255, (49, SIDE, SIDE, 3), dtype=np.uint8)
STILL = np.full((49, SIDE, SIDE, 3), 90, np.uint8)
SCENES = np.concatenate(  # the second scene begins at frame 25, which is the first of chunk 7
    [
        RANDOM.integers(0, 90, (25, SIDE, SIDE, 3), dtype=np.uint8),
        RANDOM.integers(0, 40, (24, SIDE, SIDE, 3), dtype=np.uint8) + np.uint8([200, 60, 0]),
    ]
)
CUT = 7


def make(model: StreamEditDiTModel, told: AnyConditioning | str = "paint", **settings) -> StreamEditDiTRunner:
    conditioning = ConditioningRecipe(told, node_id="t") if isinstance(told, str) else told
    return make_runner(
        model,
        StreamRequest(
            DenoiseSettings(**settings),
            conditioning,
            node_id="d",
            model_node_id="m",
            width=SIDE,
            height=SIDE,
        ),
    )


def play(
    runner: StreamEditDiTRunner,
    frames: np.ndarray = BUSY,
    changes: dict[int, dict] | None = None,
    rate: float = 24,
) -> tuple[list[np.ndarray], list[int]]:
    """Each chunk's result and window, as the pipeline drives it: as many chunks more as the delay.

    The window is the one that was chosen, whether or not its history has filled.
    """
    live = {parameter.key: parameter.default for parameter in runner.live_parameters}
    needs, first, index, out, windows = runner.requirements, 0, 0, [], []
    with torch.inference_mode():
        while first < len(frames):
            live |= (changes or {}).get(index, {})
            count = needs.chunk_frames if index else needs.first
            part = frames[first : first + count]
            pts = tuple(number / rate for number in range(first, first + len(part)))
            pixels = Frames(part, first, pts).padded(count)
            chunk = Chunk(index, pixels, len(part), first, dict(live))
            out.append(runner.decode(runner.denoise(runner.encode(chunk), live)))
            windows.append(window(runner))
            first, index = first + len(part), index + 1
        for extra in range(needs.delay):
            chunk = Chunk(index + extra, None, 0, first, dict(live))
            out.append(runner.decode(runner.denoise(runner.encode(chunk), live)))
    return out, windows


def window(runner: StreamEditDiTRunner) -> int:
    return int(runner.readout()["window"].split()[-1])


def encoded_chunks(runner: StreamEditDiTRunner) -> list[EncodedChunk]:
    """Fills while the runner plays."""
    chunks, encode = [], runner.encode
    runner.encode = lambda chunk: chunks.append(encode(chunk)) or chunks[-1]
    return chunks


def film(runner: StreamEditDiTRunner, *arguments) -> np.ndarray:
    return np.concatenate(play(runner, *arguments)[0])


@pytest.mark.parametrize(("steps", "late"), [(1, 2), (2, 2), (6, 0)])
def test_as_many_frames_come_out_as_went_in(model: StreamEditDiTModel, steps: int, late: int) -> None:
    runner = make(model, steps=steps)
    assert runner.requirements.delay == late
    out, _ = play(runner)
    assert [len(part) for part in out] == [0] * late + [1] + [4] * 12
    # 47 frames: the last chunk is padded, and trimmed by the pipeline
    assert sum(map(len, play(make(model, steps=steps), BUSY[:47])[0])) >= 47


def test_the_same_seed_gives_the_same_film_and_another_one_another(model: StreamEditDiTModel) -> None:
    base = film(make(model))
    assert np.array_equal(base, film(make(model)))
    assert not np.array_equal(base, film(make(model, seed=7)))
    runner = make(model)
    film(runner)
    runner.reset()
    assert np.array_equal(base, film(runner))


def test_strength_zero_gives_the_autoencoded_source_back(model: StreamEditDiTModel) -> None:
    stream = model.autoencoder.for_stream()
    with torch.inference_mode():
        expected = stream.decode_chunk(stream.encode_chunk(torch.from_numpy(BUSY))).numpy()
    found = film(make(model, strength=0.0))
    assert np.abs(found.astype(int) - expected).max() <= 1
    half = film(make(model, strength=0.5)).astype(int)
    whole = film(make(model)).astype(int)
    assert 0 < np.abs(half - expected).mean() < np.abs(whole - expected).mean()


def test_a_new_prompt_acts_from_its_chunk_on(model: StreamEditDiTModel) -> None:
    base, _ = play(make(model))
    changed, windows = play(make(model), BUSY, {6: {"t.prompt": "glass water"}})
    differs = [len(a) > 0 and bool((a != b).any()) for a, b in zip(base, changed, strict=True)]
    assert differs == [False] * 6 + [True] * (len(base) - 6)
    assert windows[5] > windows[6] == 4


def test_an_empty_prompt_is_the_null_token(model: StreamEditDiTModel) -> None:
    runner = make(model, "  ")
    live = {parameter.key: parameter.default for parameter in runner.live_parameters}
    with torch.inference_mode():
        encoded = runner.encode(Chunk(0, Frames(BUSY[:1], 0, (0,)), 1, 0, live))
    assert encoded.about.prompt.text.states.shape[1] == 1


def timeline(policy: str, schedule: str = "", **more) -> StyleTimeline:
    styles = (ConditioningRecipe("paint", node_id="a"), ConditioningRecipe("stone glass", node_id="b"))
    return StyleTimeline(styles, triggers=parse_schedule(schedule, 2), policy=policy, node_id="s", **more)


def test_a_schedule_switches_at_a_chunk_and_says_so(model: StreamEditDiTModel) -> None:
    runner = make(model, timeline("cross_attn_only", "13:2"))
    out, _ = play(runner)
    base, _ = play(make(model, timeline("cross_attn_only")))
    differs = [len(a) > 0 and bool((a != b).any()) for a, b in zip(base, out, strict=True)]
    assert differs.index(True) == 4  # frames 13 to 16 go in with the fifth chunk
    (switch,) = runner.switches(4)
    assert (switch.key, switch.value, switch.frame) == ("s.active", 2, 13)


@pytest.mark.parametrize(
    ("policy", "keep_frames", "history"),
    [("refresh_last", 0, 1), ("refresh_last", 8, 2), ("hard_reset", 0, 0), ("cross_attn_only", 0, 5)],
)
def test_a_switch_treats_the_history_as_its_policy_says(
    model: StreamEditDiTModel, policy: str, keep_frames: int, history: int
) -> None:
    runner = make(model, timeline(policy, "41:2", keep_frames=keep_frames), advanced=(("cache_window", 8),))
    seen = []
    evaluate = runner.state.stream.evaluate

    def noted(latents, sigma, source, references):
        seen.append(references)
        return evaluate(latents, sigma, source, references)

    runner.state.stream.evaluate = noted
    play(runner)
    assert seen[2 * 11 - 1] == 5
    assert seen[2 * 11] == history


@pytest.mark.parametrize("policy", get_args(PolicyName))
def test_every_policy_starts_the_age_of_the_prompt_over(model: StreamEditDiTModel, policy: str) -> None:
    runner = make(model, timeline(policy, "21:2", blend_frames=8))
    encoded = encoded_chunks(runner)
    _, windows = play(runner)
    assert [chunk.about.prompt.age for chunk in encoded[6:9]] == [0, 1, 2]
    assert windows[5] > windows[6] == 4


def test_a_blend_goes_from_one_text_to_the_other(model: StreamEditDiTModel) -> None:
    runner = make(model, timeline("blend", "21:2", blend_frames=12))
    contexts = []
    live = {parameter.key: parameter.default for parameter in runner.live_parameters}
    with torch.inference_mode():
        for index in range(12):
            first = 1 + 4 * (index - 1) if index else 0
            count = 4 if index else 1
            pts = tuple(range(first, first + count))
            chunk = Chunk(index, Frames(BUSY[first : first + count], first, pts), count, first, live)
            contexts.append(runner.encode(chunk).about.prompt)
    old, new = contexts[0].text.states, contexts[-1].text.states
    between = [told.text for told in contexts[6:9]]
    length = max(old.shape[1], new.shape[1])
    assert all(text.states.shape[1] == length for text in between)
    away = [float((text.states[:, :1] - old[:, :1]).abs().sum()) for text in between]
    assert np.allclose(away, 0.0, atol=1e-5)  # the null token stands first in both
    shares = [float(text.states[0, 1] @ (new[0, 1] - old[0, 1])) for text in between]
    assert shares == sorted(shares)
    assert all(told.keep is None for told in contexts)
    assert torch.equal(contexts[9].text.states, new)


def test_the_window_follows_the_source(model: StreamEditDiTModel) -> None:
    assert set(play(make(model), STILL)[1]) == {4}
    busy = play(make(model))[1]
    assert busy[0] == 4 and max(busy) == 16 and set(busy) == {4, 8, 16}


def test_a_cut_starts_the_window_over_and_keeps_the_scenes_apart(model: StreamEditDiTModel) -> None:
    runner = make(model)
    encoded, evaluate, seen = encoded_chunks(runner), runner.state.stream.evaluate, []

    def noted(latents, sigma, source, references):
        frames = [chunk.source[0] for chunk in encoded if chunk.source is not None]
        seen.append([number for row in source for number, frame in enumerate(frames) if row.equal(frame)])
        return evaluate(latents, sigma, source, references)

    runner.state.stream.evaluate = noted
    out, windows = play(runner, SCENES)
    assert [index for index, chunk in enumerate(encoded) if chunk.about.activity.cut] == [CUT]
    assert sum(map(len, out)) == 49
    assert windows[CUT - 1] > windows[CUT] == 4
    assert {frames[0] < CUT for frames in seen} == {True, False}
    assert not [frames for frames in seen if min(frames) < CUT <= max(frames)]


@pytest.mark.parametrize("policy", ["refresh_last", "hard_reset", "cross_attn_only", "blend"])
def test_a_switch_at_a_cut_leaves_the_old_scene_as_it_was(model: StreamEditDiTModel, policy: str) -> None:
    switched = film(make(model, timeline(policy, "cut:2")), SCENES)
    differs = (switched != film(make(model, timeline(policy)), SCENES)).any((1, 2, 3))
    assert not differs[:25].any()
    assert differs[25:].any()


def test_the_end_of_the_source_leaves_the_window(model: StreamEditDiTModel) -> None:
    runner = make(model)
    _, windows = play(runner)
    assert windows[-1] == window(runner) == 16


def test_the_readout_says_how_much_of_the_window_there_is(model: StreamEditDiTModel) -> None:
    runner, shown = make(model, advanced=(("cache_window", 5),)), []
    decode = runner.decode
    runner.decode = lambda denoised: shown.append(runner.readout()["window"]) or decode(denoised)
    play(runner)
    assert shown[:6] == ["1 of 5", "2 of 5", "3 of 5", "4 of 5", "5", "5"]
    assert runner.seen == 3  # at the end one frame is under way beside its history


def test_an_autoencoder_that_looks_ahead_keeps_frames_and_facts_together(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path)
    tiny_autoencoder(tmp_path / "tiny-video", lead=0)
    model = load(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    runner = make(model, timeline("hard_reset", "cut:2"))
    encoded = encoded_chunks(runner)
    out, windows = play(runner, SCENES)
    assert sum(map(len, out)) == 49
    with torch.inference_mode():
        stream = model.autoencoder.for_stream()
        whole = torch.cat([stream.encode_chunk(torch.from_numpy(SCENES)), stream.flush()])
    with_source = [chunk for chunk in encoded if chunk.source is not None]
    assert len(with_source) == len(whole) == 13
    (cut,) = (number for number, chunk in enumerate(with_source) if chunk.about.activity.cut)
    (switch,) = (number for number, chunk in enumerate(with_source) if chunk.about.prompt.keep == 0)
    assert cut == switch == CUT
    assert torch.allclose(
        with_source[CUT].source, model.profile.latents.normalise(whole[CUT : CUT + 1].float()), atol=1e-4
    )
    assert windows[CUT] > windows[CUT + 1] == 4  # a chunk late, as its latents are


def test_a_window_by_hand_stays(model: StreamEditDiTModel) -> None:
    assert set(play(make(model, advanced=(("cache_window", 5),)))[1]) == {5}


@pytest.mark.parametrize(("rate", "longest"), [(1_000_000, 4), (0.01, 16)])
def test_a_live_source_gets_the_window_that_keeps_up(
    model: StreamEditDiTModel, rate: float, longest: int
) -> None:
    """At a million pictures a second nothing keeps up, at one in 100 s everything does."""
    assert max(play(make(model, live=True), rate=rate)[1]) == longest
    assert max(play(make(model), rate=rate)[1]) == 16


def test_noise_predictions_are_read_as_such(folder: Path) -> None:
    model = load(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    other = replace(model, profile=replace(model.profile, prediction="epsilon"))
    assert not np.array_equal(film(make(model)), film(make(other)))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"chunk": 8}, "chunk is 8: this model takes 4 frames, set it to 0"),
        ({"steps": 4}, "steps 4 was not trained: use 1, 2, 6; 1 is the model's own layout"),
        ({"noise": "per_slot"}, "noise per_slot does not fit StreamEdit-DiT models: use fresh"),
        ({"advanced": (("cache_window", 17),)}, "cache_window is 17: use 3 to 16, or 0 to let it adapt"),
    ],
)
def test_settings_that_cannot_work_name_their_widget(
    model: StreamEditDiTModel, settings: dict, line: str
) -> None:
    with pytest.raises(SettingError, match=line):
        make(model, **settings)


def test_style_pictures_and_foreign_conditioning_are_refused(model: StreamEditDiTModel) -> None:
    with pytest.raises(SettingError, match="follows words only"):
        make(model, ConditioningRecipe(references=(np.zeros((4, 4, 3), np.float32),)))
    with pytest.raises(SettingError, match="^conditioning: StreamEdit-DiT models read the prompt"):
        play(make(model, ConditioningRecipe(external=[[torch.zeros(1, 2, 3), {}]], node_id="t")))


@pytest.mark.slow
def test_a_compiled_network_gives_the_same_film(folder: Path, model: StreamEditDiTModel) -> None:
    fresh = load(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    frames = BUSY[:13]
    compiled, plain = film(make(fresh, compile=True), frames), film(make(model), frames)
    assert np.abs(compiled.astype(int) - plain).max() <= 2
