"""Triples (source, reference, target) as latents: what ``paintings`` painted, encoded once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ....engine.autoencoders.video import VideoAutoencoder
from .paintings import NAMED, Paintings


@dataclass(frozen=True)
class Triples:
    """Latents on disk, float16.

    Attributes:
        sources: (N, F, C, h, w).
        targets: (N, V, F, C, h, w).
        references: (N, V, C, h, w).
        styles: (N, V), see ``Paintings``.
    """

    sources: np.ndarray
    targets: np.ndarray
    references: np.ndarray
    styles: np.ndarray

    @classmethod
    def open(cls, folder: Path, styles: np.ndarray, mode: str = "r") -> Triples:
        """Map what ``encode`` wrote."""
        names = ("sources", "targets", "references")
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode=mode) for name in names), styles)

    def deviation(self) -> float:
        """Of the sources' latents, from up to 64 clips."""
        return float(np.float32(self.sources[:: max(1, len(self.sources) // 64)]).std())


def encode(paintings: Paintings, autoencoder: VideoAutoencoder, folder: Path) -> Triples:
    """Encode a pool into ``folder``; reuses the latents of an equal pool under the same autoencoder."""
    count, variants = paintings.styles.shape
    frames, size = paintings.windows.shape[2:4]
    note = {
        "pool": [count, variants, frames, size],
        "autoencoder": sum(float(p.double().square().sum()) for p in autoencoder.model.parameters()),
    }
    written = folder / "triples.json"
    if written.exists() and json.loads(written.read_text()) == note:
        return Triples.open(folder, paintings.styles)
    folder.mkdir(parents=True, exist_ok=True)
    side = size // autoencoder.spatial
    latent = (autoencoder.channels, side, side)
    clip = (1 + (frames - 1) // autoencoder.temporal, *latent)
    shapes = {
        "sources": (count, *clip),
        "targets": (count, variants, *clip),
        "references": (count, variants, *latent),
    }
    for name, shape in shapes.items():
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float16, shape).flush()
    pool = Triples.open(folder, paintings.styles, "r+")
    for index in tqdm(range(count), desc="latents"):
        pool.sources[index] = clip_latents(autoencoder, paintings.windows[index, 0])
        targets = (*paintings.windows[index, 1 : 1 + NAMED], *paintings.pictured[index])
        for variant, target in enumerate(targets):
            pool.targets[index, variant] = clip_latents(autoencoder, target)
            reference = paintings.references[index, variant][None]
            pool.references[index, variant] = clip_latents(autoencoder, reference)[0]
    written.write_text(json.dumps(note, indent=1))
    return Triples.open(folder, paintings.styles)


@torch.no_grad()
def clip_latents(autoencoder: VideoAutoencoder, frames: np.ndarray) -> torch.Tensor:
    """A clip from its beginning, uint8 RGB (T, H, W, 3), to float32 latents (F, C, h, w)."""
    return autoencoder.for_stream().encode_chunk(torch.from_numpy(np.array(frames))).float()
