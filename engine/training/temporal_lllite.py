"""The demo Temporal LLLite: follows the edit of the frame before wherever the source does.

Pairs come from the model's own outputs (arXiv 2606.05981, section III-B), with what the published
training mismatched repaired: always at t = 1 as in one-step inference, flow gaps of 1 to a chunk,
the condition is the adapted model's own earlier output as often as the bare one's, some samples have
no condition as every stream's first chunk has, and targets are sharp: the bare output where nothing
is to follow, and never a blend.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny

from ..conditioning.mllm import MLLMEncoder
from ..families.mllm_edit.denoiser import Denoiser
from ..metrics.perceptual import EfficientNetLite0, distance
from ..motion.flow import FlowSettings
from ..motion.occlusion import visible
from ..motion.warp import carry
from ..networks.hooks import hook_sites, hooked
from ..networks.lllite import TemporalLLLite
from .loop import LoopConfig, train
from .mllm_edit import CaptionBank, decode_latents, encode_frames
from .pairs import VARIANTS
from .styles import SCREEN_LOCKED

ALIKE = 12.0  # grey levels by which the source may change along its motion and still be followed


@dataclass(frozen=True)
class TemporalRecipe:
    """Sizes and weights of the adapter's training.

    Attributes:
        batch: samples a step.
        max_gap: largest flow gap in frames, the chunk of the stream.
        dropout: share of samples without a condition.
        own: share of samples whose condition came from the adapted model.
        cond_dim, mlp_dim: widths of a hook.
        follow: weight of the difference to the condition where the source can be followed.
        keep: weight of the perceptual distance to the bare output.
        crisp: weight of lost gradient.
        captions: how many of each style are encoded to draw from, at most as many as windows.
    """

    batch: int = 3
    max_gap: int = 4
    dropout: float = 0.1
    own: float = 0.6
    cond_dim: int = 32
    mlp_dim: int = 48
    follow: float = 30.0
    keep: float = 0.25
    crisp: float = 3.0
    captions: int = 48


@dataclass(frozen=True)
class Motion:
    """How earlier frames become later ones, for a batch.

    Attributes:
        flow: (B, H, W, 2) from the earlier frame to the later, in pixels.
        followed: float (B, 1, H, W), 1 where the source shows the same point unchanged, down to 0.
    """

    flow: np.ndarray
    followed: torch.Tensor

    @classmethod
    def between(cls, earlier: np.ndarray, later: np.ndarray, settings: FlowSettings) -> Motion:
        """Of uint8 RGB stacks (B, H, W, 3)."""
        flows, masks = [], []
        for first, second in zip(earlier, later, strict=True):
            flow = settings.find(first, second)
            seen = visible(settings.find(second, first), flow)
            change = np.abs(second.astype(np.float32) - carry(first, flow)).mean(2)
            flows.append(flow)
            masks.append(seen * np.exp(-np.square(change / ALIKE)))
        return cls(np.stack(flows), torch.from_numpy(np.stack(masks)).float()[:, None])

    def carried(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W) of the earlier frames moved to where the later ones have them."""
        moved = [
            carry(picture.permute(1, 2, 0).contiguous().numpy(), flow)
            for picture, flow in zip(pictures, self.flow, strict=True)
        ]
        return torch.from_numpy(np.stack(moved)).permute(0, 3, 1, 2).contiguous()


def lost_gradient(picture: torch.Tensor, bare: torch.Tensor) -> torch.Tensor:
    """Share of the mean gradient of ``bare`` (B, 3, H, W) that ``picture`` lacks, 0 and up."""

    def strength(x: torch.Tensor) -> torch.Tensor:
        luma = x.mean(1)
        return luma.diff(dim=1).abs().mean((1, 2)) + luma.diff(dim=2).abs().mean((1, 2))

    return F.relu(1.0 - strength(picture) / strength(bare)).mean()


def train_temporal_lllite(
    windows: np.ndarray,
    denoiser: Denoiser,
    autoencoder: AutoencoderTiny,
    encoder: MLLMEncoder,
    related: dict[str, tuple[str, ...]],
    folder: Path,
    config: LoopConfig,
    recipe: TemporalRecipe = TemporalRecipe(),
) -> TemporalLLLite:
    """Train an adapter for a frozen model.

    Args:
        windows: uint8 RGB (windows, frames, H, W, 3) of consecutive frames, more than twice
            ``recipe.max_gap`` of them, see ``windows.draw_windows``.
        denoiser: the bare model in float32.
        related: extra words for each style, see ``text.related_words``.

    Returns:
        The adapter, float32; ``networks.lllite_file.save_lllite`` writes it.
    """
    torch.manual_seed(config.seed)
    height, width = windows.shape[2:4]
    denoiser = denoiser.requires_grad_(False)
    adapter = TemporalLLLite.new(hook_sites(denoiser.unet), recipe.cond_dim, recipe.mlp_dim)
    stream = adapter.for_stream(recipe.batch, height, width, layout=denoiser.profile.injection)
    adapted = Denoiser(hooked(denoiser.unet, stream.hooks), denoiser.profile)
    bank = CaptionBank.encode(encoder, windows[:, :1], related, recipe.captions, config.seed)
    trunk, motion = EfficientNetLite0(), FlowSettings()
    locked = torch.tensor([style in SCREEN_LOCKED for style in VARIANTS])

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        batch = recipe.batch
        variants = rng.choice(len(VARIANTS), batch)
        conditioning = bank.draw(variants, rng)
        rows, gaps = rng.integers(len(windows), size=batch), rng.integers(1, recipe.max_gap + 1, (2, batch))
        first = np.zeros(batch, int)
        frames = [windows[rows, place] for place in (first, first + gaps[0], first + gaps.sum(0))]
        latents = [encode_frames(autoencoder, stack) for stack in frames]
        noise = torch.randn(latents[0].shape[1:], generator=generator).expand_as(latents[0])
        levels, everyone = torch.ones(batch), torch.ones(batch, dtype=torch.bool)

        def edit(network: Denoiser, source: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return network(noise, source, levels, conditioning).float()

        with torch.no_grad():
            before = decode_latents(autoencoder, edit(denoiser, latents[0]))
            to_middle = Motion.between(frames[0], frames[1], motion)
            stream.bind(to_middle.carried(before), torch.from_numpy(rng.random(batch) < recipe.own))
            # without a condition the adapter changes little: these are the bare model's outputs
            middle = decode_latents(autoencoder, edit(adapted, latents[1]))
            to_last = Motion.between(frames[1], frames[2], motion)
            condition = to_last.carried(middle)
            bare_latents = edit(denoiser, latents[2])
            bare = decode_latents(autoencoder, bare_latents)
        shown = everyone & torch.from_numpy(rng.random(batch) >= recipe.dropout)
        stream.bind(condition, shown)
        edited = edit(adapted, latents[2])
        picture = decode_latents(autoencoder, edited)

        wanted = (shown & ~locked[variants]).float().view(-1, 1, 1, 1) * to_last.followed
        follow = (wanted * (picture - condition).abs()).mean()
        # where nothing is to follow, the bare output is the target itself
        free = F.mse_loss((1.0 - wanted) * picture, (1.0 - wanted) * bare)
        with torch.autocast("cpu", torch.bfloat16):
            maps = [trunk.maps((p + 1.0) * 127.5) for p in (picture, bare)]
            kept = distance(*maps).mean()
        blur = lost_gradient(picture, bare)
        total = recipe.follow * follow + 10.0 * free + recipe.keep * kept + recipe.crisp * blur
        still = (wanted * (bare - condition).abs()).mean()
        terms = {"follow": follow, "bare": still, "kept": kept, "blur": blur, "free": free}
        return {"loss": total, **{name: value.detach() for name, value in terms.items()}}

    train(stream, loss, folder, config)
    return adapter
