"""Clips of the world as latents, made once, and batches of them with sentences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ....engine.autoencoders.latents import LatentFormat
from ....engine.autoencoders.video import VideoAutoencoder
from ...world.attributes import RADIUS
from ...world.render import render
from ...world.scene import Scene, draw_scene
from ...world.sentences import describe

FRAMES = 4  # of a latent
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
class WorldBatch:
    """What one training step sees.

    Attributes:
        latents: normalised, float32 (batch, length, C, h, w).
        prompts: what is said of each clip's newest frames.
        objects: bool (batch, length, h, w), the positions at or beside which an object is.
    """

    latents: torch.Tensor
    prompts: list[str]
    objects: torch.Tensor

    def to(self, device: torch.device) -> WorldBatch:
        return WorldBatch(self.latents.to(device), self.prompts, self.objects.to(device))


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

    def draw(self, batch: int, length: int, rng: np.random.Generator) -> WorldBatch:
        """``batch`` windows of ``length`` latents each."""
        clips, prompts, objects = [], [], []
        for _ in range(batch):
            pick = int(rng.integers(len(self.pool)))
            clip, shown = self._window(pick, length, rng)
            if rng.random() < self.cuts:
                before = int(rng.integers(1, length))
                other = int(rng.integers(len(self.pool)))
                clip[:before], shown[:before] = self._window(other, before, rng)
            clips.append(clip)
            objects.append(shown)
            prompts.append(describe(draw_scene(scene_rng(self.seed, pick)), rng).text)
        latents = self.latent_format.normalise(torch.from_numpy(np.stack(clips)))
        return WorldBatch(latents, prompts, torch.from_numpy(np.stack(objects)))

    def _window(self, clip: int, length: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Consecutive latents of a clip, float32 (length, C, h, w), a copy, and where objects are in them."""
        start = int(rng.integers(self.pool.shape[1] - length + 1))
        latents = self.pool[clip, start : start + length].astype(np.float32)
        scene = draw_scene(scene_rng(self.seed, clip))
        return latents, object_positions(scene, WARM_UP + start, length, latents.shape[2:])


def object_positions(scene: Scene, first: int, count: int, size: tuple[int, int]) -> np.ndarray:
    """bool (count, h, w): positions of latents ``first`` and on that an object touches, grown by one.

    Of a latent's four frames the middle is taken; the world wraps around its edges.
    """
    numbers = FRAMES * np.arange(first, first + count) - (FRAMES - 1) / 2.0
    positions = np.zeros((count, *size), bool)
    for actor in scene.actors:
        near = []
        for start, speed, cells in zip(actor.start, actor.velocity, size[::-1], strict=True):
            centre = (start + speed * numbers)[:, None]
            away = abs(((np.arange(cells) + 0.5) / cells - centre + 0.5) % 1.0 - 0.5)
            near.append(away < RADIUS + 1.0 / cells)
        positions |= near[1][:, :, None] & near[0][:, None]
    return positions
