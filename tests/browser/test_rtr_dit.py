"""The templates of causal video models as an artist opens them, and a style changed while one plays."""

from __future__ import annotations

import json

import pytest
from canvas import HEARD, LISTEN, LONG_S, RUN_MS, long_clip, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

PUBLIC = ("text_to_video_stream", "self_forcing_on_a_video")


def test_a_style_is_changed_in_a_running_session(
    chromium: object, server: ComfyServer, renderer: str
) -> None:
    name = "four_styles_on_a_timeline"
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(name, CLIP)
        stage, page = canvas.stage(), canvas.page
        (switch,) = canvas.nodes("KVCacheStyleSwitch")
        canvas.set_widget(switch["id"], "schedule", "")
        canvas.make_small()
        page.evaluate(LISTEN, canvas.view(switch["id"], "status"))
        canvas.play(stage)
        canvas.set_widget(switch["id"], "active", 3)  # the one with a picture
        page.wait_for_function(HEARD, arg="Style that plays: applied", timeout=RUN_MS)
        page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["seconds"] < LONG_S


def test_a_reference_picture_restyles(chromium: object, server: ComfyServer) -> None:
    name = "restyle_with_a_reference_image"
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(name, CLIP)
        stage = canvas.stage()
        assert canvas.nodes("MLLMEncode")[0]["widgets"]["reference"] == "example: starry night"
        canvas.make_small()
        canvas.play(stage)
        canvas.page.locator(f"{stage} .livestyle-stop").click()
        assert canvas.await_result(stage)["width"] == 128


@pytest.mark.parametrize("name", PUBLIC)
def test_a_template_for_public_files_opens_and_says_what_is_missing(
    chromium: object, server: ComfyServer, name: str
) -> None:
    """Nobody has these gigabytes in a test: ComfyUI's own list of missing files is what is asked for."""
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(name)
        (load,) = canvas.nodes("LoadStreamModel")
        (denoise,) = canvas.nodes("StreamDenoise")
        assert load["widgets"]["checkpoint"] == "Self-Forcing/self_forcing_dmd.pt"
        assert ("frames" in denoise["links"]) == (name == "self_forcing_on_a_video")
        assert denoise["widgets"]["steps"] == 4
        told = canvas.page.evaluate(
            """async () => {
                const { output } = await window.app.graphToPrompt();
                const answer = await window.app.api.fetchApi("/prompt", {
                    method: "POST", body: JSON.stringify({ prompt: output }),
                });
                return await answer.text();
            }"""
        )
        assert "umt5_xxl_fp8_e4m3fn_scaled.safetensors" in json.dumps(json.loads(told)["node_errors"])
