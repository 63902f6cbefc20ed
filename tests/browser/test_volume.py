"""Mute on the node: whatever else holds the volume sees it, the widget follows, and the file is silent."""

from __future__ import annotations

import av
import numpy as np
import pytest
from canvas import RUN_MS, long_clip, open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

SHOWS = """([id, value]) =>
    window.app.graph.getNodeById(id).widgets.find(({ name }) => name === "volume").value === value"""


def test_mute_is_a_live_value_and_keeps_the_volume(
    chromium: object, server: ComfyServer, checkpoint: str
) -> None:
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("restyle_a_video", CLIP)
        canvas.make_small()
        stage, page = canvas.stage(), canvas.page
        (writer,) = (node["id"] for node in canvas.nodes("FrameStreamIO") if "frames" in node["links"])
        button = page.locator(f"{stage} .livestyle-mute")
        assert not button.is_visible()
        canvas.play(stage)
        assert button.get_attribute("aria-pressed") == "false"

        secret = page.evaluate("sessionStorage.getItem('livestyle.clientSecret')")
        headers, program = {"X-LiveStyle": "1", "X-LiveStyle-Client-Secret": secret}, ComfyClient(server.url)
        (session,) = program.request("/livestyle/sessions", headers=headers)["sessions"]
        live = f"/livestyle/sessions/{session['session']}/live"
        program.request(live, {"token": session["token"], "values": {f"{writer}.volume": 0.75}})
        page.wait_for_function(SHOWS, arg=[writer, 0.75], timeout=RUN_MS)
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        page.wait_for_function(SHOWS, arg=[writer, 0], timeout=RUN_MS)
        button.click()
        page.wait_for_function(SHOWS, arg=[writer, 0.75], timeout=RUN_MS)
        program.request(live, {"token": session["token"], "values": {f"{writer}.volume": 0}})
        page.locator(f"{stage} .livestyle-mute[aria-pressed=true]").wait_for()  # whoever muted it
        page.wait_for_timeout(1000)
        page.locator(f"{stage} .livestyle-preset-add").click()
        kept = page.evaluate("window.app.graph.serialize().extra.livestyle_presets[0].values")
        assert [key for key in kept if key.endswith(".volume")] == [f"{writer}.volume"]
        page.locator(f"{stage} .livestyle-stop").click()
        canvas.await_result(stage)

    newest = max((server.output / "livestyle").glob("*.mp4"), key=lambda path: path.stat().st_mtime)
    with av.open(str(newest)) as file:
        heard = np.concatenate([frame.to_ndarray().mean(0) for frame in file.decode(audio=0)])
    loud = np.abs(heard[: len(heard) // 480 * 480].reshape(-1, 480)).max(1)
    print(f"{len(loud) / 100:.2f} s, {np.mean(loud < 1e-3):.2f} of it silent")
    assert loud[5] == pytest.approx(0.3, rel=0.1) and loud[-3:].max() < 1e-3
