"""Triples (source, reference, target) in pixels: clips, pictures of styles, and the clips in these styles.

A clip's first two targets are in named styles, whose reference is another scene in that style; the
others follow a style picture and have no name. Per-frame teachers flicker, so targets are steadied
along the source's motion (but for styles that are locked to the screen).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ...autoencoders.video_pairs import carried, drawn_styles, open_windows, steadied
from ...styles import STYLES, stylise
from ...training.clips import augmented_crop
from .painter import repaint, style_vector
from .references import draw_style, load_paintings

UNNAMED = -1  # in place of a style's number
NAMED = 2  # targets of a clip in named styles: the pool of windows has them


@dataclass(frozen=True)
class Paintings:
    """A pool on disk, uint8 RGB.

    Attributes:
        windows: (N, 1 + NAMED, T, S, S, 3), sources and named targets (``video_pairs``).
        pictured: (N, P, T, S, S, 3), targets after style pictures.
        references: (N, NAMED + P, S, S, 3).
        styles: (N, NAMED + P), an index of ``STYLES`` or ``UNNAMED``.
    """

    windows: np.ndarray
    pictured: np.ndarray
    references: np.ndarray
    styles: np.ndarray


def paint(windows: Path, pictures: Path, folder: Path, per_window: int, seed: int) -> Paintings:
    """Paint a pool of windows after pictures; reuses a pool of the same files.

    Args:
        windows: folder of a pool that ``video_pairs.paint_windows`` wrote.
        pictures: folder of style pictures.
        folder: where the arrays go.
        per_window: targets of a clip after style pictures.
        seed: clip i's pictures depend on (seed, i) only.
    """
    pool, recipe = open_windows(windows), json.loads((windows / "windows.json").read_text())
    count, _, frames, size = pool.shape[:4]
    note = {
        "windows": recipe,
        "pictures": sorted(p.name for p in pictures.iterdir()),
        "per_window": per_window,
        "seed": seed,
    }
    shapes = {
        "pictured": (count, per_window, frames, size, size, 3),
        "references": (count, NAMED + per_window, size, size, 3),
        "styles": (count, NAMED + per_window),
    }
    written = folder / "paintings.json"
    if not (written.exists() and json.loads(written.read_text()) == note):
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            name: np.lib.format.open_memmap(
                folder / f"{name}.npy", "w+", np.int64 if name == "styles" else np.uint8, shape
            )
            for name, shape in shapes.items()
        }
        _paint_all(Paintings(pool, **arrays), load_paintings(pictures), recipe["seed"], seed)
        for array in arrays.values():
            array.flush()
        written.write_text(json.dumps(note, indent=1))
    return Paintings(pool, **{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in shapes})


def _paint_all(pool: Paintings, pictures: list[np.ndarray], windows_seed: int, seed: int) -> None:
    """Fill everything but the windows."""
    cv2.setNumThreads(1)
    size = pool.windows.shape[3]
    for index, window in enumerate(tqdm(pool.windows, desc="paintings")):
        rng, source = np.random.default_rng((seed, index, 2)), np.array(window[0])
        along = carried(source)
        for variant, style in enumerate(drawn_styles(windows_seed, index)):
            scene = pool.windows[int(rng.integers(len(pool.windows))), 0, 0]
            pool.references[index, variant] = stylise(augmented_crop(scene, size, rng), style)
            pool.styles[index, variant] = STYLES.index(style)
        for variant in range(pool.pictured.shape[1]):
            reference = draw_style(pictures, source[0], size, rng)
            style = style_vector(reference)
            painted = np.stack([repaint(frame, style) for frame in source])
            pool.pictured[index, variant] = steadied(painted, along)
            pool.references[index, NAMED + variant] = reference
            pool.styles[index, NAMED + variant] = UNNAMED
