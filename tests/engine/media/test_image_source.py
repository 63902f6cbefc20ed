"""IMAGE batches and folders of images."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from livestyle.engine.errors import MediaError
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import Trim


def batch(count: int = 6, size: tuple[int, int] = (31, 17), channels: int = 3) -> np.ndarray:
    levels = np.arange(count, dtype=np.float32)[:, None, None, None] / 10
    return np.broadcast_to(levels, (count, size[1], size[0], channels)).copy()


@pytest.mark.parametrize("channels", [3, 4])
def test_a_batch_comes_back_as_it_is(channels: int) -> None:
    images = batch(channels=channels)
    images[2, 3, 4, :3] = (1.7, -0.3, float("nan"))
    for payload in (images, torch.from_numpy(images)):
        source = SourceSpec("images", payload=payload, fps=12.0).open()
        assert (source.info.width, source.info.height, source.info.frames) == (31, 17, 6)
        assert source.info.fps == 12 and source.info.duration == 0.5 and source.audio is None
        frames = source.read(10)
        assert frames.pts == tuple(Fraction(index, 12) for index in range(6))
        expected = (np.nan_to_num(images[..., :3]).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        assert (frames.pixels == expected).all()
        assert source.read(10) is None


class Elsewhere(torch.Tensor):
    """Like a tensor on a graphics card: NumPy can't have it as it is."""

    def __array__(self, *arguments: object, **options: object) -> np.ndarray:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


def test_a_batch_on_another_device() -> None:
    images = batch(count=2)
    frames = SourceSpec("images", payload=torch.from_numpy(images).as_subclass(Elsewhere)).open().read(2)
    assert (frames.pixels == (images * 255 + 0.5).astype(np.uint8)).all()


def test_trims_and_sizes_of_a_batch() -> None:
    trim = Trim(start=0.2, duration=0.3, every_nth=2)
    source = SourceSpec("images", payload=batch(), trim=trim, fps=10.0).open()
    source.start(16, 16, "stretch")
    assert source.info.frames == 2
    frames = source.read(9)
    assert frames.pixels.shape == (2, 16, 16, 3)
    assert [int(value) for value in frames.pixels[:, 8, 8, 0]] == [51, 102]


def test_nothing_to_read() -> None:
    with pytest.raises(MediaError, match="IMAGE input holds no images"):
        SourceSpec("images", payload=batch(0)).open()
    with pytest.raises(MediaError, match="set fps above 0"):
        SourceSpec("images", payload=batch(), fps=0.0).open()
    with pytest.raises(MediaError, match="after the trim"):
        SourceSpec("images", payload=batch(), trim=Trim(start=9)).open()


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tif"])
def test_a_folder_in_natural_order(tmp_path: Path, suffix: str) -> None:
    for number in (1, 2, 10, 9):
        Image.new("RGB", (40, 30), (number * 20, 100, 50)).save(
            tmp_path / f"frame{number}.{suffix}", quality=98
        )
    (tmp_path / "notes.txt").write_text("not an image")
    source = SourceSpec("sequence", str(tmp_path), fps=25.0).open()
    assert (source.info.width, source.info.height, source.info.frames) == (40, 30, 4)
    frames = source.read(9)
    assert frames.pts == tuple(Fraction(index, 25) for index in range(4))
    for pixels, number in zip(frames.pixels, (1, 2, 9, 10), strict=True):
        assert np.abs(pixels[15, 20].astype(int) - (number * 20, 100, 50)).max() <= 4


def test_sizes_may_differ_and_phones_turn_their_pictures(tmp_path: Path) -> None:
    upright = Image.new("RGB", (40, 60))
    upright.paste((255, 255, 255), (0, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # Stored turned; shown after a quarter turn clockwise.
    upright.rotate(90, expand=True).save(tmp_path / "1.jpg", exif=exif, quality=98)
    upright.resize((80, 120)).save(tmp_path / "2.png")
    source = SourceSpec("sequence", str(tmp_path)).open()
    assert (source.info.width, source.info.height) == (40, 60)
    for pixels in source.read(2).pixels:
        assert pixels[:15].min() > 240 and pixels[25:].max() < 15


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="not a folder"):
        SourceSpec("sequence", str(tmp_path / "gone")).open()
    with pytest.raises(MediaError, match="holds no images"):
        SourceSpec("sequence", str(tmp_path)).open()
    Image.new("RGB", (40, 30)).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    source = SourceSpec("sequence", str(tmp_path)).open()
    with pytest.raises(MediaError, match=r"2\.png") as caught:
        source.read(5)
    assert "\n" not in str(caught.value)
