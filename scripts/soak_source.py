"""The network stream of a soak: a test picture that ffmpeg sends over UDP, and that can be killed."""

from __future__ import annotations

import subprocess
import time

BACK_S = 5.0
"""After its return: time to connect again and to play out what was held meanwhile."""

PICTURE = "testsrc2=size=192x144:rate="
ENCODING = "-c:v libx264 -preset ultrafast -tune zerolatency -g 30 -threads 1".split()


class SoakSource:
    """A publisher.

    Args:
        url: where it sends to.

    Attributes:
        fps: pictures a second.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.fps = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._since = 0.0

    @property
    def steady(self) -> bool:
        """Whether it has played long enough that only its own pictures are on their way."""
        return self._process is not None and time.monotonic() - self._since > BACK_S

    def play(self, fps: float) -> None:
        """Send so many pictures a second."""
        self.kill()
        self.fps = fps
        picture = ["-re", "-f", "lavfi", "-i", f"{PICTURE}{fps}"]
        target = ["-f", "mpegts", f"{self.url}?pkt_size=1316"]
        self._process = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-loglevel", "error", *picture, *ENCODING, *target]
        )
        self._since = time.monotonic()

    def kill(self) -> None:
        """End without a word; harmless when repeated."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
