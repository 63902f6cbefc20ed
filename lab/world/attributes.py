"""What can be said about the world, and how it looks.

Lengths are in picture sides, speeds in sides a frame, so that a scene looks the same at any size.
x grows to the right, y downwards; directions are those seen in the picture, whatever the camera does.
"""

from __future__ import annotations

import math

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "red": (228, 38, 38),
    "orange": (246, 140, 20),
    "yellow": (238, 226, 40),
    "green": (40, 176, 58),
    "cyan": (40, 208, 220),
    "blue": (38, 80, 232),
    "purple": (142, 52, 216),
    "pink": (246, 92, 176),
}

SHAPES = ("circle", "square", "triangle", "diamond", "cross", "ring")
RADIUS = 0.2
"""Half the size of every object."""

_DIAGONAL = math.sqrt(0.5)
DIRECTIONS: dict[str, tuple[float, float]] = {
    "right": (1.0, 0.0),
    "down and right": (_DIAGONAL, _DIAGONAL),
    "down": (0.0, 1.0),
    "down and left": (-_DIAGONAL, _DIAGONAL),
    "left": (-1.0, 0.0),
    "up and left": (-_DIAGONAL, -_DIAGONAL),
    "up": (0.0, -1.0),
    "up and right": (_DIAGONAL, -_DIAGONAL),
}

SPEEDS = {"slow": 0.006, "medium": 0.012, "fast": 0.024}

BACKGROUNDS: dict[str, tuple[Rgb, Rgb]] = {
    "checkerboard": ((104, 104, 108), (156, 156, 158)),
    "polka dots": ((214, 214, 210), (156, 156, 160)),
    "brick wall": ((166, 134, 120), (206, 200, 194)),
    "paper grid": ((242, 242, 238), (186, 190, 196)),
    "night sky": ((22, 24, 34), (150, 150, 160)),
    "ripples": ((56, 60, 60), (96, 100, 100)),
}
"""Ground and figure colour; far less colourful than any object."""

PERIOD = 0.25
"""Side of the tile that a background repeats."""

CAMERAS: dict[str, float] = {"still": 0.0, "pan left": 0.008, "pan right": -0.008}
"""How fast the background moves to the right."""

COUNTS = (1, 2)

HELD_OUT = frozenset(
    (colour, shape)
    for row, colour in enumerate(COLOURS)
    for column, shape in enumerate(SHAPES)
    if (2 * row + column) % 5 == 0
)
"""Pairs of colour and shape that no training scene shows: 10 of 48, every colour and shape among them."""
