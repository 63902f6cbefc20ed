"""Sentences about a scene, in many wordings, and what each of them names."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np

from .attributes import COLOURS, SHAPES
from .scene import Actor, Scene, pick

MOTIONS = ("moves", "drifts", "glides", "travels", "slides", "is moving", "floats")
DIRECTION_WORDS = {
    "right": ("right", "to the right", "rightwards", "from left to right"),
    "left": ("left", "to the left", "leftwards", "from right to left"),
    "up": ("up", "upwards", "to the top"),
    "down": ("down", "downwards", "to the bottom"),
    "up and right": ("up and right", "to the upper right", "diagonally up to the right"),
    "up and left": ("up and left", "to the upper left", "diagonally up to the left"),
    "down and right": ("down and right", "to the lower right", "diagonally down to the right"),
    "down and left": ("down and left", "to the lower left", "diagonally down to the left"),
}
SPEED_WORDS = {
    "slow": ("slowly", "at a slow pace", "lazily"),
    "medium": ("steadily", "at a steady pace", "calmly"),
    "fast": ("fast", "quickly", "at high speed"),
}
PLACES = {
    "checkerboard": ("over a checkerboard", "in front of a checkerboard"),
    "polka dots": ("over polka dots", "in front of a polka dot wall"),
    "brick wall": ("in front of a brick wall", "over bricks"),
    "paper grid": ("on grid paper", "over a paper grid"),
    "night sky": ("in the night sky", "in front of the stars of a night sky"),
    "ripples": ("over dark ripples", "on rippled water"),
}
CAMERA_WORDS = {
    "still": ("the camera is still", "the camera does not move"),
    "pan left": ("the camera pans left", "the camera pans to the left"),
    "pan right": ("the camera pans right", "the camera pans to the right"),
}
JOINTS = (" and ", ", and ", " while ")
CAMERA_JOINTS = (", ", "; ", ", and ")
ARTICLES = ("a", "one", "the")
SAY_MOTION, SAY_PLACE, SAY_CAMERA = 0.9, 0.85, 0.8  # how often a sentence names them

_PHRASES = itertools.chain(
    *(COLOURS, SHAPES, MOTIONS, JOINTS, CAMERA_JOINTS, ARTICLES, ("an",)),
    *(words for table in (DIRECTION_WORDS, SPEED_WORDS, PLACES, CAMERA_WORDS) for words in table.values()),
)
VOCABULARY = tuple(sorted({word for phrase in _PHRASES for word in re.findall(r"\w+|[^\w\s]", phrase)}))
"""All words and marks that a sentence can have."""


@dataclass(frozen=True)
class NamedActor:
    """What a sentence says of one object; None is left open."""

    colour: str
    shape: str
    direction: str | None
    speed: str | None


@dataclass(frozen=True)
class Sentence:
    """A prompt and what it names; None is left open."""

    text: str
    actors: tuple[NamedActor, ...]
    background: str | None
    camera: str | None


def describe(scene: Scene, rng: np.random.Generator) -> Sentence:
    """One of many sentences that are true of a scene; colours and shapes are always named."""
    said = [_actor(actor, rng) for actor in scene.actors]
    text = pick(rng, JOINTS).join(words for words, _ in said)
    background = scene.background if rng.random() < SAY_PLACE else None
    if background:
        place = pick(rng, PLACES[background])
        text = f"{place}, {text}" if rng.random() < 0.3 else f"{text} {place}"
    camera = scene.camera if rng.random() < SAY_CAMERA else None
    if camera:
        text += pick(rng, CAMERA_JOINTS) + pick(rng, CAMERA_WORDS[camera])
    return Sentence(text, tuple(named for _, named in said), background, camera)


def _actor(actor: Actor, rng: np.random.Generator) -> tuple[str, NamedActor]:
    thing = f"{pick(rng, ARTICLES)} {actor.colour} {actor.shape}"
    if thing.startswith("a orange"):
        thing = "an" + thing[1:]
    direction = actor.direction if rng.random() < SAY_MOTION else None
    speed = actor.speed if rng.random() < SAY_MOTION else None
    parts = [pick(rng, MOTIONS)]
    if direction:
        parts.append(pick(rng, DIRECTION_WORDS[direction]))
    if speed:
        parts.insert(int(rng.integers(1, len(parts) + 1)), pick(rng, SPEED_WORDS[speed]))
    return " ".join([thing, *parts]), NamedActor(actor.colour, actor.shape, direction, speed)
