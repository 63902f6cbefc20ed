"""A performer's page: presets by click and key, and widgets that follow OSC and other programs."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from canvas import RUN_MS, Canvas, long_clip, open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import CLIP
from pythonosc.udp_client import SimpleUDPClient

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

INSIDE = """row => {
    const box = row.getBoundingClientRect(), room = row.parentElement.getBoundingClientRect();
    return box.height >= 20 && box.top >= room.top - 1 && box.bottom <= room.bottom + 1;
}"""


MIDI = """() => {
    window.midi = {};
    navigator.requestMIDIAccess = async () => ({ inputs: new Map([["knobs", window.midi]]) });
}"""


def _strength(canvas: Canvas) -> float:
    (denoiser,) = canvas.nodes("StreamDenoise")
    return denoiser["widgets"]["strength"]


def _await_strength(canvas: Canvas, value: float, renderer: str) -> None:
    """Until the widget shows it, whoever wrote it; the classic renderer draws what it has."""
    if renderer == "vue":
        canvas.page.wait_for_function(
            """value => [...document.querySelectorAll("[data-node-id] input")]
                .some((input) => input.value === String(value))""",
            arg=value,
            timeout=RUN_MS,
        )
    canvas.page.wait_for_function(
        """value => window.app.graph.nodes.find((node) => node.type === "StreamDenoise")
            .widgets.find(({ name }) => name === "strength").value === value""",
        arg=value,
        timeout=RUN_MS,
    )


def _choose(canvas: Canvas, kind: str, entry: str) -> None:
    """Choose an entry of a node's menu."""
    canvas.page.evaluate(
        """([kind, entry]) => window.app.extensions.find(({ name }) => name === "livestyle")
            .getNodeMenuItems(window.app.graph.nodes.find((node) => node.type === kind))
            .find((each) => each?.content === entry).callback()""",
        [kind, entry],
    )


def _free_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _own(canvas: Canvas, server: ComfyServer) -> tuple[ComfyClient, dict[str, Any]]:
    """A program that was given the tab's secret, and the tab's session."""
    secret = canvas.page.evaluate("sessionStorage.getItem('livestyle.clientSecret')")
    program = ComfyClient(server.url)
    headers = {"X-LiveStyle": "1", "X-LiveStyle-Client-Secret": secret}
    (session,) = program.request("/livestyle/sessions", headers=headers)["sessions"]
    return program, session


def test_presets_and_controllers_move_the_widgets(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str, tmp_path: Path
) -> None:
    long_clip(server)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("restyle_a_video", CLIP)
        stage, page = canvas.stage(), canvas.page
        (denoiser,) = canvas.nodes("StreamDenoise")
        canvas.play(stage)

        # two presets, the second with a fade
        canvas.set_widget(denoiser["id"], "strength", 1.0)
        page.locator(f"{stage} .livestyle-preset-add").click()
        canvas.set_widget(denoiser["id"], "strength", 0.25)
        page.locator(f"{stage} .livestyle-fade").fill("0.5")
        page.locator(f"{stage} .livestyle-preset-add").click()
        assert page.locator(f"{stage} .livestyle-preset").count() == 2
        assert page.locator(f"{stage} .livestyle-presets").evaluate(INSIDE)

        page.locator(f"{stage} .livestyle-preset").first.click()
        _await_strength(canvas, 1.0, renderer)
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("2")
        _await_strength(canvas, 0.25, renderer)
        kept = page.evaluate("window.app.graph.serialize().extra.livestyle_presets")
        assert [(each["values"]["4.strength"], each["fade"]) for each in kept] == [(1.0, 0), (0.25, 0.5)]

        # another program, which knows the presets, too
        program, session = _own(canvas, server)
        live = f"/livestyle/sessions/{session['session']}/live"
        program.request(live, {"token": session["token"], "values": {"4.strength": 0.75}})
        _await_strength(canvas, 0.75, renderer)
        program.request(live, {"token": session["token"], "preset": 1})
        _await_strength(canvas, 1.0, renderer)

        # OSC, at the port in the settings
        port = _free_port()
        page.evaluate("port => window.app.extensionManager.setting.set('livestyle.osc.port', port)", port)
        client = SimpleUDPClient("127.0.0.1", port)
        for _ in range(RUN_MS // 200):
            client.send_message("/livestyle/restyle_live/strength", 0.5)
            page.wait_for_timeout(200)
            if _strength(canvas) == 0.5:
                break
        assert _strength(canvas) == 0.5
        with page.expect_popup() as popup:
            page.evaluate("window.open('/livestyle/osc/addresses', '_blank')")
        row = popup.value.locator("tr", has_text="/livestyle/restyle_live/strength")
        row.get_by_text("0.5", exact=True).wait_for()

        # a MIDI knob: no machine here has one, so the browser's own edge is played
        page.evaluate(MIDI)
        page.evaluate("window.app.extensionManager.setting.set('livestyle.controllers.on', true)")
        page.wait_for_function("() => Boolean(window.midi.onmidimessage)")
        _choose(canvas, "StreamDenoise", "Learn a MIDI control or gamepad for strength")
        for value in (10, 0, 127, 0):  # learned, taken over, moved
            page.evaluate("value => window.midi.onmidimessage({ data: [0xb0, 7, value] })", value)
        _await_strength(canvas, 0, renderer)
        for _ in range(RUN_MS // 100):
            listed = program.request(f"{live}?token={session['token']}")["controls"]
            if [each["value"] for each in listed if each["key"] == "4.strength"] == [0]:
                break
            page.wait_for_timeout(100)
        assert [each["value"] for each in listed if each["key"] == "4.strength"] == [0]

        # a file of presets is refused or taken as a whole
        taken = {
            "format": "livestyle-presets",
            "version": 1,
            "presets": [{"name": "Dawn", "values": {}, "fade": 0}],
        }
        for text, count in (("{", 2), (json.dumps({**taken, "version": 9}), 2), (json.dumps(taken), 1)):
            file = tmp_path / "presets.json"
            file.write_text(text)
            with page.expect_file_chooser() as chooser:
                _choose(canvas, "FrameStreamIO", "Import presets")
            chooser.value.set_files(file)
            page.wait_for_timeout(500)
            page.wait_for_function(
                "([row, count]) => document.querySelectorAll(row).length === count",
                arg=[f"{stage} .livestyle-preset", count],
            )
        page.evaluate("window.app.extensionManager.setting.set('livestyle.osc.port', 0)")
        page.evaluate("window.app.extensionManager.setting.set('livestyle.controllers.on', false)")
        page.locator(f"{stage} .livestyle-stop").click()
        canvas.await_result(stage)
