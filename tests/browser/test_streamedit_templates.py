"""The templates of StreamEdit-DiT, from the template browser to the result, with the window on the node."""

from __future__ import annotations

import pytest
from canvas import RUN_MS, open_canvas
from comfy_server import ComfyServer
from graphs import READ, default_workflow
from sample_clips import make_clip

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone


@pytest.mark.parametrize("template", ["instructed_editing", "adaptive_window_explained"])
def test_the_window_is_shown_and_the_instruction_is_live(
    chromium: object, server: ComfyServer, template: str
) -> None:
    make_clip(server.input / default_workflow()[READ]["inputs"]["file"], frames=60 * 24, size=(192, 112))
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(template)
        (model,) = canvas.nodes("LoadStreamModel")
        assert model["widgets"]["checkpoint"] == "demo: streamedit-dit"
        (denoise,) = canvas.nodes("StreamDenoise")
        for name, value in {"width": 128, "height": 96}.items():
            canvas.set_widget(denoise["id"], name, value)
        stage, page = canvas.stage(), canvas.page
        canvas.run()
        window = page.locator(f"{stage} [data-meter='window-{denoise['id']}']")
        window.wait_for(state="attached", timeout=RUN_MS)
        assert window.text_content() in ("window 4", "window 8", "window 16")
        playing = canvas.nodes("MLLMEncode")[0]
        canvas.set_widget(playing["id"], "prompt", "a watercolour")
        answer = page.locator(".livestyle-status", has_text="prompt: applied")
        answer.wait_for(state="attached", timeout=RUN_MS)  # the node may lie outside the page
        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["width"] == 128
