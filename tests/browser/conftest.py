"""Headless Chromium on the real front end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer

# Without the last four Chromium keeps trying to reach its maker.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """A running Chromium; closed with its module, because its event loop would outlive it otherwise."""
    sync_api = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not program:
        pytest.skip("there is no Chromium; 'apt-get install chromium' brings one")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["classic", "vue"])
def renderer(request: pytest.FixtureRequest, server: ComfyServer) -> str:
    """Which of ComfyUI's two node renderers the page uses."""
    settings = {"Comfy.VueNodes.Enabled": request.param == "vue", "Comfy.TutorialCompleted": True}
    ComfyClient(server.url).request("/settings", settings)
    return request.param
