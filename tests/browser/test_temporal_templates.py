"""The templates of the temporal adapter, from the template browser to the result."""

from __future__ import annotations

import pytest
from canvas import RUN_MS, Canvas, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP
from sample_clips import make_clip

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

SIZE = {"width": 128, "height": 96}


def shrink(canvas: Canvas, adapter: str) -> None:
    """A small picture, and an adapter that is there before the demo's own is."""
    for node in canvas.nodes("StreamDenoise"):
        for name, value in SIZE.items():
            canvas.set_widget(node["id"], name, value)
    for node in canvas.nodes("TemporalLLLite"):
        canvas.set_widget(node["id"], "adapter", adapter)


@pytest.mark.parametrize(
    ("template", "width"),
    [("restyle_with_temporal_adapter", 128), ("compare_with_and_without_adapter", 256)],
)
def test_an_adapter_runs_and_its_multiplier_is_live(
    chromium: object, server: ComfyServer, checkpoint: str, adapter: str, template: str, width: int
) -> None:
    make_clip(server.input / CLIP, frames=60 * 24, size=(192, 112))
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(template, CLIP)
        shrink(canvas, adapter)
        stage, page = canvas.stage(), canvas.page
        canvas.run()
        page.wait_for_selector(f"{stage} canvas[data-frame]", timeout=RUN_MS)
        (lite,) = canvas.nodes("TemporalLLLite")
        canvas.set_widget(lite["id"], "multiplier", 0.25)
        answer = page.locator(".livestyle-status", has_text="Steadiness: applied")
        answer.wait_for(state="attached", timeout=RUN_MS)  # the node may lie outside the page
        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["width"] == width
