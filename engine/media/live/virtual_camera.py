"""A virtual camera that OBS, browsers and meeting programs can choose, with the optional pyvirtualcam."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np

from ...errors import MediaError
from .extras import extra
from .sender import Sender

_DRIVERS = {
    "linux": "install v4l2loopback (modprobe v4l2loopback)",
    "darwin": "install OBS and start its virtual camera once",
    "win32": "install OBS, whose virtual camera is used",
}


class VirtualCameraSender(Sender):
    """Sends pictures to a virtual camera.

    Args:
        device: name of the device; empty takes the first that is free.

    Raises:
        MediaError: the package is not installed.
    """

    kind = "camera"

    def __init__(self, device: str) -> None:
        extra("pyvirtualcam")
        self.name = f"The virtual camera {device}".rstrip()
        self._device = device or None
        self._camera = None

    def open(self, width: int, height: int, fps: Fraction) -> None:
        try:
            self._camera = extra("pyvirtualcam").Camera(width, height, float(fps), device=self._device)
        except (RuntimeError, OSError, ValueError) as error:
            advice = _DRIVERS.get(sys.platform, "install a virtual camera driver")
            raise MediaError(f"{self.name} can't be opened: {advice}.") from error

    def send(self, pixels: np.ndarray, time: Fraction) -> None:
        assert self._camera is not None
        try:
            self._camera.send(np.ascontiguousarray(pixels))
        except (RuntimeError, OSError) as error:
            raise MediaError(f"{self.name} is lost: {error}") from error

    def close(self) -> None:
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()
