"""A and B with a crossfader, as an artist plays it: what the mix shows, a hand on it, a preset's fade."""

from __future__ import annotations

import pytest
from canvas import HEARD, LISTEN, RUN_MS, long_clip, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

MIX = "9"
SHOWN = """id => window.app.graph.getNodeById(Number(id)).widgets
    .filter((each) => !each.hidden && !each.name.includes("$$")).map((each) => each.name)"""
BALANCE = (
    """id => window.app.graph.getNodeById(Number(id)).widgets.find(({ name }) => name === "balance").value"""
)


def test_the_crossfader_is_played(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("a_and_b_with_a_crossfader", CLIP)
        stage, page = canvas.stage(), canvas.page
        (mix,) = [node for node in canvas.nodes("FrameStreamIO") if node["id"] == int(MIX)]
        assert mix["links"] == ["frames", "frames_b"]
        assert page.evaluate(SHOWN, MIX) == ["mode", "mix", "balance", "status"]
        canvas.set_widget(mix["id"], "mix", "picture in picture")
        inset = ["inset_x", "inset_y", "inset_size"]
        assert page.evaluate(SHOWN, MIX) == ["mode", "mix", "balance", *inset, "status"]
        canvas.set_widget(mix["id"], "mix", "crossfade")
        canvas.make_small()
        page.evaluate(LISTEN, canvas.view(mix["id"], "status"))
        canvas.play(stage)

        canvas.set_widget(mix["id"], "balance", 0.25)
        page.wait_for_function(HEARD, arg="applied", timeout=RUN_MS)
        page.locator(f"{stage} .livestyle-preset").nth(2).click()
        page.wait_for_function(f"id => ({BALANCE})(id) === 1", arg=MIX, timeout=RUN_MS)

        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["seconds"] < 60
