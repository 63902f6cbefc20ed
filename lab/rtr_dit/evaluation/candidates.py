"""Reference pictures to measure with, and enough others to tell them from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..training.painter import repaint, style_vector
from ..training.references import HELD_OUT, SUFFIXES

LEAST = 20
TURNS = (60, 120)  # of OpenCV's hue circle, which has 180 steps


@dataclass(frozen=True)
class Candidate:
    """A picture of a style.

    Attributes:
        name: the file's, and how far its hues are turned.
        picture: uint8 RGB (H, W, 3).
        judged: whether runs are made with it; else it is only there to be told from.
    """

    name: str
    picture: np.ndarray
    judged: bool

    def painted(self, frames: np.ndarray) -> np.ndarray:
        """What the per-frame teacher makes of uint8 RGB (N, H, W, 3)."""
        style = style_vector(self.picture)
        return np.stack([repaint(frame, style) for frame in frames])


def draw_candidates(styles: Path, more: Path | None, side: int) -> list[Candidate]:
    """All pictures of two folders; the judged ones were never trained on.

    Of ``styles``, every picture is judged that is not one of ``more`` or is held out from training.
    Each judged picture comes with its hues turned as well, which is another style that nobody
    trained on; the same with the others until there are ``LEAST``.

    Args:
        styles: folder of pictures.
        more: folder of pictures, most of which training has seen.
        side: pixels that the short side is reduced to.
    """
    seen = {} if more is None else {path.stem: path for path in _pictures(more)}
    given = {path.stem: path for path in _pictures(styles)}
    judged = [name for name in given if name not in seen or name in HELD_OUT]
    if not judged:
        raise FileNotFoundError(f"No picture in {styles} that training has not seen: add others.")
    found = []
    for name, path in {**seen, **given}.items():
        picture = _read(path, side)
        found.append(Candidate(name, picture, name in judged))
    for turn in TURNS:
        found += [turned(each, turn) for each in found if each.judged and "+" not in each.name]
    spare = [each for each in found if not each.judged]
    for turn in TURNS:
        found += [turned(each, turn) for each in spare[: max(0, LEAST - len(found))]]
    return found


def turned(candidate: Candidate, turn: int) -> Candidate:
    """The same picture in other colours."""
    hsv = cv2.cvtColor(candidate.picture, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + turn) % 180
    picture = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return Candidate(f"{candidate.name}+{turn}", picture, candidate.judged)


def percentile_rank(distances: Sequence[float], right: int) -> float:
    """Share of the other candidates that are farther away than the right one: 1 for the nearest."""
    others = np.delete(np.asarray(distances), right)
    return float((others > distances[right]).mean())


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _read(path: Path, side: int) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]
    scale = side / min(picture.shape[:2])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
