"""The templates of the temporal adapter, from the template browser to the result."""

from __future__ import annotations

import pytest
from canvas import RUN_MS, Canvas, long_clip, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone


def shrink(canvas: Canvas, adapter: str) -> None:
    """A small picture, and an adapter that is there before the demo's own is."""
    canvas.make_small()
    for node in canvas.nodes("TemporalLLLite"):
        canvas.set_widget(node["id"], "adapter", adapter)


@pytest.mark.parametrize(
    ("template", "width"),
    [("restyle_with_temporal_adapter", 128), ("compare_with_and_without_adapter", 256)],
)
def test_an_adapter_runs_and_its_multiplier_is_live(
    chromium: object, server: ComfyServer, checkpoint: str, adapter: str, template: str, width: int
) -> None:
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(template, CLIP)
        shrink(canvas, adapter)
        stage, page = canvas.stage(), canvas.page
        canvas.play(stage)
        (lite,) = canvas.nodes("TemporalLLLite")
        canvas.set_widget(lite["id"], "multiplier", 0.25)
        answer = page.locator(".livestyle-status", has_text="Steadiness: applied")
        answer.wait_for(state="attached", timeout=RUN_MS)  # the node may lie outside the page
        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["width"] == width
