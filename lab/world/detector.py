"""Reads a clip of the world back with classical vision: hue, least squares with templates, block matching.

Nothing in here is trained, and nothing knows how the clip was made.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from .attributes import BACKGROUNDS, CAMERAS, COLOURS, DIRECTIONS, SHAPES, SPEEDS
from .render import coverage, render
from .scene import Scene

CHROMA = 70  # largest minus smallest channel from which on a pixel belongs to an object
DULL = 46  # the same of the most colourful background: where an object covers nothing of a pixel
SMALLEST = 0.35  # share of the smallest shape's area below which a colour is taken as noise
STANDING = 0.4 * min(SPEEDS.values())  # picture sides a frame below which nothing moves
STRIDE = 4  # frames between the two pictures that the camera's motion is read from


@dataclass(frozen=True)
class SeenActor:
    """An object found in a clip.

    Attributes:
        direction, speed: the nearest named ones, ``"none"`` for an object that stands still.
        pace: picture sides a frame, before it is rounded to a named speed.
        presence: share of the frames that show it.
    """

    colour: str
    shape: str
    direction: str
    speed: str
    pace: float
    presence: float


@dataclass(frozen=True)
class Seen:
    """What a clip shows; actors in order of presence."""

    actors: tuple[SeenActor, ...]
    background: str
    camera: str


def detect(clip: np.ndarray) -> Seen:
    """Read a clip, uint8 RGB (frames, side, side, 3), of at least ``STRIDE + 1`` frames."""
    hues, chromas = (np.stack(maps) for maps in zip(*map(_hue, clip), strict=True))
    labels = _labels(hues, chromas)
    side = clip.shape[1]
    least = SMALLEST * min(_template_areas(side).values())
    actors = []
    for index, colour in enumerate(COLOURS):
        shown = (labels == index).sum((1, 2)) >= least
        if shown.mean() > 0.5:
            times = np.flatnonzero(shown)
            maps = [(labels[time], _cover(hues[time], chromas[time], index)) for time in times]
            actors.append(_actor(colour, index, times, maps, float(shown.mean())))
    actors.sort(key=lambda actor: -actor.presence)
    empty = labels < 0
    return Seen(tuple(actors), _background(clip, empty), _camera(clip, empty))


def count_objects(frame: np.ndarray) -> int:
    """How many objects one frame (side, side, 3) shows."""
    labels = _labels(*_hue(frame))
    least = SMALLEST * min(_template_areas(frame.shape[0]).values())
    return sum(int((labels == index).sum() >= least) for index in range(len(COLOURS)))


def _hue(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number of each pixel's nearest named hue, int (side, side), and its chroma, float32, 0..255."""
    pixels = frame.astype(np.float32)
    hue = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV_FULL)[..., 0].astype(np.float32) * (360.0 / 256.0)
    away = abs((hue[..., None] - _hues() + 180.0) % 360.0 - 180.0)
    return away.argmin(-1), pixels.max(-1) - pixels.min(-1)


def _labels(hues: np.ndarray, chromas: np.ndarray) -> np.ndarray:
    """The hues of colourful pixels, -1 for the background."""
    return np.where(chromas >= CHROMA, hues, -1)


def _cover(hues: np.ndarray, chromas: np.ndarray, index: int) -> np.ndarray:
    """How much of each pixel an object of one colour covers, 0..1; half where an edge is blurred."""
    own = hues == index
    full = np.percentile(chromas[own & (chromas >= CHROMA)], 80)
    return np.where(own, np.clip((chromas - DULL) / (full - DULL), 0.0, 1.0), 0.0)


@functools.cache
def _hues() -> np.ndarray:
    swatch = np.uint8([list(COLOURS.values())])
    return cv2.cvtColor(swatch, cv2.COLOR_RGB2HSV_FULL)[0, :, 0].astype(np.float32) * (360.0 / 256.0)


def _actor(
    colour: str, index: int, times: np.ndarray, maps: list[tuple[np.ndarray, np.ndarray]], presence: float
) -> SeenActor:
    """One colour of a clip to an object, from labels and covers of the frames that show it."""
    fits = [_fit(cover, (labels < 0) | (labels == index)) for labels, cover in maps]
    shape = min(SHAPES, key=lambda name: sum(fit[name][0] for fit in fits))
    places = np.stack([fit[shape][1] for fit in fits])
    velocity = _velocity(times, places)
    pace = float(np.hypot(*velocity))
    return SeenActor(colour, shape, _direction(velocity), _speed(pace), pace, presence)


def _fit(cover: np.ndarray, free: np.ndarray) -> dict[str, tuple[float, np.ndarray]]:
    """Each shape's smallest squared error with what an object covers, and where, (x, y) in 0..1.

    Where another object may hide ours (not ``free``) nothing is held against a shape. All places of the
    torus are tried at once by Fourier transform: sum((c - t)^2) = sum(c^2) - 2 sum(c t) + sum(t^2).
    """
    covered, seen = np.fft.rfft2(cover * free), np.fft.rfft2(free.astype(np.float32))
    energy, side = float(np.square(cover * free).sum()), len(cover)
    found = {}
    for shape in SHAPES:
        template, squared = _template_spectra(shape, side)
        errors = energy + np.fft.irfft2(seen * squared - 2.0 * covered * template, s=(side, side))
        y, x = np.unravel_index(errors.argmin(), errors.shape)
        place = np.array([x + _valley(errors[y], x), y + _valley(errors[:, x], y)]) / side
        found[shape] = (float(errors[y, x]), place)
    return found


def _valley(errors: np.ndarray, low: int) -> float:
    """Where between its neighbours a circular row of errors is lowest, -0.5..0.5: a parabola's vertex."""
    left, middle, right = errors[low - 1], errors[low], errors[(low + 1) % len(errors)]
    bend = left - 2.0 * middle + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend > 0 else 0.0


@functools.cache
def _template_spectra(shape: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a shape at the origin, and of its square."""
    template = coverage(shape, (0.0, 0.0), side)
    return np.conj(np.fft.rfft2(template)), np.conj(np.fft.rfft2(np.square(template)))


def _velocity(times: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Median slope over half the clip, (x, y) in picture sides a frame, across the picture's edges."""
    steps = (np.diff(places, axis=0) + 0.5) % 1.0 - 0.5
    path = np.concatenate([places[:1], places[:1] + np.cumsum(steps, 0)])
    lag = max(1, len(times) // 2)
    return np.median((path[lag:] - path[:-lag]) / (times[lag:] - times[:-lag])[:, None], 0)


@functools.cache
def _template_areas(side: int) -> dict[str, float]:
    return {shape: float(coverage(shape, (0.5, 0.5), side).sum()) for shape in SHAPES}


def _direction(velocity: np.ndarray) -> str:
    if np.hypot(*velocity) < STANDING:
        return "none"
    return max(DIRECTIONS, key=lambda name: float(np.dot(DIRECTIONS[name], velocity)))


def _speed(pace: float) -> str:
    if pace < STANDING:
        return "none"
    return min(SPEEDS, key=lambda name: abs(np.log(pace / SPEEDS[name])))


def _background(clip: np.ndarray, empty: np.ndarray) -> str:
    """The background whose mean colour is nearest to that of the pixels without objects."""
    mean = clip[empty].mean(0) if empty.any() else clip.mean((0, 1, 2))
    return min(BACKGROUNDS, key=lambda name: float(np.abs(_mean_colours(clip.shape[1])[name] - mean).sum()))


@functools.cache
def _mean_colours(side: int) -> dict[str, np.ndarray]:
    return {name: render(Scene((), name, "still"), 1, side).mean((0, 1, 2)) for name in BACKGROUNDS}


def _camera(clip: np.ndarray, empty: np.ndarray) -> str:
    """The named motion under which the background changes least over ``STRIDE`` frames."""
    errors = dict.fromkeys(CAMERAS, 0.0)
    margin = 2 + int(max(abs(v) for v in CAMERAS.values()) * STRIDE * clip.shape[1])
    grow = np.ones((5, 5), np.uint8)
    for index in range(0, len(clip) - STRIDE, 2):
        first, second = (clip[i].astype(np.float32).mean(-1) for i in (index, index + STRIDE))
        free = [cv2.erode(np.uint8(empty[i]), grow) for i in (index, index + STRIDE)]
        for name, velocity in CAMERAS.items():
            shift = np.float32([[1, 0, velocity * STRIDE * clip.shape[1]], [0, 1, 0]])
            size = first.shape[::-1]
            moved = cv2.warpAffine(first, shift, size)
            seen = (cv2.warpAffine(free[0], shift, size, flags=cv2.INTER_NEAREST) & free[1]).astype(bool)
            seen[:, :margin] = seen[:, -margin:] = False
            if seen.any():
                errors[name] += float(abs(moved - second)[seen].mean())
    return min(errors, key=errors.__getitem__)
