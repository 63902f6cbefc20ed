"""How soon a MIDI control, a MIDI note and a gamepad's stick are seen: until the node says "applied".

The figures of docs/perform.md: ``pytest -s tests/browser/test_controller_latency.py``. No machine here has
such a thing, so the browser's own edge is played.
"""

from __future__ import annotations

import math
import statistics

import pytest
from canvas import open_canvas
from comfy_server import ComfyServer
from graphs import CLIP
from sample_clips import make_clip

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

TURNS = 20

PREPARE = """() => {
    window.midi = {};
    navigator.requestMIDIAccess = async () => ({ inputs: new Map([["knobs", window.midi]]) });
    window.pad = { index: 0, axes: [-1], buttons: [] };
    navigator.getGamepads = () => [window.pad];
    const graph = window.app.graph, node = graph.nodes.find(({ type }) => type === "StreamDenoise");
    const key = `${node.id}.strength`;
    const presets = [0.3, 0.7].map((value, n) => ({ name: `${n}`, fade: 0, values: { [key]: value } }));
    const triggers = { "note/10/36": "preset 0", "note/10/37": "preset 1" };
    graph.extra = { ...graph.extra, livestyle_presets: presets, livestyle_triggers: triggers };
    for (const [name, value] of [["width", 128], ["height", 96], ["strength", 0]])
        node.widgets.find((each) => each.name === name).value = value;
    window.app.extensionManager.setting.set("livestyle.controllers.on", true);
}"""

PLAY = """async ([kind, turns]) => {
    const node = window.app.graph.nodes.find(({ type }) => type === "StreamDenoise");
    const status = document.querySelector(".livestyle-live:has(option[value=seed]) .livestyle-status");
    const acts = {
        knob: (n) => window.midi.onmidimessage({ data: [0xb0, 7, 6 * (n - 1) + 1] }),
        note: (n) => window.midi.onmidimessage({ data: [0x99, 36 + (n % 2), 100] }),
        stick: (n) => (window.pad.axes = [n / 11 - 0.9]),
    };
    const control = { knob: "cc/1/7", note: "none", stick: "pad/1/axis1" }[kind];
    node.properties.livestyle_controls = { strength: control };
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    for (const axis of kind === "stick" ? [-1, 1, -1] : []) { // it takes the widget over where it passes it
        window.pad.axes = [axis];
        await frame().then(frame);
    }
    const times = [];
    for (let n = 1; n <= turns; n++) {
        await new Promise((done) => setTimeout(done, 400 + 150 * Math.random()));
        const before = status.textContent, begun = performance.now();
        acts[kind](n);
        while (status.textContent === before || status.dataset.mood !== "done") {
            if (performance.now() - begun > 60000) throw new Error(`${kind} ${n}: ${status.textContent}`);
            await frame();
        }
        times.push(performance.now() - begun);
    }
    return times;
}"""


def test_controllers_are_seen_soon(chromium: object, server: ComfyServer, checkpoint: str) -> None:
    make_clip(server.input / CLIP, frames=400 * 24, size=(64, 48), audio=False)
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("restyle_a_video", CLIP)
        canvas.page.evaluate(PREPARE)
        canvas.page.wait_for_function("() => Boolean(window.midi.onmidimessage)")
        canvas.play(canvas.stage())
        for kind in ("knob", "note", "stick"):
            times = canvas.page.evaluate(PLAY, [kind, TURNS])
            p95 = sorted(times)[math.ceil(0.95 * TURNS) - 1]
            print(f"{kind}: median {statistics.median(times):.1f}, p95 {p95:.1f} ms")
            assert len(times) == TURNS
        canvas.page.locator(f"{canvas.stage()} .livestyle-stop").click()
        canvas.await_result(canvas.stage())
        canvas.page.evaluate("window.app.extensionManager.setting.set('livestyle.controllers.on', false)")
