"""The browser's camera as an artist uses it: watch, play, record, reload, stop."""

from __future__ import annotations

import re

import numpy as np
import pytest
from canvas import RUN_MS, Canvas, open_canvas
from comfy_server import ComfyServer
from graphs import play

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

TEMPLATE = "webcam_restyle"


class Show:
    """The template at work in a tab."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas, self.page = canvas, canvas.page
        readers = canvas.nodes("FrameStreamIO")
        (self.writer,) = (node["id"] for node in readers if "frames" in node["links"])
        (self.denoiser,) = (node["id"] for node in canvas.nodes("StreamDenoise"))
        self.stage = canvas.view(self.writer, "stage")

    def await_frame(self, past: int = -1) -> None:
        """Wait until a later frame is on the node."""
        self.page.wait_for_function(
            "([stage, past]) => Number(document.querySelector(`${stage} canvas`).dataset.frame ?? -1) > past",
            arg=[self.stage, past],
            timeout=RUN_MS,
        )

    def picture(self) -> tuple[int, np.ndarray]:
        """Number and pixels of the frame on the node, uint8 (H, W, 3)."""
        frame, width, height, pixels = self.page.eval_on_selector(
            f"{self.stage} canvas",
            """canvas => {
                const { width, height } = canvas;
                const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
                return [Number(canvas.dataset.frame), width, height, [...data]];
            }""",
        )
        return frame, np.array(pixels, np.uint8).reshape(height, width, 4)[..., :3]

    def halves(self) -> tuple[np.ndarray, np.ndarray]:
        """Source and result, where they are shown side by side."""
        _, pixels = self.picture()
        return np.hsplit(pixels.astype(int), 2)

    def press(self, name: str) -> None:
        """Press a button on the node."""
        self.page.locator(f"{self.stage} .livestyle-{name}").dispatch_event("click")

    def await_status(self, text: str) -> str:
        """Wait until the node says that something worked; the whole line."""
        line = f"{self.stage} .livestyle-status[data-mood=done]"
        said = self.page.wait_for_function(
            """([line, text]) => {
                const said = document.querySelector(line)?.textContent ?? "";
                return said.includes(text) && said;
            }""",
            arg=[line, text],
            timeout=RUN_MS,
        )
        return said.json_value()

    def change(self, node: int, name: str, value: object, view: str) -> None:
        """Change a live value and wait for a picture that was made with it; ``view`` shows the receipt."""
        line = self.canvas.view(node, view)
        status = line if view == "status" else f"{line} .livestyle-status"
        before = self.page.text_content(status)
        self.canvas.set_widget(node, name, value)
        said = self.page.wait_for_function(
            """([id, name, status, before]) => {
                const { widgets } = window.app.graph.getNodeById(id);
                const { label } = widgets.find((widget) => widget.name === name);
                const applied = `${label.slice(0, -2)}: applied`;  // its mark are the last two
                const { textContent, dataset } = document.querySelector(status);
                const news = textContent !== before && textContent.startsWith(applied);
                return news && dataset.mood === "done" && textContent;
            }""",
            arg=[node, name, status, before],
            timeout=RUN_MS,
        ).json_value()
        (frame,) = re.findall(r"frame (\d+)", said)
        self.await_frame(int(frame))


def _difference(show: Show) -> float:
    """How far the result is from its source now, in levels of 255."""
    source, result = show.halves()
    return float(np.abs(source - result).mean())


def _colour(show: Show) -> float:
    """How colourful the result is now: mean distance of the highest from the lowest channel."""
    return float(np.ptp(show.halves()[1], axis=2).mean())


def test_watch_play_record_reload_stop(
    chromium_with_camera: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    with open_canvas(chromium_with_camera, server.url) as canvas:
        canvas.load_template(TEMPLATE)
        show = Show(canvas)
        canvas.make_small()
        canvas.run()
        show.await_frame()
        number, picture = show.picture()
        latency = canvas.page.locator(f"{show.stage} [data-meter=latency]", has_text=re.compile(r"\d+ ms"))
        latency.wait_for(state="attached", timeout=RUN_MS)

        show.press("view")  # side by side
        canvas.page.wait_for_function(
            """stage => {
                const { width, height } = document.querySelector(`${stage} canvas`);
                return width > 2 * height;
            }""",
            arg=show.stage,
            timeout=RUN_MS,
        )
        restyled, colour = _difference(show), _colour(show)

        show.change(show.denoiser, "strength", 0.0, "status")
        plain = _difference(show)
        show.change(show.denoiser, "strength", 1.0, "status")

        (encoder,) = canvas.nodes("MLLMEncode")
        show.change(encoder["id"], "prompt", "a pencil sketch", "status")
        assert plain < restyled / 2
        assert _colour(show) < colour / 2  # a pencil has none

        show.press("snapshot")
        show.await_status("Saved snapshot_")

        show.press("record")
        name = show.await_status("Recorded ").split()[1]
        take = play(next(server.output.rglob(name)))
        assert len(take) > number
        # JPEG on the node, H.264 in the file, the engine's picture in both.
        assert np.abs(take.pixels[number].astype(int) - picture).mean() < 8
        show.press("record")

        canvas.page.reload()
        canvas.page.wait_for_function("window.app?.graph?.nodes?.length > 4", timeout=RUN_MS)
        show = Show(canvas)
        show.await_frame()
        show.await_frame(show.picture()[0] + 4)

        show.press("stop")
        canvas.page.wait_for_function(
            """stage => {
                const video = document.querySelector(`${stage} video`);
                return video && !video.hidden && video.currentTime > 0;
            }""",
            arg=show.stage,
            timeout=RUN_MS,
        )
