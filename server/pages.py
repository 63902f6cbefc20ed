"""The pack's own pages, and their styles and scripts, from web/pages."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parents[1] / "web" / "pages"
CONTENT_TYPES = {".css": "text/css", ".json": "application/json", ".mjs": "text/javascript"}
NO_STORE = {"Cache-Control": "no-store"}


def page(name: str) -> web.Response:
    """A page, for a request that has been let in."""
    text = (FOLDER / f"{name}.html").read_text(encoding="utf-8")
    return web.Response(text=text, content_type="text/html", headers=NO_STORE)


async def page_asset(request: web.Request) -> web.Response:
    """A style, script or document of ours; the same for everyone."""
    known = {file.name: file for file in FOLDER.iterdir() if file.suffix in CONTENT_TYPES}
    file = known.get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound(text="There is no such file.")
    text = file.read_text(encoding="utf-8")
    return web.Response(
        text=text, content_type=CONTENT_TYPES[file.suffix], headers={"Cache-Control": "no-cache"}
    )
