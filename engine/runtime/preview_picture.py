"""What a viewer of a session wants to see, and a frame turned into that."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..media.types import Frames


@dataclass(frozen=True)
class PreviewWish:
    """How large, how good and how often a viewer wants its pictures.

    Attributes:
        longest_side: larger frames are scaled down to this many pixels.
        quality: of the JPEG, 1 to 100.
        with_source: also show what a frame was made from.
        fps: at most so many pictures a second; 0 takes every one.
        on_canvas: they are shown on the node, so that the host needs to show none there.
    """

    longest_side: int = 768
    quality: int = 80
    with_source: bool = False
    fps: float = 0.0
    on_canvas: bool = False

    @property
    def interval(self) -> float:
        """Seconds that must lie between two pictures."""
        return 1 / self.fps if self.fps else 0.0


@dataclass(frozen=True)
class PreviewFrame:
    """An encoded frame.

    Attributes:
        jpeg: the result.
        source: what it was made from, as JPEG of the same size; None unless the viewer wants it.
        frame: index in the stream.
        pts: seconds since the stream's start.
        captured_at: ``time.monotonic()`` at which the source frame came into being.
        width, height: of the pictures in pixels.
    """

    jpeg: bytes
    source: bytes | None
    frame: int
    pts: float
    captured_at: float
    width: int
    height: int


def encode(frame: Frames, wish: PreviewWish) -> PreviewFrame:
    """A single frame as a viewer wants it."""
    height, width = frame.pixels.shape[1:3]
    scale = min(1.0, wish.longest_side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    source = None
    if wish.with_source and frame.source is not None:
        source = _jpeg(frame.source[0], size, wish.quality)
    jpeg = _jpeg(frame.pixels[0], size, wish.quality)
    return PreviewFrame(jpeg, source, frame.index, float(frame.pts[0]), frame.captured_at[0], *size)


def _jpeg(pixels: np.ndarray, size: tuple[int, int], quality: int) -> bytes:
    """uint8 RGB (H, W, 3) as a JPEG of ``size`` (width, height)."""
    if pixels.shape[1::-1] != size:
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()
