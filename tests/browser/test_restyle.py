"""An artist's first minute: template, Run, watch, change the prompt, Stop, watch the result."""

from __future__ import annotations

import pytest
from canvas import LONG_S, RUN_MS, long_clip, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP
from sample_clips import make_clip

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

TEMPLATE = "restyle_a_video"

NOT_CLIPPED = """line => {
    const box = line.getBoundingClientRect(), room = line.parentElement.getBoundingClientRect();
    const whole = line.clientHeight >= 16 && line.scrollHeight <= line.clientHeight;
    return whole && box.top >= room.top - 1 && box.bottom <= room.bottom + 1;
}"""


def test_template_run_progress_and_result(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    make_clip(server.input / CLIP, frames=48, size=(192, 112))
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(TEMPLATE, CLIP)
        stage = canvas.stage()
        canvas.run()
        meters = f"{stage} .livestyle-meters"
        canvas.page.wait_for_function(
            "selector => /[0-9]+\\/48/.test(document.querySelector(selector)?.textContent)",
            arg=meters,
            timeout=RUN_MS,
        )
        result = canvas.await_result(stage)
        assert result["seconds"] == 2.0
        assert result["width"] > 0 and result["height"] > 0 and result["shown"] > 40


def test_live_prompt_preview_and_stop(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(TEMPLATE, CLIP)
        stage, page = canvas.stage(), canvas.page
        canvas.play(stage)

        page.locator("textarea:visible").first.fill("a pencil sketch")
        (encoder,) = canvas.nodes("MLLMEncode")
        assert encoder["widgets"]["prompt"] == "a pencil sketch"
        status = page.locator(".livestyle-status", has_text="Instruction: applied")
        status.wait_for(timeout=RUN_MS)
        assert status.get_attribute("data-mood") == "done"
        assert status.evaluate(NOT_CLIPPED)

        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["seconds"] < LONG_S
