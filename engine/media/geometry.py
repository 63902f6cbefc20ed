"""Which part of a coded picture goes where in the output: pure arithmetic, no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .types import Resize


@dataclass(frozen=True)
class Orientation:
    """How a coded picture is turned to be seen upright: transpose first, then flip.

    Attributes:
        transpose: rows become columns.
        flip_x: mirror left and right afterwards.
        flip_y: mirror top and bottom afterwards.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def from_display_matrix(cls, matrix: Sequence[int]) -> Orientation:
        """Read a container's 3x3 display matrix ``(a b u c d v x y w)``, to the nearest quarter turn.

        The matrix maps a coded point (p, q) to (a p + c q, b p + d q).
        """
        a, b, _, c, d = (int(value) for value in matrix[:5])
        if abs(b) > abs(a):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    @classmethod
    def from_rotation(cls, degrees: float) -> Orientation:
        """A turn counterclockwise, to the nearest quarter."""
        cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[round(degrees / 90) % 4]
        return cls.from_display_matrix((cosine, -sine, 0, sine, cosine))

    def swap(self, width: int, height: int) -> tuple[int, int]:
        """The size after turning; its own inverse."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """A turned view of ``pixels``, shape (H, W, C); no copy."""
        if self.transpose:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


@dataclass(frozen=True)
class Fit:
    """One resize: cut ``crop`` from the coded picture, scale it to ``scaled``, turn it, put it at ``place``.

    Attributes:
        crop: (x, y, width, height) in coded pixels; x and y are even, for subsampled chroma.
        scaled: (width, height) before turning, in pixels.
        place: (x, y) of the turned picture in the output; the rest of the output is black.
    """

    crop: tuple[int, int, int, int]
    scaled: tuple[int, int]
    place: tuple[int, int]


def display_size(width: int, height: int, aspect: Fraction, orientation: Orientation) -> tuple[int, int]:
    """Size as seen, in square pixels, of a coded picture with that pixel aspect ratio.

    The shorter pixel side is stretched, so that no coded pixel is lost.
    """
    if aspect >= 1:
        width = max(1, round(width * aspect))
    else:
        height = max(1, round(height / aspect))
    return orientation.swap(width, height)


def fit(
    coded: tuple[int, int],
    aspect: Fraction,
    orientation: Orientation,
    output: tuple[int, int],
    resize: Resize,
) -> Fit:
    """Plan the resize of a coded picture to ``output`` (width, height).

    ``crop`` fills the output and cuts what sticks out, ``letterbox`` shows everything with black
    bars, ``stretch`` ignores the aspect. Cuts and bars are centred.
    """
    width, height = coded
    # What follows works in coded orientation; a centred crop is the same cut after turning.
    target_width, target_height = orientation.swap(*output)
    horizontal = Fraction(target_width) / (width * aspect)
    vertical = Fraction(target_height, height)
    crop_width, crop_height = width, height
    scaled_width, scaled_height = target_width, target_height
    if resize == "crop":
        scale = max(horizontal, vertical)
        crop_width = _within(target_width / (scale * aspect), width)
        crop_height = _within(target_height / scale, height)
    elif resize == "letterbox":
        scale = min(horizontal, vertical)
        scaled_width = _within(width * aspect * scale, target_width)
        scaled_height = _within(height * scale, target_height)
    shown = orientation.swap(scaled_width, scaled_height)
    return Fit(
        crop=((width - crop_width) // 4 * 2, (height - crop_height) // 4 * 2, crop_width, crop_height),
        scaled=(scaled_width, scaled_height),
        place=((output[0] - shown[0]) // 2, (output[1] - shown[1]) // 2),
    )


def _within(value: Fraction, limit: int) -> int:
    return min(max(1, round(value)), limit)
