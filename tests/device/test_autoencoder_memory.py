"""What an autoencoder asks for beside its weights, against what its tensors take on a pretended device."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from device_streams import claim
from diffusers import AutoencoderKLWan, AutoencoderTiny

from livestyle.engine.autoencoders.base import StreamingAutoencoder
from livestyle.engine.autoencoders.image import ImageAutoencoder
from livestyle.engine.autoencoders.latents import LatentFormat
from livestyle.engine.autoencoders.taehv import TAEHVAutoencoder
from livestyle.engine.autoencoders.wan import WanAutoencoder
from livestyle.engine.families import WEIGHTS
from livestyle.engine.networks.taehv import TAEHV, TAEHVConfig
from livestyle.lab.benchmark.dry_run.pretended import DEVICE, pretend_cuda

SIDE, CHUNK = 256, 12
WAN_22 = {
    "base_dim": 160,
    "decoder_base_dim": 256,
    "z_dim": 48,
    "is_residual": True,
    "in_channels": 12,
    "out_channels": 12,
    "patch_size": 2,
    "scale_factor_spatial": 16,
    "latents_mean": [0.0] * 48,
    "latents_std": [1.0] * 48,
}


def _demo_video() -> TAEHVConfig:
    note = json.loads((WEIGHTS / "demo-video" / "config.json").read_text())
    del note["_class_name"]
    return TAEHVConfig(**note)


def _demo_image() -> dict[str, Any]:
    return dict(AutoencoderTiny.load_config(WEIGHTS / "demo-image"))


CASES: dict[str, Callable[[], StreamingAutoencoder]] = {
    "TAESD": lambda: ImageAutoencoder(_cast(AutoencoderTiny(latent_channels=4))),
    "demo-image": lambda: ImageAutoencoder(_cast(AutoencoderTiny.from_config(_demo_image()))),
    "taew2_1": lambda: TAEHVAutoencoder(_cast(TAEHV()), LatentFormat()),
    "demo-video": lambda: TAEHVAutoencoder(_cast(TAEHV(_demo_video())), LatentFormat()),
    "Wan 2.1": lambda: WanAutoencoder(_cast(AutoencoderKLWan())),
    "Wan 2.2": lambda: WanAutoencoder(_cast(AutoencoderKLWan(**WAN_22))),
}


def _cast(network: Any) -> Any:
    return network.to(torch.bfloat16).eval().requires_grad_(False)


@pytest.mark.parametrize("name", CASES)
def test_memory_is_what_is_asked_for(name: str) -> None:
    claim("pretended")
    with pretend_cuda() as device, torch.inference_mode():
        with torch.device(DEVICE):
            autoencoder = CASES[name]()
        memory, weights = device.memory, device.memory.now
        frames = torch.zeros(CHUNK, SIDE, SIDE, 3, dtype=torch.uint8)
        # the first chunk, in which a video autoencoder's first latent is one frame, fills the memory
        first = autoencoder.encode_chunk(frames[: 1 if autoencoder.temporal > 1 else CHUNK])
        del first
        taken, working = 0, []
        for _ in range(2):
            latents, encoding = _watch(memory, lambda: autoencoder.encode_chunk(frames))
            taken = memory.now
            shown, decoding = _watch(memory, lambda z=latents: autoencoder.decode_chunk(z))
            working = [encoding, decoding]
            del latents, shown
        held = taken - weights
    asked = autoencoder.working_values(CHUNK) * SIDE * SIDE * 2
    assert asked == pytest.approx(held + sum(working), rel=0.2)


def _watch(memory: Any, work: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, int]:
    """What ``work`` gives, and the bytes that it takes at the most beyond what lies there."""
    memory.peak = held = memory.now
    made = work()
    return made, memory.peak - held
