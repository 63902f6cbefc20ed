"""Clips of the world as latents, made once, and batches of them with sentences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ....engine.autoencoders.latents import LatentFormat
from ....engine.autoencoders.video import VideoAutoencoder
from ...world.render import render
from ...world.scene import draw_scene
from ...world.sentences import describe

WARM_UP = 2  # latents at the start of a stream that still lack a past


def scene_rng(seed: int, index: int) -> np.random.Generator:
    """What clip ``index`` of a pool is drawn with."""
    return np.random.default_rng((seed, index, 11))


@torch.no_grad()
def encode_worlds(
    autoencoder: VideoAutoencoder, path: Path, *, clips: int, latents: int, side: int, seed: int
) -> np.ndarray:
    """Latents of random training scenes, float16 (clips, latents, C, h, w), kept at ``path`` (.npy)."""
    if path.exists():
        return np.load(path, mmap_mode="r")
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (clips, latents, autoencoder.channels, *(side // autoencoder.spatial,) * 2)
    part = path.with_suffix(".part.npy")
    pool = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
    frames = 1 + autoencoder.temporal * (latents + WARM_UP - 1)
    for index in tqdm(range(clips), desc="worlds"):
        film = torch.from_numpy(render(draw_scene(scene_rng(seed, index)), frames, side))
        stream = autoencoder.for_stream()
        encoded = torch.cat([stream.encode_chunk(film), stream.flush()])
        pool[index] = encoded[WARM_UP : WARM_UP + latents].float().numpy()
    pool.flush()
    part.rename(path)
    return np.load(path, mmap_mode="r")


def measure_format(pool: np.ndarray) -> LatentFormat:
    """Mean and deviation of each channel, from up to 256 clips of a pool."""
    sample = np.asarray(pool[:: max(1, len(pool) // 256)], dtype=np.float32)
    mean, deviation = sample.mean((0, 1, 3, 4)), sample.std((0, 1, 3, 4))
    return LatentFormat(tuple(mean.tolist()), tuple(deviation.tolist()))


@dataclass(frozen=True)
class WorldBatches:
    """Draws windows of a pool with sentences that are true of them.

    Attributes:
        pool: from ``encode_worlds``, made with ``seed``.
        latent_format: brings the pool to mean 0 and deviation 1.
        cuts: share of the clips that begin with frames of another scene, of which the prompt says
            nothing: what the buffer shows after a prompt was changed.
    """

    pool: np.ndarray
    latent_format: LatentFormat
    seed: int
    cuts: float = 0.25

    def draw(self, batch: int, length: int, rng: np.random.Generator) -> tuple[torch.Tensor, list[str]]:
        """Normalised latents (batch, length, C, h, w), float32, and their prompts."""
        clips, prompts = [], []
        for _ in range(batch):
            pick = int(rng.integers(len(self.pool)))
            clip = self._window(pick, length, rng)
            if rng.random() < self.cuts:
                before = int(rng.integers(1, length))
                clip[:before] = self._window(int(rng.integers(len(self.pool))), before, rng)
            clips.append(clip)
            prompts.append(describe(draw_scene(scene_rng(self.seed, pick)), rng).text)
        return self.latent_format.normalise(torch.from_numpy(np.stack(clips))), prompts

    def _window(self, clip: int, length: int, rng: np.random.Generator) -> np.ndarray:
        """Consecutive latents of a clip, float32 (length, C, h, w), a copy."""
        start = int(rng.integers(self.pool.shape[1] - length + 1))
        return self.pool[clip, start : start + length].astype(np.float32)
