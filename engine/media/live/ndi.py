"""NDI in and out, with the optional package cyndilib."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

from ...errors import MediaError
from ..resize import Picture
from .capture import Capture, CapturedFrame
from .extras import extra
from .sender import Sender

FIND_S = 3.0
RATE = 48_000
LISTEN_S = 0.5
"""The first picture waits so long for sound, which tells whether there is any."""

_TICK_S = 0.1
_POLL_S = 0.004


class NdiCapture(Capture):
    """Pictures of an NDI sender, and its sound, in stereo.

    Args:
        wanted: its name, or a part of it; empty takes the first.

    Raises:
        MediaError: the package is not installed.
    """

    def __init__(self, wanted: str) -> None:
        extra("cyndilib")
        self.name = f"NDI {wanted}".rstrip()
        self._wanted = wanted.strip().lower()
        self._interrupted = threading.Event()
        self._finder = self._receiver = self._frame = self._sound = None
        self._asked = 0.0

    def open(self) -> None:
        self._finder = extra("cyndilib.finder").Finder()
        self._finder.open()
        deadline = time.monotonic() + FIND_S
        while not (name := self._find()):
            if self._interrupted.is_set() or time.monotonic() > deadline:
                raise MediaError(f"{self.name} is not in the network: check the sender's name in url.")
            self._finder.wait_for_sources(_TICK_S)
        self.name = f"NDI {name}"
        receiver = extra("cyndilib.receiver")
        colours = extra("cyndilib.wrapper.ndi_recv").RecvColorFormat
        self._frame = extra("cyndilib.video_frame").VideoFrameSync()
        self._receiver = receiver.Receiver(color_format=colours.RGBX_RGBA)
        self._receiver.frame_sync.set_video_frame(self._frame)
        self._sound = extra("cyndilib.audio_frame").AudioFrameSync()
        self._receiver.frame_sync.set_audio_frame(self._sound)
        self.sounds = False
        self._receiver.set_source(self._finder.get_source(name))

    def pictures(self) -> Iterator[CapturedFrame | None]:
        assert self._receiver is not None and self._frame is not None
        last, seen = None, time.monotonic()
        self._asked, listening = seen, LISTEN_S if self.heard is not None else 0.0
        while not self._interrupted.is_set():
            self._listen()
            self._receiver.frame_sync.capture_video()
            now, stamp = time.monotonic(), self._frame.get_timestamp_posix()
            width, height = self._frame.get_resolution()
            if width and height and listening and not self.sounds:
                listening = max(0.0, listening - _POLL_S)
            elif width and height and stamp != last:
                last, seen = stamp, now
                rate = self._frame.get_frame_rate()
                self.rate = Fraction(rate) if rate else None
                rows = np.asarray(self._frame.get_array(), np.uint8).reshape(height, -1)[:, : width * 4]
                frame = av.VideoFrame.from_ndarray(rows.reshape(height, width, 4).copy(), format="rgba")
                yield CapturedFrame(Picture(frame), Fraction(round(stamp * 1_000_000), 1_000_000), now)
                continue
            if now - seen > FIND_S and not self._receiver.is_connected():
                raise MediaError(f"{self.name} is lost: check that the sender runs.")
            self._interrupted.wait(_POLL_S)
            yield None

    def close(self) -> None:
        if self._receiver is not None:
            self._receiver.disconnect()
        if self._finder is not None:
            self._finder.close()
        self._finder = self._receiver = self._frame = self._sound = None

    def interrupt(self) -> None:
        self._interrupted.set()

    def _listen(self) -> None:
        """Pass on what has come since: NDI gives sound at the pace at which it is asked for it."""
        now = time.monotonic()
        due = int((now - self._asked) * RATE)
        if self.heard is None or self._receiver is None or self._sound is None or due < RATE // 100:
            return
        self._asked += due / RATE
        self._sound.sample_rate, self._sound.num_channels = RATE, 2  # else it asks for what it had before
        count = self._receiver.frame_sync.capture_audio(due)
        stamp = self._sound.get_timestamp_posix() if count else 0.0
        if stamp <= 0:  # before the first of it
            return
        frame = av.AudioFrame.from_ndarray(self._sound.get_array(), "fltp", "stereo")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, 1_000_000)
        frame.pts = round(stamp * 1_000_000)
        self.sounds = True
        self.heard(frame, now - count / RATE)

    def _find(self) -> str:
        assert self._finder is not None
        names = list(self._finder.get_source_names())
        return next((name for name in names if self._wanted in name.lower()), "")


class NdiSender(Sender):
    """Sends pictures as an NDI source."""

    kind = "ndi"

    def __init__(self, name: str) -> None:
        extra("cyndilib")
        self.name = f"NDI {name}"
        self._name = name
        self._sender = self._rgba = None

    def open(self, width: int, height: int, fps: Fraction) -> None:
        frame = extra("cyndilib.video_frame").VideoSendFrame()
        frame.set_resolution(width, height)
        frame.set_frame_rate(fps)
        frame.set_fourcc(extra("cyndilib.wrapper.ndi_structs").FourCC.RGBX)
        self._sender = extra("cyndilib.sender").Sender(self._name)
        self._sender.set_video_frame(frame)
        self._sender.open()
        self._rgba = np.full((height, width, 4), 255, np.uint8)

    def send(self, pixels: np.ndarray, time: Fraction) -> None:
        assert self._sender is not None and self._rgba is not None
        self._rgba[..., :3] = pixels
        self._sender.write_video(self._rgba.reshape(-1))

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()
        self._sender = self._rgba = None
