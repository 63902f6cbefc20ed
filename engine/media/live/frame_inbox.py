"""Where something else leaves pictures and sound for a session: a page with a camera or a screen."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
import numpy as np

CREDIT = 2
"""Pictures that may be on their way or waiting."""

LARGEST = 8 * 1024 * 1024
"""Bytes of an encoded picture, pixels of another."""

OnCredit = Callable[[int], None]
OnSound = Callable[[av.AudioFrame, float], None]


Pushable = bytes | np.ndarray | av.VideoFrame


@dataclass(frozen=True)
class Pushed:
    """A picture on its way; see ``FrameInbox.push``."""

    data: Pushable
    stamp: Fraction | None
    captured_at: float


class FrameInbox:
    """Where a producer leaves pictures for a session; no call blocks, all may come from any thread.

    Args:
        kind: what the page should capture.

    Attributes:
        wanted: whether a session has it open.
        sounds: whether there is sound beside the pictures; set before the first of them.
    """

    def __init__(self, kind: Literal["camera", "screen"]) -> None:
        self.kind = kind
        self.wanted = False
        self.sounds = False
        self._on_sound: OnSound | None = None
        self._changed = threading.Condition()
        self._pictures: deque[Pushed] = deque()
        self._listener: OnCredit | None = None
        self._credit = 0
        self._silence = "no page sends pictures yet"

    def push(self, picture: Pushable, pts: float | None = None, captured_at: float | None = None) -> bool:
        """Leave a picture.

        Args:
            picture: JPEG, PNG or WebP, decoded later; or uint8 RGB (H, W, 3) or a decoded frame, not to be
                changed any more.
            pts: seconds on the producer's clock; None counts its arrival.
            captured_at: ``time.monotonic()`` at which it was captured; None takes now.

        Returns:
            False where it was refused: no session wants it, no credit was left, or it is too large.
        """
        size = _size(picture)
        stamp = None if pts is None else Fraction(round(pts * 1_000_000), 1_000_000)
        with self._changed:
            if not self.wanted or not self._credit or size > LARGEST:
                return False
            self._credit -= 1
            self._silence = ""
            self._pictures.append(
                Pushed(picture, stamp, time.monotonic() if captured_at is None else captured_at)
            )
            self._changed.notify_all()
        return True

    def hear(self, sound: av.AudioFrame, moment: float) -> None:
        """Leave sound; it needs no credit, and where no session wants it, it is gone.

        Args:
            sound: a time of its own does not count.
            moment: ``time.monotonic()`` at which it was heard.
        """
        sound.pts = None
        with self._changed:
            if self.wanted and self._on_sound is not None:
                self._on_sound(sound, moment)

    def listen(self, on_credit: OnCredit) -> Callable[[], None]:
        """Be told how many more pictures may be sent: at once, and whenever one was taken.

        Args:
            on_credit: called from any thread; must not block. Replaces an earlier listener, whose
                unused credit is void.

        Returns:
            A function that ends the listening; the last picture is held then.
        """
        with self._changed:
            self._listener = on_credit
            self._credit = CREDIT - len(self._pictures) if self.wanted else 0
            credit = self._credit
        if credit:
            on_credit(credit)

        def leave() -> None:
            with self._changed:
                if self._listener is not on_credit:
                    return
                self._listener = None
                self._credit = 0
                self._silence = "the page that sends it is gone"

        return leave

    def pause(self, reason: str = "") -> None:
        """The producer is there but sends nothing."""
        with self._changed:
            self._silence = reason or "the page sends nothing"

    def leave(self, reason: str = "") -> None:
        """The producer is gone; the last picture is held."""
        with self._changed:
            self._silence = reason or "the page that sends it is gone"

    @property
    def silence(self) -> str:
        """Why nothing comes, or empty."""
        with self._changed:
            return self._silence

    def open(self, on_sound: OnSound | None = None) -> None:
        """A session wants pictures from now on, and sound where it says so; that comes on any thread."""
        with self._changed:
            self._pictures.clear()
            self._on_sound = on_sound
            self.wanted = True
            self._credit = CREDIT if self._listener else 0
            listener, credit = self._listener, self._credit
        if listener is not None:
            listener(credit)

    def close(self) -> None:
        """The session is over."""
        with self._changed:
            self.wanted = False
            self._on_sound = None
            self._credit = 0
            self._pictures.clear()
            self._changed.notify_all()

    def take(self, timeout: float) -> Pushed | None:
        """The next picture, and credit for another one; None when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._pictures or not self.wanted, timeout)
            if not self._pictures:
                return None
            picture = self._pictures.popleft()
            listener = self._listener
            self._credit += listener is not None
        if listener is not None:
            listener(1)
        return picture


def _size(picture: Pushable) -> int:
    """Bytes of an encoded picture, pixels of another."""
    if isinstance(picture, bytes):
        return len(picture)
    if isinstance(picture, np.ndarray):
        return picture.nbytes // 3
    return picture.width * picture.height
