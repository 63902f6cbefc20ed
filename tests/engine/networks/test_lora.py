"""LoRA files of each published key style, and what they do to the U-Net."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import DreamLiteUNetModel
from safetensors.torch import load_file, save_file
from tiny_checkpoint import tiny_unet
from tiny_lora import STYLES, attention_linears, write_lora
from torch import nn

from livestyle.engine.errors import CheckpointError
from livestyle.engine.networks.hooks import sharing_clone
from livestyle.engine.networks.lora import Lora, LoRALinear, apply_lora


@pytest.fixture
def unet() -> DreamLiteUNetModel:
    torch.manual_seed(0)
    return tiny_unet("width").requires_grad_(False).eval()


def evaluate(unet: DreamLiteUNetModel) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        return unet(
            torch.randn(2, 4, 8, 16, generator=generator),
            torch.full((2,), 1000.0),
            torch.randn(2, 7, 96, generator=generator),
            encoder_attention_mask=torch.ones(2, 7),
            added_cond_kwargs={"time_ids": torch.tensor([[64.0, 64.0]] * 2)},
        ).sample


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("strength", [1.0, 0.5, -0.5])
def test_it_equals_merged_weights(
    unet: DreamLiteUNetModel, tmp_path: Path, style: str, strength: float
) -> None:
    merged = sharing_clone(unet)
    changes = write_lora(unet, tmp_path / "lora.safetensors", style, alpha=8.0)
    for name, change in changes.items():
        linear = merged.get_submodule(name)
        linear.weight = nn.Parameter(linear.weight + strength * change)
    lora = apply_lora(unet, tmp_path / "lora.safetensors")
    assert lora.layers.keys() == changes.keys()
    lora.turn(strength)
    assert torch.allclose(evaluate(unet), evaluate(merged), atol=1e-4)


def test_strength_zero_is_the_network_without(unet: DreamLiteUNetModel, tmp_path: Path) -> None:
    before = evaluate(unet)
    write_lora(unet, tmp_path / "lora.safetensors", "peft")
    lora = apply_lora(unet, tmp_path / "lora.safetensors")
    assert not torch.allclose(evaluate(unet), before, atol=1e-3)
    lora.turn(0.0)
    assert torch.equal(evaluate(unet), before)


def test_a_sharing_clone_follows_the_strength(unet: DreamLiteUNetModel, tmp_path: Path) -> None:
    write_lora(unet, tmp_path / "lora.safetensors", "peft")
    lora = apply_lora(unet, tmp_path / "lora.safetensors")
    clone = sharing_clone(unet)
    lora.turn(0.3)
    assert torch.equal(evaluate(clone), evaluate(unet))


def test_weights_stay_shared_and_keep_their_names(unet: DreamLiteUNetModel, tmp_path: Path) -> None:
    name, linear = next(iter(attention_linears(unet).items()))
    write_lora(unet, tmp_path / "lora.safetensors", "peft")
    apply_lora(unet, tmp_path / "lora.safetensors")
    layer = unet.get_submodule(name)
    assert isinstance(layer, LoRALinear) and layer.weight is linear.weight


def load_changed(unet: nn.Module, path: Path, change: Callable[[dict], object]) -> Lora:
    write_lora(unet, path, "peft")
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    return apply_lora(unet, path)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda t: t.update({key: torch.ones(3, 7) for key in t}), "is for another model"),
        (lambda t: t.update({"text_encoder.layer.lora_A.weight": torch.ones(4, 8)}), "text encoder too"),
        (lambda t: t.pop(next(key for key in t if "lora_B" in key)), "is incomplete at"),
        (lambda t: t.clear(), "is empty"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_one_line(
    unet: DreamLiteUNetModel, tmp_path: Path, change, line: str
) -> None:
    before = evaluate(unet)
    with pytest.raises(CheckpointError, match=f"^LoRA lora.safetensors .*{line}") as refused:
        load_changed(unet, tmp_path / "lora.safetensors", change)
    assert "\n" not in str(refused.value)
    assert torch.equal(evaluate(unet), before)


def test_a_damaged_file(unet: DreamLiteUNetModel, tmp_path: Path) -> None:
    path = tmp_path / "lora.safetensors"
    write_lora(unet, path, "peft")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match="is damaged"):
        apply_lora(unet, path)
