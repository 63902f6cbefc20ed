"""LoRA files as they are published: every dialect is applied as far as it fits, the rest is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from livestyle.engine.errors import CheckpointError
from livestyle.engine.networks.causal_wan.keys import original_name
from livestyle.engine.networks.lora import Lora, apply_lora

WIDTH, RANK = 12, 3
ORIGINAL = "blocks.0.self_attn.q"


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.norm_q = nn.RMSNorm(WIDTH)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.self_attn, self.cross_attn = Attention(), Attention()
        self.ffn = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))


class Wan(nn.Module):
    """Wan's names of layers, as small as can be."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList([Block()])
        self.requires_grad_(False)


def factors(rank: int = RANK, wide: int = WIDTH) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(rank)
    return torch.randn(rank, WIDTH, generator=generator), torch.randn(wide, rank, generator=generator)


def load(network: nn.Module, folder: Path, tensors: dict[str, torch.Tensor]) -> Lora:
    save_file({key: tensor.clone() for key, tensor in tensors.items()}, folder / "some.safetensors")
    return apply_lora(network, folder / "some.safetensors", rename=original_name)


def changed(network: nn.Module, name: str) -> torch.Tensor:
    """What a layer gives for the unit vectors beside what it gave before: the change of its weight."""
    before = Wan().get_submodule(name)
    unit = torch.eye(before.in_features)
    return (network.get_submodule(name)(unit) - before(unit)).T


# (keys of A and B, the layer that they mean)
DIALECTS = {
    "ComfyUI": ("diffusion_model.{}.lora_{}.weight", "blocks.0.self_attn.q", ORIGINAL),
    "diffusers": ("{}.lora_{}.weight", "blocks.0.attn1.to_q", ORIGINAL),
    "diffusers with a head": ("transformer.{}.lora_{}.weight", "blocks.0.attn1.to_q", ORIGINAL),
    "diffusers, out": ("transformer.{}.lora_{}.weight", "blocks.0.attn2.to_out.0", "blocks.0.cross_attn.o"),
    "diffusers, ffn": ("transformer.{}.lora_{}.weight", "blocks.0.ffn.net.0.proj", "blocks.0.ffn.0"),
    "DiffSynth": ("pipe.dit.{}.lora_{}.default.weight", "blocks.0.self_attn.q", ORIGINAL),
    "PEFT": ("base_model.model.{}.lora_{}.weight", "blocks.0.self_attn.q", ORIGINAL),
    "an adapter's name": ("{}.lora_{}.my_style.weight", "blocks.0.self_attn.q", ORIGINAL),
    "kohya-ss": ("lora_unet_{}.lora_{}.weight", "blocks_0_self_attn_q", ORIGINAL),
    "VideoX-Fun": ("lora_unet__{}.lora_{}.weight", "blocks_0_self_attn_q", ORIGINAL),
    "VideoX-Fun, ffn": ("lora_unet__{}.lora_{}.weight", "blocks_0_ffn_0", "blocks.0.ffn.0"),
}


@pytest.mark.parametrize("words", [("A", "B"), ("down", "up")])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_applied(tmp_path: Path, dialect: str, words: tuple[str, str]) -> None:
    pattern, written, name = DIALECTS[dialect]
    network = Wan()
    down, up = factors(wide=network.get_submodule(name).out_features)
    keys = [pattern.format(written, word) for word in words]
    lora = load(network, tmp_path, {keys[0]: down, keys[1]: up})
    assert lora.remark == "" and list(lora.layers) == [name]
    assert torch.allclose(changed(network, name), up @ down, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16, torch.float16])
def test_every_number_format(tmp_path: Path, dtype: torch.dtype) -> None:
    down, up = (part.to(dtype) for part in factors())
    network = Wan()
    key = f"diffusion_model.{ORIGINAL}"
    load(network, tmp_path, {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up,
                             f"{key}.alpha": torch.tensor(6.0)})  # fmt: skip
    assert torch.allclose(changed(network, ORIGINAL), 2 * up.float() @ down.float(), atol=1e-4)


def test_ranks_may_differ_and_alpha_may_be_missing(tmp_path: Path) -> None:
    network, tensors = Wan(), {}
    for rank, name in enumerate(("q", "k", "v"), start=1):
        down, up = factors(rank)
        tensors[f"blocks.0.self_attn.{name}.lora_A.weight"] = down
        tensors[f"blocks.0.self_attn.{name}.lora_B.weight"] = up
    tensors["blocks.0.self_attn.k.alpha"] = torch.tensor(1.0)
    load(network, tmp_path, tensors)
    for rank, (name, scale) in enumerate((("q", 1), ("k", 0.5), ("v", 1)), start=1):
        down, up = factors(rank)
        assert torch.allclose(changed(network, f"blocks.0.self_attn.{name}"), scale * up @ down, atol=1e-5)


def test_changes_of_weights_and_biases(tmp_path: Path) -> None:
    """lightx2v and CausVid write these beside their factors, or alone."""
    network, (down, up) = Wan(), factors()
    weight, bias = torch.randn(WIDTH, WIDTH), torch.randn(WIDTH)
    lora = load(network, tmp_path, {
        f"{ORIGINAL}.lora_down.weight": down, f"{ORIGINAL}.lora_up.weight": up, f"{ORIGINAL}.diff_b": bias,
        "blocks.0.self_attn.k.diff": weight, "blocks.0.self_attn.v.diff_b": bias,
    })  # fmt: skip
    assert lora.remark == ""
    zero, before = torch.zeros(1, WIDTH), Wan()
    for strength in (1.0, 0.25):
        lora.turn(strength)
        for name, matrix, vector in (
            ("q", up @ down, bias),
            ("k", weight, 0 * bias),
            ("v", 0 * weight, bias),
        ):
            layer, plain = (net.get_submodule(f"blocks.0.self_attn.{name}") for net in (network, before))
            x = torch.randn(5, WIDTH)
            expected = plain(x) + strength * (x @ matrix.T + vector)
            assert torch.allclose(layer(x), expected, atol=1e-4), name
            assert torch.allclose(layer(zero), plain(zero) + strength * vector, atol=1e-5)


@pytest.mark.parametrize(
    "key", ["{}.dora_scale", "{}.lora_magnitude_vector", "{}.lora_magnitude_vector.x.weight"]
)
def test_dora(tmp_path: Path, key: str) -> None:
    network, (down, up) = Wan(), factors()
    magnitude = torch.rand(WIDTH, 1) + 0.5
    load(network, tmp_path, {
        f"{ORIGINAL}.lora_A.weight": down, f"{ORIGINAL}.lora_B.weight": up,
        key.format(ORIGINAL): magnitude if "dora" in key else magnitude[:, 0],
    })  # fmt: skip
    weight = Wan().get_submodule(ORIGINAL).weight
    merged = weight + up @ down
    expected = magnitude * merged / merged.norm(dim=1, keepdim=True) - weight
    assert torch.allclose(changed(network, ORIGINAL), expected, atol=1e-4)


def test_what_does_not_fit_is_named_in_one_line(tmp_path: Path) -> None:
    network, (down, up) = Wan(), factors()
    lora = load(network, tmp_path, {
        f"diffusion_model.{ORIGINAL}.lora_down.weight": down,
        f"diffusion_model.{ORIGINAL}.lora_up.weight": up,
        "diffusion_model.blocks.0.self_attn.norm_q.diff": torch.ones(WIDTH),
        "diffusion_model.blocks.0.diff_m": torch.ones(1, 6, WIDTH),
        "diffusion_model.blocks.0.cross_attn.k_img.lora_down.weight": down,
        "diffusion_model.blocks.0.cross_attn.k_img.lora_up.weight": up,
        "diffusion_model.blocks.0.cross_attn.q.lora_down.weight": torch.ones(RANK, WIDTH + 1),
        "diffusion_model.blocks.0.cross_attn.q.lora_up.weight": up,
    })  # fmt: skip
    assert list(lora.layers) == [ORIGINAL]
    assert lora.remark.startswith("LoRA some.safetensors: what fits is applied; left out: ")
    assert "diff_m" in lora.remark and "2 more" in lora.remark and "\n" not in lora.remark


@pytest.mark.parametrize("tensors", [
    {"lora_unet_down_blocks_0.lora_down.weight": torch.ones(2, 3),
     "lora_unet_down_blocks_0.lora_up.weight": torch.ones(3, 2)},
    {f"{ORIGINAL}.lora_A.weight": torch.ones(2, 99), f"{ORIGINAL}.lora_B.weight": torch.ones(99, 2)},
    {"blocks.0.norm.diff": torch.ones(3)},
])  # fmt: skip
def test_another_model_is_said_only_where_nothing_fits(tmp_path: Path, tensors: dict) -> None:
    with pytest.raises(CheckpointError, match="is for another model"):
        load(Wan(), tmp_path, tensors)
