"""The demo Temporal LLLite: outputs that change only as their source moves.

As in the paper (arXiv 2606.05981, section III-B) it is shown the model's own output before, carried
along the source's motion, with what the published training left out: always at t = 1 as in one-step
inference, motion over 1 frame to a chunk, the adapted model's outputs as well as the bare one's, and
samples without a picture as every stream's first chunk has. What is minimised is the flicker itself,
the difference of neighbouring outputs along the motion, and not the difference to the picture shown:
that one already differs from a fresh output by all that the adapter changes. What steadiness may cost
is in the loss as well: features and style are held to the painted frame's, gradient to the bare output's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ....engine.autoencoders.image import ImageAutoencoder
from ....engine.conditioning.mllm import MLLMEncoder
from ....engine.conditioning.states import TextStates
from ....engine.families.mllm_edit.denoiser import Denoiser
from ....engine.motion.flow import FlowSettings
from ....engine.motion.occlusion import visible
from ....engine.motion.warp import carry_tensor
from ....engine.networks.hooks import FEED_FORWARD, hook_sites, hooked
from ....engine.networks.lllite import TemporalLLLite
from ...metrics.perceptual import EfficientNetLite0, distance
from ...metrics.style import style_distance
from ...styles import SCREEN_LOCKED, stylise
from ...training.loop import LoopConfig, train
from ...training.pairs import VARIANTS
from .unet import CaptionBank, decode_latents, encode_frames


@dataclass(frozen=True)
class TemporalRecipe:
    """Sizes and weights of the adapter's training.

    Attributes:
        batch: samples a step, each a pair of neighbouring frames.
        side: pixels of a sample's side, cut out at random.
        chunk: frames of the stream's chunk, the farthest that a picture is carried.
        dropout: share of samples without a picture.
        own: share of samples whose picture came from the adapted model.
        hooks: which Linears the adapter acts on, see ``networks.hooks``.
        largest_stride: of a hook, in pixels: coarser ones see too little of a picture for their size.
        cond_dim, mlp_dim: widths of a hook.
        steady: weight of the flicker.
        kept: weight of the perceptual distance to the painted frame.
        style: weight of the style distance to it.
        crisp: weight of lost gradient.
        spare: share of the bare output's gradient that may be lost.
        captions: how many of each style are encoded to draw from, at most as many as windows.
    """

    batch: int = 3
    side: int = 160
    chunk: int = 4
    dropout: float = 0.15
    own: float = 0.6
    hooks: tuple[str, ...] = FEED_FORWARD[:1]
    largest_stride: int = 16
    cond_dim: int = 96
    mlp_dim: int = 96
    steady: float = 80.0
    kept: float = 0.5
    style: float = 2.0
    crisp: float = 10.0
    spare: float = 0.05
    captions: int = 48


@dataclass(frozen=True)
class Neighbours:
    """How a frame becomes the next one, for a batch.

    Attributes:
        flow: (B, H, W, 2) from the frame to the next, in pixels.
        seen: float (B, 1, H, W), 1 where the next frame shows the same point.
    """

    flow: torch.Tensor
    seen: torch.Tensor

    @classmethod
    def between(cls, first: np.ndarray, second: np.ndarray, settings: FlowSettings) -> Neighbours:
        """Of uint8 RGB stacks (B, H, W, 3)."""
        there, back = find_flow(first, second, settings), find_flow(second, first, settings)
        seen = [visible(*pair) for pair in zip(there.numpy(), back.numpy(), strict=True)]
        return cls(there, torch.from_numpy(np.stack(seen)).float()[:, None])

    def flicker(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Mean absolute difference of ``first`` and ``second`` (B, 3, H, W) brought back onto it: (B,)."""
        apart = (first - carry_tensor(second, -self.flow)).abs().mean(1, keepdim=True)
        return (apart * self.seen).sum((1, 2, 3)) / self.seen.sum((1, 2, 3)).clamp(min=1.0)


def find_flow(first: np.ndarray, second: np.ndarray, settings: FlowSettings) -> torch.Tensor:
    """Flow from each frame of one stack (B, H, W, 3) to the same of the other: float32 (B, H, W, 2)."""
    return torch.from_numpy(np.stack([settings.find(*pair) for pair in zip(first, second, strict=True)]))


def lost_gradient(picture: torch.Tensor, bare: torch.Tensor, spare: float = 0.0) -> torch.Tensor:
    """Share of the mean gradient of ``bare`` (B, 3, H, W) that ``picture`` lacks beyond ``spare``."""

    def strength(x: torch.Tensor) -> torch.Tensor:
        luma = x.mean(1)
        return luma.diff(dim=1).abs().mean((1, 2)) + luma.diff(dim=2).abs().mean((1, 2))

    return F.relu(1.0 - spare - strength(picture) / strength(bare)).mean()


def cut_frames(
    windows: np.ndarray, rows: np.ndarray, places: np.ndarray, corners: np.ndarray, side: int
) -> np.ndarray:
    """A square of one frame of each window, uint8 (B, side, side, 3); ``corners`` are (top, left)."""
    return np.stack(
        [
            windows[row, place, top : top + side, left : left + side]
            for row, place, (top, left) in zip(rows, places, corners, strict=True)
        ]
    )


def train_temporal_lllite(
    windows: np.ndarray,
    denoiser: Denoiser,
    autoencoder: ImageAutoencoder,
    encoder: MLLMEncoder,
    related: dict[str, tuple[str, ...]],
    folder: Path,
    config: LoopConfig,
    recipe: TemporalRecipe = TemporalRecipe(),
) -> TemporalLLLite:
    """Train an adapter for a frozen model.

    Args:
        windows: uint8 RGB (windows, frames, H, W, 3) of consecutive frames, more than twice
            ``recipe.chunk`` of them, see ``windows.draw_windows``.
        denoiser: the bare model in float32.
        related: extra words for each style, see ``text.related_words``.

    Returns:
        The adapter, float32; ``networks.lllite_file.save_lllite`` writes it.
    """
    torch.manual_seed(config.seed)
    batch, side = recipe.batch, min(recipe.side, *windows.shape[2:4])
    denoiser = denoiser.requires_grad_(False)
    sites = hook_sites(denoiser.unet, ends=recipe.hooks)
    fine = {name: site for name, site in sites.items() if site.stride <= recipe.largest_stride}
    adapter = TemporalLLLite.new(fine, recipe.cond_dim, recipe.mlp_dim)
    stream = adapter.for_stream(2 * batch, side, side, layout=denoiser.profile.injection)
    adapted = Denoiser(hooked(denoiser.unet, stream.hooks), denoiser.profile)
    bank = CaptionBank.encode(encoder, windows[:, :1], related, recipe.captions, config.seed)
    trunk, motion = EfficientNetLite0(), FlowSettings()
    locked = torch.tensor([style in SCREEN_LOCKED for style in VARIANTS])

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        variants = rng.choice(len(VARIANTS), batch)
        conditioning = bank.draw(variants, rng)
        rows = rng.integers(len(windows), size=batch)
        corners = np.stack([rng.integers(room - side + 1, size=batch) for room in windows.shape[2:4]], 1)
        # an earlier frame, the last one of the chunk before, and two neighbours from there on
        last = rng.integers(1, recipe.chunk + 1, batch)
        first = last + rng.integers(recipe.chunk, size=batch)
        places = (np.zeros(batch, int), last, first, first + 1)
        earlier, before, here, after = (cut_frames(windows, rows, p, corners, side) for p in places)
        pair = np.concatenate([here, after])
        old, last_seen, now = (encode_frames(autoencoder, frames) for frames in (earlier, before, pair))
        twice = TextStates(conditioning.states.repeat(2, 1, 1), conditioning.said.repeat(2, 1))
        noise = torch.randn(latent_shape(autoencoder, side), generator=generator)

        def edit(network: Denoiser, source: torch.Tensor, text: TextStates) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                x0 = network(noise.expand_as(source), source, torch.ones(len(source)), text).float()
            return decode_latents(autoencoder, x0)

        with torch.no_grad():
            bare = edit(denoiser, now, twice)
            picture = carry_tensor(edit(denoiser, old, conditioning), find_flow(earlier, before, motion))
            stream.bind(picture, torch.from_numpy(rng.random(batch) < recipe.own))
            # without a picture the adapter changes little: these are as good as the bare model's outputs
            output = edit(adapted, last_seen, conditioning)
            flow = find_flow(np.concatenate([before, before]), pair, motion)
            picture = carry_tensor(output.repeat(2, 1, 1, 1), flow)
        shown = torch.from_numpy(rng.random(batch) >= recipe.dropout)
        stream.bind(picture, shown.repeat(2))
        edited = edit(adapted, now, twice)
        one, two = edited.chunk(2)
        border = torch.from_numpy(first == last) & shown
        one = torch.where(border.view(-1, 1, 1, 1), output, one)

        between = Neighbours.between(here, after, motion)
        moving = (~locked[variants]).float()
        steady, still = (
            (moving * between.flicker(*both)).sum() / moving.sum().clamp(min=1.0)
            for both in ((one, two), bare.chunk(2))
        )
        painted = np.stack([stylise(f, VARIANTS[v]) for f, v in zip(after, variants, strict=True)])
        target = trunk.features(painted)
        with torch.autocast("cpu", torch.bfloat16):
            maps = trunk.maps((two + 1.0) * 127.5)
        kept, style = distance(maps, target).mean(), style_distance(maps, target).mean()
        blur = lost_gradient(edited, bare, recipe.spare)
        total = recipe.steady * steady + recipe.kept * kept + recipe.style * style + recipe.crisp * blur
        terms = {"steady": steady, "bare": still, "kept": kept, "style": style, "blur": blur}
        return {"loss": total, **{name: value.detach() for name, value in terms.items()}}

    train(stream, loss, folder, config)
    return adapter


def latent_shape(autoencoder: ImageAutoencoder, side: int) -> tuple[int, int, int, int]:
    """(1, C, h, w) of the latent of a square picture."""
    return 1, autoencoder.channels, side // 8, side // 8
