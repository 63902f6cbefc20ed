"""Edits of a scene whose result the renderer knows exactly: recolouring, another background."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from .attributes import BACKGROUNDS, COLOURS
from .scene import Scene, pick

Kind = Literal["recolour", "background"]
KINDS: tuple[Kind, ...] = ("recolour", "background")

ASK_RECOLOUR = (
    "make the {thing} {colour}",
    "turn the {thing} {colour}",
    "recolour the {thing} {colour}",
    "paint the {thing} {colour}",
    "change the {thing} to {colour}",
    "change the colour of the {thing} to {colour}",
    "the {thing} should be {colour}",
    "give the {thing} a {colour} colour",
)
ASK_BACKGROUND = (
    "replace the background with {place}",
    "change the background to {place}",
    "turn the background into {place}",
    "put it in front of {place}",
    "make the background {place}",
    "use {place} as the background",
    "the background should be {place}",
)
PLACES = {
    "checkerboard": "a checkerboard",
    "polka dots": "polka dots",
    "brick wall": "a brick wall",
    "paper grid": "grid paper",
    "night sky": "a night sky",
    "ripples": "dark ripples",
}


@dataclass(frozen=True)
class WorldEdit:
    """What is changed; everything else stays.

    Attributes:
        kind: ``"recolour"`` gives one object another colour, ``"background"`` replaces what is behind.
        to: the new colour or background.
        colour: of the object that is recoloured, as it was; ``""`` for a background.
    """

    kind: Kind
    to: str
    colour: str = ""

    def apply(self, scene: Scene) -> Scene:
        """The edited scene: same motion, same camera."""
        if self.kind == "background":
            return replace(scene, background=self.to)
        actors = tuple(
            replace(actor, colour=self.to) if actor.colour == self.colour else actor for actor in scene.actors
        )
        return replace(scene, actors=actors)


def draw_edit(scene: Scene, rng: np.random.Generator, kind: Kind | None = None) -> WorldEdit:
    """A random edit that changes the scene and leaves its objects in different colours."""
    kind = kind or pick(rng, KINDS)
    if kind == "background":
        return WorldEdit(kind, pick(rng, [name for name in BACKGROUNDS if name != scene.background]))
    worn = {actor.colour for actor in scene.actors}
    return WorldEdit(
        kind, pick(rng, [name for name in COLOURS if name not in worn]), pick(rng, scene.actors).colour
    )


def instruct(edit: WorldEdit, scene: Scene, rng: np.random.Generator) -> str:
    """One of many requests for an edit of a scene; an object is named by colour, shape or both."""
    if edit.kind == "background":
        return pick(rng, ASK_BACKGROUND).format(place=PLACES[edit.to])
    shape = next(actor.shape for actor in scene.actors if actor.colour == edit.colour)
    names = [f"{edit.colour} {shape}", f"{edit.colour} {shape}", f"{edit.colour} object"]
    if sum(actor.shape == shape for actor in scene.actors) == 1:
        names.append(shape)
    return pick(rng, ASK_RECOLOUR).format(thing=pick(rng, names), colour=edit.to)
