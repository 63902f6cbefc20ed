"""Waits for a session on the host's thread, so that Cancel and progress work as for everything else there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from .preview import PreviewHub
from .session import StreamSession

TICK_S = 0.1
PICTURE_S = 0.5


class Display(Protocol):
    """What the host itself shows of a node that runs."""

    def bar(self, done: int, total: int, picture: np.ndarray | None = None) -> None:
        """Show ``done`` of ``total`` frames, and a picture: uint8 RGB (H, W, 3)."""

    def text(self, line: str) -> None:
        """Show a line."""


def pump(session: StreamSession, display: Display, check_interrupt: Callable[[], None]) -> None:
    """Start a session and wait until it is over.

    Args:
        session: opened, not started.
        display: told of the progress; may raise what ``check_interrupt`` raises.
        check_interrupt: raises when the host cancels; the session is cancelled then,
            and closes its files while the exception is on its way.

    Raises:
        LiveStyleError: what ended the session, if it was an error.
    """
    session.start()
    pictures, said = Pictures(session.preview), ""
    try:
        while not session.wait(TICK_S):
            check_interrupt()
            progress = session.progress
            display.bar(progress.done, progress.total or progress.done + 1, pictures.next())
            if not session.preview.on_canvas:  # where the page has a line of its own for it
                said = _say_news(session, display, said)
    except BaseException:
        session.cancel()
        raise
    if session.error is not None:
        raise session.error
    done = session.progress.done
    display.bar(done, max(done, 1))
    _say_news(session, display, said)  # some notes come with the last frame


def _say_news(session: StreamSession, display: Display, said: str) -> str:
    """Show what sources and targets have to say, once; progress itself is on the bar."""
    notes = "\n".join(session.notes)
    if notes and notes != said:
        display.text(notes)
    return notes or said


class Pictures:
    """What App mode and other clients see of a run: two pictures a second.

    Where a page shows every picture on the node there are none, else it would have two.
    """

    def __init__(self, preview: PreviewHub) -> None:
        self._preview = preview
        self._due = 0.0
        self._last: object = None

    def next(self) -> np.ndarray | None:
        """A picture, uint8 RGB (H, W, 3); None where it isn't time yet, and where nothing is new."""
        now = time.monotonic()
        frame = self._preview.latest()
        if frame is None or frame is self._last or now < self._due or self._preview.on_canvas:
            return None
        self._due, self._last = now + PICTURE_S, frame
        return frame.pixels[0]
