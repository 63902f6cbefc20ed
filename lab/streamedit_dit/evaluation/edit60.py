"""benchmarks/edit60.json: 60 pairs of a film and an instruction whose right result can be computed.

Films are real clips (CC0 and CC BY, read from a folder, never trained on) and scenes of the
procedural world; the instructions ask for a style, for an object in another colour, or for another
background. Every pair also names another instruction of its kind, whose result is the wrong one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ... import ROOT
from ...autoencoders.video_pairs import Carried, carried, steadied
from ...evaluation.clips import Clip, read_clip
from ...styles import SCREEN_LOCKED, stylise
from ...training.splits import SUFFIXES
from ...world.edits import WorldEdit
from ...world.render import render
from ...world.scene import Actor, Scene

FILE = ROOT / "benchmarks" / "edit60.json"


@dataclass(frozen=True)
class Instruction:
    """What is asked for: a sentence, and how its result is made (a style's name, or an edit of the world)."""

    text: str
    edit: str | WorldEdit


@dataclass(frozen=True)
class Excerpt:
    """Part of a real clip: the file's name without suffix, and the frame that it starts at."""

    clip: str
    start: int = 0


@dataclass(frozen=True)
class Pair:
    """One line of the benchmark.

    Attributes:
        kind: what sort of edit is asked for.
        asked, wrong: the instruction, and the one that the output must not follow.
    """

    name: str
    kind: Literal["style", "recolour", "background"]
    film: Excerpt | Scene
    asked: Instruction
    wrong: Instruction


@dataclass(frozen=True)
class Films:
    """A pair's pictures, each uint8 RGB (N, side, side, 3): source, right result, wrong result."""

    source: np.ndarray
    target: np.ndarray
    wrong: np.ndarray


def read_pairs(path: Path = FILE) -> list[Pair]:
    """The benchmark's pairs, in the file's order."""
    content = json.loads(path.read_text(encoding="utf-8"))
    excerpts = {name: Excerpt(name, row["start"]) for name, row in content["clips"].items()}
    return [
        Pair(
            row["name"],
            row["kind"],
            excerpts[row["clip"]] if "clip" in row else _scene(row["scene"]),
            _instruction(row["asked"]),
            _instruction(row["wrong"]),
        )
        for row in content["pairs"]
    ]


def named_clips(path: Path = FILE) -> tuple[str, ...]:
    """The real clips that the benchmark judges: not to be trained on."""
    return tuple(json.loads(path.read_text(encoding="utf-8"))["clips"])


def _instruction(row: Mapping[str, Any]) -> Instruction:
    edit = row["edit"]
    return Instruction(row["text"], edit if isinstance(edit, str) else WorldEdit(**edit))


def _scene(row: Mapping[str, Any]) -> Scene:
    actors = tuple(Actor(**{**actor, "start": tuple(actor["start"])}) for actor in row["actors"])
    return Scene(actors, row["background"], row["camera"], tuple(row["start"]))


def read_films(folder: Path, pairs: Sequence[Pair], frames: int, side: int) -> dict[str, Clip]:
    """The real film of every pair that has one, by the pair's name: uint8 (frames, side, side, 3) or shorter.

    A folder that lacks the clip a pair names gives its own videos in turn instead, from their beginning.

    Raises:
        FileNotFoundError: the folder holds no video.
    """
    videos = {path.stem: path for path in sorted(folder.glob("*")) if path.suffix in SUFFIXES}
    if not videos:
        raise FileNotFoundError(f"No video in {folder}: name a folder of clips with --clips.")
    names = list(videos)
    read: dict[Excerpt, Clip] = {}
    films = {}
    for index, pair in enumerate(pairs):
        if isinstance(pair.film, Scene):
            continue
        excerpt = pair.film if pair.film.clip in videos else Excerpt(names[index % len(names)])
        if excerpt not in read:
            whole = read_clip(videos[excerpt.clip], side, excerpt.start + frames)
            read[excerpt] = Clip(whole.name, whole.pixels[min(excerpt.start, len(whole.pixels) - 4) :])
        films[pair.name] = read[excerpt]
    return films


def make_films(pair: Pair, film: Clip | None, frames: int, side: int) -> Films:
    """Render or paint a pair.

    Args:
        film: of ``read_films``, for a pair on a real clip.
        frames: the most frames that are taken.
        side: of a scene's pictures, in pixels.
    """
    edits = (pair.asked.edit, pair.wrong.edit)
    if isinstance(pair.film, Scene):
        scenes = [pair.film, *(edit.apply(pair.film) for edit in edits)]
        return Films(*(render(scene, frames, side) for scene in scenes))
    assert film is not None
    source = film.pixels[:frames]
    along = carried(source)
    return Films(source, *(painted(source, edit, along) for edit in edits))


def painted(source: np.ndarray, style: str, along: Sequence[Carried]) -> np.ndarray:
    """A clip in a style, steadied along its motion (``along``) but for styles locked to the screen."""
    pictures = np.stack([stylise(frame, style) for frame in source])
    return pictures if style in SCREEN_LOCKED else steadied(pictures, along)
