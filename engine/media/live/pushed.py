"""Pictures and sound that are pushed into an inbox as a source: the browser's camera or screen."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import av
import numpy as np
from PIL import Image

from ..resize import Picture
from .capture import Capture, CapturedFrame
from .frame_inbox import FrameInbox, Pushable, Pushed

LONGEST_SIDE = 4096
"""Pixels; a small JPEG may claim to be of any size."""

_TICK_S = 0.1


class PushedCapture(Capture):
    """Pictures of an inbox; ones that can't be decoded are left out."""

    def __init__(self, name: str, inbox: FrameInbox) -> None:
        self.name = name
        self._inbox = inbox

    def open(self) -> None:
        self._inbox.open(self.heard)

    def pictures(self) -> Iterator[CapturedFrame | None]:
        while self._inbox.wanted:
            pushed = self._inbox.take(_TICK_S)
            self.sounds = self._inbox.sounds
            yield None if pushed is None else self._decoded(pushed)

    def close(self) -> None:
        self._inbox.close()

    def interrupt(self) -> None:
        self._inbox.close()

    @property
    def silence(self) -> str:
        return self._inbox.silence

    def _decoded(self, pushed: Pushed) -> CapturedFrame | None:
        try:
            frame = _frame(pushed.data)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            self.damaged += 1
            return None
        return CapturedFrame(Picture(frame), pushed.stamp, pushed.captured_at)


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
