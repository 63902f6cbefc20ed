"""The picture on a node at the end of a run, in a page with nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sample_clips import make_clip

pytestmark = pytest.mark.timeout(300)

WEB = Path(__file__).parents[2] / "web"
ADDRESS = "http://livestyle.test"
END = """async () => {
    const { Stage } = await import("/js/stage.mjs?v=0.3.0");
    const stage = new Stage({ id: () => "5", viewURL: () => "/film.mp4", onResult() {}, volume() {} });
    document.body.append(stage.element);
    const file = { filename: "film.mp4", subfolder: "", type: "output", frames: 72 };
    const picture = { result: await createImageBitmap(new ImageData(8, 8)), header: { frame: 3 } };
    stage.showState({ state: "running" });
    stage.showFrame(picture);
    stage.showResult(file); // ComfyUI: the node was executed
    stage.showFrame(picture); // it was still being decoded
    stage.showState({ state: "done" });
    stage.showResult(file);
}"""


def test_a_picture_that_comes_after_the_file_does_not_stop_it(chromium: Any, tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.mp4", frames=72)

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(ADDRESS).split("?")[0]
        if path == "/":
            route.fulfill(content_type="text/html", body="<!doctype html>")
        else:
            route.fulfill(path=film if path == "/film.mp4" else WEB / path[1:])

    with chromium.new_page() as page:
        page.route(f"{ADDRESS}/**", answer)
        page.goto(f"{ADDRESS}/")
        page.evaluate(END)
        page.wait_for_function("() => document.querySelector('video:not([hidden])')?.currentTime > 0.1")
