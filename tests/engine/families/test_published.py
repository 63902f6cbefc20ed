"""Published checkpoints: DreamLite's sizes, both layouts, and parts from ComfyUI's own folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen3VLForConditionalGeneration

from livestyle.engine.errors import CheckpointError
from livestyle.engine.families import load_model, weight_bytes
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.mllm_edit.model import MLLMEditModel
from livestyle.engine.families.mllm_edit.unet import ORIGINAL_BLOCKS, PUBLISHED_CONFIG, build_unet
from livestyle.engine.networks.hooks import hook_sites

CPU, META = torch.device("cpu"), torch.device("meta")
LAYOUTS = ("diffusers", "original")


def in_layout(config: dict, layout: str) -> dict:
    """A U-Net's config.json as that branch of the release writes it."""
    if layout == "diffusers":
        return config
    names = {new: old for old, new in ORIGINAL_BLOCKS.items()}
    config = dict(config, _class_name="UNet2DConditionModel")
    for key in ("down_block_types", "up_block_types"):
        config[key] = [names[block] for block in config[key]]
    config["mid_block_type"] = names[config["mid_block_type"]]
    return config


@pytest.fixture
def released(tiny_folder: Path, tmp_path: Path) -> Path:
    """The tiny checkpoint as a release has it: its own autoencoder, no note of ours."""
    shutil.copytree(tiny_folder, tmp_path / "DreamLite-mobile")
    shutil.copytree(tiny_folder.parent / "tiny-vae", tmp_path / "DreamLite-mobile" / "vae")
    (tmp_path / "DreamLite-mobile" / "livestyle.json").unlink()
    return tmp_path / "DreamLite-mobile"


def load(folder: Path, **changes: str) -> MLLMEditModel:
    return load_model(ModelHandle(str(folder), **changes), CPU, torch.float32)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_published_network_has_its_size(layout: str) -> None:
    """The figures of DreamLite's weight file: 1075 tensors, 743.8 MiB in bf16."""
    config = in_layout(dict(build_unet(PUBLISHED_CONFIG, META).config), layout)
    unet = build_unet(config, META)
    assert sum(parameter.numel() for parameter in unet.parameters()) == 389_968_388
    assert len(unet.state_dict()) == 1075
    assert unet.encoder_hid_proj[0].weight.shape == (2304, 2048)
    assert len(hook_sites(unet)) == 108


def test_both_layouts_load_identically(released: Path) -> None:
    config_file = released / "unet" / "config.json"
    config, states = json.loads(config_file.read_text()), []
    for layout in LAYOUTS:
        config_file.write_text(json.dumps(in_layout(config, layout)))
        model = load(released)
        assert model.profile.injection == "width" and model.profile.prediction == "velocity"
        states.append([module.state_dict() for module in model.modules()])
    for one, other in zip(*states, strict=True):
        assert one.keys() == other.keys() and one
        assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("layout", ["text model", "with head", "repacked"])
def test_a_text_encoder_file_of_any_layout(released: Path, tmp_path: Path, layout: str) -> None:
    wanted = load(released).encoder.model
    if layout == "text model":
        tensors = dict(wanted.state_dict())
    else:
        whole = Qwen3VLForConditionalGeneration(wanted.config)
        whole.model.load_state_dict(wanted.state_dict())
        tensors = dict(whole.state_dict())
    if layout == "repacked":
        tensors = {
            key.replace("model.language_model.", "model.").replace("model.visual.", "visual."): value
            for key, value in tensors.items()
        }
    path = tmp_path / "qwen3vl.safetensors"
    save_file({key: value.clone().contiguous() for key, value in tensors.items()}, path)
    shutil.move(released / "text_encoder" / "model.safetensors", tmp_path / "away.safetensors")
    loaded = load(released, text_encoder=str(path)).encoder.model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in wanted.state_dict().items())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda t: t.pop("language_model.layers.0.mlp.up_proj.weight"), "1 tensors missing, 0 unexpected"),
        (lambda t: t.update({"scaled_fp8": torch.zeros(1)}), "is scaled fp8: pick the bf16 file"),
        (lambda t: t.update({"text_projection.weight": torch.zeros(1)}), "0 tensors missing, 1 unexpected"),
    ],
)
def test_another_text_encoder_is_refused_in_one_line(released: Path, tmp_path: Path, change, line) -> None:
    tensors = load_file(released / "text_encoder" / "model.safetensors")
    change(tensors)
    path = tmp_path / "other.safetensors"
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match=f"^Text encoder other.safetensors .*{line}") as refused:
        load(released, text_encoder=str(path))
    assert "\n" not in str(refused.value)


def test_a_text_encoder_that_is_cut_off(released: Path) -> None:
    weights = released / "text_encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="^Text encoder model.safetensors is damaged or cut off"):
        load(released)


@pytest.mark.parametrize("part", ["unet", "text_encoder", "tokenizer", "vae", "scheduler"])
def test_a_missing_part_says_where_to_get_it_and_its_licence(released: Path, part: str) -> None:
    shutil.rmtree(released / part)
    where = r"huggingface\.co/carlofkl/DreamLite-mobile \(CC BY-NC 4\.0: non-commercial use only\)"
    with pytest.raises(
        CheckpointError, match=f"^Checkpoint DreamLite-mobile lacks {part}: .*{where}"
    ) as said:
        load(released)
    assert ("TAESDXL (MIT)" in str(said.value)) == (part == "vae")
    assert "\n" not in str(said.value)


def test_an_autoencoder_of_other_channels_is_refused(released: Path, tmp_path: Path) -> None:
    from diffusers import AutoencoderTiny

    sizes = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    AutoencoderTiny(latent_channels=16, **sizes).save_pretrained(tmp_path / "sixteen")
    with pytest.raises(CheckpointError, match="sixteen has 16 latent channels and this model needs 4"):
        load(released, autoencoder=str(tmp_path / "sixteen"))


def test_the_estimate_is_what_is_loaded(released: Path) -> None:
    """To the byte for bf16 and fp32, from the headers alone."""
    for dtype in (torch.bfloat16, torch.float32):
        handle = ModelHandle(str(released))
        model = load_model(handle, CPU, dtype)
        parts = dict(zip(("unet", "text_encoder", "vae"), model.modules(), strict=True))
        loaded = {
            name: sum(tensor.nbytes for tensor in module.state_dict().values())
            for name, module in parts.items()
        }
        assert weight_bytes(handle, dtype) == loaded


def test_the_estimate_counts_what_was_chosen(released: Path, tmp_path: Path) -> None:
    own = weight_bytes(ModelHandle(str(released)), torch.bfloat16)
    save_file({"0.weight": torch.zeros(10, 10)}, tmp_path / "x_encoder.safetensors")
    save_file({"1.weight": torch.zeros(10, 10)}, tmp_path / "x_decoder.safetensors")
    handle = ModelHandle(str(released), autoencoder=str(tmp_path / "x_decoder.safetensors"))
    assert weight_bytes(handle, torch.bfloat16) == own | {"vae": 400}
    eight = weight_bytes(ModelHandle(str(released), dtype="fp8"), torch.bfloat16)
    assert own["unet"] / 2 < eight["unet"] < own["unet"] and eight["vae"] == own["vae"]
