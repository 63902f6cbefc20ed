"""The demo checkpoint of the MLLM-edit family: a narrow DreamLite U-Net, few-step by construction.

Targets are exact functions of the source, so the network regresses x0 directly: most samples
start from pure noise (what one-step inference sees), the rest from intermediate noise levels,
part of them around the network's own one-step answer, which is what its second step will see.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DreamLiteUNetModel
from tqdm import tqdm

from ....engine.autoencoders.image import ImageAutoencoder
from ....engine.conditioning.mllm import MLLMEncoder
from ....engine.conditioning.states import TextStates
from ....engine.families.mllm_edit.denoiser import Denoiser
from ....engine.families.mllm_edit.profile import Profile
from ....engine.sampling.flow_match import renoise
from ...evaluation.sheet import contact_sheet
from ...metrics.perceptual import EfficientNetLite0, distance
from ...training.captions import caption
from ...training.loop import LoopConfig, train
from ...training.pairs import VARIANTS
from .text import CONTEXT_LENGTH, IMAGE_SIDE

PERCEPTUAL = 0.6  # weight of the perceptual distance beside the relative squared error
DEMO = Profile("channel", "x0", IMAGE_SIDE, CONTEXT_LENGTH, canvas=(256, 256))


def build_unet(latent_channels: int = 16, text_width: int = 96) -> DreamLiteUNetModel:
    """DreamLite's blocks, 128 wide, one layer each: 3.8 M parameters."""
    return DreamLiteUNetModel(
        sample_size=32,
        in_channels=2 * latent_channels,
        out_channels=latent_channels,
        block_out_channels=(128, 128, 128),
        layers_per_block=1,
        attention_head_dim=(4, 4, 4),
        transformer_layers_per_block=(1, 1, 1),
        cross_attention_dim=96,
        encoder_hid_dim=text_width,
        encoder_hid_dim_type="text_proj_rms",
        addition_embed_type="time",
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=64,
        time_embedding_dim=128,
        num_kv_heads=1,
        ff_mult=2,
        use_linear_projection=True,
    )


@torch.no_grad()
def encode_pool(pool: np.ndarray, autoencoder: ImageAutoencoder, path: Path) -> np.ndarray:
    """Latents of every picture of the pool, float16 (crops, variants, C, h, w), made once."""
    if path.exists():
        return np.load(path, mmap_mode="r")
    side = pool.shape[2] // 8
    shape = (*pool.shape[:2], autoencoder.channels, side, side)
    part = path.with_suffix(".part.npy")
    latents = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
    encoder = ImageAutoencoder(
        copy.deepcopy(autoencoder.model).to(torch.bfloat16, memory_format=torch.channels_last)
    )
    for index in tqdm(range(len(pool)), desc="latents"):
        latents[index] = encoder.encode_chunk(torch.from_numpy(np.array(pool[index]))).float().numpy()
    latents.flush()
    part.rename(path)
    return np.load(path, mmap_mode="r")


@dataclass(frozen=True)
class CaptionBank:
    """Encoded captions to draw from: states (styles, N, L, D) in bfloat16 and their masks."""

    states: torch.Tensor
    masks: torch.Tensor

    @classmethod
    @torch.no_grad()
    def encode(
        cls, encoder: MLLMEncoder, pool: np.ndarray, related: dict, per_style: int, seed: int
    ) -> CaptionBank:
        """Encode ``per_style`` captions of each variant, each against a random frame."""
        rng = np.random.default_rng((seed, 99))
        states, masks = [], []
        for style in tqdm(VARIANTS, desc="captions"):
            rows = [encoder.token_ids(caption(style, rng, related)) for _ in range(per_style)]
            parts = []
            for start in range(0, per_style, 64):
                part = rows[start : start + 64]
                picks = np.sort(rng.choice(len(pool), len(part), replace=len(part) > len(pool)))
                frames = torch.from_numpy(np.array(pool[picks, 0]))
                parts.append(encoder.encode_ids([ids for ids, _ in part], [drop for _, drop in part], frames))
            states.append(torch.cat([p.states for p in parts]).bfloat16())
            masks.append(torch.cat([p.said for p in parts]))
        longest = int(max(m.sum(1).max() for m in masks))  # padding beyond it would only cost time
        return cls(torch.stack(states)[:, :, :longest], torch.stack(masks)[:, :, :longest])

    def draw(self, variants: np.ndarray, rng: np.random.Generator) -> TextStates:
        """One caption for each entry of ``variants``."""
        picks = rng.integers(self.states.shape[1], size=len(variants))
        return TextStates(self.states[variants, picks].float(), self.masks[variants, picks])


def style_weights(latents: np.ndarray) -> torch.Tensor:
    """One over each style's mean squared change, so that every style counts by its own scale."""
    sample = torch.from_numpy(np.array(latents[:: max(1, len(latents) // 64)])).float()
    change = (sample - sample[:, :1]).square().mean((0, 2, 3, 4))
    change[0] = change[1:].min()
    return 1.0 / change


def window_side(step: int, steps: int) -> int:
    """Latent windows grow while training: cheap steps first, the full picture last."""
    share = step / steps
    return 16 if share < 0.45 else 24 if share < 0.75 else 32


def train_unet(
    pool: np.ndarray,
    autoencoder: ImageAutoencoder,
    encoder: MLLMEncoder,
    related: dict[str, tuple[str, ...]],
    folder: Path,
    config: LoopConfig,
    pixels: int = 24 * 16 * 16,
    captions: int = 320,
    sharpen_from: float = 0.33,
    favoured: Mapping[str, float] = MappingProxyType({}),
) -> Denoiser:
    """Train the U-Net on latent windows.

    Args:
        pool: see ``pairs``.
        related: extra words for each style.
        pixels: latent positions in a batch; the batch shrinks as the window grows.
        captions: how many of each style are encoded to draw from.
        sharpen_from: share of the steps after which half-sized batches are also decoded and compared
            by perceptual distance: squared error alone averages brush texture away.
        favoured: how much more often than the others a style is drawn.
    """
    torch.manual_seed(config.seed)
    # in memory: windows are drawn at random, and half a gigabyte is cheaper than that many reads
    latents = np.array(encode_pool(pool, autoencoder, folder.parent / "latents.npy"))
    bank = CaptionBank.encode(encoder, pool, related, captions, config.seed)
    weights = style_weights(latents)
    trunk = EfficientNetLite0()
    shares = np.array([favoured.get(style, 1.0) for style in VARIANTS])
    shares /= shares.sum()
    denoiser = Denoiser(build_unet(), DEMO).to(memory_format=torch.channels_last)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        side = window_side(step, config.steps)
        sharpen = step >= sharpen_from * config.steps
        batch = max(4, pixels // side**2 // (2 if sharpen else 1))
        variants = rng.choice(len(VARIANTS), size=batch, p=shares)
        windows = draw_latent_windows(variants, len(latents), latents.shape[-1] - side, rng)
        source, target = (
            cut(latents, windows, side, columns) for columns in (np.zeros_like(variants), variants)
        )
        conditioning = bank.draw(variants, rng)
        noise = torch.randn(target.shape, generator=generator)
        sigma = torch.from_numpy(
            np.where(rng.random(batch) < 0.65, 1.0, rng.uniform(0.1, 1.0, batch))
        ).float()
        level = sigma.view(-1, 1, 1, 1)
        clean = target
        if step > config.steps // 3 and step % 4 == 0:
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                clean = denoiser(noise, source, torch.ones(batch), conditioning).float()
            sigma = sigma.where(sigma < 1.0, 0.65)
            level = sigma.view(-1, 1, 1, 1)
            noise = torch.randn(target.shape, generator=generator)
        with torch.autocast("cpu", torch.bfloat16):
            x0 = denoiser(renoise(clean, noise, level), source, sigma, conditioning).float()
        error = F.mse_loss(x0, target, reduction="none").mean((1, 2, 3)) * weights[variants]
        terms = {"loss": error.mean(), "missing": error.detach().mean()}
        if sharpen:
            with torch.autocast("cpu", torch.bfloat16):
                painted = (
                    torch.from_numpy(cut_pictures(pool, windows, side, variants)).permute(0, 3, 1, 2).float()
                )
                decoded = (autoencoder.decode(x0).float() + 1.0) * 127.5
                apart = distance(trunk.maps(decoded), trunk.maps(painted)).mean()
            terms |= {"loss": terms["loss"] + PERCEPTUAL * apart, "apart": apart.detach()}
        return terms

    def preview(denoiser: torch.nn.Module, path: Path) -> None:
        write_preview(denoiser, autoencoder, encoder, pool[:: max(1, len(pool) // 4)][:3, 0], path)

    return train(denoiser, loss, folder, config, preview)


def draw_latent_windows(variants: np.ndarray, crops: int, room: int, rng: np.random.Generator) -> np.ndarray:
    """(crop, top, left) of one random window for each variant, in latent positions."""
    return np.stack(
        [rng.integers(limit, size=len(variants)) for limit in (crops, room + 1, room + 1)], axis=1
    )


def cut(latents: np.ndarray, windows: np.ndarray, side: int, columns: np.ndarray) -> torch.Tensor:
    """Latent windows, float32 (B, C, side, side), each of the variant that ``columns`` names."""
    parts = [
        latents[crop, column, :, top : top + side, left : left + side]
        for (crop, top, left), column in zip(windows, columns, strict=True)
    ]
    return torch.from_numpy(np.stack(parts)).float()


def cut_pictures(pool: np.ndarray, windows: np.ndarray, side: int, columns: np.ndarray) -> np.ndarray:
    """The same windows of the pool's pictures, uint8 (B, 8 * side, 8 * side, 3)."""
    parts = [
        pool[crop, column, 8 * top : 8 * (top + side), 8 * left : 8 * (left + side)]
        for (crop, top, left), column in zip(windows, columns, strict=True)
    ]
    return np.stack(parts)


def encode_frames(autoencoder: ImageAutoencoder, frames: np.ndarray) -> torch.Tensor:
    """uint8 RGB (B, H, W, 3) to float32 latents, without gradients."""
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return autoencoder.encode(pictures).float()


def decode_latents(autoencoder: ImageAutoencoder, latents: torch.Tensor) -> torch.Tensor:
    """Latents to float32 (B, 3, H, W) in -1..1, with gradients."""
    with torch.autocast("cpu", torch.bfloat16):
        return autoencoder.decode(latents).float().clamp(-1.0, 1.0)


@torch.no_grad()
def write_preview(
    denoiser: Denoiser, autoencoder, encoder: MLLMEncoder, sources: np.ndarray, path: Path
) -> None:
    """A contact sheet of pictures and their one-step edits in every style."""
    was_training = denoiser.training
    frames = torch.from_numpy(np.array(sources))
    source = encode_frames(autoencoder, np.array(sources))
    columns = [("source", sources)]
    with torch.autocast("cpu", torch.bfloat16):
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(source[:1].shape, generator=generator).expand_as(source)
        for style in VARIANTS[1:]:
            conditioning = encoder.encode(f"make it {style}", frames)
            x0 = denoiser(noise, source, torch.ones(len(source)), conditioning).float()
            y = decode_latents(autoencoder, x0)
            columns.append((style, np.uint8((y.permute(0, 2, 3, 1).numpy() + 1.0) * 127.5 + 0.5)))
    contact_sheet(columns, path)
    denoiser.train(was_training)
