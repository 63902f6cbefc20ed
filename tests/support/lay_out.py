"""Lay templates out anew: nothing overlaps in any renderer, and nodes are no taller than what they show.

    python tests/support/lay_out.py "workflows/01 Restyle a video.json" ...

A template's columns are read off its file: nodes within half a column's width of each other stand below one
another. To change them, change the positions there and run this. Nodes keep their widths; their heights
and positions are measured on a real ComfyUI, on the oldest front end and the newest, and written back.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import environment  # noqa: E402 - the line above says where it is

COMFYUI = environment.enter(__file__, "dev")

from boxes import Boxes  # noqa: E402 - only the environment above can import what these need
from canvas import Canvas  # noqa: E402
from comfy_client import ComfyClient  # noqa: E402
from comfy_fixtures import FOLDER, newest_front_end  # noqa: E402
from comfy_server import ComfyServer  # noqa: E402
from placing import place  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

SAME_COLUMN = 150
VIEW = {"scale": 0.7, "offset": [100, 150]}
NOTES = {"MarkdownNote", "Note"}  # as high as their writer made them

SHRINK = """notes => Object.fromEntries(window.app.graph.nodes.map((node) =>
    [node.id, notes.includes(node.type) ? node.size[1] : node.computeSize()[1]]))"""


PLAYERS_LOADED = """() => [...document.querySelectorAll("video")].every(
    (video) => !video.currentSrc || video.readyState > 0)"""


def main() -> int:
    """Measure, place, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("template", nargs="+", type=Path)
    files = {path: json.loads(path.read_text(encoding="utf-8")) for path in parser.parse_args().template}
    views: dict[Path, list[Boxes]] = {path: [] for path in files}
    with _page(False) as page:
        for graph in files.values():
            _load(page, graph)
            heights = page.evaluate(SHRINK, sorted(NOTES))
            for node in graph["nodes"]:
                node["size"] = [node["size"][0], round(heights[str(node["id"])])]
    for renderer in ({"vue": False}, {"vue": True}, {"vue": True, "options": _newest()}):
        with _page(**renderer) as page:
            for path, graph in files.items():
                _load(page, graph)
                views[path].append(Boxes.at_rest(page))
    for path, graph in files.items():
        places = place(views[path], _columns(graph), 0.0, 0.0)
        for node in graph["nodes"]:
            node["pos"] = [round(at) for at in places[str(node["id"])]]
        graph["extra"]["workflowRendererVersion"] = "Vue-corrected"  # see web/js/first_view.mjs
        path.write_text(json.dumps(graph, separators=(",", ":")) + "\n", encoding="utf-8")
        print(path)
    return 0


def _newest() -> tuple[str, ...]:
    return "--front-end-root", str(newest_front_end())


@contextmanager
def _page(vue: bool, options: tuple[str, ...] = ()) -> Iterator[Any]:
    with (
        tempfile.TemporaryDirectory() as base,
        ComfyServer(COMFYUI, ROOT, Path(base), folder=FOLDER, options=options) as server,
        sync_playwright() as playwright,
    ):
        ComfyClient(server.url).request(
            "/settings", {"Comfy.VueNodes.Enabled": vue, "Comfy.TutorialCompleted": True}
        )
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page(viewport={"width": 1920, "height": 1080})
        yield Canvas(page, server.url).page
        chromium.close()


def _load(page: Any, graph: dict[str, Any]) -> None:
    extra = {**graph["extra"], "workflowRendererVersion": "Vue-corrected", "ds": VIEW}
    page.evaluate("graph => window.app.loadGraphData(graph, true, true)", {**graph, "extra": extra})
    page.wait_for_timeout(1500)
    page.wait_for_function(PLAYERS_LOADED)


def _columns(graph: dict[str, Any]) -> list[list[str]]:
    columns: list[list[dict[str, Any]]] = []
    for node in sorted(graph["nodes"], key=lambda node: node["pos"][0]):
        if not columns or node["pos"][0] - columns[-1][0]["pos"][0] > SAME_COLUMN:
            columns.append([])
        columns[-1].append(node)
    return [
        [str(node["id"]) for node in sorted(column, key=lambda node: node["pos"][1])] for column in columns
    ]


if __name__ == "__main__":
    sys.exit(main())
