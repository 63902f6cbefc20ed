"""WebRTC between a real Chromium and the pack: the camera in, the picture out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from canvas import RUN_MS, Canvas, open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

TRANSPORT = "livestyle.camera.transport"


@pytest.fixture
def over_webrtc(server: ComfyServer) -> Iterator[None]:
    """The artist's setting, for this test only."""
    client = ComfyClient(server.url)
    client.request("/settings", {TRANSPORT: "WebRTC", "Comfy.TutorialCompleted": True})
    yield
    client.request("/settings", {TRANSPORT: "websocket"})


def _pixels(page: object, selector: str, width: int, height: int) -> np.ndarray:
    """What a canvas or video shows, uint8 (H, W, 3)."""
    data = page.eval_on_selector(
        selector,
        """(shown, [width, height]) => {
            const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d");
            context.drawImage(shown, 0, 0, width, height);
            return [...context.getImageData(0, 0, width, height).data];
        }""",
        [width, height],
    )
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


def _play(canvas: Canvas) -> tuple[str, int]:
    """Run the webcam template; a selector of the stage, and the id of the node that writes."""
    canvas.load_template("webcam_restyle")
    canvas.make_small()
    (writer,) = (node["id"] for node in canvas.nodes("FrameStreamIO") if "frames" in node["links"])
    canvas.run()
    return canvas.stage(), writer


def test_camera_in_and_picture_out(
    chromium_with_camera: object, server: ComfyServer, checkpoint: str, over_webrtc: None
) -> None:
    with open_canvas(chromium_with_camera, server.url) as canvas:
        offers: list[str] = []
        canvas.page.on("request", lambda request: offers.append(request.url))
        stage, writer = _play(canvas)
        canvas.page.wait_for_selector(f"{stage} canvas[data-frame]", state="attached", timeout=RUN_MS)
        assert any(url.endswith("/webrtc") for url in offers)
        shown = _pixels(canvas.page, f"{stage} canvas", 128, 96)
        assert shown.std() > 10

        tab = canvas.page.evaluate("sessionStorage.getItem('clientId')")
        answer = ComfyClient(server.url).request(
            f"/livestyle/watch?node={writer}&client={tab}", headers={"X-LiveStyle": "1"}
        )
        watcher = canvas.page.context.new_page()
        watcher.goto(f"{server.url}{answer['path']}/webrtc")
        watcher.wait_for_function(
            """() => {
                const { videoWidth, currentTime } = document.querySelector("video");
                return videoWidth === 128 && currentTime > 1;
            }""",
            timeout=RUN_MS,
        )
        watched = _pixels(watcher, "video", 128, 96)
        # A clip plays over and over: the same scene, though not the same frame.
        assert watched.std() > 10 and np.abs(watched.mean((0, 1)) - shown.mean((0, 1))).max() < 40
        watcher.close()

        canvas.page.locator(f"{stage} .livestyle-stop").dispatch_event("click")
        assert canvas.await_result(stage)["width"] == 128
