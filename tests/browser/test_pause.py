"""Pause on the canvas: the picture stands still, follows the widgets, and goes on by a step and at last."""

from __future__ import annotations

import pytest
from canvas import RUN_MS, long_clip, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

SHOWN = """stage => {
    const canvas = document.querySelector(stage + " canvas[data-frame]");
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return [Number(canvas.dataset.frame), pixels.reduce((sum, value) => sum + value, 0)];
}"""

STANDS = """([stage, of]) => new Promise((done) => {
    const frame = () => document.querySelector(stage + " canvas[data-frame]").dataset.frame;
    let last = frame(), since = performance.now();
    const look = () => {
        if (frame() !== last) [last, since] = [frame(), performance.now()];
        if (performance.now() - since > 3000 && last !== String(of)) done(Number(last));
        else setTimeout(look, 50);
    };
    look();
})"""


def test_a_picture_stands_still_and_follows_the_widgets(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("record_a_take_and_render_it_again", CLIP)
        page, stage = canvas.page, canvas.stage()
        (denoiser,) = canvas.nodes("StreamDenoise")
        canvas.make_small()
        canvas.set_widget(denoiser["id"], "strength", 1.0)
        canvas.play(stage)
        page.locator(f"{stage} .livestyle-pause").click()
        page.locator(f"{stage} .livestyle-step").wait_for()
        frame = page.evaluate(STANDS, [stage, -1])
        _, before = page.evaluate(SHOWN, stage)
        canvas.set_widget(denoiser["id"], "strength", 0.0)
        page.wait_for_function(
            f"([stage, before]) => Math.abs(({SHOWN})(stage)[1] - before) > 10000",
            arg=[stage, before],
            timeout=RUN_MS,
        )
        assert page.evaluate(STANDS, [stage, -1]) == frame
        page.keyboard.press("Shift+N")
        assert page.evaluate(STANDS, [stage, frame]) == frame + 4
        page.locator(f"{stage} .livestyle-pause").click()
        page.locator(f"{stage} .livestyle-step").wait_for(state="hidden")
        page.wait_for_function(
            f"([stage, frame]) => ({SHOWN})(stage)[0] > frame + 8", arg=[stage, frame], timeout=RUN_MS
        )
        page.locator(f"{stage} .livestyle-stop").click()
        canvas.await_result(stage)
