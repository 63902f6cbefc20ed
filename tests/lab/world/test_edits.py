"""Edits of the world change what they name and nothing else, and the detector sees it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from livestyle.lab.world.attributes import BACKGROUNDS, COLOURS
from livestyle.lab.world.detector import detect
from livestyle.lab.world.edits import PLACES, WorldEdit, draw_edit, instruct
from livestyle.lab.world.render import render
from livestyle.lab.world.scene import Actor, Scene, draw_scene

SCENE = Scene(
    (Actor("red", "circle", "right", "fast", (0.2, 0.3)), Actor("blue", "ring", "up", "slow", (0.7, 0.7))),
    "ripples",
    "pan left",
)


def test_a_recoloured_object_is_all_that_changes() -> None:
    edited = WorldEdit("recolour", "green", "red").apply(SCENE)
    assert edited == dataclasses.replace(
        SCENE, actors=(dataclasses.replace(SCENE.actors[0], colour="green"), SCENE.actors[1])
    )
    before, after = render(SCENE, 1, 64)[0], render(edited, 1, 64)[0]
    changed = (before != after).any(-1)
    assert 0.03 < changed.mean() < 0.12
    assert changed[19, 12] and not changed[45, 44]


@pytest.mark.parametrize("kind", ["recolour", "background"])
def test_the_detector_reads_the_edited_scene(kind: str) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        scene = draw_scene(rng)
        edit = draw_edit(scene, rng, kind)
        edited = edit.apply(scene)
        assert edited != scene
        seen = detect(render(edited, 12, 96))
        assert {actor.colour for actor in seen.actors} == {actor.colour for actor in edited.actors}
        assert seen.background == edited.background


def test_instructions_name_the_object_and_what_it_becomes() -> None:
    rng = np.random.default_rng(0)
    edit = WorldEdit("recolour", "green", "red")
    said = {instruct(edit, SCENE, rng) for _ in range(60)}
    assert len(said) > 10
    assert all("green" in text and ("red" in text or "circle" in text) for text in said)
    assert all("blue" not in text and "ring" not in text for text in said)
    behind = {instruct(WorldEdit("background", "night sky"), SCENE, rng) for _ in range(40)}
    assert all(PLACES["night sky"] in text for text in behind)
    assert set(PLACES) == set(BACKGROUNDS)


def test_two_objects_of_one_shape_are_told_apart_by_colour() -> None:
    twins = dataclasses.replace(SCENE, actors=tuple(Actor(c, "ring", "up", "slow") for c in ("red", "blue")))
    rng = np.random.default_rng(1)
    assert all("red" in instruct(WorldEdit("recolour", "green", "red"), twins, rng) for _ in range(40))


def test_drawn_edits_keep_colours_apart() -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        edited = draw_edit(scene := draw_scene(rng), rng).apply(scene)
        colours = [actor.colour for actor in edited.actors]
        assert len(set(colours)) == len(colours) and set(colours) <= set(COLOURS)
