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
PAGE_S = 10.0
"""How long a page may take to say whether it shows the pictures itself; a busy one takes seconds."""


class Display(Protocol):
    """What the host itself shows of a node that runs."""

    def bar(self, done: int, total: int, picture: np.ndarray | None = None) -> None:
        """Show ``done`` of ``total`` frames, and a picture: uint8 RGB (H, W, 3)."""

    def text(self, line: str) -> None:
        """Show a line."""


def pump(
    session: StreamSession,
    display: Display,
    check_interrupt: Callable[[], None],
    *,
    by_page: bool = False,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Start a session and wait until it is over.

    Args:
        session: opened, not started.
        display: told of the progress; may raise what ``check_interrupt`` raises.
        check_interrupt: raises when the host cancels; the session is cancelled then,
            and closes its files while the exception is on its way.
        by_page: a page queued it that will ask for pictures of its own.
        until: whether it may be left to play on.

    Raises:
        LiveStyleError: what ended the session, if it was an error.
    """
    session.start()
    pictures, said = Pictures(session.preview, PAGE_S if by_page else 0.0), ""
    try:
        while not session.wait(TICK_S):
            if until():
                return
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

    Args:
        preview: of the session.
        patience: seconds from the first frame in which a viewer may still say what it wants.
    """

    def __init__(self, preview: PreviewHub, patience: float = 0.0) -> None:
        self._preview = preview
        self._patience = patience
        self._due: float | None = None
        self._last: object = None

    def next(self) -> np.ndarray | None:
        """A picture, uint8 RGB (H, W, 3); None where it isn't time yet, and where nothing is new."""
        now, frame, on_canvas = time.monotonic(), self._preview.latest(), self._preview.on_canvas
        if frame is None or frame is self._last or on_canvas:
            return None
        if self._due is None:
            self._due = now + self._patience
        asked_for = self._last is None and on_canvas is False
        if now < self._due and not asked_for:
            return None
        self._due, self._last = now + PICTURE_S, frame
        return frame.pixels[0]
