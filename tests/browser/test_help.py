"""Every node's help opens as a page, not as Markdown, and its pictures are there."""

from __future__ import annotations

import pytest
from comfy_fixtures import FOLDER
from comfy_server import ComfyServer
from graphs import ROOT


@pytest.mark.parametrize("node", sorted(file.stem for file in (ROOT / "web" / "docs").glob("*.md")))
def test_help_is_a_page(chromium: object, server: ComfyServer, node: str) -> None:
    page = chromium.new_page()
    page.goto(f"{server.url}/extensions/{FOLDER}/pages/help.html?node={node}")
    page.wait_for_selector("h1")
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
    shown = page.inner_text("main")
    assert page.locator("table").count() > 0
    assert not any(mark in shown for mark in ("**", "|---", "](", "\n#"))
    page.close()
