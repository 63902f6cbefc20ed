"""What kinds of live targets differ in: how a picture is sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Literal

import av
import numpy as np


class Sender(ABC):
    """Somewhere to send pictures, used by one thread; may be opened again after a failure.

    Attributes:
        kind: see ``TargetStatus``.
        name: for errors and the node.
        sounds: whether it takes sound, too.
    """

    kind: Literal["network", "camera", "ndi"]
    name: str
    sounds: bool = False

    @abstractmethod
    def open(self, width: int, height: int, fps: Fraction) -> None:
        """Connect.

        Args:
            width, height: of the pictures in pixels.
            fps: their average rate.

        Raises:
            MediaError: it can't be done now; it is tried again.
            SettingError: it never will be; this ends the session.
        """

    @abstractmethod
    def send(self, pixels: np.ndarray, time: Fraction) -> None:
        """Send a picture.

        Args:
            pixels: uint8 RGB, shape (H, W, 3).
            time: seconds since the stream's start.

        Raises:
            MediaError: the connection is lost.
        """

    def hear(self, sound: av.AudioFrame) -> None:
        """Send sound that is heard before the next picture, without gaps since the first one.

        Args:
            sound: float32, stereo, planar, 48 kHz; its time counts like a picture's.

        Raises:
            MediaError: the connection is lost.
        """

    @abstractmethod
    def close(self) -> None:
        """Hang up; may be followed by ``open``. Harmless when repeated."""
