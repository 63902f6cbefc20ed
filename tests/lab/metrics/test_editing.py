"""Each measure puts the right result above an identity edit, shuffled frames and a wrong prompt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")

from livestyle.lab.autoencoders.video_pairs import carried
from livestyle.lab.metrics.editing import MEASURES, EditJudge, disordered, overall, progress, share_kept
from livestyle.lab.metrics.order import frame_order
from livestyle.lab.metrics.perceptual import EfficientNetLite0
from livestyle.lab.metrics.smoothness import interpolation_error
from livestyle.lab.metrics.structure import structure_agreement
from livestyle.lab.streamedit_dit.evaluation.edit60 import (
    Films,
    make_films,
    painted,
    read_films,
    read_pairs,
)
from livestyle.lab.world.render import render

CLIPS = Path(__file__).resolve().parents[4] / "shared" / "clips"
FRAMES, SIDE, MARGIN = 13, 96, 0.05


@pytest.fixture(scope="module")
def trunk() -> EfficientNetLite0:
    return EfficientNetLite0()


def judged(films: Films, third: np.ndarray, trunk: EfficientNetLite0) -> dict[str, dict[str, float]]:
    """The measures of the right result, and of what is wrong with the others.

    Args:
        third: the result of an instruction that the judge knows nothing of.
    """
    judge = EditJudge(films.source, films.target, [films.wrong], trunk)
    outputs = {
        "right": films.target,
        "identity": films.source,
        "shuffled": disordered(films.target, seed=5),
        "shuffled again": disordered(films.target, seed=9),
        "wrong": films.wrong,
        "third": third,
    }
    return {name: judge.measure(output) for name, output in outputs.items()}


def assert_told_apart(rows: dict[str, dict[str, float]]) -> None:
    for measure in MEASURES:
        values = {name: row[measure] for name, row in rows.items()}
        assert values.pop("right") == pytest.approx(1.0, abs=1e-4), measure
        assert max(values.values()) <= 1.0 - MARGIN, (measure, values)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("world_recolour_00", "cyan"),
        ("world_recolour_00", "purple"),  # pink is asked for
        ("world_recolour_05", "red"),
        ("world_background_01", "paper grid"),  # polka dots are, and both are light
        ("world_background_03", "checkerboard"),
    ],
)
def test_edits_of_the_world(name: str, given: str, trunk: EfficientNetLite0) -> None:
    pair = next(pair for pair in read_pairs() if pair.name == name)
    assert given not in (pair.asked.edit.to, pair.wrong.edit.to)
    third = render(replace(pair.asked.edit, to=given).apply(pair.film), FRAMES, SIDE)
    assert_told_apart(judged(make_films(pair, None, FRAMES, SIDE), third, trunk))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("flower_indigo", "cubist"),
        ("flower_pencil", "ink"),
        ("frog_oil", "ink"),
        ("dance_twirl_dusk", "cubist"),
    ],
)
def test_styles_of_the_benchmarks_clips(name: str, given: str, trunk: EfficientNetLite0) -> None:
    """The flower hardly moves: out of order it looks nearly right in every single frame."""
    pair = next(pair for pair in read_pairs() if pair.name == name)
    file = next(CLIPS.glob(f"*/{pair.film.clip}.mp4"), None)
    if file is None:
        pytest.skip(f"needs {pair.film.clip}.mp4 of {CLIPS}")
    film = read_films(file.parent, [pair], FRAMES, SIDE)[name]
    third = painted(film.pixels, given, carried(film.pixels))
    assert_told_apart(judged(make_films(pair, film, FRAMES, SIDE), third, trunk))


def test_faults_cost_the_measure_that_names_them(trunk: EfficientNetLite0) -> None:
    pair = next(pair for pair in read_pairs() if pair.name == "world_background_01")
    films = make_films(pair, None, FRAMES, SIDE)
    judge = EditJudge(films.source, films.target, [films.wrong], trunk)
    bright = np.int16(films.target) + 24 * (np.arange(FRAMES) % 2)[:, None, None, None]
    flickering = judge.measure(np.uint8(bright.clip(0, 255)))
    assert flickering["temporal_coherence"] < 0.5
    assert flickering["identity_preservation"] > 0.9 and flickering["prompt_adherence"] > 0.9
    halfway = judge.measure(np.uint8((np.int16(films.source) + films.target) // 2))
    assert 0.3 < halfway["prompt_adherence"] <= 0.51
    assert halfway["edit_fidelity"] == pytest.approx(0.75 * halfway["prompt_adherence"], rel=0.03)
    soft = np.repeat(np.repeat(films.target[:, 2::4, 2::4], 4, 1), 4, 2)
    blurred = judge.measure(soft)
    assert blurred["overall_quality"] < 0.95
    frozen = judge.measure(np.repeat(films.target[:1], FRAMES, 0))
    assert frozen["edit_fidelity"] < 0.95 and frozen["overall_quality"] < 0.95


def test_progress_ignores_what_lies_across_the_way() -> None:
    wrong, right = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    right[:, 0] = 1.0
    across = right.clone()
    across[:, 1] = 5.0
    assert progress([across], [right], [wrong]) == pytest.approx(1.0)
    assert progress([0.25 * right], [right], [wrong]) == pytest.approx(0.25)
    assert progress([-right], [right], [wrong]) == 0.0
    assert progress([1.5 * right], [right], [wrong]) == pytest.approx(0.5)
    assert progress([3.0 * right], [right], [wrong]) == 0.0


def test_the_order_of_frames_is_what_it_says() -> None:
    film = np.random.default_rng(0).integers(0, 255, (9, 4, 4, 3), dtype=np.uint8)
    assert frame_order(film, film) == frame_order(film // 4 + 100, film) == 1.0
    assert frame_order(film[::-1], film) < 0.3 and frame_order(disordered(film), film) < 0.3
    assert frame_order(np.repeat(film[:1], 9, 0), film) == 0.0
    slow = np.arange(9, dtype=np.uint8)[:, None, None, None] + film[:1] // 2
    assert frame_order(slow, slow) == 1.0 and frame_order(slow[::-1], slow) == 0.0
    assert frame_order(film, np.repeat(film[:1], 9, 0)) == 1.0  # a still has no order


def test_more_of_the_edit_is_never_worse(trunk: EfficientNetLite0) -> None:
    pair = next(pair for pair in read_pairs() if pair.name == "world_recolour_00")
    films = make_films(pair, None, FRAMES, SIDE)
    judge = EditJudge(films.source, films.target, [films.wrong], trunk)
    source, target = np.float32(films.source), np.float32(films.target)
    made = [np.uint8(source + share * (target - source)) for share in (0.0, 0.3, 0.6, 0.8, 1.0)]
    rows = [judge.measure(film) for film in made]
    for measure in MEASURES:
        values = [row[measure] for row in rows]
        assert values == sorted(values) and values[-1] == pytest.approx(1.0, abs=0.02), (measure, values)


def test_structure_is_blind_to_a_change_of_all_positions_alike() -> None:
    generator = torch.Generator().manual_seed(0)
    first, other = (torch.randn(2, 6, 4, 4, generator=generator) for _ in range(2))
    turn = torch.linalg.qr(torch.randn(6, 6, generator=generator))[0]
    turned = torch.einsum("ij,njhw->nihw", turn, first)
    normed = [x / x.norm(dim=1, keepdim=True) for x in (first, turned, other)]
    assert structure_agreement(normed[0], normed[1]).min() > 0.999
    assert structure_agreement(normed[0], normed[2]).abs().max() < 0.5


def test_scales() -> None:
    assert share_kept(2.0, 2.0, 12.0) == share_kept(1.0, 2.0, 12.0) == 1.0
    assert share_kept(7.0, 2.0, 12.0) == 0.5
    assert share_kept(30.0, 2.0, 12.0) == 0.0
    assert share_kept(2.5, 2.0, 2.0) == 0.5  # a film that hardly moves
    assert overall({"a": 1.0, "b": 1.0, "c": 1.0}, 0.5**4) == pytest.approx(0.5)
    assert overall({"a": 1.0, "b": 0.0}, 1.0) < 0.02


def test_interpolation_error_is_small_for_a_pan_and_large_for_jumps() -> None:
    pair = next(pair for pair in read_pairs() if pair.kind == "recolour")
    film = make_films(pair, None, 9, 96).source
    assert interpolation_error(film) < 0.3 * interpolation_error(disordered(film, 3))
