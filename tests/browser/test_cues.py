"""Cues on the canvas: pictures on presets, a list that is written and played, and what a prompt brings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from canvas import RUN_MS, long_clip, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP

from livestyle.server.preset_picture import picture_field

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

STRENGTH = """value => window.app.graph.nodes.find((node) => node.type === "StreamDenoise")
    .widgets.find(({ name }) => name === "strength").value === value"""

ROOM = """stage => {
    const room = document.querySelector(stage).getBoundingClientRect();
    return [...document.querySelectorAll(`${stage} .livestyle-bar`)]
        .filter((bar) => bar.checkVisibility())
        .every((bar) => bar.getBoundingClientRect().bottom <= room.bottom + 1);
}"""


def test_a_show_is_written_and_played(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("restyle_a_video", CLIP)
        stage, page = canvas.stage(), canvas.page
        (denoiser,) = canvas.nodes("StreamDenoise")
        canvas.make_small()
        canvas.play(stage)

        # presets have the picture of the moment
        for value in (1.0, 0.25, 0.5):
            canvas.set_widget(denoiser["id"], "strength", value)
            page.locator(f"{stage} .livestyle-preset-add").click()
        kept = page.evaluate("window.app.graph.serialize().extra.livestyle_presets")
        assert [picture_field(each["picture"]) for each in kept]
        pad = page.locator(f"{stage} .livestyle-preset").first
        assert pad.evaluate("pad => getComputedStyle(pad).backgroundImage").startswith('url("data:image/')

        # a list: by hand, then by itself after frames, then by hand
        page.locator(f"{stage} .livestyle-cue-toggle").click()
        for _ in range(3):
            page.locator(f"{stage} .livestyle-cue-add").click()
        rows = page.locator(f"{stage} .livestyle-cue")
        assert rows.count() == 3
        rows.nth(1).locator(".livestyle-cue-when").select_option("frames")
        after = rows.nth(1).locator(".livestyle-cue-after")
        after.fill("40")
        after.press("Enter")
        cues = page.evaluate("window.app.graph.serialize().extra.livestyle_cues.list")
        assert [(each["when"], each.get("after")) for each in cues] == [
            ("hand", None),
            ("frames", 40),
            ("hand", None),
        ]
        page.wait_for_function(ROOM, arg=stage)
        following = page.locator(f"{stage} .livestyle-cue-next")
        assert "Preset 1, by hand" in following.inner_text()
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("PageDown")
        page.wait_for_function(STRENGTH, arg=1.0, timeout=RUN_MS)
        page.locator(f"{stage} .livestyle-cue-next", has_text="frames").wait_for(timeout=RUN_MS)
        if os.environ.get("LIVESTYLE_SCREENSHOTS"):
            _shoot(page, stage, Path(os.environ["LIVESTYLE_SCREENSHOTS"]) / f"cues_{renderer}.png")
        page.wait_for_function(STRENGTH, arg=0.25, timeout=RUN_MS)
        assert page.locator(f"{stage} .livestyle-cue-now").inner_text() == "2 Preset 2"

        # go, back, hold
        page.locator(f"{stage} .livestyle-go").click()
        page.wait_for_function(STRENGTH, arg=0.5, timeout=RUN_MS)
        page.locator(f"{stage} .livestyle-hold").click()
        page.locator(f"{stage} .livestyle-hold[data-on='true']").wait_for()
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("PageUp")
        page.wait_for_function(STRENGTH, arg=0.25, timeout=RUN_MS)
        page.keyboard.press("PageUp")
        page.wait_for_function(STRENGTH, arg=1.0, timeout=RUN_MS)
        assert "held" in following.inner_text()

        # the prompt brings them, without their pictures
        with page.expect_request(lambda request: request.url.endswith("/prompt")) as asked:
            page.locator(f"{stage} .livestyle-stop").click()
            canvas.await_result(stage)
            canvas.run()
        (bank,) = (
            node["_meta"]["livestyle_presets"]
            for node in asked.value.post_data_json["prompt"].values()
            if "livestyle_presets" in node.get("_meta", {})
        )
        assert len(bank["cues"]["list"]) == 3 and "picture" not in bank["presets"][0]
        page.wait_for_selector(f"{stage} canvas[data-frame]", timeout=RUN_MS)
        page.locator(f"{stage} .livestyle-stop").click()
        canvas.await_result(stage)


def _shoot(page: Any, stage: str, path: Path) -> None:
    pad = page.locator(f"{stage} .livestyle-preset").nth(1)
    pad.hover()
    page.locator(stage).screenshot(path=path)
