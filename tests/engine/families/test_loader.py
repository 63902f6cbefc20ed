"""Checkpoints that load, and one clear line for those that can't."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from livestyle.engine.errors import CheckpointError, SettingError
from livestyle.engine.families import demo_checkpoints, estimate_bytes, load_model, probe
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.mllm_edit.unet import ORIGINAL_BLOCKS

CPU = torch.device("cpu")


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_folder.parent, tmp_path / "models")
    return tmp_path / "models" / "tiny"


@pytest.mark.parametrize("family", ["mllm_edit", "rtr_dit", "stream_dit", "streamedit_dit"])
def test_a_family_can_be_imported_by_its_full_name(family: str) -> None:
    """Nothing in ``families`` has taken the name of a family's folder."""
    from livestyle.engine import families

    package = importlib.import_module(f"livestyle.engine.families.{family}")
    assert getattr(families, family) is package


def load(folder: Path, **changes):
    return load_model(ModelHandle(str(folder), **changes), CPU, torch.float32)


def test_original_class_names_load_the_same_weights(copy: Path, tiny_model) -> None:
    config = json.loads((copy / "unet" / "config.json").read_text())
    names = {new: old for old, new in ORIGINAL_BLOCKS.items()}
    for key in ("down_block_types", "up_block_types"):
        config[key] = [names[block] for block in config[key]]
    config["mid_block_type"] = names[config["mid_block_type"]]
    (copy / "unet" / "config.json").write_text(json.dumps(config))
    loaded, wanted = load(copy).denoiser.unet.state_dict(), tiny_model.denoiser.unet.state_dict()
    assert loaded.keys() == wanted.keys()
    assert all(torch.equal(loaded[name], wanted[name]) for name in wanted)


def test_dtype_is_what_was_asked_for(tiny_folder: Path) -> None:
    model = load_model(ModelHandle(str(tiny_folder)), CPU, torch.bfloat16)
    assert {p.dtype for module in model.modules() for p in module.parameters()} == {torch.bfloat16}
    with pytest.raises(SettingError, match="fp16 overflows"):
        load_model(ModelHandle(str(tiny_folder)), CPU, torch.float16)


def test_truncated_file(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(
        CheckpointError, match=r"^U-Net file of tiny is damaged or cut off .*: download it again\.$"
    ):
        load(copy)


def test_pickled_weights(copy: Path) -> None:
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(CheckpointError, match="pickle file .*: use the .safetensors release"):
        load(copy)


def test_pickle_file(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(b"\x80\x04.")
    with pytest.raises(CheckpointError, match="model.ckpt is a pickle file"):
        probe(tmp_path / "model.ckpt")


def test_other_network(copy: Path) -> None:
    config = json.loads((copy / "unet" / "config.json").read_text())
    config["block_out_channels"] = [32, 64, 64]
    (copy / "unet" / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="is not a DreamLite network"):
        load(copy)


def test_other_family(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(CheckpointError, match="is no checkpoint folder of a known family"):
        probe(tmp_path)


def test_missing_folder_and_missing_part(copy: Path) -> None:
    with pytest.raises(CheckpointError, match="doesn't exist"):
        probe(copy / "nothing")
    shutil.rmtree(copy / "text_encoder")
    with pytest.raises(CheckpointError, match="^Checkpoint tiny lacks text_encoder"):
        load(copy)


def test_missing_autoencoder(copy: Path) -> None:
    shutil.rmtree(copy.parent / "tiny-vae")
    with pytest.raises(CheckpointError, match="^Checkpoint tiny lacks vae: get the whole folder again"):
        load(copy)


def test_demo_checkpoint_comes_with_the_pack_and_keeps_its_size() -> None:
    folder = demo_checkpoints()["demo: mllm-edit"]
    assert probe(folder).name == "mllm_edit"
    unet = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")
    text = load_file(folder / "text_encoder" / "model.safetensors")
    assert sum(t.numel() for t in unet.values()) <= 4_000_000
    assert sum(t.numel() for t in text.values()) < 1_000_000
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) <= 10_000_000
    assert sum(p.stat().st_size for p in (folder.parent / "demo-image").rglob("*")) <= 1_500_000
    assert estimate_bytes(ModelHandle(str(folder)), torch.bfloat16) >= 9_000_000
