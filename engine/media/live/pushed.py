"""Pictures that are pushed into an inlet as a source: the browser's camera or screen."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import av
import numpy as np
from PIL import Image

from ..resize import Picture
from .capture import Arrival, Capture
from .frame_inbox import Inlet, Pushable, Pushed

LONGEST_SIDE = 4096
"""Pixels; a small JPEG may claim to be of any size."""

_TICK_S = 0.1


class PushedCapture(Capture):
    """Pictures of an inlet; ones that can't be decoded are left out."""

    def __init__(self, name: str, inlet: Inlet) -> None:
        self.name = name
        self._inlet = inlet

    def open(self) -> None:
        self._inlet.open()

    def pictures(self) -> Iterator[Arrival | None]:
        while self._inlet.wanted:
            pushed = self._inlet.take(_TICK_S)
            yield None if pushed is None else self._decoded(pushed)

    def close(self) -> None:
        self._inlet.close()

    def interrupt(self) -> None:
        self._inlet.close()

    @property
    def silence(self) -> str:
        return self._inlet.silence

    def _decoded(self, pushed: Pushed) -> Arrival | None:
        try:
            frame = _frame(pushed.data)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            self.damaged += 1
            return None
        return Arrival(Picture(frame), pushed.stamp, pushed.born)


def _frame(picture: Pushable) -> av.VideoFrame:
    if isinstance(picture, av.VideoFrame):
        return picture
    pixels = decode_picture(picture) if isinstance(picture, bytes) else picture
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")


def decode_picture(data: bytes) -> np.ndarray:
    """uint8 RGB (H, W, 3) of a JPEG, PNG or WebP.

    Raises:
        OSError, ValueError, SyntaxError, DecompressionBombError: damaged, of another format, or too large.
    """
    with Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
        if max(image.size) > LONGEST_SIDE:
            raise ValueError(f"{image.size} is too large")
        return np.asarray(image.convert("RGB"))
