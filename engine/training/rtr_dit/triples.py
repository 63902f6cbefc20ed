"""Triples (source, reference, target) as latents: clips, style pictures, and the clips in these styles.

A target is painted frame by frame and then steadied along the source's motion, because per-frame
teachers flicker. Some of a clip's targets are in named styles, whose reference is another scene in
that style; the others follow a style picture and have no name.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from ...autoencoders.video import VideoAutoencoder
from ..clips import augmented_crop, training_clips
from ..styles import SCREEN_LOCKED, STYLES, stylise
from ..video_pairs import steadied
from ..windows import draw_windows
from .painter import repaint, style_vector
from .references import draw_style, load_paintings

UNNAMED = -1  # in place of a style's number


@dataclass(frozen=True)
class TriplesRecipe:
    """How many triples, and how large.

    Attributes:
        windows: clips.
        frames: frames of a clip, 1 + 4 n.
        size: side in pixels.
        named, pictured: targets of a clip in named styles, and after style pictures.
        seed: of clips, styles and pictures.
    """

    windows: int = 500
    frames: int = 25
    size: int = 192
    named: int = 2
    pictured: int = 2
    seed: int = 7


@dataclass(frozen=True)
class Triples:
    """Latents on disk, float16.

    Attributes:
        sources: (N, F, C, h, w).
        targets: (N, V, F, C, h, w).
        references: (N, V, C, h, w).
        styles: (N, V), an index of ``STYLES`` or ``UNNAMED``.
    """

    sources: np.ndarray
    targets: np.ndarray
    references: np.ndarray
    styles: np.ndarray

    @classmethod
    def open(cls, folder: Path, mode: str = "r") -> Triples:
        """Map what ``paint_triples`` wrote."""
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode=mode) for name in cls.__dataclass_fields__))


def paint_triples(
    videos: Path, pictures: Path, autoencoder: VideoAutoencoder, folder: Path, recipe: TriplesRecipe
) -> Triples:
    """Draw clips, paint them, encode everything; reuses a pool of the same files and the same autoencoder.

    Args:
        videos: folder of training clips.
        pictures: folder of style pictures.
        folder: where the arrays go.
    """
    note = {
        **asdict(recipe),
        "videos": sorted(p.name for p in training_clips(videos)),
        "pictures": sorted(p.name for p in pictures.iterdir()),
        "autoencoder": sum(float(p.double().square().sum()) for p in autoencoder.model.parameters()),
    }
    written = folder / "triples.json"
    if written.exists() and json.loads(written.read_text()) == note:
        return Triples.open(folder)
    folder.mkdir(parents=True, exist_ok=True)
    count, variants = recipe.windows, recipe.named + recipe.pictured
    side = recipe.size // autoencoder.spatial
    latent = (autoencoder.channels, side, side)
    clip = (1 + (recipe.frames - 1) // autoencoder.temporal, *latent)
    shapes = {
        "sources": (count, *clip),
        "targets": (count, variants, *clip),
        "references": (count, variants, *latent),
        "styles": (count, variants),
    }
    for name, shape in shapes.items():
        kind = np.int64 if name == "styles" else np.float16
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kind, shape).flush()
    pool = Triples.open(folder, "r+")
    paintings = load_paintings(pictures)
    cv2.setNumThreads(1)
    scenes: list[np.ndarray] = []
    windows = draw_windows(videos, count, recipe.frames, recipe.size, recipe.seed)
    for index, source in enumerate(tqdm(windows, total=count, desc="triples")):
        rng = np.random.default_rng((recipe.seed, index, 2))
        pool.sources[index] = _encode(autoencoder, source)
        scenes.append(source[0])
        for variant in range(variants):
            if variant < recipe.named:
                style, reference, target = _named(source, scenes[int(rng.integers(len(scenes)))], rng)
            else:
                style, reference, target = _pictured(source, paintings, rng)
            pool.styles[index, variant] = style
            pool.references[index, variant] = _encode(autoencoder, reference[None])[0]
            pool.targets[index, variant] = _encode(autoencoder, target)
    written.write_text(json.dumps(note, indent=1))
    return Triples.open(folder)


def _named(
    source: np.ndarray, scene: np.ndarray, rng: np.random.Generator
) -> tuple[int, np.ndarray, np.ndarray]:
    """Style number, a reference that shows another scene in that style, the painted clip."""
    style = int(rng.integers(len(STYLES)))
    reference = stylise(augmented_crop(scene, len(scene), rng), STYLES[style])
    painted = np.stack([stylise(frame, STYLES[style]) for frame in source])
    return style, reference, painted if STYLES[style] in SCREEN_LOCKED else steadied(painted, source)


def _pictured(
    source: np.ndarray, paintings: list[np.ndarray], rng: np.random.Generator
) -> tuple[int, np.ndarray, np.ndarray]:
    reference = draw_style(paintings, source[0], source.shape[1], rng)
    style = style_vector(reference)
    return UNNAMED, reference, steadied(np.stack([repaint(frame, style) for frame in source]), source)


@torch.no_grad()
def _encode(autoencoder: VideoAutoencoder, frames: np.ndarray) -> np.ndarray:
    """A clip from its beginning, uint8 (T, H, W, 3), to latents."""
    latents = autoencoder.for_stream().encode_chunk(torch.from_numpy(np.ascontiguousarray(frames)))
    return latents.float().numpy()
