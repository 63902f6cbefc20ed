"""Live pictures for any number of viewers; a slow one costs the others nothing.

``publish`` leaves a frame and returns. A worker plays frames out evenly (they come in bursts, a
chunk at a time) and encodes one only when a viewer has credit for it. What a viewer hasn't
fetched yet is replaced, never queued.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

BACKLOG = 64
"""Frames that wait to be played out; beyond it the oldest are dropped."""

LONGEST_WAIT_S = 0.5
"""The slowest even pace; a stream below two frames a second is shown as it comes."""


@dataclass(frozen=True)
class PreviewFrame:
    """An encoded frame.

    Attributes:
        jpeg: the result.
        source: what it was made from, or is compared with; None unless the viewer asked for it.
        frame: index in the stream.
        pts: seconds since the stream's start.
        width, height: of the pictures in pixels.
    """

    jpeg: bytes
    source: bytes | None
    frame: int
    pts: float
    width: int
    height: int


@dataclass(frozen=True)
class _Picture:
    serial: int
    pixels: np.ndarray
    source: np.ndarray | None
    frame: int
    pts: Fraction


@dataclass(frozen=True)
class PictureSize:
    """How large and how good a viewer wants its pictures.

    Attributes:
        longest_side: larger frames are scaled down to this many pixels.
        quality: of the JPEG, 1 to 100.
    """

    longest_side: int = 768
    quality: int = 80


class PreviewClient:
    """A viewer's one-slot mailbox; made by ``PreviewHub.subscribe``."""

    def __init__(self, hub: PreviewHub, with_source: bool, on_ready: Callable[[], None] | None) -> None:
        self.with_source = with_source
        self._hub = hub
        self._on_ready = on_ready
        self._size = hub.size
        self._slot: PreviewFrame | None = None
        self._credit = 0
        self._seen = 0

    def grant(self, frames: int = 1) -> None:
        """Allow so many more frames to be sent (the viewer has drawn what it got)."""
        with self._hub._changed:
            self._credit += frames
            self._hub._changed.notify_all()

    def ask(self, longest_side: int, quality: int) -> None:
        """Have smaller or larger pictures from now on; other viewers keep theirs."""
        self._size = PictureSize(longest_side, quality)

    def take(self, timeout: float = 0.0) -> PreviewFrame | None:
        """Empty the mailbox; None when nothing has come after ``timeout`` seconds."""
        with self._hub._changed:
            self._hub._changed.wait_for(lambda: self._slot is not None, timeout)
            frame, self._slot = self._slot, None
            self._hub._changed.notify_all()
            return frame

    def close(self) -> None:
        """Leave; harmless when repeated."""
        self._hub._leave(self)

    def _waits_for(self, picture: _Picture) -> bool:
        return self._credit > 0 and self._slot is None and self._seen < picture.serial

    def _deliver(self, serial: int, frame: PreviewFrame) -> None:
        self._slot = frame
        self._seen = serial
        self._credit -= 1


class PreviewHub:
    """The previews of one session.

    Args:
        size: what a viewer gets that does not ask for something else.
    """

    def __init__(self, size: PictureSize | None = None) -> None:
        self.size = size or PictureSize()
        self._changed = threading.Condition()
        self._backlog: deque[_Picture] = deque()
        self._arrivals: deque[float] = deque(maxlen=BACKLOG)
        self._current: _Picture | None = None
        self._due = 0.0
        self._serial = 0
        self._clients: list[PreviewClient] = []
        self._worker: threading.Thread | None = None
        self.dropped = 0

    def publish(self, pixels: np.ndarray, frame: int, pts: Fraction, source: np.ndarray | None) -> None:
        """Show a frame; never blocks.

        Args:
            pixels: uint8 RGB (H, W, 3), not changed afterwards.
            frame, pts: index and seconds in the stream.
            source: what it was made from, same type, or None.
        """
        with self._changed:
            self._serial += 1
            picture = _Picture(self._serial, pixels, source, frame, pts)
            now = time.monotonic()
            self._arrivals.append(now)
            if not self._clients:
                self._current = picture
                return
            if not self._backlog:
                # After a pause the even pace starts anew; frames are not rushed to catch up.
                self._due = max(self._due, now)
            if len(self._backlog) == BACKLOG:
                self._backlog.popleft()
                self.dropped += 1
            self._backlog.append(picture)
            self._changed.notify_all()

    def subscribe(
        self, *, with_source: bool = False, on_ready: Callable[[], None] | None = None
    ) -> PreviewClient:
        """A new viewer; it gets the latest frame as soon as it grants credit.

        Args:
            with_source: also encode what the frame was made from.
            on_ready: called on the hub's thread when the mailbox has been filled; must not block.
        """
        client = PreviewClient(self, with_source, on_ready)
        with self._changed:
            self._clients.append(client)
            if self._worker is None:
                self._worker = threading.Thread(target=self._serve, name="livestyle-preview", daemon=True)
                self._worker.start()
        return client

    def _leave(self, client: PreviewClient) -> None:
        with self._changed:
            if client in self._clients:
                self._clients.remove(client)
            self._changed.notify_all()

    def _serve(self) -> None:
        """Until the last viewer has left."""
        while True:
            with self._changed:
                while not (waiting := self._play()):
                    if not self._clients:
                        self._worker = None
                        self._show_last()
                        return
                    now = time.monotonic()
                    self._changed.wait(max(0.0, self._due - now) if self._backlog else None)
                picture = self._current
            assert picture is not None
            self._send(picture, waiting)

    def _play(self) -> list[PreviewClient]:
        """Move on to the frame that is due; the viewers that wait for it."""
        now = time.monotonic()
        while self._backlog and self._due <= now:
            if self._current is not None and all(self._current.serial > c._seen for c in self._clients):
                self.dropped += 1
            self._current = self._backlog.popleft()
            self._due += self._interval()
        current = self._current
        return [client for client in self._clients if current and client._waits_for(current)]

    def _interval(self) -> float:
        """Seconds to the next frame: the average pace, faster while more than usual is waiting."""
        arrivals = self._arrivals
        if len(arrivals) < 2:
            return 0.0
        pace = (arrivals[-1] - arrivals[0]) / (len(arrivals) - 1)
        return min(LONGEST_WAIT_S, pace) * (0.5 if len(self._backlog) > BACKLOG // 2 else 0.95)

    def _show_last(self) -> None:
        if self._backlog:
            self._current = self._backlog.pop()
            self._backlog.clear()

    def _send(self, picture: _Picture, waiting: list[PreviewClient]) -> None:
        made: dict[tuple[PictureSize, bool], PreviewFrame] = {}
        for client in waiting:
            wish = (client._size, client.with_source)
            if wish not in made:
                made[wish] = _frame(picture, *wish)
            with self._changed:
                client._deliver(picture.serial, made[wish])
                self._changed.notify_all()
            if client._on_ready is not None:
                client._on_ready()


def _frame(picture: _Picture, size: PictureSize, with_source: bool) -> PreviewFrame:
    jpeg, width, height = _encode(picture.pixels, size)
    source = _encode(picture.source, size)[0] if with_source and picture.source is not None else None
    return PreviewFrame(jpeg, source, picture.frame, float(picture.pts), width, height)


def _encode(pixels: np.ndarray, size: PictureSize) -> tuple[bytes, int, int]:
    """JPEG bytes, width, height."""
    height, width = pixels.shape[:2]
    scale = size.longest_side / max(height, width)
    if scale < 1:
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, size.quality])
    return encoded.tobytes(), width, height
