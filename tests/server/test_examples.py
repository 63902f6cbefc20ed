"""The pack's examples are shown by ComfyUI's own previews, and nothing else is served beside them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from livestyle.server.examples import FOLDER, example_names, example_path, serve_examples


async def comfyui_answers(request: web.Request) -> web.Response:
    """Stands for ComfyUI's route."""
    return web.Response(text="ComfyUI")


def answer(path: str, filename: str) -> tuple[bytes, str]:
    """Body and type of what the server says to a question for a file."""

    async def ask() -> tuple[bytes, str]:
        app = web.Application(middlewares=[serve_examples])
        app.router.add_get("/{any:.*}", comfyui_answers)
        async with TestClient(TestServer(app)) as client:
            reply = await client.get(path, params={"filename": filename, "type": "input"})
            return await reply.read(), reply.content_type

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/view", "/api/view"])
def test_an_example_is_served_where_comfyui_looks_for_previews(path: str) -> None:
    assert answer(path, "example: flower") == ((FOLDER / "flower.mp4").read_bytes(), "video/mp4")


@pytest.mark.parametrize(
    ("path", "filename"),
    [
        ("/view", "flower.mp4"),
        ("/view", "example: no such"),
        ("/view", "example: ../README"),
        ("/view", "example: ../workflows/01 Restyle a video"),
        ("/upload/image", "example: flower"),
    ],
)
def test_everything_else_is_comfyuis(path: str, filename: str) -> None:
    assert answer(path, filename)[0] == b"ComfyUI"


def test_names_lead_to_files_in_the_pack() -> None:
    names = example_names({".mp4", ".jpg"})
    assert {"example: flower", "example: starry night", "example: the kiss"} <= set(names)
    for name in names:
        path = example_path(name)
        assert isinstance(path, Path) and path.parent == FOLDER and path.is_file()
