"""Each measure puts the right result above an identity edit, shuffled frames and a wrong prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")

from livestyle.engine.evaluation.streamedit_dit.edit60 import Films, make_films, painted, read_pairs
from livestyle.engine.metrics.editing import MEASURES, EditJudge, disordered, overall, progress, share_kept
from livestyle.engine.metrics.perceptual import EfficientNetLite0
from livestyle.engine.metrics.smoothness import interpolation_error
from livestyle.engine.metrics.structure import structure_agreement
from livestyle.engine.training.video_pairs import carried

CLIPS = Path(__file__).resolve().parents[4] / "shared" / "clips" / "eval"
FRAMES, SIDE, MARGIN = 13, 96, 0.05


@pytest.fixture(scope="module")
def trunk() -> EfficientNetLite0:
    return EfficientNetLite0()


def judged(films: Films, trunk: EfficientNetLite0) -> dict[str, dict[str, float]]:
    """The measures of the right result and of what is wrong with the others."""
    judge = EditJudge(films.source, films.target, [films.wrong], trunk)
    outputs = {
        "right": films.target,
        "identity": films.source,
        "shuffled": disordered(films.target, seed=5),
        "wrong": films.wrong,
    }
    return {name: judge.measure(output) for name, output in outputs.items()}


def assert_told_apart(rows: list[dict[str, dict[str, float]]]) -> None:
    for measure in MEASURES:
        means = {name: float(np.mean([row[name][measure] for row in rows])) for name in rows[0]}
        assert means["right"] == pytest.approx(1.0, abs=1e-4), measure
        for fault in ("identity", "shuffled", "wrong"):
            assert means["right"] - means[fault] >= MARGIN, (measure, means)


@pytest.mark.parametrize("kind", ["recolour", "background"])
def test_edits_of_the_world(kind: str, trunk: EfficientNetLite0) -> None:
    pairs = [pair for pair in read_pairs() if pair.kind == kind][:2]
    assert_told_apart([judged(make_films(pair, None, FRAMES, SIDE), trunk) for pair in pairs])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "style", "wrong"), [("libby", "pencil", "thermal"), ("camel", "oil", "woodcut")]
)
def test_styles_of_real_clips(clip: str, style: str, wrong: str, trunk: EfficientNetLite0) -> None:
    from livestyle.engine.evaluation.clips import read_clip

    path = CLIPS / f"{clip}.mp4"
    if not path.exists():
        pytest.skip(f"needs {path}")
    source = read_clip(path, SIDE, FRAMES).pixels
    along = carried(source)
    films = Films(source, *(painted(source, name, along) for name in (style, wrong)))
    assert_told_apart([judged(films, trunk)])


def test_faults_cost_the_measure_that_names_them(trunk: EfficientNetLite0) -> None:
    pair = next(pair for pair in read_pairs() if pair.name == "world_background_01")
    films = make_films(pair, None, FRAMES, SIDE)
    judge = EditJudge(films.source, films.target, [films.wrong], trunk)
    bright = np.int16(films.target) + 24 * (np.arange(FRAMES) % 2)[:, None, None, None]
    flickering = judge.measure(np.uint8(bright.clip(0, 255)))
    assert flickering["temporal_coherence"] < 0.5
    assert flickering["identity_preservation"] > 0.9 and flickering["prompt_adherence"] > 0.9
    halfway = judge.measure(np.uint8((np.int16(films.source) + films.target) // 2))
    assert halfway["edit_fidelity"] == pytest.approx(0.75, abs=0.02)
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
