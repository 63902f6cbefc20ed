"""edit60 is what it says; the study, its tables and the blind page come out of a tiny checkpoint."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")

from sample_clips import make_clip
from tiny_streamedit_dit import write_tiny_checkpoint

from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.streamedit_dit.loader import load
from livestyle.engine.families.streamedit_dit.model import StreamEditDiTModel
from livestyle.engine.networks.sparse_attention.backends import ATTEND, attend_gather
from livestyle.lab.evaluation.prompts import ASK
from livestyle.lab.metrics.editing import MEASURES
from livestyle.lab.metrics.perceptual import EfficientNetLite0
from livestyle.lab.streamedit_dit.evaluation.ab_page import Comparison, write_page
from livestyle.lab.streamedit_dit.evaluation.edit60 import (
    FILE,
    make_films,
    named_clips,
    read_films,
    read_pairs,
)
from livestyle.lab.streamedit_dit.evaluation.study import EditStudy, Variant, summarise
from livestyle.lab.streamedit_dit.evaluation.variants import variants
from livestyle.lab.streamedit_dit.evaluation.windows import attention_times, window_table
from livestyle.lab.styles import SCREEN_LOCKED, STYLES
from livestyle.lab.training.splits import part_of_clip
from livestyle.lab.world.scene import Scene

SIDE = 64


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> StreamEditDiTModel:
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))
    return load(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def trunk() -> EfficientNetLite0:
    return EfficientNetLite0()


def test_edit60_has_60_pairs_with_right_and_wrong_results() -> None:
    pairs = read_pairs()
    assert len({pair.name for pair in pairs}) == 60
    assert Counter(pair.kind for pair in pairs) == {"style": 34, "recolour": 13, "background": 13}
    for pair in pairs:
        assert pair.asked.text != pair.wrong.text and pair.asked.edit != pair.wrong.edit
        if isinstance(pair.film, Scene):
            scenes = {pair.film, pair.asked.edit.apply(pair.film), pair.wrong.edit.apply(pair.film)}
            assert len(scenes) == 3
        else:
            assert pair.film.clip in named_clips() and pair.asked.text == ASK[pair.asked.edit]
    styles = Counter(pair.asked.edit for pair in pairs if pair.kind == "style")
    assert styles == {style: 2 for style in STYLES if style not in SCREEN_LOCKED}


def test_edit60_says_where_its_clips_are_from() -> None:
    content = json.loads(FILE.read_text())
    assert {row["licence"] for row in content["clips"].values()} == {"CC0", "CC0-1.0", "BSD"}


def test_no_recipe_trains_on_a_clip_of_edit60() -> None:
    assert {part_of_clip(name) for name in named_clips()} == {"tune", "test"}


def test_a_folder_without_the_named_clips_gives_its_own(tmp_path: Path) -> None:
    for name in ("mdnla_frog", "other"):
        make_clip(tmp_path / f"{name}.mp4", frames=34)
    pairs = read_pairs()[:3]
    films = read_films(tmp_path, pairs, 9, SIDE)
    assert [films[pair.name].name for pair in pairs][1] == "mdnla_frog"
    assert set(films) == {pair.name for pair in pairs}
    assert all(clip.pixels.shape == (9, SIDE, SIDE, 3) for clip in films.values())
    with pytest.raises(FileNotFoundError, match="--clips"):
        read_films(tmp_path / "none", pairs, 9, SIDE)


@pytest.mark.slow
def test_a_study_of_a_tiny_checkpoint(
    model: StreamEditDiTModel, trunk: EfficientNetLite0, tmp_path: Path
) -> None:
    make_clip(tmp_path / "clip.mp4", frames=16)
    pairs = [read_pairs()[0], read_pairs()[-1]]
    films = read_films(tmp_path, pairs, 9, SIDE)
    compared, missing = variants(model, model, {"without_scm_asw": model})
    assert [row.name for row in compared] == [
        "full",
        "without_ptcm",
        "without_dsa",
        "without_scm_asw",
        "distilled",
    ]
    assert not missing and compared[3].window == 4
    kept: list[dict] = []
    study = EditStudy(compared, pairs, films, trunk, 9, SIDE, (0, 1), kept.append)
    rows = list(study.rows())
    assert rows == kept and len(rows) == 2 * (1 + 5 * 2)
    report = summarise(rows)
    assert set(report["table"]) == {"ceiling", *(row.name for row in compared)}
    assert report["distilled_gap"] == pytest.approx(0.0, abs=1e-6)  # one network on both sides
    assert all(set(report["table"]["full"][key]) == {"mean", "half"} for key in MEASURES)
    assert list(report["explained_change"]) == ["oil"]
    assert set(report["kinds"]) == {"style", "background"}
    film = make_films(pairs[0], films[pairs[0].name], 9, SIDE)
    page = write_page(tmp_path / "page", [comparison(film.source, compared)], seed=1)
    check_page(page)


def comparison(source: np.ndarray, compared: list[Variant]) -> Comparison:
    edits = {row.name: row.edit(source, "oil <b>", 0) for row in (compared[0], compared[-1])}
    return Comparison("pair", "oil <b>", source, edits)


def check_page(page: Path) -> None:
    text = page.read_text()
    assert "full" not in text and "distilled" not in text  # blind
    assert "oil &lt;b&gt;" in text and '<video src="01.mp4"' in text
    key = json.loads((page.parent / "key.json").read_text())
    assert {key["01"]["left"], key["01"]["right"]} == {"full", "distilled"}
    assert json.loads((page.parent / "result.json").read_text()) == {"status": "not run"}
    assert (page.parent / "01.mp4").stat().st_size > 500


def test_what_is_called_dsa_is_sparse(model: StreamEditDiTModel) -> None:
    """Left to its own choice the runner takes a buffer this small whole."""
    source, gathered = np.zeros((9, SIDE, SIDE, 3), np.uint8), []

    def counted(*arguments: Any) -> torch.Tensor:
        gathered.append(1)
        return attend_gather(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ATTEND, "gather", counted)
        Variant("full", model, backend=None).edit(source, "paint", 0)
        assert not gathered
        full, without, *_ = (row for row in variants(model, model, {})[0] if row.name != "without_ptcm")
        without.edit(source, "paint", 0)
        assert without.name == "without_dsa" and not gathered
        full.edit(source, "paint", 0)
        assert full.name == "full" and gathered


def test_without_a_teacher_the_ablations_are_the_students(model: StreamEditDiTModel) -> None:
    compared, missing = variants(model, None, {})
    assert [row.name for row in compared] == ["without_ptcm", "without_dsa", "distilled"]
    assert set(missing) == {"full", "without_scm_asw"}
    assert all(text.startswith("not measured") for text in missing.values())
    assert compared[0].model.network.config.ptcm_every == 0
    assert compared[1].model.network.config.attention == "windowed"


@pytest.mark.slow
def test_the_table_of_windows(model: StreamEditDiTModel, trunk: EfficientNetLite0) -> None:
    kept: list[dict] = []
    pairs = [pair for pair in read_pairs() if pair.kind == "recolour"][:1]
    table = window_table(model, pairs, {}, trunk, frames=41, side=SIDE, emit=kept.append)
    assert list(table) == ["4", "8", "16", "adaptive"] and len(kept) == 4
    # 11 latent frames: history fills from the third's result on, and at the end fewer are under way
    seen = {"4": 3 + 8 * 4 + 3 + 2, "8": 3 + 4 + 5 + 6 + 7 + 4 * 8 + 7 + 6, "16": sum(range(3, 12)) + 11 + 11}
    for name, total in seen.items():
        assert table[name]["window"] == pytest.approx(total / 11)
    assert table["4"]["window"] <= table["adaptive"]["window"] <= table["16"]["window"]
    assert table["4"]["memory_mb"] < table["8"]["memory_mb"] < table["16"]["memory_mb"]
    assert table["4"]["memory_mb"] <= table["adaptive"]["memory_mb"] <= table["16"]["memory_mb"]
    rows = attention_times(model, (4, 8), SIDE)
    assert [row["window"] for row in rows] == [4, 8]
    assert all(row[f"{kind}_ms"] > 0.0 for row in rows for kind in ("dense", "sparse", "windowed"))
    assert all(0.0 < row["density"] <= 1.0 for row in rows)
