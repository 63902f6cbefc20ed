"""A node's picture as a Motion JPEG stream, which browsers, OBS and players understand alike.

The stream goes on from Run to Run. A watcher gets its next picture when it has taken the last one,
so a slow one is sent fewer pictures and nothing piles up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import cv2
import numpy as np
from aiohttp import web

from ..engine.runtime.preview_picture import PreviewFrame, PreviewWish
from ..engine.runtime.session import StreamSession

BOUNDARY = b"livestyle-frame"
WISH = PreviewWish(longest_side=4096, quality=90)
TICK_S = 0.1
REPEAT_S = 1.0
"""How often the last picture is sent again while nothing new comes: shows who has hung up."""

SLOWEST_S = 30.0
"""A watcher that has not taken a picture for so long is let go."""

SessionOf = Callable[[], StreamSession | None]


async def serve_mjpeg(request: web.Request, session_of: SessionOf) -> web.StreamResponse:
    """Send pictures until the watcher leaves.

    Args:
        session_of: gives the node's running session, or None.
    """
    response = web.StreamResponse(
        headers={
            "Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY.decode()}",
            "Cache-Control": "no-store",
        }
    )
    await response.prepare(request)
    with contextlib.suppress(ConnectionError, TimeoutError):
        await response.write(b"--" + BOUNDARY + b"\r\n")
        await _Stream(response).run(session_of)
    return response


class _Stream:
    """The pictures of one connection."""

    def __init__(self, response: web.StreamResponse) -> None:
        self._response = response
        self._last = _black()
        self._repeat_due = 0.0

    async def run(self, session_of: SessionOf) -> None:
        while True:
            session = session_of()
            if session is not None:
                await self._play(session)
            await self._repeat()
            await asyncio.sleep(TICK_S)

    async def _play(self, session: StreamSession) -> None:
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
                if frame is None:
                    await self._repeat()
                    continue
                await self._send(frame)
                viewer.grant()
        finally:
            viewer.close()

    async def _repeat(self) -> None:
        if time.monotonic() >= self._repeat_due:
            await self._write(self._last)

    async def _send(self, frame: PreviewFrame) -> None:
        self._last = frame.jpeg
        await self._write(frame.jpeg)

    async def _write(self, jpeg: bytes) -> None:
        # Browsers show a part when the next one begins, so its boundary is sent along.
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
        part = head + jpeg + b"\r\n--" + BOUNDARY + b"\r\n"
        await asyncio.wait_for(self._response.write(part), SLOWEST_S)
        self._repeat_due = time.monotonic() + REPEAT_S


def _black() -> bytes:
    """What is shown before the first Run."""
    _, encoded = cv2.imencode(".jpg", np.zeros((90, 160, 3), np.uint8))
    return encoded.tobytes()
