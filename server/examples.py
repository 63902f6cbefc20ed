"""The pack's own example media: their names in the nodes' lists, and their bytes for ComfyUI's previews."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parents[1] / "example_media"
PREFIX = "example: "
VIEWS = ("/view", "/api/view")
"""Where ComfyUI's front end asks for the picture or video that a list offers."""


def example_names(suffixes: Collection[str]) -> list[str]:
    """Names of the examples with one of these suffixes (``.mp4``), sorted, as the lists show them."""
    return sorted(PREFIX + file.stem for file in FOLDER.iterdir() if file.suffix in suffixes)


def example_path(name: str) -> Path | None:
    """The file of an example by the name that a list shows; None for every other name."""
    if not name.startswith(PREFIX):
        return None
    return next((file for file in FOLDER.iterdir() if PREFIX + file.stem == name), None)


@web.middleware
async def serve_examples(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer ComfyUI's ``/view`` for an example, which lies in none of the folders that it looks in."""
    if request.method == "GET" and request.path in VIEWS:
        path = example_path(request.query.get("filename", ""))
        if path is not None:
            return web.FileResponse(path)
    return await handler(request)
