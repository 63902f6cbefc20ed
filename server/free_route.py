"""What ComfyUI's ``POST /free`` frees of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

ROUTES = ("/free", "/api/free")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def after_free(release: Callable[[], None]) -> Any:
    """A middleware that calls ``release`` on a thread of its own after ``POST /free``, before the answer.

    That is what "Unload models" in ComfyUI's menu sends. Of what it may ask for, models and caches, ComfyUI
    knows none of ours: what ``release`` lets go of is loaded again when it is needed.
    """

    @web.middleware
    async def free_ours(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if request.method == "POST" and request.path in ROUTES and response.status == 200:
            await asyncio.to_thread(release)
        return response

    return free_ours
