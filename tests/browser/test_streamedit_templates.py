"""The templates of StreamEdit-DiT, from the template browser to the result, with the window on the node."""

from __future__ import annotations

import re

import pytest
from canvas import HEARD, LISTEN, RUN_MS, long_clip, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP
from two_scenes import make_two_scenes

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone


@pytest.mark.parametrize("template", ["instructed_editing", "adaptive_window_explained"])
def test_the_window_is_shown_and_the_instruction_is_live(
    chromium: object, server: ComfyServer, template: str
) -> None:
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(template, CLIP)
        (model,) = canvas.nodes("LoadStreamModel")
        assert model["widgets"]["checkpoint"] == "demo: streamedit-dit"
        (denoise,) = canvas.nodes("StreamDenoise")
        canvas.make_small()
        stage, page = canvas.stage(), canvas.page
        canvas.run()
        window = page.locator(f"{stage} [data-meter='window-{denoise['id']}']")
        window.wait_for(state="attached", timeout=RUN_MS)
        assert re.fullmatch(r"window (\d+ of )?(4|8|16)", window.text_content())
        assert "look" in window.get_attribute("title")
        playing = canvas.nodes("MLLMEncode")[0]
        canvas.set_widget(playing["id"], "prompt", "a watercolour")
        answer = page.locator(".livestyle-status", has_text="Instruction: applied")
        answer.wait_for(state="attached", timeout=RUN_MS)  # the node may lie outside the page
        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["width"] == 128


def test_a_cut_switches_the_instruction(chromium: object, server: ComfyServer) -> None:
    make_two_scenes(server.input / CLIP, 10 * 24, 50 * 24)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("adaptive_window_explained", CLIP)
        (denoise,) = canvas.nodes("StreamDenoise")
        canvas.make_small()
        (switch,) = canvas.nodes("KVCacheStyleSwitch")
        stage, page = canvas.stage(), canvas.page
        page.evaluate(LISTEN, canvas.view(switch["id"], "status"))
        canvas.run()
        page.wait_for_function(HEARD, arg="Style that plays: 2 \u00b7 scheduled", timeout=RUN_MS)
        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["width"] == 128
