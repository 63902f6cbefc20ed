"""On a French canvas nothing of ours is English, and what the mouse does the keyboard does, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from canvas import LONG_S, RUN_MS, long_clip, open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import CLIP, template_file

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

TEMPLATE = "restyle_a_video"
LOCALES = Path(__file__).resolve().parents[2] / "locales"

# What our nodes show: titles, labels of widgets and sockets, and everything in our own views.
SHOWN = """() => {
    const isOurs = node => node.constructor.nodeData?.python_module?.includes("live-style");
    const ours = window.app.graph.nodes.filter(isOurs);
    const words = [];
    for (const node of ours) {
        words.push(node.title);
        for (const slot of [...(node.inputs ?? []), ...(node.outputs ?? [])]) {
            words.push(slot.label ?? slot.localized_name ?? slot.name);
        }
        for (const widget of node.widgets ?? []) {
            if (widget.element?.className?.startsWith("livestyle")) {
                for (const each of widget.element.querySelectorAll("*")) {
                    words.push(each.title ?? "");
                    if (!each.children.length) words.push(each.textContent.trim());
                }
            } else words.push(widget.label ?? widget.name);
        }
    }
    return words.filter(Boolean);
}"""

SAYS = """text => window.app.graph.nodes
    .flatMap((node) => node.widgets ?? [])
    .some(({ name, value }) => name.includes("text-preview") && String(value).includes(text))"""

REFUSED = """id => {
    const node = window.app.graph.getNodeById(id);
    const widget = node.widgets.find(({ name }) => name === "strength");
    widget.value = "strong";
    widget.callback?.("strong", window.app.canvas, node);
}"""

STATUS_SAYS = """([id, text]) => window.app.graph.getNodeById(id).widgets
    .find(({ name }) => name === "status").element.textContent.includes(text)"""


def _texts(tree: dict[str, Any]) -> Iterator[str]:
    for value in tree.values():
        yield from _texts(value) if isinstance(value, dict) else [value]


def _all_texts(language: str) -> list[str]:
    return [
        text
        for file in sorted((LOCALES / language).glob("*.json"))
        for text in _texts(json.loads(file.read_text(encoding="utf-8")))
    ]


@pytest.fixture
def french(server: ComfyServer) -> Iterator[None]:
    client = ComfyClient(server.url)
    client.request("/settings", {"Comfy.Locale": "fr"})
    yield
    client.request("/settings", {"Comfy.Locale": "en"})


def test_no_english_is_left_on_a_french_canvas(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str, french: None
) -> None:
    long_clip(server)
    spoken = set(_all_texts("fr"))
    english = {text for text in _all_texts("en") if text not in spoken}
    with open_canvas(chromium, server.url) as canvas:
        page = canvas.page
        graph = json.loads(template_file(TEMPLATE).read_text(encoding="utf-8"))
        page.evaluate("graph => window.app.loadGraphData(graph)", graph)
        (reader,) = (node for node in canvas.nodes("FrameStreamIO") if node["widgets"]["file"])
        canvas.set_widget(reader["id"], "file", CLIP)
        (loader,) = canvas.nodes("LoadStreamModel")
        canvas.set_widget(loader["id"], "lora_strength", len(renderer) / 10)  # another run's would be cached
        stage = canvas.stage()
        before = set(page.evaluate(SHOWN))
        assert "Force du style" in before, sorted(before)
        assert before & english == set()

        page.locator("#graph-canvas").focus()
        page.keyboard.press("Shift+P")
        page.wait_for_selector(f"{stage} canvas[data-frame]", timeout=RUN_MS)
        during = set(page.evaluate(SHOWN))
        assert "Arr\u00eater" in during
        assert during & english == set()
        assert not any(word.startswith(("running", "loading", "warming", "frame ")) for word in during)
        # What the server says: of the model on its node, and of a value that it refuses.
        page.wait_for_function(SAYS, arg="MB de poids", timeout=RUN_MS)
        (denoiser,) = canvas.nodes("StreamDenoise")
        page.evaluate(REFUSED, denoiser["id"])
        refusal = [denoiser["id"], "doit \u00eatre un nombre ou du texte."]
        page.wait_for_function(STATUS_SAYS, arg=refusal, timeout=RUN_MS)

        page.keyboard.press("Shift+K")
        page.locator(".p-toast", has_text="enregistr\u00e9").wait_for(timeout=RUN_MS)
        page.keyboard.press("Shift+S")
        assert canvas.await_result(stage)["seconds"] < LONG_S


def test_a_right_click_offers_what_a_node_can_do(
    chromium: object, server: ComfyServer, checkpoint: str
) -> None:
    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template(TEMPLATE)
        offered = canvas.page.evaluate(
            """() => window.app.graph.nodes.map(node => [
                node.type,
                window.app.canvas.getNodeMenuOptions(node).filter(Boolean).map(entry => entry.content),
            ])"""
        )
        menus = dict(offered)
        shown = {"Save this frame", "Start recording", "Copy link for OBS", "Open help"}
        assert shown <= set(menus["FrameStreamIO"])
        assert shown & set(menus["LoadStreamModel"]) == {"Open help"}
