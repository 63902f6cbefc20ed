"""``demo-video``: a narrow causal TAEHV (4 frames and 8x8 pixels to a latent), trained in two stages.

The first learns what can be told apart: squared error. The second leaves the encoder, and so the latents,
as they are, and gives the decoder the texture back that squared error averages away.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from ...engine.networks.taehv import TAEHV, MemBlock, TAEHVConfig, TGrow, TPool
from ..metrics.perceptual import EfficientNetLite0, distance
from ..training.drawing import Drawing
from ..training.loop import LoopConfig, build_optimisers, train
from .discriminator import PatchDiscriminator, judge
from .footage import Footage

PERCEPTUAL = 0.004  # weight of the perceptual distance beside the squared error
STEADY = 0.6  # weight of the error's change from frame to frame, which the eye sees as flicker
UNIT_SCALE = 0.02  # weight that holds each latent channel near mean 0 and deviation 1
UNSURE = 0.05  # deviation of the noise on the latents that the decoder sees: a denoiser will write them
ADVERSARIAL = 0.2  # length of the discriminator's gradient at the decoder's output, by that of the rest
# Grey, red to blue, green to magenta: squared errors count 1, 2 and 6 times along these axes, about
# inversely to how much real clips vary there. With equal weights the third is never learnt.
OPPONENT = torch.tensor([[3.0**-0.5] * 3, [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])

DEMO = TAEHVConfig(
    latent_channels=16,
    patch=4,
    encoder_channels=(48, 64, 80, 96),
    encoder_blocks=(0, 1, 1),
    encoder_time=(2, 2, 1),
    encoder_space=(2, 1, 1),
    decoder_channels=(112, 96, 64, 64),
    decoder_blocks=(2, 1, 1),
    decoder_space=(1, 2, 1),
    decoder_time=(1, 2, 2),
    lead=3,
)


def train_regression(
    footage: Footage,
    folder: Path,
    config: LoopConfig,
    batch: int = 4,
    frames: int = 13,
    crop: int = 112,
    device: str = "cpu",
    workers: int = 0,
) -> TAEHV:
    """The first stage: encoder and decoder, squared error in opponent colours.

    Beside it a little absolute error, the error's change over time, and what holds the latents near
    unit scale. A window starts as a stream does, with empty memory.

    Args:
        batch, frames, crop: windows, frames (1 + 4 n) and side in pixels of a step.
        workers: processes that draw windows.
    """
    torch.manual_seed(config.seed)
    model = start(TAEHV(DEMO)).to(device, memory_format=torch.channels_last)
    shape = (batch, frames, crop)
    drawing = Drawing(lambda step: _draw(footage, shape, (config.seed, step)), config.steps, workers)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        wanted = drawing(step).to(device).float() / 255.0
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            latents = encode_clip(model, wanted).float()
            seen = decode_clip(model, _noisy(latents, generator)).float()
        mean, spread = latents.mean((0, 1, 3, 4)), latents.std((0, 1, 3, 4))
        scale = mean.square().mean() + (spread - 1.0).square().mean()
        return {
            "loss": regression_error(seen, wanted) + UNIT_SCALE * scale,
            "psnr": decibels(seen, wanted),
            "std": spread.detach().mean(),
        }

    return train(model, loss, folder, config, _preview(footage, device))


class _Duel(nn.Module):
    """The decoder and what it learns against, so that one state and one loop hold both."""

    def __init__(self, model: TAEHV) -> None:
        super().__init__()
        self.model = model
        self.discriminator = PatchDiscriminator()


def train_texture(
    model: TAEHV,
    footage: Footage,
    folder: Path,
    config: LoopConfig,
    batch: int = 4,
    frames: int = 13,
    crop: int = 112,
    device: str = "cpu",
    workers: int = 0,
) -> TAEHV:
    """The second stage: the decoder alone, with a perceptual and an adversarial term beside the first's.

    The discriminator's gradient is brought to ``ADVERSARIAL`` times the length of the others' where both
    enter the decoder, its output, so that neither can take over.
    """
    torch.manual_seed(config.seed)
    duel = _Duel(model).to(device, memory_format=torch.channels_last)
    duel.model.encoder.requires_grad_(False)
    critic = duel.discriminator
    trunk = EfficientNetLite0()
    trunk.network.to(device)
    shape = (batch, frames, crop)
    drawing = Drawing(lambda step: _draw(footage, shape, (config.seed, step, 1)), config.steps, workers)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        wanted = drawing(step).to(device).float() / 255.0
        picks = torch.randperm(frames, generator=generator)[:3]
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            with torch.no_grad():
                latents = encode_clip(model, wanted).float()
            decoded = decode_clip(model, _noisy(latents, generator)).float()
            seen = decoded.detach().requires_grad_()
            maps = [trunk.maps(255.0 * clip[:, picks].flatten(0, 1)) for clip in (wanted, seen)]
            apart = distance(*maps).mean()
            critic.requires_grad_(False)
            fooled = -critic(_pairs(seen)).float().mean()
            critic.requires_grad_(True)
            scores = [critic(_pairs(clip)).float() for clip in (wanted, seen.detach())]
        error = regression_error(seen, wanted) + PERCEPTUAL * apart
        (towards,), (against,) = torch.autograd.grad(error, seen), torch.autograd.grad(fooled, seen)
        pull = towards + ADVERSARIAL * towards.norm() / (against.norm() + 1e-12) * against
        judged = judge(*scores)
        return {
            "loss": (decoded * pull).sum() + judged,  # whose gradient at the decoder's output is ``pull``
            "error": error.detach(),
            "apart": apart.detach(),
            "judged": judged.detach(),
            "psnr": decibels(seen, wanted),
        }

    optimisers = build_optimisers([p for p in model.decoder.parameters() if p.requires_grad], config)
    optimisers.append(torch.optim.AdamW([{"params": critic.parameters(), "factor": 0.5}], betas=(0.5, 0.95)))
    shown = _preview(footage, device)
    train(duel, loss, folder, config, lambda duel, path: shown(duel.model, path), optimisers)
    return model


def regression_error(seen: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Squared and a little absolute error in opponent colours, and the error's change over time.

    Both are (B, T, 3, H, W) in 0..1; the terms are on the scale -1..1, as the image autoencoder's are.
    """
    away = torch.einsum("ij,btjhw->btihw", OPPONENT.to(seen.device), 2.0 * (seen - wanted))
    flicker = away.diff(dim=1).square().mean()
    return away.square().mean() + 0.05 * away.abs().mean() + STEADY * flicker


def decibels(seen: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio of pictures in 0..1, without a gradient."""
    return -10.0 * torch.log10((seen - wanted).detach().square().mean())


def _pairs(clips: torch.Tensor) -> torch.Tensor:
    """Every third frame of (B, T, 3, H, W) beside the one after it, (N, 6, H, W)."""
    return torch.cat([clips[:, :-1:3], clips[:, 1::3]], dim=2).flatten(0, 1)


def _noisy(latents: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return latents + UNSURE * torch.randn(latents.shape, generator=generator).to(latents.device)


def _draw(footage: Footage, shape: tuple[int, int, int], seed: tuple[int, ...]) -> torch.Tensor:
    """uint8 (batch, frames, 3, crop, crop) for a ``shape`` of batch, frames and crop."""
    batch, frames, crop = shape
    rng = np.random.default_rng(seed)
    clips = np.stack([footage.draw(frames, crop, rng) for _ in range(batch)])
    return torch.from_numpy(clips).permute(0, 1, 4, 2, 3)


def _preview(footage: Footage, device: str):
    """Writes a sheet of windows: source and reconstruction side by side, four frames below each other."""

    def preview(model: TAEHV, path: Path) -> None:
        wanted = _draw(footage, (6, 13, 160), (1,)).to(device).float() / 255.0
        with torch.no_grad():
            seen = decode_clip(model, encode_clip(model, wanted))
        sheet = torch.cat([wanted, seen.clamp(0.0, 1.0)], dim=3)[:, ::4].permute(0, 3, 1, 4, 2).cpu()
        sheet = np.uint8(sheet.reshape(-1, sheet.shape[2] * sheet.shape[3], 3).numpy() * 255.0 + 0.5)
        cv2.imwrite(str(path), sheet[..., ::-1])

    return preview


@torch.no_grad()
def start(model: TAEHV) -> TAEHV:
    """First weights that let signals through: torch's own shrink them at each of some thirty layers.

    Blocks begin as their shortcut, ``TPool`` as the mean of its frames, ``TGrow`` as copies.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                module.bias.zero_()
    for module in model.modules():
        if isinstance(module, MemBlock):
            for conv in module.conv[:-1:2]:
                nn.init.kaiming_normal_(conv.weight)
            module.conv[-1].weight.mul_(0.1)
        elif isinstance(module, TPool | TGrow):
            weight = module.conv.weight
            outputs, inputs = weight.shape[:2]
            width = min(outputs, inputs)
            frames = torch.eye(width).repeat(outputs // width, inputs // width) * width / inputs
            weight.copy_(frames[..., None, None] + 0.1 * weight)
    return model


def encode_clip(model: TAEHV, frames: torch.Tensor) -> torch.Tensor:
    """A clip (B, 1 + 4 n, 3, H, W) from its beginning to latents (B, 1 + n, C, h, w)."""
    lead = frames[:, :1].expand(-1, model.config.lead, -1, -1, -1)
    return model.encode(torch.cat([lead, frames], dim=1))[0]


def decode_clip(model: TAEHV, latents: torch.Tensor) -> torch.Tensor:
    """Latents of a clip from its beginning to its frames, not yet limited to 0..1."""
    return model.decode(latents)[0][:, model.config.temporal - 1 :]
