"""What kinds of live targets differ in: how a picture is sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Literal

import numpy as np


class Sender(ABC):
    """Somewhere to send pictures, used by one thread; may be opened again after a failure.

    Attributes:
        kind: see ``TargetStatus``.
        name: for errors and the node.
    """

    kind: Literal["network", "camera", "ndi"]
    name: str

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

    @abstractmethod
    def close(self) -> None:
        """Hang up; may be followed by ``open``. Harmless when repeated."""
