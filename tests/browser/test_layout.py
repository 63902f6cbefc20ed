"""No node covers another and no wire runs behind a node, in any template, in the classic renderer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from boxes import Boxes
from canvas import open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import ROOT

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

TEMPLATES = sorted((ROOT / "workflows").glob("*.json"))
SMALL, LARGE = {"width": 1280, "height": 800}, {"width": 1920, "height": 1080}


def _measure(page: Any) -> Boxes:
    """The graph, once nothing in it moves any more."""
    boxes = Boxes.of(page)
    for _ in range(60):
        page.wait_for_timeout(800)
        before, boxes = boxes, Boxes.of(page)
        if before == boxes:
            return boxes
    raise AssertionError("the graph never came to rest")


def _shown(boxes: Boxes, page: Any) -> bool:
    """Whether every node lies in the window."""
    scale, left, top, width, height = page.evaluate(
        """() => {
            const { ds, canvas } = window.app.canvas;
            const { width, height } = canvas.getBoundingClientRect();
            return [ds.scale, ...ds.offset, width, height];
        }"""
    )
    return all(
        0 <= (x + left) * scale
        and (x + w + left) * scale <= width
        and 0 <= (y + top) * scale
        and (y + h + top) * scale <= height
        for x, y, w, h in boxes.nodes.values()
    )


def test_every_template_lies_open(chromium: object, server: ComfyServer) -> None:
    """Nodes 2.0 of 1.32.9 stretches graphs that are loaded one after another, so it can't be measured so."""
    ComfyClient(server.url).request(
        "/settings", {"Comfy.VueNodes.Enabled": False, "Comfy.TutorialCompleted": True}
    )
    faults = []
    with open_canvas(chromium, server.url) as canvas:
        page = canvas.page
        for template in TEMPLATES:
            page.set_viewport_size(SMALL)
            graph = json.loads(template.read_text(encoding="utf-8"))
            page.evaluate("graph => window.app.loadGraphData(graph, true, true)", graph)
            boxes = _measure(page)
            if not _shown(boxes, page):
                faults.append((template.stem, "not all nodes are in the window"))
            page.set_viewport_size(LARGE)
            for seen in (boxes, _measure(page)):
                if found := seen.overlaps() + seen.hidden_wires():
                    faults.append((template.stem, found))
    assert not faults
