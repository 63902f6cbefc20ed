"""A scene of the world, and how one is drawn by chance."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .attributes import BACKGROUNDS, CAMERAS, COLOURS, COUNTS, DIRECTIONS, HELD_OUT, SHAPES, SPEEDS

T = TypeVar("T")

TRAINED = tuple(pair for pair in itertools.product(COLOURS, SHAPES) if pair not in HELD_OUT)


@dataclass(frozen=True)
class Actor:
    """One moving object; it leaves the picture on one side and comes back on the other.

    Attributes:
        start: where its centre is at frame 0, (x, y) in 0..1.
    """

    colour: str
    shape: str
    direction: str
    speed: str
    start: tuple[float, float] = (0.5, 0.5)

    @property
    def velocity(self) -> tuple[float, float]:
        """(x, y) in picture sides a frame."""
        x, y = DIRECTIONS[self.direction]
        return x * SPEEDS[self.speed], y * SPEEDS[self.speed]


@dataclass(frozen=True)
class Scene:
    """All that is needed to render any frame.

    Attributes:
        actors: one or two, of different colours; later ones are in front.
        start: offset of the background's tile at frame 0, (x, y) in picture sides.
    """

    actors: tuple[Actor, ...]
    background: str
    camera: str
    start: tuple[float, float] = (0.0, 0.0)


def draw_scene(rng: np.random.Generator, *, held_out: bool = False) -> Scene:
    """A random scene.

    Args:
        held_out: the first actor is one of the pairs that training never shows; else none is.
    """
    pairs = [pick(rng, TRAINED) for _ in range(pick(rng, COUNTS))]
    if held_out:
        pairs[0] = pick(rng, sorted(HELD_OUT))
    while len({colour for colour, _ in pairs}) < len(pairs):
        pairs[1] = pick(rng, TRAINED)
    actors = tuple(
        Actor(
            colour,
            shape,
            pick(rng, tuple(DIRECTIONS)),
            pick(rng, tuple(SPEEDS)),
            (float(rng.random()), float(rng.random())),
        )
        for colour, shape in pairs
    )
    start = (float(rng.random()), float(rng.random()))
    return Scene(actors, pick(rng, tuple(BACKGROUNDS)), pick(rng, tuple(CAMERAS)), start)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options, all equally likely."""
    return options[int(rng.integers(len(options)))]
