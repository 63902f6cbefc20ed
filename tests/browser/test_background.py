"""Background mode on the canvas: the page follows what plays, and lists what has no node on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from canvas import RUN_MS, Canvas, open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import CLIP
from sample_clips import make_clip

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

PLAYS = "stage => Number(document.querySelector(stage + ' canvas[data-frame]')?.dataset.frame ?? -1)"
PANEL = ".livestyle-background"


def sessions(url: str) -> list[dict[str, Any]]:
    return ComfyClient(url).request("/livestyle/sessions", headers={"X-LiveStyle": "1"})["sessions"]


def wait_until(canvas: Canvas, holds: Any) -> None:
    for _ in range(RUN_MS // 200):
        if holds():
            return
        canvas.page.wait_for_timeout(200)
    raise AssertionError("it never came")


def test_the_page_follows_what_plays_and_lists_what_it_does_not_show(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    folder = os.environ.get("LIVESTYLE_PICTURES")
    make_clip(server.input / CLIP, frames=24, size=(192, 112))
    with open_canvas(chromium, server.url) as canvas:
        page = canvas.page
        canvas.load_template("restyle_a_video", CLIP)
        writer = next(node for node in canvas.nodes("FrameStreamIO") if "frames" in node["links"])
        reader = next(node for node in canvas.nodes("FrameStreamIO") if "frames" not in node["links"])
        (denoiser,) = canvas.nodes("StreamDenoise")
        page.evaluate("id => app.graph.remove(app.graph.getNodeById(id))", reader["id"])  # it has no end then
        canvas.make_small()
        canvas.set_widget(denoiser["id"], "noise", "fresh")
        canvas.set_widget(denoiser["id"], "strength", 1.0)
        canvas.set_widget(writer["id"], "run_mode", "background")
        stage = canvas.stage()
        canvas.play(stage)
        wait_until(canvas, lambda: not ComfyClient(server.url).request("/queue")["queue_running"])
        canvas.play_on(stage, 1)
        page.locator(f"{stage} .livestyle-restart").wait_for()
        assert not page.locator(PANEL).is_visible()
        (playing,) = sessions(server.url)
        assert playing["background"] and playing["workflow"] == page.evaluate("app.graph.id")

        canvas.set_widget(denoiser["id"], "seed", 7)
        canvas.run()  # the same graph: nothing begins anew
        wait_until(canvas, lambda: len(ComfyClient(server.url).history()) >= 2)
        canvas.set_widget(denoiser["id"], "strength", 0.5)
        applied = page.locator(".livestyle-status", has_text="Style strength: applied")
        applied.wait_for(state="attached", timeout=RUN_MS)
        if folder and renderer == "classic":
            page.screenshot(path=Path(folder) / "background_playing.png")

        page.reload()
        page.wait_for_function("window.app?.graph?.nodes.some(({ type }) => type === 'StreamDenoise')")
        stage = canvas.stage()
        page.wait_for_selector(f"{stage} canvas[data-frame]", timeout=RUN_MS)
        canvas.play_on(stage, 1)
        (denoiser,) = canvas.nodes("StreamDenoise")
        assert (denoiser["widgets"]["seed"], denoiser["widgets"]["strength"]) == (7, 0.5)
        page.locator(f"{stage} .livestyle-meter[data-meter='fps']").wait_for()

        canvas.load_template("record_while_live", CLIP)
        page.locator(f"{PANEL} [data-session='{playing['session']}']").wait_for()
        assert page.evaluate(PLAYS, canvas.stage()) == -1  # though it may have nodes with the same ids
        if folder and renderer == "classic":
            page.screenshot(path=Path(folder) / "background_list.png")
        page.locator(f"{PANEL} .livestyle-stop").click()
        wait_until(canvas, lambda: not sessions(server.url))
        page.locator(PANEL).wait_for(state="hidden")
