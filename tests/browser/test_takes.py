"""A take on the canvas: recorded, looked at, edited with the keys and the mouse, and played again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from canvas import RUN_MS, Canvas, long_clip, open_canvas
from comfy_server import ComfyServer
from graphs import CLIP

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

STRENGTH = "4.strength"

DRAWN = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
    .data.some(Boolean)"""


def _changes(take: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in take.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line.get("key") == STRENGTH]


def _await_change(page: Any, takes: Callable[[], set[Path]], value: float) -> None:
    """Until the take beside the file that is being recorded has it."""
    for _ in range(RUN_MS // 200):
        if any(_changes(take)[-1:] and _changes(take)[-1]["value"] == value for take in takes()):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{value} is in no take")


def _strength_is(canvas: Canvas, value: float) -> None:
    canvas.page.wait_for_function(
        """value => Math.abs(window.app.graph.nodes.find((node) => node.type === "StreamDenoise")
            .widgets.find(({ name }) => name === "strength").value - value) < 0.006""",
        arg=value,
        timeout=RUN_MS,
    )


def test_a_take_is_recorded_edited_and_played_again(
    chromium: object, server: ComfyServer, checkpoint: str, renderer: str
) -> None:
    long_clip(server)
    folder = server.output / "livestyle"
    others = set(folder.glob("take*.take.jsonl"))

    def takes() -> set[Path]:
        return set(folder.glob("take*.take.jsonl")) - others

    with open_canvas(chromium, server.url) as canvas:
        canvas.load_template("record_a_take_and_render_it_again", CLIP)
        page, stage = canvas.page, canvas.stage()
        (denoiser,) = canvas.nodes("StreamDenoise")
        writer = next(node for node in canvas.nodes("FrameStreamIO") if "Record" in node["title"])
        canvas.make_small()
        canvas.set_widget(denoiser["id"], "strength", 1.0)
        canvas.play(stage)
        for value in (0.25, 0.75):
            canvas.set_widget(denoiser["id"], "strength", value)
            _await_change(page, takes, value)
            canvas.play_on(stage, 48)  # so that the point can be moved
        page.locator(f"{stage} .livestyle-stop").click()
        canvas.await_result(stage)
        (recorded,) = takes()
        before = _changes(recorded)
        assert [each["value"] for each in before] == [0.25, 0.75]

        # the lanes: choose the first point and move it a frame on and to the top
        page.locator(f"{stage} .livestyle-take-toggle").click()
        line = page.locator(f"{stage} .livestyle-take-line")
        line.get_by_text(recorded.name).wait_for(timeout=RUN_MS)
        lanes = page.locator(f"{stage} .livestyle-lanes")
        assert lanes.evaluate(DRAWN)
        lanes.focus()
        for key in ("ArrowRight", "Shift+ArrowRight", "Shift+ArrowUp"):
            page.keyboard.press(key)
        first = before[0]["frame"]
        assert f"0.265 · {first + 1} (" in line.inner_text()
        page.keyboard.press("Control+z")
        assert f"0.25 · {first + 1} (" in line.inner_text()
        # a double click adds a point, Delete takes it away
        box = lanes.bounding_box()
        assert box
        at = (box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.3)
        page.mouse.dblclick(*at)
        assert "·" in line.inner_text()
        page.keyboard.press("Delete")
        page.locator(f"{stage} .livestyle-take-save").click()
        line.get_by_text("_edit1.take.jsonl").wait_for(timeout=RUN_MS)
        edited = recorded.with_name(recorded.name.replace(".take.jsonl", "_edit1.take.jsonl"))
        wanted = _changes(edited)
        assert [each["frame"] for each in wanted] == [first + 1, before[1]["frame"]]
        assert [each["value"] for each in wanted] == [0.25, 0.75]

        # the next Run plays it, and the widget follows, though a hand left it elsewhere
        widget = "id => window.app.graph.getNodeById(id).widgets.find(({ name }) => name === 'take').value"
        assert page.evaluate(widget, writer["id"]) == f"livestyle/{edited.name} [output]"
        canvas.set_widget(denoiser["id"], "strength", 0.5)
        canvas.run()
        _strength_is(canvas, 0.75)
        canvas.await_result(stage)
        (again,) = takes() - {recorded, edited}
        # A chunk takes a change where it begins.
        assert [each["value"] for each in _changes(again)] == [0.25, 0.75]
        assert all(one["frame"] >= other["frame"] for one, other in zip(_changes(again), wanted, strict=True))
