"""A network that is moved to other latents answers there what it answered in its own."""

from __future__ import annotations

import dataclasses

import torch
from einops import rearrange

from livestyle.engine.networks.causal_wan import CausalWan, CausalWanConfig
from livestyle.engine.networks.stream_dit.config import StreamDiTConfig
from livestyle.engine.networks.stream_dit.model import StreamDiT
from livestyle.lab.rtr_dit.training.batches import Batch
from livestyle.lab.rtr_dit.training.clip import denoise_clip
from livestyle.lab.training.graft import PatchMaps, graft

OLD, NEW = 3, 4
NEAR = {"rtol": 1e-2, "atol": 1e-2}


def turned(latents: torch.Tensor) -> torch.Tensor:
    """Latents (..., OLD, h, w) in a space of NEW channels: each patch is rotated."""
    mix = torch.linalg.qr(torch.randn(4 * NEW, 4 * NEW, generator=torch.Generator().manual_seed(5)))[0]
    flat = rearrange(latents, "... c (h p) (w q) -> ... h w (c p q)", p=2, q=2) @ mix[: 4 * OLD]
    return rearrange(flat, "... h w (c p q) -> ... c (h p) (w q)", p=2, q=2)


def maps() -> PatchMaps:
    old = torch.randn(40, OLD, 8, 8, generator=torch.Generator().manual_seed(1))
    return PatchMaps.fit(old, turned(old), patch=2)


def noised(network: torch.nn.Module) -> torch.nn.Module:
    """Random weights, the layers that begin at nothing too."""
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


@torch.no_grad()
def test_channels_first() -> None:
    torch.manual_seed(0)
    config = StreamDiTConfig(channels=OLD, width=16, depth=1, heads=2, predicts="data")
    old, new = noised(StreamDiT(config)), StreamDiT(dataclasses.replace(config, channels=NEW))
    new.load_state_dict(graft(old.state_dict(), maps()))
    x, sigma = torch.randn(1, 5, OLD, 8, 8), torch.full((1, 5), 0.8)
    answers = [
        latents - 0.8 * net(latents, sigma, net.read_text({}))
        for net, latents in ((old, x), (new, turned(x)))
    ]
    torch.testing.assert_close(answers[1], turned(answers[0]), **NEAR)


@torch.no_grad()
def test_channels_last_and_a_source_stacked_on_the_noisy_clip() -> None:
    torch.manual_seed(0)
    config = CausalWanConfig(
        in_channels=2 * OLD, out_channels=OLD, dim=24, ffn_dim=32, freq_dim=16, text_dim=8, heads=2, layers=1
    )
    old = noised(CausalWan(config))
    new = CausalWan(dataclasses.replace(config, in_channels=2 * NEW, out_channels=NEW))
    new.load_state_dict(graft(old.state_dict(), maps(), channels_last=True))
    clips, text, sigma = torch.randn(3, 1, 2, OLD, 8, 8), torch.randn(1, 4, 8), torch.full((1, 2), 0.8)
    answers = []
    for net, (source, noisy, reference) in ((old, clips), (new, turned(clips))):
        batch = Batch(source, noisy, text, reference[:, :1])
        answers.append(denoise_clip(net, noisy, sigma, batch, "x0"))
    torch.testing.assert_close(answers[1], turned(answers[0]), **NEAR)
