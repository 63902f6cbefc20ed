"""The recipes run end to end at toy size, and what they write loads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sample_pictures import picture
from tiny_checkpoint import WORDS as TOKENS

from livestyle.engine.autoencoders.image import load_image_autoencoder
from livestyle.engine.families import WEIGHTS, load_model
from livestyle.engine.families.base import ModelHandle
from livestyle.lab.autoencoders.image_distillation import distil
from livestyle.lab.autoencoders.image_training import train_autoencoder
from livestyle.lab.evaluation.prompts import ASK
from livestyle.lab.mllm_edit.training.text import build_encoder, build_tokenizer
from livestyle.lab.mllm_edit.training.unet import train_unet
from livestyle.lab.styles import STYLES
from livestyle.lab.training import package
from livestyle.lab.training.captions import TEMPLATES, WORDS, caption
from livestyle.lab.training.loop import LoopConfig
from livestyle.lab.training.pairs import VARIANTS

HELD_OUT = Path(__file__).resolve().parents[3] / "benchmarks" / "prompts_held_out.json"


@pytest.fixture(scope="module")
def pool() -> np.ndarray:
    """Four crops in all variants; the targets are stand-ins, only their shape matters here."""
    crops = np.stack([picture(256, seed) for seed in range(4)])
    return np.stack([np.roll(crops, 8 * variant, 2) for variant in range(len(VARIANTS))], axis=1)


@pytest.mark.slow
def test_every_recipe_runs_and_its_checkpoint_loads(pool: np.ndarray, tmp_path: Path) -> None:
    runs, steps = tmp_path / "runs", LoopConfig(steps=2)
    teacher = train_autoencoder(pool, runs / "ae", steps, batch=2, crop=64)
    student = distil(teacher, pool[:, :, None], runs / "student", steps, batch=2, crop=64)
    package.save_autoencoder(student, tmp_path / "vae")
    torch.manual_seed(0)
    encoder = build_encoder(build_tokenizer(TOKENS, torch.linspace(1.0, 0.0, len(TOKENS)), 700)).eval()
    autoencoder = load_image_autoencoder(tmp_path / "vae", torch.float32)
    config = LoopConfig(steps=2, muon=True)
    denoiser = train_unet(pool, autoencoder, encoder, {}, runs / "unet", config, 512, 2)
    assert all(parameter.isfinite().all() for parameter in denoiser.parameters())
    package.save_mllm_edit(denoiser, encoder, tmp_path / "model", "vae")
    model = load_model(ModelHandle(str(tmp_path / "model")), torch.device("cpu"), torch.float32)
    assert model.profile.injection == "channel"
    assert (model.autoencoder.channels, model.autoencoder.spatial, model.autoencoder.patch) == (16, 8, 4)


@pytest.mark.parametrize("folder", sorted(WEIGHTS.iterdir()), ids=lambda folder: folder.name)
def test_model_cards_name_the_weights_they_describe(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    hashes = package.weight_hashes(folder)
    assert hashes
    assert all(digest in card for digest in hashes.values())
    assert all(word in card for word in ("Apache-2.0", "CC BY 3.0", "Limits", "seed"))


def test_captions_cover_every_style_and_nothing_else() -> None:
    assert set(WORDS) == {"none", *STYLES} == set(VARIANTS)
    assert set(ASK) == set(STYLES)
    rng = np.random.default_rng(0)
    assert caption("none", np.random.default_rng(3)) is not None
    assert len({caption("oil", rng) for _ in range(300)}) > 150


def test_no_word_names_two_styles() -> None:
    flat = [word for words in WORDS.values() for word in words]
    assert len(flat) == len(set(flat))


def test_held_out_prompts_are_held_out() -> None:
    """What evaluation asks must not be what training said."""
    prompts = json.loads(HELD_OUT.read_text())
    assert set(prompts) == set(STYLES)
    trained = {t.format(word).lower() for words in WORDS.values() for word in words for t in TEMPLATES}
    for style, kinds in prompts.items():
        assert len(kinds["sentences"]) >= 3
        assert len(kinds["words"]) >= 2
        assert not trained & {phrase.lower() for phrase in [*kinds["sentences"], *kinds["words"]]}, style
