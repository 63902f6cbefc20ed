"""An artist's first minute on the newest front end of PyPI; other tests have the one that ComfyUI pins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from canvas import LONG_S, RUN_MS, long_clip, open_canvas
from comfy_client import ComfyClient
from comfy_fixtures import StartServer, newest_front_end
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone


@pytest.fixture(scope="module")
def newest(start_server: StartServer) -> Iterator[ComfyServer]:
    """A ComfyUI that serves the newest front end."""
    server = start_server("--front-end-root", str(newest_front_end()))
    yield server
    server.stop()


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "vue"])
def test_template_run_live_change_and_stop(chromium: object, newest: ComfyServer, vue: bool) -> None:
    settings = {"Comfy.VueNodes.Enabled": vue, "Comfy.TutorialCompleted": True}
    ComfyClient(newest.url).request("/settings", settings)
    long_clip(newest)
    with open_canvas(chromium, newest.url) as canvas:
        canvas.load_template("restyle_a_video", CLIP)
        stage, page = canvas.stage(), canvas.page
        canvas.play(stage)

        (encoder,) = canvas.nodes("MLLMEncode")
        canvas.set_widget(encoder["id"], "prompt", "a pencil sketch")
        page.locator(".livestyle-status[data-mood=done]").first.wait_for(timeout=RUN_MS)

        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["seconds"] < LONG_S
