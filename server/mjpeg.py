"""A node's picture as a Motion JPEG stream, which browsers, OBS and players understand alike."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import aclosing

from aiohttp import web

from .preview_feed import SessionOf, pictures

BOUNDARY = b"livestyle-frame"
SLOWEST_S = 30.0
"""A viewer that has not taken a picture for so long is disconnected."""


async def serve_mjpeg(request: web.Request, session_of: SessionOf) -> web.StreamResponse:
    """Send pictures until the viewer leaves."""
    response = web.StreamResponse(
        headers={
            "Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY.decode()}",
            "Cache-Control": "no-store",
        }
    )
    await response.prepare(request)
    with contextlib.suppress(ConnectionError, TimeoutError):
        await response.write(b"--" + BOUNDARY + b"\r\n")
        async with aclosing(pictures(session_of)) as shown:
            async for picture in shown:
                await asyncio.wait_for(response.write(_part(picture.jpeg)), SLOWEST_S)
    return response


def _part(jpeg: bytes) -> bytes:
    # Browsers show a part when the next one begins, so its boundary is sent along.
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
    return head + jpeg + b"\r\n--" + BOUNDARY + b"\r\n"
