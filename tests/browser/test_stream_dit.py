"""Endless text to video on the canvas: from the template browser, with a change of prompt, to Stop."""

from __future__ import annotations

import pytest
from canvas import RUN_MS, open_canvas
from comfy_server import ComfyServer

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone


def test_the_prompt_changes_while_the_film_goes_on(chromium: object, server: ComfyServer) -> None:
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("endless_text_to_video")
        (load,), (encode,) = canvas.nodes("LoadStreamModel"), canvas.nodes("MLLMEncode")
        assert load["widgets"]["checkpoint"] == "demo: stream-dit"
        stage, page = canvas.stage(), canvas.page
        canvas.play(stage)
        canvas.set_widget(encode["id"], "prompt", "a blue cross moves left over polka dots")
        answer = page.locator(".livestyle-status", has_text="Instruction: applied")
        answer.wait_for(state="attached", timeout=RUN_MS)  # the node may lie outside the page
        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["width"] == 128
