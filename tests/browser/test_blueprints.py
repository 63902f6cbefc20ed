"""The pack's subgraphs come out of the node library whole, with the widgets that an artist turns."""

from __future__ import annotations

from typing import Any

import pytest
from canvas import LOAD_MS, open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import ROOT

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

BLUEPRINTS = {path.stem for path in (ROOT / "subgraphs").glob("*.json")}
WANTED = {
    "Restyle a video": "file",
    "Webcam to OBS": "source",
    "Style switcher": "schedule",
    "Reference restyle": "reference",
    "Text to video stream": "prompt",
}
"""By name, a widget that it shows."""

LABELS = {
    "Restyle a video": {"File", "Instruction", "Style strength"},
    "Webcam to OBS": {"Source", "Instruction", "Style strength"},
    "Style switcher": {"File", "Schedule", "Style strength"},
    "Reference restyle": {"File", "Reference picture", "Style strength"},
    "Text to video stream": {"Instruction", "Seed"},
}
"""By name, words that it shows for ids."""

FREE = (900, 300)
"""On the canvas, beside the library and below the tabs."""

LABELLED = """() => {
    const [{ widgets, inputs }] = window.app.graph.nodes;
    return widgets.length && [...widgets, ...inputs].some((each) => /^[A-Z]/.test(each.label ?? ""));
}"""

COUNT = "window.app.graph.nodes.length"


def _put_down(page: Any) -> None:
    """Newer front ends leave the place of a blueprint to a second click."""
    for _ in range(LOAD_MS // 1000):
        page.wait_for_timeout(1000)
        if page.evaluate(COUNT):
            break
        page.mouse.click(*FREE)
    assert page.evaluate(COUNT) == 1


def test_every_blueprint_loads_from_the_node_library(chromium: object, server: ComfyServer) -> None:
    assert set(WANTED) <= BLUEPRINTS
    ComfyClient(server.url).request("/settings", {"Comfy.TutorialCompleted": True})
    with open_canvas(chromium, server.url) as canvas:
        page = canvas.page
        page.get_by_label("Node Library").first.click()
        for name, widget in WANTED.items():
            page.evaluate("window.app.graph.clear()")
            page.get_by_placeholder("Search").locator("visible=true").first.fill(name)
            page.get_by_text(name, exact=True).first.click()
            _put_down(page)
            page.wait_for_function(LABELLED)
            inside, widgets, labels = page.evaluate(
                """() => {
                    const [{ subgraph, widgets, inputs }] = window.app.graph.nodes;
                    const types = subgraph.nodes.map((each) => each.type);
                    const labels = [...widgets, ...inputs].map((each) => each.label).filter(Boolean);
                    return [types, widgets.map((each) => each.name), labels];
                }"""
            )
            assert {"LoadStreamModel", "MLLMEncode", "StreamDenoise", "FrameStreamIO"} <= set(inside)
            assert any(widget in shown for shown in widgets), (name, widgets)
            assert LABELS[name] <= {label.split(" \u25cb")[0] for label in labels}, (name, labels)
