"""The published configuration has its published size, toy rows say what they are, rates are by wall time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from demo_model import demo_model
from diffusers import DreamLiteUNetModel
from moving_clips import panning
from transformers import Qwen3VLModel

from livestyle.engine.runtime.lanes import lanes_of
from livestyle.lab.benchmark.inline import play
from livestyle.lab.benchmark.playback import Playback, play_through
from livestyle.lab.mllm_edit.benchmark.full_size import FULL, TOY, qwen_config, random_model, widened
from livestyle.lab.mllm_edit.benchmark.matrix import Bench, Case, cases, summary


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    demo = demo_model()
    model = random_model(TOY, demo.encoder.tokenizer, demo.scheduler, torch.device("cpu"), torch.float32)
    toy = Bench(model, TOY, panning("a", 8, TOY.side).pixels)
    yield toy
    toy.close()


def test_the_full_configuration_has_the_published_number_of_parameters() -> None:
    tokenizer = demo_model().encoder.tokenizer
    with torch.device("meta"):
        unet = DreamLiteUNetModel(**FULL.unet)
        text = Qwen3VLModel(qwen_config(FULL, tokenizer))
    assert sum(p.numel() for p in unet.parameters()) == 389_968_388
    assert sum(p.numel() for p in text.parameters()) == pytest.approx(2.13e9, rel=0.005)


def test_prompts_are_widened_to_the_published_length(bench: Bench) -> None:
    encoder = bench.model.encoder
    ids, drop = encoder.token_ids(widened("make it oil", encoder, FULL.kept))
    assert FULL.kept <= len(ids) - drop < FULL.kept + 8


def test_every_value_that_is_asked_for_is_measured() -> None:
    listed = list(cases(FULL))
    assert {case.chunk for case in listed} == {1, 8, 16}
    assert {case.steps for case in listed} == {1, 2, 4}
    assert {case.adapter for case in listed} == {"off", "all", "down"}
    assert {case.te_every for case in listed} == {1, 16}
    assert {case.compiled for case in listed} == {False, True}
    assert {case.lanes for case in listed} == {"one", "two"}
    assert len(listed) == len(set(listed))


@pytest.mark.slow
def test_toy_rows_are_no_figures_of_the_full_size(bench: Bench) -> None:
    plain, adapted = bench.row(Case(2)), bench.row(Case(2, adapter="down", te_every=16))
    assert plain["fps"] > 0 and adapted["fps"] > 0
    assert plain["note"] == "full size not measured: no CUDA device here"
    assert bench.row(Case(2, compiled=True))["note"] == "not measured: compiled rows need a CUDA device"
    assert "fps" not in bench.quantised()[0]
    lanes = bench.lanes()
    assert lanes["wall_over_max"] > lanes["wall_over_sum"] > 0
    assert lanes["gflop_per_frame"] > 0.05
    told = summary([plain, adapted], lanes, [{"fps": 1.0}, {"fps": 2.0}], 2)
    assert told["engine_over_pipeline_4_steps"] == pytest.approx(plain["fps"] / 2.0)
    assert "compiled_over_eager" not in told and "two_lanes_over_one" not in told
    assert told["note"].startswith("full size not measured")


def test_lanes_give_the_pictures_of_a_plain_loop(bench: Bench) -> None:
    frames = panning("b", 7, TOY.side, seed=2).pixels
    runner = bench.runner(Case(2))
    played = play_through(runner, frames, lanes_of(torch.device("cpu")))
    assert list(played.sizes) == [2, 2, 2, 1]
    assert (played.delivered >= played.fed).all() and (np.diff(played.delivered) >= 0).all()
    assert (played.pixels == np.concatenate(list(play(bench.runner(Case(2)), frames)))).all()


def test_rates_leave_out_the_warm_up() -> None:
    times = np.array([5.0, 6.0, 7.0, 8.0])
    played = Playback(np.zeros((14, 1, 1, 3), np.uint8), times - 2.0, times, np.array([4, 4, 4, 2]), {})
    assert played.fps(2) == pytest.approx(6 / 2.0)
    assert played.fps(0) == pytest.approx(14 / 8.0)
    assert np.isnan(played.fps(4))
    assert list(played.periods(2)) == [1.0, 1.0]
    assert list(played.latencies(1)) == [2.0, 2.0, 2.0]
