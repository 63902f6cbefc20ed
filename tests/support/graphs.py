"""The default workflow with other values, and what came out of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from comfy_client import Outcome

ROOT = Path(__file__).resolve().parents[2]
READ, LOAD, ENCODE, DENOISE, WRITE = "1", "2", "3", "4", "5"

CLIP = "clip.mp4"
"""The name in the input folder of the short clip that tests read instead of a template's example."""

Prompt = dict[str, dict[str, Any]]


def template_file(name: str) -> Path:
    """A template by its API twin's name: ``restyle_a_video`` is "01 Restyle a video.json"."""
    return next(file for file in (ROOT / "workflows").glob("*.json") if twin_name(file) == name)


def twin_name(template: Path) -> str:
    """The name of a template's API twin, which has no number and no spaces."""
    return re.sub("[ -]", "_", template.stem.split(" ", 1)[1].lower())


def workflow(name: str) -> Prompt:
    """The API twin of a template as it is shipped, but for ``CLIP`` in the place of its example."""
    prompt = json.loads((ROOT / "workflows" / "api" / f"{name}.json").read_text(encoding="utf-8"))
    for node in prompt.values():
        if node["inputs"].get("file"):
            node["inputs"]["file"] = CLIP
    return prompt


def default_workflow() -> Prompt:
    """The API twin of the default template."""
    return workflow("restyle_a_video")


def restyle(
    file: str,
    checkpoint: str,
    *,
    prompt: str = "oil painting",
    width: int = 128,
    height: int = 96,
    **denoise: Any,
) -> Prompt:
    """The default workflow on ``file`` in the input folder; ``denoise`` are StreamDenoise's widgets."""
    graph = default_workflow()
    graph[READ]["inputs"]["file"] = file
    graph[LOAD]["inputs"]["checkpoint"] = checkpoint
    graph[ENCODE]["inputs"]["prompt"] = prompt
    graph[DENOISE]["inputs"] |= {"width": width, "height": height, **denoise}
    return graph


def generate(checkpoint: str, **denoise: Any) -> Prompt:
    """Pictures without a source, by a model that edits; ``denoise`` are StreamDenoise's widgets."""
    graph = default_workflow()
    del graph[READ], graph[DENOISE]["inputs"]["frames"]
    graph[LOAD]["inputs"]["checkpoint"] = checkpoint
    graph[DENOISE]["inputs"] |= {"width": 64, "height": 64, "noise": "fresh", "fps": 12.0, **denoise}
    return graph


@dataclass(frozen=True)
class Clip:
    """A video file as a player sees it.

    Attributes:
        pixels: uint8 RGB of shape (frames, height, width, 3).
        fps: average frames a second.
        audio_seconds: length of the decoded audio, 0 without.
        tags: the container's metadata.
    """

    pixels: np.ndarray
    fps: Fraction
    audio_seconds: float
    tags: dict[str, str]

    def __len__(self) -> int:
        return len(self.pixels)


def play(path: Path) -> Clip:
    """Decode a whole file."""
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        fps, tags = video.average_rate, dict(file.metadata)
        pixels = np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video)])
    with av.open(str(path)) as file:
        samples = (
            [frame.samples / frame.sample_rate for frame in file.decode(audio=0)]
            if file.streams.audio
            else []
        )
    return Clip(pixels, fps, sum(samples), tags)


def shown_file(outcome: Outcome, output: Path, node: str = WRITE) -> dict[str, Any]:
    """The entry of the file that a write node shows, with its ``path``."""
    (entry,) = outcome.outputs[node]["video"]
    return {**entry, "path": output / entry["subfolder"] / entry["filename"]}
