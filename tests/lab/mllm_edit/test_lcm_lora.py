"""The LCM-LoRA recipe: it starts as no change, learns, and its file loads as any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sample_pictures import picture
from tiny_checkpoint import tiny_unet, write_tiny_checkpoint

from livestyle.engine.families import load_model
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.networks.lora import apply_lora
from livestyle.lab.mllm_edit.training.lcm_lora import new_lora, save_lora, train_lcm_lora
from livestyle.lab.training.loop import LoopConfig


def test_a_new_lora_changes_nothing_and_keeps_the_weights() -> None:
    torch.manual_seed(0)
    unet = tiny_unet("channel").eval()
    arguments = (torch.randn(1, 8, 8, 8), torch.tensor([1000.0]), torch.randn(1, 5, 96))
    extra = {"time_ids": torch.tensor([[64.0, 64.0]])}
    before = unet(*arguments, added_cond_kwargs=extra).sample
    kept = unet.get_parameter("mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight")
    lora = new_lora(unet, 4, torch.Generator().manual_seed(0))
    torch.testing.assert_close(unet(*arguments, added_cond_kwargs=extra).sample, before)
    layer = lora.layers["mid_block.attentions.0.transformer_blocks.0.attn1.to_q"]
    assert layer.weight is kept
    assert layer.factors[0].requires_grad


@pytest.mark.slow
def test_the_recipe_trains_and_its_file_loads(tmp_path: Path) -> None:
    model = load_model(ModelHandle(str(write_tiny_checkpoint(tmp_path))), torch.device("cpu"), torch.float32)
    frames = np.stack([picture(64, seed) for seed in range(3)])
    lora = train_lcm_lora(
        frames,
        model.denoiser,
        model.autoencoder,
        model.encoder,
        {},
        tmp_path / "run",
        LoopConfig(steps=3, warmup=1, ema=0.0),
        rank=2,
        batch=2,
        teacher_steps=2,
        captions=2,
    )
    assert all(layer.factors[1].abs().max() > 0 for layer in lora.layers.values())
    save_lora(tmp_path / "lora.safetensors", lora)
    fresh = tiny_unet("channel")
    loaded = apply_lora(fresh, tmp_path / "lora.safetensors")
    assert set(loaded.layers) == set(lora.layers)
