"""The world is what its sentences say, and the detector can read it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from livestyle.lab.world.attributes import (
    BACKGROUNDS,
    CAMERAS,
    COLOURS,
    DIRECTIONS,
    HELD_OUT,
    SHAPES,
    SPEEDS,
)
from livestyle.lab.world.detector import count_objects, detect
from livestyle.lab.world.render import render
from livestyle.lab.world.scene import TRAINED, Actor, Scene, draw_scene
from livestyle.lab.world.scoring import ATTRIBUTES, Score
from livestyle.lab.world.sentences import describe

RED_CIRCLE = Scene((Actor("red", "circle", "right", "fast", (0.4, 0.5)),), "paper grid", "still")


def test_the_world_is_as_large_as_promised() -> None:
    sizes = [len(x) for x in (COLOURS, SHAPES, DIRECTIONS, SPEEDS, BACKGROUNDS)]
    assert sizes == [8, 6, 8, 3, 6]
    assert len(CAMERAS) > 1
    assert len(HELD_OUT) == 10  # 20 % of 48
    assert {colour for colour, _ in HELD_OUT} == {colour for colour, _ in TRAINED} == set(COLOURS)
    assert {shape for _, shape in HELD_OUT} == {shape for _, shape in TRAINED} == set(SHAPES)


def test_training_scenes_never_show_a_held_out_pair_and_held_out_ones_always_do() -> None:
    rng = np.random.default_rng(0)
    scenes = [draw_scene(rng) for _ in range(500)]
    assert not {(a.colour, a.shape) for scene in scenes for a in scene.actors} & HELD_OUT
    assert {len(scene.actors) for scene in scenes} == {1, 2}
    assert all(len({a.colour for a in scene.actors}) == len(scene.actors) for scene in scenes)
    for _ in range(50):
        first = draw_scene(rng, held_out=True).actors[0]
        assert (first.colour, first.shape) in HELD_OUT


def test_any_part_of_the_endless_film_can_be_rendered() -> None:
    scene = draw_scene(np.random.default_rng(3))
    assert np.array_equal(render(scene, 6, 48)[4:], render(scene, 2, 48, first=4))
    assert np.array_equal(render(scene, 1, 48, first=10**6), render(scene, 2, 48, first=10**6)[:1])


def test_an_object_comes_back_on_the_other_side() -> None:
    frames = render(RED_CIRCLE, 60, 64)
    reds = (frames[..., 0].astype(int) - frames[..., 1] > 100).sum((1, 2))
    assert reds.min() > 0.9 * reds.max()


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("speed", SPEEDS)
def test_motion_is_as_named(direction: str, speed: str) -> None:
    actor = dataclasses.replace(RED_CIRCLE.actors[0], direction=direction, speed=speed)
    for camera in CAMERAS:
        seen = detect(render(dataclasses.replace(RED_CIRCLE, actors=(actor,), camera=camera), 13, 64))
        assert (seen.actors[0].direction, seen.actors[0].speed) == (direction, speed)
        assert seen.actors[0].pace == pytest.approx(SPEEDS[speed], rel=0.1)
        assert seen.camera == camera


def test_the_detector_is_right_on_ground_truth() -> None:
    """The full measurement (400 scenes, 24 frames, 64x64 and 128x128): all attributes of all."""
    score = Score()
    for seed in range(60):
        rng = np.random.default_rng((seed, 5))
        scene = draw_scene(rng, held_out=seed % 3 == 0)
        score.add(describe(scene, rng), detect(render(scene, 24, 64)))
    assert set(score.shares) == set(ATTRIBUTES)
    assert score.worst >= 0.99
    assert score.joint >= 0.98


def test_the_detector_is_not_fooled_by_the_wrong_clip() -> None:
    rng = np.random.default_rng(1)
    sentence = describe(RED_CIRCLE, rng)
    blue = dataclasses.replace(RED_CIRCLE.actors[0], colour="blue")
    score = Score()
    assert not score.add(sentence, detect(render(dataclasses.replace(RED_CIRCLE, actors=(blue,)), 13, 64)))
    assert score.shares["colour"] == score.shares["shape"] == 0.0
    assert score.shares["count"] == 1.0
    empty = detect(render(dataclasses.replace(RED_CIRCLE, actors=()), 13, 64))
    assert not empty.actors
    assert not score.add(sentence, empty)
    assert score.joint == 0.0


def test_frozen_frames_show_no_named_motion() -> None:
    frame = render(RED_CIRCLE, 1, 64)
    seen = detect(np.repeat(frame, 13, 0))
    assert seen.actors[0].pace < 0.001
    assert seen.actors[0].direction == seen.actors[0].speed == "none"
    assert seen.camera == "still"


def test_objects_are_counted_frame_by_frame() -> None:
    blue = Actor("blue", "square", "left", "slow", (0.8, 0.2))
    for actors in ((), RED_CIRCLE.actors, (*RED_CIRCLE.actors, blue)):
        frame = render(dataclasses.replace(RED_CIRCLE, actors=actors), 1, 64)[0]
        assert count_objects(frame) == len(actors)


def test_sentences_vary_and_name_what_they_say() -> None:
    rng = np.random.default_rng(0)
    scene = Scene(
        (Actor("orange", "ring", "up and left", "slow"), Actor("blue", "cross", "down", "fast")),
        "ripples",
        "pan left",
    )
    said = [describe(scene, rng) for _ in range(200)]
    assert len({sentence.text for sentence in said}) > 190
    for sentence in said:
        assert [(a.colour, a.shape) for a in sentence.actors] == [("orange", "ring"), ("blue", "cross")]
        assert "orange ring" in sentence.text
        assert "a orange" not in sentence.text
        assert (sentence.camera is None) == ("camera" not in sentence.text)
        assert (sentence.background is None) == ("rippl" not in sentence.text)
        assert len(sentence.text.encode()) < 230
    assert {sentence.background for sentence in said} == {None, "ripples"}
    assert {sentence.actors[0].speed for sentence in said} == {None, "slow"}
