"""Moving pictures that the video autoencoder learns from: clips, camera moves over stills, the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ..styles import STYLES, stylise
from ..training.camera import camera_move
from ..training.clips import decoded, relit, resize_short_side
from ..training.splits import clips_of, film_of, part_of_still
from ..training.stills import find_stills, read_pictures
from ..training.textures import draw_texture
from ..world.render import render
from ..world.scene import draw_scene

SHARES = {"clip": 0.5, "still": 0.17, "painting": 0.23, "texture": 0.04, "world": 0.06}
"""How often a window shows a clip, and a camera over a photograph, a painted picture, procedural noise."""
STORED = 432  # pixels along the short side of what is kept
LONGEST = 360  # frames of a clip that are kept


@dataclass(frozen=True)
class Footage:
    """Everything to draw windows from.

    Attributes:
        clips: uint8 RGB (N, H, W, 3) each.
        weights: how likely each clip is; they sum to 1.
        stills: by kind, uint8 RGB (H, W, 3) each.
    """

    clips: Sequence[np.ndarray]
    weights: np.ndarray
    stills: dict[str, Sequence[np.ndarray]]

    def draw(self, frames: int, side: int, rng: np.random.Generator) -> np.ndarray:
        """A window, uint8 RGB (frames, side, side, 3), mirrored, reversed and relit by chance."""
        kind = rng.choice(list(SHARES), p=list(SHARES.values()))
        if kind == "world":
            full = max(side, 128)
            window = render(draw_scene(rng), frames, full, int(rng.integers(64)))
            top, left = rng.integers(0, full - side + 1, 2)
            return window[:, top : top + side, left : left + side]
        if kind == "clip":
            window = self._of_clip(frames, side, rng)
        else:
            window = self._of_still(self.stills[kind], frames, side, rng)
        if rng.random() < 0.5:
            window = window[::-1]
        if rng.random() < 0.5:
            window = window[:, :, ::-1]
        if kind != "painting" and rng.random() < 0.3:
            tall = relit(np.ascontiguousarray(window).reshape(-1, side, 3), rng)
            window = tall.reshape(window.shape)
        return window

    def _of_clip(self, frames: int, side: int, rng: np.random.Generator) -> np.ndarray:
        clip = self.clips[rng.choice(len(self.clips), p=self.weights)]
        stride = 2 if rng.random() < 0.25 and len(clip) > 2 * frames else 1
        first = int(rng.integers(len(clip) - stride * (frames - 1)))
        region, top, left = _region(clip[first + stride * (frames // 2)], side, rng)
        window = clip[first : first + stride * frames : stride, top : top + region, left : left + region]
        if region == side:
            return np.ascontiguousarray(window)
        return np.stack([cv2.resize(f, (side, side), interpolation=cv2.INTER_AREA) for f in window])

    def _of_still(
        self, pictures: Sequence[np.ndarray], frames: int, side: int, rng: np.random.Generator
    ) -> np.ndarray:
        picture = pictures[rng.integers(len(pictures))]
        region, top, left = _region(picture, 2 * side, rng)
        part = picture[top : top + region, left : left + region]
        part = cv2.resize(part, (2 * side, 2 * side), interpolation=cv2.INTER_AREA)
        return camera_move(part, frames, side, rng)


def _region(picture: np.ndarray, side: int, rng: np.random.Generator) -> tuple[int, int, int]:
    """Side, top and left of a square to be shown ``side`` pixels wide: of three, the busiest."""
    size = picture.shape[:2]
    shortest = min(size)
    seen = rng.uniform(min(224, shortest), shortest)  # the short side that the whole picture would have
    region = int(np.clip(round(side * shortest / seen), 1, shortest))
    places = [tuple(int(rng.integers(0, length - region + 1)) for length in size) for _ in range(3)]
    top, left = max(places, key=lambda at: _busyness(picture[at[0] : at[0] + region, at[1] : at[1] + region]))
    return region, top, left


def _busyness(part: np.ndarray) -> float:
    green = np.int16(part[::2, ::2, 1])
    return float(np.abs(np.diff(green, axis=0)).mean() + np.abs(np.diff(green, axis=1)).mean())


def read_footage(videos: Path, paintings: Path | None, folder: Path, seed: int) -> Footage:
    """Decode and paint everything once; what lies in ``folder`` already is opened.

    Args:
        videos: folder of clips, of which the training part is taken.
        paintings: folder of pictures in the public domain, if any.
        seed: of the styles and textures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = clips_of(videos, "train")
    clips = [_stored(path, folder) for path in tqdm(paths, desc="clips")]
    films = [film_of(path.stem) for path in paths]
    weights = np.array([films.count(film) for film in films]) ** -0.5
    rng = np.random.default_rng(seed)
    photographs = [s for s in find_stills() if part_of_still(s.name) == "train"]
    shown = [_limited(s.pixels) for s in photographs]
    art = [_limited(s.pixels) for s in read_pictures(paintings, "public domain")] if paintings else []
    frames = [clip[int(rng.integers(len(clip)))] for clip in clips for _ in range(6)]
    painted = [
        stylise(picture, str(rng.choice(STYLES))) for picture in tqdm([*shown, *frames] * 2, desc="paintings")
    ]
    textures = [draw_texture(256, rng) for _ in range(80)]
    stills = {"still": [*shown, *frames], "painting": [*art * 3, *painted], "texture": textures}
    return Footage(clips, weights / weights.sum(), stills)


def _stored(path: Path, folder: Path) -> np.ndarray:
    kept = folder / f"{path.stem}.npy"
    if not kept.exists():
        frames = (frame.to_ndarray(format="rgb24") for frame in islice(decoded(path), LONGEST))
        np.save(kept, np.stack([_limited(frame) for frame in frames]))
    return np.load(kept, mmap_mode="r")


def _limited(picture: np.ndarray) -> np.ndarray:
    return resize_short_side(picture, STORED) if min(picture.shape[:2]) > STORED else picture
