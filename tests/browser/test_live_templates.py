"""The templates for network streams and for recording while live, as an artist uses them."""

from __future__ import annotations

from pathlib import Path

import pytest
from canvas import RUN_MS, Canvas, open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import play
from stream_servers import await_packet, ffmpeg, frames_in, free_port, publisher

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone


def _prepare(canvas: Canvas, template: str) -> tuple[str, int]:
    """Load a template onto a stream that the test sends; the stream's address and the writer's id."""
    canvas.load_template(template)
    address = f"udp://127.0.0.1:{free_port()}"
    ends = {"frames" in node["links"]: node["id"] for node in canvas.nodes("FrameStreamIO")}
    canvas.set_widget(ends[False], "source", "network")
    canvas.set_widget(ends[False], "url", address)
    canvas.set_widget(ends[False], "allow_private", True)
    canvas.make_small()
    return address, ends[True]


def _await(canvas: Canvas, selector: str, text: str) -> str:
    """Wait until an element says something; the whole text."""
    said = canvas.page.wait_for_function(
        """([selector, text]) => {
            const said = document.querySelector(selector)?.textContent ?? "";
            return said.includes(text) && said;
        }""",
        arg=[selector, text],
        timeout=RUN_MS,
    )
    return said.json_value()


def test_a_network_stream_goes_in_and_out(
    chromium: object, server: ComfyServer, checkpoint: str, tmp_path: Path
) -> None:
    with open_canvas(chromium, server.url) as canvas:
        source, writer = _prepare(canvas, "network_stream_in_and_out")
        target, received = f"udp://127.0.0.1:{free_port()}", tmp_path / "received.ts"
        canvas.set_widget(writer, "target_url", target)
        quick = ("-analyzeduration", "500000", "-probesize", "50000")
        copy = ("-c", "copy", "-flush_packets", "1", str(received))
        try:
            with (
                publisher("-f", "mpegts", f"{source}?pkt_size=1316") as sent,
                ffmpeg(*quick, "-i", f"{target}?timeout=600000000", *copy) as receiver,
            ):
                await_packet(source)
                canvas.run()
                stage = canvas.stage()
                canvas.page.wait_for_selector(f"{stage} canvas[data-frame]", state="attached", timeout=RUN_MS)
                while not received.exists() or received.stat().st_size < 30_000:
                    canvas.page.wait_for_timeout(500)
                sent.kill()
                assert source in _await(canvas, f"{stage} .livestyle-note", "Holding the last picture")
                canvas.page.locator(f"{stage} .livestyle-stop").dispatch_event("click")
                _await(canvas, f"{stage} [data-meter=state]", "done")
                receiver.kill()
        finally:
            ComfyClient(server.url).interrupt()
        assert frames_in(received)[:3] == ("h264", 128, 96)


def test_record_while_it_plays(chromium: object, server: ComfyServer, checkpoint: str) -> None:
    with open_canvas(chromium, server.url) as canvas:
        source, writer = _prepare(canvas, "record_while_live")
        try:
            with publisher("-f", "mpegts", f"{source}?pkt_size=1316"):
                await_packet(source)
                canvas.run()
                stage = canvas.stage()
                record = canvas.page.locator(f"{stage} .livestyle-record")
                canvas.page.wait_for_selector(f"{stage} canvas[data-frame]", state="attached", timeout=RUN_MS)
                canvas.page.wait_for_selector(
                    f"{stage} .livestyle-record[data-on=false]", state="attached", timeout=RUN_MS
                )
                record.dispatch_event("click")
                canvas.page.wait_for_selector(
                    f"{stage} .livestyle-record[data-on=true]", state="attached", timeout=RUN_MS
                )
                canvas.play_on(stage, 12)
                record.dispatch_event("click")
                name = _await(canvas, f"{stage} .livestyle-status", "Recorded ").split()[1]
                canvas.page.locator(f"{stage} .livestyle-stop").dispatch_event("click")
                assert canvas.await_result(stage)["width"] == 128
        finally:
            ComfyClient(server.url).interrupt()
        take = play(next(server.output.rglob(name)))
        assert len(take) > 1 and take.pixels.std() > 5
