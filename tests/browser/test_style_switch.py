"""The style show as an artist plays it: template, Run, a style by hand, the schedule's own switches."""

from __future__ import annotations

import pytest
from canvas import HEARD, LISTEN, LONG_S, RUN_MS, long_clip, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

TEMPLATE = "style_switch_show"


def test_a_style_is_changed_by_hand_and_by_schedule(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(TEMPLATE, CLIP)
        stage, page = canvas.stage(), canvas.page
        (switch,) = canvas.nodes("KVCacheStyleSwitch")
        assert switch["links"] == ["style", "style_2", "style_3", "style_4"]
        canvas.make_small()
        page.evaluate(LISTEN, canvas.view(switch["id"], "status"))
        canvas.play(stage)

        canvas.set_widget(switch["id"], "active", 3)
        page.wait_for_function(HEARD, arg="Style that plays: applied", timeout=RUN_MS)
        page.wait_for_function(HEARD, arg="scheduled", timeout=RUN_MS)

        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["seconds"] < LONG_S
