"""Twelve styles painted by classical non-photorealistic rendering.

Each takes and returns float32 RGB in 0..1, shape (H, W, 3). All are pure functions of the
frame, so a video of targets moves as its source does. ``halftone``, ``mosaic`` and ``pixel``
are locked to the screen: their grid stays while the content moves.
"""

from __future__ import annotations

import cv2
import numpy as np

from .filters import (
    blur,
    contrast,
    edge_strength,
    flatten,
    grey,
    ink_lines,
    kuwahara,
    saturate,
    smoothstep,
    soft_levels,
    tint,
)

SCREEN_LOCKED = ("halftone", "mosaic", "pixel")


def oil(image: np.ndarray) -> np.ndarray:
    """Thick patches of rich paint with light catching their upper left borders."""
    paint = contrast(saturate(kuwahara(kuwahara(image, 6), 4), 1.8), 1.25)
    relief = grey(paint)
    relief = blur(relief, 0.8) - np.roll(blur(relief, 0.8), (2, 2), (0, 1))
    warm = paint * np.float32((1.06, 1.0, 0.86)) + np.float32((0.03, 0.01, 0.0))
    return np.clip(warm + 0.45 * relief[..., None], 0.0, 1.0)


def watercolour(image: np.ndarray) -> np.ndarray:
    """Pale washes on cream paper with darker pigment where a wash ends."""
    wash = kuwahara(flatten(image, 9, 2, 0.15), 6)
    rim = edge_strength(grey(wash), 1.2)
    pale = 1.0 - (1.0 - saturate(wash, 1.35)) * 0.62
    paper = np.float32((0.99, 0.97, 0.92))
    return np.clip(pale * paper * (1.0 - 0.75 * smoothstep(0.04, 0.35, rim)[..., None]), 0.0, 1.0)


def pencil(image: np.ndarray) -> np.ndarray:
    """Graphite: the luma divided by its blur, over a light tone of shading."""
    luma = grey(image)
    lines = np.clip(blur(luma, 0.8) / np.maximum(blur(luma, 12.0), 0.05), 0.0, 1.0) ** 5
    shade = 0.8 + 0.2 * smoothstep(0.05, 0.5, blur(luma, 2.0))
    return tint(lines * shade, (0.16, 0.16, 0.18), (0.96, 0.96, 0.94))


def ink(image: np.ndarray) -> np.ndarray:
    """Black brush on white: thresholded lines that fill up in the shadows."""
    strokes = ink_lines(grey(flatten(image, 7, 1)), 2.0, 9.0, 0.36, 0.18)
    return tint(strokes, (0.05, 0.05, 0.07), (0.98, 0.97, 0.94))


def cel(image: np.ndarray) -> np.ndarray:
    """Flat bright colours in three tones, brushed ink around them and in the deepest shadows."""
    flat = flatten(image, 9, 3, 0.14)
    hsv = cv2.cvtColor(flat, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.6, 0.0, 1.0)
    hsv[..., 2] = 0.25 + 0.75 * soft_levels(np.clip(hsv[..., 2] * 1.2, 0.0, 1.0), 3, 0.12)
    colours = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    paint = ink_lines(grey(flat), 1.6, 7.0, 0.30, 0.12)
    return colours * (0.04 + 0.96 * paint[..., None])


def halftone(image: np.ndarray, pitch: float = 6.0) -> np.ndarray:
    """Comic print: dots of ink on a turned grid whose size follows the darkness."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u, v = (x + y) * (np.pi / pitch), (x - y) * (np.pi / pitch)
    screen = 0.5 + 0.25 * (np.cos(u) + np.cos(v))
    colours = saturate(flatten(image, 7, 1), 1.7)
    dots = smoothstep(-0.12, 0.12, grey(colours)[..., None] - screen[..., None] * 0.85)
    return np.clip(0.25 * colours + 0.75 * (colours**0.6) * dots + 0.1 * dots, 0.0, 1.0)


def woodcut(image: np.ndarray) -> np.ndarray:
    """Three flat inks, brown-black, ochre and cream, with carved-out contours."""
    luma = grey(flatten(image, 9, 2, 0.18))
    tone = blur(luma, 1.4)
    cut = ink_lines(luma, 2.2, 6.0, 0.30, 0.12)
    light = smoothstep(0.46, 0.58, tone)[..., None]
    block = np.float32((0.78, 0.50, 0.22)) * (1.0 - light) + np.float32((0.96, 0.90, 0.76)) * light
    return block * cut[..., None] + np.float32((0.14, 0.08, 0.06)) * (1.0 - cut[..., None])


def mosaic(image: np.ndarray, tile: int = 10) -> np.ndarray:
    """Glazed square tiles of one colour each in light grout."""
    height, width = image.shape[:2]
    rows, columns = -(-height // tile), -(-width // tile)
    small = cv2.resize(saturate(image, 1.6), (columns, rows), interpolation=cv2.INTER_AREA)
    tiles = np.repeat(np.repeat(small, tile, 0), tile, 1)[:height, :width]
    y, x = np.mgrid[0:height, 0:width] % tile
    grout = ((x == 0) | (y == 0))[..., None].astype(np.float32)
    glaze = 0.10 * (1.0 - (x + y)[..., None].astype(np.float32) / tile)
    return np.clip((tiles + glaze) * (1.0 - grout) + 0.82 * grout, 0.0, 1.0)


def neon(image: np.ndarray) -> np.ndarray:
    """A dark scene whose contours glow in colours taken from the picture."""
    flat = flatten(image, 7, 1)
    edges = smoothstep(0.03, 0.22, edge_strength(grey(flat), 1.5))
    hsv = cv2.cvtColor(blur(flat, 3.0), cv2.COLOR_RGB2HSV)
    hue = np.stack([(hsv[..., 0] + 150.0) % 360.0, np.full_like(edges, 0.75), np.ones_like(edges)], axis=2)
    colour = cv2.cvtColor(hue.astype(np.float32), cv2.COLOR_HSV2RGB)
    magenta = np.float32((1.0, 0.25, 0.85))
    glow = blur(edges, 4.0)
    light = edges[..., None] * (0.5 * colour + 0.5) + 1.1 * glow[..., None] * (0.4 * colour + 0.6 * magenta)
    return np.clip(np.float32((0.03, 0.02, 0.08)) + 0.12 * flat + light, 0.0, 1.0)


def sepia(image: np.ndarray) -> np.ndarray:
    """Old film: warm brown, lifted blacks, a little softness."""
    tone = contrast(grey(blur(image, 0.8)), 0.85)
    return np.clip(tint(tone, (0.16, 0.10, 0.05), (1.0, 0.91, 0.72)), 0.0, 1.0)


def thermal(image: np.ndarray) -> np.ndarray:
    """A heat camera's palette over the softened luma."""
    heat = np.uint8(np.clip(blur(grey(image), 2.0), 0.0, 1.0) * 255.0 + 0.5)
    return np.float32(cv2.applyColorMap(heat, cv2.COLORMAP_JET)[..., ::-1]) / 255.0


def pixel(image: np.ndarray, block: int = 8) -> np.ndarray:
    """Big square pixels in the bright, few-toned palette of a game console."""
    height, width = image.shape[:2]
    rows, columns = -(-height // block), -(-width // block)
    small = cv2.resize(flatten(image, 7, 1), (columns, rows), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.8, 0.0, 1.0)
    hsv[..., 2] = 0.25 + 0.75 * soft_levels(np.clip(hsv[..., 2] * 1.2, 0.0, 1.0), 4, 0.15)
    palette = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return np.repeat(np.repeat(palette, block, 0), block, 1)[:height, :width]


CLASSICAL = {
    painter.__name__: painter
    for painter in (
        oil,
        watercolour,
        pencil,
        ink,
        cel,
        halftone,
        woodcut,
        mosaic,
        neon,
        sepia,
        thermal,
        pixel,
    )
}
