"""Text keys and values taken out of the U-Net: the same picture."""

from __future__ import annotations

import pytest
import torch
from tiny_checkpoint import tiny_unet

from livestyle.engine.conditioning.states import TextStates
from livestyle.engine.networks.cross_attention import KVProjection


@pytest.mark.parametrize("injection", ["width", "channel"])
def test_the_network_gives_the_same(injection: str) -> None:
    torch.manual_seed(0)
    unet = tiny_unet(injection).requires_grad_(False).eval()
    text = KVProjection(unet)
    x = torch.randn(3, unet.config.in_channels, 8, 16)
    states = torch.randn(3, 7, 96)
    mask = (torch.arange(7) < torch.tensor([[7], [4], [1]])).long()
    rest = {"encoder_attention_mask": mask, "added_cond_kwargs": {"time_ids": torch.full((3, 2), 64.0)}}
    levels = torch.full((3,), 1000.0)
    with torch.inference_mode():
        wanted = unet(x, levels, states, **rest).sample
        packed = text.project(TextStates(states, mask)).states
        assert torch.allclose(text.unet(x, levels, packed, **rest).sample, wanted, atol=1e-5)
        row = text.project(TextStates(states[:1], mask[:1])).expand(3).states
        shared = text.unet(x, levels, row, **rest).sample
        assert torch.allclose(shared, unet(x, levels, states[:1].expand(3, -1, -1), **rest).sample, atol=1e-5)


def test_parameters_are_the_same_objects() -> None:
    unet = tiny_unet("width")
    own = {id(parameter) for parameter in unet.parameters()}
    clone = KVProjection(unet).unet
    assert {id(parameter) for parameter in clone.parameters()} < own
    assert unet.encoder_hid_proj is not clone.encoder_hid_proj
