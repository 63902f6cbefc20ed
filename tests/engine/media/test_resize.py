"""Decoded frames become the right pixels: colour, depth, shape, direction."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import make_clip

from livestyle.engine.media.resize import Picture, Resizer
from livestyle.engine.media.sources import SourceSpec

COLOURS = np.array(
    [[16, 32, 48], [235, 20, 20], [20, 220, 30], [30, 30, 230], [240, 230, 20], [128, 128, 128]], np.uint8
)


def chart(size: tuple[int, int]) -> np.ndarray:
    """Six vertical bars."""
    width, height = size
    return COLOURS[np.arange(width) * 6 // width][None].repeat(height, 0).copy()


def bars(pixels: np.ndarray) -> np.ndarray:
    """The colour in the middle of each bar."""
    height, width = pixels.shape[:2]
    return pixels[height // 2, [width * (2 * bar + 1) // 12 for bar in range(6)]]


def first_frame(path: Path, size: tuple[int, int] | None = None, resize: str = "crop") -> np.ndarray:
    source = SourceSpec("file", str(path)).open()
    source.start(*(size or (source.info.width, source.info.height)), resize)
    frames = source.read(1)
    source.close()
    return frames.pixels[0]


def difference(found: np.ndarray, wanted: np.ndarray) -> int:
    return int(np.abs(found.astype(int) - wanted).max())


@pytest.mark.parametrize("tags", [(1, 1), (1, 2), (5, 1), (5, 2), (9, 1)])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_tagged_matrix_and_range_are_followed(tmp_path: Path, tags: tuple[int, int], pix_fmt: str) -> None:
    path = make_clip(
        tmp_path / "chart.mp4", size=(192, 64), frames=2, paint=lambda _: chart((192, 64)), tags=tags,
        pix_fmt=pix_fmt, options={"crf": "4"},
    )  # fmt: skip
    assert difference(bars(first_frame(path)), COLOURS) <= 3
    assert difference(bars(first_frame(path, (96, 32))), COLOURS) <= 3


@pytest.mark.parametrize("size,matrix", [((640, 480), "ITU601"), ((1280, 720), "ITU709")])
def test_untagged_matrix_goes_by_size(size: tuple[int, int], matrix: str) -> None:
    rgb = av.VideoFrame.from_ndarray(chart(size), format="rgb24")
    converted = rgb.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range="MPEG")
    untagged = av.VideoFrame.from_ndarray(converted.to_ndarray(), format="yuv420p")
    out = np.empty((size[1], size[0], 3), np.uint8)
    Resizer(*size, "crop").convert(Picture(untagged), out)
    assert difference(bars(out), COLOURS) <= 3


def test_crop_keeps_the_middle_and_letterbox_all(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "c.mp4", size=(192, 64), frames=2, paint=lambda _: chart((192, 64)),
                     tags=(1, 1), options={"crf": "4"})  # fmt: skip
    square = first_frame(path, (64, 64), "crop")
    assert difference(square[32, [16, 48]], COLOURS[[2, 3]]) <= 4
    boxed = first_frame(path, (96, 96), "letterbox")
    assert boxed[:32].max() == 0 and boxed[64:].max() == 0
    assert difference(bars(boxed[32:64]), COLOURS) <= 4
    stretched = first_frame(path, (60, 120), "stretch")
    assert difference(bars(stretched), COLOURS) <= 4


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_metadata_is_applied(tmp_path: Path, rotation: int) -> None:
    upright = np.zeros((64, 96, 3), np.uint8)
    upright[:20, :20] = (255, 255, 255)  # A mark in the upper left corner.
    # The display matrix turns counterclockwise, so what is stored is turned clockwise.
    stored = np.rot90(upright, -rotation // 90)
    size = (stored.shape[1], stored.shape[0])
    path = make_clip(tmp_path / "r.mp4", size=size, frames=2, paint=lambda _: stored, rotation=rotation)
    seen = first_frame(path)
    assert seen.shape == upright.shape
    assert difference(seen, upright) <= 60 and np.abs(seen.astype(int) - upright).mean() < 3


def test_pixel_aspect_gives_square_pixels(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "par.mp4", size=(96, 64), frames=2, aspect=Fraction(16, 11))
    info = SourceSpec("file", str(path)).open().info
    assert (info.width, info.height) == (140, 64)


@pytest.mark.parametrize("size", [(97, 65), (33, 17), (1, 1), (2, 3)])
def test_odd_and_tiny_outputs(tmp_path: Path, size: tuple[int, int]) -> None:
    path = make_clip(tmp_path / "odd.mp4", size=(96, 64), frames=2)
    for resize in ("crop", "letterbox", "stretch"):
        pixels = first_frame(path, size, resize)
        assert pixels.shape == (size[1], size[0], 3)
        assert abs(int(pixels[size[1] // 2, size[0] // 2, 0]) - 40) <= 3


def test_a_change_of_size_in_the_middle_is_followed() -> None:
    resizer = Resizer(40, 40, "crop")
    out = np.empty((40, 40, 3), np.uint8)
    for size, value in (((96, 64), 200), ((31, 77), 90), ((96, 64), 10)):
        pixels = np.full((size[1], size[0], 3), value, np.uint8)
        resizer.convert(Picture(av.VideoFrame.from_ndarray(pixels, format="rgb24")), out)
        assert (out == value).all()
