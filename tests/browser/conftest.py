"""Headless Chromium on the real front end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from sample_clips import write_camera_clip

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


CAMERA_FLAGS = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@contextmanager
def _launched(flags: list[str]) -> Iterator[object]:
    sync_api = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not program:
        pytest.skip("there is no Chromium; 'apt-get install chromium' brings one")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """A running Chromium; closed with its module, because its event loop would outlive it otherwise."""
    with _launched(FLAGS) as browser:
        yield browser


@pytest.fixture(scope="module")
def chromium_with_camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The same, with a camera that plays a real clip over and over."""
    clip = write_camera_clip(tmp_path_factory.mktemp("camera") / "camera.mjpeg")
    with _launched([*FLAGS, *CAMERA_FLAGS, f"--use-file-for-fake-video-capture={clip}"]) as browser:
        yield browser


@pytest.fixture(params=["classic", "vue"])
def renderer(request: pytest.FixtureRequest, server: ComfyServer) -> Iterator[str]:
    """Which of ComfyUI's two node renderers the page uses; the classic one where a test does not ask."""
    client, setting = ComfyClient(server.url), "Comfy.VueNodes.Enabled"
    client.request("/settings", {setting: request.param == "vue", "Comfy.TutorialCompleted": True})
    yield request.param
    client.request("/settings", {setting: False})
