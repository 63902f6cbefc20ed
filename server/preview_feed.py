"""A node's pictures, from Run to Run, for one viewer.

The next picture is made when the last one was taken, so a slow viewer gets fewer and nothing piles up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import cv2
import numpy as np

from ..engine.runtime.preview_picture import PreviewWish
from ..engine.runtime.session import StreamSession

WISH = PreviewWish(longest_side=4096, quality=90)
TICK_S = 0.1
REPEAT_S = 1.0
"""How often the last picture comes again while nothing new does: shows who has hung up."""

SessionOf = Callable[[], StreamSession | None]
"""Gives the node's running session, or None."""


@dataclass(frozen=True)
class Shown:
    """A picture to show.

    Attributes:
        jpeg: the picture.
        session: whose it is; None for black, and one that is shown again.
        pts: its time, seconds since the stream's start.
    """

    jpeg: bytes
    session: StreamSession | None = None
    pts: float = 0.0


async def pictures(session_of: SessionOf) -> AsyncGenerator[Shown, None]:
    """Without end: black before the first Run, the last one again while nothing comes."""
    last, due = _black(), 0.0
    async with aclosing(_new_pictures(session_of)) as fresh:
        async for picture in fresh:
            if picture is None and time.monotonic() < due:
                continue
            last = last if picture is None else picture.jpeg
            yield picture or Shown(last)
            due = time.monotonic() + REPEAT_S  # it has been taken now


async def _new_pictures(session_of: SessionOf) -> AsyncGenerator[Shown | None, None]:
    """What is shown, as it comes; None now and then while nothing does."""
    while True:
        session = session_of()
        if session is not None:
            async with aclosing(_played(session)) as played:
                async for picture in played:
                    yield picture
        yield None
        await asyncio.sleep(TICK_S)


async def _played(session: StreamSession) -> AsyncGenerator[Shown | None, None]:
    """One session, to its end."""
    loop, wake = asyncio.get_running_loop(), asyncio.Event()

    def on_ready() -> None:
        with contextlib.suppress(RuntimeError):  # the server is shutting down
            loop.call_soon_threadsafe(wake.set)

    viewer = session.preview.subscribe(WISH, on_ready=on_ready)
    try:
        viewer.grant()
        while not session.wait(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), TICK_S)
            wake.clear()
            frame = viewer.take()
            yield None if frame is None else Shown(frame.jpeg, session, frame.pts)
            if frame is not None:
                viewer.grant()
    finally:
        viewer.close()


def _black() -> bytes:
    """What is shown before the first Run."""
    _, encoded = cv2.imencode(".jpg", np.zeros((90, 160, 3), np.uint8))
    return encoded.tobytes()
