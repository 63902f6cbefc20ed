"""ComfyUI's page as an artist uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from comfy_client import ComfyClient
from comfy_fixtures import FOLDER
from comfy_server import ComfyServer
from graphs import CLIP, template_file
from sample_clips import make_clip

LOAD_MS = 240_000
RUN_MS = 480_000

# Newer front ends put the id on the button, 1.32 on what is around it and its menu's arrow.
RUN_BUTTON = 'button[data-testid="queue-button"], [data-testid="queue-button"] button'

# The schedule's next receipt may come before anybody has looked at the last one.
LISTEN = """status => {
    window.said = [];
    const line = document.querySelector(status);
    new MutationObserver(() => {
        if (line.dataset.mood === "done") window.said.push(line.textContent);
    }).observe(line, { childList: true, attributes: true });
}"""
HEARD = "text => window.said.some((line) => line.includes(text))"


LONG_S = 300
"""Seconds of ``long_clip``: a machine that is fast at models may be slow at pages."""


def long_clip(server: ComfyServer) -> None:
    """Video for a template to read as ``CLIP``: it plays for as long as a test needs."""
    (server.input / CLIP).write_bytes(_film())


@cache
def _film() -> bytes:
    with TemporaryDirectory() as folder:
        return make_clip(Path(folder) / CLIP, frames=LONG_S * 24, size=(192, 112)).read_bytes()


class Canvas:
    """A tab with ComfyUI in it.

    Attributes:
        page: Playwright's page.
        complaints: console errors and exceptions that come from the pack's own scripts.
    """

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._on_console)
        page.context.set_default_timeout(LOAD_MS)  # of the pages that it opens, too
        page.on("pageerror", lambda error: self._complain(f"{error} {error.stack}"))
        page.goto(url)
        page.wait_for_function("window.app?.graph && window.app.extensionManager")

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self._complain(f"{message.text} ({message.location.get('url')})")

    def _complain(self, text: str) -> None:
        if f"/extensions/{FOLDER}/" in text:
            self.complaints.append(text)

    def load_template(self, name: str, file: str = "") -> None:
        """Open the template browser, choose the pack, choose the template.

        Args:
            name: the template's API twin, such as ``restyle_a_video``.
            file: what to read instead of the example.
        """
        if not self.page.get_by_role("dialog").is_visible():
            self.page.get_by_label("Templates", exact=True).click()
        self.page.get_by_role("dialog").get_by_text(FOLDER, exact=True).click()
        self.page.get_by_test_id(f"template-workflow-{template_file(name).stem}").click()
        self.page.get_by_role("dialog").wait_for(state="hidden")
        self.page.wait_for_function("window.app.graph.nodes.length > 1")
        for node in self.nodes("FrameStreamIO"):
            if file and node["widgets"]["file"]:
                self.set_widget(node["id"], "file", file)

    def nodes(self, kind: str) -> list[dict[str, Any]]:
        """Id, title and widget values of the graph's nodes of a type."""
        return self.page.evaluate(
            """kind => window.app.graph.nodes.filter(node => node.type === kind).map(node => ({
                id: node.id,
                title: node.title,
                links: (node.inputs ?? [])
                    .filter((_, slot) => node.isInputConnected(slot))
                    .map(({ name }) => name),
                widgets: Object.fromEntries((node.widgets ?? []).map(widget => [widget.name, widget.value])),
            }))""",
            kind,
        )

    def set_widget(self, node: int, name: str, value: Any) -> None:
        """Change a widget the way both renderers do it: its value, then its callback."""
        self.page.evaluate(
            """([id, name, value]) => {
                const node = window.app.graph.getNodeById(id);
                const widget = node.widgets.find(widget => widget.name === name);
                widget.value = value;
                widget.callback?.(value, window.app.canvas, node);
            }""",
            [node, name, value],
        )

    def make_small(self) -> None:
        """Pictures of 128x96, which a busy machine makes soon."""
        for node in self.nodes("StreamDenoise"):
            self.set_widget(node["id"], "width", 128)
            self.set_widget(node["id"], "height", 96)

    def play(self, stage: str) -> None:
        """Press Run, and wait until a picture stands on the stage."""
        self.run()
        self.page.wait_for_selector(f"{stage} canvas[data-frame]", timeout=RUN_MS)

    def play_on(self, stage: str, frames: int) -> None:
        """Wait until a picture stands there that is so many later than the one of now."""
        shown = "stage => Number(document.querySelector(`${stage} canvas[data-frame]`)?.dataset.frame ?? -1)"
        self.page.wait_for_function(
            f"([stage, frame]) => ({shown})(stage) >= frame",
            arg=[stage, self.page.evaluate(shown, stage) + frames],
            timeout=RUN_MS,
        )

    def stage(self, part: str = "") -> str:
        """A selector of (a part of) the picture on the node that writes, brought into view at full size.

        Nodes 2.0 takes no clicks on the widgets of a graph that is seen from afar.
        """
        links = {node["id"]: node["links"] for node in self.nodes("FrameStreamIO")}
        (writer,) = (node for node in links if "frames" in links[node] and "frames_b" not in links[node])
        self.page.evaluate(
            """id => {
                const node = window.app.graph.getNodeById(id);
                node.widgets.find(widget => widget.name === "stage").element.id = "the-writers-stage";
                window.app.canvas.ds.scale = 1;
                window.app.canvas.centerOnNode(node);
                window.app.canvas.setDirty(true, true);
            }""",
            writer,
        )
        return f"#the-writers-stage {part}".strip()

    def await_result(self, stage: str) -> dict[str, float]:
        """Wait until the result plays on the node; its size, length, and height on screen."""
        self.page.wait_for_function(
            """selector => {
                const video = document.querySelector(selector + " video");
                return video && !video.hidden && video.currentTime > 0.1;
            }""",
            arg=stage,
            timeout=RUN_MS,
        )
        return self.page.eval_on_selector(
            f"{stage} video",
            """video => ({
                width: video.videoWidth,
                height: video.videoHeight,
                seconds: video.duration,
                shown: video.getBoundingClientRect().height,
            })""",
        )

    def view(self, node: int, name: str) -> str:
        """A selector of one of the pack's own views on a node: stage, capture, status."""
        self.page.evaluate(
            """([id, name]) => {
                const node = window.app.graph.getNodeById(id);
                const { element } = node.widgets.find(widget => widget.name === name);
                const view = name === "status" ? element.querySelector(".livestyle-status") : null;
                (view ?? element).id = `${name}-of-${id}`;
            }""",
            [node, name],
        )
        return f"#{name}-of-{node}"

    def run(self) -> None:
        """Press Run."""
        self.page.locator(RUN_BUTTON).first.click()


@contextmanager
def open_canvas(browser: Any, url: str) -> Iterator[Canvas]:
    """A fresh tab with its own storage; it must not have complained when it closes."""
    # Newer front ends open the templates by themselves for somebody new, and when is not known.
    ComfyClient(url).request("/settings", {"Comfy.TutorialCompleted": True})
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    try:
        canvas = Canvas(context.new_page(), url)
        yield canvas
        assert canvas.complaints == []
    except BaseException:
        ComfyClient(url).end_all()  # the next test would wait for it
        raise
    finally:
        context.close()
