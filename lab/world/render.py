"""Renders scenes: smooth edges, exact motion, any frame of an endless film on its own."""

from __future__ import annotations

import numpy as np

from .attributes import BACKGROUNDS, CAMERAS, COLOURS, PERIOD, RADIUS
from .scene import Scene


def render(scene: Scene, frames: int, side: int, first: int = 0) -> np.ndarray:
    """Frames ``first`` .. ``first + frames - 1``, uint8 RGB (frames, side, side, 3)."""
    return np.stack([_frame(scene, number, side) for number in range(first, first + frames)])


def coverage(shape: str, centre: tuple[float, float], side: int) -> np.ndarray:
    """How much of each pixel a shape covers, float32 (side, side) in 0..1, wrapped around the edges."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side
    x = ((axis - centre[0] + 0.5) % 1.0 - 0.5)[None, :] / RADIUS
    y = ((axis - centre[1] + 0.5) % 1.0 - 0.5)[:, None] / RADIUS
    return np.clip(0.5 - _distance(shape, x, y) * RADIUS * side, 0.0, 1.0)


def _distance(shape: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """About the distance to a shape's edge, negative inside; the shape fills the unit disc."""
    if shape == "circle":
        return np.hypot(x, y) - 0.92
    if shape == "square":
        return np.maximum(abs(x), abs(y)) - 0.8
    if shape == "triangle":
        return np.maximum(0.866 * abs(x) - 0.5 * (y + 0.15) - 0.5, y - 0.75)
    if shape == "diamond":
        return (abs(x) + abs(y) - 1.15) * 0.7071
    if shape == "cross":
        bar = np.maximum(abs(x) - 1.0, abs(y) - 0.33)
        return np.minimum(bar, np.maximum(abs(y) - 1.0, abs(x) - 0.33))
    if shape == "ring":
        return abs(np.hypot(x, y) - 0.72) - 0.24
    raise KeyError(shape)


def _frame(scene: Scene, number: int, side: int) -> np.ndarray:
    picture = _background(scene, number, side)
    for actor in scene.actors:
        vx, vy = actor.velocity
        centre = ((actor.start[0] + vx * number) % 1.0, (actor.start[1] + vy * number) % 1.0)
        alpha = coverage(actor.shape, centre, side)[..., None]
        picture += alpha * (np.float32(COLOURS[actor.colour]) - picture)
    return np.uint8(np.rint(picture))


def _background(scene: Scene, number: int, side: int) -> np.ndarray:
    """Float32 (side, side, 3): the background's tile, carried along by the camera."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side
    x = (axis - scene.start[0] - CAMERAS[scene.camera] * number)[None, :] / PERIOD
    y = (axis - scene.start[1])[:, None] / PERIOD
    alpha = np.clip(0.5 - _figure(scene.background, x, y) * PERIOD * side, 0.0, 1.0)[..., None]
    ground, figure = (np.float32(colour) for colour in BACKGROUNDS[scene.background])
    return ground + alpha * (figure - ground)


def _figure(background: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """About the distance to the figure's edge, negative inside, in tiles of side 1."""
    u, v = (x + 0.5) % 1.0 - 0.5, (y + 0.5) % 1.0 - 0.5
    if background == "checkerboard":
        return np.where((u < 0) == (v < 0), -1.0, 1.0) * np.minimum(
            np.minimum(abs(u), 0.5 - abs(u)), np.minimum(abs(v), 0.5 - abs(v))
        )
    if background == "polka dots":
        return np.hypot(u, v) - 0.28
    if background == "brick wall":
        row = v < 0
        joint = (x + np.where(row, 0.5, 0.0) + 0.5) % 1.0 - 0.5
        course = np.minimum(abs(v), 0.5 - abs(v))
        return np.minimum(abs(joint), course) - 0.06
    if background == "paper grid":
        return np.minimum(abs(u), abs(v)) - 0.09
    if background == "night sky":
        far = np.hypot((u + 0.75) % 1.0 - 0.5, (v + 0.65) % 1.0 - 0.5)
        return np.minimum(np.hypot(u, v) - 0.12, far - 0.08)
    if background == "ripples":
        return -0.15 * (np.sin(2.0 * np.pi * u) + np.sin(2.0 * np.pi * v))
    raise KeyError(background)
