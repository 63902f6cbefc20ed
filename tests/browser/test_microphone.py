"""What this computer's microphone hears moves a number; Chromium's stand-in for one beeps once a second."""

from __future__ import annotations

import pytest
from beat_clips import flash_and_beep
from canvas import RUN_MS, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

LABEL = """pattern => new RegExp(pattern).test(window.app.graph.nodes
    .find(({ type }) => type === "StreamDenoise").widgets.find(({ name }) => name === "strength").label)"""


def test_this_computers_microphone_moves_a_number(
    chromium_with_camera: object, server: ComfyServer, checkpoint: str
) -> None:
    flash_and_beep(server.input / CLIP, [], seconds=60.0, fps=24, size=(192, 112))
    with open_canvas(chromium_with_camera, server.url) as canvas:
        canvas.load_template("restyle_a_video", CLIP)
        canvas.page.evaluate(
            """kept => {
                const node = window.app.graph.nodes.find(({ type }) => type === "StreamDenoise");
                node.properties.livestyle_modulators = { strength: kept };
            }""",
            {"on": True, "signal": "level", "offset": 0.0, "depth": 1.0, "ear": "microphone"},
        )
        canvas.run()
        for pattern in (r"\u223f 0\.0", r"\u223f (0\.[3-9]|1)", r"\u223f 0\.0"):
            canvas.page.wait_for_function(LABEL, arg=pattern, timeout=RUN_MS)
        canvas.page.keyboard.press("Shift+S")
