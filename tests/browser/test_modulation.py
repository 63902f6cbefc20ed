"""A number that moves by itself: switched on with the keyboard, seen on the widget, taken back by hand."""

from __future__ import annotations

from typing import Any

import pytest
from beat_clips import flash_and_beep
from canvas import RUN_MS, Canvas, open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

KEPT = "livestyle_modulators"
# Not a whole number of chunks apart: chunks must meet a beat at many moments of its fall.
BEATS = [number * 0.47 for number in range(1, 255)]

HEIGHT = "window.app.graph.nodes.find(({ type }) => type === 'StreamDenoise').size[1]"


def _kept(canvas: Canvas) -> dict[str, Any]:
    """What the workflow would be saved with."""
    nodes = canvas.page.evaluate("window.app.graph.serialize().nodes")
    (denoiser,) = (node for node in nodes if node["type"] == "StreamDenoise")
    return denoiser["properties"].get(KEPT, {}).get("strength", {})


def _await_label(canvas: Canvas, pattern: str) -> str:
    """What stands beside the widget, once it looks so."""
    label = """window.app.graph.nodes.find(({ type }) => type === "StreamDenoise")
        .widgets.find(({ name }) => name === "strength").label"""
    canvas.page.wait_for_function(
        f"pattern => new RegExp(pattern).test({label})", arg=pattern, timeout=RUN_MS
    )
    return canvas.page.evaluate(label)


def test_a_number_moves_by_itself_until_a_hand_takes_it(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    flash_and_beep(server.input / CLIP, BEATS, seconds=120.0, fps=24, size=(192, 112))
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("restyle_a_video", CLIP)
        page = canvas.page
        (denoiser,) = canvas.nodes("StreamDenoise")
        canvas.set_widget(denoiser["id"], "strength", 0.5)
        height = page.evaluate(HEIGHT)

        # with the keyboard alone, before anything plays
        toggle = page.locator(".livestyle-live:has(option[value=seed]) .livestyle-modulate")
        editor = page.locator(".livestyle-live:has(option[value=seed]) .livestyle-modulator")
        toggle.wait_for()
        toggle.focus()
        page.keyboard.press("Enter")
        editor.wait_for(state="visible")
        assert page.evaluate(HEIGHT) > height
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        _await_label(canvas, "\u223f$")
        kept = _kept(canvas)
        assert (kept["on"], kept["signal"], kept["offset"], kept["depth"]) == (True, "sine", 0.5, 0.25)

        canvas.play(canvas.stage())
        _await_label(canvas, r"\u223f 0\.[2-7]\d$")
        assert canvas.nodes("StreamDenoise")[0]["widgets"]["strength"] == 0.5, "the widget says what was set"
        (running,) = ComfyClient(server.url).request("/queue")["queue_running"]
        assert running[2][str(denoiser["id"])]["_meta"][KEPT]["strength"]["signal"] == "sine"

        # another signal while it plays: the clip's own sound
        editor.locator("select").nth(1).select_option("onset")
        for number, value in enumerate(("0", "1")):
            editor.locator("input[type=number]").nth(number).fill(value)
            page.keyboard.press("Enter")
        page.wait_for_function(
            """() => window.seen?.size > 2 || void ((window.seen ??= new Set()).add(
                document.querySelector(".livestyle-trace[title]")?.title))""",
            timeout=RUN_MS,
            polling=50,
        )

        # the hand has it
        canvas.set_widget(denoiser["id"], "strength", 0.75)
        _await_label(canvas, "[^\u223f0-9.]$")
        assert not editor.locator("input[type=checkbox]").is_checked()
        assert _kept(canvas)["on"] is False and _kept(canvas)["signal"] == "onset"
        page.keyboard.press("Shift+S")
